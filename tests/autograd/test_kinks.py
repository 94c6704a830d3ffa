import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd.kinks import arbitrate, classify, ties, widen

POINTS = 120


def draws(name):
    """Random points of a family: (function, point, direction, left and right derivative)."""
    rng = np.random.default_rng(list(name.encode()))
    for _ in range(POINTS):
        c, v = rng.normal(), rng.uniform(0.1, 2.0) * rng.choice([-1, 1])
        x, w = rng.normal(size=6), rng.normal(size=6)
        yield from FAMILIES[name][1](rng, c, v, x, w)


def softplus(rng, c, v, x, w):
    d = v / (1 + np.exp(-c))
    yield lambda t: np.logaddexp(0.0, t), c, v, d, d


def steep_sigmoid(rng, c, v, x, w):
    s = 10 ** rng.uniform(0, 3)
    d = v * s / 4 * (1 - np.tanh(s * c / 2)) * (1 + np.tanh(s * c / 2))
    yield lambda t: (1 + np.tanh(s * t / 2)) / 2, c, v, d, d


def steep_arctan(rng, c, v, x, w):
    s = 10 ** rng.uniform(0, 3)
    d = v * s / (1 + (s * c / 10) ** 2)
    yield lambda t: np.arctan(s * t), c / 10, v, d, d


def relu_off(rng, c, v, x, w):
    off = rng.choice([-1, 1]) * 10 ** rng.uniform(-3, 0)
    d = v * (off > 0)
    yield lambda t: np.maximum(t - c, 0.0), c + off, v, d, d


def relu_at(rng, c, v, x, w):
    yield lambda t: np.maximum(t - c, 0.0), c, v, min(v, 0.0), max(v, 0.0)


def sort_tie(rng, c, v, x, w):
    x[4] = x[1]
    u = rng.normal(size=6)

    def one_sided(side):  # ties sort by where they are going
        return u[np.lexsort((side * u, x))] @ w

    yield lambda t: np.sort(t) @ w, x, u, one_sided(-1), one_sided(1)


def max_tie(rng, c, v, x, w):
    x[[0, 3]] = x.max() + 1
    yield np.max, x, w, min(w[0], w[3]), max(w[0], w[3])


def small_abs(rng, c, v, x, w):
    a = 1e-3 * abs(v)
    yield lambda t: 1e-3 * np.abs(t - c) + np.sin(t), c, v, np.cos(c) * v - a, np.cos(c) * v + a


def root_of_abs(rng, c, v, x, w):
    yield lambda t: np.sqrt(np.abs(t - c)), c, v, None, None


def cube_root(rng, c, v, x, w):
    yield lambda t: np.cbrt(t - c), c, v, None, None


def step(rng, c, v, x, w):
    yield lambda t: np.where(t > c, 1.0, 0.0), c, v, None, None
    yield lambda t: np.where(t >= c, 1.0, 0.0), c, v, None, None


def x_abs_x(rng, c, v, x, w):
    yield lambda t: (t - c) * np.abs(t - c), c, v, 0.0, 0.0


def offset(rng, c, v, x, w):
    d = np.cos(x) @ w
    yield lambda t: 1e6 + np.sum(np.sin(t)), x, w, d, d


def offset_relu(rng, c, v, x, w):
    yield lambda t: 1e6 + np.maximum(t - c, 0.0), c, v, min(v, 0.0), max(v, 0.0)


