"""Functions on NumPy arrays: values, and a gradient where the author supplies `vjp=`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from refimpl.conformance.target import Unsupported

from . import Arrays, Problem, untouched


def missing() -> str | None:
    """NumPy is always there."""
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name."""
    inputs = {name: np.array(array) for name, array in problem.inputs.items()}
    result = problem.named(problem.call(**inputs, **problem.params))
    untouched(problem.inputs, inputs)
    return {name: host(name, value) for name, value in result.items()}


def host(name: str, value: Any) -> np.ndarray:
    """The output as a NumPy array. TypeError when it is not a NumPy array or number."""
    if not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"output {name} is a {type(value).__name__}, expected a NumPy array")
    return np.asarray(value)


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """The gradients that the author's `vjp=` gives."""
    supplied = problem.implementation.vjp if problem.implementation else None
    if supplied is None:
        raise Unsupported("no derivative given (pass vjp= to @implements)")
    copies = {name: np.array(array) for name, array in problem.inputs.items()}
    given = {name: np.array(array) for name, array in cotangents.items()}
    result = supplied(given, **copies, **problem.params)
    return _by_input(result, problem.differentiable)


def _by_input(result: Any, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    if isinstance(result, Mapping):
        if absent := [name for name in names if name not in result]:
            raise ValueError(f"vjp returned no gradient for {', '.join(absent)}")
        return {name: np.asarray(result[name]) for name in names}
    gradients = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if len(gradients) != len(names):
        wanted = f"{len(names)}: {', '.join(names)}"
        raise ValueError(f"vjp returned {len(gradients)} gradients, expected {wanted}")
    return {name: np.asarray(value) for name, value in zip(names, gradients, strict=True)}


def jvp(problem: Problem, tangents: Arrays) -> NoReturn:
    """Not available: NumPy has no derivatives."""
    raise Unsupported("NumPy has no derivatives of its own: no forward mode")


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> NoReturn:
    """Not available: NumPy has no derivatives."""
    raise Unsupported("NumPy has no derivatives of its own: no second order")
