"""Dijkstra's algorithm, relaxed: a soft choice of the next vertex.

    d = BIG, 0 at the source; nothing visited                        discrete    relaxed
    repeat n times:
        u = the unvisited vertex with the smallest d                 arg-min     softmin weights w
        for v: if d[u] + W[u, v] < d[v]: d[v] = d[u] + W[u, v]       d[u], W[u]  w-weighted means
        visited[u] = 1                                               u           or, to the degree w

The queue becomes n weights: O(n^2) work, and distances that are mixed where two vertices compete.
Bellman and Ford's algorithm, which chooses nothing, is the better one to relax.

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021, applied to Dijkstra's algorithm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ...spec import BATCHES, Case, specification
from ...validation import float_array, positive, whole
from ..conditions import Law, either, less
from ..indexing import argmin_soft
from ..select import select
from .graphs import HARD_LIMIT, SCALE, weights

PLAIN = {"source": 0, "beta": 8.0, "big": 10.0, "distribution": "logistic"}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, beta in ((2, 3.0), (4, 6.0)):
        yield Case(f"n{n}-beta{beta}", {"W": weights(rng, 2, n)}, PLAIN | {"beta": beta})
    yield Case("gaussian", {"W": weights(rng, 3)}, PLAIN | {"distribution": "gaussian"})
    for name, batch in BATCHES.items():
        yield Case(name, {"W": weights(rng, *batch, 3)}, PLAIN, kind="edge")


@specification(
    name="relaxation.dijkstra",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); Dijkstra 1959",
    inputs=("W",),
    outputs=("distance",),
    cases=_cases,
    invariants=(HARD_LIMIT, SCALE),
    kinks="none for smooth laws; at beta = inf, ties",
)
def dijkstra(
    W: Array,
    *,
    source: int = 0,
    beta: float = 10.0,
    big: float = 1e3,
    distribution: Law = "logistic",
) -> Array:
    """Distances from the vertex `source` to all, (..., n, n) -> (..., n).

    W[..., u, v] > 0: the weight of the edge from u to v, below `big`. beta: inverse temperature,
    inf for the discrete program. big: the first estimate; a visited vertex counts twice that more.

    >>> import numpy as np
    >>> W = np.array([[0.0, 1.0, 9.0], [9.0, 0.0, 1.0], [1.0, 9.0, 0.0]])
    >>> dijkstra(W, beta=50.0).round(3)
    array([0., 1., 2.])
    """
    W, big = float_array(W, "W", min_ndim=2), positive(big, "big")
    n = W.shape[-1]
    if W.shape[-2] != n or whole(source, "source") >= n:
        raise ValueError(
            f"W: expected square matrices with the vertex {source}, got shape {tuple(W.shape)}"
        )
    xp = array_namespace(W)
    at_source = ag.constant([float(v == source) for v in range(n)], like=W)
    visited: Any = 0 * ag.plain(W[..., 0])
    d = visited + big * (1 - at_source)
    for _ in range(n):
        w = argmin_soft(d + 2 * big * visited, beta=beta)
        candidate = xp.sum(w * d, axis=-1)[..., None] + xp.sum(w[..., None] * W, axis=-2)
        closed = either(visited, w)
        p = less(candidate, d, beta=beta, distribution=distribution) * (1 - closed)
        d, visited = select(p, candidate, d), closed
    return d
