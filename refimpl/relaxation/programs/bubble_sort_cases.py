"""Cases and invariants of `relaxation.bubble_sort`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...spec import BATCHES, Case, Note

NOTES = {
    "tie-half": Note(
        "convention at ties",
        "a > b and a < b both have degree 1/2 where a = b",
        "equal values count as half a swap, at every beta",
    ),
    "batch-mates": Note(
        "results depend on the batch",
        "a loop that ends when the last row ends gives the others more rounds",
        "differences of the order of epsilon between a row alone and in a batch",
    ),
}
PLAIN = {"beta": 5.0, "distribution": "logistic", "epsilon": 0.0}


def apart(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Values in random order along the last axis, no two closer than 0.3."""
    steps = np.broadcast_to(np.arange(shape[-1]) * 0.5, shape)
    return rng.permuted(steps, axis=-1) + rng.uniform(-0.1, 0.1, size=shape)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Sizes, temperatures, laws, batches, ties."""
    for n, beta in ((2, 1.0), (3, 5.0), (5, 1.0), (6, 1.0)):
        yield Case(f"n{n}-beta{beta}", {"x": rng.normal(size=(3, n))}, PLAIN | {"beta": beta})
    steep = PLAIN | {"beta": 20.0}
    x = {"x": rng.normal(size=(3, 6))}
    yield Case("n6-beta20", x, steep, flags=("saturated",), checks=("values",))
    for law in ("gaussian", "cauchy", "gudermannian", "algebraic", "gumbel_max"):
        yield Case(law, {"x": apart(rng, 2, 4)}, PLAIN | {"distribution": law, "beta": 2.0})
    for name, batch in BATCHES.items():
        yield Case(name, {"x": apart(rng, *batch, 3)}, PLAIN, kind="edge", flags=("batch-mates",))
    loose = {"x": np.array([[0.0, 1.0, 2.0, 3.0], [0.9, 0.6, 0.3, 0.0], [0.0, 0.3, 0.2, 0.6]])}
    params, flags = PLAIN | {"beta": 3.0, "epsilon": 0.3}, ("batch-mates",)
    yield Case("loose-epsilon", loose, params, flags=flags, checks=("values",))
    yield Case("one", {"x": rng.normal(size=(2, 1))}, PLAIN, kind="edge")
    tied = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, -1.0, 2.0, -1.0]])
    yield Case("ties", {"x": tied}, PLAIN, kind="edge", flags=("tie-half",))
    yield Case("far", {"x": apart(rng, 4) * 1e4}, PLAIN, flags=("saturated",))


def _close(a: Any, b: Any, x: np.ndarray) -> bool:
    scale = 1 + float(np.max(np.abs(x), initial=0.0))
    eps = float(np.finfo(x.dtype).eps)
    return bool(np.allclose(a, b, rtol=0, atol=1e4 * eps * scale))


def _sum(run: Any, inputs: Any, params: Any) -> str | None:
    x, values = inputs["x"], run(inputs, params)["sorted"]
    same = _close(np.sum(values, axis=-1), np.sum(x, axis=-1), x)
    return None if same else "the sum of the values has changed"


def _limit(run: Any, inputs: Any, params: Any) -> str | None:
    x = inputs["x"]
    found = run(inputs, params | {"beta": np.inf})
    pairs = x[..., :, None] > x[..., None, :]
    inversions = np.sum(np.triu(pairs, 1), axis=(-1, -2))
    if not np.array_equal(found["sorted"], np.sort(x, axis=-1)):
        return "at beta = inf the values are not sorted"
    if not np.array_equal(found["swaps"], inversions):
        return "at beta = inf the swaps are not the inversions"
    same = np.array_equal(found["unsorted"], inversions > 0)
    return None if same else "at beta = inf, unsorted is not 0 or 1"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    x = inputs["x"]
    before, after = run(inputs, params), run({"x": x + 2}, params)
    same = _close(after["sorted"], before["sorted"] + 2, x * (1 + params["beta"]))
    return None if same else "x + 2 does not give sorted + 2"


def _alone(run: Any, inputs: Any, params: Any) -> str | None:
    x, together = inputs["x"], run(inputs, params)
    flat = x.reshape(-1, x.shape[-1])
    for k in range(flat.shape[0]):
        alone = run({"x": flat[k]}, params)
        for name, value in together.items():
            rest = value.shape[x.ndim - 1 :]
            if not _close(value.reshape(-1, *rest)[k], alone[name], x):
                return f"{name} of row {k} alone differs from that in the batch"
    return None


def _small(case: Case) -> bool:
    return float(np.max(np.abs(case.inputs["x"]), initial=0.0)) < 100


INVARIANTS = (
    ("the sum is kept", "a swap mixes two values by p and 1 - p", _sum),
    ("hard limit", "beta = inf is the discrete program", _limit),
    ("shift", "only differences are compared", _shift, _small),
    ("rows are independent", "a row of the batch is computed as if it were alone", _alone),
)
