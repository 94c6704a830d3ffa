"""Top-k networks and the top-k cross-entropy beside PyPI difftopk, on one thread, in float32.

Forward and backward with the same layout on both sides; the networks are built beforehand. The last
rows of a workload are other ways to the same k columns. (difftopk's own splitter network needs
torch-sparse.) The losses are the settings of its paper for CIFAR-100 and ImageNet: k = 5, and all
of 100 classes or 16 candidates of 1000.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import value_and_grad, vjp
from refimpl.sorting.topk_loss import topk_cross_entropy
from refimpl.sorting.topk_network import topk_permutation

from .measure import interleaved, rows

LAYOUTS = {"bitonic": "bitonic_published", "odd_even": "odd_even"}  # difftopk's name: ours
TARGET = {"difftopk": 0.5}
EVEN = (0.2,) * 5


class Network(NamedTuple):
    """The k largest of n values, and how many samples there are."""

    layout: str
    n: int
    k: int
    batch: int

    def __str__(self) -> str:
        return f"{self.layout} n={self.n} k={self.k} batch {self.batch}"


class Loss(NamedTuple):
    """The top-5 cross-entropy of n classes, with so many candidates (None: all)."""

    layout: str
    n: int
    candidates: int | None
    batch: int

    def __str__(self) -> str:
        return f"loss, {self.layout} n={self.n} m={self.candidates} batch {self.batch}"


NETWORKS = (
    Network("bitonic", 16, 5, 100),
    Network("odd_even", 16, 5, 100),
    Network("bitonic", 16, 5, 500),
    Network("bitonic", 100, 5, 100),
)
LOSSES = (Loss("bitonic", 100, None, 128), Loss("bitonic", 1000, 16, 500))


def _arrays(work: Network) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (work.batch, work.n)
    return (
        rng.normal(size=shape).astype(np.float32),
        rng.normal(size=(*shape, work.k)).astype(np.float32),
    )


def _selection(work: Network, network: str) -> Callable[[], Any]:
    x, g = _arrays(work)

    def step() -> None:
        vjp(lambda x: topk_permutation(x, k=work.k, network=network), x)[1](g)

    return step


def _difftopk_selection(work: Network) -> Callable[[], Any]:
    torch, difftopk = _peers()
    x, g = map(torch.tensor, _arrays(work))
    select = difftopk.DiffTopkNet(work.layout, work.n, work.k)

    def step() -> None:
        select(x.clone().requires_grad_())[1].backward(g)

    return step


def _logits(work: Loss) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(work.batch, work.n)).astype(np.float32)
    return scores, rng.integers(0, work.n, work.batch)


def _loss(work: Loss, method: str) -> Callable[[], Any]:
    x, labels = _logits(work)
    options = {"weights": EVEN, "method": method, "candidates": work.candidates}
    loss = value_and_grad(lambda x: topk_cross_entropy(x, labels, **options))
    return lambda: loss(x)


def _difftopk_loss(work: Loss) -> Callable[[], Any]:
    torch, difftopk = _peers()
    x, labels = map(torch.tensor, _logits(work))
    method = "bitonic__non_sparse" if work.layout == "bitonic" else work.layout
    loss = difftopk.TopKCrossEntropyLoss(
        method, 1.0, list(EVEN), work.n, m=work.candidates, distribution="cauchy"
    )
    return lambda: loss(x.clone().requires_grad_(), labels).backward()


def _peers() -> tuple[Any, Any]:
    import torch

    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):  # difftopk prints that torch-sparse is missing
        import difftopk
    return torch, difftopk


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of the table; difftopk is left out where it is not installed."""
    results: list[dict[str, Any]] = []
    for ours, theirs, workloads, targets in (
        (_selection, _difftopk_selection, NETWORKS, TARGET),
        (_loss, _difftopk_loss, LOSSES, {}),
    ):
        for work in workloads:
            steps = {"refimpl": ours(work, LAYOUTS[work.layout])}
            if not missing():
                steps["difftopk"] = theirs(work)
            steps["refimpl, splitter"] = ours(work, "splitter_selection")
            results += rows(str(work), interleaved(steps, repeats), targets=targets)
    return results


def missing() -> list[str]:
    """Peers that are not installed here."""
    needed = ("difftopk", "torch")
    return [] if all(importlib.util.find_spec(name) for name in needed) else ["difftopk"]
