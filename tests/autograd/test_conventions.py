"""Derivatives at kinks, ties and singular points: what docs/conventions.md promises."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace, grad, hessian, jacobian, vjp

INF, NAN = np.inf, np.nan


def slope(f, *points):
    """The derivatives of a function of numbers, as a list; f gets the namespace first."""
    with np.errstate(all="ignore"):
        g = grad(lambda *xs: f(array_namespace(*xs), *xs), argnums=range(len(points)))(*points)
    return [float(part) for part in g]


def gradient(f, x):
    with np.errstate(all="ignore"):
        return grad(lambda x: f(array_namespace(x), x))(np.asarray(x)).tolist()


# --- the minimum-norm subgradient ---------------------------------------------------------------


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_abs_and_relu_at_zero(zero):
    assert slope(lambda xp, x: xp.abs(x), zero) == [0.0]
    assert slope(lambda xp, x: ag.relu(x), zero) == [0.0]


def test_maximum_and_minimum_share_a_tie():
    for name in ("maximum", "minimum"):
        assert slope(lambda xp, x, y: getattr(xp, name)(x, y), 1.5, 1.5) == [0.5, 0.5]  # noqa: B023
        assert slope(lambda xp, x: getattr(xp, name)(x, 0.0), 0.0) == [0.5]  # noqa: B023
        assert slope(lambda xp, x: getattr(xp, name)(x, x), 2.0) == [1.0]  # noqa: B023
    assert slope(lambda xp, x, y: xp.maximum(x, y), 1.0, 2.0) == [0.0, 1.0]
    assert slope(lambda xp, x, y: xp.minimum(x, y), 1.0, 2.0) == [1.0, 0.0]
    assert slope(lambda xp, x, y: xp.maximum(x, y), INF, INF) == [0.5, 0.5]


@pytest.mark.parametrize("name", ["max", "min"])
def test_extrema_of_an_array_share_ties_equally(name):
    sign = 1.0 if name == "max" else -1.0
    extremum = lambda xp, x, **o: getattr(xp, name)(x, **o)  # noqa: E731
    assert gradient(lambda xp, x: extremum(xp, x), sign * np.array([1.0, 1.0, 0.0])) == [
        0.5,
        0.5,
        0,
    ]
    assert gradient(lambda xp, x: extremum(xp, x), np.ones(4)) == [0.25] * 4
    found = gradient(lambda xp, x: xp.sum(extremum(xp, x, axis=-1)),
                     sign * np.array([[1.0, 2.0, 2.0], [3.0, 0.0, 1.0]]))  # fmt: skip
    assert found == [[0, 0.5, 0.5], [1, 0, 0]]
    assert gradient(lambda xp, x: extremum(xp, x), [sign * INF, 0.0, sign * INF]) == [0.5, 0, 0.5]


def test_clip_to_numbers_is_flat_on_and_beyond_its_bounds():
    clip = lambda xp, x: xp.clip(x, 0.0, 1.0)  # noqa: E731
    assert [slope(clip, x)[0] for x in (-1.0, 0.0, 0.25, 1.0, 2.0)] == [0, 0, 1, 0, 0]
    assert slope(lambda xp, x: xp.clip(x, min=0.0), 0.0) == [0.0]
    assert slope(lambda xp, x: xp.clip(x, max=0.0), 0.0) == [0.0]
    assert slope(lambda xp, x: ag.clip(x, 0.0, 0.0), 0.0) == [0.0]


def test_clip_to_arrays_is_maximum_and_minimum():
    clip = lambda xp, x, a, b: ag.clip(x, a, b)  # noqa: E731
    assert slope(clip, 0.0, 0.0, 1.0) == [0.5, 0.5, 0.0]
    assert slope(clip, 1.0, 0.0, 1.0) == [0.5, 0.0, 0.5]
    assert slope(clip, 0.5, 0.0, 1.0) == [1.0, 0.0, 0.0]
    bounds = np.zeros(2)
    assert gradient(lambda xp, x: xp.sum(xp.clip(x, bounds, bounds + 1.0)), [0.0, 0.5]) == [0.5, 1]


def test_norms_and_spreads_at_zero():
    assert gradient(lambda xp, x: ag.vector_norm(x), np.zeros(3)) == [0, 0, 0]
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert gradient(lambda xp, x: xp.sum(ag.vector_norm(x, axis=-1)), rows) == [[0, 0], [0.6, 0.8]]
    assert slope(lambda xp, x, y: xp.hypot(x, y), 0.0, 0.0) == [0.0, 0.0]
    assert slope(lambda xp, x, y: xp.atan2(x, y), 0.0, 0.0) == [0.0, 0.0]
    assert slope(lambda xp, x, y: xp.atan2(x, y), 1.0, -INF) == [0.0, 0.0]


@pytest.mark.parametrize("c", [0.0, 1.0, 0.1, 1e10 + 0.1, 1e-300])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_the_spread_of_equal_numbers_has_no_slope(c, n):
    """Also where the rounded mean differs from the numbers, and the computed spread is not 0."""
    assert gradient(lambda xp, x: xp.std(x), np.full(n, c)) == [0.0] * n
    rows = np.stack([np.full(n, c), c + np.arange(float(n))])
    found = gradient(lambda xp, x: xp.sum(xp.std(x, axis=-1)), rows)
    assert found[0] == [0.0] * n


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_a_correction_that_leaves_no_degrees_of_freedom_is_nan():
    for name in ("var", "std"):
        f = lambda xp, x, name=name: getattr(xp, name)(x, correction=1)  # noqa: E731
        assert np.isnan(gradient(f, [2.0])).all()


def test_composed_norms_are_what_the_chain_rule_says():
    assert np.isnan(gradient(lambda xp, x: xp.sqrt(xp.sum(x * x)), np.zeros(2))).all()


# --- continuity, and infinite slopes ------------------------------------------------------------


def test_infinite_slopes():
    assert slope(lambda xp, x: xp.sqrt(x), 0.0) == [INF]
    assert slope(lambda xp, x: x**0.5, 0.0) == [INF]
    assert slope(lambda xp, x: xp.log(x), 0.0) == [INF]
    assert slope(lambda xp, x: xp.acos(x), 1.0) == [-INF]
    assert slope(lambda xp, x: xp.acos(x), -1.0) == [-INF]
    assert slope(lambda xp, x: xp.asin(x), 1.0) == [INF]
    assert slope(lambda xp, x: xp.acosh(x), 1.0) == [INF]
    assert slope(lambda xp, x: xp.atanh(x), 1.0) == [INF]
    assert slope(lambda xp, x: 1.0 / x, 0.0) == [-INF]
    assert slope(lambda xp, x: ag.logit(x), 0.0) == [INF]
    assert slope(lambda xp, x: ag.erfinv(x), 1.0) == [INF]
    assert slope(lambda xp, x: ag.ndtri(x), 0.0) == [INF]


def test_steps_are_flat():
    for name in ("floor", "ceil", "round", "sign", "trunc"):
        for x in (0.0, 1.0, 0.5, -2.5):
            assert slope(lambda xp, x, name=name: getattr(xp, name)(x), x) == [0.0]
    assert slope(lambda xp, x: x // 1.0, 2.0) == [0.0]


def test_removable_singularities():
    assert slope(lambda xp, x: ag.sinc(x), 0.0) == [0.0]
    second = grad(grad(ag.sinc))(0.0)
    assert second == pytest.approx(-(np.pi**2) / 3, rel=1e-15)


# --- powers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [0, 0.0])
def test_the_power_zero_is_constant(zero):
    assert slope(lambda xp, x: x**zero, 0.0) == [0.0]
    assert slope(lambda xp, x, p: x**p, 0.0, 0.0) == [0.0, 0.0]
    assert slope(lambda xp, x, p: x**p, -2.0, 0.0)[0] == 0.0


def test_powers_of_zero_do_not_depend_on_the_exponent():
    for p in (0.5, 1.0, 2.0):
        assert slope(lambda xp, p: 0.0**p, p) == [0.0]
        assert slope(lambda xp, x, p: x**p, 0.0, p)[1] == 0.0
    assert slope(lambda xp, x, p: x**p, 0.0, 2.0) == [0.0, 0.0]
    assert slope(lambda xp, x, p: x**p, 0.0, 1.0) == [1.0, 0.0]


def test_powers_of_negative_numbers():
    x, p = slope(lambda xp, x, p: x**p, -2.0, 3.0)
    assert x == 12.0
    assert np.isnan(p)
    assert slope(lambda xp, x: x**3, -2.0) == [12.0]
    assert slope(lambda xp, x: x**-1, -2.0) == [-0.25]


def test_second_derivatives_of_powers_at_zero():
    at_zero = [grad(grad(lambda x, p=p: x**p))(0.0) for p in (0, 1, 2, 3)]
    assert at_zero == [0.0, 0.0, 2.0, 0.0]
    with_array = lambda x: x ** np.asarray(2.0)  # noqa: E731
    assert grad(grad(with_array))(0.0) == 2.0


@pytest.mark.parametrize("x", [2.0, -2.0, 1e-200])
def test_the_slope_of_the_power_zero_depends_on_the_exponent(x):
    both = hessian(lambda v: v[0] ** v[1])(np.array([x, 0.0]))
    assert both[0].tolist() == [0.0, 1 / x]
    if x > 0:
        assert both[1, 0] == pytest.approx(1 / x)


# --- products with zeros ------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [2.0, 3.0, 4.0]])
def test_products_are_exact_at_zeros_at_every_order(x):
    a, b, c = x
    prod = lambda x: array_namespace(x).prod(x)  # noqa: E731
    assert grad(prod)(np.array(x)).tolist() == [b * c, a * c, a * b]
    assert hessian(prod)(np.array(x)).tolist() == [[0, c, b], [c, 0, a], [b, a, 0]]
    third = jacobian(hessian(prod))(np.array(x))
    assert third.sum() == 6.0
    assert third[0, 1, 2] == third[2, 1, 0] == 1.0


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [2.0, 3.0, 0.0]])
def test_running_products_are_exact_at_zeros_at_every_order(x):
    a, b, c = x
    scan = lambda x: array_namespace(x).cumulative_prod(x)  # noqa: E731
    assert jacobian(scan)(np.array(x)).tolist() == [[1, 0, 0], [b, a, 0], [b * c, a * c, a * b]]
    second = jacobian(jacobian(scan))(np.array(x))
    assert second[1].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert second[2].tolist() == [[0, c, b], [c, 0, a], [b, a, 0]]


# --- infinite entries ---------------------------------------------------------------------------


def test_logsumexp_and_softmax_with_minus_infinity():
    x = [-INF, 0.0, -INF, 0.0]
    assert gradient(lambda xp, x: ag.logsumexp(x), x) == [0, 0.5, 0, 0.5]
    assert gradient(lambda xp, x: ag.softmax(x)[1], x) == [0, 0.25, 0, -0.25]
    assert gradient(lambda xp, x: ag.log_softmax(x)[1], x) == [0, 0.5, 0, -0.5]


def test_logsumexp_of_nothing_but_minus_infinity():
    assert ag.logsumexp(np.full(3, -INF)) == -INF
    assert gradient(lambda xp, x: ag.logsumexp(x), np.full(3, -INF)) == [0, 0, 0]
    assert slope(lambda xp, x, y: xp.logaddexp(x, y), -INF, -INF) == [0.0, 0.0]
    assert slope(lambda xp, x, y: xp.logaddexp(x, y), -INF, 1.0) == [0.0, 1.0]
    rows = np.array([[-INF, -INF], [0.0, 0.0]])
    assert gradient(lambda xp, x: ag.logsumexp(x[1]) + ag.logsumexp(x[0]), rows) == [
        [0, 0],
        [0.5, 0.5],
    ]


@pytest.mark.parametrize("x", [[-INF, -INF], [-INF, 0.0], [0.0, -INF], [0.0, 0.0]])
def test_second_derivatives_with_minus_infinity(x):
    pair = lambda x: array_namespace(x).logaddexp(x[0], x[1])  # noqa: E731
    expected = [[0.25, -0.25], [-0.25, 0.25]] if x == [0.0, 0.0] else [[0, 0], [0, 0]]
    with np.errstate(all="ignore"):
        for f in (ag.logsumexp, pair):
            assert hessian(f)(np.array(x)).tolist() == expected


def test_xlogy_at_zero():
    assert ag.xlogy(0.0, np.array([0.0, 1.0])).tolist() == [0.0, 0.0]
    assert slope(lambda xp, x, y: ag.xlogy(x, y), 0.0, 2.0) == [pytest.approx(np.log(2.0)), 0.0]
    assert slope(lambda xp, y: ag.xlogy(0.0, y), 0.0) == [0.0]


# --- sorting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", [False, True])
def test_sorting_equal_keys_follows_the_stable_permutation(descending):
    x = np.array([2.0, 1.0, 2.0, 1.0])
    order = [0, 2, 1, 3] if descending else [1, 3, 0, 2]
    assert ag.argsort(x, descending=descending).tolist() == order
    matrix = jacobian(lambda x: ag.sort(x, descending=descending))(x)
    assert matrix.tolist() == np.eye(4)[order].tolist()


def test_topk_takes_the_first_of_equal_entries():
    values, positions = ag.topk(np.array([1.0, 3.0, 3.0, 2.0]), 2)
    assert (values.tolist(), positions.tolist()) == ([3, 3], [1, 2])
    assert gradient(lambda xp, x: ag.topk(x, 1)[0][0], [1.0, 3.0, 3.0]) == [0, 1, 0]


@pytest.mark.parametrize("descending", [False, True])
def test_nan_sorts_last_in_both_directions(descending):
    x = np.array([NAN, 1.0, 2.0])
    assert ag.argsort(x, descending=descending).tolist()[-1] == 0


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
def test_descending_order_of_whole_numbers(dtype):
    x = np.array([0, 1, 0, 1]).astype(dtype)
    assert ag.argsort(x, descending=True).tolist() == [1, 3, 0, 2]
    low = np.array([np.iinfo(np.int64).min, 0, 5])
    assert ag.argsort(low, descending=True).tolist() == [2, 1, 0]


# --- linear algebra -----------------------------------------------------------------------------


def test_eigenvalues_have_a_gradient_where_they_coincide_and_eigenvectors_have_not():
    with np.errstate(all="ignore"):
        _, pull = vjp(lambda a: array_namespace(a).linalg.eigvalsh(a), np.eye(2))
        assert pull(np.array([1.0, 1.0]))[0].tolist() == [[1, 0], [0, 1]]
        _, pull = vjp(lambda a: array_namespace(a).linalg.eigh(a)[1], np.eye(2))
        assert not np.isfinite(pull(np.ones((2, 2)))[0]).all()


def test_gradients_of_symmetric_functions_are_symmetric():
    a = np.array([[2.0, 0.5], [0.5, 1.0]])
    for f in (
        lambda xp, a: xp.linalg.cholesky(a)[1, 0],
        lambda xp, a: xp.linalg.cholesky(a, upper=True)[0, 1],
        lambda xp, a: xp.linalg.eigvalsh(a)[0],
    ):
        g = np.array(gradient(f, a))
        np.testing.assert_allclose(g, g.T, rtol=0, atol=1e-15)
    lower, upper = (
        gradient(lambda xp, a, u=u: xp.sum(xp.linalg.cholesky(a, upper=u)), a)
        for u in (False, True)
    )
    np.testing.assert_allclose(lower, upper, rtol=1e-14)


def test_determinants_are_not_differentiated_at_singular_matrices():
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        gradient(lambda xp, a: xp.linalg.det(a), np.zeros((2, 2)))


# --- the where trap -----------------------------------------------------------------------------


def test_the_unselected_branch_of_where_spoils_the_gradient():
    trap = lambda xp, x: xp.where(x > 0.0, xp.sqrt(x), 0.0)  # noqa: E731
    assert np.isnan(slope(trap, 0.0)[0])
    assert np.isnan(slope(lambda xp, x: xp.where(x > 0.0, xp.log(x) * x, 0.0), 0.0)[0])


def test_the_double_where_does_not():
    def safe(xp, x):
        inside = xp.where(x > 0.0, x, 1.0)
        return xp.where(x > 0.0, xp.sqrt(inside), 0.0)

    assert slope(safe, 0.0) == [0.0]
    assert slope(safe, 4.0) == [0.25]


# --- NaN and infinity go through ----------------------------------------------------------------


def test_nan_in_one_row_stays_in_that_row():
    x = np.array([[NAN, 1.0], [2.0, 3.0]])
    for f in (
        lambda xp, x: xp.sum(xp.max(x, axis=-1)),
        lambda xp, x: xp.sum(ag.logsumexp(x, axis=-1)),
        lambda xp, x: xp.sum(ag.softmax(x, axis=-1) ** 2),
        lambda xp, x: xp.sum(xp.prod(x, axis=-1)),
        lambda xp, x: xp.sum(xp.std(x, axis=-1)),
        lambda xp, x: xp.sum(ag.sort(x, axis=-1) ** 2),
    ):
        assert np.isfinite(gradient(f, x)[1]).all()


def test_whole_functions_at_infinity():
    assert slope(lambda xp, x: xp.tanh(x), INF) == [0.0]
    assert slope(lambda xp, x: ag.sigmoid(x), -INF) == [0.0]
    assert slope(lambda xp, x: ag.softplus(x), INF) == [1.0]
    assert slope(lambda xp, x: xp.atan(x), INF) == [0.0]
    assert slope(lambda xp, x: ag.ndtr(x), -INF) == [0.0]


# --- second order -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda xp, x: xp.sum(xp.abs(x)), [0.0, 1.0]),
        (lambda xp, x: xp.sum(ag.relu(x)), [0.0, 1.0]),
        (lambda xp, x: xp.maximum(x[0], x[1]), [1.0, 1.0]),
        (lambda xp, x: xp.max(x), [1.0, 1.0]),
        (lambda xp, x: xp.sum(xp.clip(x, 0.0, 1.0)), [0.0, 1.0]),
        (lambda xp, x: ag.vector_norm(x), [0.0, 0.0]),
        (lambda xp, x: xp.hypot(x[0], x[1]), [0.0, 0.0]),
        (lambda xp, x: xp.atan2(x[0], x[1]), [0.0, 0.0]),
        (lambda xp, x: xp.std(x), [2.0, 2.0]),
        (lambda xp, x: xp.sum(ag.sort(x)), [1.0, 1.0]),
    ],
)
def test_second_derivatives_are_zero_where_the_first_is_a_convention(f, x):
    found = hessian(lambda x: f(array_namespace(x), x))(np.array(x))
    np.testing.assert_array_equal(found, np.zeros((2, 2)))


def test_topk_of_long_axes_equals_a_full_sort_with_ties_nan_and_infinities():
    rng = np.random.default_rng(0)
    for x in (
        rng.normal(size=(3, 40)),
        rng.integers(0, 6, size=(5, 40)).astype(float),
        np.where(rng.uniform(size=(4, 40)) < 0.1, np.nan, rng.normal(size=(4, 40))),
        np.where(rng.uniform(size=(4, 40)) < 0.5, -np.inf, rng.normal(size=(4, 40))),
    ):
        values, positions = ag.topk(x, 3)
        wanted = ag.argsort(x, descending=True)[..., :3]
        np.testing.assert_array_equal(positions, wanted)
        np.testing.assert_array_equal(values, np.take_along_axis(x, wanted, axis=-1))
