"""Sums, means and log-sum-exps over blocks of neighbours, with derivatives of every order.

`Blocks` says which neighbours along the last axis belong together, for a whole batch at once. The
functions give every element the value of its block. Blocks are constants: where an operator such as
isotonic regression changes them, it has a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, plain, segment_sum
from ..autograd.backend import like_array
from ..autograd.core import Primitive, traceable
from ..autograd.libraries import library_of


@dataclass(frozen=True)
class Blocks:
    """Blocks of neighbours in the flattened array: for NumPy where they start and how long they
    are; for other libraries, per element, the number and the length of its block.
    """

    starts: np.ndarray | None
    lengths: Array
    numbers: Array = None
    single: bool = False  # whether it is known that every block has one element


def blocks_from_starts(starts: np.ndarray, like: Array) -> Blocks:
    """Blocks of an array like `like` from the flat positions at which they start."""
    like = plain(like)
    size = math.prod(like.shape)
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = size - starts[-1:]
    if library_of(like).name == "numpy":
        return Blocks(starts, lengths, single=len(starts) == size)
    numbers = np.repeat(np.arange(len(starts)), lengths)
    every = np.repeat(lengths, lengths)
    return Blocks(None, like_array(every, like), like_array(numbers, like), len(starts) == size)


def blocks_from_marks(first: Array) -> Blocks:
    """Blocks from an array (..., n) that is true where a block starts; it may be a JAX tracer."""
    xp = array_namespace(first)
    flat = xp.astype(xp.reshape(first, (-1,)), xp.int64)
    numbers = xp.cumulative_sum(flat) - 1
    lengths = segment_sum(xp.ones_like(flat), numbers, flat.shape[0])
    return Blocks(None, xp.take(lengths, numbers, axis=0), numbers)


def _sum(xp: Any, x: Array, *, blocks: Blocks) -> Array:
    if blocks.single:
        return x
    if blocks.starts is not None:
        total = np.add.reduceat(np.reshape(x, -1), blocks.starts, dtype=np.float64)
        total = total.astype(x.dtype, copy=False)
        return np.reshape(np.repeat(total, blocks.lengths), x.shape)
    flat = xp.reshape(x, (-1,))
    total = segment_sum(flat, blocks.numbers, flat.shape[0])
    return xp.reshape(xp.take(total, blocks.numbers, axis=0), x.shape)


def _mean(xp: Any, x: Array, *, blocks: Blocks) -> Array:
    if blocks.single:
        return x
    if blocks.starts is None:
        lengths = xp.reshape(blocks.lengths, x.shape)
        return _sum(xp, x, blocks=blocks) / xp.astype(lengths, x.dtype)
    total = np.add.reduceat(np.reshape(x, -1), blocks.starts, dtype=np.float64)
    mean = (total / blocks.lengths).astype(x.dtype, copy=False)
    return np.reshape(np.repeat(mean, blocks.lengths), x.shape)


def _logsumexp(xp: Any, x: Array, *, blocks: Blocks) -> Array:
    if blocks.single:
        return x
    top = _max(library_of(x).detach(x), blocks)
    return top + xp.log(_sum(xp, xp.exp(x - top), blocks=blocks))


def _max(x: Array, blocks: Blocks) -> Array:
    if blocks.starts is not None:
        top = np.maximum.reduceat(np.reshape(x, -1), blocks.starts)
        return np.reshape(np.repeat(top, blocks.lengths), x.shape)
    xp = array_namespace(x)
    pairs = xp.reshape(x, (-1,)), blocks.numbers
    rising = scan(_larger_in_block(xp), *pairs)[0]  # largest up to here
    pairs = xp.flip(rising), xp.flip(blocks.numbers)
    return xp.reshape(xp.flip(scan(_larger_in_block(xp), *pairs)[0]), x.shape)


def _larger_in_block(xp: Any) -> Callable[..., Any]:
    def larger(earlier: tuple, later: tuple) -> tuple:
        (a, block), (b, own) = earlier, later
        return xp.where(block == own, xp.maximum(a, b), b), own

    return larger


def scan(combine: Callable[..., Any], *parts: Array) -> tuple:
    """Running totals along the last axis: `combine(earlier, later)` of tuples, in log2(n) steps.

    >>> import numpy as np
    >>> scan(lambda a, b: (a[0] + b[0],), np.array([1.0, 2.0, 3.0, 4.0]))[0]
    array([ 1.,  3.,  6., 10.])
    """
    xp, n, step = array_namespace(*parts), parts[0].shape[-1], 1
    while step < n:
        earlier = tuple(x[..., :-step] for x in parts)
        later = tuple(x[..., step:] for x in parts)
        new = combine(earlier, later)
        parts = tuple(
            xp.concat([x[..., :step], y], axis=-1) for x, y in zip(parts, new, strict=True)
        )
        step *= 2
    return parts


def _log_softmax(xp: Any, x: Array, *, blocks: Blocks) -> Array:
    if blocks.single:
        return xp.zeros_like(x)
    less = x - _max(library_of(x).detach(x), blocks)
    return less - xp.log(_sum(xp, xp.exp(less), blocks=blocks))


def _softmax(xp: Any, x: Array, *, blocks: Blocks) -> Array:
    if blocks.single:
        return xp.ones_like(x)
    e = xp.exp(x - _max(library_of(x).detach(x), blocks))
    return e / _sum(xp, e, blocks=blocks)


def _operation(name: str, rule: Callable[..., Array], definition: Callable[..., Array]) -> Any:
    return traceable(Primitive(name, rule, definition=definition))


# Each gives every element of x the value of its block; called as `block_sum(x, blocks=blocks)`.
block_sum: Any = _operation("block_sum", lambda xp, g, y, x, **k: block_sum(g, **k), _sum)
block_mean: Any = _operation("block_mean", lambda xp, g, y, x, **k: block_mean(g, **k), _mean)
block_logsumexp: Any = _operation(
    "block_logsumexp",
    lambda xp, g, y, x, **k: block_softmax(x, **k) * block_sum(g, **k),
    _logsumexp,
)
block_log_softmax: Any = _operation(
    "block_log_softmax",
    lambda xp, g, y, x, **k: g - xp.exp(y) * block_sum(g, **k),
    _log_softmax,
)
block_softmax: Any = _operation(  # each element's share of its block
    "block_softmax", lambda xp, g, y, x, **k: y * (g - block_sum(y * g, **k)), _softmax
)
