"""Plackett-Luce permutations: the law by enumeration, samples, relaxed samples."""

import itertools

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.plackett_luce import (
    gumbel_noise,
    plackett_luce_log_likelihood,
    plackett_luce_order,
    stochastic_neural_sort,
)

S = np.array([0.2, -1.0, 1.3, 0.5])
ORDERS = np.array(list(itertools.permutations(range(4))))


def draw(count, seed=0):
    return gumbel_noise(ag.Generator(seed), (count, 4))


def test_probabilities_are_successive_choices():
    for order in ORDERS:
        p, left = 1.0, list(range(4))
        for item in order:
            p *= np.exp(S[item]) / np.sum(np.exp(S[left]))
            left.remove(item)
        assert np.isclose(np.exp(plackett_luce_log_likelihood(S, order)), p, rtol=1e-13)


@pytest.mark.parametrize("first", [0, 1, 2, 3, 4, None])
def test_probabilities_of_first_choices_sum_to_one(first):
    p = np.exp(plackett_luce_log_likelihood(S, ORDERS, first=first))
    kept = 4 if first is None else first
    _, chosen = np.unique(ORDERS[:, :kept], axis=0, return_index=True)
    assert np.isclose(np.sum(p[chosen]), 1.0, rtol=1e-13)


def test_samples_have_the_law():
    noise = draw(20000)
    orders = plackett_luce_order(S, noise)
    counts = np.array([np.sum(np.all(orders == order, axis=-1)) for order in ORDERS])
    p = np.exp(plackett_luce_log_likelihood(S, ORDERS))
    deviation = (counts - 20000 * p) / np.sqrt(20000 * p * (1 - p))
    assert np.max(np.abs(deviation)) < 4.5


def test_noise_is_standard_gumbel_and_repeatable():
    noise = gumbel_noise(ag.Generator(3), 100000)
    assert abs(np.mean(noise) - 0.5772) < 0.02
    assert abs(np.std(noise) - 1.2825) < 0.02
    assert np.all(np.isfinite(noise))
    np.testing.assert_array_equal(noise, gumbel_noise(ag.Generator(3), 100000))
    assert gumbel_noise(ag.Generator(3), 5, like=np.zeros(1, np.float32)).dtype == np.float32


def test_noise_is_finite_at_the_ends_of_the_uniform_numbers():
    class Ends:
        def uniform(self, shape):
            return np.array([0.0, 1.0 - 2.0**-53])

    low, high = gumbel_noise(Ends(), 2)
    assert -4 < low < -3
    assert 36 < high < 37


def test_a_wide_spread_of_scores_loses_nothing():
    s, order = np.array([900.0, -900.0, 0.0]), np.array([1, 2, 0])
    log_p, pull = ag.vjp(lambda s: plackett_luce_log_likelihood(s, order), s)
    assert log_p == -2700.0
    np.testing.assert_array_equal(pull(np.float64(1.0))[0], [-2.0, 1.0, 1.0])


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_gradients_are_derivatives(n):
    rng = np.random.default_rng(n)
    s, order = rng.normal(size=(2, 1, n)), np.argsort(rng.normal(size=(3, n)), axis=-1)
    check_grads(lambda s: plackett_luce_log_likelihood(s, order), s, order=2).raise_if_failed()
    noise = gumbel_noise(ag.Generator(0), (3, 1, 1, n))
    check_grads(lambda s: stochastic_neural_sort(s, noise), s).raise_if_failed()


def test_the_score_function_has_mean_zero():
    p = np.exp(plackett_luce_log_likelihood(S, ORDERS))
    slopes = [ag.grad(lambda s, o=o: plackett_luce_log_likelihood(s, o))(S) for o in ORDERS]
    np.testing.assert_allclose(p @ np.array(slopes), 0.0, atol=1e-14)


def test_relaxed_samples_are_neural_sorts_of_perturbed_scores():
    noise = draw(3)
    P = stochastic_neural_sort(S, noise, temperature=0.7)
    np.testing.assert_array_equal(P, neural_sort(S + noise, temperature=0.7))


def test_relaxed_samples_become_the_orders_at_low_temperature():
    noise = draw(5)
    P = stochastic_neural_sort(S, noise, temperature=1e-9, descending=True)
    order = plackett_luce_order(S, noise)
    np.testing.assert_allclose(P, np.swapaxes(np.eye(4)[order], -1, -2), atol=1e-12)
    np.testing.assert_allclose(P, hard_permutation(S + noise, descending=True), atol=1e-12)


def test_float32_is_kept():
    s = S.astype(np.float32)
    order = np.array([2, 0, 1, 3])
    log_p, pull = ag.vjp(lambda s: plackett_luce_log_likelihood(s, order), s)
    assert log_p.dtype == pull(log_p)[0].dtype == np.float32
    assert stochastic_neural_sort(s, draw(2).astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("batch", [(), (3,), (2, 1, 3), (0,)])
def test_batches_of_any_rank(batch):
    s = np.random.default_rng(0).normal(size=(*batch, 4))
    noise = gumbel_noise(ag.Generator(1), (2, *batch, 4))
    order = plackett_luce_order(s, noise)
    assert order.shape == (2, *batch, 4)
    assert plackett_luce_log_likelihood(s, order).shape == (2, *batch)
    assert stochastic_neural_sort(s, noise).shape == (2, *batch, 4, 4)


def test_bad_arguments_are_named():
    with pytest.raises(TypeError, match="order: expected whole numbers, got dtype float64"):
        plackett_luce_log_likelihood(S, np.arange(4.0))
    with pytest.raises(ValueError, match=r"order: expected permutations of 0\.\.3"):
        plackett_luce_log_likelihood(S, [0, 1, 1, 2])
    with pytest.raises(ValueError, match=r"order: expected shape \(\.\.\., 4\), got \(3,\)"):
        plackett_luce_log_likelihood(S, [0, 1, 2])
    with pytest.raises(ValueError, match=r"first: expected at most the n = 4 items, got 5"):
        plackett_luce_log_likelihood(S, [0, 1, 2, 3], first=5)
    with pytest.raises(ValueError, match=r"noise: expected a shape that broadcasts.*\(4,\).*\(3,"):
        plackett_luce_order(S, np.zeros(3))
    with pytest.raises(ValueError, match=r"order: expected a shape that broadcasts"):
        plackett_luce_log_likelihood(np.zeros((2, 4)), ORDERS[:3])
