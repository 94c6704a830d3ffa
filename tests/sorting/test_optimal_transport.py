"""Sorting, ranks, top-k and quantiles by optimal transport."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.optimal_transport import (
    squashed,
    transport_cdf,
    transport_permutation,
    transport_ranks,
    transport_sort,
)
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.transport_selection import (
    transport_quantile,
    transport_topk,
    transport_topk_mask,
)

RNG = np.random.default_rng(0)
HARD = {"epsilon": 1e-6}


def apart(*shape):
    places = RNG.permuted(np.broadcast_to(np.arange(float(shape[-1])), shape), axis=-1)
    return places + RNG.uniform(-0.2, 0.2, shape)


@settings(max_examples=20)
@given(st.integers(1, 8), st.sampled_from([1.0, 0.1, 0.01]), st.integers(0, 1000))
def test_p_is_doubly_stochastic_and_sorts(n, eps, seed):
    x = np.random.default_rng(seed).normal(size=(2, n))
    values, P = transport_sort(x, epsilon=eps)
    np.testing.assert_allclose(P.sum(-1), 1, atol=1e-12)
    np.testing.assert_allclose(P.sum(-2), 1, atol=1e-12)
    np.testing.assert_allclose(values.sum(-1), x.sum(-1), atol=1e-11)
    assert np.all(np.diff(values, axis=-1) >= -1e-12)


def test_small_epsilon_is_the_hard_sort_and_the_hard_ranks():
    x = apart(4, 7)
    values, P = transport_sort(x, **HARD)
    np.testing.assert_allclose(values, np.sort(x), atol=1e-9)
    np.testing.assert_allclose(P, hard_permutation(x), atol=1e-9)
    down, _ = transport_sort(x, descending=True, **HARD)
    np.testing.assert_allclose(down, np.sort(x)[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(transport_ranks(x, **HARD), np.argsort(np.argsort(x)), atol=1e-9)
    np.testing.assert_allclose(transport_cdf(x, **HARD).max(-1), 1, atol=1e-9)


def test_large_epsilon_is_the_mean():
    x = apart(5)
    np.testing.assert_allclose(transport_sort(x, epsilon=1e9)[0], x.mean(), rtol=1e-7)
    np.testing.assert_allclose(transport_ranks(x, epsilon=1e9), 2.0, rtol=1e-7)


def test_squashing_makes_it_independent_of_location_and_scale():
    x = apart(5)
    P = transport_permutation(x, epsilon=0.1)
    np.testing.assert_allclose(transport_permutation(100 * x - 7, epsilon=0.1), P, atol=1e-7)
    plain = transport_permutation(x, epsilon=0.1, squash=False)
    assert np.max(np.abs(transport_permutation(2 * x, epsilon=0.1, squash=False) - plain)) > 1e-3


def test_permuting_the_values_permutes_the_rows():
    x, order = apart(6), RNG.permutation(6)
    P = transport_permutation(x, epsilon=0.05)
    np.testing.assert_allclose(transport_permutation(x[order], epsilon=0.05), P[order], atol=1e-11)


def test_ties_share_their_places():
    P = transport_permutation(np.array([1.0, 0.0, 1.0]), epsilon=1e-4)
    np.testing.assert_allclose(P, [[0, 0.5, 0.5], [1, 0, 0], [0, 0.5, 0.5]], atol=1e-8)
    equal = np.full(4, 3.0)
    np.testing.assert_allclose(transport_ranks(equal), 1.5)
    g = ag.grad(lambda x: ag.array_namespace(x).sum(transport_sort(x)[0] ** 2))(equal)
    assert np.all(np.isfinite(g))


@pytest.mark.parametrize("batch", [(), (0,), (2, 1, 3)])
def test_any_batch_axes(batch):
    x = RNG.normal(size=(*batch, 4))
    values, P = transport_sort(x, epsilon=0.1)
    assert values.shape == x.shape
    assert P.shape == (*x.shape, 4)
    assert transport_topk(x, k=2).shape == (*batch, 2)
    assert transport_topk_mask(x, k=2).shape == x.shape
    assert transport_quantile(x).shape == batch
    for index in np.ndindex(*batch):
        np.testing.assert_allclose(P[index], transport_sort(x[index], epsilon=0.1)[1], atol=1e-10)


def test_one_value_is_itself():
    x = np.array([[3.5]])
    assert transport_sort(x)[0] == transport_topk(x, k=1) == transport_quantile(x, q=0.2) == 3.5
    assert transport_ranks(x) == 0
    assert transport_topk_mask(x, k=1) == 1


def test_topk_finds_the_largest_at_small_epsilon():
    x = apart(3, 6)
    for k in range(1, 7):
        np.testing.assert_allclose(
            transport_topk(x, k=k, **HARD), np.sort(x)[:, 6 - k :], atol=1e-8
        )
        marked = x >= np.sort(x)[:, [6 - k]]
        np.testing.assert_allclose(transport_topk_mask(x, k=k, **HARD), marked, atol=1e-8)
        assert np.allclose(transport_topk_mask(x, k=k, epsilon=0.1).sum(-1), k)


@pytest.mark.parametrize("q", [0.1, 0.25, 0.5, 0.62, 0.9])
def test_quantiles_at_small_epsilon_are_numpys(q):
    x = apart(3, 5)
    right = np.quantile(x, q, axis=-1, method="hazen")
    np.testing.assert_allclose(transport_quantile(x, q=q, **HARD), right, atol=1e-6)


def test_a_wide_quantile_is_a_trimmed_mean():
    x = apart(10)
    right = np.sort(x)[2:8].mean()
    np.testing.assert_allclose(transport_quantile(x, q=0.5, width=0.6, **HARD), right, atol=1e-6)
    np.testing.assert_allclose(transport_quantile(x, width=1.0), x.mean(), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_extreme_scales_do_no_harm(scale):
    x = scale * apart(5)
    values, P = transport_sort(x, epsilon=1e-3)
    assert np.all(np.isfinite(P))
    assert np.all(np.diff(values) > 0)


def test_squashed_values_are_between_0_and_1():
    z = squashed(apart(3, 6))
    assert np.all((z > 0) & (z < 1))
    np.testing.assert_allclose(squashed(np.full(4, 2.0)), 0.5)


@pytest.mark.parametrize("n", [3, 7])
def test_equal_values_whose_mean_is_rounded_count_as_equal(n):
    x = np.full(n, 0.1)
    assert np.any(x != x.mean())
    np.testing.assert_allclose(squashed(x), 0.5)
    by_x = ag.jacobian(lambda x: transport_sort(x, epsilon=0.1)[0])(x)
    at_exact = ag.jacobian(lambda x: transport_sort(x, epsilon=0.1)[0])(np.full(n, 0.5))
    np.testing.assert_allclose(by_x, at_exact, atol=1e-9)


def test_gradients_are_derivatives():
    x = apart(5)
    assert check_grads(lambda x: transport_sort(x, epsilon=0.1), (x,), order=2, draws=1)
    for f in (
        lambda x: transport_ranks(x, epsilon=0.05),
        lambda x: transport_cdf(x, epsilon=0.05, squash=False),
        lambda x: transport_topk(x, k=2, epsilon=0.05),
        lambda x: transport_topk_mask(x, k=2, epsilon=0.05),
        lambda x: transport_quantile(x, q=0.3, epsilon=0.05),
    ):
        assert check_grads(f, (x,), draws=1)


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_differentiates_the_source_to_the_same_numbers():
    torch = pytest.importorskip("torch", reason="needs torch")
    x, c = apart(2, 5), RNG.normal(size=(2, 5))
    for f in (lambda x: transport_sort(x, epsilon=0.05)[0], transport_ranks):
        value, pull = ag.vjp(f, x)
        tensor = torch.tensor(x, requires_grad=True)
        result = f(tensor)
        result.backward(torch.tensor(c))
        np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9)
        g = pull(c)[0]
        np.testing.assert_allclose(tensor.grad.numpy(), g, atol=1e-7 * np.max(np.abs(g)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transport_sort(np.zeros((2, 0))), r"x: expected at least one value.*\(2, 0\)"),
        (lambda: transport_sort(np.ones(2), epsilon=-1), "epsilon: expected a positive.*got -1"),
        (lambda: transport_ranks(np.ones(3), targets=1), "targets: .*>= 2, got 1"),
        (lambda: transport_permutation(np.ones(3), weights=[1, 0]), "weights: expected positive"),
        (lambda: transport_topk(np.ones(3), k=4), "k: expected at most the 3 values, got 4"),
        (lambda: transport_topk_mask(np.ones(3), k=0), "k: .*got 0"),
        (lambda: transport_quantile(np.ones(3), q=1.5), "q: expected a number from 0.*got 1.5"),
        (lambda: transport_quantile(np.ones(3), width=2), "width: .*got 2"),
    ],
)
def test_errors_name_argument_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
