"""Logic gate networks on the published data sets: a front to `refimpl logic train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..logic import network as nets
from ..logic.command import main as logic
from ..logic.discretise import discretise
from ..logic.inference import Engine
from ..logic.simplify import simplify
from ..logic.tasks import DEFAULTS, load_task
from .command import Sized
from .plots import bars
from .results import Results
from .runs import Row, Runs

DESCRIPTION = (
    "Differentiable logic gate networks (Petersen et al. 2022) with the paper's architectures, "
    "trained by `refimpl logic train` and discretised: the result is the accuracy of the circuit "
    "on the test set, in percent, and its gates before and after simplification. By default "
    "MONK's problems, which need no files; --full adds Adult, breast cancer and MNIST, read from "
    "REFIMPL_DATA or downloaded, with the paper's numbers of steps. Networks are kept in the "
    "folder, for `refimpl logic eval` and `export`."
)
PUBLISHED_STEPS = {"mnist": 200_000, "adult": 100_000, "breast_cancer": 100_000}


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    monk = ("monk1", "monk2", "monk3")
    add("--data", nargs="+", default=Sized(monk, tuple(DEFAULTS)), choices=tuple(DEFAULTS),
        metavar="NAME", help=", ".join(DEFAULTS))  # fmt: skip
    add("--steps", type=int, default=None,
        help="of Adam; if not given, those of the paper with --full, else fewer")  # fmt: skip
    add("--repeats", type=int, default=Sized(3, 10), help="runs with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs = Runs(results)
    for data in options.data:
        for seed in range(options.seed, options.seed + options.repeats):
            runs.once(f"{data}, seed {seed}", _row, options, results, data, seed)
    rows = list(runs.rows.values())
    heights = {f"{row['data']}, seed {row['seed']}": row["test"] for row in rows}
    bars(results.path("accuracy.png"), heights, "test accuracy of the circuit, %")
    return {"runs": rows}


def _row(options: argparse.Namespace, results: Results, data: str, seed: int) -> Row:
    task = load_task(data)
    path = results.path(f"{data}-{seed}.npz")
    usual = PUBLISHED_STEPS.get(data) if options.full else None
    steps = options.steps or usual or DEFAULTS[data].steps
    arguments = ["--seed", str(seed), "--steps", str(steps), "--out", str(path)]
    if options.restart:
        arguments.append("--restart")
    if status := logic(["train", data, *arguments]):
        raise RuntimeError(f"refimpl logic train {data}: exit status {status}")
    return {"data": data, "seed": seed, "steps": steps, **_tested(path, task)}


def _tested(path: Path, task: Any) -> Row:
    network, params, _ = nets.load(path)
    circuit = discretise(network, params)
    simple = simplify(circuit)
    right = Engine(simple).classify(task.test_x) == task.test_y
    return {
        "gates": len(circuit),
        "simplified": len(simple),
        "test": round(100 * float(right.mean()), 2),
    }
