"""Relaxed programs beside PyPI algovision, on the same work and one thread.

Forward and backward through bubble sort (the expected number of swaps as loss) and through the
shortest path on a grid (the sum of squares of the path as loss). The programs of algovision are
those of its examples, restated in its language.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.conformance.adapters import algovision as peer
from refimpl.relaxation.programs.bubble_sort import bubble_sort
from refimpl.relaxation.programs.shortest_path import shortest_path

from .measure import interleaved, rows

TARGET = 0.5
BETA = 10.0
ROUNDS = 24


def _sorting_inputs(dtype: str) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(32, 8)).astype(dtype)


def _path_inputs(dtype: str) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.2, 1.2, size=(32, 12, 12)).astype(dtype)


def _swaps(x: Any) -> Any:
    return array_namespace(x).sum(bubble_sort(x, beta=BETA)[2])


def _path_loss(cost: Any) -> Any:
    path = shortest_path(cost, beta=BETA, rounds=ROUNDS)[0]
    return array_namespace(path).sum(path * path)


def _torch_step(program: Callable[[Any], Any], host: np.ndarray) -> Callable[[], None]:
    import torch

    torch.set_num_threads(1)
    x = torch.tensor(host)

    def step() -> None:
        program(x.clone().requires_grad_()).backward()

    return step


def _algovision(dtype: str) -> dict[str, Callable[[], Any]]:
    sort = peer.bubble_program(BETA, 1e-5, dtype)
    path = peer.path_program(BETA, ROUNDS, "probabilistic", None, "for", dtype)
    return {
        "bubble sort": _torch_step(lambda x: sort(x)[2].sum(), _sorting_inputs(dtype)),
        "shortest path": _torch_step(lambda x: (path(x)[0] ** 2).sum(), _path_inputs(dtype)),
    }


def _refimpl(dtype: str) -> dict[str, Callable[[], Any]]:
    sort, path = value_and_grad(_swaps), value_and_grad(_path_loss)
    x, cost = _sorting_inputs(dtype), _path_inputs(dtype)
    return {"bubble sort": lambda: sort(x), "shortest path": lambda: path(cost)}


SIZES = {"bubble sort": "n=8 batch 32", "shortest path": "12x12 batch 32"}


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of the table, in both dtypes; algovision is left out where it is not installed."""
    results: list[dict[str, Any]] = []
    for dtype in ("float32", "float64"):
        steps = {"refimpl": _refimpl(dtype)}
        if not missing():
            steps["algovision"] = _algovision(dtype)
        for work, size in SIZES.items():
            contestants = {name: found[work] for name, found in steps.items()}
            times = interleaved(contestants, repeats)
            results += rows(f"{work} {size}, {dtype}", times, targets={"algovision": TARGET})
    return results


def missing() -> list[str]:
    """Peers that are not installed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        needed = ("algovision", "torch")
        return [] if all(map(importlib.util.find_spec, needed)) else ["algovision"]
