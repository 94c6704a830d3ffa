"""Classifying pairs of digits into a hundred classes: losses that know that top-5 counts, too."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, log_softmax, relu, to_numpy
from ..sorting.metrics import topk_accuracy
from ..sorting.smooth_topk import smooth_topk_loss
from ..sorting.topk_loss import topk_cross_entropy
from ..training.optimizers import adam
from . import digits
from .command import Sized
from .plots import bars
from .results import Results
from .runs import Row, Runs, fit, layers, means, on_backend, step_rng

DESCRIPTION = (
    "A perceptron with one hidden layer tells which of a hundred numbers two MNIST digits show, "
    "from a few training images. It is trained with cross-entropy, with the smooth top-5 hinge "
    "loss of Berrada et al. 2018, or with the top-k cross-entropy of Petersen et al. 2022, "
    "Differentiable Top-k Classification Learning, by several relaxed sorts and for a distribution "
    "over k. The results are top-1 and top-5 accuracies in percent. The settings of the sorts are "
    "those published for CIFAR-100, which has a hundred classes as well; --full trains as long. "
    "MNIST is read from REFIMPL_DATA or downloaded."
)
EXAMPLES = (
    ("", "all seven losses, two seeds: about a minute and a half"),
    ("--losses cross_entropy splitter_selection --repeats 5", "two losses, five seeds"),
    ("--weights 0.2 0.2 0.2 0.2 0.2", "each of top-1 to top-5 counts the same"),
)
FULL = "a day on a CPU"
ON_CUPY = True
CLASSES, TOP, TEST_SEED = 100, 5, 12345
Loss = Callable[[Array, np.ndarray, tuple[float, ...]], Array]


def _cross_entropy(x: Array, y: np.ndarray, weights: tuple[float, ...]) -> Array:
    xp = array_namespace(x)
    wanted = constant(np.eye(CLASSES)[y], like=x)
    return -xp.mean(xp.sum(wanted * log_softmax(x), axis=-1))


def _smooth_hinge(x: Array, y: np.ndarray, weights: tuple[float, ...]) -> Array:
    return smooth_topk_loss(x, on_backend(y), k=TOP)


def _by(method: str, steepness: float, **options: Any) -> Loss:
    def loss(x: Array, y: np.ndarray, weights: tuple[float, ...]) -> Array:
        return topk_cross_entropy(
            x, on_backend(y), weights=weights, method=method, steepness=steepness, top1="smce",
            **options,
        )  # fmt: skip

    return loss


ART = {"distribution": "logistic_phi", "art_lambda": 0.5}
LOSSES: Mapping[str, Loss] = {
    "cross_entropy": _cross_entropy,
    "smooth_hinge": _smooth_hinge,
    "neural_sort": _by("neural_sort", 0.0625),
    "soft_sort": _by("soft_sort", 0.0625),
    "splitter_selection": _by("splitter_selection", 0.5, **ART),
    "bitonic": _by("bitonic", 0.5, **ART),
    "odd_even": _by("odd_even", 0.5, **ART),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--losses", nargs="+", default=tuple(LOSSES), choices=tuple(LOSSES), metavar="NAME",
        help="losses: " + ", ".join(LOSSES))  # fmt: skip
    add("--weights", nargs="+", type=float, default=(0.5, 0.0, 0.0, 0.0, 0.5),
        help="p_1 ... p_k: the weights of top-1 ... top-k in the loss")  # fmt: skip
    add(
        "--training-images",
        type=int,
        default=Sized(1000, 55_000),
        help="training digits that pairs are drawn from",
    )
    add("--width", type=int, default=Sized(128, 512), help="units of the hidden layer")
    add("--batch", type=int, default=Sized(100, 128), help="pairs in a step")
    add("--steps", type=int, default=Sized(400, 78_000), help="optimiser steps")
    add("--learning-rate", type=float, default=1e-3, help="learning rate of Adam")
    add(
        "--every", type=int, default=Sized(100, 1000), help="steps between reports and saved states"
    )
    add("--test-pairs", type=int, default=5000, help="pairs of test digits to test with")
    add("--repeats", type=int, default=Sized(2, 5), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs, data = Runs(results), digits.parts()
    rows = runs.each(options, options.losses, functools.partial(_row, options, runs, data))
    for k in (1, TOP):
        bars(results.path(f"top{k}.png"), means(rows, "loss", f"top{k}"), f"top-{k} accuracy, %")
    return {"runs": rows}


def weights(rng: np.random.Generator, width: int) -> list[Array]:
    """1568 - width - 100, uniform within 1/sqrt(inputs), zero biases, float32."""
    shapes = ((2 * 784, width), (width,), (width, CLASSES), (CLASSES,))
    return layers(rng, shapes)


def logits(w: list[Array], x: Array) -> Array:
    """Pairs (B, 1568) -> (B, 100)."""
    return relu(x @ w[0] + w[1]) @ w[2] + w[3]


def draw(
    images: Array, labels: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[Array, np.ndarray]:
    """Pairs of images (count, 1568) and their numbers 0..99 (count,)."""
    chosen = rng.integers(0, len(labels), (count, 2))
    xp = array_namespace(images)
    drawn = xp.take(images, on_backend(chosen.reshape(-1)), axis=0)
    return xp.reshape(drawn, (count, -1)), labels[chosen] @ np.array([10, 1])


def _row(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    name: str,
    seed: int,
    label: str,
) -> Row:
    images = data.images[: options.training_images, ...]
    known = data.labels[: options.training_images]

    def loss(w: list[Array], step: int) -> Array:
        x, y = draw(images, known, options.batch, step_rng(seed, step))
        return LOSSES[name](logits(w, x), y, tuple(options.weights))

    def report(w: list[Array]) -> Row:
        rng = np.random.default_rng(TEST_SEED)
        x, y = draw(data.test_images, data.test_labels, options.test_pairs, rng)
        found = to_numpy(logits(w, x))
        return {f"top{k}": round(100 * float(topk_accuracy(found, y, k=k)), 2) for k in (1, TOP)}

    done = fit(
        runs, label, weights(step_rng(seed, 2**31), options.width), adam(options.learning_rate),
        loss, steps=options.steps, every=options.every, report=report,
    )  # fmt: skip
    last = done.curve[-1]
    return {
        "loss": name, "seed": seed, "top1": last["top1"], "top5": last["top5"],
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip
