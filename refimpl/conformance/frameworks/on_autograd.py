"""Functions of HIPS autograd's NumPy: its own vector-Jacobian products, and its own forward rules.

Where it lacks a forward rule, the derivative along a tangent is that of the pull-back, which is
linear in its cotangent.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import refimpl.autograd
from refimpl.conformance.target import Unsupported

from . import Arrays, Problem, floating
from .on_numpy import values as values  # arrays are NumPy's outside of a derivative

_ENGINE = Path(refimpl.autograd.__file__).resolve().parent


def missing(device: str | None = None) -> str | None:
    """Why HIPS autograd cannot be used, or None."""
    if device:
        return f"HIPS autograd has no device {device!r}"
    with _engine_hidden():
        absent = importlib.util.find_spec("autograd") is None
    return "HIPS autograd is not installed: pip install autograd" if absent else None


def library(name: str = "autograd") -> Any:
    """A module of HIPS autograd, also where the folder autograd/ of a checkout comes first."""
    with _engine_hidden():
        return importlib.import_module(name)


@contextmanager
def _engine_hidden() -> Iterator[None]:
    """sys.path without the folders in which `autograd` is this project's engine."""
    before = list(sys.path)
    sys.path[:] = [p for p in before if (Path(p or ".") / "autograd").resolve() != _ENGINE]
    try:
        yield
    finally:
        sys.path[:] = before


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    function, leaves = _prepare(problem)
    with _rules_there():
        found = _gradient(lambda *xs: _inner(function(*xs), cotangents), leaves)
    return _by_name(problem.differentiable, found)


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents."""
    function, leaves = _prepare(problem)
    along = [np.array(tangents[name]) for name in problem.differentiable]
    found = {}
    for name, output in function(*leaves).items():

        def one(*xs: Any, name: str = name) -> Any:
            return function(*xs)[name]

        try:
            derivative = _forward(one, leaves, along)
        except (NotImplementedError, KeyError):  # there is no such rule
            with _rules_there():
                derivative = _twice(one, leaves, along, np.asarray(output))
        found[name] = np.array(np.broadcast_to(derivative, np.shape(output)))
    return found


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    function, leaves = _prepare(problem)
    along = [np.array(vector[name]) for name in problem.differentiable]

    def slope(*xs: Any) -> Any:
        gradients = _gradient(lambda *ys: _inner(function(*ys), cotangents), xs)
        return _sum(gradients, along)

    with _rules_there():
        found = _gradient(slope, leaves)
    return _by_name(problem.differentiable, found)


def _prepare(problem: Problem) -> tuple[Callable[..., dict[str, Any]], list[np.ndarray]]:
    """The floating outputs by name as a function of the differentiated inputs, and these."""
    moving, fixed = problem.split()

    def function(*leaves: Any) -> dict[str, Any]:
        arguments = dict(zip(moving, leaves, strict=True))
        return floating(problem.outputs(**arguments, **fixed))

    return function, [np.array(array) for array in moving.values()]


def _gradient(f: Callable[..., Any], xs: Any) -> list[Any]:
    with warnings.catch_warnings():  # of an output that is independent of the input
        warnings.simplefilter("ignore")
        pull, _ = library().make_vjp(f, tuple(range(len(xs))))(*xs)
    return list(pull(1.0))


def _forward(f: Callable[..., Any], xs: list[Any], along: list[Any]) -> Any:
    """The sum over the arguments of J_i v_i, by forward mode."""
    make_jvp = library("autograd.differential_operators").make_jvp
    return sum(make_jvp(f, i)(*xs)(v)[1] for i, v in enumerate(along))


def _twice(f: Callable[..., Any], xs: list[Any], along: list[Any], output: np.ndarray) -> Any:
    """The derivative in w of <<f, w>'s gradient, v>."""
    anp = library("autograd.numpy")

    def slope(w: Any) -> Any:
        return _sum(_gradient(lambda *ys: anp.sum(f(*ys) * w), xs), along)

    return _gradient(slope, [np.ones_like(output)])[0]


def _inner(outputs: dict[str, Any], cotangents: Arrays) -> Any:
    """The sum of <output, cotangent>, outputs without a cotangent left out."""
    chosen = [name for name in outputs if name in cotangents]
    return _sum([outputs[name] for name in chosen], [cotangents[name] for name in chosen])


def _sum(arrays: list[Any], weights: list[Any]) -> Any:
    anp = library("autograd.numpy")
    return sum((anp.sum(a * w) for a, w in zip(arrays, weights, strict=True)), start=0.0)


@contextmanager
def _rules_there() -> Iterator[None]:
    """A rule that HIPS autograd does not have is unsupported, not wrong."""
    try:
        yield
    except NotImplementedError as error:
        if not str(error).startswith(("VJP of", "JVP of", "Gradient of")):
            raise
        raise Unsupported(f"HIPS autograd has no rule: {error}") from error


def _by_name(names: Any, arrays: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(array) for name, array in zip(names, arrays, strict=True)}
