"""Relaxed indexing: reading and writing at a real-valued position, smallest and largest values.

A position i that is a real number, such as an average of whole ones, selects every element j of an
axis with a weight w_j:

    cdf       w_j = F(beta (j + 1/2 - i)) - F(beta (j - 1/2 - i)), the end cells taking the tails:
              the probability that i plus noise rounds to j; sums to 1 and clamps i to the axis
    density   w_j proportional to E(beta (j - i)), the relaxed equality of `conditions`; the nearest
              element where all are 0 (laws of bounded support)

    read      sum_j w_j x_j                         write     x_j <- w_j v + (1 - w_j) x_j
    argmax    softmax(beta x), exactly P(x_j + noise is largest) for Gumbel noise of scale 1/beta
    max       sum_j argmax_j x_j, the expected value at that place; or log-sum-exp

Axes: the batch comes first, then the axis that is indexed. An index has the shape of the batch.

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021; the soft functions as in PyPI algovision 0.1.2.
"""

from __future__ import annotations

import math
from typing import Any

from .. import autograd as ag
from ..autograd import Array
from ..validation import choose, float_array, non_negative, positive
from .conditions import Law, equal, less


def index_weights(
    i: Array,
    n: int,
    *,
    beta: float = 10.0,
    distribution: Law = "logistic",
    kernel: str = "cdf",
) -> Array:
    """Weights of the elements 0..n-1 for the real position i: (B...) -> (B..., n), sums 1.

    kernel: "cdf" or "density", see above. beta may be inf: the nearest element; halfway, the upper
    one of the two for "cdf". Positions below 0 count from the end only if they are whole Python
    numbers, which `take_soft` and `put_soft` handle.

    >>> import numpy as np
    >>> index_weights(np.array([1.0, 1.5]), 4, beta=20.0).round(3)
    array([[0. , 1. , 0. , 0. ],
           [0. , 0.5, 0.5, 0. ]])
    """
    i = float_array(i, "i")
    xp = ag.array_namespace(i)
    places = xp.astype(ag.indices_like(n, i), i.dtype)
    at = xp.expand_dims(i, axis=-1)
    if choose(kernel, ("cdf", "density"), "kernel") == "density":
        if beta == math.inf:
            return index_weights(i, n, beta=beta, distribution=distribution)
        w = equal(places, at, beta=beta, distribution=distribution)
        total = xp.sum(w, axis=-1, keepdims=True)
        nowhere = total <= 0
        nearest = index_weights(ag.stop_gradient(i), n, beta=math.inf)
        return xp.where(nowhere, nearest, w / xp.where(nowhere, 1.0, total))
    below = less(at, places[1:] - 0.5, beta=beta, distribution=distribution)  # i rounds below j
    first, last = xp.zeros_like(at), xp.ones_like(at)
    edges = xp.concat([first, below, last], axis=-1)
    return edges[..., 1:] - edges[..., :-1]


def take_weighted(x: Array, w: Array) -> Array:
    """sum_j w_j x_j over the last axis of w: (B..., n, ...), (B..., n) -> (B..., ...).

    >>> import numpy as np
    >>> take_weighted(np.array([[1.0, 2.0, 4.0]]), np.array([[0.5, 0.5, 0.0]]))
    array([1.5])
    """
    x, w = float_array(x, "x"), float_array(w, "w", min_ndim=1)
    _check_weights(x, w)
    xp = ag.array_namespace(x, w)
    return xp.sum(_right(w, x.ndim) * x, axis=w.ndim - 1)


def put_weighted(x: Array, w: Array, v: Array) -> Array:
    """w_j v + (1 - w_j) x_j: writes v to element j to the degree w_j.

    x: (B..., n, ...); w: (B..., n), or more axes of x, entries in [0, 1] that need not sum to 1;
    v: (B..., ...) without the axes that w adds to the batch, or a number. The number of batch axes
    is that of v's axes less those of x that w lacks; a v that has fewer axes is repeated.

    >>> import numpy as np
    >>> put_weighted(np.array([[1.0, 2.0, 4.0]]), np.array([[0.0, 0.5, 1.0]]), 0.0)
    array([[1., 1., 0.]])
    """
    x, w = float_array(x, "x"), float_array(w, "w", min_ndim=1)
    _check_weights(x, w)
    xp = ag.array_namespace(x, w)
    if getattr(v, "ndim", 0):
        rest = x.ndim - w.ndim  # axes that are written as a whole
        batch = max(v.ndim - rest, 0)
        v = xp.reshape(v, tuple(v.shape[:batch]) + (1,) * (w.ndim - batch) + tuple(v.shape[batch:]))
    w = _right(w, x.ndim)
    return w * v + (1 - w) * x


