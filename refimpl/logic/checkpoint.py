"""Saving a training run so that it goes on as if it had not stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .network import Network
from .storage import read_npz
from .training import AdamState, Run

FORMAT = "refimpl logic run 1"


def save_run(path: str | Path, run: Run, options: dict[str, Any]) -> None:
    """Write the weights, the optimiser's moments, the random numbers' state and the curve.

    The file is replaced whole: an interruption leaves the one before.
    """
    arrays: dict[str, Any] = {}
    for name, group in (
        ("params", run.params),
        ("mean", run.adam.mean),
        ("square", run.adam.square),
    ):
        arrays |= {f"{name}{i}": array for i, array in enumerate(group)}
    text = {
        "steps": run.adam.steps,
        "curve": run.curve,
        "rng": run.rng.bit_generator.state,
        "options": options,
    }
    part = Path(f"{path}.part")
    with open(part, "wb") as stream:
        np.savez(stream, format=FORMAT, layers=len(run.params), state=json.dumps(text), **arrays)
    os.replace(part, path)


def load_run(path: str | Path, network: Network, options: dict[str, Any]) -> Run:
    """The run of a file. ValueError if it is damaged, or was made with other options, which are
    named.
    """
    held = read_npz(path, FORMAT)
    try:
        text = json.loads(str(held["state"]))
        groups = [
            [held[f"{name}{i}"] for i in range(int(held["layers"]))]
            for name in ("params", "mean", "square")
        ]
        before, steps = text["options"], int(text["steps"])
        curve = [(int(step), float(loss)) for step, loss in text["curve"]]
        rng = np.random.default_rng()
        rng.bit_generator.state = text["rng"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: not a complete run: {error}") from error
    other = [k for k in {**before, **options} if before.get(k) != options.get(k)]
    if other:
        told = ", ".join(f"{k}: {before.get(k)} then, {options.get(k)} now" for k in sorted(other))
        raise ValueError(f"{path}: made with other options ({told}); start anew or use those")
    shapes = [(w.arrays.shape[1], 16) for w in network.wirings]
    if any([a.shape for a in group] != shapes for group in groups):
        raise ValueError(f"{path}: the weights do not fit the network")
    arrays = [a for group in groups for a in group]
    if not all(a.dtype == np.float32 and np.all(np.isfinite(a)) for a in arrays):
        raise ValueError(f"{path}: the weights and moments are not finite float32 numbers")
    params, mean, square = groups
    return Run(params, AdamState(mean, square, steps), rng, curve)
