"""Data sets as bits: the published tasks by name, or a CSV file.

In training MNIST's pixels are numbers from 0 to 1; all other inputs, and all test inputs, are bits.

Source of the architectures: Petersen et al. 2022, tables 1 to 3.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.mnist import mnist
from ..data.uci import adult_lines, breast_cancer_lines
from ..validation import choose
from .encoders import binarise, encode_adult, encode_breast_cancer, shuffled_split
from .monk import monk
from .tables import read_table, split_rows


class Task(NamedTuple):
    """Training inputs (uint8 pixels, or bits), test bits, labels 0..classes-1."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    classes: int
    encoder: dict[str, Any]  # how a CSV file became bits; empty for the others


class Defaults(NamedTuple):
    """What a task is trained with unless told otherwise."""

    layers: int
    width: int
    tau: float
    steps: int
    learning_rate: float = 0.01


DEFAULTS = {
    "mnist": Defaults(6, 8000, 10.0, 15000),
    "monk1": Defaults(6, 24, 1.0, 10000),
    "monk2": Defaults(6, 12, 1.0, 10000),
    "monk3": Defaults(6, 12, 1.0, 10000),
    "adult": Defaults(5, 256, 1 / 0.075, 20000),
    "breast_cancer": Defaults(5, 128, 10.0, 20000, 0.001),
}
CSV_DEFAULTS = Defaults(4, 256, 10.0, 10000)


def load_task(name: str, encoder: dict[str, Any] | None = None, *, split: bool = True) -> Task:
    """A task of DEFAULTS, or the path of a CSV file (see `read_csv`, also for `split`).

    Raises ValueError for an unknown name, and what the loaders raise.
    """
    if is_csv(name):
        return read_csv(name, encoder or {}, split=split)
    return _LOADERS[choose(name, _LOADERS, "data")]()


def as_bits(x: np.ndarray) -> np.ndarray:
    """Training inputs as test inputs are: pixels rounded, bits as they are."""
    return binarise(x) if x.dtype == np.uint8 else x


def is_csv(name: str) -> bool:
    """Whether the name of the data is that of a CSV file."""
    return name.lower().endswith(".csv")


def defaults(name: str) -> Defaults:
    """The architecture and training of a task."""
    return CSV_DEFAULTS if is_csv(name) else DEFAULTS[choose(name, DEFAULTS, "data")]


def _mnist() -> Task:
    data = mnist()
    train, test = (images.reshape(len(images), -1) for images in (data[0], data[2]))
    return Task(train, data.train_labels, binarise(test), data.test_labels, 10, {})


def _monk(problem: int) -> Callable[[], Task]:
    def load() -> Task:
        split = monk(problem)
        return Task(split[0] > 0, split.train_y, split.test_x > 0, split.test_y, 2, {})

    return load


def _adult() -> Task:
    (x, y), (test_x, test_y) = (encode_adult(lines) for lines in adult_lines())
    return Task(x > 0, y, test_x > 0, test_y, 2, {})


def _breast_cancer() -> Task:
    x, y, _ = encode_breast_cancer(breast_cancer_lines())
    train, test = shuffled_split(len(x), test_share=0.25, seed=0)
    return Task(x[train] > 0, y[train], x[test] > 0, y[test], 2, {})


_LOADERS: dict[str, Callable[[], Task]] = {
    "mnist": _mnist,
    "monk1": _monk(1),
    "monk2": _monk(2),
    "monk3": _monk(3),
    "adult": _adult,
    "breast_cancer": _breast_cancer,
}


def read_csv(path: str | Path, encoder: dict[str, Any], *, split: bool = True) -> Task:
    """A CSV file, see `tables`: a quarter of the rows for testing, or without `split` all of them,
    and none for training. `encoder` is that of an earlier call, to encode in the same way.
    """
    bits, labels, encoder = read_table(path, encoder)
    train, test = split_rows(len(bits)) if split else (np.arange(0), np.arange(len(bits)))
    classes = len(encoder["labels"])
    return Task(bits[train], labels[train], bits[test], labels[test], classes, encoder)
