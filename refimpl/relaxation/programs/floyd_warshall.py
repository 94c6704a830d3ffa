"""All shortest distances in a graph, relaxed.

    for k in range(n):  W[i, j] = min(W[i, j], W[i, k] + W[k, j])         min -> softmin mean

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021, applied to the algorithm of Floyd and Warshall.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ...promises import close
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import float_array
from ..indexing import min_soft
from .graphs import HARD_LIMIT, SCALE, weights

PLAIN = {"beta": 6.0, "pin_diagonal": True}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, beta in ((2, 3.0), (4, 6.0), (5, 20.0)):
        for pin in (True, False):
            params = {"beta": beta, "pin_diagonal": pin}
            yield Case(f"n{n}-beta{beta}-pin{pin}", {"W": weights(rng, 2, n)}, params)
    for name, batch in BATCHES.items():
        yield Case(name, {"W": weights(rng, *batch, 3)}, PLAIN, kind="edge")
    yield Case("one", {"W": np.zeros((1, 1))}, PLAIN, kind="edge")


def _renumbered(run: Any, inputs: Any, params: Any) -> str | None:
    W = inputs["W"]
    limit = params | {"beta": np.inf}
    order = np.arange(W.shape[-1])[::-1]
    turned = run({"W": W[..., order, :][..., order].copy()}, limit)["distance"]
    same = close(turned[..., order, :][..., order], run(inputs, limit)["distance"])
    return None if same else "at beta = inf, another order of the vertices changes the distances"


@specification(
    name="relaxation.floyd_warshall",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); Floyd 1962",
    inputs=("W",),
    outputs=("distance",),
    cases=_cases,
    invariants=(
        HARD_LIMIT,
        SCALE,
        Invariant("order of vertices", "the limit has no order", _renumbered),
    ),
    kinks="none; at beta = inf, ties",
)
def floyd_warshall(W: Array, *, beta: float = 10.0, pin_diagonal: bool = True) -> Array:
    """Distances between all vertices, (..., n, n), from edge weights of that shape.

    W[..., i, j] > 0: the weight of the edge from i to j, a large finite number (not inf) if there
    is none. beta: inverse temperature, inf for the discrete program.
    pin_diagonal: a vertex is at distance 0 from itself, in every round. Without it, the softmin of
    0 and a round trip is above 0, and all paths become longer by a little.

    >>> import numpy as np
    >>> W = np.array([[0.0, 1.0, 9.0], [9.0, 0.0, 1.0], [1.0, 9.0, 0.0]])
    >>> floyd_warshall(W, beta=50.0).round(3) + 0.0
    array([[0., 1., 2.],
           [2., 0., 1.],
           [1., 2., 0.]])
    """
    W = float_array(W, "W", min_ndim=2)
    n = W.shape[-1]
    if W.shape[-2] != n:
        raise ValueError(f"W: expected square matrices, got shape {tuple(W.shape)}")
    xp = array_namespace(W)
    off = 1 - ag.constant([[float(i == j) for j in range(n)] for i in range(n)], like=W)
    W = W * off if pin_diagonal else W
    for k in range(n):
        through = W[..., :, k, None] + W[..., None, k, :]
        W = min_soft(xp.stack([W, through], axis=0), beta=beta, axis=0)
        W = W * off if pin_diagonal else W
    return W