def take_soft(
    x: Array,
    index: Any,
    *,
    beta: float = 10.0,
    distribution: Law = "logistic",
    kernel: str = "cdf",
    batch_axes: int | None = None,
) -> Array:
    """x[index] at a real-valued position.

    x: (B..., n, ...); index: a real array (B...), a whole Python number, a slice, or a tuple of
    these for several axes; batch_axes: the number of axes in B..., by default that of the real
    index. Returns x without the axes that numbers index. The derivative by a real index is that of
    its weights; see `index_weights` for the options.

    Raises IndexError for too many indices, ValueError for an index of the wrong shape.

    >>> import numpy as np
    >>> take_soft(np.array([[10.0, 20.0, 30.0]]), np.array([0.5]), beta=50.0)
    array([15.])
    """
    parts, batch = _parts(x, index, batch_axes)
    for part in parts:
        if not _is_real(part):
            x, batch = _take_hard(x, part, batch)
            continue
        xp = ag.array_namespace(x, part)
        w = index_weights(part, x.shape[batch], beta=beta, distribution=distribution, kernel=kernel)
        lead = tuple(part.shape)
        extra = batch - len(lead)  # axes kept by slices on the left of this index
        w = xp.reshape(w, lead + (1,) * extra + (x.shape[batch],))
        x = xp.sum(_right(w, x.ndim) * x, axis=batch)
    return x


def put_soft(
    x: Array,
    index: Any,
    v: Array,
    *,
    beta: float = 10.0,
    distribution: Law = "logistic",
    kernel: str = "cdf",
    batch_axes: int | None = None,
) -> Array:
    """x with x[index] = v at a real-valued position: w v + (1 - w) x, w the product over the axes.

    Arguments as for `take_soft`; v: a number, or an array that has the batch axes and then those of
    x[index]. Whole numbers and slices alone write exactly.

    >>> import numpy as np
    >>> put_soft(np.array([[10.0, 20.0, 30.0]]), np.array([0.5]), 0.0, beta=50.0)
    array([[ 5., 10., 30.]])
    """
    parts, batch = _parts(x, index, batch_axes)
    if not any(map(_is_real, parts)):
        return ag.at_set(x, (*[slice(None)] * batch, *parts), _aligned(x, parts, batch, v))
    xp = ag.array_namespace(x, *[part for part in parts if _is_real(part)])
    weight: Any = 1.0
    for k, part in enumerate(parts):
        n = x.shape[batch + k]
        if _is_real(part):
            w = index_weights(part, n, beta=beta, distribution=distribution, kernel=kernel)
        elif isinstance(part, slice) and part == slice(None):
            continue
        else:
            w = ag.at_set(ag.constant([0.0] * n, like=x), (part,), 1.0)
        lead = tuple(w.shape[:-1]) or (1,) * batch
        weight = weight * xp.reshape(w, lead + (1,) * k + (n,) + (1,) * (x.ndim - batch - k - 1))
    if getattr(v, "ndim", 0):
        kept = [part for part in parts if isinstance(part, slice)]
        if any(part != slice(None) for part in kept):
            raise ValueError("put_soft: a real index together with a part of an axis; write rows")
        v = _spread(x, parts, batch, v)
    return weight * v + (1 - weight) * x


def argmax_soft(x: Array, *, beta: float = 10.0, axis: int = -1) -> Array:
    """softmax(beta x) along an axis, whose entries sum to 1; same shape as x.

    beta may be inf: the largest entries share the weight equally, derivative 0.

    >>> import numpy as np
    >>> argmax_soft(np.array([0.0, 1.0]), beta=2.0)
    array([0.11920292, 0.88079708])
    >>> argmax_soft(np.array([1.0, 1.0, 0.0]), beta=np.inf)
    array([0.5, 0.5, 0. ])
    """
    x = float_array(x, "x", min_ndim=1)
    beta = non_negative(beta, "beta")
    if beta == math.inf:
        host = ag.plain(x)
        xp = ag.array_namespace(host)
        best = xp.astype(host == xp.max(host, axis=axis, keepdims=True), host.dtype)
        return best / xp.sum(best, axis=axis, keepdims=True)
    return ag.softmax(beta * x, axis=axis)


def argmin_soft(x: Array, *, beta: float = 10.0, axis: int = -1) -> Array:
    """softmax(-beta x) along an axis; see `argmax_soft`."""
    return argmax_soft(-float_array(x, "x", min_ndim=1), beta=beta, axis=axis)


def max_soft(x: Array, *, beta: float = 10.0, axis: int = -1, kind: str = "mean") -> Array:
    """The largest value along an axis, relaxed.

    kind: "mean", sum_j w_j x_j with w = softmax(beta x): between the mean and the maximum, exact
    when all values tie; its derivative w_j (1 + beta (x_j - result)) is negative for small x_j.
    "logsumexp", log(sum_j exp(beta x_j))/beta: monotone, at least the maximum, log(k)/beta above it
    when k values tie.

    >>> import numpy as np
    >>> max_soft(np.array([0.0, 1.0]), beta=2.0).round(6)
    np.float64(0.880797)
    """
    x = float_array(x, "x", min_ndim=1)
    if choose(kind, ("mean", "logsumexp"), "kind") == "logsumexp" and beta != math.inf:
        beta = positive(beta, "beta")
        return ag.logsumexp(beta * x, axis=axis) / beta
    xp = ag.array_namespace(x)
    return xp.sum(argmax_soft(x, beta=beta, axis=axis) * x, axis=axis)


def min_soft(x: Array, *, beta: float = 10.0, axis: int = -1, kind: str = "mean") -> Array:
    """The smallest value along an axis, -max(-x); see `max_soft`.

    >>> import numpy as np
    >>> min_soft(np.array([0.0, 1.0]), beta=2.0).round(6)
    np.float64(0.119203)
    """
    return -max_soft(-float_array(x, "x", min_ndim=1), beta=beta, axis=axis, kind=kind)


def expected_index(w: Array) -> Array:
    """sum_j j w_j over the last axis: the position that a soft arg-max stands for, a real number.

    >>> import numpy as np
    >>> expected_index(np.array([0.0, 0.5, 0.5]))
    np.float64(1.5)
    """
    w = float_array(w, "w", min_ndim=1)
    xp = ag.array_namespace(w)
    return xp.sum(w * xp.astype(ag.indices_like(w.shape[-1], w), w.dtype), axis=-1)


# --- below: axes ---------------------------------------------------------------------------------


def _is_real(part: Any) -> bool:
    return ag.is_array(part) or isinstance(part, float)


def _parts(x: Array, index: Any, batch_axes: int | None) -> tuple[list, int]:
    """The index as a list without None, and the number of batch axes."""
    parts = list(index) if isinstance(index, tuple) else [index]
    reals = [part.ndim for part in parts if ag.is_array(part)]
    batch = batch_axes if batch_axes is not None else max(reals, default=0)
    if batch + len(parts) > x.ndim:
        raise IndexError(
            f"{len(parts)} indices for an array of shape {tuple(x.shape)} with {batch} batch axes"
        )
    parts = [ag.constant(part, like=x) if isinstance(part, float) else part for part in parts]
    return [_checked(part, x, batch) for part in parts], batch


def _checked(part: Any, x: Array, batch: int) -> Any:
    if not ag.is_array(part):
        return part
    part = float_array(part, "index")
    if part.ndim not in (0, batch):
        raise ValueError(
            f"index of shape {tuple(part.shape)}: expected one position for each of the batch "
            f"{tuple(x.shape[:batch])}"
        )
    xp = ag.array_namespace(part)
    return xp.reshape(part, (1,) * batch) if part.ndim < batch else part


def _take_hard(x: Array, part: Any, axis: int) -> tuple[Array, int]:
    taken = x[(*[slice(None)] * axis, part)]
    return taken, axis + isinstance(part, slice)


def _aligned(x: Array, parts: list, batch: int, v: Any) -> Any:
    """v in the shape that x[parts] has: batch axes first, the other axes from the right."""
    if not getattr(v, "ndim", 0):
        return v
    kept = sum(isinstance(part, slice) for part in parts) + x.ndim - batch - len(parts)
    return _batch_and_rest(v, batch, kept)


def _batch_and_rest(v: Array, batch: int, rest: int) -> Array:
    """v with axes of length 1 between those of the batch and the others, batch + rest in all."""
    lead, tail = tuple(v.shape[:batch]), tuple(v.shape[batch:])
    missing = max(rest - len(tail), 0)
    return ag.array_namespace(v).reshape(v, lead + (1,) * missing + tail)


def _spread(x: Array, parts: list, batch: int, v: Array) -> Array:
    """v with an axis of length 1 for each axis of x that a number indexes."""
    rest = x.ndim - batch - len(parts)
    kept = sum(isinstance(part, slice) for part in parts) + rest
    v = _batch_and_rest(v, batch, kept)
    shape, given = list(v.shape[:batch]), list(v.shape[batch:])
    for part in parts:
        shape.append(given.pop(0) if isinstance(part, slice) else 1)
    return ag.array_namespace(v).reshape(v, tuple(shape + given))


def _right(w: Array, ndim: int) -> Array:
    return ag.array_namespace(w).reshape(w, tuple(w.shape) + (1,) * (ndim - w.ndim))


def _check_weights(x: Array, w: Array) -> None:
    if w.ndim > x.ndim or any(
        m != n and 1 not in (m, n) for m, n in zip(w.shape, x.shape, strict=False)
    ):
        raise ValueError(
            f"weights of shape {tuple(w.shape)}: expected the first axes of {tuple(x.shape)}"
        )
