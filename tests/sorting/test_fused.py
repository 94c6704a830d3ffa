"""The fused network against its definition: values, gradients, second derivatives, memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import autograd as ag
from refimpl.sorting import fused as module
from refimpl.sorting.fused import fused
from refimpl.sorting.layouts import bitonic, find_layout
from refimpl.sorting.networks import relaxed, sorting_network
from refimpl.sorting.sigmoids import SIGMOIDS, make_sigmoid

CROSSED = [[(0, 2, 2, 0)], [(3, 1, 1, 3), (0, 2, 0, 2)], []]


def both(n, network="bitonic", distribution="cauchy", steepness=6.0):
    """The fused function and the definition, of x alone."""
    layout = find_layout(network, n)
    sigmoid = make_sigmoid(distribution, steepness, 0.25, "published")
    return lambda x: fused(relaxed, x, layout, sigmoid), lambda x: relaxed(x, layout, sigmoid)


def draw(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def assert_same(x, one, other, tolerance):
    """Values and gradients of both agree, on the scale of each tensor."""
    out, pull = ag.vjp(one, x)
    expected, expected_pull = ag.vjp(other, x)
    g = tuple(draw(part.shape, x.dtype, seed=i) for i, part in enumerate(out))
    pairs = [*zip(out, expected, strict=True), (pull(g)[0], expected_pull(g)[0])]
    for got, right in pairs:
        assert got.dtype == right.dtype == x.dtype
        assert got.shape == right.shape
        scale = np.max(np.abs(right), initial=1e-30)
        np.testing.assert_allclose(got, right, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@pytest.mark.parametrize(
    "network, n", [("odd_even", 5), ("bitonic", 6), (CROSSED, 4), ("bitonic", 1)]
)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_it_is_the_definition(network, n, distribution, dtype, tolerance):
    for batch in ((), (0,), (3,), (2, 1, 3), (40,)):
        one, other = both(n, network, distribution)
        assert_same(draw((*batch, n), dtype), one, other, tolerance)


@pytest.mark.parametrize("batch", [(3,), (50,)])
@pytest.mark.parametrize("cache, kept", [(2**9, 0), (2**9, 2**30), (0, 2**12), (2**30, 0)])
def test_blocks_of_any_size_give_the_same(monkeypatch, batch, cache, kept):
    monkeypatch.setattr(module, "CACHE_BYTES", cache)
    monkeypatch.setattr(module, "KEPT_BYTES", kept)
    assert_same(draw((*batch, 11)), *both(11), tolerance=1e-12)


@given(st.integers(2, 7), st.integers(0, 100), st.sampled_from(SIGMOIDS))
def test_second_derivatives_are_those_of_the_definition(n, seed, distribution):
    x, v, w = draw((2, n), seed=seed), draw((2, n), seed=seed + 1), draw((2, n, n), seed=seed + 2)
    one, other = both(n, "odd_even", distribution)

    def loss(f):
        def of_x(x):
            values, P = f(x)
            xp = ag.array_namespace(x)
            return xp.sum(values * values * v) + xp.sum(P * P * w)

        return of_x

    got, right = ag.hvp(loss(one), x, v), ag.hvp(loss(other), x, v)
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-9 * np.max(np.abs(right), initial=1.0))


def test_forward_mode_and_third_derivatives_go_through_the_definition():
    x, v = draw((6,)), draw((6,), seed=1)
    one, other = both(6)
    for got, right in zip(ag.jvp(one, (x,), (v,))[1], ag.jvp(other, (x,), (v,))[1], strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-12)

    def thrice(f):
        def square(x):
            return ag.array_namespace(x).sum(f(x)[1] ** 2)

        return ag.hvp(lambda x: ag.array_namespace(x).sum(ag.grad(square)(x) * v), x, v)

    np.testing.assert_allclose(thrice(one), thrice(other), rtol=1e-8)


def test_one_pull_back_can_be_used_many_times_and_spares_its_inputs():
    x = draw((4, 9))
    copy = x.copy()
    (values, P), pull = ag.vjp(both(9)[0], x)
    before = values.copy(), P.copy()
    g = draw(values.shape), draw(P.shape)
    copies = g[0].copy(), g[1].copy()
    first = pull(g)[0].copy()
    np.testing.assert_allclose(pull((2 * g[0], 2 * g[1]))[0], 2 * first, rtol=1e-12)
    np.testing.assert_array_equal(pull(g)[0], first)
    for now, then in ((x, copy), (values, before[0]), (P, before[1]), *zip(g, copies, strict=True)):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("part", [0, 1])
def test_one_of_both_results_alone_has_its_gradient(part):
    x = draw((5, 8))

    def loss(f):
        return lambda x: ag.array_namespace(x).sum(f(x)[part] ** 2)

    one, other = both(8)
    np.testing.assert_allclose(
        ag.grad(loss(one))(x), ag.grad(loss(other))(x), rtol=1e-9, atol=1e-12
    )


def test_memory_is_bounded_by_blocks_and_not_by_layers_times_n_squared():
    n = 1024
    x, P_bytes = draw((n,), np.float32), 4 * n * n
    sorting_network(x, network="bitonic")  # layouts are made once
    tracemalloc.start()
    try:
        ag.grad(lambda x: ag.array_namespace(x).sum(sorting_network(x, network="bitonic")[1] ** 2))(
            x
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(bitonic(n).layers) * P_bytes > 200e6  # what a tape would keep, at the least
    assert peak < module.KEPT_BYTES + 10 * P_bytes
