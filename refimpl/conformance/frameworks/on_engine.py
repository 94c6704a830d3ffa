"""Array-API functions on NumPy arrays, differentiated by refimpl.autograd.

The reference itself is evaluated here; an implementation may ask for it with framework="refimpl".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import autograd as ag

from . import Arrays, Problem, floating
from .on_numpy import values as values  # plain arrays in, plain arrays out


def missing() -> str | None:
    """The engine is always there."""
    return None


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    moving, function = _prepare(problem)
    outputs, pull = ag.vjp(function, moving)
    zeros = {name: np.zeros_like(ag.to_numpy(value)) for name, value in outputs.items()}
    weights = {name: np.asarray(cotangents.get(name, zeros[name])) for name in outputs}
    (gradients,) = pull(weights)
    return {name: ag.to_numpy(gradients[name]) for name in moving}


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents."""
    moving, function = _prepare(problem)
    along = {name: np.asarray(tangents[name]) for name in moving}
    _, pushed = ag.jvp(function, (moving,), (along,))
    return {name: ag.to_numpy(value) for name, value in pushed.items()}


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    moving, function = _prepare(problem)

    def scalar(arrays: dict[str, Any]) -> Any:
        return _dot(function(arrays), cotangents)

    along = {name: np.asarray(vector[name]) for name in moving}
    second = ag.hvp(scalar, moving, along)
    return {name: ag.to_numpy(second[name]) for name in moving}


def _prepare(problem: Problem) -> tuple[dict[str, np.ndarray], Any]:
    moving, fixed = problem.split()

    def function(arrays: dict[str, Any]) -> dict[str, Any]:
        return floating(problem.named(problem.call(**arrays, **fixed, **problem.params)))

    return moving, function


def _dot(outputs: dict[str, Any], weights: Arrays) -> Any:
    total: Any = 0.0
    for name, value in outputs.items():
        if name in weights:
            xp = ag.array_namespace(value)
            total = total + xp.sum(value * weights[name])
    return total
