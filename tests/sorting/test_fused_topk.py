"""The fused columns of a network against their definition."""

import tracemalloc

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.sorting import fused_topk as module
from refimpl.sorting.layouts import find_layout
from refimpl.sorting.sigmoids import SIGMOIDS, make_sigmoid
from refimpl.sorting.splitter import splitter_selection
from refimpl.sorting.topk_network import definition, selection, weighted_selection

CROSSED = [[(0, 2, 2, 0)], [(3, 1, 1, 3), (0, 2, 0, 2)], []]


def draw(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def both(layout, m=2, distribution="cauchy", dtype=np.float64):
    """The fused function and the definition, of x alone, for random last columns."""
    last = draw((layout.size, m), dtype, seed=5)
    sigmoid = make_sigmoid(distribution, 6.0, 0.25, "published")
    return (
        lambda x: module.fused_columns(definition, x, last, layout, sigmoid),
        lambda x: definition(x, last, layout, sigmoid),
    )


def assert_same(x, one, other, tolerance=1e-12):
    out, pull = ag.vjp(one, x)
    expected, expected_pull = ag.vjp(other, x)
    g = draw(out.shape, x.dtype, seed=3)
    for got, right in ((out, expected), (pull(g)[0], expected_pull(g)[0])):
        assert got.dtype == right.dtype == x.dtype
        assert got.shape == right.shape
        scale = np.max(np.abs(right), initial=1e-30)
        np.testing.assert_allclose(got, right, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@pytest.mark.parametrize(
    "layout",
    [find_layout("odd_even", 5), find_layout(CROSSED, 4), splitter_selection(9, 3)]
    + [find_layout("bitonic", n) for n in (1, 6)],
    ids=lambda layout: f"n{layout.size}",
)
def test_it_is_the_definition(layout, distribution):
    for batch in ((), (0,), (3,), (2, 1, 3)):
        assert_same(draw((*batch, layout.size)), *both(layout, distribution=distribution))
    single = draw((40, layout.size), np.float32)
    assert_same(single, *both(layout, 2, distribution, np.float32), tolerance=3e-5)


@pytest.mark.parametrize("cache, kept", [(2**9, 0), (2**9, 2**30), (2**30, 0)])
def test_blocks_of_any_size_give_the_same(monkeypatch, cache, kept):
    monkeypatch.setattr(module, "CACHE_BYTES", cache)
    monkeypatch.setattr(module, "KEPT_BYTES", kept)
    assert_same(draw((150, 11)), *both(splitter_selection(11, 3), m=3))


def test_second_derivatives_are_those_of_the_definition():
    layout = splitter_selection(6, 2)
    x, v = draw((3, 6)), draw((3, 6), seed=1)

    def loss(f):
        return lambda x: ag.array_namespace(x).sum(f(x) ** 3)

    got, right = (ag.hvp(loss(f), x, v) for f in both(layout))
    np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-10)
    got, right = (ag.jvp(f, (x,), (v,))[1] for f in both(layout))
    np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-12)


def test_a_pull_back_can_be_used_twice_and_spares_its_arguments():
    x = draw((4, 9))
    P, pull = ag.vjp(both(splitter_selection(9, 3))[0], x)
    kept, g = (x.copy(), P.copy()), draw(P.shape)
    first, again = pull(g)[0].copy(), pull(2 * g)[0]
    np.testing.assert_allclose(again, 2 * first, rtol=1e-12)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(P, kept[1])
    np.testing.assert_array_equal(g, draw(P.shape))


def test_a_weighted_sum_of_columns_carries_one_column():
    x, w, layout = draw((5, 10)), [0.2, 0.3, 1.0], splitter_selection(10, 3)
    sigmoid = make_sigmoid("cauchy", 3.0, 0.0, "published")
    one, pull = ag.vjp(lambda x: weighted_selection(x, w, layout, sigmoid), x)
    other, other_pull = ag.vjp(lambda x: selection(x, 3, layout, sigmoid) @ np.array(w), x)
    g = draw(one.shape)
    np.testing.assert_allclose(one, other, rtol=1e-13)
    np.testing.assert_allclose(pull(g)[0], other_pull(g)[0], rtol=1e-11, atol=1e-13)


def peak_of_a_gradient(f, x):
    tracemalloc.start()
    try:
        ag.grad(lambda x: ag.array_namespace(x).sum(f(x) ** 2))(x)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_does_not_fit_is_made_again_in_the_backward_pass(monkeypatch):
    layout = splitter_selection(1000, 5)
    x = draw((1000, 1000), np.float32)
    f = both(layout, 5, dtype=np.float32)[0]
    needed = 4 * 1000 * 5 * layout.comparators  # bytes, for the backward pass of all samples
    monkeypatch.setattr(module, "KEPT_BYTES", 2**30)
    kept = peak_of_a_gradient(f, x)
    monkeypatch.setattr(module, "KEPT_BYTES", 2**20)
    assert peak_of_a_gradient(f, x) < kept - 0.8 * needed
