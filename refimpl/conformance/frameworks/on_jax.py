"""Functions on JAX arrays, compiled, with 64-bit numbers switched on while they run."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from refimpl.autograd.checking.frameworks import Jax, to_host
from refimpl.conformance.target import WrongResult

from . import Arrays, Problem, floating, not_an_array
from .jax_pieces import Compiler

_LIMIT = 64  # compiled functions that are kept
_kept: dict[tuple[Any, ...], Callable[..., Any]] = {}
_compiler: Compiler | None = None  # what compiles functions in pieces, where that is wanted
_PLAIN_CODE = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


@contextlib.contextmanager
def quick_compilation() -> Iterator[None]:
    """For runs that compile more than they compute: values and gradients by one plain program.

    It is compiled in pieces, with XLA's optimizations off as far as this version lets them be;
    nothing stays in memory.
    """
    import jax

    global _compiler
    before, _compiler = _compiler, Compiler(_plain_code())
    _kept.clear()
    try:
        yield
    finally:
        _compiler = before
        _kept.clear()
        jax.clear_caches()


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
    if _joint(problem):
        with contextlib.suppress(Exception):  # `vjp` reports what is wrong with the gradients
            return _run(problem, _both, _zeros(problem))[0]
    return _run(problem, _value)


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    if _joint(problem):
        with contextlib.suppress(Exception):
            return _run(problem, _both, {**_zeros(problem), **cotangents})[1]
    return _run(problem, _pull, cotangents)


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents, by forward mode."""
    return _run(problem, _push, tangents)


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    return _run(problem, _second, cotangents, vector)


Call = Callable[[dict[str, Any]], dict[str, Any]]


def _value(call: Call, moving: Any) -> Any:
    return call(moving)


def _both(call: Call, moving: Any, weights: Any) -> Any:
    return call(moving), _pull(call, moving, weights)


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


def _joint(problem: Problem) -> bool:
    """Whether values and gradients are compiled together."""
    return _compiler is not None and bool(problem.differentiable) and _wanted(problem)


def _wanted(problem: Problem) -> bool:
    return problem.implementation is None or problem.implementation.jit


def _zeros(problem: Problem) -> dict[str, np.ndarray]:
    """A cotangent of zero for every floating output."""
    import jax

    moving, fixed = problem.split()
    with Jax.precision():
        outputs = jax.eval_shape(_function(problem), moving, fixed)
    return {name: np.zeros(y.shape, y.dtype) for name, y in floating(outputs).items()}


def _run(problem: Problem, transform: Callable[..., Any], *directions: Arrays) -> Any:
    """The transformed function at the problem's point, on the host."""
    import jax

    moving, fixed = problem.split()
    with Jax.precision():
        where = _device(problem.device)
        put = lambda array: jax.device_put(np.asarray(array), where)  # noqa: E731
        on_device = jax.tree.map(put, (moving, fixed, *map(dict, directions)))
        result = _compiled(problem, transform)(*on_device)
        for outputs in result if isinstance(result, tuple) else (result,):
            for name, value in _checked(outputs).items():
                if where is not None and value.devices() != {where}:
                    (found,) = value.devices()
                    raise WrongResult(f"output {name} is on {found}, its inputs on {where}")
        return jax.tree.map(to_host, result)


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

    function = _function(problem)

    def transformed(moving: Any, fixed: Any, *directions: Any) -> Any:
        return transform(lambda arrays: function(arrays, fixed), moving, *directions)

    return _once(problem, transform, _compiler or jax.jit, transformed)


def _function(problem: Problem) -> Callable[..., Any]:
    """The problem's function of the inputs that are differentiated and of the others."""
    import jax

    def function(moving: Any, fixed: Any) -> dict[str, Any]:
        return _checked(problem.outputs(**moving, **fixed))

    return _once(problem, None, jax.jit, function)


def _once(problem: Problem, what: Any, compiled: Callable[..., Any], function: Any) -> Any:
    """The function, compiled where that is wanted, or what was made of its like before."""
    parameters = repr(sorted(problem.params.items()))
    key = (problem.call, what, parameters, problem.differentiable, _wanted(problem))
    if key not in _kept:
        while len(_kept) >= _LIMIT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = compiled(function) if _wanted(problem) else function
    return _kept[key]


@functools.cache
def _plain_code() -> dict[str, Any]:
    """The options for plain code that this version of XLA knows."""
    import jax

    def known(name: str) -> bool:
        with contextlib.suppress(Exception):
            jax.jit(lambda x: x, compiler_options={name: _PLAIN_CODE[name]})(0.0)
            return True
        return False

    return {name: value for name, value in _PLAIN_CODE.items() if known(name)}


def _checked(outputs: dict[str, Any]) -> dict[str, Any]:
    import jax

    for name, value in outputs.items():
        if not isinstance(value, jax.Array):
            raise not_an_array(f"output {name}", value, "a JAX array")
    return outputs
