"""Top-k selection networks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd import grad, vjp
from refimpl.sorting.networks import sorting_network
from refimpl.sorting.topk_network import topk_permutation


@pytest.mark.parametrize("network", ["odd_even", "bitonic", "bitonic_published"])
@pytest.mark.parametrize("n, k", [(1, 1), (5, 2), (8, 3), (16, 16)])
def test_it_is_the_last_columns_of_the_full_permutation(network, n, k):
    x = np.random.default_rng(n).normal(size=(2, 3, n))
    options = {"network": network, "distribution": "logistic", "steepness": 3.0}
    P, pull = vjp(lambda x: topk_permutation(x, k=k, **options), x)
    full, pull_full = vjp(lambda x: sorting_network(x, **options)[1][..., n - k :], x)
    g = np.random.default_rng(0).normal(size=P.shape)
    assert np.allclose(P, full, rtol=0, atol=1e-15)
    assert np.allclose(pull(g)[0], pull_full(g)[0], rtol=1e-12, atol=1e-14)


@given(st.permutations(range(9)), st.integers(1, 9))
def test_the_splitter_network_selects_exactly_when_steep(order, k):
    x = np.array(order, dtype=float)
    P = topk_permutation(x, k=k, steepness=1e15)
    assert np.array_equal(np.round(x @ P), np.arange(9 - k, 9))


def test_columns_and_rows_are_sub_stochastic():
    P = topk_permutation(np.random.default_rng(1).normal(size=(4, 11)), k=4, steepness=2.0)
    assert np.allclose(P.sum(-2), 1)
    assert P.min() >= 0
    assert P.sum(-1).max() <= 1 + 1e-12


def test_float32_is_kept():
    x = np.array([0.5, 2.0, 1.0], dtype=np.float32)
    assert topk_permutation(x, k=2).dtype == np.float32
    assert grad(lambda x: topk_permutation(x, k=2)[0, 0])(x).dtype == np.float32


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="k: expected a number from 1 to n = 3, got 4"):
        topk_permutation([1.0, 2.0, 3.0], k=4)
    with pytest.raises(ValueError, match="k: expected a whole number >= 1"):
        topk_permutation([1.0, 2.0, 3.0], k=0)
    with pytest.raises(ValueError, match="network: expected one of splitter_selection, odd_even"):
        topk_permutation([1.0, 2.0, 3.0], k=1, network="quick")
