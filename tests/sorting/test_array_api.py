"""Sinkhorn, transport, error-free swaps and simplex methods on array-api-strict and CuPy arrays."""

import functools

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.sorting.error_free import error_free_sort
from refimpl.sorting.matching import matching
from refimpl.sorting.optimal_transport import transport_cdf, transport_ranks, transport_sort
from refimpl.sorting.simplex import MODES
from refimpl.sorting.simplex_ranks import simplex_ranks
from refimpl.sorting.simplex_selection import simplex_quantile, simplex_topk
from refimpl.sorting.simplex_sort import METHODS, simplex_argsort
from refimpl.sorting.sinkhorn import gumbel_sinkhorn, sinkhorn
from refimpl.sorting.transport_selection import (
    transport_quantile,
    transport_topk,
    transport_topk_mask,
)

RNG = np.random.default_rng(0)
X, S = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 4, 4))


def parts(f, index):
    return lambda x: f(x)[index]


FUNCTIONS = {
    "sinkhorn": (sinkhorn, S),
    "sinkhorn-hard": (functools.partial(sinkhorn, hard=True), S),
    "gumbel": (lambda s: gumbel_sinkhorn(s, s), S),
    "transport-sort": (parts(transport_sort, 0), X),
    "transport-ranks": (transport_ranks, X),
    "transport-cdf": (transport_cdf, X),
    "transport-topk": (functools.partial(transport_topk, k=2), X),
    "transport-mask": (functools.partial(transport_topk_mask, k=2), X),
    "transport-quantile": (transport_quantile, X),
    "error-free": (parts(error_free_sort, 0), X),
    "error-free-Q": (parts(error_free_sort, 1), X),
    "simplex-topk": (parts(functools.partial(simplex_topk, k=2), 0), X),
    "simplex-quantile": (simplex_quantile, X),
}
for method in METHODS:
    for mode in MODES if method != "ot" else ["smooth"]:
        options = {"method": method, "mode": mode}
        FUNCTIONS[f"{method}-{mode}"] = functools.partial(simplex_argsort, **options), X
        FUNCTIONS[f"{method}-{mode}-ranks"] = functools.partial(simplex_ranks, **options), X


def cubed(f):
    def loss(x):
        y = f(x)
        return ag.array_namespace(y).sum(y * y * y)

    return loss


@pytest.mark.framework("array_api_strict")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_source_keeps_to_the_array_api_standard(name):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    f, x = FUNCTIONS[name]
    np.testing.assert_allclose(np.asarray(f(strict.asarray(x))), f(x), rtol=1e-9, atol=1e-12)
    g = ag.grad(cubed(f))(x)
    ours = np.asarray(ag.grad(cubed(f))(strict.asarray(x)))
    np.testing.assert_allclose(ours, g, atol=1e-8 * max(np.max(np.abs(g)), 1e-3))


@pytest.mark.framework("array_api_strict")
def test_matching_returns_an_array_of_the_library_it_was_given():
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    Q = matching(strict.asarray(S))
    np.testing.assert_array_equal(np.asarray(Q), matching(S))
    assert isinstance(Q, type(strict.asarray(S)))


@pytest.mark.gpu
@pytest.mark.parametrize("name", FUNCTIONS)
def test_cupy_computes_the_same_on_the_device(name):
    cupy = pytest.importorskip("cupy", reason="needs cupy")
    f, x = FUNCTIONS[name]
    np.testing.assert_allclose(cupy.asnumpy(f(cupy.asarray(x))), f(x), rtol=1e-8, atol=1e-11)
    g = ag.grad(cubed(f))(x)
    ours = cupy.asnumpy(ag.grad(cubed(f))(cupy.asarray(x)))
    np.testing.assert_allclose(ours, g, atol=1e-7 * max(np.max(np.abs(g)), 1e-3))
