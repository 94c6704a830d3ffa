"""Reading and (functionally) writing parts of arrays, and everything that is a gather or a
scatter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import constant, indices_like
from ..core import OPERATIONS, Tracer, plain, unbroadcast
from ..libraries import library_of
from ._table import define, operation


def _check_index(key: Any) -> Any:
    for part in key if isinstance(key, tuple) else (key,):
        if type(part) is Tracer:
            raise TypeError(
                "an index must be whole numbers or booleans, got a traced array of dtype "
                f"{part.dtype}; an index has no derivative: compute it from stop_gradient(x), or "
                "use a soft selection (a weighted sum)"
            )
    return key


def _scatter(xp: Any, g: Any, y: Any, x: Any, key: Any) -> Any:
    return OPERATIONS["at_add"](xp.zeros_like(x), key, g)


def _before(x: Any, axis: int, key: Any) -> tuple:
    return (slice(None),) * (axis % x.ndim) + (key,)


def _along(x: Any, indices: Any, axis: int) -> tuple:
    """The index tuple that reads `x` at `indices` along `axis`, all other axes in step."""
    axis = axis % x.ndim
    parts: list[Any] = []
    for d, n in enumerate(x.shape):
        shape = tuple(-1 if i == d else 1 for i in range(x.ndim))
        parts.append(
            indices if d == axis else library_of(indices).xp.reshape(indices_like(n, x), shape)
        )
    return tuple(parts)


_getitem = define("getitem", _scatter)
_take = define(
    "take",
    lambda xp, g, y, x, indices, *, axis: _scatter(xp, g, y, x, _before(x, axis, indices)),
    definition=lambda xp, x, indices, *, axis: xp.take(x, indices, axis=axis),
)
_take_along_axis = define(
    "take_along_axis",
    lambda xp, g, y, x, indices, *, axis: _scatter(xp, g, y, x, _along(x, indices, axis)),
    definition=lambda xp, x, indices, *, axis: xp.take_along_axis(x, indices, axis=axis),
)
_at_add = define(
    "at_add",
    lambda xp, g, y, x, index, values: g,
    None,
    lambda xp, g, y, x, index, values: unbroadcast(xp, _getitem(g, index), values),
)
_at_set = define(
    "at_set",
    lambda xp, g, y, x, index, values: OPERATIONS["at_set"](g, index, 0.0),
    None,
    lambda xp, g, y, x, index, values: unbroadcast(xp, _getitem(g, index), values),
)


@operation
def getitem(x: Any, key: Any, /) -> Any:
    return _getitem(x, _check_index(key))


@operation
def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take: name the axis of an array of shape {tuple(x.shape)}")
        axis = 0
    return _take(x, _check_index(indices), axis=axis)


@operation
def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    return _take_along_axis(x, _check_index(indices), axis=axis)


@operation
def at_add(x: Any, index: Any, values: Any, /) -> Any:
    """A copy of `x` with `values` added at `index` (any index that reads); repeated indices
    accumulate.
    """
    return _at_add(x, _check_index(index), values)


@operation
def at_set(x: Any, index: Any, values: Any, /) -> Any:
    """A copy of `x` with `values` stored at `index`, which must not name an entry twice."""
    return _at_set(x, _check_index(index), values)


@operation
def segment_sum(values: Any, segments: Any, /, count: int) -> Any:
    """(m, ...) -> (count, ...): row s is the sum of the rows i of `values` with segments[i] = s."""
    xp = library_of(plain(values)).xp
    zeros = xp.broadcast_to(constant(0.0, like=values), (count, *values.shape[1:]))
    return at_add(zeros, segments, values)


@operation
def one_hot(indices: Any, /, n: int, *, like: Any) -> Any:
    """(...) whole numbers -> (..., n) with 1 at the index, in the dtype of `like`. Others than
    0..n-1 give zeros.
    """
    xp = library_of(indices).xp
    return xp.astype(indices[..., None] == indices_like(n, indices), plain(like).dtype)


@operation
def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The stable sorting permutation, in both directions; NaN counts as largest, and stays last.
    Untraced.
    """
    x = plain(x)
    xp = library_of(x).xp
    if not descending:
        return xp.argsort(x, axis=axis, stable=True)
    if xp.isdtype(x.dtype, "real floating"):
        return xp.argsort(-x, axis=axis, stable=True)
    order = xp.argsort(xp.flip(x, axis=axis), axis=axis, stable=True)  # -x may overflow
    return x.shape[axis] - 1 - xp.flip(order, axis=axis)


@operation
def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Sorted values; the derivative follows the stable permutation."""
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)


@operation
def topk(x: Any, /, k: int) -> tuple:
    """The k largest entries of the last axis, descending, and their positions."""
    if not 0 <= k <= x.shape[-1]:
        raise ValueError(f"topk: expected 0 <= k <= {x.shape[-1]}, got {k}")
    positions = _positions_by_partition(plain(x), k)
    if positions is None:
        positions = argsort(x, descending=True)[..., :k]
    return take_along_axis(x, positions, axis=-1), positions


def _positions_by_partition(x: Any, k: int) -> Any:
    """argsort(x, descending=True)[..., :k] without sorting everything; None where that does not
    apply: other libraries, short axes, NaN, or a tie for the k-th place.
    """
    if not isinstance(x, np.ndarray) or not 0 < k < x.shape[-1] // 4 or not x.size:
        return None
    rows = x.reshape(-1, x.shape[-1])
    chosen = rows >= np.partition(rows, -k, axis=-1)[:, -k, None]
    if np.any(np.count_nonzero(chosen, axis=-1) != k):
        return None
    found = np.nonzero(chosen)[1].reshape(len(rows), k)
    order = argsort(np.take_along_axis(rows, found, axis=-1), descending=True)
    return np.take_along_axis(found, order, axis=-1).reshape(*x.shape[:-1], k)
