"""CSV files as bits: numbers become thermometers, words one-hot bits, gaps a bit of their own.

The first line names the columns, the last column is the label. A field is missing when it is empty
or ?, NA, N/A, NaN or null. Fields are separated by commas, as RFC 4180 has it; the text is UTF-8.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .encoders import one_hot_columns, shuffled_split, thermometer, thresholds

MISSING = ("", "?", "na", "n/a", "nan", "null")
LEVELS = 8  # thresholds of a column of numbers


class Table(NamedTuple):
    """Bits (n, d), labels 0..classes-1 (n,), and the encoder, which JSON can hold."""

    bits: np.ndarray
    labels: np.ndarray
    encoder: dict[str, Any]


def split_rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows of a file: a quarter is for testing, drawn with seed 0."""
    return shuffled_split(count, test_share=0.25, seed=0)


def read_table(path: str | Path, encoder: dict[str, Any] | None = None) -> Table:
    """All rows of a CSV file, encoded by an encoder, or by one that is made of its training rows.

    A column of numbers becomes bits "above t" for quantiles t of the training rows, at most 8, or
    for every value but the largest where there are few; another column one bit per word. Where
    training rows have gaps, one more bit says so. What the training rows do not know gives zeros,
    constant columns nothing.

    Raises ValueError, with the file's name, for files that are no such table, labels that are
    missing, alike, or unknown to the encoder, and words where the encoder knows numbers.
    """
    header, rows = _read(path)
    train, _ = split_rows(len(rows))
    *columns, labels = [np.array([f.strip() for f in column]) for column in zip(*rows, strict=True)]
    if absent := int(_missing(labels).sum()):
        raise ValueError(f"{path}: {absent} rows have no label in the last column, {header[-1]!r}")
    if not encoder:
        encoder = {
            "columns": [_describe(column[train]) for column in columns],
            "labels": np.unique(labels).tolist(),
        }
        _check_encoder(path, header, encoder)
    if not {"columns", "labels"} <= encoder.keys():
        raise ValueError(f"encoder: expected columns and labels, got {sorted(encoder)}")
    if len(encoder["columns"]) != len(columns):
        raise ValueError(
            f"{path}: {len(columns)} columns of inputs, the model knows {len(encoder['columns'])}"
        )
    if unknown := sorted(set(labels.tolist()) - set(encoder["labels"])):
        raise ValueError(f"{path}: the model does not know the labels {unknown}")
    bits = []
    for name, column, known in zip(header, columns, encoder["columns"], strict=False):
        try:
            bits.append(_encode(column, known))
        except ValueError as error:
            raise ValueError(f"{path}: column {name!r}: {error}") from error
    numbers = np.searchsorted(np.array(encoder["labels"]), labels)
    return Table(np.concatenate(bits, axis=1) > 0, numbers, encoder)


def _read(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """The header and the rows, without empty lines."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            lines = [(reader.line_num, row) for row in reader if row and (len(row) > 1 or row[0])]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8: {error}") from error
    header = [name.strip() for name in lines[0][1]] if lines else []
    if len(header) < 2 or len(lines) < 3:
        raise ValueError(
            f"{path}: expected a line of at least 2 column names, separated by commas, and at "
            f"least 2 rows, got {len(header)} names and {max(len(lines) - 1, 0)} rows"
        )
    if _numbers(np.array(header)) is not None:
        raise ValueError(
            f"{path}: expected the names of the columns in the first line, got numbers"
        )
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise ValueError(
                f"{path}, line {number}: expected {len(header)} fields, got {len(row)}"
            )
    return header, [row for _, row in lines[1:]]


def _check_encoder(path: str | Path, header: list[str], encoder: dict[str, Any]) -> None:
    labels, width = encoder["labels"], sum(map(_width, encoder["columns"]))
    if len(labels) < 2:
        raise ValueError(
            f"{path}: all labels, the last column {header[-1]!r}, are {labels[0]!r}: "
            "nothing to learn"
        )
    if width < 2:
        raise ValueError(
            f"{path}: the columns give {width} bits, a network needs 2 or more; are they constant?"
        )


def _missing(column: np.ndarray) -> np.ndarray:
    return np.isin(np.char.lower(column), MISSING)


def _numbers(column: np.ndarray) -> np.ndarray | None:
    """The column as numbers, or None if it has other words."""
    try:
        return column.astype(np.float64)
    except ValueError:
        return None


def _describe(column: np.ndarray) -> dict[str, Any]:
    """What `_encode` needs to know of a column of training rows."""
    absent = _missing(column)
    found: dict[str, Any] = {"missing": bool(absent.any())}
    present = column[~absent]
    numbers = _numbers(present)
    if numbers is None:
        words = np.unique(present).tolist()
        return {**found, "categories": words if len(words) > 1 or found["missing"] else []}
    return {**found, "thresholds": _levels(numbers)}


def _levels(numbers: np.ndarray) -> list[float]:
    values = np.unique(numbers)
    if len(values) <= LEVELS + 1:
        return values[:-1].tolist()
    levels = np.unique(thresholds(numbers, LEVELS, method="distributive"))
    levels = levels[levels < values[-1]]
    return levels.tolist() or [float(values[-2])]


def _width(known: dict[str, Any]) -> int:
    words = known["categories"] if "categories" in known else known["thresholds"]
    return len(words) + bool(known.get("missing"))


def _encode(column: np.ndarray, known: dict[str, Any]) -> np.ndarray:
    """The bits (n, width) of a column."""
    absent = _missing(column)
    if "categories" in known:
        bits = one_hot_columns([column.tolist()], [known["categories"]])
    else:
        numbers = _numbers(np.where(absent, "nan", column))
        if numbers is None:
            word = next(w for w in column[~absent] if _numbers(np.array([w])) is None)
            raise ValueError(f"expected numbers, as in the training rows, got {str(word)!r}")
        bits = thermometer(numbers[:, None], np.array(known["thresholds"]).reshape(1, -1))
    return np.concatenate([bits, absent[:, None]], axis=1) if known.get("missing") else bits
