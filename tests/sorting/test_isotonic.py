"""Isotonic regression: optimality, derivatives, shapes, and other libraries' arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.isotonic import by_min_max, isotonic_regression

RNG = np.random.default_rng(0)
KINDS = ("l2", "kl")
seeds = st.integers(0, 2**32 - 1)


def residuals(s, w, v, regularization):
    """Minus the derivative of the objective in v."""
    return s - w - v if regularization == "l2" else np.exp(s - v) - np.exp(w)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 40), st.sampled_from([0.1, 1.0, 5.0]), st.sampled_from(KINDS))
def test_the_conditions_of_optimality_hold(seed, n, scale, regularization):
    """Multipliers of v_i >= v_{i+1} are >= 0, and 0 where v falls."""
    s, w = np.random.default_rng(seed).normal(size=(2, 3, n)) * scale
    v = isotonic_regression(s, w, regularization=regularization)
    multipliers = -np.cumsum(residuals(s, w, v, regularization), axis=-1)
    size = 1e-12 * n * (np.abs(s) + np.abs(w) + np.exp(w) + np.exp(s - v)).max()
    falls = np.diff(v, axis=-1)
    assert np.all(falls <= 1e-14 * np.abs(v).max())
    assert np.all(multipliers >= -size)
    assert np.all(np.abs(multipliers[:, -1]) <= size)
    assert np.all(np.abs(multipliers[:, :-1] * falls) <= size * np.abs(falls).max(initial=1.0))


@pytest.mark.parametrize("regularization", KINDS)
@pytest.mark.parametrize("scale", [0.01, 1.0, 400.0])
def test_it_equals_the_definition_with_values_and_gradients(regularization, scale):
    s, w, c = RNG.normal(size=(3, 2, 3, 17)) * scale

    def fast(s, w):
        return isotonic_regression(s, w, regularization=regularization)

    def slow(s, w):
        return by_min_max(s, w, regularization)

    y, pull = ag.vjp(fast, s, w)
    expected, pull_expected = ag.vjp(slow, s, w)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13 * scale)
    for got, right in zip(pull(c), pull_expected(c), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-9, atol=1e-11 * scale)


@pytest.mark.parametrize("regularization", KINDS)
@pytest.mark.parametrize("shape", [(1,), (6,), (2, 6), (2, 1, 3, 5)])
def test_first_and_second_derivatives_are_those_of_differences(regularization, shape):
    s, w = RNG.normal(size=(2, *shape))
    report = check_grads(
        lambda s, w: isotonic_regression(s, w, regularization=regularization), (s, w), order=2
    )
    assert report.ok, report


def test_third_derivatives_are_those_of_the_second():
    s, w, v = RNG.normal(size=(3, 5))

    def second(s):
        f = lambda s: ag.array_namespace(s).sum(  # noqa: E731
            isotonic_regression(s, w, regularization="kl") ** 2
        )
        return ag.hvp(f, s, v)

    assert check_grads(second, (s,)).ok


def test_pooled_elements_share_their_cotangents():
    s, w = np.array([0.0, 1.0, 2.0, -5.0]), np.zeros(4)  # blocks 012 and 3
    u = np.array([3.0, 0.0, 0.0, 7.0])
    _, pull = ag.vjp(isotonic_regression, s, w)
    np.testing.assert_allclose(pull(u), [[1, 1, 1, 7], [-1, -1, -1, -7]], rtol=1e-15)
    _, pull = ag.vjp(lambda s, w: isotonic_regression(s, w, regularization="kl"), s, w)
    share = np.exp(s[:3]) / np.exp(s[:3]).sum()
    np.testing.assert_allclose(pull(u)[0], [*(3 * share), 7], rtol=1e-14)
    np.testing.assert_allclose(pull(u)[1], [-1, -1, -1, -7], rtol=1e-14)


@pytest.mark.parametrize("regularization", KINDS)
def test_sequences_that_fall_are_returned_and_rising_ones_are_pooled(regularization):
    falling = np.array([5.0, 2.0, 2.0, -1.0, -7.0])
    zero = np.zeros(5)
    y = isotonic_regression(falling, zero, regularization=regularization)
    np.testing.assert_allclose(y, falling, rtol=1e-15)
    pooled = isotonic_regression(falling[::-1], zero, regularization=regularization)
    mean = falling.mean() if regularization == "l2" else np.log(np.exp(falling).mean())
    np.testing.assert_allclose(pooled, mean, rtol=1e-14)


def test_float32_is_kept_and_summed_in_float64():
    n = 100_000
    s = (np.arange(n) / n + 1e3).astype(np.float32)
    y, pull = ag.vjp(lambda s: isotonic_regression(s, np.zeros(1, np.float32)), s)
    assert y.dtype == np.float32
    assert pull(y)[0].dtype == np.float32
    np.testing.assert_allclose(y, np.mean(s, dtype=np.float64), rtol=1e-7)


@pytest.mark.parametrize("regularization", KINDS)
def test_batches_of_any_rank_and_none_at_all(regularization):
    s = RNG.normal(size=(2, 1, 3, 5))
    y = isotonic_regression(s, np.zeros(5), regularization=regularization)
    for index in np.ndindex(2, 1, 3):
        one = isotonic_regression(s[index], np.zeros(5), regularization=regularization)
        np.testing.assert_allclose(y[index], one, rtol=1e-14)
    empty = np.zeros((0, 3, 5))
    y, pull = ag.vjp(lambda s: isotonic_regression(s, s, regularization=regularization), empty)
    assert y.shape == empty.shape
    assert pull(empty)[0].shape == empty.shape


def test_w_may_have_more_axes_than_s():
    s, w = RNG.normal(size=4), RNG.normal(size=(3, 4))
    y, pull = ag.vjp(isotonic_regression, s, w)
    np.testing.assert_allclose(y[1], isotonic_regression(s, w[1]), rtol=1e-15)
    assert [g.shape for g in pull(y)] == [(4,), (3, 4)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("regularization", KINDS)
def test_what_is_not_finite_stays_in_its_row(bad, regularization):
    s = np.array([[1.0, 3.0, 2.0], [1.0, bad, 2.0]])
    y = isotonic_regression(s, np.zeros(3), regularization=regularization)
    one = isotonic_regression(s[0], np.zeros(3), regularization=regularization)
    np.testing.assert_allclose(y[0], one, rtol=1e-15)
    if np.isnan(bad):
        assert np.all(np.isnan(y[1]))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="s: expected at least one value"):
        isotonic_regression(np.zeros((2, 0)), np.zeros((2, 0)))
    with pytest.raises(ValueError, match="regularization: expected one of l2, kl"):
        isotonic_regression([1.0], [0.0], regularization="entropy")
