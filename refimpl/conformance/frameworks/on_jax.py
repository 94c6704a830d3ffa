"""Functions on JAX arrays, compiled, with 64-bit numbers switched on while they run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.autograd.checking.frameworks import Jax, to_host

from . import Arrays, Problem, floating

_LIMIT = 64  # compiled functions that are kept
_kept: dict[tuple[Any, ...], Callable[..., Any]] = {}


def missing(device: str | None = None) -> str | None:
    """Why JAX cannot be used, or None."""
    if importlib.util.find_spec("jax") is None:
        return "JAX is not installed: pip install jax"
    try:
        _device(device)
    except Exception as error:
        return f"JAX cannot use the device {device!r}: {str(error).splitlines()[0]}"
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name."""
    return _run(problem, lambda call, moving: call(moving))


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    return _run(problem, _pull, cotangents)


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents, by forward mode."""
    return _run(problem, _push, tangents)


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    return _run(problem, _second, cotangents, vector)


Call = Callable[[dict[str, Any]], dict[str, Any]]


def _pull(call: Call, moving: Any, weights: Any) -> Any:
    outputs: Any
    outputs, pull = Jax.vjp(lambda arrays: floating(call(arrays)), moving)
    return pull(_weights(outputs, weights))[0]


def _push(call: Call, moving: Any, along: Any) -> Any:
    return Jax.jvp(lambda arrays: floating(call(arrays)), (moving,), (along,))[1]


def _second(call: Call, moving: Any, weights: Any, along: Any) -> Any:
    def gradient(arrays: Any) -> Any:
        return _pull(call, arrays, weights)

    return Jax.vjp(gradient, moving)[1](along)[0]


def _weights(outputs: dict[str, Any], weights: dict[str, Any]) -> dict[str, Any]:
    import jax.numpy as jnp

    zeros = {name: jnp.zeros_like(value) for name, value in outputs.items()}
    return {name: weights.get(name, zero) for name, zero in zeros.items()}


def _run(problem: Problem, transform: Callable[..., Any], *directions: Arrays) -> Any:
    """The transformed function at the problem's point, on the host."""
    import jax

    moving, fixed = problem.split()
    with Jax.precision():
        where = _device(problem.device)
        put = lambda array: jax.device_put(np.asarray(array), where)  # noqa: E731
        on_device = jax.tree.map(put, (moving, fixed, *map(dict, directions)))
        result = _compiled(problem, transform)(*on_device)
        for name, value in result.items():
            if where is not None and value.devices() != {where}:
                (found,) = value.devices()
                raise TypeError(f"output {name} is on {found}, its inputs on {where}")
        return {name: to_host(value) for name, value in _checked(result).items()}


def _device(name: str | None) -> Any:
    """The device called `cpu`, `gpu` or `cuda:1`; None for none."""
    import jax

    if name is None:
        return None
    platform, _, index = name.partition(":")
    devices = jax.devices(platform)
    if not (index or "0").isdigit() or int(index or 0) >= len(devices):
        raise ValueError(f"there are {len(devices)} of {platform}, numbered from 0")
    return devices[int(index or 0)]


def _compiled(problem: Problem, transform: Callable[..., Any]) -> Callable[..., Any]:
    """`transform` of the problem's function, compiled once for all points with these parameters."""
    import jax

    parameters = repr(sorted(problem.params.items()))
    wanted = problem.implementation is None or problem.implementation.jit
    key = (problem.call, transform.__code__, parameters, problem.differentiable, wanted)
    if key in _kept:
        return _kept[key]

    def transformed(moving: Any, fixed: Any, *directions: Any) -> Any:
        def call(arrays: dict[str, Any]) -> dict[str, Any]:
            return _checked(problem.named(problem.call(**arrays, **fixed, **problem.params)))

        return transform(call, moving, *directions)

    while len(_kept) >= _LIMIT:
        _kept.pop(next(iter(_kept)))
    _kept[key] = jax.jit(transformed) if wanted else transformed
    return _kept[key]


def _checked(outputs: dict[str, Any]) -> dict[str, Any]:
    import jax

    for name, value in outputs.items():
        if not isinstance(value, jax.Array):
            raise TypeError(f"output {name} is a {type(value).__name__}, expected a JAX array")
    return outputs
