"""Numbers of four MNIST digits, in sets whose order is known: what sorting networks are trained on.

Every digit is drawn uniformly with replacement. Networks score one image at a time: a perceptron
whose filters move from digit to digit, or the convolutional network of the papers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, like_array, relu
from ..data.mnist import mnist
from . import cnn
from .command import Sized
from .runs import on_backend

DIGITS, HELD_OUT = 4, 5000  # training images are held out as in the papers: the last ones


class Network(NamedTuple):
    """`weights(rng)` -> parameters; `scores(weights, images)`: (sets, n, 4, 784) -> (sets, n)."""

    weights: Callable[[np.random.Generator], list]
    scores: Callable[[list, Array], Array]


def add_options(parser: argparse.ArgumentParser, *, steps: int, repeats: Sized) -> None:
    """The options of a training on sets of numbers; `steps` and `repeats` are its defaults."""
    add = parser.add_argument
    add("--network", choices=tuple(NETWORKS), default=Sized("digits", "cnn"),
        help="a perceptron with shared filters, or two convolutions, for each image")  # fmt: skip
    add("--steps", type=int, default=Sized(steps, 100_000), help="optimiser steps")
    add("--learning-rate", type=float, default=Sized(1e-3, 10**-3.5), help="learning rate of Adam")
    add("--batch", type=int, default=100, help="sets of images in a step")
    add("--test-sets", type=int, default=Sized(1000, 10_000), help="sets of images to test with")
    add(
        "--every", type=int, default=Sized(200, 1000), help="steps between reports and saved states"
    )
    add("--repeats", type=int, default=repeats, help="runs of each, with seeds from --seed on")


def draw(
    images: Array, labels: np.ndarray, sets: int, n: int, rng: np.random.Generator
) -> tuple[Array, np.ndarray]:
    """Sets of n images of four digits, (sets, n, 4, 784), and their numbers (sets, n).

    images (N, 784), of any array library; labels (N,). Equal numbers are in any order.
    """
    chosen = rng.integers(0, len(labels), (sets, n, DIGITS))
    numbers = labels[chosen] @ (10.0 ** np.arange(DIGITS - 1, -1, -1))
    xp = array_namespace(images)
    drawn = xp.take(images, like_array(chosen.reshape(-1), images), axis=0)
    return xp.reshape(drawn, (*chosen.shape, -1)), numbers + 1e-3 * rng.random(numbers.shape)


def flat(images: np.ndarray) -> np.ndarray:
    """(N, 28, 28) bytes -> (N, 784) float32 between 0 and 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


class Parts(NamedTuple):
    """Images (N, 784) and labels: to train with, held out, and to test with, of other writers."""

    images: Array
    labels: np.ndarray
    held_out_images: Array
    held_out_labels: np.ndarray
    test_images: Array
    test_labels: np.ndarray


def parts(held_out: int = HELD_OUT) -> Parts:
    """The parts, where new arrays are made. Raises as `data.mnist.mnist`."""
    data = mnist()
    images, labels = flat(data.train_images), data.train_labels
    first = max(len(labels) - held_out, len(labels) // 2)
    return Parts(
        on_backend(images[:first]),
        labels[:first],
        on_backend(images[first:]),
        labels[first:],
        on_backend(flat(data.test_images)),
        data.test_labels,
    )


def weights(rng: np.random.Generator) -> list[Array]:
    """28 x 28 filters that move from digit to digit, two layers on top: shared, 64, 64, 1."""
    shapes = ((784, 64), (64,), (64 * DIGITS, 64), (64,), (64, 1))
    return [
        on_backend(
            rng.uniform(-1, 1, s).astype(np.float32) / np.float32(np.sqrt(s[0])) * (len(s) > 1)
        )
        for s in shapes
    ]


def scores(w: list[Array], images: Array) -> Array:
    """(sets, n, 4, 784) -> (sets, n): one number for each image."""
    xp = array_namespace(w[0])
    sets, n = images.shape[:2]
    digits = relu(xp.reshape(images, (-1, 784)) @ w[0] + w[1])
    hidden = relu(xp.reshape(digits, (sets * n, -1)) @ w[2] + w[3])
    return xp.reshape(hidden @ w[4], (sets, n))


def cnn_scores(w: list, images: Array) -> Array:
    """The same by the convolutional network, of images 28 x 112."""
    xp = array_namespace(images)
    sets, n = images.shape[:2]
    rows = xp.permute_dims(xp.reshape(images, (sets * n, DIGITS, 28, 28)), (0, 2, 1, 3))
    found = cnn.network(w, xp.reshape(rows, (sets * n, 28, 28 * DIGITS, 1)))
    return array_namespace(found).reshape(found, (sets, n))


NETWORKS = {
    "digits": Network(weights, scores),
    "cnn": Network(cnn.weights, cnn_scores),
}
"""784-64 for each digit and 256-64-1 for all of them; and the papers' two convolutions."""
