"""The relaxed sorting network as one operation with a hand-written backward pass, for speed.

The definition is `networks.relaxed`; this computes the same on NumPy and CuPy arrays, and a test
holds the two together. Three things make it fast. Wires are the leading axis, so a layer moves
whole contiguous rows. The values come first: the degrees alpha depend on nothing else, and given
alpha the rows of P (one per input) evolve linearly and each for itself,

    P[lo] = alpha P[a] + (1 - alpha) P[b],    P[hi] = (1 - alpha) P[a] + alpha P[b],

so P is made in blocks of rows and samples that fit into the cache. The backward pass needs P as it
was before every layer,

    dL/dalpha = sum_i (G[lo] - G[hi]) (P[a] - P[b]),    G the cotangent of P after the layer.

If that is too much to keep, a block is made once more and pulled back at once, so that memory is
bounded by the layers of one block. Where anything is traced (second derivatives), the backward pass
is that of the definition.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.sorting.layouts import Layout, Step
from refimpl.sorting.sigmoids import Sigmoid

CACHE_BYTES = 2**19  # a block of P: about half of a core's second-level cache
KEPT_BYTES = 2**26  # P before every layer, of all blocks (then it is kept) or of one block
DEVICE_BYTES = 2**30  # the same on a GPU, where larger blocks are better

Block = tuple[slice, slice, slice]
Definition = Callable[[Array, Layout, Sigmoid], tuple[Array, Array]]


class Swap(NamedTuple):
    """The comparators of one layer as they were met: d = b - a, alpha(d) and 1 - alpha(d)."""

    d: Array
    alpha: Array
    beta: Array


class Record(NamedTuple):
    """For the backward pass: the swaps of every layer and, by block, P before every layer."""

    swaps: Sequence[Swap]
    states: Sequence[Array]


def fused(
    definition: Definition, x: Array, layout: Layout, sigmoid: Sigmoid
) -> tuple[Array, Array]:
    """`definition(x, layout, sigmoid)` for a NumPy or CuPy array, traced or not."""

    @ag.custom_vjp
    def network(x: Array) -> tuple[Array, Array]:
        return _evaluate(x, layout, sigmoid, keep=False)[0]

    def forward(x: Array) -> tuple[Any, Any]:
        if ag.is_traced(x):  # the engine then evaluates `network` on the tape further out
            return None, (x, None)
        output, record = _evaluate(x, layout, sigmoid, keep=True)
        return output, (x, record)

    def backward(saved: tuple, cotangents: tuple[Array, Array]) -> tuple[Array]:
        x, record = saved
        if any(map(ag.is_traced, (x, *cotangents))):
            return ag.vjp(lambda x: definition(x, layout, sigmoid), x)[1](cotangents)
        return (_pull_back(record, cotangents, layout, sigmoid),)

    network.defvjp(forward, backward)
    return network(x)


# Below, P is (wires, rows, samples), or (wires, samples, rows) if there are more rows than samples;
# `axis` is the axis of the rows. What belongs to the values has one row.


def _evaluate(
    x: Array, layout: Layout, sigmoid: Sigmoid, keep: bool
) -> tuple[tuple[Array, Array], Record]:
    xp, steps = ag.array_namespace(x), steps_for(x, layout)
    n, samples = layout.size, math.prod(x.shape[:-1])
    axis = _axis_of_rows(n, samples)
    values, swaps = values_and_swaps(wires_first(x, axis), steps, sigmoid)
    P = xp.empty((n, n, samples) if axis == 1 else (n, samples, n), dtype=x.dtype)
    keep = keep and len(steps) * P.nbytes <= _memory(P)
    states = []
    for block in _blocks(P):
        wires = _identity(P, block, axis)
        if keep:
            states.append(xp.empty((len(steps), *wires.shape), dtype=x.dtype))
        before = states[-1] if keep else [xp.empty_like(wires)] * len(steps)
        P[block] = _forward(wires, steps, _of_samples(swaps, block, axis), before)
    axes = (2, 1, 0) if axis == 1 else (1, 2, 0)
    P = xp.reshape(xp.permute_dims(P, axes), (*x.shape, n))
    return (wires_last(values, x.shape, axis), P), Record(swaps, states)


def values_and_swaps(
    values: Array, steps: Sequence[Step], sigmoid: Sigmoid
) -> tuple[Array, list[Swap]]:
    """The sorted values, and the swaps on the way."""
    xp = ag.array_namespace(values)
    swaps = []
    for order, _, c in steps:
        met = xp.take(values, order, axis=0)
        d = met[c : 2 * c] - met[:c]
        alpha = sigmoid.alpha(d)
        swaps.append(Swap(d, alpha, 1 - alpha))
        values = swap_wires(met, c, swaps[-1], out=xp.empty_like(met), spare=xp.empty_like(d))
    return values, swaps


def _forward(
    wires: Array, steps: Sequence[Step], swaps: Sequence[Swap], before: Iterable[Array]
) -> Array:
    """Take `wires` through all layers, in place; `before` receives what meets in each layer."""
    spare = ag.array_namespace(wires).empty_like(wires[: len(wires) // 2])
    for (order, _, c), swap, met in zip(steps, swaps, before, strict=True):
        gather(wires, order, out=met)
        swap_wires(met, c, swap, out=wires, spare=spare[:c])
    return wires


def swap_wires(met: Array, c: int, swap: Swap, out: Array, spare: Array) -> Array:
    """(a, b, rest) -> (alpha a + beta b, beta a + alpha b, rest), which is its own transpose."""
    xp = ag.array_namespace(met)
    a, b = met[:c], met[c : 2 * c]
    lower, upper = (swap.alpha, swap.beta, out[:c]), (swap.beta, swap.alpha, out[c : 2 * c])
    for of_a, of_b, part in (lower, upper):
        xp.multiply(of_a, a, out=part)
        xp.multiply(of_b, b, out=spare)
        xp.add(part, spare, out=part)
    out[2 * c :] = met[2 * c :]
    return out


def _pull_back(
    record: Record, cotangents: tuple[Array, Array], layout: Layout, sigmoid: Sigmoid
) -> Array:
    g_sorted, g_P = cotangents
    xp, steps = ag.array_namespace(g_sorted), steps_for(g_sorted, layout)
    n, samples = layout.size, math.prod(g_sorted.shape[:-1])
    axis = _axis_of_rows(n, samples)
    totals = [xp.zeros_like(swap.d) for swap in record.swaps]  # dL/dalpha
    if xp.any(g_P != 0):  # otherwise only the sorted values are used
        axes = (2, 1, 0) if axis == 1 else (2, 0, 1)
        G = xp.permute_dims(xp.reshape(g_P, (samples, n, n)), axes)
        _pull_through_P(totals, G, axis, steps, record)
    g = pull_through_values(wires_first(g_sorted, axis), totals, steps, record.swaps, sigmoid)
    return wires_last(g, g_sorted.shape, axis)


def pull_through_values(
    g: Array,
    totals: Sequence[Array],
    steps: Sequence[Step],
    swaps: Sequence[Swap],
    sigmoid: Sigmoid,
) -> Array:
    """dL/dx from g = dL/dsorted, and from what is known of dL/dalpha in `totals` (overwritten)."""
    xp = ag.array_namespace(g)
    for (_, back, c), swap, total in zip(steps[::-1], swaps[::-1], totals[::-1], strict=True):
        total -= (g[:c] - g[c : 2 * c]) * swap.d
        through = total * sigmoid.slope(swap.d)  # dL/dd
        mixed = swap_wires(g, c, swap, out=xp.empty_like(g), spare=xp.empty_like(through))
        mixed[:c] -= through
        mixed[c : 2 * c] += through
        g = xp.take(mixed, back, axis=0)
    return g


def _pull_through_P(
    totals: list[Array], G: Array, axis: int, steps: Sequence[Step], record: Record
) -> None:
    """Add to dL/dalpha, in `totals`, what comes through P, of which G is the cotangent."""
    xp = ag.array_namespace(G)
    kept = zip(_blocks(G), record.states, strict=True)
    for block, before in kept if record.states else _again(G, axis, steps, record.swaps):
        swaps, samples = _of_samples(record.swaps, block, axis), _samples(block, axis)
        g, mixed = xp.empty_like(before[0]), xp.empty_like(before[0])
        spare, gap = (xp.empty_like(g[: len(g) // 2]) for _ in range(2))
        g[...] = G[block]
        for layer in reversed(range(len(steps))):
            (_, back, c), met = steps[layer], before[layer]
            xp.subtract(met[:c], met[c : 2 * c], out=gap[:c])
            xp.subtract(g[:c], g[c : 2 * c], out=spare[:c])
            xp.multiply(spare[:c], gap[:c], out=gap[:c])
            totals[layer][samples] += xp.sum(gap[:c], axis=axis, keepdims=True)
            swap_wires(g, c, swaps[layer], out=mixed, spare=spare[:c])
            gather(mixed, back, out=g)


def _again(
    P: Array, axis: int, steps: Sequence[Step], swaps: Sequence[Swap]
) -> Iterator[tuple[Block, Array]]:
    """Each block with P before every layer, made once more in the memory of the first block."""
    xp = ag.array_namespace(P)
    store = None
    for block in _blocks(P, depth=len(steps)):
        wires = _identity(P, block, axis)
        shape = (len(steps), *wires.shape)
        store = xp.empty(math.prod(shape), dtype=P.dtype) if store is None else store
        before = xp.reshape(store[: math.prod(shape)], shape)
        _forward(wires, steps, _of_samples(swaps, block, axis), before)
        yield block, before


# Shapes


def _axis_of_rows(n: int, samples: int) -> int:
    return 2 if samples < n else 1


def wires_first(x: Array, axis: int) -> Array:
    """(..., n) -> (n, samples) with one row."""
    xp = ag.array_namespace(x)
    flat = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    return xp.expand_dims(xp.permute_dims(flat, (1, 0)), axis=axis)


def wires_last(values: Array, shape: tuple[int, ...], axis: int) -> Array:
    """The reverse of `wires_first`."""
    xp = ag.array_namespace(values)
    return xp.reshape(xp.permute_dims(xp.squeeze(values, axis=axis), (1, 0)), shape)


def gather(wires: Array, order: Array, out: Array) -> None:
    if isinstance(wires, np.ndarray):
        np.take(wires, order, axis=0, out=out, mode="clip")  # other modes go through a buffer
    else:
        ag.array_namespace(wires).take(wires, order, axis=0, out=out)


def _blocks(P: Array, depth: int = 1) -> Iterator[Block]:
    """Parts of P, over its last two axes: `depth` copies fit into memory, one into the cache.

    But not so thin that NumPy would spend its time between the numbers.
    """
    entry = len(P) * P.dtype.itemsize  # bytes per row and sample
    entries = max(16, _memory(P) // (entry * depth))
    if isinstance(P, np.ndarray):
        entries = min(entries, max(64, CACHE_BYTES // entry))
    width = min(max(1, P.shape[2]), entries)
    height = max(1, entries // width)
    for i in range(0, P.shape[1], height):
        for j in range(0, P.shape[2], width):
            yield slice(None), slice(i, i + height), slice(j, j + width)


def _memory(P: Array) -> int:
    return KEPT_BYTES if isinstance(P, np.ndarray) else DEVICE_BYTES


def _samples(block: Block, axis: int) -> Block:
    """The block with all rows: the index of its samples in an array of one row."""
    return (block[0], slice(None), block[2]) if axis == 1 else (block[0], block[1], slice(None))


def _of_samples(swaps: Sequence[Swap], block: Block, axis: int) -> list[Swap]:
    samples = _samples(block, axis)
    return [Swap(*(part[samples] for part in swap)) for swap in swaps]


def _identity(P: Array, block: Block, axis: int) -> Array:
    """A block of the identity matrix, which is P before the first layer."""
    xp = ag.array_namespace(P)
    wires = xp.empty(P[block].shape, dtype=P.dtype)
    rows = xp.eye(len(P), wires.shape[axis], k=-block[axis].start, dtype=P.dtype)
    wires[...] = xp.expand_dims(rows, axis=3 - axis)
    return wires


def steps_for(x: Array, layout: Layout) -> Sequence[Step]:
    return layout.steps if isinstance(x, np.ndarray) else _moved(layout, ag.array_namespace(x))


@functools.lru_cache(maxsize=32)
def _moved(layout: Layout, xp: Any) -> Sequence[Step]:
    """The steps with their indices on the device."""
    return [Step(xp.asarray(order), xp.asarray(back), c) for order, back, c in layout.steps]
