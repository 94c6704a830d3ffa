"""Triangles reconstructed from silhouettes: a network in front of a relaxed renderer."""

from __future__ import annotations

import argparse
import functools
import math
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, relu, to_numpy
from ..relaxation.programs.silhouette import silhouette
from ..relaxation.programs.silhouette import triangles as random_triangles
from ..training.optimizers import adam
from ..validation import choose, positive
from .command import Sized
from .plots import curves
from .results import Results
from .runs import Row, Runs, fit, layers, mean_curves, on_backend, step_rng

DESCRIPTION = (
    "A perceptron sees the silhouette of a random triangle and tells its three vertices. Only the "
    "picture is the target: the relaxed silhouette algorithm of Petersen et al. 2021 renders the "
    "vertices again, and the squared error of the pixels is the loss. Methods are "
    "DISTRIBUTION-BETA, such as logistic-30 or cauchy-100 (BETA is the inverse temperature); "
    "'vertices' is trained with the true vertices instead. The result is the intersection over "
    "union, in percent, of exact silhouettes of test triangles. It is the paper's single-view "
    "reconstruction, in the plane. Needs no data."
)
EXAMPLES = (
    ("", "six methods, two seeds: half a minute"),
    ("--methods logistic-30 laplace-30", "two distributions at one temperature"),
    ("--methods logistic-30 --size 32", "larger pictures"),
)
FULL = "days on a CPU"
ON_CUPY = True
METHODS = (
    "logistic-10", "logistic-30", "logistic-100", "gaussian-30", "cauchy-30", "vertices",
)  # fmt: skip
TEST_SEED = 12345
START = ((0.2, 0.3), (0.8, 0.3), (0.5, 0.8))  # counter-clockwise, near the middle


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--methods",
        nargs="+",
        default=METHODS,
        metavar="NAME",
        help="DISTRIBUTION-BETA, such as logistic-30, or vertices",
    )
    add("--size", type=int, default=Sized(16, 64), help="pixels along a side of the pictures")
    add("--width", type=int, default=Sized(64, 512), help="units of the two hidden layers")
    add("--steps", type=int, default=Sized(1000, 100_000), help="optimiser steps")
    add("--learning-rate", type=float, default=Sized(2e-3, 1e-4), help="learning rate of Adam")
    add("--batch", type=int, default=64, help="triangles in a step")
    add("--test-images", type=int, default=Sized(500, 5000), help="triangles to test with")
    add(
        "--every", type=int, default=Sized(200, 1000), help="steps between reports and saved states"
    )
    add("--repeats", type=int, default=Sized(2, 5), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    for method in options.methods:
        parsed(method)
    runs = Runs(results)
    rows = runs.each(options, options.methods, functools.partial(_row, options, runs))
    lines = mean_curves(rows, "method", "iou")
    curves(results.path("iou.png"), lines, "steps", "intersection over union, %")
    return {"runs": rows}


def parsed(method: str) -> tuple[str, float] | None:
    """The law and beta of "LAW-BETA"; None for "vertices".

    >>> parsed("logistic-30")
    ('logistic', 30.0)
    """
    if method == "vertices":
        return None
    law, _, beta = method.rpartition("-")
    choose(law, ("logistic", "gaussian", "cauchy", "laplace", "reciprocal"), "methods")
    return law, positive(float(beta), "beta")


def pictures(triangles: Array, size: int, beta: float = math.inf, law: str = "logistic") -> Array:
    """Silhouettes (B, size, size) of one triangle each, (B, 3, 2)."""
    return silhouette(
        triangles[:, None, :, :], height=size, width=size, beta=beta, distribution=law
    )


def vertex_error(found: Array, truth: Array) -> Array:
    """The mean squared distance of vertices, for the best of the three cyclic orders."""
    xp = array_namespace(found)
    gaps = [xp.sum((found - xp.roll(truth, k, axis=1)) ** 2, axis=(1, 2)) for k in range(3)]
    return xp.mean(xp.min(xp.stack(gaps), axis=0))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """The mean intersection over union of pictures (B, H, W) of 0 and 1, in percent."""
    both, one = (a * b).sum(axis=(1, 2)), np.maximum(a, b).sum(axis=(1, 2))
    return 100 * float(np.mean(np.where(one > 0, both / np.maximum(one, 1), 1.0)))


def _weights(rng: np.random.Generator, size: int, width: int) -> list[Array]:
    shapes = ((size * size, width), (width,), (width, width), (width,), (width, 6), (6,))
    return layers(rng, shapes)


def _vertices(w: list[Array], x: Array) -> Array:
    """Pictures (B, size, size) -> triangles (B, 3, 2)."""
    xp = array_namespace(x)
    h = relu(relu(xp.reshape(x, (x.shape[0], -1)) @ w[0] + w[1]) @ w[2] + w[3])
    moved = h @ w[4] + w[5]
    return array_namespace(moved).reshape(moved, (-1, 3, 2)) + constant(START, like=x)


def _drawn(count: int, rng: np.random.Generator) -> Array:
    return on_backend(random_triangles(rng, count).astype(np.float32))


def _row(options: argparse.Namespace, runs: Runs, method: str, seed: int, label: str) -> Row:
    relaxation = parsed(method)

    def loss(w: list[Array], step: int) -> Array:
        truth = _drawn(options.batch, step_rng(seed, step))
        target = pictures(truth, options.size)
        found = _vertices(w, target)
        if relaxation is None:
            return vertex_error(found, truth)
        law, beta = relaxation
        gap = pictures(found, options.size, beta, law) - target
        return array_namespace(gap).mean(gap * gap)

    test = pictures(_drawn(options.test_images, np.random.default_rng(TEST_SEED)), options.size)

    def report(w: list[Array]) -> Row:
        found = pictures(_vertices(w, test), options.size)
        return {"iou": iou(to_numpy(found), to_numpy(test))}

    done = fit(
        runs, label, _weights(step_rng(seed, 2**31), options.size, options.width),
        adam(options.learning_rate), loss, steps=options.steps, every=options.every,
        report=report,
    )  # fmt: skip
    return {
        "method": method, "seed": seed, "iou": done.curve[-1]["iou"], "seconds": done.seconds,
        "curve": done.curve,
    }  # fmt: skip
