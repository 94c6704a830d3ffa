"""Data sets as bits: the published tasks by name, or a CSV file.

In training MNIST's pixels are numbers from 0 to 1; all other inputs, and all test inputs, are bits.

Source of the architectures: Petersen et al. 2022, tables 1 to 3.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.mnist import mnist
from ..data.uci import adult_lines, breast_cancer_lines
from ..validation import choose
from .encoders import (
    binarise,
    encode_adult,
    encode_breast_cancer,
    one_hot_columns,
    shuffled_split,
    thermometer,
    thresholds,
)
from .monk import monk


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


def load_task(name: str, encoder: dict[str, Any] | None = None) -> Task:
    """A task of DEFAULTS, or the path of a CSV file (see `read_csv`).

    Raises ValueError for an unknown name, and what the loaders raise.
    """
    if name.endswith(".csv"):
        return read_csv(name, encoder or {})
    return _LOADERS[choose(name, _LOADERS, "data")]()


def defaults(name: str) -> Defaults:
    """The architecture and training of a task."""
    return CSV_DEFAULTS if name.endswith(".csv") else DEFAULTS[choose(name, DEFAULTS, "data")]


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


def read_csv(path: str | Path, encoder: dict[str, Any]) -> Task:
    """A CSV file with a header, the label in the last column; a quarter of the rows for testing.

    Columns of numbers become thermometers of 8 quantiles of the training rows, other columns
    one-hot bits, constants nothing. `encoder` is that of an earlier call, to encode in the same
    way; missing categories give zeros.

    Raises ValueError for a file without rows, rows of other lengths, and labels that the encoder
    does not know.
    """
    with open(path, newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream)) or [[]]
    lengths = {len(row) for row in rows}
    if len(header) < 2 or lengths != {len(header)}:
        raise ValueError(
            f"{path}: expected a header of at least 2 columns and rows of that length, got "
            f"{len(header)} columns, rows of {sorted(lengths)}"
        )
    train, test = shuffled_split(len(rows), test_share=0.25, seed=0)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    if not encoder:
        encoder = {
            "columns": [_describe(column[train]) for column in columns[:-1]],
            "labels": np.unique(columns[-1]).tolist(),
        }
    if len(encoder["columns"]) != len(header) - 1:
        raise ValueError(f"{path}: the model knows {len(encoder['columns'])} columns of inputs")
    if unknown := sorted(set(columns[-1].tolist()) - set(encoder["labels"])):
        raise ValueError(f"{path}: the model does not know the labels {unknown}")
    bits = [_encode(c, known) for c, known in zip(columns, encoder["columns"], strict=False)]
    x = np.concatenate(bits, axis=1) > 0
    y = np.searchsorted(np.array(encoder["labels"]), columns[-1])
    return Task(x[train], y[train], x[test], y[test], len(encoder["labels"]), encoder)


def _numbers(column: np.ndarray) -> np.ndarray | None:
    try:
        return column.astype(np.float64)
    except ValueError:
        return None


def _describe(column: np.ndarray) -> dict[str, Any]:
    numbers = _numbers(column)
    if numbers is None:
        return {"categories": np.unique(column).tolist()}
    levels = np.unique(thresholds(numbers, 8, method="distributive"))
    return {"thresholds": levels[levels < numbers.max()].tolist()}


def _encode(column: np.ndarray, known: dict[str, Any]) -> np.ndarray:
    if "categories" in known:
        return one_hot_columns([column.tolist()], [known["categories"]])
    numbers = _numbers(column)
    if numbers is None:
        raise ValueError(f"expected numbers in a column, got {column[0]!r}")
    return thermometer(numbers[:, None], np.array(known["thresholds"]).reshape(1, -1))
