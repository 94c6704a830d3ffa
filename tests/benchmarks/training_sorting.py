"""Learning to sort images of four-digit numbers: Newton losses beside the plain loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import Array, array_namespace, relu, value_and_grad
from refimpl.data.mnist import Mnist
from refimpl.sorting.losses import ranking_accuracy
from refimpl.sorting.networks import sorting_network
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.softsort import soft_sort
from refimpl.training.newton_losses import newton_loss
from refimpl.training.optimizers import adam

DIGITS, BATCH, TEST_SETS, FLOOR = 4, 100, 2000, 1e-7
SORTS: dict[str, Callable[[Array], Array]] = {
    "NeuralSort": lambda y: neural_sort(y, temperature=1.0),
    "SoftSort": lambda y: soft_sort(y, temperature=1.0),
    "logistic network": lambda y: sorting_network(y, distribution="logistic", steepness=10.0)[1],
    "Cauchy network": lambda y: sorting_network(y, distribution="cauchy", steepness=10.0)[1],
}
PUBLISHED = {  # percentage of sets in the right order: plain, Hessian, Fisher
    ("NeuralSort", 10): (24.26, 48.76, 39.23),
    ("SoftSort", 10): (27.46, 55.07, 54.00),
    ("logistic network", 10): (12.31, 42.14, 25.72),
}


class Setting(NamedTuple):
    """One training run: which sort, how many images in a set, and which loss."""

    sort: str
    n: int
    curvature: str  # plain, hessian, fisher
    damping: float
    steps: int
    seed: int
    rate: float = 1e-3


def weights(rng: np.random.Generator) -> list[np.ndarray]:
    """28 x 28 filters that move from digit to digit, two layers on top: shared, 64, 64, 1."""
    shapes = ((784, 64), (64,), (64 * DIGITS, 64), (64,), (64, 1))
    return [
        rng.uniform(-1, 1, s).astype(np.float32) / np.float32(np.sqrt(s[0])) * (len(s) > 1)
        for s in shapes
    ]


def scores(w: list[Array], images: Array) -> Array:
    """(sets, n, 4, 784) -> (sets, n): one number for each image."""
    xp = array_namespace(w[0])
    sets, n = images.shape[:2]
    digits = relu(xp.reshape(images, (-1, 784)) @ w[0] + w[1])
    hidden = relu(xp.reshape(digits, (sets * n, -1)) @ w[2] + w[3])
    return xp.reshape(hidden @ w[4], (sets, n))


def draw(
    images: np.ndarray, labels: np.ndarray, sets: int, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sets of n images of four digits, (sets, n, 4, 784), and their numbers (sets, n)."""
    chosen = rng.integers(0, len(labels), (sets, n, DIGITS))
    numbers = labels[chosen] @ (10.0 ** np.arange(DIGITS - 1, -1, -1))
    return images[chosen], numbers + 1e-3 * rng.random(numbers.shape)  # equal numbers: any order


def set_loss(sort: Callable[[Array], Array], Q: np.ndarray) -> Callable[[Array], Array]:
    """The binary cross-entropy of each set's permutation matrix, its mean over the entries."""

    def loss(y: Array) -> Array:
        xp = array_namespace(y)
        P = sort(y)
        right = xp.where(Q > 0.5, P, 1 - P)
        return -xp.mean(xp.log(xp.maximum(right, FLOOR + 0.0 * right)), axis=(-2, -1))

    return loss


def train(setting: Setting, data: Mnist) -> dict[str, Any]:
    """A row of the table: accuracies on sets of test images, and seconds of training."""
    rng = np.random.default_rng(setting.seed)
    w, optimizer = weights(rng), adam(setting.rate)
    state, sort = optimizer.init(w), SORTS[setting.sort]
    images = flat(data.train_images)
    start = time.process_time()
    for _ in range(setting.steps):
        x, numbers = draw(images, data.train_labels, BATCH, setting.n, rng)
        per_set = set_loss(sort, hard_permutation(numbers).astype(np.float32))
        gradients = value_and_grad(lambda w, x=x, f=per_set: _objective(setting, f, scores(w, x)))(
            w
        )[1]
        w, state = optimizer.update(gradients, state, w)
    seconds = time.process_time() - start
    test = np.random.default_rng(12345)
    x, numbers = draw(flat(data.test_images), data.test_labels, TEST_SETS, setting.n, test)
    found = ranking_accuracy(scores(w, x).astype(np.float64), numbers)
    return {
        **setting._asdict(),
        "sets": round(100 * float(found[0]), 2),
        "elements": round(100 * float(found[1]), 2),
        "seconds": round(seconds, 1),
    }


def _objective(setting: Setting, per_set: Callable[[Array], Array], y: Array) -> Array:
    if setting.curvature == "plain":
        return array_namespace(y).mean(per_set(y))
    return newton_loss(per_set, y, setting.damping, curvature=setting.curvature, indefinite="allow")


def flat(images: np.ndarray) -> np.ndarray:
    """(N, 28, 28) bytes -> (N, 784) float32 between 0 and 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
