"""Training strategies: the overhead of ISAAC, ISAAC on MNIST, and Newton losses on sorting.

Overhead: one gradient of a five-layer network (784, 4 x width, 10), batch 60, float32, with ISAAC
in every layer, beside plain gradients; the ratio is ISAAC over plain. PyPI isaac likewise, beside
plain torch. The trainings are the experiments `refimpl run isaac` (width 400) and `refimpl run
newton` (sets of 5 and 10) and run where MNIST is in the folder REFIMPL_DATA; their lengths grow
with --rounds: 33 steps per round on MNIST, 20 on sorting.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import itertools
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.autograd import value_and_grad
from refimpl.data.mnist import is_mnist_local
from refimpl.experiments import isaac
from refimpl.experiments.command import run as run_experiment

from .measure import interleaved, rows
from .measure import table as table_of_times

TARGETS = {400: {}, 1600: {"plain": 1.3}}


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of times, then rows of accuracies where the data are."""
    results = overhead(repeats)
    if not is_mnist_local():
        print("MNIST is not in REFIMPL_DATA: no trainings")
        return results
    digits = trainings("isaac", "--width", "400", "--steps", str(33 * repeats))
    sets = trainings("newton", "--n", "5", "10", "--steps", str(20 * repeats))
    return results + digits + sets


# --- overhead -----------------------------------------------------------------------------------


def overhead(repeats: int) -> list[dict[str, Any]]:
    """Times of one gradient, plain and with ISAAC."""
    found: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    x, labels = rng.random((60, 784), dtype=np.float32), rng.integers(0, 10, 60)
    plain, everywhere = (isaac.METHODS[name] for name in ("sgd", "sgd-isaac"))
    for width, targets in TARGETS.items():
        w = isaac.network(width, rng)
        name = f"gradient, 5 x {width}, batch 60"
        steps = {
            "isaac": _step(everywhere, x, labels, w),
            "plain": _step(plain, x, labels, w),
        }
        found += rows(name, interleaved(steps, repeats), ours="isaac", targets=targets)
        if not missing():
            peers = {"PyPI isaac": _torch(w, x, labels, True), "torch": _torch(w, x, labels, False)}
            times = interleaved(peers, repeats)
            found += rows(f"{name}, torch", times, ours="PyPI isaac")
    return found


def _step(method: isaac.Method, x: np.ndarray, labels: np.ndarray, w: Any) -> Callable[[], Any]:
    return lambda: value_and_grad(lambda w: isaac.loss(w, x, labels, method))(w)


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


def trainings(name: str, *arguments: str) -> list[dict[str, Any]]:
    """The rows of an experiment, without their curves."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        run_experiment(name, [*arguments, "--out", folder])
        record = json.loads((Path(folder) / "results.json").read_text())
    kept = [{k: v for k, v in row.items() if k != "curve"} for row in record["results"]["runs"]]
    return [{"experiment": f"{name} {' '.join(arguments)}", **row} for row in kept]


def table(results: list[dict[str, Any]]) -> str:
    """The times, and the means and deviations over seeds of the accuracies."""
    lines = [table_of_times([row for row in results if "workload" in row])]
    trained = [row for row in results if "experiment" in row]
    for experiment, runs in itertools.groupby(trained, lambda row: row["experiment"]):
        lines += ["", f"refimpl run {experiment}"]
        for setting, seeds in itertools.groupby(runs, _setting):
            lines.append(f"{', '.join(map(str, setting)):50} {_accuracies(list(seeds))}")
    return "\n".join(lines)


MEASURED = ("experiment", "seed", "seconds", "held_out", "test", "sets", "elements")


def _setting(row: dict[str, Any]) -> list[Any]:
    return [value for key, value in row.items() if key not in MEASURED]


def _accuracies(runs: list[dict[str, Any]]) -> str:
    found = []
    for key in ("test", "sets", "elements"):
        if key in runs[0]:
            values = [row[key] for row in runs]
            mean, deviation = statistics.mean(values), statistics.pstdev(values)
            found.append(f"{key} {mean:6.2f} +- {deviation:4.2f} %")
    seconds = statistics.mean(row["seconds"] for row in runs)
    return f"{'  '.join(found)}  {seconds:6.1f} s"


def missing() -> list[str]:
    """Peers that are not installed here."""
    needed = ("isaac", "torch")
    return [] if all(importlib.util.find_spec(name) for name in needed) else ["isaac"]
