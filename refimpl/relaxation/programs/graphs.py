"""What the algorithms on weighted graphs share: random graphs, and their discrete distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...promises import close
from ...spec import Invariant


def weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random edge weights in [0.2, 1.2], 0 on the diagonal; (*shape, n), n the last of `shape`."""
    n = shape[-1]
    return rng.uniform(0.2, 1.2, size=(*shape, n)) * (1 - np.eye(n))


def distances(W: np.ndarray) -> np.ndarray:
    """The discrete distances between all vertices, (..., n, n)."""
    D = np.array(W)
    for k in range(W.shape[-1]):
        D = np.minimum(D, D[..., :, k, None] + D[..., None, k, :])
    return D


def _discrete(run: Any, inputs: Any, params: Any) -> str | None:
    found = run(inputs, params | {"beta": np.inf})["distance"]
    wanted = distances(inputs["W"])
    wanted = wanted[..., params["source"], :] if "source" in params else wanted
    same = close(found, wanted)
    return None if same else "at beta = inf the distances are not the discrete ones"


def _scaled(run: Any, inputs: Any, params: Any) -> str | None:
    twice = params | {"beta": params["beta"] / 2}
    if "big" in params:
        twice["big"] = 2 * params["big"]
    after = run({"W": 2 * inputs["W"]}, twice)["distance"]
    same = close(after, 2 * run(inputs, params)["distance"])
    return None if same else "2 W at beta/2 does not give twice the distances"


SCALE = Invariant("scale", "2 W at beta/2 has twice the distances", _scaled)
HARD_LIMIT = Invariant("hard limit", "beta = inf gives the discrete distances", _discrete)
