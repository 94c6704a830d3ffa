"""Training runs that go on where they were interrupted, to the same result.

An experiment is a list of named runs. `Runs.once` skips those that are finished; `fit` trains, and
keeps its parameters, the state of its optimiser and its curve at every report. The data of a step
are drawn with a generator of that step alone, `step_rng(seed, step)`, so that no random state has
to be kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, creation_namespace, to_numpy, tree_flatten, value_and_grad
from ..progress import progress
from ..training.optimizers import Optimizer
from .results import Results

Row = dict[str, Any]


class Runs:
    """The finished runs of an experiment by name, and the state of the one under way."""

    def __init__(self, results: Results) -> None:
        self._results = results
        stored = results.state() or {}
        self.rows: dict[str, Row] = json.loads(str(stored.pop("rows"))) if stored else {}
        self._unfinished = stored

    def once(self, name: str, work: Callable[..., Row], *arguments: Any) -> Row:
        """The row of that run: the stored one, or that of `work(*arguments)`, which is stored."""
        if name not in self.rows:
            row = self.rows[name] = work(*arguments)
            self.keep({})
            if "seconds" in row:
                print(f"{name}: {row['seconds']:.1f} s", flush=True)
        return self.rows[name]

    def each(
        self, options: argparse.Namespace, names: Iterable[str], work: Callable[..., Row]
    ) -> list[Row]:
        """All rows, after `work(name, seed, label)` for every name and each of the seeds."""
        for name in names:
            for seed in range(options.seed, options.seed + options.repeats):
                label = f"{name}, seed {seed}"
                self.once(label, work, name, seed, label)
        return list(self.rows.values())

    def unfinished(self) -> dict[str, np.ndarray]:
        """What the run under way kept last, once; empty if it begins."""
        found, self._unfinished = self._unfinished, {}
        return found

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Store the finished rows, and arrays of the run under way."""
        rows = np.asarray(json.dumps(self.rows, default=float))
        self._results.keep(rows=rows, **arrays)


class Fit(NamedTuple):
    """Trained parameters, a report per `every` steps, and processor seconds."""

    params: Any
    curve: list[Row]
    seconds: float


def fit(
    runs: Runs,
    label: str,
    params: Any,
    optimizer: Optimizer,
    loss: Callable[[Any, int], Array],
    *,
    steps: int,
    every: int,
    report: Callable[[Any], Row] = lambda params: {},
) -> Fit:
    """Minimise `loss(params, step)`, step by step; `report(params)` every so many steps.

    The reports are not part of the seconds.
    """
    state, curve, first, seconds = optimizer.init(params), [], 0, 0.0
    if saved := runs.unfinished():
        params, state = _unpacked(saved, params)
        progressed = json.loads(str(saved["progress"]))
        curve, seconds = progressed["curve"], progressed["seconds"]
        first = curve[-1]["step"]
    begin = time.process_time()
    for step in progress(range(first, steps), label, total=steps, start=first):
        value, gradients = value_and_grad(lambda p, step=step: loss(p, step))(params)
        params, state = optimizer.update(gradients, state, params)
        if (step + 1) % every == 0 or step + 1 == steps:
            seconds += time.process_time() - begin
            found = {"step": step + 1, "loss": float(to_numpy(value)), **report(params)}
            curve = [*curve, found]
            done = json.dumps({"curve": curve, "seconds": seconds}, default=float)
            runs.keep({"progress": np.asarray(done), **_packed(params, state)})
            begin = time.process_time()
    return Fit(params, curve, round(seconds, 2))


def means(rows: Iterable[Row], key: str, score: str) -> dict[str, float]:
    """The mean of a score over the rows with the same key, in the order of the rows."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row[score])
    return {name: float(np.mean(values)) for name, values in found.items()}


def mean_curves(
    rows: Iterable[Row], key: str, score: str
) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and the mean of a score in the curves of the rows with the same key."""
    found: dict[str, list[list[Row]]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row["curve"])
    return {
        name: ([at["step"] for at in curves[0]],
               np.mean([[at[score] for at in curve] for curve in curves], axis=0).tolist())
        for name, curves in found.items()
    }  # fmt: skip


def step_rng(seed: int, step: int) -> np.random.Generator:
    """The random numbers of one step."""
    return np.random.default_rng([seed, step])


def on_backend(x: np.ndarray) -> Array:
    """A host array where new arrays are made."""
    return creation_namespace().asarray(x)


def layers(rng: np.random.Generator, shapes: Iterable[tuple[int, ...]]) -> list[Array]:
    """Weights (in, ...), uniform within 1 / sqrt(in), and biases (out,), zero; float32."""
    return [
        on_backend((rng.uniform(-1, 1, s) / np.sqrt(s[0]) * (len(s) > 1)).astype(np.float32))
        for s in shapes
    ]


def _packed(params: Any, state: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    arrays = {}
    for i, (p, kept) in enumerate(zip(tree_flatten(params)[0], state, strict=True)):
        arrays[f"p{i}"], arrays[f"t{i}"] = to_numpy(p), np.asarray(kept["t"])
        arrays |= {f"s{i}.{name}": to_numpy(slot) for name, slot in kept["slots"].items()}
    return arrays


def _unpacked(saved: Mapping[str, np.ndarray], params: Any) -> tuple[Any, list[dict[str, Any]]]:
    leaves, rebuild = tree_flatten(params)
    state = [
        {
            "t": int(saved[f"t{i}"]),
            "slots": {
                name.partition(".")[2]: on_backend(array)
                for name, array in saved.items()
                if name.startswith(f"s{i}.")
            },
        }
        for i in range(len(leaves))
    ]
    return rebuild([on_backend(saved[f"p{i}"]) for i in range(len(leaves))]), state
