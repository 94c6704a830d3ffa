"""Relaxed sorting networks beside PyPI diffsort, on the same work and one thread.

Forward and backward through the network and the binary cross-entropy on P. The networks are built
beforehand (diffsort takes seconds for n = 1024). Peak memory is that of a fresh process which does
one step, above what it held before; for diffsort that includes the network.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import resource
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import value_and_grad
from refimpl.sorting.losses import permutation_cross_entropy
from refimpl.sorting.networks import sorting_network
from refimpl.sorting.permutations import hard_permutation

from .measure import interleaved, rows


class Workload(NamedTuple):
    """A network, its size, the number of samples, and what part of diffsort's time is promised."""

    network: str
    n: int
    batch: int
    target: float | None

    def __str__(self) -> str:
        return f"{self.network} n={self.n} batch {self.batch}"


WORKLOADS = (
    Workload("odd_even", 16, 100, 0.5),
    Workload("bitonic", 32, 100, 0.5),
    Workload("bitonic", 128, 10, None),
    Workload("bitonic", 1024, 1, 0.2),
)
ROUNDS_OF_LARGE = 3  # of more than 256 values: diffsort takes seconds


def _inputs(work: Workload, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(2, work.batch, work.n)).astype(dtype)
    return scores, hard_permutation(targets)


def _refimpl(work: Workload, dtype: str) -> Callable[[], Any]:
    x, Q = _inputs(work, dtype)
    loss = value_and_grad(
        lambda x: permutation_cross_entropy(sorting_network(x, network=work.network)[1], Q)
    )
    return lambda: loss(x)


def _diffsort(work: Workload, dtype: str) -> Callable[[], Any]:
    import diffsort
    import torch

    torch.set_num_threads(1)
    x, Q = map(torch.tensor, _inputs(work, dtype))
    network, loss = diffsort.DiffSortNet(work.network, work.n), torch.nn.BCELoss()

    def step() -> None:
        scores = x.clone().requires_grad_()
        loss(network(scores)[1], Q).backward()

    return step


CONTESTANTS = {"refimpl": _refimpl, "diffsort": _diffsort}


def _peak(name: str, work: Workload, dtype: str) -> float:
    """MiB that one step adds to a process that has done a small one."""
    CONTESTANTS[name](Workload(work.network, 4, 1, None), dtype)()
    before = _high_water()
    CONTESTANTS[name](work, dtype)()
    return _high_water() - before


def _high_water() -> float:
    """The most memory that this process has held so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory at the time of the fork, too
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of the table, in float32 and float64; diffsort is left out where it is not installed."""
    present = [name for name in CONTESTANTS if name not in missing()]
    results: list[dict[str, Any]] = []
    for work in WORKLOADS:
        large = work.n > 256
        for dtype in ("float32",) if large else ("float32", "float64"):
            steps = {name: CONTESTANTS[name](work, dtype) for name in present}
            times = interleaved(steps, min(repeats, ROUNDS_OF_LARGE) if large else repeats)
            targets = {} if work.target is None else {"diffsort": work.target}
            found = rows(f"{work}, {dtype}", times, targets=targets)
            if large:
                _add_memory(found, work, dtype)
            results += found
    return results


def _add_memory(found: list[dict[str, Any]], work: Workload, dtype: str) -> None:
    for row in found:
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            row["peak_mib"] = round(fresh.apply(_peak, (row["engine"], work, dtype)), 1)
        row["engine"] += f", {row['peak_mib']:.0f} MiB"


def missing() -> list[str]:
    """Peers that are not installed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        needed = ("diffsort", "torch")
        return [] if all(importlib.util.find_spec(name) for name in needed) else ["diffsort"]
