"""Where the signals of a circuit live during evaluation: rows that are used again.

A signal needs its row from the level that computes it to the last level that reads it. Gates of one
level, operation and last reader get consecutive rows, so that rows become free together; what fits
nowhere is put behind. With fewer rows the state of a block fits a smaller cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .netlist import CONSTANT, Netlist, levels

SMALLEST = 64  # free places below so many rows are not worth a run of their own


class Piece(NamedTuple):
    """Gates of one operation, numbered as in the netlist, and the first of their rows."""

    gates: np.ndarray
    row: int


class Placement(NamedTuple):
    """rows: of every signal; total: of rows in all; pieces: in order of evaluation."""

    rows: np.ndarray
    total: int
    pieces: list[Piece]


def place(circuit: Netlist) -> Placement:
    """Rows for all signals. Inputs have rows 0..inputs-1 at the start."""
    n, depth = circuit.inputs, levels(circuit)
    end = int(depth.max(initial=0)) + 1
    last = _last_readers(circuit, depth, end)
    rows = np.empty(n + len(circuit), dtype=np.int64)
    rows[:n] = np.arange(n)
    space = _Space(n)
    order = np.lexsort((last[n:], circuit.gates, depth))
    pieces: list[Piece] = []
    for group in _groups(order, depth, circuit.gates, last[n:]):
        level = int(depth[group[0]])
        space.advance(level, rows, last)
        group = group[np.argsort(rows[circuit.a[group]], kind="stable")]  # read in order of memory
        for first, start, length in space.take(len(group)):
            part = group[first : first + length]
            rows[n + part] = start + np.arange(length)
            pieces.append(Piece(part, start))
        space.hold(n + group)
    return Placement(rows, space.top, pieces)


def _last_readers(circuit: Netlist, depth: np.ndarray, end: int) -> np.ndarray:
    """The last level that reads each signal; `end` for outputs, 0 for what nobody reads."""
    last = np.zeros(circuit.inputs + len(circuit), dtype=np.int64)
    np.maximum.at(last, circuit.a, depth)
    np.maximum.at(last, circuit.b, depth)
    last[circuit.outputs[circuit.outputs != CONSTANT]] = end
    return last


def _groups(order: np.ndarray, *keys: np.ndarray) -> list[np.ndarray]:
    """Runs of `order` in which all keys are equal."""
    if not len(order):
        return []
    changes = np.any([np.diff(key[order].astype(np.int64)) != 0 for key in keys], axis=0)
    return np.split(order, np.flatnonzero(changes) + 1)


class _Space:
    """Free intervals of rows (start, length) below `top`, and the signals that hold rows."""

    def __init__(self, inputs: int) -> None:
        self.top, self.level = inputs, 1
        self.free: list[tuple[int, int]] = []
        self.holders = [np.arange(inputs)]

    def hold(self, signals: np.ndarray) -> None:
        self.holders.append(signals)

    def advance(self, level: int, rows: np.ndarray, last: np.ndarray) -> None:
        """Free the rows of signals that no gate of this level or a later one reads."""
        if level == self.level:
            return
        self.level = level
        held = np.concatenate(self.holders)
        live = last[held] >= level
        self.holders = [held[live]]
        used = np.zeros(self.top + 1, dtype=bool)
        used[rows[held[live]]] = True
        used[self.top] = True  # the end of the last interval
        edges = np.flatnonzero(np.diff(np.concatenate([[True], used]).astype(np.int8)))
        self.free = [(int(s), int(e - s)) for s, e in zip(edges[0::2], edges[1::2], strict=True)]

    def take(self, count: int) -> list[tuple[int, int, int]]:
        """Intervals for `count` rows: (rows before, start, length), the largest free ones first."""
        found, before = [], 0
        while before < count:
            left = count - before
            start, length = max(self.free, key=lambda interval: interval[1], default=(0, 0))
            if length >= min(left, SMALLEST):
                self.free.remove((start, length))
                used = min(left, length)
                if length > used:
                    self.free.append((start + used, length - used))
            else:
                start, used = self.top, left
                self.top += used
            found.append((before, start, used))
            before += used
        return found
