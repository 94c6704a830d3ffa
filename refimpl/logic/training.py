"""Training by cross-entropy: one step, and the loop around it with seed, progress and resuming.

Defaults are those of Petersen et al. 2022, section 4: Adam, learning rate 0.01, batches of 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import value_and_grad
from ..validation import positive, whole
from .discretise import discretise
from .inference import Engine
from .network import Network, apply, cross_entropy

BLOCK = 1 << 15  # numbers that are updated together, to stay in the cache

EVALUATED = 1 << 23  # outputs of a layer at a time, where accuracy is measured


def loss_and_gradients(
    network: Network, params: Sequence[np.ndarray], x: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The mean cross-entropy of the soft network, and its gradient in every layer's weights."""
    return value_and_grad(lambda p: cross_entropy(apply(network, p, x), labels))(list(params))


@dataclass
class AdamState:
    """Moments of every array and the number of steps, changed in place by `adam_step`.

    The same numbers as `training.optimizers.adam`, without new arrays: for large networks most of
    a step would be spent on fresh memory.
    """

    mean: list[np.ndarray]
    square: list[np.ndarray]
    steps: int = 0

    @classmethod
    def zeros(cls, params: Sequence[np.ndarray]) -> AdamState:
        return cls([np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params])


def adam_step(
    params: Sequence[np.ndarray],
    grads: Sequence[np.ndarray],
    state: AdamState,
    learning_rate: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> None:
    """One step of Adam on NumPy arrays, in place; weight_decay is decoupled (AdamW)."""
    state.steps += 1
    b1, b2 = betas
    root = math.sqrt(1 - b2**state.steps)
    rate = learning_rate / (1 - b1**state.steps)
    for arrays in zip(params, grads, state.mean, state.square, strict=True):
        flat = [a.reshape(-1) for a in arrays]
        for start in range(0, flat[0].size, BLOCK):
            p, g, m, v = (a[start : start + BLOCK] for a in flat)
            if weight_decay:
                p *= 1 - learning_rate * weight_decay
            step = g - m
            step *= 1 - b1
            m += step
            np.multiply(g, g, out=step)
            step -= v
            step *= 1 - b2
            v += step
            np.sqrt(v, out=step)
            step *= 1 / root
            step += eps
            np.divide(m, step, out=step)
            step *= rate
            p -= step


def accuracy(
    network: Network,
    params: Sequence[np.ndarray],
    x: np.ndarray,
    labels: np.ndarray,
    *,
    hard: bool = True,
) -> float:
    """The share of samples whose highest score is that of their label; hard gates by default.

    Hard gates of truth values are evaluated as a circuit.
    """
    if hard and x.dtype == bool:
        found = Engine(discretise(network, params)).classify(x)
        return int(np.sum(found == labels)) / max(len(x), 1)
    widest = max(w.arrays.shape[1] for w in network.wirings)
    batch, right = max(1, min(1000, EVALUATED // widest)), 0
    for start in range(0, len(x), batch):
        part = np.asarray(x[start : start + batch], dtype=np.float32)
        scores = apply(network, params, part, hard=hard)
        right += int(np.sum(np.argmax(scores, axis=-1) == labels[start : start + batch]))
    return right / max(len(x), 1)


@dataclass
class Run:
    """Where a training run is: weights, optimiser, random numbers, and the curve so far."""

    params: list[np.ndarray]
    adam: AdamState
    rng: np.random.Generator
    curve: list[tuple[int, float]] = field(default_factory=list)  # (step, mean loss since before)


def start(params: Sequence[np.ndarray], seed: int = 0) -> Run:
    """A run that has not begun; the weights are copied."""
    own = [np.array(p, dtype=np.float32) for p in params]
    return Run(own, AdamState.zeros(own), np.random.default_rng([seed, 2]))


def train(
    network: Network,
    run: Run,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    steps: int,
    batch: int = 100,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    every: int = 1000,
    report: Callable[[Run, int, float], None] | None = None,
    progress: Callable[[Iterator[int]], Any] = iter,
) -> Run:
    """Train until the run has made `steps` steps, in place, on batches drawn with replacement.

    x (N, inputs) of any real dtype; a batch is converted to float32, uint8 pixels divided by 255.
    Every `every` steps and at the end `report(run, step, mean loss)` is called.
    """
    steps, batch = whole(steps, "steps"), whole(batch, "batch", minimum=1)
    every = whole(every, "every", minimum=1)
    if len(x) != len(labels) or (not len(x) and steps > run.adam.steps):
        raise ValueError(f"x, labels: expected as many labels as rows, got {len(labels)}, {len(x)}")
    learning_rate = positive(learning_rate, "learning_rate")
    losses = []
    for _ in progress(iter(range(run.adam.steps, steps))):
        chosen = run.rng.integers(0, len(x), batch)
        loss, grads = loss_and_gradients(network, run.params, as_inputs(x[chosen]), labels[chosen])
        adam_step(run.params, grads, run.adam, learning_rate, weight_decay=weight_decay)
        losses.append(float(loss))
        if not math.isfinite(losses[-1]):
            raise ValueError(
                f"step {run.adam.steps}: the loss is {losses[-1]}; lower learning_rate"
            )
        if run.adam.steps % every == 0 or run.adam.steps == steps:
            mean = float(np.mean(losses))
            run.curve.append((run.adam.steps, mean))
            losses.clear()
            if report:
                report(run, run.adam.steps, mean)
    return run


def as_inputs(x: np.ndarray) -> np.ndarray:
    """float32 inputs: truth values as 0 and 1, uint8 as pixels divided by 255."""
    found = x.astype(np.float32)
    return found / np.float32(255) if x.dtype == np.uint8 else found
