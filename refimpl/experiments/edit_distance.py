"""Reading letters from edit distances alone, through the relaxed Levenshtein algorithm."""

from __future__ import annotations

import argparse
import functools
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..autograd import Array, array_namespace, constant, relu, softmax, to_numpy
from ..relaxation.programs.levenshtein import EQUALITIES, levenshtein
from ..training.optimizers import adam
from . import digits
from .command import Sized
from .plots import curves
from .results import Results
from .runs import Row, Runs, fit, layers, mean_curves, on_backend, step_rng

DESCRIPTION = (
    "Pairs of strings of handwritten letters, here MNIST digits, are labelled with their edit "
    "distance and with nothing else. A perceptron turns each image into a distribution over k "
    "letters, the relaxed Levenshtein algorithm of Petersen et al. 2021, Learning with Algorithmic "
    "Supervision via Continuous Relaxations, turns two strings of them into a distance, and the "
    "squared error of the distance is the loss. Which letter is which cannot be learned: the "
    "result is the percentage of test images read rightly after the best renaming of the letters, "
    "for every alphabet. MNIST is read from REFIMPL_DATA or downloaded."
)
EXAMPLES = (
    ("", "six alphabets, three seeds: about a minute"),
    ("--alphabets 17 --steps 100", "ones and sevens, a second"),
    ("--alphabets 012 --length 6 --beta 5", "longer strings, a softer algorithm"),
)
FULL = "some hours on a CPU"
ON_CUPY = True
HIDDEN = 64


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--alphabets", nargs="+", default=("01", "38", "49", "0123", "3589", "0123456789"),
        metavar="DIGITS", help="digits that stand for letters, one run for each")  # fmt: skip
    add("--length", type=int, default=4, help="images in a string")
    add("--beta", type=float, default=9.0, help="inverse temperature of the relaxed algorithm")
    add(
        "--equality",
        choices=EQUALITIES,
        default="relaxed",
        help="how two distributions over letters are compared",
    )
    add("--steps", type=int, default=Sized(400, 20_000), help="optimiser steps")
    add("--learning-rate", type=float, default=1e-3, help="learning rate of Adam")
    add("--batch", type=int, default=64, help="pairs of strings in a step")
    add(
        "--every", type=int, default=Sized(100, 1000), help="steps between reports and saved states"
    )
    add("--repeats", type=int, default=Sized(3, 10), help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    for alphabet in options.alphabets:
        _letters(alphabet)
    runs, data = Runs(results), digits.parts()
    rows = runs.each(options, options.alphabets, functools.partial(_row, options, runs, data))
    lines = mean_curves(rows, "alphabet", "letters")
    curves(results.path("letters.png"), lines, "steps", "letters read rightly, %")
    return {"runs": rows}


def edit_distance(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The number of insertions, deletions and changes: (B, m), (B, n) -> (B,).

    >>> edit_distance(np.array([[1, 2, 3]]), np.array([[2, 3, 3]]))
    array([2])
    """
    table = np.zeros((len(s), s.shape[1] + 1, t.shape[1] + 1), dtype=np.int64)
    table[:, :, 0], table[:, 0, :] = np.arange(s.shape[1] + 1), np.arange(t.shape[1] + 1)
    for i, j in np.ndindex(s.shape[1], t.shape[1]):
        least = np.minimum(table[:, i, j + 1], table[:, i + 1, j]) + 1
        table[:, i + 1, j + 1] = np.minimum(least, table[:, i, j] + (s[:, i] != t[:, j]))
    return table[:, -1, -1]


def renamed_accuracy(found: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The percentage of labels that agree after the best renaming of the k letters.

    >>> renamed_accuracy(np.array([1, 1, 0]), np.array([0, 0, 1]), 2)
    100.0
    """
    counts = np.zeros((k, k))
    np.add.at(counts, (found, labels), 1)
    return 100 * float(counts[linear_sum_assignment(-counts)].sum() / len(labels))


def _letters(alphabet: str) -> np.ndarray:
    found = np.array([int(c) for c in alphabet if c.isdecimal()])
    if len(found) != len(alphabet) or len(set(alphabet)) < max(2, len(alphabet)):
        raise ValueError(f"alphabets: expected at least two different digits, got {alphabet!r}")
    return found


def _weights(rng: np.random.Generator, k: int) -> list[Array]:
    shapes = ((784, HIDDEN), (HIDDEN,), (HIDDEN, k), (k,))
    return layers(rng, shapes)


def _read(w: list[Array], x: Array) -> Array:
    """Images (..., 784) -> distributions over the letters (..., k)."""
    return softmax(relu(x @ w[0] + w[1]) @ w[2] + w[3], axis=-1)


def _row(
    options: argparse.Namespace,
    runs: Runs,
    data: digits.Parts,
    alphabet: str,
    seed: int,
    label: str,
) -> Row:
    letters = _letters(alphabet)
    places = np.flatnonzero(np.isin(data.labels, letters))
    tests = np.flatnonzero(np.isin(data.test_labels, letters))
    xp = array_namespace(data.images)
    test_images = xp.take(data.test_images, on_backend(tests), axis=0)
    wanted = np.searchsorted(np.sort(letters), data.test_labels[tests])

    def loss(w: list[Array], step: int) -> Array:
        shape = (2, options.batch, options.length)
        chosen = places[step_rng(seed, step).integers(0, len(places), shape)]
        drawn = xp.take(data.images, on_backend(chosen.reshape(-1)), axis=0)
        read = _read(w, xp.reshape(drawn, (*shape, 784)))
        found = levenshtein(
            read[0, ...], read[1, ...], beta=options.beta, equality=options.equality
        )
        truth = edit_distance(*data.labels[chosen])
        gap = found[..., -1, -1] - constant(truth, like=drawn)
        return array_namespace(gap).mean(gap * gap)

    def report(w: list[Array]) -> Row:
        found = np.argmax(to_numpy(_read(w, test_images)), axis=-1)
        return {"letters": renamed_accuracy(found, wanted, len(letters))}

    done = fit(
        runs, label, _weights(step_rng(seed, 2**31), len(letters)), adam(options.learning_rate),
        loss, steps=options.steps, every=options.every, report=report,
    )  # fmt: skip
    return {
        "alphabet": alphabet, "seed": seed, "letters": done.curve[-1]["letters"],
        "chance": 100 / len(letters), "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip
