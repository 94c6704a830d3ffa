"""Fast soft sort and rank beside PyPI torchsort (compiled), on the same work and one thread.

Forward and backward through the operator and a weighted sum, batch 100. The last rows show the
growth for one row of n values: time in ns divided by n log2(n), for refimpl alone.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.sorting.fast_sort import fast_soft_sort
from refimpl.sorting.soft_rank import fast_soft_rank

from .measure import interleaved, rows

OPERATORS = {"soft_rank": fast_soft_rank, "soft_sort": fast_soft_sort}
TARGET = 2.0  # times torchsort's time
BATCH = 100
ROUNDS_OF_LARGE = 8


class Workload(NamedTuple):
    """An operator and its options, the number of values, and the number of rows."""

    operator: str
    regularization: str
    n: int
    batch: int

    def __str__(self) -> str:
        return f"{self.operator} {self.regularization} n={self.n} batch {self.batch}"


WORKLOADS = [
    Workload(operator, regularization, n, BATCH)
    for n in (10, 100, 1_000, 10_000)
    for operator in OPERATORS
    for regularization in ("l2", "kl")
]
GROWTH = [Workload("soft_rank", kind, n, 1) for kind in ("l2", "kl") for n in (10**4, 10**5, 10**6)]


def _inputs(work: Workload, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    x, weights = np.random.default_rng(0).normal(size=(2, work.batch, work.n)).astype(dtype)
    return x, weights


def _refimpl(work: Workload, dtype: str) -> Callable[[], Any]:
    x, weights = _inputs(work, dtype)
    operator, options = OPERATORS[work.operator], {"regularization": work.regularization}

    def loss(x: Any) -> Any:
        return array_namespace(x).sum(operator(x, **options) * weights)

    step = value_and_grad(loss)
    return lambda: step(x)


def _torchsort(work: Workload, dtype: str) -> Callable[[], Any]:
    import torch
    import torchsort

    torch.set_num_threads(1)
    x, weights = map(torch.tensor, _inputs(work, dtype))
    operator = getattr(torchsort, work.operator)

    def step() -> None:
        scores = x.clone().requires_grad_()
        (operator(scores, regularization=work.regularization) * weights).sum().backward()

    return step


CONTESTANTS = {"refimpl": _refimpl, "torchsort": _torchsort}


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of the table, in float32 and float64; torchsort is left out where it is not there."""
    present = [name for name in CONTESTANTS if name not in missing()]
    results: list[dict[str, Any]] = []
    for work in WORKLOADS:
        rounds = min(repeats, ROUNDS_OF_LARGE) if work.n > 1_000 else repeats
        for dtype in ("float32", "float64"):
            steps = {name: CONTESTANTS[name](work, dtype) for name in present}
            times = interleaved(steps, rounds)
            results += rows(f"{work}, {dtype}", times, targets={"torchsort": TARGET})
    return results + _growth(min(repeats, ROUNDS_OF_LARGE))


def _growth(rounds: int) -> list[dict[str, Any]]:
    results = []
    for work in GROWTH:
        times = interleaved({"refimpl": _refimpl(work, "float64")}, rounds)
        (row,) = rows(f"{work}, float64", times)
        row["ns_per_n_log2_n"] = round(row["best_ms"] * 1e6 / (work.n * math.log2(work.n)), 2)
        row["engine"] += f", {row['ns_per_n_log2_n']} ns"
        results.append(row)
    return results


def missing() -> list[str]:
    """Peers that are not installed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        needed = ("torchsort", "torch")
        return [] if all(importlib.util.find_spec(name) for name in needed) else ["torchsort"]
