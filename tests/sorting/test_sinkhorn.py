"""The Sinkhorn operator, its noisy form, and the matching."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.matching import matching
from refimpl.sorting.sinkhorn import gumbel_sinkhorn, sinkhorn

RNG = np.random.default_rng(0)


def by_division(scores, tau, iterations):
    """The definition on the numbers themselves, not on their logarithms."""
    P = np.exp(scores / tau)
    for _ in range(iterations):
        P = P / P.sum(-1, keepdims=True)
        P = P / P.sum(-2, keepdims=True)
    return P


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("tau", [0.3, 1.0, 5.0])
def test_logarithms_change_nothing(n, tau):
    scores = RNG.normal(size=(2, n, n))
    P = sinkhorn(scores, temperature=tau, iterations=4)
    np.testing.assert_allclose(P, by_division(scores, tau, 4), rtol=1e-12)


@given(st.integers(1, 6), st.integers(1, 10), st.integers(0, 1000))
def test_columns_sum_to_one_after_any_iteration(n, iterations, seed):
    scores = np.random.default_rng(seed).normal(size=(n, n)) * 3
    P = sinkhorn(scores, iterations=iterations)
    assert np.min(P) >= 0
    np.testing.assert_allclose(P.sum(-2), 1, rtol=1e-13)


def test_rows_sum_to_one_in_the_limit_and_not_before():
    scores = RNG.normal(size=(5, 5)) * 2
    early, late = sinkhorn(scores, iterations=1), sinkhorn(scores, iterations=500)
    assert np.max(np.abs(early.sum(-1) - 1)) > 1e-2
    np.testing.assert_allclose(late.sum(-1), 1, atol=1e-12)


def test_low_temperature_is_the_matching():
    scores = RNG.normal(size=(4, 5, 5))
    scores = scores + 0.2 * matching(scores)  # so that no other permutation is nearly as good
    P = sinkhorn(scores, temperature=0.02, iterations=500)
    np.testing.assert_allclose(P, matching(scores), atol=1e-2)  # approached like 1 / iterations


def test_the_limit_is_the_best_mixture_of_score_and_entropy():
    scores, tau = RNG.normal(size=(4, 4)), 0.7
    P = sinkhorn(scores, temperature=tau, iterations=1000)

    def value(P):
        return np.sum(P * scores) - tau * np.sum(P * np.log(P))

    for seed in range(20):
        other = by_division(np.random.default_rng(seed).normal(size=(4, 4)), 1.0, 1000)
        assert value(0.99 * P + 0.01 * other) < value(P)


def test_high_temperature_is_flat():
    P = sinkhorn(RNG.normal(size=(3, 3)), temperature=1e9)
    np.testing.assert_allclose(P, 1 / 3, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_scores_neither_overflow_nor_lose_the_order(dtype):
    order = np.array([2, 0, 3, 1])
    scores = (1e5 * np.eye(4)[order] + RNG.normal(size=(4, 4))).astype(dtype)
    P = sinkhorn(scores, temperature=0.01)
    assert P.dtype == dtype
    np.testing.assert_allclose(P, np.eye(4)[order], atol=1e-6)
    g = ag.grad(lambda S: ag.array_namespace(S).sum(sinkhorn(S, temperature=0.01) ** 2))(scores)
    assert g.dtype == dtype
    assert np.all(np.isfinite(g))


def test_minus_infinity_forbids_a_pairing():
    scores = RNG.normal(size=(3, 3))
    scores[0, 1] = scores[2, 2] = -np.inf
    P, pull = ag.vjp(lambda S: sinkhorn(S, iterations=200), scores)
    assert P[0, 1] == P[2, 2] == 0
    np.testing.assert_allclose(P.sum(-1), 1, atol=1e-6)
    (g,) = pull(RNG.normal(size=(3, 3)))
    assert g[0, 1] == g[2, 2] == 0
    assert np.all(np.isfinite(g))


def test_nan_stays_in_its_sample():
    scores = RNG.normal(size=(2, 3, 3))
    scores[0, 1, 1] = np.nan
    P = sinkhorn(scores)
    assert np.all(np.isnan(P[0]))
    assert np.all(np.isfinite(P[1]))


@pytest.mark.parametrize("batch", [(), (0,), (2, 1, 3), (2, 0, 3)])
def test_any_batch_axes(batch):
    scores = RNG.normal(size=(*batch, 3, 3))
    P, Q = sinkhorn(scores), matching(scores)
    assert P.shape == Q.shape == scores.shape
    for index in np.ndindex(*batch):
        np.testing.assert_allclose(P[index], sinkhorn(scores[index]), rtol=1e-14)
        np.testing.assert_array_equal(Q[index], matching(scores[index]))


def test_matching_is_the_best_of_all_permutations():
    for n in (1, 2, 4):
        S = RNG.normal(size=(n, n))
        sums = [np.sum(S * np.eye(n)[list(p)]) for p in itertools.permutations(range(n))]
        assert np.isclose(np.sum(S * matching(S)), max(sums))


def test_hard_is_the_matching_with_the_soft_gradient():
    scores, c = RNG.normal(size=(3, 4, 4)), RNG.normal(size=(3, 4, 4))
    hard, pull = ag.vjp(lambda S: sinkhorn(S, hard=True), scores)
    np.testing.assert_array_equal(hard, matching(scores))
    np.testing.assert_array_equal(pull(c)[0], ag.vjp(sinkhorn, scores)[1](c)[0])


def test_equal_scores_share_equally():
    np.testing.assert_allclose(sinkhorn(np.full((4, 4), 7.0)), 0.25)


def test_noise_is_added_to_every_sample():
    scores, noise = RNG.normal(size=(2, 3, 3)), RNG.gumbel(size=(5, 2, 3, 3))
    P = gumbel_sinkhorn(scores, noise, noise_scale=0.3, temperature=0.5)
    assert P.shape == (5, 2, 3, 3)
    np.testing.assert_allclose(P[3], sinkhorn(scores + 0.3 * noise[3], temperature=0.5))
    without = gumbel_sinkhorn(scores, noise, noise_scale=0.0)
    np.testing.assert_allclose(without, np.broadcast_to(sinkhorn(scores), P.shape))


def test_hard_noise_samples_permutations():
    P = gumbel_sinkhorn(np.zeros((3, 3)), RNG.gumbel(size=(50, 3, 3)), hard=True)
    assert set(np.unique(P)) == {0.0, 1.0}
    assert np.all(P.sum(-1) == 1)
    assert np.all(P.sum(-2) == 1)
    assert len(np.unique(P.reshape(50, 9), axis=0)) > 3


def test_gradients_are_derivatives():
    scores, noise = RNG.normal(size=(2, 4, 4)), RNG.gumbel(size=(3, 2, 4, 4))
    assert check_grads(lambda S: sinkhorn(S, temperature=0.7, iterations=6), (scores,), order=2)
    assert check_grads(gumbel_sinkhorn, (scores, noise), draws=1)


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_differentiates_the_source_to_the_same_numbers():
    torch = pytest.importorskip("torch", reason="needs torch")
    scores, c = RNG.normal(size=(2, 4, 4)), RNG.normal(size=(2, 4, 4))
    value, pull = ag.vjp(sinkhorn, scores)
    x = torch.tensor(scores, requires_grad=True)
    P = sinkhorn(x)
    P.backward(torch.tensor(c))
    np.testing.assert_allclose(P.detach().numpy(), value, rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), pull(c)[0], rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(matching(x).numpy(), matching(scores))


@pytest.mark.framework("jax")
def test_jax_differentiates_the_source_to_the_same_numbers():
    jax = pytest.importorskip("jax", reason="needs jax")
    few = functools.partial(sinkhorn, iterations=3)
    scores, c = RNG.normal(size=(2, 4, 4)), RNG.normal(size=(2, 4, 4))
    value, pull = ag.vjp(few, scores)
    with jax.enable_x64(True):
        P, of_jax = jax.vjp(jax.jit(few), jax.numpy.asarray(scores))
        np.testing.assert_allclose(P, value, rtol=1e-12)
        np.testing.assert_allclose(of_jax(c)[0], pull(c)[0], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sinkhorn(np.zeros((2, 3))), r"scores: expected square matrices.*\(2, 3\)"),
        (lambda: sinkhorn(np.zeros((0, 0))), r"n >= 1, got shape \(0, 0\)"),
        (lambda: sinkhorn(np.zeros(3)), r"scores: expected at least 2 axes"),
        (lambda: sinkhorn(np.eye(2), temperature=0), "temperature: expected a positive.*got 0"),
        (lambda: sinkhorn(np.eye(2), iterations=0), "iterations: expected a whole number >= 1"),
        (lambda: gumbel_sinkhorn(np.eye(2), np.zeros((3, 3))), r"noise: expected a shape that"),
        (lambda: gumbel_sinkhorn(np.eye(2), np.eye(2), noise_scale=-1), "noise_scale.*got -1"),
        (lambda: matching([[np.nan]]), "scores: no permutation to choose"),
        (lambda: matching([[0.0, -np.inf], [0.0, -np.inf]]), "scores: no permutation to choose"),
    ],
)
def test_errors_name_argument_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
