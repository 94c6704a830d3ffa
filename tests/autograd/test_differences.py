import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd import array_namespace, grad, sigmoid
from refimpl.autograd.differences import central_difference, one_sided, ridders


def odd_even_network(x, steepness=8.0):
    """A relaxed sorting network: n layers of conditional swaps of neighbours."""
    xp = array_namespace(x)
    n = x.shape[-1]
    lanes = [x[..., i] for i in range(n)]
    for layer in range(n):
        for i in range(layer % 2, n - 1, 2):
            a, b = lanes[i], lanes[i + 1]
            s = sigmoid(steepness * (b - a))
            lanes[i], lanes[i + 1] = s * a + (1 - s) * b, (1 - s) * a + s * b
    return xp.stack(lanes, axis=-1)


def test_ridders_is_accurate_and_knows_its_error_on_a_sorting_network():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=7)
    errors, ratios = [], []
    for _ in range(60):
        x, v = rng.normal(size=7), rng.normal(size=7)

        def f(x):
            return array_namespace(x).sum(odd_even_network(x) * weights)

        exact = grad(f)(x) @ v
        value, error = ridders(f, x, v)
        errors.append(abs(value - exact) / abs(exact))
        ratios.append(abs(value - exact) / error)
    assert np.median(errors) < 1e-12
    assert max(errors) < 1e-9
    assert max(ratios) < 10


CLOSED_FORMS = {
    "sin": (np.sin, np.cos, -9, 9),
    "sin far from the origin": (np.sin, np.cos, 1e3, 1e5),
    "square of a large number": (np.square, lambda x: 2 * x, 1e3, 1e9),
    "exp": (np.exp, np.exp, -20, 20),
    "reciprocal near its pole": (np.reciprocal, lambda x: -1 / x**2, 1e-2, 1e-1),
    "log near the edge of its domain": (np.log, np.reciprocal, 1e-3, 1e-2),
    "steep sigmoid": (
        lambda x: (1 + np.tanh(150 * x)) / 2,
        lambda x: 75 / np.cosh(150 * x) ** 2,
        -0.02,
        0.02,
    ),
    "fast oscillation": (lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x), -1, 1),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
@given(st.floats(0, 1))
def test_the_error_bar_of_ridders_covers_the_error(name, where):
    f, derivative, low, high = CLOSED_FORMS[name]
    x = low + where * (high - low)
    value, error = ridders(f, x)
    assert abs(value - derivative(x)) <= 10 * error
    assert error <= 1e-8 * max(abs(derivative(x)), abs(f(x)))


@given(st.floats(1e4, 1e9))
def test_steps_grow_with_the_size_of_the_point(x):
    value, error = ridders(np.square, x)
    assert abs(value - 2 * x) <= 10 * error <= 1e-9 * x


def test_an_offset_of_a_million_shows_in_the_error_bar():
    value, error = ridders(lambda x: 1e6 + np.sin(x), 0.3)
    assert abs(value - np.cos(0.3)) <= 10 * error
    assert 1e-11 < error < 1e-6


def test_each_element_of_an_array_has_its_own_derivative_and_error():
    x, v = np.array([0.1, 3.0]), np.array([1.0, 10.0])
    value, error = ridders(lambda x: np.stack([np.exp(x), np.tanh(40 * x)]), x, v)
    exact = np.stack([np.exp(x) * v, 40 * v / np.cosh(40 * x) ** 2])
    assert value.shape == error.shape == (2, 2)
    assert np.all(np.abs(value - exact) <= 10 * error)


def test_a_kink_nearby_but_not_at_the_point_is_avoided():
    value, _ = ridders(lambda x: np.maximum(x, 0.0), 1e-4)
    assert value == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("error", [ValueError, ArithmeticError, np.linalg.LinAlgError])
def test_steps_out_of_the_domain_are_replaced_by_smaller_ones(error):
    def f(x):
        if x <= 0:
            raise error("outside")
        return np.sqrt(x)

    value, bar = ridders(f, 1e-3)
    assert abs(value - 0.5 / np.sqrt(1e-3)) <= 10 * bar < 1e-6
    assert one_sided(f, 1e-3, side=-1).value == pytest.approx(value, rel=1e-6)


def test_an_error_at_the_point_itself_is_passed_on():
    with pytest.raises(ValueError, match="at the point"):
        ridders(lambda x: (_ for _ in ()).throw(ValueError("at the point")), 1.0)


def test_without_a_derivative_from_both_sides_the_answer_is_nan_with_infinite_error():
    assert np.isnan(ridders(np.sqrt, 0.0).value)
    assert np.isinf(ridders(np.sqrt, 0.0).error)


def test_float32_functions_get_honest_error_bars():
    def f(x):
        return np.sin(np.float32(x))

    eps = float(np.finfo(np.float32).eps)
    for x in np.linspace(-3, 3, 50):
        value, error = ridders(f, x, eps=eps)
        assert abs(value - np.cos(x)) <= 10 * error < 0.1


def test_one_sided_derivatives_see_their_side_only():
    def f(x):
        return np.where(x > 1.0, 3 * (x - 1.0), np.sin(x - 1.0))

    right, left = one_sided(f, 1.0), one_sided(f, 1.0, side=-1)
    assert right.value == pytest.approx(3.0, abs=1e-9)
    assert left.value == pytest.approx(1.0, abs=1e-9)
    assert abs(left.value - 1.0) <= 10 * left.error


def test_a_scaled_direction_scales_the_derivative():
    x, v = np.array([0.3, -0.2]), np.array([1.0, 2.0])
    one = ridders(lambda x: np.prod(np.exp(x)), x, v).value
    assert ridders(lambda x: np.prod(np.exp(x)), x, 1e6 * v).value == pytest.approx(1e6 * one)
    assert central_difference(np.sum, x, v) == pytest.approx(3.0)


def test_the_zero_direction_has_derivative_zero():
    assert ridders(np.exp, np.ones(3), np.zeros(3)).value.tolist() == [0.0, 0.0, 0.0]


def test_the_inputs_are_not_modified():
    x = np.array([1.0, 2.0])

    def f(x):
        x *= 2
        return np.sum(x)

    ridders(f, x, np.ones(2))
    assert x.tolist() == [1.0, 2.0]


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="side 0: expected 1"):
        one_sided(np.abs, 0.0, side=0)
    with pytest.raises(TypeError, match=r"changes its shape: \(2,\) at x, \(1,\) next to it"):
        ridders(lambda x: np.zeros(2 if x == 0 else 1), 0.0)
