"""Rearranging, joining and repeating arrays."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import constant, indices_like
from ..core import OPERATIONS, is_traced, plain
from ..libraries import library_of
from ._table import define, operation


def _inverse(order: Sequence[int], ndim: int) -> tuple[int, ...]:
    positions = [a % ndim for a in order]
    return tuple(sorted(range(ndim), key=positions.__getitem__))


def _tile_rule(xp: Any, g: Any, y: Any, x: Any, repetitions: Any) -> Any:
    added = max(0, y.ndim - x.ndim), max(0, y.ndim - len(repetitions))
    shape, counts = (1,) * added[0] + tuple(x.shape), (1,) * added[1] + tuple(repetitions)
    copies = xp.reshape(g, tuple(itertools.chain(*zip(counts, shape, strict=True))))
    return xp.reshape(xp.sum(copies, axis=tuple(range(0, 2 * len(shape), 2))), x.shape)


def _repeat_rule(xp: Any, g: Any, y: Any, x: Any, repeats: Any, *, axis: int) -> Any:
    n = x.shape[axis]
    if isinstance(repeats, int):
        moved = xp.moveaxis(g, axis, -1)
        copies = xp.reshape(moved, (*moved.shape[:-1], n, repeats))
        return xp.moveaxis(xp.sum(copies, axis=-1), -1, axis)
    origin = library_of(plain(x)).xp.repeat(indices_like(n, x), repeats, axis=0)
    return OPERATIONS["at_add"](xp.zeros_like(x), (slice(None),) * (axis % x.ndim) + (origin,), g)


def _concat_rule(
    xp: Any, positions: Sequence[int], g: Any, y: Any, *arrays: Any, axis: int
) -> list:
    ends = list(itertools.accumulate(a.shape[axis] for a in arrays))
    before = (slice(None),) * (axis % y.ndim)
    return [g[(*before, slice(ends[p] - arrays[p].shape[axis], ends[p]), ...)] for p in positions]


def _stack_rule(xp: Any, positions: Sequence[int], g: Any, y: Any, *arrays: Any, axis: int) -> list:
    before = (slice(None),) * (axis % y.ndim)
    return [g[(*before, p, ...)] for p in positions]


def _define_unstack(xp: Any, x: Any, *, axis: int) -> tuple:
    moved = xp.moveaxis(x, axis, 0)
    return tuple(moved[i, ...] for i in range(moved.shape[0]))


def _define_split(xp: Any, x: Any, sizes: Sequence[int], *, axis: int) -> tuple:
    before = (slice(None),) * (axis % x.ndim)
    ends = itertools.accumulate(sizes)
    return tuple(x[(*before, slice(end - n, end), ...)] for n, end in zip(sizes, ends, strict=True))


def _back_to_shape(xp: Any, g: Any, y: Any, x: Any, *_: Any, **__: Any) -> Any:
    return xp.reshape(g, x.shape)


define("expand_dims", _back_to_shape)
define("squeeze", _back_to_shape)
define("permute_dims", lambda xp, g, y, x, axes: xp.permute_dims(g, _inverse(axes, x.ndim)))
define("matrix_transpose", lambda xp, g, y, x: xp.matrix_transpose(g))
define("moveaxis", lambda xp, g, y, x, source, destination: xp.moveaxis(g, destination, source))
define("flip", lambda xp, g, y, x, *, axis=None: xp.flip(g, axis=axis))
define("broadcast_to", lambda xp, g, y, x, shape: g, broadcasts=True)
define("tril", lambda xp, g, y, x, *, k=0: xp.tril(g, k=k))
define("triu", lambda xp, g, y, x, *, k=0: xp.triu(g, k=k))
_reshape = define("reshape", _back_to_shape)
_roll = define(
    "roll",
    lambda xp, g, y, x, shift, *, axis=None: xp.roll(
        g, tuple(-s for s in shift) if isinstance(shift, (tuple, list)) else -shift, axis=axis
    ),
)
_tile, _repeat = define("tile", _tile_rule), define("repeat", _repeat_rule)
_concat = define(
    "concat",
    _concat_rule,
    variadic=True,
    broadcasts=True,  # for the dtypes of mixed arguments
    definition=lambda xp, *arrays, axis: xp.concat(arrays, axis=axis),
)
_stack = define(
    "stack",
    _stack_rule,
    variadic=True,
    broadcasts=True,
    definition=lambda xp, *arrays, axis: xp.stack(arrays, axis=axis),
)
_unstack = define(
    "unstack", lambda xp, g, y, x, *, axis: xp.stack(g, axis=axis), definition=_define_unstack
)
_split = define(
    "split", lambda xp, g, y, x, sizes, *, axis: xp.concat(g, axis=axis), definition=_define_split
)


@operation
def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Any:
    return _reshape(x, shape)


@operation
def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
    return _roll(x, shift, axis=axis)


@operation
def tile(x: Any, repetitions: Any, /) -> Any:
    return _tile(x, (repetitions,) if isinstance(repetitions, int) else tuple(repetitions))


@operation
def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Each entry `repeats` times (a number, or one count per entry) along `axis`; of the
    flattened array without.
    """
    x, axis = (reshape(x, (-1,)), 0) if axis is None else (x, axis)
    return _repeat(x, repeats, axis=axis)


