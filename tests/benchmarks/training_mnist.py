"""Digits by a five-layer network: ISAAC beside plain gradients, at equal steps and in time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import Array, array_namespace, log_softmax, relu, value_and_grad
from refimpl.data.mnist import Mnist
from refimpl.training.isaac import isaac_linear
from refimpl.training.optimizers import Optimizer, adam, sgd

from .training_sorting import flat

LAYERS, BATCH, HELD_OUT = 5, 60, 10_000
Weights = list[tuple[Array, Array]]


class Method(NamedTuple):
    """An optimiser, its learning rates to choose from, and the layers that ISAAC conditions."""

    name: str
    optimizer: Callable[[float], Optimizer]
    rates: tuple[float, ...]
    layers: tuple[int, ...]
    lambda_a: float = 10.0


ALL = tuple(range(LAYERS))
DESCENT, ADAPTIVE = (1.0, 0.3, 0.1), (3e-3, 1e-3, 3e-4)
METHODS = (
    Method("SGD", sgd, DESCENT, ()),
    Method("SGD, ISAAC in all layers, lambda 10", sgd, DESCENT, ALL),
    Method("SGD, ISAAC in layers 1-3, lambda 10", sgd, DESCENT, (0, 1, 2)),
    Method("SGD, ISAAC in all layers, lambda 1", sgd, DESCENT, ALL, 1.0),
    Method("Adam", adam, ADAPTIVE, ()),
    Method("Adam, ISAAC in all layers, lambda 10", adam, ADAPTIVE, ALL),
)


def network(width: int, rng: np.random.Generator) -> Weights:
    """Weights (out, in) and biases, uniform within 1 / sqrt(in), in float32."""
    sizes = [784] + [width] * (LAYERS - 1) + [10]
    found: Weights = []
    for n, m in itertools.pairwise(sizes):
        bound = 1 / np.sqrt(n)
        found.append(
            tuple(rng.uniform(-bound, bound, s).astype(np.float32) for s in ((m, n), (m,)))
        )
    return found


def logits(w: Weights, x: Array, method: Method) -> Array:
    """(B, 784) -> (B, 10)."""
    for k, (weight, bias) in enumerate(w):
        x = relu(x) if k else x
        if k in method.layers:
            x = isaac_linear(x, weight, bias, lambda_a=method.lambda_a)
        else:
            x = x @ array_namespace(weight).matrix_transpose(weight) + bias
    return x


def loss(w: Weights, x: Array, labels: np.ndarray, method: Method) -> Array:
    """The mean cross-entropy of labels (B,)."""
    xp = array_namespace(w[0][0])
    wanted = np.eye(10, dtype=np.float32)[labels]
    return -xp.mean(xp.sum(wanted * log_softmax(logits(w, x, method)), axis=-1))


def step(method: Method, x: Array, labels: np.ndarray, w: Weights) -> Callable[[], Any]:
    """One gradient at fixed weights, for timing."""
    return lambda: value_and_grad(lambda w: loss(w, x, labels, method))(w)


def train(
    method: Method, rate: float, width: int, steps: int, seed: int, data: Mnist
) -> dict[str, Any]:
    """A row: accuracy on the images held out of the training set and on the test set."""
    rng = np.random.default_rng(seed)
    w, optimizer = network(width, rng), method.optimizer(rate)
    state, images = optimizer.init(w), flat(data.train_images)
    start = time.process_time()
    for _ in range(steps):
        chosen = rng.integers(0, len(images) - HELD_OUT, BATCH)
        x, labels = images[chosen], data.train_labels[chosen]
        gradients = value_and_grad(lambda w, x=x, y=labels: loss(w, x, y, method))(w)[1]
        w, state = optimizer.update(gradients, state, w)
    seconds = time.process_time() - start

    def accuracy(x: np.ndarray, labels: np.ndarray) -> float:
        with np.errstate(all="ignore"):  # a run that has diverged
            found = np.argmax(logits(w, x, method), axis=-1)
        return round(100 * float(np.mean(found == labels)), 2)

    return {
        "task": f"MNIST, {LAYERS} x {width}, batch {BATCH}",
        "method": method.name,
        "rate": rate,
        "steps": steps,
        "seed": seed,
        "held_out": accuracy(images[-HELD_OUT:], data.train_labels[-HELD_OUT:]),
        "test": accuracy(flat(data.test_images), data.test_labels),
        "seconds": round(seconds, 1),
    }
