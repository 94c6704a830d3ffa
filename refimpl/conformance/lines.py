"""Functions of one real number: both sides of a comparison along the direction that it is about.

What fails is one element of a gradient, of a tangent or of a second derivative. Each is the
derivative at t = 0 of a function of one number, here made for the reference and for the target, in
float64 whatever the case's dtype is: differences say nothing about a function that rounds to
float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .failure import Failure
from .frameworks import Problem, on_engine
from .points import Expected

Line = Callable[[Any], float]
Arrays = Mapping[str, np.ndarray]


def lines(failure: Failure) -> tuple[Line, Line]:
    """The function whose derivative at 0 the worst element is: the reference's, the target's."""
    index = failure.result.index or ()
    sides = ((on_engine, failure.expected.problem), (failure.module, failure.target))
    reference, target = (
        line(module, problem, failure.expected, failure.check, failure.name, index)
        for module, problem in sides
    )
    return reference, target


def line(
    module: Any, problem: Problem, expected: Expected, check: str, name: str, index: Any
) -> Line:
    """t -> a number, whose derivative at 0 is element `index` of what `check` compares."""
    start = double(problem.inputs)
    weights, tangents, vector = map(
        double, (expected.cotangents, expected.tangents, expected.vector)
    )
    if check == "vjp":
        one = {name: np.zeros(start[name].shape)}
        one[name][index] = 1.0
        return lambda t: _dot(module.values(problem.at(_moved(start, one, t))), weights)
    if check == "jvp":
        moved = lambda t: problem.at(_moved(start, tangents, t))  # noqa: E731
        return lambda t: float(module.values(moved(t))[name][index])
    return lambda t: float(module.vjp(problem.at(_moved(start, vector, t)), weights)[name][index])


def double(arrays: Arrays) -> dict[str, np.ndarray]:
    """The floating arrays in float64, the others as they are."""
    return {
        name: np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else np.asarray(a)
        for name, a in arrays.items()
    }


def _moved(start: Arrays, direction: Arrays, t: Any) -> dict[str, np.ndarray]:
    step = float(t)
    return {k: a + step * direction[k] if k in direction else a for k, a in start.items()}


def _dot(outputs: Arrays, weights: Arrays) -> float:
    pairs = [(np.asarray(outputs[name], np.float64), w) for name, w in weights.items()]
    return float(sum(np.sum(a * w) for a, w in pairs))
