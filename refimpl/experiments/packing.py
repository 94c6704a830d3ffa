"""Knapsacks of whole weights, many at once: the table of best values for every room.

    T[0, r] = 0,    T[i, r] = max(T[i-1, r], T[i-1, r - w_i] + g_i if w_i <= r)

The definition is `training.decisions`, which asks an integer program; this is the same by dynamic
programming. Repairing a decision x is a knapsack, too: each item of x gains penalty v by staying,
each other item v/penalty by being added, and everything together must fit.
"""

from __future__ import annotations

import numpy as np

from ..training.decisions import Knapsack


def best_packing(gains: np.ndarray, weights: np.ndarray, capacity: float) -> np.ndarray:
    """max g.x subject to w.x <= C, x in {0, 1}^n, of each row: (B, n), (B, n) -> (B, n).

    Weights are whole and >= 0; items that gain nothing are left out.

    >>> best_packing(np.array([[3.0, 2.0, 2.0]]), np.array([[3.0, 2.0, 1.0]]), 3.5)
    array([[0., 1., 1.]])
    """
    g, w = np.broadcast_arrays(np.asarray(gains, float), np.asarray(weights).astype(np.int64))
    B, n = g.shape
    rooms = np.arange(int(capacity) + 1)
    table, taken = np.zeros((B, len(rooms))), np.zeros((n, B, len(rooms)), dtype=bool)
    for i in range(n):
        left = rooms - w[:, i, None]
        value = np.take_along_axis(table, np.maximum(left, 0), axis=1) + g[:, i, None]
        taken[i] = (left >= 0) & (value > table)
        table = np.where(taken[i], value, table)
    x, room, rows = np.zeros((B, n)), np.full(B, len(rooms) - 1), np.arange(B)
    for i in reversed(range(n)):
        x[:, i] = taken[i, rows, room]
        room = room - x[:, i].astype(np.int64) * w[:, i]
    return x


def repaired_values(problem: Knapsack, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`decisions.knapsack_value` of rows: decisions (B, n), true whole weights (B, n) -> (B,)."""
    v, penalty = problem.values, problem.penalty
    gains = np.where(x > 0, penalty * v, v / penalty)
    kept = best_packing(gains, weights, problem.capacity)
    return (x * v * (1 - penalty)).sum(-1) + (gains * kept).sum(-1)
