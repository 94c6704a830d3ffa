"""Dynamic programs on a table, diagonal by diagonal.

    D[i, j] = min(D[i-1, j] + U[i, j], D[i, j-1] + L[i, j], D[i-1, j-1] + G[i, j]),   i, j >= 1

with given borders D[., 0] and D[0, .]. Cells with equal i + j do not depend on each other: each
diagonal is one relaxed minimum over arrays. To have the diagonals as columns, row i is moved i
places to the right ("skewed"); cells beyond the table hold large numbers that no cell of it reads.
"""

from __future__ import annotations

from typing import Any

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ..indexing import min_soft

BIG = 1e12  # outside the table; large beside every distance, and finite, since 0 * inf is NaN


def skewed(x: Array, fill: float = 0.0) -> Array:
    """(..., m, n) -> (..., m, m + n - 1) with row i moved i places to the right."""
    m, n = x.shape[-2:]
    lead = tuple(x.shape[:-2])
    xp = array_namespace(x)
    wide = ag.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, m)], fill)
    flat = xp.reshape(wide, (*lead, m * (n + m)))[..., : m * (n + m - 1)]
    return xp.reshape(flat, (*lead, m, n + m - 1))


def straightened(x: Array, n: int) -> Array:
    """The table (..., m, n) that `skewed` made into x, (..., m, m + n - 1)."""
    m = x.shape[-2]
    lead = tuple(x.shape[:-2])
    xp = array_namespace(x)
    flat = ag.pad(xp.reshape(x, (*lead, m * (n + m - 1))), [(0, 0)] * len(lead) + [(0, m)])
    return xp.reshape(flat, (*lead, m, n + m))[..., :n]


def soft_table(
    up: Array, left: Array, diagonal: Array, rows: Array, columns: Array, beta: float, kind: str
) -> Array:
    """The table D, (..., m + 1, n + 1).

    up, left, diagonal: the costs U, L, G of the inner cells, (..., m, n); rows: D[:, 0], (m + 1);
    columns: D[0, :], (n + 1); kind as in `min_soft`.
    """
    m, n = diagonal.shape[-2:]
    xp = array_namespace(diagonal)
    costs = [ag.unstack(skewed(cost), axis=-1) for cost in (up, left, diagonal)] if m * n else []
    plain: Any = 0 * ag.plain(diagonal[..., 0]) if n else None
    before: Any = None
    current: Any = None
    diagonals = []
    for k in range(m + n + 1):
        found = _border(k, rows, columns, m, n)
        if k >= 2 and m * n:
            u, h, g = (cost[k - 2] for cost in costs)
            options = xp.stack(
                [current[..., :-1] + u, current[..., 1:] + h, before[..., :-1] + g], axis=-1
            )
            inner = min_soft(options, beta=beta, kind=kind)
            inside = ag.constant([float(1 <= k - i <= n) for i in range(1, m + 1)], like=inner)
            inner = xp.where(inside > 0, inner, found[1:])
            head = found[:1] + 0 * plain[..., :1]
            found = xp.concat([head, inner], axis=-1)
        elif plain is not None and m:
            found = xp.concat([found[:1] + 0 * plain[..., :1], found[1:] + plain], axis=-1)
        before, current = current, found
        diagonals.append(found)
    return straightened(xp.stack(diagonals, axis=-1), n + 1)


def _border(k: int, rows: Array, columns: Array, m: int, n: int) -> Array:
    """Diagonal k by row: the borders where it meets them, BIG elsewhere, (m + 1)."""
    like = ag.plain(rows)
    values = [BIG] * (m + 1)
    host_rows, host_columns = ag.to_numpy(like), ag.to_numpy(ag.plain(columns))
    if k <= m:
        values[k] = float(host_rows[k])
    if k <= n:
        values[0] = float(host_columns[k])
    return ag.constant(values, like=like)
