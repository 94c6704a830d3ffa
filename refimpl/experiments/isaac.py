"""Digits by a five-layer network: ISAAC beside plain gradients, at equal steps and in time."""

from __future__ import annotations

import argparse
import itertools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant, log_softmax, relu, to_numpy
from ..training.isaac import isaac_linear
from ..training.optimizers import Optimizer, adam, sgd
from . import digits
from .command import Sized
from .plots import curves
from .results import Results
from .runs import Row, Runs, fit, mean_curves, on_backend, step_rng

DESCRIPTION = (
    "ISAAC conditions the gradients of a layer's weights with the layer's inputs, which costs one "
    "small solve and no second backward pass. Networks of five layers learn MNIST by SGD and by "
    "Adam, with ISAAC in all layers, in the first three or in none. Learning rates are chosen on "
    "5 000 held-out training images with a seed of their own; the results are the accuracies on "
    "the test images, in percent, with other seeds. --full has the 40 000 steps of Petersen et al. "
    "2023, ISAAC Newton. MNIST is read from REFIMPL_DATA or downloaded."
)
EXAMPLES = (
    ("", "six methods, two seeds, and the choice of learning rates: a minute and a half"),
    ("--methods adam adam-isaac --steps 200", "Adam without and with ISAAC"),
    ("--width 400", "the table in the documentation"),
)
FULL = "a day on a CPU"
ON_CUPY = True
LAYERS, BATCH, HELD_OUT = 5, 60, 5000
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
METHODS = {
    "sgd": Method("SGD", sgd, DESCENT, ()),
    "sgd-isaac": Method("SGD, ISAAC in all layers, lambda 10", sgd, DESCENT, ALL),
    "sgd-isaac-123": Method("SGD, ISAAC in layers 1-3, lambda 10", sgd, DESCENT, (0, 1, 2)),
    "sgd-isaac-lambda1": Method("SGD, ISAAC in all layers, lambda 1", sgd, DESCENT, ALL, 1.0),
    "adam": Method("Adam", adam, ADAPTIVE, ()),
    "adam-isaac": Method("Adam, ISAAC in all layers, lambda 10", adam, ADAPTIVE, ALL),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--methods", nargs="+", default=tuple(METHODS), choices=tuple(METHODS), metavar="NAME",
        help="; ".join(f"{name}: {method.name}" for name, method in METHODS.items()))  # fmt: skip
    add("--width", type=int, default=Sized(100, 400), help="units of each hidden layer")
    add("--batch", type=int, default=BATCH, help="images in a step")
    add("--steps", type=int, default=Sized(1000, 40_000), help="optimiser steps")
    add(
        "--every", type=int, default=Sized(250, 1000), help="steps between reports and saved states"
    )
    add("--repeats", type=int, default=Sized(2, 5), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs, data = Runs(results), digits.parts(HELD_OUT)
    rows = []
    for method in map(METHODS.__getitem__, options.methods):
        tried = {
            rate: _trained(options, runs, data, method, rate, options.seed + 1_000_000)
            for rate in method.rates
        }
        rate = max(tried, key=lambda r: tried[r]["held_out"])
        for seed in range(options.seed, options.seed + options.repeats):
            rows.append(_trained(options, runs, data, method, rate, seed))
    curves(
        results.path("accuracy.png"), mean_curves(rows, "method", "test"), "steps",
        "test accuracy, %",
    )  # fmt: skip
    return {"runs": rows}


def network(width: int, rng: np.random.Generator) -> Weights:
    """Weights (out, in) and biases, uniform within 1 / sqrt(in), in float32."""
    sizes = [784] + [width] * (LAYERS - 1) + [10]
    found: Weights = []
    for n, m in itertools.pairwise(sizes):
        bound = 1 / np.sqrt(n)
        layer = [rng.uniform(-bound, bound, s).astype(np.float32) for s in ((m, n), (m,))]
        found.append((on_backend(layer[0]), on_backend(layer[1])))
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
    wanted = constant(np.eye(10, dtype=np.float32)[labels], like=x)
    return -xp.mean(xp.sum(wanted * log_softmax(logits(w, x, method)), axis=-1))


def accuracy(w: Weights, x: Array, labels: np.ndarray, method: Method) -> float:
    """The percentage of images whose largest logit is that of their label."""
    with np.errstate(all="ignore"):  # a run that has diverged
        found = np.argmax(to_numpy(logits(w, x, method)), axis=-1)
    return round(100 * float(np.mean(found == labels)), 2)


def _trained(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    method: Method,
    rate: float,
    seed: int,
) -> Row:
    label = f"{method.name}, rate {rate:g}, seed {seed}"
    return runs.once(label, _row, options, runs, data, method, rate, seed, label)


def _row(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    method: Method,
    rate: float,
    seed: int,
    label: str,
) -> Row:
    def batch_loss(w: Weights, step: int) -> Array:
        chosen = step_rng(seed, step).integers(0, len(data.labels), options.batch)
        x = array_namespace(data.images).take(data.images, on_backend(chosen), axis=0)
        return loss(w, x, data.labels[chosen], method)

    def report(w: Weights) -> Row:
        return {
            "held_out": accuracy(w, data.held_out_images, data.held_out_labels, method),
            "test": accuracy(w, data.test_images, data.test_labels, method),
        }

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # learning rates that diverge
        done = fit(
            runs, label, network(options.width, step_rng(seed, 2**31)), method.optimizer(rate),
            batch_loss, steps=options.steps, every=options.every, report=report,
        )  # fmt: skip
    last = done.curve[-1]
    return {
        "method": method.name, "rate": rate, "seed": seed, "test": last["test"],
        "held_out": last["held_out"], "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip
