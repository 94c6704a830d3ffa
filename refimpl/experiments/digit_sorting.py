"""Learning to read numbers from the order of images alone, by every relaxed sort."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..autograd import Array, Generator, to_numpy
from ..sorting.losses import ranking_accuracy
from ..training.optimizers import adam
from ..validation import choose
from . import digits
from .command import Sized
from .plots import bars, curves
from .results import Results
from .runs import Row, Runs, fit, means, on_backend, step_rng
from .sorters import SORTERS, order_loss

DESCRIPTION = (
    "Images show numbers of four MNIST digits. A network gives each image a score, a relaxed sort "
    "turns the scores of n images into a permutation matrix, ranks or a likelihood, and only the "
    "true order is the target: no number is ever shown. The result is the percentage of test sets "
    "in the right order (em), of images at the right place (ew), and of sets of five in the right "
    "order (em5). By default a perceptron and some hundred steps; --full is the convolutional "
    "network, the learning rate and the 100 000 steps of Petersen et al. 2021 (Differentiable "
    "Sorting Networks) for all n. MNIST is read from REFIMPL_DATA or downloaded."
)
EXAMPLES = (
    ("", "all 24 sorts on sets of 5 images: about 5 minutes"),
    ("--methods odd_even-cauchy neuralsort --steps 400", "two sorts, half a minute"),
    ("--methods bitonic-optimal --n 8 --repeats 3", "longer lists, three seeds"),
)
FULL = "hours for each sort on a GPU, weeks on a CPU"
ON_CUPY = True
TEST_SEED = 12345


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--methods",
        nargs="+",
        default=SORTERS,
        metavar="NAME",
        help="relaxed sorts, one after the other",
    )
    add(
        "--n",
        nargs="+",
        type=int,
        default=Sized((5,), (3, 5, 7, 9, 15, 32)),
        help="images in a set; several values, several runs",
    )
    digits.add_options(parser, steps=1000, repeats=Sized(1, 5))
    add(
        "--steepness",
        type=float,
        default=None,
        help="steepness of sorting networks; if not given, twice the number of their layers",
    )
    add(
        "--temperature",
        type=float,
        default=1.0,
        help="sharpness of the other methods, each in its own units",
    )


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    for name in options.methods:
        choose(name, SORTERS, "methods")
    runs, data = Runs(results), digits.parts()
    for n in options.n:
        for name in options.methods:
            for seed in range(options.seed, options.seed + options.repeats):
                label = f"{name}, n={n}, seed {seed}"
                runs.once(label, _row, options, runs, data, name, n, seed, label)
    rows = list(runs.rows.values())
    for n in options.n:
        chosen = [row for row in rows if row["n"] == n and row["seed"] == options.seed]
        lines = {row["method"]: _line(row) for row in chosen}
        curves(results.path(f"curves-n{n}.png"), lines, "steps", "sets in the right order, %")
        heights = means([row for row in rows if row["n"] == n], "method", "em")
        bars(results.path(f"sorters-n{n}.png"), heights, f"sets of {n} in the right order, %")
    return {"runs": sorted(rows, key=lambda row: (row["n"], -row["em"]))}


def _row(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    name: str,
    n: int,
    seed: int,
    label: str,
) -> Row:
    net = digits.NETWORKS[options.network]
    loss_of_order = order_loss(
        name, n, steepness=options.steepness, temperature=options.temperature
    )

    def loss(w: Any, step: int) -> Array:
        rng = step_rng(seed, step)
        x, numbers = digits.draw(data.images, data.labels, options.batch, n, rng)
        noise = Generator(int(rng.integers(2**31)))
        return loss_of_order(net.scores(w, x), on_backend(numbers), noise)

    def report(w: Any) -> Row:
        rng = np.random.default_rng(TEST_SEED)
        x, numbers = digits.draw(data.test_images, data.test_labels, options.test_sets, n, rng)
        found = ranking_accuracy(to_numpy(net.scores(w, x)).astype(np.float64), numbers)
        return {k: round(100 * float(v), 2) for k, v in found._asdict().items()}

    done = fit(
        runs, label, net.weights(step_rng(seed, 2**31)), adam(options.learning_rate), loss,
        steps=options.steps, every=options.every, report=report,
    )  # fmt: skip
    last = done.curve[-1]
    return {
        "method": name, "n": n, "seed": seed, **{k: last[k] for k in ("em", "ew", "em5")},
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip


def _line(row: Row) -> tuple[list[float], list[float]]:
    return [at["step"] for at in row["curve"]], [at["em"] for at in row["curve"]]
