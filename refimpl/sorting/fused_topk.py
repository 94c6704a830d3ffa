"""Columns of a network's permutation matrix as one operation with a hand-written backward pass.

The definition is in `topk_network`; this computes the same on NumPy and CuPy arrays, for speed, as
`fused` does for the whole matrix. With M_l the symmetric matrix of the swaps of layer l and G_l the
gather before it, the columns are

    Y = G_1' M_1 G_2' M_2 ... Y_end,    Y_end given,

made from the right. The cotangent H of Y passes through the layers from the left, and meets in each
layer the columns that were there:

    dL/dalpha = sum over columns of (H_a - H_b) (Y_lo - Y_hi).

Samples are independent, so that blocks of them are taken through all layers within the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import autograd as ag
from ..autograd import Array
from .fused import (
    CACHE_BYTES,
    KEPT_BYTES,
    Swap,
    gather,
    pull_through_values,
    steps_for,
    swap_wires,
    values_and_swaps,
    wires_first,
    wires_last,
)
from .layouts import Layout
from .sigmoids import Sigmoid

Definition = Callable[[Array, Array, Layout, Sigmoid], Array]


class Record(NamedTuple):
    """For the backward pass: the swaps of every layer, and Y_lo - Y_hi where they met."""

    swaps: list[Swap]
    gaps: list[Array]


def fused_columns(
    definition: Definition, x: Array, last: Array, layout: Layout, sigmoid: Sigmoid
) -> Array:
    """`definition(x, last, layout, sigmoid)` for a NumPy or CuPy array x, traced or not.

    last: (n, m), a constant. Returns (..., n, m).
    """

    @ag.custom_vjp
    def columns(x: Array) -> Array:
        return _evaluate(x, last, layout, sigmoid, keep=False)[0]

    def forward(x: Array) -> tuple[Any, Any]:
        if ag.is_traced(x):  # the engine then evaluates `columns` on the tape further out
            return None, (x, None)
        output, records = _evaluate(x, last, layout, sigmoid, keep=True)
        return output, (x, records)

    def backward(saved: tuple, g: Array) -> tuple[Array]:
        x, records = saved
        if ag.is_traced(x) or ag.is_traced(g):
            return ag.vjp(lambda x: definition(x, last, layout, sigmoid), x)[1](g)
        return (_pull_back(x, records, g, last, layout, sigmoid),)

    columns.defvjp(forward, backward)
    return columns(x)


# Below, columns are (wires, m, samples), values (wires, 1, samples).


def _evaluate(
    x: Array, last: Array, layout: Layout, sigmoid: Sigmoid, keep: bool
) -> tuple[Array, list[Record]]:
    xp = ag.array_namespace(x)
    (n, m), samples = last.shape, math.prod(x.shape[:-1])
    values = wires_first(x, axis=1)
    Y = xp.empty((n, m, samples), dtype=x.dtype)
    keep = keep and Y.nbytes * len(layout.steps) // 2 <= KEPT_BYTES
    records = []
    for block in _blocks(Y):
        record = _through_columns(values[block], last, layout, sigmoid, Y[block])
        if keep:
            records.append(record)
    return xp.reshape(xp.permute_dims(Y, (2, 0, 1)), (*x.shape, m)), records


def _through_columns(
    values: Array, last: Array, layout: Layout, sigmoid: Sigmoid, Y: Array
) -> Record:
    """Fill Y with the columns of a block, from its values."""
    xp, steps = ag.array_namespace(values), steps_for(values, layout)
    _, swaps = values_and_swaps(values, steps, sigmoid)
    Y[...] = xp.expand_dims(xp.astype(last, Y.dtype), axis=-1)
    mixed, spare = xp.empty(Y.shape, dtype=Y.dtype), xp.empty(Y[: len(Y) // 2].shape, dtype=Y.dtype)
    gaps = []
    for (_, back, c), swap in zip(steps[::-1], swaps[::-1], strict=True):
        gaps.append(Y[:c] - Y[c : 2 * c])
        swap_wires(Y, c, swap, out=mixed, spare=spare[:c])
        Y[...] = xp.take(mixed, back, axis=0)
    return Record(swaps, gaps[::-1])


def _pull_back(
    x: Array, records: list[Record], g: Array, last: Array, layout: Layout, sigmoid: Sigmoid
) -> Array:
    xp, steps = ag.array_namespace(x), steps_for(x, layout)
    (n, m), samples = last.shape, math.prod(x.shape[:-1])
    H = xp.permute_dims(xp.reshape(g, (samples, n, m)), (1, 2, 0))
    values, slope = wires_first(x, axis=1), xp.empty((n, 1, samples), dtype=x.dtype)
    for number, block in enumerate(_blocks(H)):
        if records:
            record = records[number]
        else:
            scratch = xp.empty(H[block].shape, dtype=x.dtype)
            record = _through_columns(values[block], last, layout, sigmoid, scratch)
        totals = _slopes_of_swaps(H[block], steps, record)
        none = xp.zeros(values[block].shape, dtype=x.dtype)
        slope[block] = pull_through_values(none, totals, steps, record.swaps, sigmoid)
    return wires_last(slope, x.shape, axis=1)


def _slopes_of_swaps(H: Array, steps: Any, record: Record) -> list[Array]:
    """dL/dalpha of every layer."""
    xp = ag.array_namespace(H)
    met, h = xp.empty(H.shape, dtype=H.dtype), xp.empty(H.shape, dtype=H.dtype)
    spare = xp.empty(H[: len(H) // 2].shape, dtype=H.dtype)
    h[...] = H
    totals = []
    for (order, _, c), swap, gap in zip(steps, record.swaps, record.gaps, strict=True):
        gather(h, order, out=met)
        difference = xp.subtract(met[:c], met[c : 2 * c], out=spare[:c])
        totals.append(xp.sum(xp.multiply(difference, gap, out=difference), axis=1, keepdims=True))
        swap_wires(met, c, swap, out=h, spare=spare[:c])
    return totals


def _blocks(Y: Array) -> Iterator[tuple[slice, slice, slice]]:
    """Parts of the samples: as many as fit into the cache, but not so few that NumPy idles."""
    width = max(1, Y.shape[2])
    if isinstance(Y, np.ndarray):
        width = min(width, max(64, CACHE_BYTES // (Y.shape[0] * Y.shape[1] * Y.dtype.itemsize)))
    for start in range(0, Y.shape[2], width):
        yield slice(None), slice(None), slice(start, start + width)
