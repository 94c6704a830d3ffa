"""Evaluating a circuit on 64 samples per machine word, in NumPy.

The state has a row of words for each signal, and rows are used again (`rows`). Gates are sorted by
level and operation, so that a run of gates is two gathers of rows and one bitwise operation into
consecutive rows. Samples go through in blocks of w words, such that the state stays in the cache;
all memory is allocated once, as fresh pages cost more than the logic.

`netlist.evaluate` is the definition; tests hold the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Array
from .netlist import Netlist, as_bits
from .packing import pack, unpack
from .rows import place
from .simplify import AND_NOT, simplify
from .votes import Ballot, Counter

STATE_BYTES = 4 << 20  # the state of a block: beyond, blocks are smaller
CHUNK_BYTES = 1 << 17  # each of the two buffers for inputs of gates


@dataclass(frozen=True)
class Tuning:
    """Words per block, rows per run of gates, rows per run of votes; 0: chosen by size."""

    words: int = 0
    gates: int = 0
    votes: int = 0


class Engine:
    """A circuit made ready: `engine.counts(bits)`, `engine.outputs(bits)`.

    The circuit is simplified first. `xp` is numpy or cupy; the arrays that come and go are its.
    An engine has its own memory: use one per thread.

    >>> from .netlist import netlist
    >>> engine = Engine(netlist(2, [6, 7], [0, 0], [1, 1], [2, 3], classes=2))
    >>> engine.counts(np.array([[True, False], [True, True]]))
    array([[1, 1],
           [0, 1]], dtype=int32)
    """

    def __init__(self, circuit: Netlist, *, tuning: Tuning | None = None, xp: Any = np) -> None:
        self.xp = xp
        self.circuit = simplify(circuit)
        tuning = tuning or Tuning()
        self._placed = place(self.circuit)
        n = self._placed.total
        self.words = tuning.words or _words(n)
        w = self.words
        rows = tuning.gates or max(64, CHUNK_BYTES // (8 * w))
        self.state = xp.zeros((n + 1, w), dtype=xp.uint64)  # the last row is false
        self._hot = [xp.empty((rows, w), dtype=xp.uint64) for _ in range(2)]
        self._runs = self._plan(rows)
        self._inputs = self.state[: self.circuit.inputs]
        self._scratch = xp.empty(8 * w * self.circuit.inputs, dtype=xp.uint8)
        self._counter: Counter | None = None
        if self.circuit.classes:
            ballot = Ballot(self.circuit, self._placed.rows, n)
            votes = tuning.votes or max(1, CHUNK_BYTES // 2 // (8 * w * ballot.classes))
            self._counter = Counter(ballot, w, votes, xp)

    def _plan(self, rows: int) -> list[tuple]:
        """(operation, inverts b, indices a, indices b, buffers, result rows) for each run."""
        circuit, xp, places = self.circuit, self.xp, self._placed.rows
        operations = {1: xp.bitwise_and, 2: xp.bitwise_and, 6: xp.bitwise_xor, 7: xp.bitwise_or}
        runs = []
        for gates, row in self._placed.pieces:
            gate = int(circuit.gates[gates[0]])
            for first in range(0, len(gates), rows):
                part = gates[first : first + rows]
                a, b = (xp.asarray(places[v[part]]) for v in (circuit.a, circuit.b))
                hot = [buffer[: len(part)] for buffer in self._hot]
                result = self.state[row + first : row + first + len(part)]
                runs.append((operations[gate], gate == AND_NOT, a, b, *hot, result))
        return runs

    def _take(self, state: Array, rows: Array, out: Array) -> None:
        if self.xp is np:  # mode "raise" would go through one more buffer
            state.take(rows, axis=0, out=out, mode="clip")
        else:
            self.xp.take(state, rows, axis=0, out=out)

    def _run(self) -> None:
        """Evaluate the gates on the inputs that are in the state."""
        state, take, invert = self.state, self._take, self.xp.bitwise_not
        for operation, inverts, a, b, hot_a, hot_b, result in self._runs:
            take(state, a, hot_a)
            take(state, b, hot_b)
            if inverts:
                invert(hot_b, out=hot_b)
            operation(hot_a, hot_b, out=result)

    def counts(self, bits: Array) -> Array:
        """Votes (n, classes) int32 of truth values (n, inputs)."""
        if self._counter is None:
            raise ValueError("classes: this circuit does not vote; ask for its outputs")
        counter = self._counter
        return self._blocks(
            bits, self.circuit.classes, self.xp.int32, lambda: counter.count(self.state, self._take)
        )

    def outputs(self, bits: Array) -> Array:
        """The outputs (n, O) as truth values, of truth values (n, inputs)."""
        circuit, xp = self.circuit, self.xp
        places = np.append(self._placed.rows, len(self.state) - 1)  # CONSTANT is the last row
        rows = xp.asarray(places[circuit.outputs])
        flip = xp.asarray(circuit.inverted)

        def read() -> Array:
            return (unpack(self.state[rows], xp).astype(bool) ^ flip[:, None]).T

        return self._blocks(bits, len(circuit.outputs), bool, read)

    def scores(self, bits: Array) -> Array:
        """Votes / tau + beta, (n, classes) float64."""
        return self.counts(bits) / self.circuit.tau + self.circuit.beta

    def classify(self, bits: Array) -> Array:
        """The class of most votes, (n,); the lowest of tied ones."""
        return self.counts(bits).argmax(axis=-1)

    def _blocks(self, bits: Array, width: int, dtype: Any, read: Any) -> Array:
        xp = self.xp
        if xp is np:
            bits = as_bits(bits, self.circuit.inputs)
        bits = xp.ascontiguousarray(bits)
        n, size = bits.shape[0], 64 * self.words
        found = xp.empty((n, width), dtype=dtype)
        for start in range(0, n, size):
            part = bits[start : start + size]
            if len(part) < size:
                padded = xp.zeros((size, bits.shape[1]), dtype=bool)
                padded[: len(part)] = part
                part = padded
            pack(part, self._inputs, xp, self._scratch)
            self._run()
            found[start : start + size] = read()[: n - start]
        return found


def _words(rows: int) -> int:
    """Words per block: 64, 32 or 16, by the size of the state."""
    w = 64
    while w > 16 and rows * w * 8 > STATE_BYTES:
        w //= 2
    return w
