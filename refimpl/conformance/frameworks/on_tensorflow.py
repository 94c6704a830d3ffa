"""Functions on TensorFlow tensors: gradient tapes, and forward accumulators for tangents."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from refimpl.conformance.target import WrongResult

from . import Arrays, Problem, floating, not_an_array


def missing(device: str | None = None) -> str | None:
    """Why TensorFlow cannot be used, or None."""
    if importlib.util.find_spec("tensorflow") is None:
        return "TensorFlow is not installed: pip install tensorflow"
    kind = device.partition(":")[0].upper() if device else "CPU"
    if not _tensorflow().config.list_physical_devices(kind):
        return f"TensorFlow sees no device {device!r}"
    return None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The outputs by name."""
    with _placed(problem):
        tensors = {name: _tensor(array) for name, array in problem.inputs.items()}
        result = problem.outputs(**tensors)
        return _to_host(checked(result, problem.device))


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """Gradients of the sum of <output, cotangent>."""
    with _placed(problem):
        moving, fixed = _split(problem)
        return _to_host(_pull(problem, moving, fixed, cotangents))


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """Derivative of the floating outputs along the tangents."""
    tf = _tensorflow()
    with _placed(problem):
        moving, fixed = _split(problem)
        along = [_tensor(tangents[name]) for name in moving]
        with tf.autodiff.ForwardAccumulator(list(moving.values()), along) as accumulator:
            outputs = _outputs(problem, moving, fixed)
        pushed = {name: accumulator.jvp(value) for name, value in outputs.items()}
        return _to_host(
            {k: tf.zeros_like(outputs[k]) if v is None else v for k, v in pushed.items()}
        )


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """Gradient of <gradient, vector> at fixed cotangents."""
    tf = _tensorflow()
    with _placed(problem):
        moving, fixed = _split(problem)
        along = {name: _tensor(vector[name]) for name in moving}
        with tf.GradientTape() as tape:
            tape.watch(moving)
            gradients = _pull(problem, moving, fixed, cotangents)
        second = tape.gradient(
            list(gradients.values()),
            moving,
            output_gradients=[along[name] for name in gradients],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return _to_host(_dense(second))


def _pull(problem: Problem, moving: Any, fixed: Any, cotangents: Arrays) -> dict[str, Any]:
    tf = _tensorflow()
    with tf.GradientTape() as tape:
        tape.watch(moving)
        outputs = _outputs(problem, moving, fixed)
    weights = [
        _tensor(cotangents[name]) if name in cotangents else tf.zeros_like(value)
        for name, value in outputs.items()
    ]
    gradients = tape.gradient(
        list(outputs.values()),
        moving,
        output_gradients=weights,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return _dense(gradients)


def _outputs(problem: Problem, moving: Any, fixed: Any) -> dict[str, Any]:
    return floating(checked(problem.outputs(**moving, **fixed), problem.device))


def _split(problem: Problem) -> tuple[dict[str, Any], dict[str, Any]]:
    moving, fixed = problem.split()
    return {k: _tensor(v) for k, v in moving.items()}, {k: _tensor(v) for k, v in fixed.items()}


def checked(outputs: dict[str, Any], device: str | None) -> dict[str, Any]:
    """The outputs, which must be tensors, and on that device if one is named. Else WrongResult."""
    tf = _tensorflow()
    for name, value in outputs.items():
        if not isinstance(value, tf.Tensor):
            raise not_an_array(f"output {name}", value, "a tf.Tensor")
        if device and device.upper() not in value.device.upper():
            raise WrongResult(f"output {name} is on {value.device}, its inputs on {device}")
    return outputs


def _dense(gradients: dict[str, Any]) -> dict[str, Any]:
    """What gathers give is sparse."""
    return {name: _tensorflow().convert_to_tensor(g) for name, g in gradients.items()}


def _to_host(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in tensors.items()}


def _tensor(array: Any) -> Any:
    return _tensorflow().constant(np.asarray(array))


def _placed(problem: Problem) -> Any:
    return _tensorflow().device(problem.device)


def _tensorflow() -> Any:
    return importlib.import_module("tensorflow")
