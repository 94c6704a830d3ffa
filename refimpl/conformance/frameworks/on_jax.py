"""Functions on JAX arrays, compiled, with 64-bit numbers switched on."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from . import Arrays, Problem, is_floating


def missing() -> str | None:
    """Why JAX cannot be used, or None."""
    if importlib.util.find_spec("jax") is None:
        return "JAX is not installed: pip install jax"
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name."""
    moving, function = _prepare(problem)
    result = _compiled(problem, lambda arrays: function(arrays))(moving)
    return {name: _host(name, value) for name, value in result.items()}


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    import jax

    moving, function = _prepare(problem)

    def pull(arrays: Any, weights: Any) -> Any:
        return jax.grad(lambda a: _dot(function(a), weights))(arrays)

    return _hosts(_compiled(problem, pull)(moving, _device(cotangents)))


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents, by forward mode."""
    import jax

    moving, function = _prepare(problem)

    def push(arrays: Any, along: Any) -> Any:
        return jax.jvp(lambda a: _floating(function(a)), (arrays,), (along,))[1]

    return _hosts(_compiled(problem, push)(moving, _device(tangents)))


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    import jax

    moving, function = _prepare(problem)

    def second(arrays: Any, weights: Any, along: Any) -> Any:
        first = jax.grad(lambda a: _dot(function(a), weights))
        return jax.grad(lambda a: _dot(first(a), along))(arrays)

    arguments = (moving, _device(cotangents), _device(vector))
    return _hosts(_compiled(problem, second)(*arguments))


def _device(arrays: Arrays) -> dict[str, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    return {name: jax.numpy.asarray(array) for name, array in arrays.items()}


def _prepare(problem: Problem) -> tuple[dict[str, Any], Callable[[Any], dict[str, Any]]]:
    moving, fixed = problem.split()
    constants = _device(fixed)

    def function(arrays: Any) -> dict[str, Any]:
        return problem.named(problem.call(**arrays, **constants, **problem.params))

    return _device(moving), function


def _compiled(problem: Problem, function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    wanted = problem.implementation is None or problem.implementation.jit
    return jax.jit(function) if wanted else function


def _floating(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outputs.items() if is_floating(value)}


def _dot(outputs: Any, weights: Any) -> Any:
    import jax.numpy as jnp

    chosen = [name for name in outputs if name in weights and is_floating(outputs[name])]
    return sum((jnp.sum(outputs[name] * weights[name]) for name in chosen), start=jnp.zeros(()))


def _host(name: str, value: Any) -> np.ndarray:
    import jax

    if not isinstance(value, jax.Array):
        raise TypeError(f"output {name} is a {type(value).__name__}, expected a JAX array")
    return np.asarray(value)


def _hosts(arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: _host(name, value) for name, value in arrays.items()}
