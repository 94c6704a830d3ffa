"""Training strategies: the overhead of ISAAC, ISAAC on MNIST, and Newton losses on sorting.

Overhead: one gradient of a five-layer network (784, 4 x width, 10), batch 60, float32, with ISAAC
in every layer, beside plain gradients; the ratio is ISAAC over plain. PyPI isaac likewise, beside
plain torch. The trainings run where MNIST is in the folder REFIMPL_DATA; their lengths grow with
--rounds: 50 steps per round on MNIST (width 400), 40 on sorting. Learning rates are chosen on
10,000 held-out images with seed 0, and the results are those of other seeds. The damping of the
Newton losses is 1e-3 everywhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import statistics
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from refimpl.data.mnist import Mnist, is_mnist_local, mnist

from . import training_mnist, training_sorting
from .measure import interleaved, rows
from .measure import table as table_of_times

TARGETS = {400: {}, 1600: {"plain": 1.3}}
SEEDS = (1, 2)
DAMPING = 1e-3


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of times, then rows of accuracies where the data are."""
    results = overhead(repeats)
    if not is_mnist_local():
        print("MNIST is not in REFIMPL_DATA: no trainings")
        return results
    data = mnist(download=False)
    return results + classification(50 * repeats, data) + sorting(40 * repeats, data)


# --- overhead -----------------------------------------------------------------------------------


def overhead(repeats: int) -> list[dict[str, Any]]:
    """Times of one gradient, plain and with ISAAC."""
    found: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    x, labels = rng.random((60, 784), dtype=np.float32), rng.integers(0, 10, 60)
    plain, everywhere = training_mnist.METHODS[:2]
    for width, targets in TARGETS.items():
        w = training_mnist.network(width, rng)
        name = f"gradient, 5 x {width}, batch 60"
        steps = {
            "isaac": training_mnist.step(everywhere, x, labels, w),
            "plain": training_mnist.step(plain, x, labels, w),
        }
        found += rows(name, interleaved(steps, repeats), ours="isaac", targets=targets)
        if not missing():
            peers = {"PyPI isaac": _torch(w, x, labels, True), "torch": _torch(w, x, labels, False)}
            times = interleaved(peers, repeats)
            found += rows(f"{name}, torch", times, ours="PyPI isaac")
    return found


def _torch(w: Any, x: np.ndarray, labels: np.ndarray, conditioned: bool) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(1)
    function = importlib.import_module("isaac.isaac").ISAACLinearFunction
    leaves = [tuple(torch.tensor(p, requires_grad=True) for p in layer) for layer in w]
    images, wanted = torch.tensor(x), torch.tensor(labels)

    def step() -> None:
        h = images
        for k, (weight, bias) in enumerate(leaves):
            h = torch.relu(h) if k else h
            if conditioned:
                h = function.apply(h, weight, bias[None, :], 10.0, "inverse")
            else:
                h = torch.nn.functional.linear(h, weight, bias)
        loss = torch.nn.functional.cross_entropy(h, wanted)
        torch.autograd.grad(loss, [p for layer in leaves for p in layer])

    return step


# --- trainings ----------------------------------------------------------------------------------


def classification(steps: int, data: Mnist, width: int = 400) -> list[dict[str, Any]]:
    """Each method at the learning rate that is best on held-out images with seed 0."""
    found = []
    for method in training_mnist.METHODS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # learning rates that diverge
            tried = [training_mnist.train(method, r, width, steps, 0, data) for r in method.rates]
            rate = max(tried, key=lambda row: row["held_out"])["rate"]
            runs = [training_mnist.train(method, rate, width, steps, s, data) for s in SEEDS]
        for row in runs:
            row["tried_rates"] = {t["rate"]: t["held_out"] for t in tried}
        found += runs
    return found


def sorting(steps: int, data: Mnist, sizes: Iterable[int] = (5, 10)) -> list[dict[str, Any]]:
    """Each sort with each loss."""
    choices = itertools.product(
        sizes, training_sorting.SORTS, ("plain", "hessian", "fisher"), SEEDS
    )
    return [
        training_sorting.train(training_sorting.Setting(s, n, c, DAMPING, steps, seed), data)
        for n, s, c, seed in choices
    ]


# --- tables -------------------------------------------------------------------------------------


def table(results: list[dict[str, Any]]) -> str:
    """The times, and the means and deviations over seeds of the accuracies."""
    times = [row for row in results if "workload" in row]
    digits = [row for row in results if "task" in row]
    sorts = [row for row in results if "sort" in row]
    return "\n".join([table_of_times(times), *_digit_lines(digits), *_sort_lines(sorts)])


def _groups(results: list[dict[str, Any]], *keys: str) -> Mapping[tuple, list[dict[str, Any]]]:
    found: dict[tuple, list[dict[str, Any]]] = {}
    for row in results:
        found.setdefault(tuple(row[k] for k in keys), []).append(row)
    return found


def _spread(runs: list[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in runs]
    return f"{statistics.mean(values):6.2f} +- {statistics.pstdev(values):4.2f}"


def _digit_lines(results: list[dict[str, Any]]) -> list[str]:
    lines = []
    for (task, steps), group in _groups(results, "task", "steps").items():
        lines += ["", f"{task}, {steps} steps, seeds {', '.join(map(str, SEEDS))}"]
        lines.append(f"{'method':40} {'rate':>7} {'test accuracy %':>16} {'s':>7}")
        for (method, rate), runs in _groups(group, "method", "rate").items():
            seconds = statistics.mean(row["seconds"] for row in runs)
            lines.append(f"{method:40} {rate:7} {_spread(runs, 'test'):>16} {seconds:7.1f}")
    return lines


def _sort_lines(results: list[dict[str, Any]]) -> list[str]:
    lines = []
    for (n, steps), group in _groups(results, "n", "steps").items():
        lines += ["", f"sorting n={n}, {steps} steps, seeds {', '.join(map(str, SEEDS))}"]
        lines.append(
            f"{'sort':18} {'loss':8} {'sets right %':>16} {'places right %':>16} "
            f"{'s':>6}  published sets %"
        )
        for (sort, curvature), runs in _groups(group, "sort", "curvature").items():
            known = training_sorting.PUBLISHED.get((sort, n))
            place = ("plain", "hessian", "fisher").index(curvature)
            seconds = statistics.mean(row["seconds"] for row in runs)
            lines.append(
                f"{sort:18} {curvature:8} {_spread(runs, 'sets'):>16} "
                f"{_spread(runs, 'elements'):>16} {seconds:6.1f}  {known[place] if known else ''}"
            )
    return lines


def missing() -> list[str]:
    """Peers that are not installed here."""
    needed = ("isaac", "torch")
    return [] if all(importlib.util.find_spec(name) for name in needed) else ["isaac"]
