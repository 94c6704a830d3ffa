"""Logic gate networks on the published data sets: a front to `refimpl logic train`.

That trains on the CPU, in place. On the GPU the same network is trained by the engine's own arrays
and optimiser, on other batches.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, to_numpy
from ..logic import network as nets
from ..logic.command import main as logic
from ..logic.discretise import discretise
from ..logic.inference import Engine
from ..logic.simplify import simplify
from ..logic.tasks import DEFAULTS, Task, load_task
from ..logic.training import as_inputs
from ..training.optimizers import adam
from .command import Sized
from .plots import bars
from .results import Results
from .runs import Row, Runs, fit, on_backend, step_rng

DESCRIPTION = (
    "Differentiable logic gate networks (Petersen et al. 2022) with the paper's architectures, "
    "trained by `refimpl logic train` and discretised: the result is the accuracy of the circuit "
    "on the test set, in percent, and its gates before and after simplification. By default "
    "MONK's problems, which need no files; --full adds Adult, breast cancer and MNIST, read from "
    "REFIMPL_DATA or downloaded, with the paper's numbers of steps. Networks are kept in the "
    "folder, for `refimpl logic eval` and `export`."
)
EXAMPLES = (
    ("", "MONK's problems, three seeds: about a minute"),
    ("--data breast_cancer --steps 2000 --repeats 1", "one network, a minute"),
    ("--data adult mnist", "the large ones, with fewer steps than the paper"),
)
FULL = "days on a CPU"
ON_CUPY = True
BATCH, EVERY = 100, 1000
PUBLISHED_STEPS = {"mnist": 200_000, "adult": 100_000, "breast_cancer": 100_000}


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    monk = ("monk1", "monk2", "monk3")
    add("--data", nargs="+", default=Sized(monk, tuple(DEFAULTS)), choices=tuple(DEFAULTS),
        metavar="NAME", help="data sets: " + ", ".join(DEFAULTS))  # fmt: skip
    add("--steps", type=int, default=None,
        help="steps of Adam; if not given, those of the paper with --full, else fewer")  # fmt: skip
    add("--repeats", type=int, default=Sized(3, 10), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs = Runs(results)
    for data in options.data:
        for seed in range(options.seed, options.seed + options.repeats):
            label = f"{data}, seed {seed}"
            runs.once(label, _row, options, results, runs, data, seed, label)
    rows = list(runs.rows.values())
    heights = {f"{row['data']}, seed {row['seed']}": row["test"] for row in rows}
    bars(results.path("accuracy.png"), heights, "test accuracy of the circuit, %")
    return {"runs": rows}


def _row(
    options: argparse.Namespace, results: Results, runs: Runs, data: str, seed: int, label: str
) -> Row:
    task = load_task(data)
    path = results.path(f"{data}-{seed}.npz")
    usual = PUBLISHED_STEPS.get(data) if options.full else None
    steps = options.steps or usual or DEFAULTS[data].steps
    if options.backend == "numpy":
        arguments = ["--seed", str(seed), "--steps", str(steps), "--out", str(path)]
        if options.restart:
            arguments.append("--restart")
        if status := logic(["train", data, *arguments]):
            raise RuntimeError(f"refimpl logic train {data}: exit status {status}")
    else:
        network, params = _trained(runs, task, data, seed, steps, label)
        encoder = np.array(json.dumps(task.encoder))
        nets.save(path, network, params, data=np.array(data), encoder=encoder)
    return {"data": data, "seed": seed, "steps": steps, **_tested(path, task)}


def _trained(
    runs: Runs, task: Task, data: str, seed: int, steps: int, label: str
) -> tuple[nets.Network, list[np.ndarray]]:
    """The network of `refimpl logic train`, trained where new arrays are made."""
    usual = DEFAULTS[data]
    widths = [usual.width] * usual.layers
    network = nets.build(
        task.train_x.shape[1], widths, classes=task.classes, tau=usual.tau, seed=seed
    )
    x, labels = on_backend(task.train_x), on_backend(task.train_y)

    def loss(params: list[Array], step: int) -> Array:
        chosen = on_backend(step_rng(seed, step).integers(0, len(task.train_y), BATCH))
        xp = array_namespace(x)
        inputs = as_inputs(xp.take(x, chosen, axis=0))
        scores = nets.apply(network, params, inputs)
        return nets.cross_entropy(scores, xp.take(labels, chosen, axis=0))

    done = fit(
        runs, label, [on_backend(p) for p in nets.initial_params(network, seed)],
        adam(usual.learning_rate), loss, steps=steps, every=EVERY,
    )  # fmt: skip
    return network, [to_numpy(p) for p in done.params]


def _tested(path: Path, task: Task) -> Row:
    network, params, _ = nets.load(path)
    circuit = discretise(network, params)
    simple = simplify(circuit)
    right = Engine(simple).classify(task.test_x) == task.test_y
    return {
        "gates": len(circuit),
        "simplified": len(simple),
        "test": round(100 * float(right.mean()), 2),
    }
