"""Cases and invariants of `relaxation.shortest_path`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...promises import close
from ...spec import BATCHES, Case, Note

NOTES = {
    "leaves-the-start": Note(
        "a traceback that does not stop",
        "the start has a predecessor, its cheapest neighbour",
        "with more rounds than steps, a vertex beside the path is marked",
    ),
}
PLAIN = {"beta": 10.0, "rounds": 6, "conorm": "probabilistic", "p": None, "loop": "for"}
PUBLISHED = {"published": False}


def _cost(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(0.2, 1.2, size=shape)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Grids, temperatures, t-conorms, loops, batches."""
    plain = PLAIN | PUBLISHED
    for shape, beta, rounds in (((2, 2), 5.0, 2), ((3, 4), 10.0, 6), ((4, 4), 3.0, 8)):
        chosen = plain | {"beta": beta, "rounds": rounds}
        name = f"{shape[0]}x{shape[1]}-beta{beta}"
        yield Case(name, {"cost": _cost(rng, 2, *shape)}, chosen)
    for conorm, p in (("hamacher", 5.0), ("einstein", None)):
        yield Case(conorm, {"cost": _cost(rng, 3, 3)}, plain | {"conorm": conorm, "p": p})
    for published in (False, True):
        chosen = plain | {"published": published, "rounds": 9}
        name = "published" if published else "absorbing"
        flags = ("leaves-the-start",)
        yield Case(f"{name}-3x3", {"cost": _cost(rng, 2, 3, 3)}, chosen, flags=flags)
    for name, batch in BATCHES.items():
        yield Case(name, {"cost": _cost(rng, *batch, 2, 3)}, plain, kind="edge")
    yield Case("row", {"cost": _cost(rng, 1, 4)}, plain | {"beta": 2.0}, kind="edge")
    loop = plain | {"loop": "while", "beta": 4.0}
    yield Case("while", {"cost": _cost(rng, 3, 3)}, loop, checks=("values", "vjp", "jvp"))


def _bounds(run: Any, inputs: Any, params: Any) -> str | None:
    found = run(inputs, params)
    path, total = found["path"], np.sum(found["predecessor"], axis=-1)
    slack = 64 * np.finfo(path.dtype).eps
    if np.any(path < -slack) or np.any(path > 1 + slack):
        return "the path leaves [0, 1]"
    return "predecessors sum to more than 1" if np.any(total > 1 + slack) else None


def grid_distances(cost: np.ndarray) -> np.ndarray:
    """Discrete distances from the first vertex on one grid, by relaxing until nothing changes."""
    d = np.full(cost.shape, np.inf)
    d[0, 0] = 0.0
    for _ in range(cost.size):
        padded = np.pad(d, 1, constant_values=np.inf)
        rows, columns = cost.shape
        windows = [
            padded[i : i + rows, j : j + columns]
            for i in range(3)
            for j in range(3)
            if (i, j) != (1, 1)
        ]
        d = np.minimum(d, np.min(windows, axis=0) + cost)
    return d


def _limit(run: Any, inputs: Any, params: Any) -> str | None:
    cost = inputs["cost"]
    height, width = cost.shape[-2:]
    enough = params | {"beta": np.inf, "rounds": height * width}
    found = run(inputs, enough)["distance"].reshape(-1, height, width)
    wanted = [grid_distances(one.astype(np.float64)) for one in cost.reshape(-1, height, width)]
    same = not wanted or close(found, wanted)
    return None if same else "at beta = inf the distances are not the discrete ones"


INVARIANTS = (
    ("degrees", "0 <= path <= 1, and the predecessors of a vertex sum to at most 1", _bounds),
    ("hard limit", "beta = inf gives the distances of Bellman-Ford", _limit),
)
