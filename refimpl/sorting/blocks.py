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

from ..autograd import Array, array_namespace, custom_vjp, plain, segment_sum, stop_gradient
from ..autograd.backend import like_array
from ..autograd.libraries import library_of


@dataclass(frozen=True)
class Blocks:
    """Blocks of neighbours in the flattened array: for NumPy where they start and how long they
    are, for other libraries the number of the block of every element.
    """

    starts: np.ndarray | None = None
    lengths: Array = None  # with `numbers`: the length of every element's block
    numbers: Array = None

    @property
    def single(self) -> bool:
        """Whether it is known that every block has one element."""
        return self.starts is not None and bool(np.all(self.lengths == 1))


def blocks_from_starts(starts: np.ndarray, like: Array) -> Blocks:
    """Blocks of an array like `like` from the flat positions at which they start."""
    like = plain(like)
    lengths = np.diff(starts, append=math.prod(like.shape))
    if library_of(like).name == "numpy":
        return Blocks(starts, lengths)
    numbers = np.repeat(np.arange(len(starts)), lengths)
    every = np.repeat(lengths, lengths)
    return Blocks(None, like_array(every, like), like_array(numbers, like))


def blocks_from_marks(first: Array) -> Blocks:
    """Blocks from an array (..., n) that is true where a block starts; it may be a JAX tracer."""
    xp = array_namespace(first)
    flat = xp.astype(xp.reshape(first, (-1,)), xp.int64)
    numbers = xp.cumulative_sum(flat) - 1
    lengths = segment_sum(xp.ones_like(flat), numbers, flat.shape[0])
    return Blocks(None, xp.take(lengths, numbers, axis=0), numbers)


def _sum(x: Array, *, blocks: Blocks) -> Array:
    xp = array_namespace(x)
    flat = xp.reshape(x, (-1,))
    if blocks.starts is not None:
        total = np.add.reduceat(flat, blocks.starts, dtype=np.float64)
        return np.reshape(np.repeat(total, blocks.lengths), x.shape).astype(x.dtype, copy=False)
    total = segment_sum(flat, blocks.numbers, flat.shape[0])
    return xp.reshape(xp.take(total, blocks.numbers, axis=0), x.shape)


def _mean(x: Array, *, blocks: Blocks) -> Array:
    xp = array_namespace(x)
    if blocks.starts is None:
        return _sum(x, blocks=blocks) / xp.astype(xp.reshape(blocks.lengths, x.shape), x.dtype)
    if blocks.single:
        return x
    total = np.add.reduceat(np.reshape(x, -1), blocks.starts, dtype=np.float64)
    mean = (total / blocks.lengths).astype(x.dtype, copy=False)
    return np.reshape(np.repeat(mean, blocks.lengths), x.shape)


def _logsumexp(x: Array, *, blocks: Blocks) -> Array:
    xp = array_namespace(x)
    if blocks.single:
        return x
    top = _max(stop_gradient(x), blocks)
    return top + xp.log(_sum(xp.exp(x - top), blocks=blocks))


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


block_sum = custom_vjp(_sum)
block_mean = custom_vjp(_mean)
block_logsumexp = custom_vjp(_logsumexp)

# Sums and means are symmetric linear maps.
block_sum.defvjp(
    lambda x, *, blocks: (block_sum(x, blocks=blocks), blocks),
    lambda blocks, g: (block_sum(g, blocks=blocks),),
)
block_mean.defvjp(
    lambda x, *, blocks: (block_mean(x, blocks=blocks), blocks),
    lambda blocks, g: (block_mean(g, blocks=blocks),),
)


def _logsumexp_forward(x: Array, *, blocks: Blocks) -> tuple:
    y = block_logsumexp(x, blocks=blocks)
    return y, (x, y, blocks)


def _logsumexp_backward(residuals: tuple, g: Array) -> tuple:
    x, y, blocks = residuals
    if blocks.single:
        return (g,)
    xp = array_namespace(x, g)
    return (xp.exp(x - y) * block_sum(g, blocks=blocks),)  # softmax within the block


block_logsumexp.defvjp(_logsumexp_forward, _logsumexp_backward)
