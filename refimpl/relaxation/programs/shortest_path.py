"""The shortest path through a grid with vertex costs, relaxed: Bellman-Ford and its traceback.

    d = BIG everywhere, 0 at the start                               discrete     relaxed
    repeat: d[v] = min over the 8 neighbours u of d[u], + cost[v]    min          softmin mean
            P[v, u] = whether u is the neighbour with the minimum    arg-min      softmin weights
    q = 1 at the goal, r = 0
    repeat: r = r or q;  q[u] = sum over v of q[v] P[v, u]           or           t-conorm

From the first to the last vertex, whose costs count but for the start's. r is the path: 1 on it, 0
off it. The start has no predecessor, so that what has arrived there stays. The published program
gives it one, its cheapest neighbour: what reaches the start walks on and marks further vertices
when there are more rounds than steps (`published=True`).

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021; program of algovision 0.1.2, examples/shortest_path.py.
"""

from __future__ import annotations

import math

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ...spec import Invariant, specification
from ...tnorms import t_conorm
from ...validation import choose, float_array, non_negative, whole
from ..conditions import less_equal
from ..control import while_loop
from ..indexing import argmin_soft
from . import shortest_path_cases as cases
from .grid import BIG, around, nearest, nearest_plain, transport


@specification(
    name="relaxation.shortest_path",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021), shortest paths",
    inputs=("cost",),
    outputs=("path", "distance", "predecessor"),
    cases=cases.cases,
    invariants=tuple(Invariant(*entry) for entry in cases.INVARIANTS),
    kinks="none, but for those of the t-conorm; at beta = inf where two paths tie",
    notes=cases.NOTES,
)
def shortest_path(
    cost: Array,
    *,
    beta: float = 10.0,
    rounds: int | None = None,
    conorm: str = "probabilistic",
    p: float | None = None,
    loop: str = "for",
    published: bool = False,
) -> tuple[Array, Array, Array]:
    """(path, distance, predecessor) on grids with positive vertex costs.

    cost: (..., H, W), not 1 by 1; returns (..., H, W), (..., H, W) and (..., H, W, 8). The path is
    in [0, 1]; the distance is that from the start, its cost excluded; the predecessors are weights
    over the neighbours in the order of `grid.OFFSETS`.
    beta: inverse temperature of the softmin; inf gives Dijkstra's distances and path.
    rounds: of both parts, by default H + W; at least as many as the needed paths have steps, or
        vertices that no path has reached keep distances of the size of BIG.
    conorm, p: the "or" of the path, from `refimpl.tnorms`.
    loop: of the traceback. "for": `rounds` rounds; "while": while the start is not on the path.
    published: the rules of algovision: the start has a predecessor, "while" goes on with degree
        F(beta (1 - r)) at the start, and all rows end together.

    The derivative is exact for fixed numbers of rounds.

    >>> import numpy as np
    >>> cost = np.array([[1.0, 9.0, 1.0], [1.0, 9.0, 1.0], [9.0, 1.0, 1.0]])
    >>> path, distance, _ = shortest_path(cost, beta=50.0)
    >>> path.round(2), distance[-1, -1].round(2)
    (array([[1., 0., 0.],
           [1., 0., 0.],
           [0., 1., 1.]]), np.float64(3.0))
    """
    cost, beta = float_array(cost, "cost", min_ndim=2), non_negative(beta, "beta")
    height, width = cost.shape[-2:]
    if height * width < 2:
        raise ValueError(f"cost: expected at least two vertices, got shape {tuple(cost.shape)}")
    count = height + width if rounds is None else whole(rounds, "rounds", minimum=1)
    distance, P = _distances(cost, beta, count)
    xp = array_namespace(distance)
    if not published:
        P = P * (1 - corner(cost, 0, 0))
    path = _traceback(P, cost, beta, count, conorm, p, loop, published)
    return path, distance, xp.moveaxis(P, 0, -1)


def _distances(cost: Array, beta: float, rounds: int) -> tuple[Array, Array]:
    """Distances (..., H, W) and the weights of the predecessors, (8, ..., H, W)."""
    xp = array_namespace(cost)
    elsewhere = 1 - corner(cost, 0, 0)
    d = BIG * elsewhere
    cost = cost * elsewhere
    soft_minimum = nearest_plain if beta == math.inf else nearest
    for _ in range(rounds - 1):
        d = soft_minimum(d, beta) * elsewhere + cost
    neighbours = around(d, BIG)
    P = argmin_soft(neighbours, beta=beta, axis=0)
    return xp.sum(P * neighbours, axis=0) * elsewhere + cost, P


def _traceback(
    P: Array,
    cost: Array,
    beta: float,
    rounds: int,
    conorm: str,
    p: float | None,
    loop: str,
    published: bool,
) -> Array:
    def step(state: tuple) -> tuple:
        r, q = state
        return t_conorm(r, q, conorm, p=p), transport(q, P)

    def go_on(state: tuple) -> Array:
        at_start = state[0][..., 0, 0]
        return less_equal(at_start, 1.0, beta=beta) if published else 1 - at_start

    start = (0 * corner(cost, 0, 0), corner(cost, -1, -1))
    if choose(loop, ("for", "while"), "loop") == "for":
        for _ in range(rounds):
            start = step(start)
        return start[0]
    if published:
        return while_loop(go_on, step, start, rows="together", on_limit="last")[0]
    return while_loop(go_on, step, start, max_rounds=rounds, on_limit="last")[0]


def corner(cost: Array, row: int, column: int) -> Array:
    """1 at one vertex, 0 elsewhere, in the shape of cost."""
    return ag.at_set(0 * ag.plain(cost), (..., row, column), 1.0)
