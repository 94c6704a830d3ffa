"""Shortest paths on grids with costs at the cells: a host-side solver to differentiate through.

Source: Dijkstra 1959; costs at cells, both ends included, as in Vlastelica et al. 2020.
"""

from __future__ import annotations

import heapq

import numpy as np

from ..autograd import Array, like_array, plain, stop_gradient, to_numpy
from ..validation import choose, float_array

STEPS = {
    4: ((-1, 0), (0, -1), (0, 1), (1, 0)),
    8: ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)),
}


def shortest_path(costs: Array, *, neighbours: str = "8") -> Array:
    """1 on the cheapest path from the first to the last cell, both included, else 0: (..., H, W).

    costs (..., H, W), each >= 0; the cost of a path is the sum over its cells. neighbours "8" or
    "4". Dijkstra's algorithm; among equal paths the one found first.

    Raises ValueError for negative, infinite and missing costs, and for a grid without cells.

    >>> import numpy as np
    >>> shortest_path(np.array([[1.0, 1.0], [9.0, 1.0]]), neighbours="4")
    array([[1., 1.],
           [0., 1.]])
    """
    given = plain(stop_gradient(float_array(costs, "costs", min_ndim=2)))
    host = to_numpy(given)
    if not ((host >= 0) & (host < np.inf)).all():
        raise ValueError("costs: expected finite numbers >= 0")
    if not host.shape[-1] * host.shape[-2]:
        raise ValueError(f"costs: expected a grid (..., H, W) with cells, got {host.shape}")
    steps = STEPS[int(choose(neighbours, ("4", "8"), "neighbours"))]
    paths = np.zeros_like(host)
    for place in np.ndindex(host.shape[:-2]):
        for cell in _cells(host[place], steps):
            paths[(*place, *cell)] = 1.0
    return like_array(paths, given)


def _cells(costs: np.ndarray, steps: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    height, width = costs.shape
    distance = np.full(costs.shape, np.inf)
    distance[0, 0] = costs[0, 0]
    before: dict[tuple[int, int], tuple[int, int]] = {}
    done = np.zeros(costs.shape, dtype=bool)
    queue = [(float(costs[0, 0]), (0, 0))]
    while queue:
        reached, cell = heapq.heappop(queue)
        if done[cell]:
            continue
        done[cell] = True
        if cell == (height - 1, width - 1):
            break
        for down, right in steps:
            r, c = cell[0] + down, cell[1] + right
            if 0 <= r < height and 0 <= c < width and not done[r, c]:
                through = reached + float(costs[r, c])
                if through < distance[r, c]:
                    distance[r, c] = through
                    before[r, c] = cell
                    heapq.heappush(queue, (through, (r, c)))
    path = [(height - 1, width - 1)]
    while path[-1] != (0, 0):
        path.append(before[path[-1]])
    return path
