"""Values and derivatives of a function under test, in the framework that it is written for.

Every module here offers the same five functions on NumPy arrays, so that a check does not know
which framework it is talking to:

    missing(device=None)                 None, or why the framework cannot be used, or that device
    values(problem)                      outputs by name
    vjp(problem, cotangents)             gradient of sum <output, cotangent>, by input
    jvp(problem, tangents)               derivative of the outputs along the tangents, by output
    hvp(problem, cotangents, vector)     gradient of <vjp(cotangents), vector>, by input

A derivative that the framework cannot give raises Unsupported.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from refimpl.conformance.target import Implementation, WrongResult

Arrays = Mapping[str, np.ndarray]

_MODULES = {
    "numpy": "on_numpy",
    "torch": "on_torch",
    "jax": "on_jax",
    "tensorflow": "on_tensorflow",
    "cupy": "on_cupy",
    "autograd": "on_autograd",
    "refimpl": "on_engine",
    "files": "on_files",
}


@dataclass(frozen=True)
class Problem:
    """One function at one point: what to call, where, and what to differentiate."""

    call: Callable[..., Any]
    named: Callable[[Any], dict[str, Any]]
    inputs: Arrays
    params: Mapping[str, Any]
    differentiable: tuple[str, ...]
    implementation: Implementation | None = None

    @property
    def device(self) -> str | None:
        """Where the function gets its inputs; None for the framework's default."""
        return self.implementation.device if self.implementation else None

    def outputs(self, **arrays: Any) -> dict[str, Any]:
        """Call the function; its outputs by name. WrongResult when they are not the entry's."""
        result = self._called({**arrays, **self.params})
        try:
            outputs = self.named(result)
        except ValueError as error:
            raise WrongResult(str(error)) from error
        for name, value in outputs.items():
            real(f"output {name}", value)
        return outputs

    def _called(self, arguments: dict[str, Any]) -> Any:
        try:
            return self.call(**arguments)
        except TypeError as error:
            try:
                inspect.signature(self.call).bind(**arguments)
            except TypeError:  # it was not called at all
                names = ", ".join(arguments)
                raise WrongResult(f"cannot be called: {error} (given by name: {names})") from None
            raise

    def at(self, inputs: Arrays, params: Mapping[str, Any] | None = None) -> Problem:
        """The same function at another point."""
        return replace(self, inputs=inputs, params=self.params if params is None else params)

    def split(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The inputs that are differentiated, in the entry's order, and the others."""
        moving = {name: np.asarray(self.inputs[name]) for name in self.differentiable}
        fixed = {k: np.asarray(v) for k, v in self.inputs.items() if k not in moving}
        return moving, fixed


def framework(name: str) -> ModuleType:
    """The module that evaluates functions written for the framework of that name."""
    return importlib.import_module(f".{_MODULES[name]}", __package__)


def untouched(
    before: Arrays, after: Arrays, words: str = "the function wrote to its input"
) -> None:
    """WrongResult when the function under test has written to one of the arrays it was given."""
    for name, array in before.items():
        if np.asarray(array).tobytes() != np.asarray(after[name]).tobytes():
            raise WrongResult(f"{words} {name}; copy it first")


def not_an_array(subject: str, value: Any, wanted: str) -> WrongResult:
    """What to raise for a result of the wrong type."""
    return WrongResult(f"{subject} is of type {type(value).__name__}, expected {wanted}")


def real(subject: str, value: Any) -> Any:
    """The value; WrongResult when it is an array of complex numbers, dates, text or objects."""
    dtype = getattr(value, "dtype", "float")
    kind = getattr(dtype, "kind", "V")  # bfloat16 is V, void, to NumPy
    named = any(word in str(dtype) for word in ("float", "int", "bool"))
    if kind not in "fiub" and not (kind == "V" and named and "(" not in str(dtype)):
        raise WrongResult(f"{subject} has dtype {dtype}, expected real numbers")
    return value


def floating(outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs that take part in differentiation."""
    return {name: value for name, value in outputs.items() if "float" in str(value.dtype)}
