"""Fast soft ranks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.soft_rank import fast_soft_rank

RNG = np.random.default_rng(0)
KINDS = ("l2", "kl")
DIRECTIONS = (False, True)
both = pytest.mark.parametrize("regularization", KINDS)
directions = pytest.mark.parametrize("descending", DIRECTIONS)


def exact_ranks(x, descending=False):
    x = -x if descending else x
    return np.argsort(np.argsort(x, axis=-1), axis=-1) + 1.0


@both
@directions
def test_the_limits_of_the_strength_are_exact_ranks_and_their_mean(regularization, descending):
    x = RNG.normal(size=(4, 9))
    options = {"regularization": regularization, "descending": descending}
    for strength in (0.0, 1e-12, 1e-6):
        ranks = fast_soft_rank(x, strength=strength, **options)
        np.testing.assert_allclose(ranks, exact_ranks(x, descending), rtol=1e-15)
    for strength, rtol in ((1e9, 1e-8), (np.inf, 1e-15)):
        ranks = fast_soft_rank(x, strength=strength, **options)
        np.testing.assert_allclose(ranks, 5.0, rtol=rtol)


@directions
def test_l2_ranks_are_exact_from_the_smallest_gap_on(descending):
    x = np.array([0.0, 0.5, 3.0, 2.0])
    expected = exact_ranks(x, descending)
    at_gap = fast_soft_rank(x, strength=0.5, descending=descending)
    np.testing.assert_allclose(at_gap, expected, rtol=1e-15)
    assert not np.allclose(fast_soft_rank(x, strength=0.51, descending=descending), expected)


@both
def test_fully_pooled_ranks_have_a_closed_form(regularization):
    x, n = RNG.normal(size=6), 6
    ranks = fast_soft_rank(x, strength=50.0, regularization=regularization)
    z = x / 50.0
    if regularization == "l2":
        expected = (n + 1) / 2 + z - z.mean()
    else:
        expected = n * (n + 1) / 2 * np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(ranks, expected, rtol=1e-13)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.sampled_from([0.01, 0.3, 5.0]),
    st.sampled_from(KINDS),
    st.sampled_from(DIRECTIONS),
)
def test_ranks_are_ordered_sum_up_and_do_not_know_the_origin(
    seed, n, strength, regularization, descending
):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(2, n)), 1)  # with ties
    options = {"strength": strength, "regularization": regularization, "descending": descending}
    ranks = fast_soft_rank(x, **options)
    np.testing.assert_allclose(ranks.sum(axis=-1), n * (n + 1) / 2, rtol=1e-12)
    differences = (x[:, :, None] - x[:, None, :]) * (-1 if descending else 1)
    steps = ranks[:, :, None] - ranks[:, None, :]
    assert np.all(steps[differences > 0] >= -1e-10 * n)
    np.testing.assert_allclose(steps[differences == 0], 0.0, atol=1e-10 * n)
    np.testing.assert_allclose(fast_soft_rank(x + 4.0, **options), ranks, rtol=1e-9)
    order = rng.permutation(n)
    np.testing.assert_allclose(fast_soft_rank(x[:, order], **options), ranks[:, order], rtol=1e-10)


@both
@directions
@pytest.mark.parametrize("shape", [(1,), (6,), (2, 1, 3, 5)])
def test_derivatives_are_those_of_differences(regularization, descending, shape):
    x = RNG.normal(size=shape)
    options = {"strength": 0.7, "regularization": regularization, "descending": descending}
    report = check_grads(lambda x: fast_soft_rank(x, **options), (x,), order=2)
    assert report.ok, report


@both
def test_ties_are_smooth(regularization):
    x = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    options = {"strength": 0.4, "regularization": regularization}
    assert check_grads(lambda x: fast_soft_rank(x, **options), (x,), order=2).ok


def test_neighbouring_blocks_are_told_apart_however_close_they_are():
    """fast-soft-sort and torchsort join blocks whose values differ by less than 1e-9."""
    x = np.array([0.0, 0.5, 2.0 + 1e-10, 2.5 + 1e-10])  # mean 0.25 - 1.5, and 2.25 - 3.5 + 1e-10
    _, pull = ag.vjp(fast_soft_rank, x)
    np.testing.assert_allclose(pull(np.eye(4)[0])[0], [0.5, -0.5, 0.0, 0.0], atol=1e-15)


@both
def test_values_and_gradients_stay_finite_for_large_ratios(regularization):
    x = np.array([0.1, 0.9, 0.90001, 0.5, 0.50002])
    options = {"strength": 1e-4, "regularization": regularization}
    y, pull = ag.vjp(lambda x: fast_soft_rank(x, **options), x)
    assert np.all(np.isfinite(pull(np.ones(5))[0]))
    np.testing.assert_allclose(y.sum(), 15.0, rtol=1e-13)


def test_strength_0_gives_tied_values_their_mean_rank_and_no_gradient():
    x = np.array([[3.0, 1.0, 3.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]])
    y, pull = ag.vjp(lambda x: ag.array_namespace(x).sum(x) + fast_soft_rank(x, strength=0.0), x)
    expected = [[4.5, 2.0, 4.5, 2.0, 2.0], [5.0, 4.0, 3.0, 2.0, 1.0]]
    np.testing.assert_array_equal(y - x.sum(), expected)
    np.testing.assert_array_equal(pull(np.ones((2, 5)))[0], 10.0)
    tiny = fast_soft_rank(x, strength=1e-9)
    np.testing.assert_allclose(tiny, expected, rtol=1e-6)


@both
@directions
def test_float32_is_kept(regularization, descending):
    x = np.random.default_rng(5).normal(size=(3, 50)).astype(np.float32).astype(float)
    options = {"strength": 0.5, "regularization": regularization, "descending": descending}
    y, pull = ag.vjp(lambda x: fast_soft_rank(x, **options), x.astype(np.float32))
    g = pull(y)[0]
    assert (y.dtype, g.dtype) == (np.float32, np.float32)
    expected, pull = ag.vjp(lambda x: fast_soft_rank(x, **options), x)
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    slope = pull(expected)[0]
    np.testing.assert_allclose(g, slope, atol=1e-5 * np.abs(slope).max())


@both
def test_batches_of_any_rank_and_none_at_all(regularization):
    x = RNG.normal(size=(2, 1, 3, 5))
    y = fast_soft_rank(x, regularization=regularization)
    for index in np.ndindex(2, 1, 3):
        one = fast_soft_rank(x[index], regularization=regularization)
        np.testing.assert_allclose(y[index], one, rtol=1e-14)
    empty = np.zeros((0, 3, 5))
    y, pull = ag.vjp(lambda x: fast_soft_rank(x, regularization=regularization), empty)
    assert y.shape == empty.shape
    assert pull(empty)[0].shape == empty.shape


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@both
def test_nan_and_infinity_stay_in_their_rows(regularization):
    x = np.array([[1.0, 3.0, 2.0], [1.0, np.nan, 2.0], [1.0, np.inf, 2.0]])
    y = fast_soft_rank(x, strength=0.1, regularization=regularization)
    np.testing.assert_allclose(y[0], [1.0, 3.0, 2.0], rtol=1e-15)
    assert np.all(np.isnan(y[1]))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="x: expected at least one value to rank"):
        fast_soft_rank(np.zeros((2, 0)))
    with pytest.raises(ValueError, match="strength: expected a number >= 0"):
        fast_soft_rank([1.0], strength=-1.0)
    with pytest.raises(ValueError, match="regularization"):
        fast_soft_rank([1.0], regularization="entropic")
