"""AIGER 1.9: circuits of two-input ands and inverters, in the binary format.

A literal is 2 variable + inverted, false is 0; inputs are the variables 1..I, and the left side of
an and exceeds both right sides: lhs > rhs0 >= rhs1. The file holds the two differences as numbers
of 7 bits per byte, the lowest first.

Source: Biere, Heljanko, Wieringa, "AIGER 1.9 And Beyond", 2011.
"""

from __future__ import annotations

import numpy as np

from .netlist import CONSTANT, Netlist, netlist
from .simplify import AND, AND_NOT, OR, XOR, simplify


def to_aiger(circuit: Netlist) -> bytes:
    """A binary AIGER file. The circuit is simplified first; xor takes three ands.

    >>> from .netlist import netlist
    >>> to_aiger(netlist(2, [1], [0], [1], [2])).splitlines()[0]
    b'aig 3 2 0 1 1'
    """
    circuit = simplify(circuit)
    n = circuit.inputs
    literals = [2 * (i + 1) for i in range(n)]
    ands: list[tuple[int, int]] = []

    def conjunction(x: int, y: int) -> int:
        ands.append((max(x, y), min(x, y)))
        return 2 * (n + len(ands))

    rows = zip(circuit.gates.tolist(), circuit.a.tolist(), circuit.b.tolist(), strict=True)
    for gate, a, b in rows:
        x, y = literals[a], literals[b]
        if gate == AND:
            found = conjunction(x, y)
        elif gate == AND_NOT:
            found = conjunction(x, y ^ 1)
        elif gate == OR:
            found = conjunction(x ^ 1, y ^ 1) ^ 1
        else:
            assert gate == XOR
            found = conjunction(conjunction(x, y ^ 1) ^ 1, conjunction(x ^ 1, y) ^ 1) ^ 1
        literals.append(found)
    outputs = [
        (0 if signal == CONSTANT else literals[signal]) ^ int(inverted)
        for signal, inverted in zip(circuit.outputs.tolist(), circuit.inverted, strict=True)
    ]
    head = f"aig {n + len(ands)} {n} 0 {len(outputs)} {len(ands)}\n"
    text = head + "".join(f"{literal}\n" for literal in outputs)
    body = bytearray()
    for i, (first, second) in enumerate(ands):
        left = 2 * (n + 1 + i)
        body += _varint(left - first) + _varint(first - second)
    return text.encode("ascii") + bytes(body)


def from_aiger(content: bytes) -> Netlist:
    """The circuit of a binary AIGER file without latches; symbols and comments are passed over.

    Raises ValueError for other files and damaged ones.
    """
    head, _, rest = content.partition(b"\n")
    fields = head.split()
    if len(fields) != 6 or fields[0] != b"aig" or not all(f.isdigit() for f in fields[1:]):
        raise ValueError(f"expected a header 'aig M I L O A', got {head[:60]!r}")
    most, n, latches, outputs, count = map(int, fields[1:])
    if latches or most != n + count:
        raise ValueError(f"expected no latches and M = I + A, got {head.decode()}")
    lines = rest.split(b"\n", outputs)
    if len(lines) != outputs + 1 or not all(line.isdigit() for line in lines[:-1]):
        raise ValueError(f"expected {outputs} lines with output literals")
    pairs = np.array(_deltas(lines[-1], n, count), dtype=np.int64).reshape(-1, 2)
    literals = np.array([int(line) for line in lines[:-1]], dtype=np.int64)
    if literals.size and literals.max() > 2 * most + 1:
        raise ValueError(f"an output literal exceeds {2 * most + 1}")
    # variable 0 is false: gate 0, which is false, takes its place
    signal = np.concatenate([[n], np.arange(n), n + 1 + np.arange(count)])
    gates = np.array([8, 4, 2, 1])[2 * (1 - (pairs[:, 0] & 1)) + (1 - (pairs[:, 1] & 1))]
    if n == 0:  # no input to read: only constants can be said
        if count:
            raise ValueError("ands without inputs")
        return netlist(0, [], [], [], np.full(outputs, CONSTANT), inverted=(literals & 1) > 0)
    a = np.concatenate([[0], signal[pairs[:, 0] >> 1]])
    b = np.concatenate([[0], signal[pairs[:, 1] >> 1]])
    return netlist(
        n, np.concatenate([[0], gates]), a, b, signal[literals >> 1], inverted=(literals & 1) > 0
    )


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _deltas(body: bytes, inputs: int, count: int) -> list[tuple[int, int]]:
    position = 0

    def number() -> int:
        nonlocal position
        value = shift = 0
        while True:
            if position >= len(body):
                raise ValueError("the file ends within the ands")
            byte = body[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number of the ands has more than 63 bits")

    found = []
    for i in range(count):
        left = 2 * (inputs + 1 + i)
        first = left - number()
        second = first - number()
        if not left > first >= second >= 0:
            raise ValueError(f"and {i}: expected lhs > rhs0 >= rhs1, got {left} {first} {second}")
        found.append((first, second))
    return found
