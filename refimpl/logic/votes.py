"""Counting votes of 64 samples at a time, by adders made of bitwise operations.

Three words of weight 2^k become one of weight 2^k and one of weight 2^(k+1): a full adder,

    sum = a ^ b ^ c        carry = (a & b) | (c & (a ^ b))

for 64 samples in five operations. About as many adders as votes reduce all of them to one binary
number per class and sample. Votes for the inverse of a signal are counted apart and subtracted at
the end: the count of inverses is their number less that count.

Rows are (row, class, word), so that whole runs of rows are contiguous.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Array
from .netlist import CONSTANT, Netlist
from .packing import unpack

SEVEN = 7


class Ballot:
    """Which signals vote, arranged for a circuit: made once.

    groups    (rows, 7, columns): signals of the first adders; `false` fills up
    columns   classes, or classes twice: votes for signals, then votes for inverses
    constant  (classes,): votes that are always there
    """

    def __init__(self, circuit: Netlist, rows: np.ndarray, false: int) -> None:
        """`rows` says in which row of the state each signal is; `false` is a row of zeros."""
        k = circuit.classes
        outputs = circuit.outputs.reshape(k, -1)
        inverted = circuit.inverted.reshape(k, -1)
        real = outputs != CONSTANT
        self.classes = k
        self.constant = inverted.sum(axis=1).astype(np.int32)
        columns = [[rows[o[r & ~i]] for o, i, r in zip(outputs, inverted, real, strict=True)]]
        if (inverted & real).any():
            columns.append(
                [rows[o[r & i]] for o, i, r in zip(outputs, inverted, real, strict=True)]
            )
        flat = [column for side in columns for column in side]
        self.columns = len(flat)
        self.signed = len(columns) == 2
        depth = max(max(map(len, flat)), 1)
        self.rows = -(-depth // SEVEN)
        table = np.full((self.columns, self.rows * SEVEN), false, dtype=np.int64)
        for place, column in zip(table, flat, strict=True):
            place[: len(column)] = np.sort(column)
        self.groups = table.reshape(self.columns, SEVEN, self.rows).transpose(2, 1, 0)


class Counter:
    """The adders of a ballot on blocks of w words, with all their memory."""

    def __init__(self, ballot: Ballot, w: int, chunk: int, xp: Any = np) -> None:
        self.ballot, self.w, self.xp = ballot, w, xp
        c, r = ballot.columns, ballot.rows
        self.chunks = self._chunks(chunk)
        self.weights = [xp.empty((r, c * w), dtype=xp.uint64) for _ in range(3)]
        rows = max(min(chunk, r), 1)
        self.hot = [xp.empty((rows * c, w), dtype=xp.uint64) for _ in range(SEVEN)]
        self.scratch = xp.empty(max(r, 1) * c * w, dtype=xp.uint64)

    def _chunks(self, chunk: int) -> list[tuple[slice, list[Array]]]:
        found = []
        for start in range(0, self.ballot.rows, chunk):
            part = slice(start, min(start + chunk, self.ballot.rows))
            groups = self.ballot.groups[part]
            indices = [self.xp.asarray(np.ascontiguousarray(groups[:, i])) for i in range(SEVEN)]
            found.append((part, [i.reshape(-1) for i in indices]))
        return found

    def count(self, state: Array, take: Any) -> Array:
        """Votes (64 w, classes) int32 of a state (signals, w); `take(state, rows, out)`."""
        xp = self.xp
        for part, indices in self.chunks:
            rows = [hot[: len(index)] for hot, index in zip(self.hot, indices, strict=True)]
            for index, row in zip(indices, rows, strict=True):
                take(state, index, row)
            shape = (part.stop - part.start, self.ballot.columns * self.w)
            one, two, four = (v[part] for v in self.weights)
            a, b, c, d, e, f, g = (row.reshape(shape) for row in rows)
            add_three(a, b, c, xp)  # leaves the sum in c, the carry in a
            add_three(d, e, f, xp)
            add_three(c, f, g, xp, sum_to=one)
            add_three(a, d, c, xp, sum_to=two, carry_to=four)
        return self._numbers(self._planes())

    def _planes(self) -> list[Array]:
        """One row (columns, w) for each binary digit, the lowest first."""
        xp = self.xp
        digits, width = [], self.ballot.columns * self.w
        level = 0
        waiting = [[v] for v in self.weights]
        while level < len(waiting):
            rows = waiting[level][0] if len(waiting[level]) == 1 else xp.concatenate(waiting[level])
            carries = []
            while len(rows) > 1:
                third = len(rows) // 3
                if not third:
                    rows, carry = half_adder(rows, xp)
                    carries.append(carry)
                    break
                a, b = rows[:third], rows[third : 2 * third]
                c = rows[2 * third : 3 * third]
                add_three(a, b, c, xp, scratch=self.scratch)
                carries.append(a)
                rows = rows[2 * third :]
            if carries:
                if level + 1 == len(waiting):
                    waiting.append([])
                waiting[level + 1] += carries
            digits.append(rows.reshape(self.ballot.columns, self.w) if width else rows)
            level += 1
        return digits

    def _numbers(self, digits: list[Array]) -> Array:
        xp, k = self.xp, self.ballot.classes
        constant = self.ballot.constant
        if self.ballot.signed:
            digits = subtract([p[:k] for p in digits], [p[k:] for p in digits], xp)
            constant = constant - np.int32((1 << (len(digits) - 1)) - 1)
        counts = binary(xp.stack(digits), xp)  # (k, 64 w)
        return counts.T + xp.asarray(constant)


def add_three(
    a: Array,
    b: Array,
    c: Array,
    xp: Any,
    *,
    sum_to: Array | None = None,
    carry_to: Array | None = None,
    scratch: Array | None = None,
) -> None:
    """A full adder on three arrays of words, all of which are overwritten.

    The sum goes to `sum_to`, by default c; the carry to `carry_to`, by default a.
    """
    if scratch is None:
        half = b  # b ^ a takes the place of b, which is read once more before
        both = a & b
        xp.bitwise_xor(a, b, out=half)
    else:
        both = scratch[: a.size].reshape(a.shape)
        xp.bitwise_and(a, b, out=both)
        half = xp.bitwise_xor(a, b, out=b)
    xp.bitwise_and(half, c, out=a)
    xp.bitwise_xor(half, c, out=c if sum_to is None else sum_to)
    xp.bitwise_or(a, both, out=a if carry_to is None else carry_to)


def half_adder(rows: Array, xp: Any) -> tuple[Array, Array]:
    """Sum and carry of two rows."""
    return rows[:1] ^ rows[1:2], rows[:1] & rows[1:2]


def subtract(minuend: list[Array], subtrahend: list[Array], xp: Any) -> list[Array]:
    """minuend + 2^n - 1 - subtrahend, in n + 1 binary digits, the lowest first: never negative."""
    digits, carry = [], xp.zeros_like(minuend[0])
    for a, b in zip(minuend, subtrahend, strict=True):
        inverse = ~b
        half = a ^ inverse
        digits.append(half ^ carry)
        carry = (a & inverse) | (half & carry)
    return [*digits, carry]


def binary(digits: Array, xp: Any) -> Array:
    """Numbers (k, 64 w) int32 of binary digits (n, k, w), the lowest first."""
    bits = unpack(xp.ascontiguousarray(digits), xp)  # (n, k, 64 w)
    low = bits[0]
    for i, bit in enumerate(bits[1:8], start=1):
        low |= bit << i
    counts = low.astype(xp.int32)
    for i, bit in enumerate(bits[8:], start=8):
        counts += bit.astype(xp.int32) << i
    return counts
