"""Logic gate networks: layers of gates and a group sum, as a structure and a list of weights.

    network = build(784, [8000] * 6, classes=10, tau=10.0, seed=0)
    params = initial_params(network, seed=0)          # [(8000, 16), ...] float32
    scores = apply(network, params, x)                # (..., 784) -> (..., 10)

The structure (wiring, tau, beta) is fixed; the weights are what is trained. Both belong together:
weights mean nothing under another wiring, so `save` and `load` keep them in one file.

Source: Petersen et al. 2022, sections 3 and 4.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, log_softmax, one_hot
from ..validation import float_array, positive, whole
from .connections import connections
from .fused import Wiring, fused_layer
from .gates import mixture_polynomial
from .group_sum import group_sum
from .layers import logic_layer, probabilities, scale_gradient
from .lookup import initial_weights
from .storage import read_npz


class Network(NamedTuple):
    """What is fixed: inputs, one wiring per layer, classes, and the group sum."""

    inputs: int
    wirings: tuple[Wiring, ...]
    classes: int
    tau: float = 1.0
    beta: float = 0.0
    grad_factor: float = 1.0

    @property
    def gates(self) -> int:
        """How many gates there are in all layers."""
        return sum(w.arrays.shape[1] for w in self.wirings)


def build(
    inputs: int,
    widths: Sequence[int],
    *,
    classes: int,
    tau: float = 1.0,
    beta: float = 0.0,
    grad_factor: float = 1.0,
    scheme: str = "random",
    seed: int = 0,
) -> Network:
    """A network whose layers have so many gates, wired by `connections` from a seed.

    Raises ValueError for widths that cannot take all inputs, or a last one that the classes do not
    divide.

    >>> build(17, [24, 24], classes=2).gates
    48
    """
    if not widths:
        raise ValueError("widths: expected at least one layer")
    if widths[-1] % whole(classes, "classes", minimum=1):
        raise ValueError(f"widths: {classes} classes do not divide the last layer, {widths[-1]}")
    rng = np.random.default_rng(seed)
    wirings, n = [], whole(inputs, "inputs", minimum=2)
    for m in widths:
        wirings.append(Wiring(connections(scheme, n, m, rng), n))
        n = m
    tau, grad_factor = positive(tau, "tau"), positive(grad_factor, "grad_factor")
    return Network(inputs, tuple(wirings), classes, tau, float(beta), grad_factor)


def initial_params(network: Network, seed: int = 0, *, init: str = "normal") -> list[np.ndarray]:
    """Weights (m, 16) of each layer in float32, "normal" or "residual"; see `initial_weights`."""
    rng = np.random.default_rng([seed, 1])
    return [initial_weights(w.arrays.shape[1], rng, init=init) for w in network.wirings]


def apply(network: Network, params: Sequence[Array], x: Array, *, hard: bool = False) -> Array:
    """Scores (..., classes) of inputs (..., inputs), meant as probabilities.

    With `hard` each gate is its most probable one. The gradient is the derivative (with
    grad_factor 1). On NumPy arrays the layers run as `fused.fused_layer`, which keeps only the
    inputs of layers for the backward pass.
    """
    last = deque(_outputs(network, params, x, hard), maxlen=1).pop()  # one layer's are held
    return group_sum(last, k=network.classes, tau=network.tau, beta=network.beta)


def activations(
    network: Network, params: Sequence[Array], x: Array, *, hard: bool = False
) -> list[Array]:
    """The outputs (..., m) of every layer."""
    return list(_outputs(network, params, x, hard))


def _outputs(network: Network, params: Sequence[Array], x: Array, hard: bool) -> Iterator[Array]:
    x = float_array(x, "x", min_ndim=1)
    if len(params) != len(network.wirings):
        raise ValueError(f"params: {len(network.wirings)} layers have weights, got {len(params)}")
    if x.shape[-1] != network.inputs:
        raise ValueError(f"x: expected {network.inputs} inputs, got shape {tuple(x.shape)}")
    xp = array_namespace(x, *params)
    batch = tuple(x.shape[:-1])
    y = xp.permute_dims(xp.reshape(x, (math.prod(batch), x.shape[-1])), (1, 0))
    for weights, wiring in zip(params, network.wirings, strict=True):
        y = scale_gradient(y, network.grad_factor)
        y = fused_layer(y, mixture_polynomial(probabilities(weights, hard)), wiring)
        yield xp.reshape(xp.permute_dims(y, (1, 0)), (*batch, y.shape[0]))


def apply_layers(network: Network, params: Sequence[Array], x: Array, *, hard: bool = False) -> Any:
    """The same network as its definition: `logic_layer` after `logic_layer`, and `group_sum`."""
    for weights, wiring in zip(params, network.wirings, strict=True):
        x = logic_layer(x, weights, wiring.arrays, hard=hard, grad_factor=network.grad_factor)
    return group_sum(x, k=network.classes, tau=network.tau, beta=network.beta)


def cross_entropy(scores: Array, labels: Array) -> Array:
    """Mean of -log softmax(scores)[label]: (N, k), (N,) whole numbers -> a number.

    >>> import numpy as np
    >>> float(cross_entropy(np.array([[0.0, 0.0]]), np.array([1])))  # log 2
    0.693147
    """
    xp = array_namespace(scores)
    picked = one_hot(labels, scores.shape[-1], like=scores) * log_softmax(scores, axis=-1)
    return -xp.sum(picked) / max(scores.shape[0], 1)


FORMAT = "refimpl logic network 1"


def save(path: str | Path, network: Network, params: Sequence[np.ndarray], **more: Any) -> None:
    """Write structure and weights to an npz file; `more` are further arrays or text."""
    held: dict[str, Any] = {f"wiring{i}": w.arrays for i, w in enumerate(network.wirings)}
    held |= {f"weights{i}": np.asarray(w) for i, w in enumerate(params)}
    held["numbers"] = np.array([network.tau, network.beta, network.grad_factor])
    held["sizes"] = np.array([network.inputs, network.classes, len(network.wirings)])
    with open(path, "wb") as stream:
        np.savez(stream, format=FORMAT, **held, **more)


def load(path: str | Path) -> tuple[Network, list[np.ndarray], dict[str, np.ndarray]]:
    """Structure, weights, and what else was saved. ValueError for a file of another kind, or one
    whose arrays do not fit together.
    """
    held = read_npz(path, FORMAT)
    try:
        inputs, classes, count = (int(n) for n in held.pop("sizes"))
        tau, beta, factor = (float(v) for v in held.pop("numbers"))
        wirings = [held.pop(f"wiring{i}") for i in range(count)]
        params = [held.pop(f"weights{i}") for i in range(count)]
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: not a complete network: {error}") from error
    n = inputs
    for i, (wiring, weights) in enumerate(zip(wirings, params, strict=True)):
        m = weights.shape[0] if weights.ndim == 2 else -1
        fits = wiring.shape == (2, m) and weights.shape == (m, 16) and wiring.dtype.kind in "iu"
        if not fits or (m and not (wiring.min() >= 0 and wiring.max() < n)):
            raise ValueError(f"{path}: wiring and weights of layer {i} do not fit {n} inputs")
        if weights.dtype.kind != "f" or not np.all(np.isfinite(weights)):
            raise ValueError(f"{path}: the weights of layer {i} are not finite numbers")
        n = m
    if count < 1 or classes < 1 or n % classes or not tau > 0 or not factor > 0:
        raise ValueError(f"{path}: {count} layers, {n} outputs, {classes} classes, tau {tau}")
    structure = tuple(
        Wiring(w, m) for w, m in zip(wirings, [inputs, *map(len, params)], strict=False)
    )
    return Network(inputs, structure, classes, tau, beta, factor), params, held