@operation
def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Any:
    if axis is None:
        arrays, axis = [reshape(a, (-1,)) for a in arrays], 0
    return _concat(*arrays, axis=axis)


@operation
def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Any:
    return _stack(*arrays, axis=axis)


@operation
def unstack(x: Any, /, *, axis: int = 0) -> tuple:
    """The slices of `x` along `axis`, as a tuple."""
    return _unstack(x, axis=axis)


@operation
def split(x: Any, /, sizes: Sequence[int], *, axis: int = 0) -> tuple:
    """Consecutive parts of the given sizes along `axis`, as a tuple. Raises ValueError if they
    do not add up.
    """
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        raise ValueError(
            f"split: sizes {list(sizes)} do not add up to the {x.shape[axis]} entries of axis "
            f"{axis}"
        )
    return _split(x, tuple(sizes), axis=axis)


@operation
def pad(x: Any, /, width: Any, value: float = 0.0) -> Any:
    """`x` surrounded by `value`; `width` is a number, one (before, after) pair, or one pair per
    axis.
    """
    if isinstance(width, int):
        width = (width, width)
    pairs = [width] * x.ndim if isinstance(width[0], int) else list(width)
    if len(pairs) != x.ndim:
        raise ValueError(
            f"pad: expected one (before, after) pair for each of {x.ndim} axes, got {width!r}"
        )
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, pairs, strict=True))
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, pairs, strict=True))
    xp = library_of(plain(x)).xp
    frame = xp.broadcast_to(constant(value, like=x), shape)
    return OPERATIONS["at_set"](frame, inside, x)


@operation
def diag(x: Any, /) -> Any:
    """(..., n) -> (..., n, n) with `x` on the diagonal."""
    xp = library_of(x).traced
    column = indices_like(x.shape[-1], x)
    return xp.where(column[:, None] == column[None, :], x[..., None, :], constant(0.0, like=x))


@operation
def full_like(x: Any, /, fill_value: Any, **options: Any) -> Any:
    """An array of the shape of `x`, and its dtype if none is given, filled with one value."""
    like = plain(x)
    if not is_traced(fill_value):
        return library_of(like).xp.full_like(like, fill_value, **options)
    value = OPERATIONS["astype"](fill_value, options.get("dtype") or like.dtype)
    return OPERATIONS["broadcast_to"](value, tuple(like.shape))


@operation
def meshgrid(*arrays: Any, indexing: str = "xy") -> list:
    """Coordinate arrays from one-dimensional ones."""
    xp = library_of(*arrays).traced
    order = list(range(len(arrays)))
    if indexing == "xy" and len(arrays) > 1:
        order[:2] = 1, 0
    shape = tuple(arrays[i].shape[0] for i in order)
    return [
        xp.broadcast_to(
            xp.reshape(a, tuple(-1 if order[d] == i else 1 for d in range(len(arrays)))), shape
        )
        for i, a in enumerate(arrays)
    ]


@operation
def broadcast_arrays(*arrays: Any) -> list:
    """All arrays stretched to their common shape."""
    xp = library_of(*arrays).traced
    shape = np.broadcast_shapes(*(tuple(a.shape) for a in arrays))
    return [xp.broadcast_to(a, shape) for a in arrays]
