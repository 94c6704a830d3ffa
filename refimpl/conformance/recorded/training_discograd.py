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


def _sequence(x: Any, branch: Branch, numbers: list[float]) -> Any:
    bound, slope, step, second, factor = numbers
    y = x[0] * x[1]
    y = y + slope * x[0] if branch(x[0] - x[1] - bound, "first") else y - step
    return factor * y if branch(x[1] - second, "second") else y


def _loop(x: Any, branch: Branch, thresholds: list[float]) -> Any:
    v = x[0] - x[0] / 2
    for threshold in thresholds:
        if branch(v - threshold):
            v = v - threshold
    return v


def _nested(x: Any, branch: Branch, numbers: list[float]) -> Any:
    bound, inner, otherwise = numbers
    if branch(x[0] - bound, "outer"):
        return x[2] if branch(x[1] - inner, "inner") else otherwise + 0.0 * x[1]
    branch.skip("inner")
    return x[0] * x[0]


TEXTS = {
    "P1": r"if x0 - x1 < #: y \+= #\*x0 else y -= #; if x1 < #: y \*= #",
    "P3": r"if x0 < #: \(y = x2 if x1 < # else #\) else y = x0\^2",
}
"""How programs are described, with numbers at #."""


def _numbers(text: str) -> list[float]:
    """The numbers in the description of a program, in order."""
    if text.startswith("P2"):
        found = re.search(r"\[[^\]]*\]", text)
        return [float(t) for t in ast.literal_eval(found.group())] if found else []
    found = re.search(TEXTS[text[:2]].replace("#", r"([-+\d.e]+)"), text)
    if found is None:
        raise ValueError(f"program {text!r}: expected the form {TEXTS[text[:2]]!r}")
    return [float(number) for number in found.groups()]


def _program(params: Record) -> Callable[[Any, Branch], Any]:
    text = params["program"]
    if text.startswith("P0"):
        return _steps_down if params["estimator"] == "dgo23" else _steps
    numbers = _numbers(text)
    run = {"P1": _sequence, "P2": _loop, "P3": _nested}[text[:2]]
    return lambda x, branch: run(x, branch, numbers)


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


def _smooth_sequence(paths: Paths, numbers: list[float]) -> None:
    bound, slope, step, second, factor = numbers
    paths.assign("y", lambda v: v["x0"] * v["x1"])
    paths.branch(
        lambda v: v["x0"] - v["x1"] - bound,
        lambda p: p.assign("y", lambda v: v["y"] + slope * v["x0"]),
        lambda p: p.assign("y", lambda v: v["y"] - step),
    )
    paths.branch(lambda v: v["x1"] - second, lambda p: p.assign("y", lambda v: v["y"] * factor))


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


def _smooth_nested(paths: Paths, numbers: list[float]) -> None:
    bound, second, otherwise = numbers

    def inner(p: Paths) -> None:
        p.branch(
            lambda v: v["x1"] - second,
            lambda q: q.assign("y", lambda v: v["x2"]),
            lambda q: q.assign("y", lambda v: otherwise),
        )

    paths.branch(
        lambda v: v["x0"] - bound, inner, lambda p: p.assign("y", lambda v: v["x0"] * v["x0"])
    )


def _smooth_program(text: str) -> Callable[[Paths], None]:
    if text.startswith("P0"):
        return _smooth_step
    numbers = _numbers(text)
    run = {"P1": _smooth_sequence, "P2": _smooth_loop, "P3": _smooth_nested}[text[:2]]
    return lambda paths: run(paths, numbers)


@recorded("discograd", "DiscoGrad<>::estimate_ (si)")
def _interpretation(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    found = interpreted_gradient(
        _smooth_program(params["program"]),
        inputs["x"],
        sigma=params["variance"] ** 0.5,
        max_paths=params["max_paths"],
        restriction=RESTRICTIONS[params["restrict"]],
        published_gradient=True,
    )
    return {"value": constant(found.value, like=inputs["x"]), "grad": found.gradient}
