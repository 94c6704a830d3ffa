"""Array-API functions on NumPy arrays, or CuPy's, differentiated by refimpl.autograd.

The reference itself is evaluated here; an implementation may ask for it with framework="refimpl".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl import autograd as ag

from . import Arrays, Problem, floating, on_cupy, on_numpy


def missing(device: str | None = None) -> str | None:
    """The engine is always there; its device is CuPy's."""
    if device in (None, "cpu"):
        return None
    return on_cupy.missing(device)


def values(problem: Problem) -> dict[str, np.ndarray]:
    """Plain arrays in, plain arrays out."""
    return (on_cupy if _on_device(problem) else on_numpy).values(problem)


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    moving, function = _prepare(problem)
    outputs, pull = ag.vjp(function, moving)
    zeros = {name: np.zeros_like(ag.to_numpy(value)) for name, value in outputs.items()}
    put = _put(problem)
    weights = {name: put(cotangents.get(name, zeros[name])) for name in outputs}
    (gradients,) = pull(weights)
    return {name: ag.to_numpy(gradients[name]) for name in moving}


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents."""
    moving, function = _prepare(problem)
    put = _put(problem)
    along = {name: put(tangents[name]) for name in moving}
    _, pushed = ag.jvp(function, (moving,), (along,))
    return {name: ag.to_numpy(value) for name, value in pushed.items()}


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    moving, function = _prepare(problem)

    put = _put(problem)
    weights = {name: put(weight) for name, weight in cotangents.items()}

    def scalar(arrays: dict[str, Any]) -> Any:
        return _dot(function(arrays), weights)

    along = {name: put(vector[name]) for name in moving}
    second = ag.hvp(scalar, moving, along)
    return {name: ag.to_numpy(second[name]) for name in moving}


def _on_device(problem: Problem) -> bool:
    return problem.device not in (None, "cpu")


def _put(problem: Problem) -> Callable[[Any], Any]:
    return on_cupy.put if _on_device(problem) else np.asarray


def _prepare(problem: Problem) -> tuple[dict[str, Any], Any]:
    put = _put(problem)
    moving, fixed = ({k: put(v) for k, v in part.items()} for part in problem.split())

    def function(arrays: dict[str, Any]) -> dict[str, Any]:
        return floating(problem.outputs(**arrays, **fixed))

    return moving, function


def _dot(outputs: dict[str, Any], weights: dict[str, Any]) -> Any:
    total: Any = 0.0
    for name, value in outputs.items():
        if name in weights:
            xp = ag.array_namespace(value)
            total = total + xp.sum(value * weights[name])
    return total
