"""Sums, extrema, products, spreads, norms and softmax, over any axes; running sums and products."""

from __future__ import annotations

import math
from typing import Any

from ..backend import constant
from ..core import OPERATIONS, plain
from ..libraries import library_of
from ._table import define, operation
from .elementwise import over_norm


def axes_of(x: Any, axis: Any) -> tuple[int, ...]:
    """The reduced axes as non-negative numbers."""
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(a % x.ndim for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))


def spread(xp: Any, g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """The reduced array `g` repeated along the reduced axes of `x`."""
    if not keepdims:
        reduced = axes_of(x, axis)
        g = xp.reshape(g, tuple(1 if i in reduced else n for i, n in enumerate(x.shape)))
    return xp.broadcast_to(g, x.shape)


def _count(x: Any, axis: Any) -> int:
    return math.prod(x.shape[a] for a in axes_of(x, axis))


def _sum(xp: Any, g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return spread(xp, g, x, axis, keepdims)


def _mean(xp: Any, g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return spread(xp, g / _count(x, axis), x, axis, keepdims)


def _extremum(xp: Any, g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    hits = xp.astype(x == spread(xp, y, x, axis, keepdims), x.dtype)
    return hits * spread(
        xp, g / xp.sum(hits, axis=axis, keepdims=keepdims), x, axis, keepdims
    )  # ties share equally


def _centred(xp: Any, x: Any, axis: Any) -> Any:
    return x - xp.mean(x, axis=axis, keepdims=True)


def _var(
    xp: Any,
    g: Any,
    y: Any,
    x: Any,
    *,
    axis: Any = None,
    correction: Any = 0.0,
    keepdims: bool = False,
) -> Any:
    g = spread(xp, 2.0 * g / (_count(x, axis) - correction), x, axis, keepdims)
    return g * _centred(xp, x, axis)


def _std(
    xp: Any,
    g: Any,
    y: Any,
    x: Any,
    *,
    axis: Any = None,
    correction: Any = 0.0,
    keepdims: bool = False,
) -> Any:
    g = spread(xp, g / (_count(x, axis) - correction), x, axis, keepdims)
    g = xp.where(_constant(xp, plain(x), axis), xp.zeros_like(g), g)
    return over_norm(xp, g, _centred(xp, x, axis), spread(xp, y, x, axis, keepdims))


def _constant(xp: Any, x: Any, axis: Any) -> Any:
    """Where all entries are equal; the computed spread of such entries may miss 0 by rounding."""
    if _count(x, axis) == 0:
        return xp.isnan(x)
    return xp.max(x, axis=axis, keepdims=True) == xp.min(x, axis=axis, keepdims=True)


def _vector_norm(
    xp: Any, g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False
) -> Any:
    return over_norm(xp, spread(xp, g, x, axis, keepdims), x, spread(xp, y, x, axis, keepdims))


def _logsumexp(xp: Any, g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """g times the softmax: exp(x - y), normalised since the rounding of a large y is a factor."""
    g, y = spread(xp, g, x, axis, keepdims), spread(xp, y, x, axis, keepdims)
    empty = y == -math.inf
    weights = xp.exp(x - xp.where(empty, xp.zeros_like(y), y))
    total = spread(xp, xp.sum(weights, axis=axis, keepdims=True), x, axis, True)
    weights = weights / xp.where(empty, xp.ones_like(total), total)
    return xp.where(empty, xp.zeros_like(x), g * weights)


def _top(xp: Any, x: Any, axis: Any) -> Any:
    """The maximum, as a constant; 0 where it is infinite: all -inf, or some inf."""
    top = OPERATIONS["stop_gradient"](xp.max(x, axis=axis, keepdims=True))
    return xp.where(xp.isfinite(top), top, xp.zeros_like(top))


def _define_logsumexp(xp: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    top = _top(xp, x, axis)
    total = xp.sum(xp.exp(x - top), axis=axis, keepdims=True)
    empty = total == 0  # all -inf: the answer is -inf, reached without a logarithm of 0
    y = xp.log(xp.where(empty, xp.ones_like(total), total)) + top
    y = xp.where(empty, xp.full_like(y, -math.inf), y)
    reduced = axes_of(x, axis)
    kept = tuple(n for i, n in enumerate(x.shape) if i not in reduced)
    return y if keepdims else xp.reshape(y, kept)


def _define_softmax(xp: Any, x: Any, *, axis: int = -1) -> Any:
    e = xp.exp(x - OPERATIONS["stop_gradient"](xp.max(x, axis=axis, keepdims=True)))
    return e / xp.sum(e, axis=axis, keepdims=True)


def _define_log_softmax(xp: Any, x: Any, *, axis: int = -1) -> Any:
    x = x - _top(xp, x, axis)  # exact, where x - logsumexp(x) rounds twice
    return x - xp.log(xp.sum(xp.exp(x), axis=axis, keepdims=True))


def _exclusive_products(xp: Any, x: Any) -> Any:
    """Along the last axis: the product of everything before each entry."""
    if x.shape[-1] == 0:
        return x
    return xp.cumulative_prod(xp.concat([xp.ones_like(x[..., :1]), x[..., :-1]], axis=-1), axis=-1)


def _prod(xp: Any, g: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """g times the product of the other entries, as prefix times suffix: exact with zeros, at
    every order.
    """
    reduced = axes_of(x, axis)
    order = tuple(i for i in range(x.ndim) if i not in reduced) + reduced
    moved = xp.permute_dims(x, order)
    rows = xp.reshape(moved, (*moved.shape[: x.ndim - len(reduced)], _count(x, axis)))
    after = xp.flip(_exclusive_products(xp, xp.flip(rows, axis=-1)), axis=-1)
    others = xp.reshape(_exclusive_products(xp, rows) * after, moved.shape)
    back = tuple(sorted(range(x.ndim), key=order.__getitem__))
    return spread(xp, g, x, axis, keepdims) * xp.permute_dims(others, back)


def _cumulative_sum(xp: Any, g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis)


def _cumulative_prod(xp: Any, g: Any, y: Any, x: Any, *, axis: int) -> Any:
    """prefix_i s_i with s_i = g_i + x_{i+1} s_{i+1}: no division, so zeros are exact at every
    order.
    """
    if x.shape[axis] == 0:
        return g
    x, g = xp.moveaxis(x, axis, -1), xp.moveaxis(g, axis, -1)
    tail = [g[..., -1:]]
    for i in range(x.shape[-1] - 2, -1, -1):
        tail.append(g[..., i : i + 1] + x[..., i + 1 : i + 2] * tail[-1])
    return xp.moveaxis(_exclusive_products(xp, x) * xp.concat(tail[::-1], axis=-1), -1, axis)


define("mean", _mean)
define("max", _extremum)
define("min", _extremum)
define("var", _var)
define("std", _std)
define("logsumexp", _logsumexp, definition=_define_logsumexp)
_norm = define(
    "vector_norm", _vector_norm, definition=lambda xp, x, **kw: xp.linalg.vector_norm(x, **kw)
)
define(
    "softmax",
    lambda xp, g, y, x, *, axis=-1: y * (g - xp.sum(g * y, axis=axis, keepdims=True)),
    definition=_define_softmax,
)
define(
    "log_softmax",
    lambda xp, g, y, x, *, axis=-1: g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True),
    definition=_define_log_softmax,
)
_plain_sum, _plain_prod = define("sum", _sum), define("prod", _prod)
_running_sum, _running_prod = (
    define("cumulative_sum", _cumulative_sum),
    define("cumulative_prod", _cumulative_prod),
)


def _in_dtype(x: Any, dtype: Any) -> Any:
    return x if dtype is None else OPERATIONS["astype"](x, dtype)


@operation
def sum(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    return _plain_sum(_in_dtype(x, dtype), axis=axis, keepdims=keepdims)


@operation
def prod(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    return _plain_prod(_in_dtype(x, dtype), axis=axis, keepdims=keepdims)


def _running(
    primitive: Any, first: float, x: Any, axis: int | None, dtype: Any, include_initial: bool
) -> Any:
    if axis is None and x.ndim != 1:
        raise ValueError(
            f"{primitive.__name__}: name the axis of an array of shape {tuple(x.shape)}"
        )
    axis, x = (0 if axis is None else axis), _in_dtype(x, dtype)
    y = primitive(x, axis=axis)
    if not include_initial:
        return y
    shape = tuple(1 if i == axis % x.ndim else n for i, n in enumerate(x.shape))
    xp = library_of(x).traced
    return xp.concat([xp.broadcast_to(constant(first, like=y), shape), y], axis=axis)


@operation
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    return _running(_running_sum, 0.0, x, axis, dtype, include_initial)


@operation
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    return _running(_running_prod, 1.0, x, axis, dtype, include_initial)


@operation
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    """The Euclidean norm, with derivative 0 at the zero vector."""
    if ord != 2:
        raise ValueError(
            f"vector_norm: expected ord=2, got {ord!r}; write other norms with xp.sum and xp.abs"
        )
    return _norm(x, axis=axis, keepdims=keepdims)


@operation
def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """n-th differences of neighbours."""
    xp = library_of(x).traced
    if prepend is not None or append is not None:
        x = xp.concat([part for part in (prepend, x, append) if part is not None], axis=axis)
    x = xp.moveaxis(x, axis, -1)
    for _ in range(min(n, x.shape[-1])):  # no entries: no differences
        x = x[..., 1:] - x[..., :-1]
    return xp.moveaxis(x, -1, axis)
