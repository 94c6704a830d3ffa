"""Functions on JAX arrays, compiled, with 64-bit numbers switched on."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from . import Arrays, Problem, is_floating

_LIMIT = 64  # compiled functions that are kept
_kept: dict[tuple[Any, ...], Callable[..., Any]] = {}


def missing() -> str | None:
    """Why JAX cannot be used, or None."""
    if importlib.util.find_spec("jax") is None:
        return "JAX is not installed: pip install jax"
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name."""
    return _hosts(_compiled(problem, _values)(*_arguments(problem)))


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    return _hosts(_compiled(problem, _pull)(*_arguments(problem), _device(cotangents)))


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents, by forward mode."""
    return _hosts(_compiled(problem, _push)(*_arguments(problem), _device(tangents)))


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    directions = _device(cotangents), _device(vector)
    return _hosts(_compiled(problem, _second)(*_arguments(problem), *directions))


def _values(function: Any, moving: Any, fixed: Any) -> Any:
    return function(moving, fixed)


def _pull(function: Any, moving: Any, fixed: Any, weights: Any) -> Any:
    import jax

    return jax.grad(lambda arrays: _dot(function(arrays, fixed), weights))(moving)


def _push(function: Any, moving: Any, fixed: Any, along: Any) -> Any:
    import jax

    return jax.jvp(lambda arrays: _floating(function(arrays, fixed)), (moving,), (along,))[1]


def _second(function: Any, moving: Any, fixed: Any, weights: Any, along: Any) -> Any:
    import jax

    return jax.grad(lambda arrays: _dot(_pull(function, arrays, fixed, weights), along))(moving)


def _compiled(problem: Problem, transform: Callable[..., Any]) -> Callable[..., Any]:
    """`transform` of the problem's function, compiled once for all points with these parameters."""
    import jax

    parameters = repr(sorted(problem.params.items()))
    key = (problem.call, transform, parameters, problem.differentiable)
    if key in _kept:
        return _kept[key]

    def function(moving: Any, fixed: Any) -> dict[str, Any]:
        return problem.named(problem.call(**moving, **fixed, **problem.params))

    def transformed(*arguments: Any) -> Any:
        return transform(function, *arguments)

    wanted = problem.implementation is None or problem.implementation.jit
    while len(_kept) >= _LIMIT:
        _kept.pop(next(iter(_kept)))
    _kept[key] = jax.jit(transformed) if wanted else transformed
    return _kept[key]


def _arguments(problem: Problem) -> tuple[dict[str, Any], dict[str, Any]]:
    moving, fixed = problem.split()
    return _device(moving), _device(fixed)


def _device(arrays: Arrays) -> dict[str, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    return {name: jax.numpy.asarray(array) for name, array in arrays.items()}


def _floating(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outputs.items() if is_floating(value)}


def _dot(outputs: Any, weights: Any) -> Any:
    import jax.numpy as jnp

    chosen = [name for name in outputs if name in weights and is_floating(outputs[name])]
    return sum((jnp.sum(outputs[name] * weights[name]) for name in chosen), start=jnp.zeros(()))


def _hosts(arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    import jax

    for name, value in arrays.items():
        if not isinstance(value, jax.Array):
            raise TypeError(f"output {name} is a {type(value).__name__}, expected a JAX array")
    return {name: np.asarray(value) for name, value in arrays.items()}
