"""What holds for perturbed and black-box differentiation of every discrete solver."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..promises import close
from ..spec import Invariant, Run
from .solver_cases import SOLVERS


def _is_mean(run: Run, inputs: Any, params: Any) -> str | None:
    """Solutions have entries 0 and 1, so S times their mean are whole numbers."""
    (y,) = run(inputs, params).values()
    counts = y * len(inputs.get("noise", [0]))
    if np.min(counts, initial=0) < 0 or not close(counts, np.round(counts)):
        return "an entry is not the fraction of samples whose solution has a 1 there"
    whole = params["solver"] == "path" or close(np.sum(y, axis=-1), np.ones(y.shape[:-1]))
    return None if whole else "the entries do not sum to one"


def _scale_free(run: Run, inputs: Any, params: Any) -> str | None:
    """A factor of the costs changes no solution; in exact numbers 2 changes no comparison."""
    name = "theta" if "theta" in inputs else "weights"
    twice = dict(params)
    if "sigma" in params and not params.get("multiplicative"):
        twice["sigma"] = 2 * params["sigma"]
    (before,) = run(inputs, params).values()
    (after,) = run({**inputs, name: 2 * inputs[name]}, twice).values()
    return None if close(after, before) else "twice the costs, and noise, have another solution"


MEAN_OF_SOLUTIONS = (
    Invariant(
        "mean", "a mean of solutions: S y is a whole number, one-hot ones sum to 1", _is_mean
    ),
    Invariant(
        "scale", "multiplying the costs, and noise that is added, by 2 changes nothing", _scale_free
    ),
)


def _shifted_maximum(run: Run, inputs: Any, params: Any) -> str | None:
    after = run({**inputs, "theta": inputs["theta"] + 1}, params)["value"]
    return (
        None if close(after, run(inputs, params)["value"] + 1) else "theta + 1 does not give F + 1"
    )


def _twice_maximum(run: Run, inputs: Any, params: Any) -> str | None:
    twice = {**params, "sigma": 2 * params["sigma"]}
    after = run({**inputs, "theta": 2 * inputs["theta"]}, twice)["value"]
    return None if close(after, 2 * run(inputs, params)["value"]) else "it does not give 2 F"


def _fixed_choice(run: Run, inputs: Any, params: Any) -> str | None:
    means = np.mean(inputs["theta"] + params["sigma"] * inputs["noise"], axis=0)
    F = run(inputs, params)["value"]
    slack = 16 * np.finfo(F.dtype).eps
    enough = np.all(np.max(means, axis=-1) - slack <= F)
    return None if enough else "one choice for all samples is better on average"


MAXIMUM_INVARIANTS = (
    Invariant("shift", "adding 1 to every score adds 1", _shifted_maximum),
    Invariant("scale", "multiplying theta and sigma by 2 multiplies F by 2", _twice_maximum),
    Invariant("choice", "no single choice for all samples is better on average", _fixed_choice),
)


def _convex(run: Run, inputs: Any, params: Any) -> str | None:
    a = inputs["theta"]
    b = np.flip(a, axis=-1)
    ends = [run({**inputs, "theta": theta}, params)["loss"] for theta in (a, b)]
    middle = run({**inputs, "theta": (a + b) / 2}, params)["loss"]
    slack = 100 * np.finfo(middle.dtype).eps * (1 + np.max(np.abs(ends), initial=0))
    below = np.all(middle <= (ends[0] + ends[1]) / 2 + slack)
    return None if below else "between two points it is above the line through them"


def _linear_in_target(run: Run, inputs: Any, params: Any) -> str | None:
    theta, y = inputs["theta"], inputs["target"]
    sign = -1 if params["minimise"] else 1
    none = run({**inputs, "target": 0 * y}, params)["loss"]
    gap = none - run(inputs, params)["loss"]
    same = close(gap, sign * np.sum(theta * y, axis=-1))
    return None if same else "the target does not enter by <theta, y> alone"


def _least(run: Run, inputs: Any, params: Any) -> str | None:
    """No solution is better than the best of each sample."""
    theta, sign = inputs["theta"], -1 if params["minimise"] else 1
    drift = sign * params["sigma"] * np.mean(inputs["noise"], axis=0)
    for k in range(theta.shape[-1]):
        y = np.zeros_like(theta)
        y[..., k] = 1
        loss = run({**inputs, "target": y}, params)["loss"]
        if np.any(loss < drift[..., k] - 100 * np.finfo(loss.dtype).eps):
            return f"for the solution e_{k} it is below its minimum"
    return None


def _distance(run: Run, inputs: Any, params: Any) -> str | None:
    moved = inputs["theta"] + params["sigma"] * inputs["noise"]
    mean = np.mean(np.asarray(SOLVERS[params["solver"]](moved)), axis=0)
    at_mean = run({**inputs, "target": mean}, params)["loss"]
    beside = run({**inputs, "target": mean + 1}, params)["loss"]
    if not close(at_mean, np.zeros_like(at_mean)):
        return "at the mean of the solutions it is not 0"
    same = close(beside, np.full_like(beside, mean.shape[-1]))
    return None if same else "1 away from it in n entries it is not n"


def _is_loss(case: Any) -> bool:
    return case.params["value"] == "loss"


FENCHEL_YOUNG_INVARIANTS = (
    Invariant("convex", "the loss is convex in theta", _convex, _is_loss),
    Invariant(
        "target",
        "the target enters by - <theta, y> alone, + <theta, y> if minimise",
        _linear_in_target,
        _is_loss,
    ),
    Invariant(
        "minimum",
        "no solution y has a loss below sigma <mean Z, y>, minus that if minimise",
        _least,
        _is_loss,
    ),
    Invariant(
        "distance",
        "value='distance': |y_eps - y|^2, with the mean y_eps of the solutions",
        _distance,
        lambda case: not _is_loss(case),
    ),
)
