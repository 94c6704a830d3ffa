"""Learning to sort images of four-digit numbers: Newton losses beside the plain loss."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant, to_numpy
from ..sorting.losses import ranking_accuracy
from ..sorting.networks import sorting_network
from ..sorting.neuralsort import neural_sort
from ..sorting.permutations import hard_permutation
from ..sorting.softsort import soft_sort
from ..training.newton_losses import newton_loss
from ..training.optimizers import adam
from . import digits
from .command import Sized
from .plots import bars
from .results import Results
from .runs import Row, Runs, fit, step_rng

DESCRIPTION = (
    "The sorting experiment with four relaxed sorts, each trained with its plain loss and with the "
    "Newton losses of the Hessian and of the empirical Fisher matrix, which take a damped Newton "
    "step on the scores and leave the weights to Adam. Their damping is chosen for each sort and "
    "set size on sets of held-out training images, with a seed of its own. The results are the "
    "percentages of test sets in the right order (sets) and of images at the right place "
    "(elements). --full is the convolutional network and ten seeds, as in Petersen et al. 2024, "
    "Newton Losses. MNIST is read from REFIMPL_DATA or downloaded."
)
EXAMPLES = (
    ("", "four sorts, three losses, two seeds, and the choice of dampings: about seven minutes"),
    ("--sorts NeuralSort --losses plain fisher --steps 200", "one sort, two losses"),
    ('--sorts "Cauchy network" --n 10 --dampings 1', "longer lists, a fixed damping"),
)
FULL = "weeks on a CPU"
ON_CUPY = True
FLOOR, TEST_SEED, CHOICE = 1e-7, 12345, 1_000_000  # the last: the seed to choose dampings with
CURVATURES = ("plain", "hessian", "fisher")
SORTS: Mapping[str, Callable[[Array], Array]] = {
    "NeuralSort": lambda y: neural_sort(y, temperature=1.0),
    "SoftSort": lambda y: soft_sort(y, temperature=1.0),
    "logistic network": lambda y: sorting_network(y, distribution="logistic", steepness=10.0)[1],
    "Cauchy network": lambda y: sorting_network(y, distribution="cauchy", steepness=10.0)[1],
}
PUBLISHED: Mapping[tuple[str, int], Mapping[str, float]] = {  # sets in the right order, %
    ("NeuralSort", 10): {"plain": 24.26, "hessian": 48.76, "fisher": 39.23},
    ("SoftSort", 10): {"plain": 27.46, "hessian": 55.07, "fisher": 54.00},
    ("logistic network", 10): {"plain": 12.31, "hessian": 42.14, "fisher": 25.72},
    ("Cauchy network", 5): {"plain": 85.09, "hessian": 85.11},
}
"""As reviews of the paper quote them: the convolutional network, 100 000 steps, ten seeds."""


class Setting(NamedTuple):
    """How many images a set has, what sorts them, and the loss; plain losses have no damping."""

    n: int
    sort: str
    curvature: str
    damping: float


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--sorts", nargs="+", default=tuple(SORTS), choices=tuple(SORTS), metavar="NAME",
        help="relaxed sorts: " + ", ".join(SORTS))  # fmt: skip
    add("--losses", nargs="+", default=CURVATURES, choices=CURVATURES, metavar="NAME",
        help="losses: " + ", ".join(CURVATURES))  # fmt: skip
    add(
        "--n",
        nargs="+",
        type=int,
        default=Sized((5,), (5, 10)),
        help="images in a set; several values, several runs",
    )
    add("--dampings", nargs="+", type=float, metavar="LAMBDA",
        default=Sized((1e-3, 0.1, 10.0), tuple(10.0**k for k in range(-3, 4))),
        help="damping of the Newton losses; the best one is chosen on held-out images")  # fmt: skip
    digits.add_options(parser, steps=600, repeats=Sized(2, 10))


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs, data, rows = Runs(results), digits.parts(), []
    for n, sort, curvature in itertools.product(options.n, options.sorts, options.losses):
        setting = _chosen(options, runs, data, n, sort, curvature)
        found = PUBLISHED.get((sort, n), {})
        known = {"published": found[curvature]} if curvature in found else {}
        for seed in range(options.seed, options.seed + options.repeats):
            rows.append(_trained(options, runs, data, setting, seed) | known)
    for n in options.n:
        means = {
            f"{sort}, {curvature}": _mean(rows, n, sort, curvature)
            for sort, curvature in itertools.product(options.sorts, options.losses)
        }
        bars(results.path(f"losses-n{n}.png"), means, f"sets of {n} in the right order, %")
    return {"runs": rows}


def set_loss(sort: Callable[[Array], Array], Q: Array) -> Callable[[Array], Array]:
    """The binary cross-entropy of each set's permutation matrix, its mean over the entries."""

    def loss(y: Array) -> Array:
        xp = array_namespace(y)
        P = sort(y)
        right = xp.where(Q > 0.5, P, 1 - P)
        return -xp.mean(xp.log(xp.maximum(right, FLOOR + 0.0 * right)), axis=(-2, -1))

    return loss


