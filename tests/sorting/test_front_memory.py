"""Values and ranks of many numbers: memory grows like them, not like a matrix."""

import tracemalloc

import numpy as np
import pytest

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.sorting import METHODS, rank, sort

LEAN = {
    "bitonic": {},
    "error_free": {"network": "bitonic"},
    "neuralsort": {},
    "softsort": {},
    "perturbed": {},
    "fast": {},
    "hard": {},
}


def peak(method, n, f=lambda x, **options: sort(x, permutation=False, **options).values):
    """Memory of values and gradient, in arrays of n numbers."""
    x = np.random.default_rng(0).normal(size=n)
    given = LEAN[method] | {"method": method}
    if method == "perturbed":
        given["noise"] = np.random.default_rng(1).normal(size=(4, n))
    f(x, **given)  # the layout is kept
    tracemalloc.start()
    _, g = value_and_grad(lambda x: array_namespace(x).sum(f(x, **given) ** 2))(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(g).all()
    return most / x.nbytes


@pytest.mark.parametrize("method", LEAN)
def test_memory_of_values_alone_grows_like_n(method, monkeypatch):
    monkeypatch.setitem(METHODS["softsort"].values.__globals__, "ENTRIES", 2**15)
    small, large = peak(method, 512), peak(method, 2048)
    assert large < 300  # arrays of n, where P alone would be 2048
    assert large < 2.5 * small + 20


def test_memory_of_ranks_is_that_of_the_swaps():
    assert peak("bitonic", 4096, rank) < 500  # 78 layers with half of n swaps, kept and pulled back


def test_a_hundred_thousand_values_are_sorted_differentiably():
    assert peak("bitonic", 100_000) < 300
    assert peak("fast", 100_000) < 300


def test_ranks_of_a_hundred_thousand_values_have_gradients():
    assert peak("bitonic", 100_000, rank) < 800
