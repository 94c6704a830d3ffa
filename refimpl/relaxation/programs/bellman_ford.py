"""Shortest distances from one vertex of a graph by relaxing edges, relaxed.

    d = BIG, 0 at the source                          discrete      relaxed
    repeat n - 1 times: for u: for v != u:
        if d[u] + W[u, v] < d[v]:                     <             p = F(beta (d[v] - d[u] - W))
            d[v] = d[u] + W[u, v]                     d[v] = ...    p-weighted mean

The edges from one u are relaxed together: none of them changes d[u], so their order is without
effect. "To relax an edge" is the algorithm's own old word; here its `if` is relaxed, too.

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021, applied to the algorithm of Bellman and Ford.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ... import autograd as ag
from ...autograd import Array
from ...spec import BATCHES, Case, specification
from ...validation import float_array, positive, whole
from ..conditions import Law, less
from ..select import select
from .graphs import HARD_LIMIT, SCALE, weights

PLAIN = {"source": 0, "beta": 8.0, "big": 20.0, "distribution": "logistic"}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, beta in ((2, 3.0), (4, 8.0), (5, 20.0)):
        yield Case(f"n{n}-beta{beta}", {"W": weights(rng, 2, n)}, PLAIN | {"beta": beta})
    for law in ("gaussian", "cauchy"):
        yield Case(law, {"W": weights(rng, 4)}, PLAIN | {"distribution": law})
    for name, batch in BATCHES.items():
        yield Case(name, {"W": weights(rng, *batch, 3)}, PLAIN, kind="edge")


@specification(
    name="relaxation.bellman_ford",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); Bellman 1958",
    inputs=("W",),
    outputs=("distance",),
    cases=_cases,
    invariants=(HARD_LIMIT, SCALE),
    kinks="none for smooth laws; at beta = inf, ties",
)
def bellman_ford(
    W: Array,
    *,
    source: int = 0,
    beta: float = 10.0,
    big: float = 1e3,
    distribution: Law = "logistic",
) -> Array:
    """Distances from the vertex `source` to all, (..., n, n) -> (..., n).

    W[..., u, v] > 0: the weight of the edge from u to v; the diagonal is not read. beta: inverse
    temperature, inf for the discrete program. big: the first estimate; larger than any distance,
    finite, and not larger than needed, as (1 - p) big remains in each estimate.

    >>> import numpy as np
    >>> W = np.array([[0.0, 1.0, 9.0], [9.0, 0.0, 1.0], [1.0, 9.0, 0.0]])
    >>> bellman_ford(W, beta=50.0).round(3)
    array([0., 1., 2.])
    """
    W = float_array(W, "W", min_ndim=2)
    n = W.shape[-1]
    if W.shape[-2] != n or whole(source, "source") >= n:
        raise ValueError(
            f"W: expected square matrices with the vertex {source}, got shape {tuple(W.shape)}"
        )
    others = ag.unstack(
        ag.constant([[float(i != j) for j in range(n)] for i in range(n)], like=W), axis=0
    )
    d = 0 * ag.plain(W[..., 0]) + positive(big, "big") * others[source]
    for _ in range(n - 1):
        for u in range(n):
            candidate = d[..., u, None] + W[..., u, :]
            p = less(candidate, d, beta=beta, distribution=distribution) * others[u]
            d = select(p, candidate, d)
    return d
