"""Costs of a terrain learned from shortest paths alone, through a relaxed or perturbed solver."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, Generator, array_namespace, constant, relu, softplus, to_numpy
from ..relaxation.programs.shortest_path import shortest_path as relaxed_path
from ..training.blackbox import blackbox
from ..training.grid_path import shortest_path
from ..training.optimizers import adam
from ..training.perturbed import fenchel_young_loss
from . import digits
from .command import Sized
from .plots import curves
from .results import Results
from .runs import Row, Runs, fit, layers, mean_curves, on_backend, step_rng

DESCRIPTION = (
    "A terrain is a grid of MNIST digits, whose vertices cost as much as their digit plus one. A "
    "perceptron gives each image a cost, and the target is the shortest path through the true "
    "costs, from the first to the last vertex: no cost is ever shown. The path is made "
    "differentiable by the relaxed Bellman-Ford algorithm of Petersen et al. 2021 (its traceback "
    "as a for or a while loop, with the absolute or squared error), by black-box differentiation, "
    "or by perturbation with the Fenchel-Young loss. The results are the percentage of test "
    "terrains with exactly the right path (paths), and of those whose path costs as little "
    "(optimal). The digits stand in for the Warcraft terrains of the papers; --full has their "
    "sizes. MNIST is read from REFIMPL_DATA or downloaded."
)
EXAMPLES = (
    ("", "all six methods, two seeds: about a minute"),
    ("--methods while-l2 blackbox --size 8", "two methods, larger terrains"),
    ("--methods while-l2 --beta 20", "a sharper relaxation"),
)
FULL = "a day on a CPU"
ON_CUPY = True
HIDDEN, TEST_SEED, SAMPLES = 64, 12345, 5
PathLoss = Callable[[Array, Array, Generator, float], Array]


def _relaxed(loop: str, power: int) -> PathLoss:
    def loss(costs: Array, truth: Array, noise: Generator, beta: float) -> Array:
        path = relaxed_path(costs, beta=beta, loop=loop)[0]
        xp = array_namespace(path)
        return xp.mean(xp.sum(xp.abs(path - truth) ** power, axis=(-2, -1)))

    return loss


def _blackbox(costs: Array, truth: Array, noise: Generator, beta: float) -> Array:
    path = blackbox(shortest_path, costs, 20.0, least=0.0)
    xp = array_namespace(path)
    return xp.sum(path * (1 - truth) + (1 - path) * truth)  # Hamming, the sum: lambda's units


def _perturbed(costs: Array, truth: Array, noise: Generator, beta: float) -> Array:
    drawn = constant(to_numpy(noise.normal((SAMPLES, *costs.shape))), like=costs)
    losses = fenchel_young_loss(
        lambda c: shortest_path(array_namespace(c).maximum(c, 0 * c)), costs, truth, drawn, 0.5,
        minimise=True, batch_ndim=1,
    )  # fmt: skip
    return array_namespace(losses).mean(losses)


METHODS: Mapping[str, PathLoss] = {
    "for-l1": _relaxed("for", 1),
    "for-l2": _relaxed("for", 2),
    "while-l1": _relaxed("while", 1),
    "while-l2": _relaxed("while", 2),
    "blackbox": _blackbox,
    "perturbed": _perturbed,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--methods", nargs="+", default=tuple(METHODS), choices=tuple(METHODS), metavar="NAME",
        help="how the path is differentiated: " + ", ".join(METHODS))  # fmt: skip
    add("--size", type=int, default=Sized(5, 12), help="vertices along a side of the terrain")
    add("--beta", type=float, default=5.0, help="inverse temperature of the relaxed algorithm")
    add("--steps", type=int, default=Sized(400, 7000), help="optimiser steps")
    add("--learning-rate", type=float, default=Sized(3e-3, 5e-4), help="learning rate of Adam")
    add("--batch", type=int, default=Sized(20, 70), help="terrains in a step")
    add("--test-terrains", type=int, default=Sized(300, 1000), help="terrains to test with")
    add("--every", type=int, default=Sized(100, 500), help="steps between reports and saved states")
    add("--repeats", type=int, default=Sized(2, 10), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs, data = Runs(results), digits.parts()
    rows = runs.each(options, options.methods, functools.partial(_row, options, runs, data))
    lines = mean_curves(rows, "method", "optimal")
    curves(results.path("paths.png"), lines, "steps", "paths of least cost, %")
    return {"runs": rows}


def terrains(
    images: Array, labels: np.ndarray, count: int, size: int, rng: np.random.Generator
) -> tuple[Array, np.ndarray, np.ndarray]:
    """Images (count, size, size, 784), true costs and shortest paths (count, size, size)."""
    chosen = rng.integers(0, len(labels), (count, size, size))
    costs = labels[chosen] + 1.0 + 1e-4 * rng.random(chosen.shape)  # no two paths are equal
    xp = array_namespace(images)
    drawn = xp.take(images, on_backend(chosen.reshape(-1)), axis=0)
    return xp.reshape(drawn, (*chosen.shape, 784)), costs, shortest_path(costs)


def _weights(rng: np.random.Generator) -> list[Array]:
    shapes = ((784, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,))
    return layers(rng, shapes)


def _costs(w: list[Array], x: Array) -> Array:
    """Images (..., 784) -> positive costs (...)."""
    found = relu(x @ w[0] + w[1]) @ w[2] + w[3]
    return 0.05 + softplus(found[..., 0])


def _row(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    method: str,
    seed: int,
    label: str,
) -> Row:
    size = options.size

    def loss(w: list[Array], step: int) -> Array:
        rng = step_rng(seed, step)
        x, _, paths = terrains(data.images, data.labels, options.batch, size, rng)
        noise = Generator(int(rng.integers(2**31)))
        return METHODS[method](_costs(w, x), constant(paths, like=x), noise, options.beta)

    rng = np.random.default_rng(TEST_SEED)
    x, true_costs, wanted = terrains(
        data.test_images, data.test_labels, options.test_terrains, size, rng
    )

    def report(w: list[Array]) -> Row:
        found = shortest_path(to_numpy(_costs(w, x)).astype(np.float64))
        right = (found == wanted).all(axis=(1, 2))
        spent, least = (np.floor(true_costs * p).sum(axis=(1, 2)) for p in (found, wanted))
        return {"paths": 100 * float(right.mean()), "optimal": 100 * float((spent <= least).mean())}

    done = fit(
        runs, label, _weights(step_rng(seed, 2**31)), adam(options.learning_rate), loss,
        steps=options.steps, every=options.every, report=report,
    )  # fmt: skip
    last = done.curve[-1]
    return {
        "method": method, "seed": seed, "paths": last["paths"], "optimal": last["optimal"],
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip
