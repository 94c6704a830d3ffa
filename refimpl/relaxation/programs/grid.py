"""Steps of programs on grids with 8 neighbours: the soft minimum around a vertex, and transport.

`around` is the definition: the values at the neighbours, on a new first axis. `nearest` and
`transport` are what the loops of `shortest_path` run, one neighbour at a time, so that the arrays
stay in the processor's cache, with derivatives written by hand; `nearest_plain` and
`transport_plain` are the same in terms of `around`.
"""

from __future__ import annotations

from typing import Any

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ..indexing import min_soft

BIG = 1e12  # stands for infinity, which would give 0 * inf
OFFSETS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def around(d: Array, outside: float) -> Array:
    """The values at the 8 neighbours of each vertex, (..., H, W) -> (8, ..., H, W)."""
    return array_namespace(d).stack(list(_windows(d, outside)), axis=0)


def _windows(d: Array, outside: float) -> list[Array]:
    """The arrays d[i + a, j + b], by offset (a, b)."""
    height, width = d.shape[-2:]
    padded = ag.pad(d, [(0, 0)] * (d.ndim - 2) + [(1, 1), (1, 1)], outside)
    return [padded[..., 1 + a : 1 + a + height, 1 + b : 1 + b + width] for a, b in OFFSETS]


def _sent_back(parts: list[Array]) -> Array:
    """The adjoint of `_windows`: each part is added to the vertex that it was read from."""
    height, width = parts[0].shape[-2:]
    frame = [(0, 0)] * (parts[0].ndim - 2) + [(1, 1), (1, 1)]
    total: Any = None
    for (a, b), part in zip(OFFSETS, parts, strict=True):
        moved = ag.pad(part, frame, 0.0)
        moved = moved[..., 1 - a : 1 - a + height, 1 - b : 1 - b + width]
        total = moved if total is None else total + moved
    return total


def nearest_plain(d: Array, beta: float) -> Array:
    """The softmin mean of d over the neighbours of each vertex, (..., H, W) -> (..., H, W)."""
    return min_soft(around(d, BIG), beta=beta, axis=0)


@ag.custom_vjp
def nearest(d: Array, beta: float) -> Array:
    """`nearest_plain` for finite beta, one neighbour at a time."""
    return _nearest(d, beta)[0]


def _nearest(d: Array, beta: float) -> tuple[Array, tuple]:
    xp = array_namespace(d)
    near = _windows(d, BIG)
    low = near[0]
    for x in near[1:]:
        low = xp.minimum(low, x)
    low = ag.stop_gradient(low)
    gaps = [x - low for x in near]
    weights = [xp.exp(-beta * gap) for gap in gaps]
    total = _sum(weights)
    mean = _sum([w * gap for w, gap in zip(weights, gaps, strict=True)]) / total
    return low + mean, (gaps, weights, total, mean, beta)


def _nearest_back(residuals: tuple, g: Array) -> tuple:
    """w_k (1 - beta (x_k - mean)) g for each neighbour x_k, with w_k = exp(-beta x_k)/total."""
    gaps, weights, total, mean, beta = residuals
    share = g / total
    scale = share * (1 + beta * mean)
    slope = beta * share
    parts = [w * (scale - slope * gap) for w, gap in zip(weights, gaps, strict=True)]
    return _sent_back(parts), None


nearest.defvjp(_nearest, _nearest_back)


def transport_plain(q: Array, P: Array) -> Array:
    """What arrives when each vertex sends its mass q to its neighbours in the shares P.

    q: (..., H, W); P: (8, ..., H, W); returns (..., H, W): at u, the sum of q[v] P[k, v] over
    the v whose k-th neighbour is u. Mass that leaves the grid is lost.
    """
    return _sent_back([q * P[k, ...] for k in range(8)])


@ag.custom_vjp
def transport(q: Array, P: Array) -> Array:
    """`transport_plain`, one neighbour at a time."""
    return transport_plain(q, P)


def _transport_back(residuals: tuple, g: Array) -> tuple:
    q, P = residuals
    came = _windows(g, 0.0)
    share = _sum([P[k, ...] * came[k] for k in range(8)])
    return share, array_namespace(q, g).stack([q * x for x in came], axis=0)


transport.defvjp(lambda q, P: (transport_plain(q, P), (q, P)), _transport_back)


def _sum(parts: list[Array]) -> Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
