"""Fast soft sort."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.fast_sort import fast_soft_sort
from refimpl.sorting.soft_rank import fast_soft_rank
from refimpl.spec import find

RNG = np.random.default_rng(0)
KINDS = ("l2", "kl")
DIRECTIONS = (False, True)
both = pytest.mark.parametrize("regularization", KINDS)
directions = pytest.mark.parametrize("descending", DIRECTIONS)


def exact(x, descending=False):
    return -np.sort(-x, axis=-1) if descending else np.sort(x, axis=-1)


@both
@directions
def test_the_limits_of_the_strength_are_the_sort_and_the_mean(regularization, descending):
    x = RNG.normal(size=(4, 9))
    options = {"regularization": regularization, "descending": descending}
    for strength in (0.0, 1e-12, 1e-6):
        y = fast_soft_sort(x, strength=strength, **options)
        np.testing.assert_array_equal(y, exact(x, descending))
    mean = x.mean(axis=-1, keepdims=True)
    if regularization == "kl":
        sign = 1 if descending else -1
        mean = sign * np.log(np.mean(np.exp(sign * x), axis=-1, keepdims=True))
    for strength, atol in ((1e9, 1e-7), (np.inf, 1e-14)):
        y = fast_soft_sort(x, strength=strength, **options)
        np.testing.assert_allclose(y, np.broadcast_to(mean, x.shape), atol=atol)


@directions
def test_l2_is_exact_up_to_the_inverse_of_the_largest_gap(descending):
    x = np.array([0.0, 0.5, 3.0, 2.0])  # largest gap 1.5
    expected = exact(x, descending)
    near = fast_soft_sort(x, strength=1 / 1.5001, descending=descending)
    np.testing.assert_array_equal(near, expected)
    assert not np.allclose(fast_soft_sort(x, strength=1 / 1.49, descending=descending), expected)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.sampled_from([0.01, 1.0, 30.0]),
    st.sampled_from(KINDS),
    st.sampled_from(DIRECTIONS),
)
def test_the_result_is_ordered_keeps_its_sum_and_knows_no_order(
    seed, n, strength, regularization, descending
):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, n)) * 3
    options = {"strength": strength, "regularization": regularization, "descending": descending}
    y = fast_soft_sort(x, **options)
    assert np.all(np.diff(y) * (-1 if descending else 1) >= -1e-12 * n / strength)
    order = rng.permutation(n)
    np.testing.assert_allclose(fast_soft_sort(x[:, order], **options), y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fast_soft_sort(x + 4.0, **options), y + 4.0, rtol=1e-11, atol=1e-11)
    if regularization == "l2":
        np.testing.assert_allclose(y.sum(axis=-1), x.sum(axis=-1), rtol=1e-11, atol=1e-10)
    else:
        sign = 1 if descending else -1
        kept = [np.logaddexp.reduce(sign * a, axis=-1) for a in (x, y)]
        np.testing.assert_allclose(*kept, rtol=1e-11, atol=1e-11)


@both
@directions
@pytest.mark.parametrize("shape", [(1,), (6,), (2, 1, 3, 5)])
def test_derivatives_are_those_of_differences(regularization, descending, shape):
    x = RNG.normal(size=shape)
    options = {"strength": 1.3, "regularization": regularization, "descending": descending}
    report = check_grads(lambda x: fast_soft_sort(x, **options), (x,), order=2)
    assert report.ok, report


@both
@directions
def test_gradients_of_sorted_values_are_not_negative_and_sum_to_one(regularization, descending):
    """Every value is moved up by growing inputs, and by c if all inputs grow by c."""
    options = {"strength": 2.0, "regularization": regularization, "descending": descending}
    J = ag.jacobian(lambda x: fast_soft_sort(x, **options))(RNG.normal(size=12))
    assert J.min() >= 0
    np.testing.assert_allclose(J.sum(axis=1), 1.0, rtol=1e-13)


@directions
def test_of_equal_values_the_first_is_the_first(descending):
    x = np.array([1.0, 0.0, 1.0, 3.0])
    _, pull = ag.vjp(lambda x: fast_soft_sort(x, strength=0.01, descending=descending), x)
    position = np.argsort(-x if descending else x, stable=True)
    gradient = pull(np.array([1.0, 2.0, 3.0, 4.0]))[0]
    np.testing.assert_array_equal(gradient[position], [1.0, 2.0, 3.0, 4.0])


def test_the_wrong_gradient_of_fast_soft_sort_is_known_and_not_ours():
    """Recorded from commit 6a52ce7 (SoftSort, kl, ascending, strength 3): not the derivative."""
    x = np.array([-0.11209916, -1.81249496, -0.18948085, -0.24718344, -2.40243128])
    cotangent = np.array([1.26481929, -0.93429782, 1.00264826, 1.20953322, 0.89785136])
    recorded = np.array([0.31694707, 0.86155146, 0.44233527, 0.6173286, 1.20239192])
    options = {"strength": 3.0, "regularization": "kl"}
    value, pull = ag.vjp(lambda x: fast_soft_sort(x, **options), x)
    (ours,) = pull(cotangent)
    assert np.max(np.abs(ours - recorded)) > 0.1
    assert check_grads(lambda x: fast_soft_sort(x, **options), (x,)).ok
    variant = find("sorting.fast_soft_sort").variants[
        "softmax over rho / strength (fast-soft-sort)"
    ]
    same, pull = ag.vjp(lambda x: variant(x, **options), x)
    np.testing.assert_array_equal(same, value)
    np.testing.assert_allclose(pull(cotangent)[0], recorded, rtol=1e-7)


@both
@directions
def test_float32_is_kept(regularization, descending):
    x = RNG.normal(size=(3, 50))
    options = {"strength": 3.0, "regularization": regularization, "descending": descending}
    y, pull = ag.vjp(lambda x: fast_soft_sort(x, **options), x.astype(np.float32))
    g = pull(y)[0]
    assert (y.dtype, g.dtype) == (np.float32, np.float32)
    expected, pull = ag.vjp(lambda x: fast_soft_sort(x, **options), x)
    np.testing.assert_allclose(y, expected, atol=2e-5)
    slope = pull(expected)[0]
    np.testing.assert_allclose(g, slope, atol=2e-5 * np.abs(slope).max())


@both
def test_batches_of_any_rank_and_none_at_all(regularization):
    x = RNG.normal(size=(2, 1, 3, 5))
    y = fast_soft_sort(x, regularization=regularization)
    for index in np.ndindex(2, 1, 3):
        one = fast_soft_sort(x[index], regularization=regularization)
        np.testing.assert_allclose(y[index], one, rtol=1e-14)
    empty = np.zeros((0, 3, 5))
    y, pull = ag.vjp(lambda x: fast_soft_sort(x, regularization=regularization), empty)
    assert y.shape == empty.shape
    assert pull(empty)[0].shape == empty.shape


@both
@pytest.mark.parametrize("operator", [fast_soft_sort, fast_soft_rank])
def test_100000_values_take_linear_memory(operator, regularization):
    n = 100_000
    x = np.random.default_rng(0).normal(size=n)

    def step():
        loss = lambda x: ag.array_namespace(x).sum(  # noqa: E731
            operator(x, strength=1e-3, regularization=regularization) ** 2
        )
        return ag.grad(loss)(x)

    tracemalloc.start()
    gradient = step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.all(np.isfinite(gradient))
    assert peak < 100 * 8 * n  # one matrix would be 100 000 times 8 n


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@both
def test_nan_and_infinity_stay_in_their_rows(regularization):
    x = np.array([[1.0, 3.0, 2.0], [1.0, np.nan, 2.0], [1.0, np.inf, 2.0]])
    y = fast_soft_sort(x, strength=0.1, regularization=regularization)
    np.testing.assert_array_equal(y[0], [1.0, 2.0, 3.0])
    assert np.all(np.isnan(y[1]))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="x: expected at least one value to sort"):
        fast_soft_sort(np.zeros((2, 0)))
    with pytest.raises(ValueError, match="strength: expected a number >= 0"):
        fast_soft_sort([1.0], strength=-1.0)
    with pytest.raises(ValueError, match="regularization"):
        fast_soft_sort([1.0], regularization="entropic")
