"""The engine's operations, values and gradients, on arrays that are not NumPy's."""

import numpy as np
import pytest
from guarded import synchronisations
from operations import TABLE, bound, cotangents, inputs, outputs
from places import find, places

from refimpl import autograd as ag

# operation: why the device must tell the host something
SYNCHRONISING = {
    "cholesky": "raises for a matrix that is not positive definite, as NumPy does",
    "cholesky upper": "the same",
    "getitem mask": "the number of entries that are read",
    "at_set array": "the same, for the gradient of what is stored",
    "repeat counts": "the size of the result",
}
TOLERANCE = {"float64": (1e-11, 1e-12), "float32": (2e-5, 2e-5)}
every_operation = pytest.mark.parametrize("op", TABLE, ids=[op.name for op in TABLE])


def results(op, case, arrays, cots=None):
    """Outputs, and the gradients of their sum with the cotangents."""
    f, xs = bound(op, case, arrays)
    ys, pull = ag.vjp(lambda *a: tuple(outputs(f(*a))), *xs)
    return [*ys, *pull(tuple(cots(ys)))]


def compare(place, op, dtype):
    """Hold every case of the operation at the place against NumPy."""
    rtol, atol = TOLERANCE[dtype]
    for seed, case in enumerate(op.cases):
        host = inputs(op.domains, case, seed, dtype)
        expected = results(op, case, host, lambda ys: cotangents(ys, 1))
        there = [place.put(x) for x in host]
        found = results(op, case, there, lambda ys: place.put_all(cotangents(ys, 1)))
        for x, y in zip(place.get_all(found), expected, strict=True):
            assert (x.shape, x.dtype) == (np.shape(y), y.dtype)
            np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)


@places("guarded", "cupy")
@every_operation
def test_values_and_gradients_are_those_of_numpy(place, op):
    for dtype in TOLERANCE:
        compare(find(place), op, dtype)


@every_operation
def test_the_host_waits_for_the_device_only_where_that_is_said(op):
    place, waits = find("guarded"), []
    for seed, case in enumerate(op.cases):
        there = [place.put(x) for x in inputs(op.domains, case, seed)]
        with synchronisations() as found:
            results(op, case, there, lambda ys: place.put_all(cotangents(ys, 1)))
        waits += found
    assert bool(waits) == (op.name in SYNCHRONISING), waits


@places("strict")
@every_operation
def test_on_another_device_of_the_strict_array_api(place, op):
    if reason := op.missing.get("array_api_strict"):
        pytest.skip(reason)
    compare(find(place), op, "float64")
