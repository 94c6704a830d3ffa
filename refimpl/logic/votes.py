"""Counting votes of 64 samples at a time, by adders made of bitwise operations.

Three words of weight 2^k become one of weight 2^k and one of weight 2^(k+1): a full adder,

    sum = a ^ b ^ c        carry = (a & b) | (c & (a ^ b))

for 64 samples in five operations. About as many adders as votes reduce all of them to one binary
number per class and sample. The first adders take seven votes at once, which are gathered into
buffers that stay in the cache. Sevens of votes for the inverse of signals are counted like others:
7 - n is the inverse of the three digits of n.

Rows are (row, class, word), so that whole runs of rows are contiguous.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array
from .netlist import CONSTANT, Netlist
from .packing import bits_of_bytes

SEVEN = 7
ALL = np.uint64(2**64 - 1)


class Ballot:
    """Which signals vote, arranged for a circuit: made once.

    groups    (rows, 7, classes): signals of the first adders; `false` fills up
    negative  (rows, classes): the seven vote by their inverses
    constant  (classes,): votes that are always there, less those of the inverses of `false`
    """

    def __init__(self, circuit: Netlist, rows: np.ndarray, false: int) -> None:
        """`rows` says in which row of the state each signal is; `false` is a row of zeros."""
        k = self.classes = circuit.classes
        outputs, inverted = (v.reshape(k, -1) for v in (circuit.outputs, circuit.inverted))
        real = outputs != CONSTANT
        plus, minus = (
            [_sevens(rows[o[chosen]], false) for o, chosen in zip(outputs, which, strict=True)]
            for which in (real & ~inverted, real & inverted)
        )
        self.rows = max(len(p) + len(m) for p, m in zip(plus, minus, strict=True))
        self.groups = np.full((self.rows, SEVEN, k), false, dtype=np.int64)
        self.negative = np.zeros((self.rows, k), dtype=bool)
        self.constant = (inverted & ~real).sum(axis=1).astype(np.int32)
        for c, (p, m) in enumerate(zip(plus, minus, strict=True)):
            self.groups[: len(p), :, c] = p
            self.groups[self.rows - len(m) :, :, c] = m  # at the end: whole rows are alike
            self.negative[self.rows - len(m) :, c] = True
            self.constant[c] -= np.count_nonzero(m == false)


def _sevens(signals: np.ndarray, false: int) -> np.ndarray:
    """Rows of seven signals, sorted, the last ones filled up with `false`."""
    found = np.full(-(-len(signals) // SEVEN) * SEVEN, false, dtype=np.int64)
    found[: len(signals)] = np.sort(signals)
    return found.reshape(SEVEN, -1).T


class _Chunk(NamedTuple):
    """Some rows of sevens: what to gather where, the sums, and which of them to invert."""

    indices: list[Array]
    hot: list[Array]
    shaped: list[Array]
    sums: list[Array]
    flip: Array | None


class Counter:
    """The adders of a ballot on blocks of w words, with all their memory and views."""

    def __init__(self, ballot: Ballot, w: int, chunk: int, xp: Any = np) -> None:
        self.ballot, self.w, self.xp = ballot, w, xp
        width = ballot.classes * w
        sizes = _sizes(ballot.rows)
        self.levels = [xp.zeros((size, width), dtype=xp.uint64) for size in sizes]
        most = max(min(chunk, ballot.rows), 1)
        self.hot = [xp.empty((most * ballot.classes, w), dtype=xp.uint64) for _ in range(SEVEN)]
        self.scratch = xp.empty((max(ballot.rows, most), width), dtype=xp.uint64)
        starts = range(0, ballot.rows, most)
        self.chunks = [self._chunk(start, min(start + most, ballot.rows)) for start in starts]
        self.adders = self._adders()

    def _chunk(self, start: int, stop: int) -> _Chunk:
        xp, ballot, count = self.xp, self.ballot, stop - start
        groups = np.ascontiguousarray(ballot.groups[start:stop].transpose(1, 0, 2))
        hot = [buffer[: count * ballot.classes] for buffer in self.hot]
        flip = np.where(np.repeat(ballot.negative[start:stop], self.w, axis=1), ALL, np.uint64(0))
        return _Chunk(
            [xp.asarray(rows.reshape(-1)) for rows in groups],
            hot,
            [buffer.reshape(count, -1) for buffer in hot],
            [level[start:stop] for level in self.levels[:3]],
            xp.asarray(flip) if flip.any() else None,
        )

    def _adders(self) -> list[tuple[Array, Array, Array | None, Array]]:
        """(a, b, c, carry) for every run of full adders; a half adder has no c."""
        found: list[tuple[Array, Array, Array | None, Array]] = []
        filled = [self.ballot.rows] * 3 + [0] * len(self.levels)
        for i, level in enumerate(self.levels):
            first, last = 0, len(level)
            while last - first > 1:
                n = max((last - first) // 3, 1)
                a, b, c = (level[first + j * n : first + (j + 1) * n] for j in range(3))
                carry = self.levels[i + 1][filled[i + 1] : filled[i + 1] + n]
                found.append((a, b, c if len(c) else None, carry))
                filled[i + 1] += n
                first += 2 * n if last - first > 2 else 1
        return found

    def count(self, state: Array, take: Any) -> Array:
        """Votes (64 w, classes) int32 of a state (signals, w); `take(state, rows, out)`."""
        for chunk in self.chunks:
            for rows, buffer in zip(chunk.indices, chunk.hot, strict=True):
                take(state, rows, buffer)
            self._add_seven(chunk)
        for a, b, c, carry in self.adders:
            if c is not None:
                self._add_three(a, b, c, c, carry)
            else:
                self.xp.bitwise_and(a, b, out=carry)
                self.xp.bitwise_xor(a, b, out=b)
        digits = [level[-1].reshape(-1, self.w) for level in self.levels]
        return binary(digits, self.xp) + self.xp.asarray(self.ballot.constant)

    def _add_seven(self, chunk: _Chunk) -> None:
        a, b, c, d, e, f, g = chunk.shaped
        one, two, four = chunk.sums
        self._add_three(a, b, c, c, a)
        self._add_three(d, e, f, f, d)
        self._add_three(c, f, g, one, c)
        self._add_three(a, d, c, two, four)
        if chunk.flip is not None:
            for digit in chunk.sums:
                self.xp.bitwise_xor(digit, chunk.flip, out=digit)

    def _add_three(self, a: Array, b: Array, c: Array, total: Array, carry: Array) -> None:
        """A full adder; a, b and c are overwritten, `total` may be c, `carry` may be a or c."""
        xp, both = self.xp, self.scratch[: len(a)]
        xp.bitwise_and(a, b, out=both)
        xp.bitwise_xor(a, b, out=b)
        xp.bitwise_and(b, c, out=a)
        xp.bitwise_xor(b, c, out=total)
        xp.bitwise_or(a, both, out=carry)


def _sizes(rows: int) -> list[int]:
    """Rows of each digit: sums of the first adders, then carries of the digit before."""
    found: list[int] = []
    carries = 0
    while len(found) < 3 or carries:
        left = (rows if len(found) < 3 else 0) + carries
        found.append(max(left, 1))
        carries = 0
        while left > 1:
            n = max(left // 3, 1)
            carries += n
            left -= 2 * n if left > 2 else 1
    return found


def binary(digits: Any, xp: Any) -> Array:
    """Numbers (64 w, k) int32 of binary digits, each (k, w), the lowest first."""
    bits = [bits_of_bytes(xp.ascontiguousarray(digit), xp) for digit in digits]  # (k, 8 w, 8)
    low = bits[0]
    for i, bit in enumerate(bits[1:8], start=1):
        low |= bit << i
    counts = low.astype(xp.int32)
    for i, bit in enumerate(bits[8:], start=8):
        counts += bit.astype(xp.int32) << i
    return counts.transpose(2, 1, 0).reshape(-1, counts.shape[0])
