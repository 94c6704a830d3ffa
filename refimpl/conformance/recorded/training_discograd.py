"""Recorded numbers of DiscoGrad: its estimators and smooth interpretation on four programs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from refimpl.autograd import constant
from refimpl.training.branches import Branch
from refimpl.training.discograd import estimate_gradient
from refimpl.training.smooth_interpretation import Paths, interpreted_gradient

from . import recorded
from .sorting_networks import Inputs, Record

ESTIMATORS = {
    "dgo": ("oracle", True),
    "dgo16": ("oracle", True),  # conditions in 16 bits upstream, so a looser tolerance is recorded
    "dgonop": ("oracle", False),
    "dgo23": ("oracle_2023", True),
}
RESTRICTIONS = {
    "Ch": "merge_weighted",
    "IW": "merge_unweighted",
    "WO": "merge_lightest",
    "Di": "discard",
}


def _steps(x: Any, branch: Branch) -> Any:
    return 0.0 * x[0] if branch(x[0]) else 1.0 + 0.0 * x[0]


def _steps_down(x: Any, branch: Branch) -> Any:
    return 1.0 + 0.0 * x[0] if branch(x[0]) else 0.0 * x[0]


def _sequence(x: Any, branch: Branch) -> Any:
    y = x[0] * x[1]
    y = y + 2 * x[0] if branch(x[0] - x[1] - 0.3, "first") else y - 1
    return 0.5 * y if branch(x[1], "second") else y


def _loop(x: Any, branch: Branch, thresholds: list[float]) -> Any:
    v = x[0] - x[0] / 2
    for threshold in thresholds:
        if branch(v - threshold):
            v = v - threshold
    return v


def _nested(x: Any, branch: Branch) -> Any:
    if branch(x[0] - 0.2, "outer"):
        return x[2] if branch(x[1], "inner") else 1.0 + 0.0 * x[1]
    branch.skip("inner")
    return x[0] * x[0]


def _thresholds(text: str) -> list[float]:
    found = re.search(r"\[[^\]]*\]", text)
    return [float(t) for t in ast.literal_eval(found.group())] if found else []


def _program(params: Record) -> Callable[[Any, Branch], Any]:
    text = params["program"]
    if text.startswith("P0"):
        return _steps_down if params["estimator"] == "dgo23" else _steps
    if text.startswith("P2"):
        thresholds = _thresholds(text)
        return lambda x, branch: _loop(x, branch, thresholds)
    return {"P1": _sequence, "P3": _nested}[text[:2]]


@recorded("discograd", "DiscoGrad<>::estimate_ (discograd_gradient_oracle)")
@recorded("discograd", "DiscoGrad<>::estimate_ (crisp)")
@recorded("discograd", "DiscoGrad<>::estimate_ (polyak_gradient_oracle)")
@recorded("discograd", "DiscoGrad<>::estimate_ (reinforce)")
@recorded("discograd", "DiscoGrad<>::estimate_ (rloo)")
def _estimate(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    estimator, path_selection = ESTIMATORS.get(params["estimator"], (params["estimator"], True))
    found = estimate_gradient(
        _program(params),
        inputs["x"],
        inputs["noise"],
        sigma=params["variance"] ** 0.5,
        estimator=estimator,
        path_selection=path_selection,
    )
    return {"value": constant(found.value, like=inputs["x"]), "grad": found.gradient}


def _smooth_step(paths: Paths) -> None:
    paths.branch(
        lambda v: v["x0"],
        lambda p: p.assign("y", lambda v: 1.0),
        lambda p: p.assign("y", lambda v: 0.0),
    )


def _smooth_sequence(paths: Paths) -> None:
    paths.assign("y", lambda v: v["x0"] * v["x1"])
    paths.branch(
        lambda v: v["x0"] - v["x1"] - 0.3,
        lambda p: p.assign("y", lambda v: v["y"] + 2 * v["x0"]),
        lambda p: p.assign("y", lambda v: v["y"] - 1),
    )
    paths.branch(lambda v: v["x1"], lambda p: p.assign("y", lambda v: v["y"] * 0.5))


def _smooth_loop(paths: Paths, thresholds: list[float]) -> None:
    paths.assign("y", lambda v: v["x0"] - v["x0"] / 2)
    for threshold in thresholds:
        _reduce(paths, threshold)


def _reduce(paths: Paths, threshold: float) -> None:
    """if v < threshold: v -= threshold"""
    paths.branch(
        lambda v: v["y"] - threshold,
        lambda p: p.assign("y", lambda v: v["y"] - threshold),
    )


def _smooth_nested(paths: Paths) -> None:
    def inner(p: Paths) -> None:
        p.branch(
            lambda v: v["x1"],
            lambda q: q.assign("y", lambda v: v["x2"]),
            lambda q: q.assign("y", lambda v: 1.0),
        )

    paths.branch(
        lambda v: v["x0"] - 0.2, inner, lambda p: p.assign("y", lambda v: v["x0"] * v["x0"])
    )


@recorded("discograd", "DiscoGrad<>::estimate_ (si)")
def _interpretation(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    programs: dict[str, Callable[[Paths], None]] = {
        "P0": _smooth_step,
        "P1": _smooth_sequence,
        "P2": lambda paths: _smooth_loop(paths, _thresholds(params["program"])),
        "P3": _smooth_nested,
    }
    found = interpreted_gradient(
        programs[params["program"][:2]],
        inputs["x"],
        sigma=params["variance"] ** 0.5,
        max_paths=params["max_paths"],
        restriction=RESTRICTIONS[params["restrict"]],
        published_gradient=True,
    )
    return {"value": constant(found.value, like=inputs["x"]), "grad": found.gradient}
