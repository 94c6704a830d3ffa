"""Fewer gates for the same outputs: constants, wires, inverters, duplicates and dead gates go.

One sweep from the inputs suffices, because every signal is kept as a *literal*: a node and whether
it is inverted. Inversions move into the gates that read them, wires vanish, and what is left is
normalised to one of four gates that are false for false inputs: and, and-not, xor, or. Equal gates
with equal inputs become one, in all levels. A second sweep, from the outputs, drops what nobody
reads.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .gates import negated_first, negated_second
from .netlist import CONSTANT, Netlist, by_level

AND, AND_NOT, XOR, OR = 1, 2, 6, 7


def simplify(circuit: Netlist) -> Netlist:
    """A netlist with the same outputs, of the gates 1, 2, 6 and 7 only, in order of level.

    Outputs may be inverted, inputs, or constant.

    >>> from .netlist import netlist
    >>> len(simplify(netlist(2, [14, 12, 3], [0, 2, 3], [1, 2, 0], [4])))  # not not (a and b)
    1
    """
    nodes = _Nodes(circuit.inputs)
    literal = np.empty(circuit.inputs + len(circuit), dtype=np.int64)
    literal[: circuit.inputs] = 2 * (1 + np.arange(circuit.inputs))
    for members in by_level(circuit):
        a, b = literal[circuit.a[members]], literal[circuit.b[members]]
        literal[circuit.inputs + members] = nodes.add(circuit.gates[members].astype(np.int64), a, b)
    outputs = np.append(literal, 0)[circuit.outputs] ^ circuit.inverted  # CONSTANT is the last one
    gates, a, b = nodes.arrays()
    simplified = replace(
        circuit, gates=gates.astype(np.uint8), a=a, b=b, outputs=(outputs >> 1) - 1,
        inverted=(outputs & 1).astype(bool),
    )  # fmt: skip
    return without_dead_gates(simplified)


class _Nodes:
    """Nodes by number: 0 is false, then the inputs, then gates; each gate once.

    Keys (gate, a, b) are packed into one number and kept sorted, to find known gates.
    """

    def __init__(self, inputs: int) -> None:
        self.count = 1 + inputs
        self.keys = np.empty(0, dtype=np.int64)
        self.numbers = np.empty(0, dtype=np.int64)
        self.found: list[np.ndarray] = []

    def add(self, gate: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The literals of gates that read the literals a and b."""
        gate = np.where(a & 1, negated_first(gate), gate)
        gate = np.where(b & 1, negated_second(gate), gate)
        a, b = a >> 1, b >> 1
        gate = _with_known_inputs(gate, a, b)
        result = np.where(gate == 15, 1, 0)
        result = np.where((gate == 3) | (gate == 12), 2 * a + (gate == 12), result)
        result = np.where((gate == 5) | (gate == 10), 2 * b + (gate == 10), result)
        binary = ~np.isin(gate, (0, 3, 5, 10, 12, 15))
        result[binary] = self._binary(gate[binary], a[binary], b[binary])
        return result

    def _binary(self, gate: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        inverted = gate >= 8
        gate = np.where(inverted, 15 - gate, gate)
        exchange = (gate == 4) | ((gate != AND_NOT) & (a > b))  # 4: b and not a
        a, b = np.where(exchange, b, a), np.where(exchange, a, b)
        gate = np.where(gate == 4, AND_NOT, gate)
        keys = (gate << 60) | (a << 30) | b
        fresh = np.setdiff1d(keys, self.keys)
        numbers = self.count + np.arange(len(fresh))
        self.count += len(fresh)
        self.found.append(fresh)
        self.keys = np.concatenate([self.keys, fresh])
        self.numbers = np.concatenate([self.numbers, numbers])
        order = np.argsort(self.keys, kind="stable")
        self.keys, self.numbers = self.keys[order], self.numbers[order]
        return 2 * self.numbers[np.searchsorted(self.keys, keys)] + inverted

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gates and the signals that they read."""
        keys = np.concatenate([np.empty(0, np.int64), *self.found])
        mask = (1 << 30) - 1
        return keys >> 60, ((keys >> 30) & mask) - 1, (keys & mask) - 1


def _with_known_inputs(gate: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Gates whose inputs are constant (node 0) or the same, as gates of one input or none."""
    f00, f01, f10, f11 = ((gate >> bit) & 1 for bit in (3, 2, 1, 0))
    of_b = f00 * 10 + f01 * 5  # a is false
    of_a = f00 * 12 + f10 * 3  # b is false
    of_both = f00 * 12 + f11 * 3
    found = np.where(a == b, of_both, gate)
    found = np.where(b == 0, of_a, found)
    found = np.where(a == 0, of_b, found)
    return np.where((a == 0) & (b == 0), f00 * 15, found)


def without_dead_gates(circuit: Netlist) -> Netlist:
    """The netlist without the gates that no output depends on; the others keep their order."""
    n = circuit.inputs
    live = np.zeros(n + len(circuit), dtype=bool)
    live[circuit.outputs[circuit.outputs != CONSTANT]] = True
    for members in reversed(by_level(circuit)):
        needed = members[live[n + members]]
        live[circuit.a[needed]] = True
        live[circuit.b[needed]] = True
    kept = np.flatnonzero(live[n:])
    number = np.full(n + len(circuit) + 1, CONSTANT)  # the last entry stands for CONSTANT
    number[:n] = np.arange(n)
    number[n + kept] = n + np.arange(len(kept))
    return replace(
        circuit, gates=circuit.gates[kept], a=number[circuit.a[kept]],
        b=number[circuit.b[kept]], outputs=number[circuit.outputs],
    )  # fmt: skip
