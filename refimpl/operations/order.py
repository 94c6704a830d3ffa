"""Sorting, and reading and writing at indices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.spec import Case

from .registration import FIRST_ORDER, STANDARD, Rng, distinct, operation

_TIED = np.array([[1.0, 0.0, 1.0, 2.0]])
_STABLE = "equal entries keep their order, and each gets the derivative of its place"
_SCATTER = "NumPy's add.at: additions to places that may repeat"


def _sorted(rng: Rng) -> Iterator[Case]:
    for descending in (False, True):
        params = {"descending": descending}
        name = "descending" if descending else "ascending"
        yield Case(name, {"x": distinct(rng, (3, 4))}, params)
        yield Case(f"{name}-columns", {"x": distinct(rng, (3, 4))}, {**params, "axis": 0})
        flags = ("ties", "convention")
        yield Case(f"{name}-ties", {"x": _TIED}, params, "edge", flags, checks=FIRST_ORDER)
    yield Case("vector", {"x": distinct(rng, (4,))}, flags=("single",))
    yield Case("n1", {"x": distinct(rng, (2, 1))}, kind="edge", flags=("size-one",))
    yield Case("batch0", {"x": distinct(rng, (0, 3))}, kind="edge", flags=("batch0",))


@operation(STANDARD, _sorted, kinks=_STABLE)
def sort(x: Array, *, axis: int = -1, descending: bool = False) -> Array:
    """The entries in order along the axis.

    dy_k = dx_p(k), p the stable permutation that sorts x
    """
    return ag.sort(x, axis=axis, descending=descending)


def _largest(rng: Rng) -> Iterator[Case]:
    for k in (1, 3, 4):
        yield Case(f"k{k}", {"x": distinct(rng, (3, 4))}, {"k": k})
    yield Case("vector", {"x": distinct(rng, (4,))}, {"k": 2}, flags=("single",))
    yield Case("ties", {"x": _TIED}, {"k": 2}, "edge", ("ties", "convention"), checks=FIRST_ORDER)
    yield Case("batch0", {"x": distinct(rng, (0, 3))}, {"k": 2}, kind="edge", flags=("batch0",))


@operation(
    "Knuth 1998, The art of computer programming, volume 3, section 5.3.3",
    _largest,
    outputs=("values", "positions"),
    kinks="of equal entries the first ones are taken",
)
def topk(x: Array, *, k: int) -> tuple[Array, Array]:
    """The k largest entries of the last axis, largest first, and their positions.

    dvalues = dx at the positions
    """
    return ag.topk(x, k)


def _taken(rng: Rng) -> Iterator[Case]:
    for name, indices in (("permuted", [2, 0, 1]), ("repeated", [1, 1, 0, 1]), ("none", [])):
        flags = ("repeated",) if name == "repeated" else ()
        kind = "smooth" if indices else "edge"
        inputs = {"x": rng.normal(size=(3, 4)), "indices": np.array(indices, np.int64)}
        for axis in (0, 1):
            yield Case(f"{name}-axis{axis}", inputs, {"axis": axis}, kind, flags)


@operation(STANDARD, _taken, differentiable=("x",))
def take(x: Array, indices: Array, *, axis: int = 0) -> Array:
    """The parts of x at the indices along the axis.

    dy = take(dx)
    """
    return ag.array_namespace(x).take(x, indices, axis=axis)


def _aligned(rng: Rng) -> Iterator[Case]:
    for name, rows in (("permuted", [[2, 0, 1], [0, 1, 2]]), ("repeated", [[1, 1], [0, 1]])):
        inputs = {"x": rng.normal(size=(2, 3)), "indices": np.array(rows, np.int64)}
        yield Case(name, inputs, flags=("repeated",) if name == "repeated" else ())
    inputs = {"x": rng.normal(size=(3, 2)), "indices": np.array([[2, 0]], np.int64)}
    yield Case("columns", inputs, {"axis": 0}, flags=("convention",))
    empty = {"x": np.zeros((0, 3)), "indices": np.zeros((0, 2), np.int64)}
    yield Case("batch0", empty, kind="edge", flags=("batch0",))


@operation(STANDARD, _aligned, differentiable=("x",))
def take_along_axis(x: Array, indices: Array, *, axis: int = -1) -> Array:
    """The entries of x at the indices along the axis, row by row.

    dy = take_along_axis(dx)
    """
    return ag.array_namespace(x).take_along_axis(x, indices, axis=axis)


def _written(*lists: list[int]) -> Iterator[tuple[str, np.ndarray]]:
    for index in lists:
        name = "repeated" if len(set(index)) < len(index) else f"n{len(index)}"
        yield name, np.array(index, np.int64)


def _added(rng: Rng) -> Iterator[Case]:
    for name, index in _written([2, 0], [1, 1, 3, 1], []):
        for rest in ((), (2,)):
            x, values = rng.normal(size=(4, *rest)), rng.normal(size=(len(index), *rest))
            inputs = {"x": x, "index": index, "values": values}
            flags = ("repeated",) if name == "repeated" else ()
            kind = "smooth" if len(index) else "edge"
            yield Case(f"{name}-rank{1 + len(rest)}", inputs, kind=kind, flags=flags)


@operation(_SCATTER, _added, differentiable=("x", "values"))
def at_add(x: Array, index: Array, values: Array) -> Array:
    """A copy of x with the values added to the parts at the index; repeated ones add up.

    dy = at_add(dx, index, dvalues)
    """
    return ag.at_add(x, index, values)


def _stored(rng: Rng) -> Iterator[Case]:
    return (case for case in _added(rng) if "repeated" not in case.flags)


@operation(
    "NumPy's assignment to places, which must differ", _stored, differentiable=("x", "values")
)
def at_set(x: Array, index: Array, values: Array) -> Array:
    """A copy of x with the values stored at the index, which names no place twice.

    dy = at_set(dx, index, dvalues)
    """
    return ag.at_set(x, index, values)


def _segments(rng: Rng) -> Iterator[Case]:
    for rest in ((), (2,)):
        values = rng.normal(size=(5, *rest))
        inputs = {"values": values, "segments": np.array([0, 2, 2, 0, 2])}
        yield Case(f"rank{1 + len(rest)}", inputs, {"count": 4}, flags=("repeated",))
    empty = {"values": np.zeros((0, 2)), "segments": np.zeros(0, np.int64)}
    yield Case("none", empty, {"count": 3}, kind="edge")


@operation(_SCATTER, _segments, differentiable=("values",))
def segment_sum(values: Array, segments: Array, *, count: int) -> Array:
    """Row s of the result is the sum of the rows i of values with segments[i] = s; 0 for none.

    dy = segment_sum(dvalues)
    """
    return ag.segment_sum(values, segments, count)
