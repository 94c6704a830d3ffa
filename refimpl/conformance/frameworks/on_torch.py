"""Functions on PyTorch tensors: torch.autograd, with forward mode by differentiating twice."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from . import Arrays, Problem, untouched


def missing() -> str | None:
    """Why PyTorch cannot be used, or None."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed: pip install torch"
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name; inputs that were written to are an error."""
    tensors = {name: _tensor(array) for name, array in problem.inputs.items()}
    result = problem.named(problem.call(**tensors, **problem.params))
    untouched(problem.inputs, {name: _host(name, tensor) for name, tensor in tensors.items()})
    return {name: _host(name, value) for name, value in result.items()}


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    leaves, outputs = _forward(problem)
    weights = {name: _tensor(cotangents[name]) for name in outputs if name in cotangents}
    return _arrays(leaves, _pull(outputs, leaves, weights, create_graph=False))


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative along the tangents: the gradient is linear in the cotangent; differentiate it."""
    import torch

    leaves, outputs = _forward(problem)
    floating = {name: value for name, value in outputs.items() if value.is_floating_point()}
    dummies = {k: torch.zeros_like(v, requires_grad=True) for k, v in floating.items()}
    gradients = _pull(floating, leaves, dummies, create_graph=True)
    along = sum((g * _tensor(tangents[name])).sum() for name, g in gradients.items())
    result = _gradient(along, dummies)
    return _arrays(floating, result)


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    leaves, outputs = _forward(problem)
    weights = {name: _tensor(cotangents[name]) for name in outputs if name in cotangents}
    gradients = _pull(outputs, leaves, weights, create_graph=True)
    along = sum((g * _tensor(vector[name])).sum() for name, g in gradients.items())
    return _arrays(leaves, _gradient(along, leaves))


def _tensor(array: Any) -> Any:
    import torch

    return torch.from_numpy(np.array(array))


def _host(name: str, value: Any) -> np.ndarray:
    import torch

    if not isinstance(value, torch.Tensor):
        raise TypeError(f"output {name} is a {type(value).__name__}, expected a torch.Tensor")
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def _forward(problem: Problem) -> tuple[dict[str, Any], dict[str, Any]]:
    moving, fixed = problem.split()
    leaves = {name: _tensor(array).requires_grad_() for name, array in moving.items()}
    others = {name: _tensor(array) for name, array in fixed.items()}
    result = problem.named(problem.call(**leaves, **others, **problem.params))
    return leaves, result


def _pull(outputs: Any, leaves: Any, weights: Any, create_graph: bool) -> dict[str, Any]:
    """Gradients by leaf; zeros for a leaf that the outputs do not depend on."""
    import torch

    attached = [name for name in weights if outputs[name].requires_grad]
    if not attached:
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    gradients = torch.autograd.grad(
        [outputs[name] for name in attached],
        list(leaves.values()),
        [weights[name] for name in attached],
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(leaves, gradients, strict=True))


def _gradient(scalar: Any, leaves: dict[str, Any]) -> dict[str, Any]:
    import torch

    if not getattr(scalar, "requires_grad", False):
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    gradients = torch.autograd.grad(
        scalar, list(leaves.values()), allow_unused=True, materialize_grads=True
    )
    return dict(zip(leaves, gradients, strict=True))


def _arrays(order: dict[str, Any], tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: _host(name, tensors[name]) for name in order}
