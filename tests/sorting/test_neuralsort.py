"""NeuralSort, SoftSort and straight-through rounding: what they promise, and what they do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.softsort import soft_sort
from refimpl.sorting.straight_through import straight_through

SORTS = [neural_sort, soft_sort]
both = pytest.mark.parametrize("sort", SORTS, ids=lambda f: f.__name__)
X = np.array([0.3, -1.1, 2.0, 0.9, -0.2])


def distinct(rng, *shape):
    places = rng.permuted(np.broadcast_to(np.arange(float(shape[-1])), shape), axis=-1)
    return places + rng.uniform(-0.3, 0.3, shape)


@st.composite
def samples(draw):
    """Distinct scores with any batch axes, a temperature, and a direction."""
    batch = draw(st.sampled_from([(), (3,), (2, 1, 3), (0,)]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    options = {"temperature": draw(st.floats(0.01, 30)), "descending": draw(st.booleans())}
    return distinct(rng, *batch, draw(st.integers(1, 9))), options


def test_neural_sort_is_its_formula():
    n, tau = len(X), 0.7
    P = np.zeros((n, n))
    for j in range(n):
        z = [((2 * j + 1 - n) * X[i] - sum(abs(X[i] - x) for x in X)) / tau for i in range(n)]
        P[:, j] = np.exp(z) / np.sum(np.exp(z))
    np.testing.assert_allclose(neural_sort(X, temperature=tau), P, rtol=1e-12)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_soft_sort_is_its_formula(power):
    P = np.zeros((len(X), len(X)))
    for j, value in enumerate(sorted(X)):
        weights = np.exp(-(np.abs(value - X) ** power) / 0.4)
        P[:, j] = weights / np.sum(weights)
    np.testing.assert_allclose(soft_sort(X, temperature=0.4, power=power), P, rtol=1e-12)


@both
@given(samples())
@settings(max_examples=30)
def test_columns_are_distributions_with_the_right_input_on_top(sort, sample):
    x, options = sample
    P = sort(x, **options)
    assert P.shape == (*x.shape, x.shape[-1])
    assert np.all(P >= 0)
    np.testing.assert_allclose(np.sum(P, axis=-2), 1.0, atol=1e-13)
    order = np.argsort(-x if options["descending"] else x, axis=-1)
    at_right = np.take_along_axis(P, order[..., None, :], axis=-2)[..., 0, :]
    np.testing.assert_allclose(at_right, np.max(P, axis=-2), rtol=1e-9)


@both
def test_rows_do_not_sum_to_one(sort):
    rows = np.sum(sort(X), axis=-1)
    assert np.max(np.abs(rows - 1)) > 0.1
    assert np.isclose(np.sum(rows), len(X))


@both
@given(samples())
@settings(max_examples=20)
def test_small_temperatures_sort_exactly(sort, sample):
    x, options = sample
    P = sort(x, **options | {"temperature": 1e-6})
    hard = hard_permutation(x, descending=options["descending"])
    np.testing.assert_allclose(P, hard, atol=1e-12)
    values = np.sort(x, axis=-1)
    values = np.flip(values, axis=-1) if options["descending"] else values
    np.testing.assert_allclose(np.squeeze(x[..., None, :] @ P, axis=-2), values, atol=1e-9)


@both
def test_large_temperatures_forget_the_scores(sort):
    np.testing.assert_allclose(sort(X, temperature=1e9), 1 / len(X), rtol=1e-7)


@both
@given(samples(), st.integers(0, 100))
@settings(max_examples=20)
def test_equivariance_and_invariances(sort, sample, seed):
    x, options = sample
    P = sort(x, **options)
    order = np.random.default_rng(seed).permutation(x.shape[-1])
    close = {"rtol": 1e-8, "atol": 1e-12}
    np.testing.assert_allclose(sort(x[..., order], **options), P[..., order, :], **close)
    np.testing.assert_allclose(sort(x + 8.0, **options), P, **close)
    scaled = options | {"temperature": 2 * options["temperature"]}
    np.testing.assert_allclose(sort(2 * x, **scaled), P, **close)
    turned = options | {"descending": not options["descending"]}
    np.testing.assert_allclose(sort(x, **turned), np.flip(P, axis=-1), **close)
    np.testing.assert_allclose(sort(-x, **turned), P, **close)


def test_soft_sort_scales_with_its_power():
    P = soft_sort(X, temperature=0.5, power=3.0)
    np.testing.assert_allclose(soft_sort(2 * X, temperature=4.0, power=3.0), P, rtol=1e-12)


@both
def test_ties_share_their_positions(sort):
    P = sort([1.0, 0.0, 1.0], temperature=0.3)
    np.testing.assert_array_equal(P[0], P[2])
    if sort is soft_sort:
        np.testing.assert_array_equal(P[:, 1], P[:, 2])


def test_neural_sort_takes_zero_for_the_derivative_of_a_tied_distance():
    x, g = np.array([1.0, 1.0, 0.0]), np.arange(9.0).reshape(3, 3)
    slope = ag.vjp(neural_sort, x)[1](g)[0]
    sides = [ag.vjp(neural_sort, x + d * np.eye(3)[0])[1](g)[0] for d in (-1e-9, 1e-9)]
    np.testing.assert_allclose(slope, np.mean(sides, axis=0), rtol=1e-6)


@both
@pytest.mark.parametrize("descending", [False, True])
def test_gradients_are_derivatives(sort, descending):
    x = distinct(np.random.default_rng(0), 2, 4)
    options = {"temperature": 0.9, "descending": descending}
    check_grads(lambda x: sort(x, **options), x, order=2).raise_if_failed()


@pytest.mark.parametrize("power", [0.5, 0.9, 1.2, 1.5, 2.0, 2.5])
def test_soft_sort_has_the_derivative_for_every_power(power):
    x = distinct(np.random.default_rng(1), 2, 4)
    check_grads(lambda x: soft_sort(x, power=power), x, order=2).raise_if_failed()


@both
def test_float32_is_kept_and_survives_a_large_offset(sort):
    x = np.float32(X)
    P, pull = ag.vjp(sort, x)
    assert P.dtype == pull(P)[0].dtype == np.float32
    np.testing.assert_allclose(P, sort(X), rtol=1e-5, atol=1e-7)
    whole = np.array([3.0, 1.0, 2.0])
    shifted = sort(np.float32(whole + 2**20))
    np.testing.assert_allclose(shifted, sort(whole), rtol=1e-5)


@both
def test_far_scores_saturate_without_nan(sort):
    x = np.array([3e4, -1e5, 0.0])
    P, pull = ag.vjp(lambda x: sort(x, temperature=1e-3), x)
    np.testing.assert_array_equal(P, hard_permutation(x))
    np.testing.assert_array_equal(pull(np.arange(9.0).reshape(3, 3))[0], 0.0)


@both
def test_one_value_and_none(sort):
    np.testing.assert_array_equal(sort([[2.0], [3.0]]), np.ones((2, 1, 1)))
    with pytest.raises(ValueError, match=r"x: expected at least one value to sort, got shape \(2,"):
        sort(np.zeros((2, 0)))


@both
def test_nan_stays_in_its_sample(sort):
    P = sort(np.array([[1.0, np.nan, 2.0], [3.0, 1.0, 2.0]]))
    assert np.all(np.isnan(P[0]))
    np.testing.assert_array_equal(P[1], sort([3.0, 1.0, 2.0]))


@both
def test_bad_arguments_are_named(sort):
    with pytest.raises(ValueError, match=r"temperature: .*got 0"):
        sort(X, temperature=0)
    with pytest.raises(TypeError, match=r"x: expected real numbers.*complex"):
        sort(np.ones(3) * 1j)
    with pytest.raises(ValueError, match=r"power: .*got -1"):
        soft_sort(X, power=-1.0)


@both
@given(samples())
@settings(max_examples=20)
def test_hard_is_the_exact_permutation_with_the_soft_gradient(sort, sample):
    x, options = sample
    Q, pull = ag.vjp(lambda x: sort(x, hard=True, **options), x)
    np.testing.assert_array_equal(Q, hard_permutation(x, descending=options["descending"]))
    g = np.random.default_rng(0).normal(size=Q.shape)
    soft = ag.vjp(lambda x: sort(x, **options), x)[1](g)[0]
    np.testing.assert_allclose(pull(g)[0], soft, rtol=1e-12, atol=1e-300)


def test_rounding_per_input_can_give_two_inputs_one_position():
    P = neural_sort([0.0, 0.1, 5.0], temperature=4.0)
    np.testing.assert_array_equal(straight_through(P), np.eye(3))
    collided = straight_through(P, per="input")
    np.testing.assert_array_equal(np.sum(collided, axis=-1), 1.0)
    assert np.max(np.sum(collided, axis=0)) == 2.0


def test_straight_through_errors():
    with pytest.raises(ValueError, match=r"per: expected one of position, input; got 'row'"):
        straight_through(np.eye(2), per="row")
    with pytest.raises(ValueError, match=r"P: expected something to choose from.*\(0, 2\)"):
        straight_through(np.zeros((0, 2)))
