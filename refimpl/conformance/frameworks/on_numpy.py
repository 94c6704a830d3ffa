"""Functions on NumPy arrays: values, and a gradient where the author supplies `vjp=`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.conformance.target import Unsupported, WrongResult

from . import Arrays, Problem, not_an_array, real, untouched


@dataclass(frozen=True)
class WithoutDerivatives:
    """What a library without derivatives offers, given how arrays come to it and back.

    name  of the library, for messages
    put   a NumPy array -> a new array of the library
    host  (subject, result) -> NumPy array; WrongResult for what is no array of the library
    """

    name: str
    put: Callable[[Any], Any]
    host: Callable[[str, Any], np.ndarray]

    def values(self, problem: Problem) -> dict[str, np.ndarray]:
        """The outputs by name; inputs that were written to are an error."""
        inputs = {name: self.put(array) for name, array in problem.inputs.items()}
        result = problem.outputs(**inputs)
        untouched(problem.inputs, self._on_host(inputs))
        return {name: self.host(f"output {name}", value) for name, value in result.items()}

    def vjp(self, problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
        """The gradients that the author's `vjp=` gives."""
        supplied = problem.implementation.vjp if problem.implementation else None
        if supplied is None:
            raise Unsupported("no derivative given (pass vjp= to @implements)")
        inputs = {name: self.put(array) for name, array in problem.inputs.items()}
        given = {name: self.put(array) for name, array in cotangents.items()}
        result = supplied(dict(given), **inputs, **problem.params)
        untouched(problem.inputs, self._on_host(inputs), "vjp wrote to the input")
        untouched(cotangents, self._on_host(given), "vjp wrote to the cotangent of")
        found = _by_input(result, problem.differentiable)
        subjects = {name: f"the gradient of {name}" for name in found}
        return {k: self.host(subjects[k], real(subjects[k], g)) for k, g in found.items()}

    def _on_host(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {name: self.host(name, array) for name, array in arrays.items()}

    def jvp(self, problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
        """Not available."""
        raise Unsupported(f"{self.name} has no derivatives of its own: no forward mode")

    def hvp(self, problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
        """Not available."""
        raise Unsupported(f"{self.name} has no derivatives of its own: no second order")


def missing(device: str | None = None) -> str | None:
    """NumPy is always there, and has no devices."""
    return f"NumPy has no device {device!r}; framework='cupy' has" if device else None


def _host(subject: str, value: Any) -> np.ndarray:
    if not isinstance(value, (np.ndarray, np.generic)):
        raise not_an_array(subject, value, "a NumPy array")
    if isinstance(value, np.ma.MaskedArray):  # whose mask a copy would lose
        raise WrongResult(
            f"{subject} is a masked array: fill it, `.filled(value)`, and return that"
        )
    return np.array(value)


def _by_input(result: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(result, Mapping):
        if absent := [name for name in names if name not in result]:
            raise WrongResult(f"vjp returned no gradient for {', '.join(absent)}")
        return {name: result[name] for name in names}
    gradients = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if len(gradients) != len(names):
        wanted = f"{len(names)}: {', '.join(names)}"
        raise WrongResult(f"vjp returned {len(gradients)} gradients, expected {wanted}")
    return dict(zip(names, gradients, strict=True))


_NUMPY = WithoutDerivatives("NumPy", np.array, _host)
values, vjp, jvp, hvp = _NUMPY.values, _NUMPY.vjp, _NUMPY.jvp, _NUMPY.hvp