def objective(curvature: str, damping: float, per_set: Callable[[Array], Array], y: Array) -> Array:
    """The mean loss of the scores y (sets, n), or its Newton loss."""
    if curvature == "plain":
        return array_namespace(y).mean(per_set(y))
    return newton_loss(per_set, y, damping, curvature=curvature, indefinite="allow")


def _chosen(
    options: argparse.Namespace, runs: Runs, data: digits.Parts, n: int, sort: str, curvature: str
) -> Setting:
    """With the damping that is best on held-out images."""
    dampings = options.dampings if curvature != "plain" else (0.0,)
    settings = [Setting(n, sort, curvature, damping) for damping in dampings]
    if len(settings) == 1:
        return settings[0]
    return max(settings, key=lambda at: _trained(options, runs, data, at, CHOICE)["held_out"])


def _trained(
    options: argparse.Namespace, runs: Runs, data: digits.Parts, setting: Setting, seed: int
) -> Row:
    label = f"{setting.sort}, {setting.curvature} {setting.damping:g}, n={setting.n}, seed {seed}"
    return runs.once(label, _row, options, runs, data, setting, seed, label)


def _row(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    setting: Setting,
    seed: int,
    label: str,
) -> Row:
    net = digits.NETWORKS[options.network]

    def loss(w: Any, step: int) -> Array:
        rng = step_rng(seed, step)
        x, numbers = digits.draw(data.images, data.labels, options.batch, setting.n, rng)
        Q = constant(hard_permutation(numbers), like=x)
        per_set = set_loss(SORTS[setting.sort], Q)
        return objective(setting.curvature, setting.damping, per_set, net.scores(w, x))

    def right(w: Any, images: Array, labels: np.ndarray) -> tuple[float, float]:
        rng = np.random.default_rng(TEST_SEED)
        x, numbers = digits.draw(images, labels, options.test_sets, setting.n, rng)
        found = ranking_accuracy(to_numpy(net.scores(w, x)).astype(np.float64), numbers)
        return 100 * float(found.em), 100 * float(found.ew)

    def report(w: Any) -> Row:
        sets, elements = right(w, data.test_images, data.test_labels)
        held_out = right(w, data.held_out_images, data.held_out_labels)[0]
        return {"sets": sets, "elements": elements, "held_out": held_out}

    done = fit(
        runs, label, net.weights(step_rng(seed, 2**31)), adam(options.learning_rate), loss,
        steps=options.steps, every=options.every, report=report,
    )  # fmt: skip
    last = done.curve[-1]
    return {
        **setting._asdict(), "seed": seed,
        "sets": last["sets"], "elements": last["elements"], "held_out": last["held_out"],
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip


def _mean(rows: list[Row], n: int, sort: str, curvature: str) -> float:
    wanted = (n, sort, curvature)
    return float(
        np.mean([r["sets"] for r in rows if (r["n"], r["sort"], r["curvature"]) == wanted])
    )