FAMILIES = {
    f.__name__: (kind, f)
    for kind, families in {
        "smooth": (softplus, steep_sigmoid, steep_arctan, relu_off, x_abs_x, offset),
        "kink": (relu_at, sort_tie, max_tie, small_abs, offset_relu),
        "singular": (root_of_abs, cube_root, step),
    }.items()
    for f in families
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_point_of_a_family_gets_the_right_verdict(name):
    kind = FAMILIES[name][0]
    assert [(x, v) for f, x, v, *_ in draws(name) if classify(f, x, v).kind != kind] == []


@pytest.mark.parametrize("name", [n for n, (kind, _) in FAMILIES.items() if kind != "singular"])
def test_left_and_right_derivatives_are_right_to_their_error_bars(name):
    for f, x, v, left, right in draws(name):
        verdict = classify(f, x, v)
        assert abs(verdict.left - left) <= 10 * verdict.left_error + 1e-12
        assert abs(verdict.right - right) <= 10 * verdict.right_error + 1e-12


@pytest.mark.parametrize("name", ["softplus", "steep_arctan", "relu_off", "offset"])
def test_a_smooth_point_has_one_derivative(name):
    for f, x, v, exact, _ in draws(name):
        verdict = classify(f, x, v)
        assert verdict.admits(exact)
        assert not verdict.admits(exact + 1e-3)


def test_at_a_kink_every_derivative_between_the_two_is_admitted():
    for f, x, v, left, right in draws("relu_at"):
        verdict = classify(f, x, v)
        low, high = min(left, right), max(left, right)
        assert all(verdict.admits(low + share * (high - low)) for share in (0, 0.5, 1))
        assert not verdict.admits(low - 0.01)
        assert not verdict.admits(high + 0.01)
        assert np.isnan(verdict.value)


def test_at_a_singular_point_nothing_can_be_refused():
    assert classify(np.cbrt, 0.0).admits(12.0)


def test_smooth_points_of_float32_functions_are_not_taken_for_kinks():
    eps = float(np.finfo(np.float32).eps)
    kinds = [classify(lambda t: np.sin(np.float32(t)), x, eps=eps).kind for x in np.linspace(1, 3)]
    assert set(kinds) == {"smooth"}


def test_pieces_beside_those_along_the_direction_widen_the_interval():
    def middle(x):
        return np.sort(x)[1]

    x, v = np.array([5.0, 5.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0, 7.0])
    verdict = classify(middle, x, v)
    assert verdict.kind == "smooth"
    wider = widen(verdict, middle, x, v)
    assert wider.kind == "kink"
    assert (wider.low, wider.high) == (pytest.approx(1.0, abs=1e-3), pytest.approx(3.0, abs=1e-3))
    assert arbitrate(middle, x, v, {"stable": 1.0, "wrong": 7.0}).agrees == {
        "stable": True,
        "wrong": False,
    }


def test_more_pieces_than_points_to_find_them_are_all_admitted():
    rng = np.random.default_rng(4)
    weights, x, v = rng.normal(size=9), np.ones(9), rng.normal(size=9)

    def f(x):
        return np.sort(x) @ weights

    wider = widen(classify(f, x, v), f, x, v)
    slopes = [weights[rng.permutation(9)] @ v for _ in range(2000)]
    assert np.all(wider.admits(np.array(slopes)))
    assert not wider.admits(100.0)


@pytest.mark.parametrize("name", ["softplus", "steep_arctan", "relu_off", "x_abs_x", "offset"])
def test_smooth_points_are_not_widened(name):
    for f, x, v, *_ in itertools.islice(draws(name), 30):
        verdict = classify(f, x, v)
        wider = widen(verdict, f, x, v)
        assert (wider.low, wider.high) == (verdict.low, verdict.high)


def test_singular_points_are_not_widened():
    assert widen(classify(np.cbrt, 0.0), np.cbrt, 0.0).kind == "singular"


def test_verdicts_are_given_element_by_element():
    verdict = classify(lambda x: np.stack([np.abs(x), np.sin(x), np.cbrt(x)]), 0.0)
    assert verdict.kinds.tolist() == ["kink", "smooth", "singular"]
    assert verdict.kind == "singular"
    assert verdict.value[1] == pytest.approx(1.0)
    assert str(verdict) == "differences at 3 elements: 1 smooth, 1 kink, 1 singular"


def test_at_the_edge_of_the_domain_the_inner_side_decides():
    verdict = classify(lambda x: x * np.sqrt(x), 0.0)
    assert verdict.kind == "smooth"
    assert abs(verdict.value) <= 10 * verdict.error < 0.01
    assert np.isnan(verdict.left)
    assert classify(np.sqrt, 0.0).kind == "singular"
    assert classify(lambda x: np.nan * x, 0.0).kind == "singular"


def test_a_function_that_is_infinite_at_the_point_is_singular():
    assert classify(np.log, 0.0).kind == "singular"


def test_arbitration_names_who_agrees_with_the_differences():
    claims = {"spec": 0.0, "jax": 1.0, "broken": 2.0}
    verdict, agrees = arbitrate(np.abs, 0.0, 1.0, claims)
    assert verdict.kind == "kink"
    assert agrees == {"spec": True, "jax": True, "broken": False}
    text = str(arbitrate(np.abs, 0.0, 1.0, claims))
    assert text.startswith("differences: kink, admissible [-1, 1]")
    assert text.endswith("; spec and jax agree; broken disagrees")


def test_arbitration_gives_no_answer_at_a_singular_point():
    assert "nobody is right or wrong" in str(arbitrate(np.cbrt, 0.0, 1.0, {"a": 1.0}))


def test_arbitration_of_arrays_needs_every_element():
    x = np.array([1.0, 2.0])
    agrees = arbitrate(np.square, x, np.ones(2), {"right": 2 * x, "wrong": [2.0, 4.1]}).agrees
    assert agrees == {"right": True, "wrong": False}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.integers(0, 1))
def test_ties_are_the_pairs_of_equal_neighbours_in_sorted_order(values, axis):
    x = np.array([values, values], dtype=float)
    x[1] += 10
    found = ties(x if axis else x.T, axis)
    assert len(found) == 2 * (len(values) - len(set(values)))
    for tie in found:
        moved = x if axis else x.T
        assert moved[tie.first] == moved[tie.second] == tie.value
        assert tie.first != tie.second


def test_ties_may_be_near_and_infinite_but_not_nan():
    assert len(ties([1.0, 1.0 + 1e-9, 3.0], tolerance=1e-8)) == 1
    assert len(ties([np.inf, 1.0, np.inf])) == 1
    assert ties([np.nan, np.nan]) == []
    assert ties(3.0) == []
    assert ties(np.zeros((3, 0))) == []
    assert len(ties(np.zeros(1000), limit=7)) == 7
