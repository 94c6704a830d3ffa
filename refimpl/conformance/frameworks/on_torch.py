"""Functions on PyTorch tensors: torch.autograd, with forward mode by differentiating twice."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.autograd.checking.frameworks import Torch, to_host
from refimpl.conformance.target import WrongResult

from . import Arrays, Problem, floating, not_an_array, untouched


def missing(device: str | None = None) -> str | None:
    """Why PyTorch cannot be used, or None."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed: pip install torch"
    try:
        _tensor(0.0, device).cpu()
    except Exception as error:
        return f"PyTorch cannot use the device {device!r}: {str(error).splitlines()[0]}"
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name; inputs that were written to are an error."""
    tensors = {name: _tensor(array, problem.device) for name, array in problem.inputs.items()}
    result = _checked(problem.outputs(**tensors), problem)
    untouched(problem.inputs, {name: to_host(tensor) for name, tensor in tensors.items()})
    return {name: to_host(value) for name, value in result.items()}


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    function, leaves, names = _prepare(problem)
    outputs, pull = Torch.vjp(function, *leaves)
    return _by_name(problem.differentiable, pull(_weights(problem, names, outputs, cotangents)))


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents."""
    function, leaves, names = _prepare(problem)
    along = [_tensor(tangents[name], problem.device) for name in problem.differentiable]
    return _by_name(names, Torch.jvp(function, leaves, along)[1])


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    function, leaves, names = _prepare(problem)
    weights = _weights(problem, names, function(*leaves), cotangents)
    along = [_tensor(vector[name], problem.device) for name in problem.differentiable]
    return _by_name(problem.differentiable, Torch.hvp(function, leaves, weights, along))


def _prepare(problem: Problem) -> tuple[Callable[..., list[Any]], list[Any], list[str]]:
    """The floating outputs as a function of the differentiated inputs, these, and their names.

    The names are known once the function has been called.
    """
    moving, fixed = problem.split()
    others = {name: _tensor(array, problem.device) for name, array in fixed.items()}
    names: list[str] = []

    def function(*leaves: Any) -> list[Any]:
        arguments = dict(zip(moving, leaves, strict=True))
        chosen = floating(_checked(problem.outputs(**arguments, **others), problem))
        names[:] = chosen
        return list(chosen.values())

    return function, [_tensor(array, problem.device) for array in moving.values()], names


def _weights(problem: Problem, names: list[str], outputs: Any, cotangents: Arrays) -> list[Any]:
    zeros = {n: np.zeros(tuple(y.shape)) for n, y in zip(names, outputs, strict=True)}
    return [_tensor(cotangents.get(name, zero), problem.device) for name, zero in zeros.items()]


def _tensor(array: Any, device: str | None) -> Any:
    import torch

    return torch.from_numpy(np.array(array)).to(device or "cpu")


def _checked(outputs: dict[str, Any], problem: Problem) -> dict[str, Any]:
    import torch

    wanted = torch.device(problem.device or "cpu")
    for name, value in outputs.items():
        if not isinstance(value, torch.Tensor):
            raise not_an_array(f"output {name}", value, "a torch.Tensor")
        if value.device.type != wanted.type or wanted.index not in (None, value.device.index):
            raise WrongResult(f"output {name} is on {value.device}, its inputs on {wanted}")
    return outputs


def _by_name(names: Any, tensors: Any) -> dict[str, np.ndarray]:
    return {name: to_host(tensor) for name, tensor in zip(names, tensors, strict=True)}
