"""Circuits: a list of two-input gates, each reading inputs or earlier gates, and votes by class.

Signals are numbered: 0..inputs-1 are the inputs, inputs + g is gate g. A gate reads only smaller
numbers, so one pass in order evaluates the circuit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .storage import read_npz

CONSTANT = -1  # an output that reads nothing: false, or true where inverted


@dataclass(frozen=True)
class Netlist:
    """A circuit.

    inputs    how many inputs there are
    gates     (G,) uint8, numbers 0..15 as in `gates.GATES`
    a, b      (G,) int64, the signals that each gate reads
    outputs   (O,) int64, signals, or CONSTANT
    inverted  (O,) bool: the output is the inverse of its signal
    classes   outputs vote in this many groups of consecutive outputs; 0: no votes
    tau, beta scores are votes / tau + beta
    """

    inputs: int
    gates: np.ndarray
    a: np.ndarray
    b: np.ndarray
    outputs: np.ndarray
    inverted: np.ndarray
    classes: int = 0
    tau: float = 1.0
    beta: float = 0.0

    def __len__(self) -> int:
        """The number of gates."""
        return len(self.gates)


def netlist(
    inputs: int,
    gates: Any,
    a: Any,
    b: Any,
    outputs: Any,
    *,
    inverted: Any = None,
    classes: int = 0,
    tau: float = 1.0,
    beta: float = 0.0,
) -> Netlist:
    """A checked netlist from lists or arrays.

    Raises ValueError that names what is wrong: lengths, gates that do not exist, signals that come
    later, classes that do not divide the outputs.

    >>> len(netlist(2, [6], [0], [1], [2]))
    1
    """
    gates, a, b, outputs = (np.atleast_1d(np.asarray(v)) for v in (gates, a, b, outputs))
    inverted = np.zeros(outputs.shape, bool) if inverted is None else np.asarray(inverted)
    for name, array in (("gates", gates), ("a", a), ("b", b), ("outputs", outputs)):
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise ValueError(f"{name}: expected a list of whole numbers, got {array.dtype}")
    count = len(gates)
    if not (len(a) == len(b) == count):
        raise ValueError(f"a, b: expected one signal per gate, {count}, got {len(a)} and {len(b)}")
    if inverted.shape != outputs.shape or inverted.dtype != bool:
        raise ValueError(f"inverted: expected {len(outputs)} truth values, got {inverted.dtype}")
    if inputs < 0 or (count and not (gates.min() >= 0 and gates.max() < 16)):
        raise ValueError("gates: expected numbers from 0 to 15, and inputs >= 0")
    limits = inputs + np.arange(count)
    for name, reads in (("a", a), ("b", b)):
        wrong = np.flatnonzero((reads < 0) | (reads >= limits))
        if len(wrong):
            g = int(wrong[0])
            raise ValueError(f"{name}: gate {g} reads signal {reads[g]}, not an earlier one")
    if outputs.size and not (outputs.min() >= CONSTANT and outputs.max() < inputs + count):
        raise ValueError(f"outputs: expected signals below {inputs + count}, or {CONSTANT}")
    if classes < 0 or (classes and len(outputs) % classes):
        raise ValueError(f"classes: {classes} classes do not divide {len(outputs)} outputs")
    if not (tau > 0 and np.isfinite(tau) and np.isfinite(beta)):
        raise ValueError(f"tau, beta: expected tau > 0 and finite numbers, got {tau} and {beta}")
    a, b, outputs = (v.astype(np.int64) for v in (a, b, outputs))
    return Netlist(
        int(inputs), gates.astype(np.uint8), a, b, outputs, inverted, int(classes), tau, beta
    )


BITWISE: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: a & ~a,
    lambda a, b: a & b,
    lambda a, b: a & ~b,
    lambda a, b: a,
    lambda a, b: b & ~a,
    lambda a, b: b,
    lambda a, b: a ^ b,
    lambda a, b: a | b,
    lambda a, b: ~(a | b),
    lambda a, b: ~(a ^ b),
    lambda a, b: ~b,
    lambda a, b: a | ~b,
    lambda a, b: ~a,
    lambda a, b: ~a | b,
    lambda a, b: ~(a & b),
    lambda a, b: a | ~a,
)
"""Every gate on truth values, or on whole numbers bit by bit."""


def levels(circuit: Netlist) -> np.ndarray:
    """The depth of every gate, (G,): 1 for gates that read inputs only."""
    found = np.zeros(circuit.inputs + len(circuit), dtype=np.int64)
    gates = found[circuit.inputs :]
    while True:  # as often as the circuit is deep
        deeper = np.maximum(found[circuit.a], found[circuit.b]) + 1
        if np.array_equal(deeper, gates):
            return gates.copy()
        gates[:] = deeper


def by_level(circuit: Netlist) -> list[np.ndarray]:
    """The numbers of the gates of each level, in order."""
    depth = levels(circuit)
    order = np.argsort(depth, kind="stable")
    ends = np.searchsorted(depth[order], np.arange(1, depth.max(initial=0) + 1), side="right")
    return np.split(order, ends[:-1]) if len(order) else []


def signals(circuit: Netlist, words: np.ndarray) -> np.ndarray:
    """All signals, (inputs + G, m), of words (inputs, m): truth values, or any whole numbers, whose
    bits are separate samples.
    """
    words = np.asarray(words)
    if words.ndim != 2 or words.shape[0] != circuit.inputs or words.dtype.kind not in "biu":
        raise ValueError(
            f"words: expected truth values or whole numbers ({circuit.inputs}, m), got "
            f"{words.dtype} {words.shape}"
        )
    state = np.empty((circuit.inputs + len(circuit), words.shape[1]), dtype=words.dtype)
    state[: circuit.inputs] = words
    for members in by_level(circuit):
        for gate in np.unique(circuit.gates[members]):
            chosen = members[circuit.gates[members] == gate]
            inputs = state[circuit.a[chosen]], state[circuit.b[chosen]]
            state[circuit.inputs + chosen] = BITWISE[gate](*inputs)
    return state


def evaluate_words(circuit: Netlist, words: np.ndarray) -> np.ndarray:
    """The outputs, (O, m), of words (inputs, m); see `signals`. The plain definition of what a
    circuit does; `inference` is the fast one.

    >>> xor = netlist(2, [6], [0], [1], [2])
    >>> evaluate_words(xor, np.array([[0b0011], [0b0101]], dtype=np.uint8))
    array([[6]], dtype=uint8)
    """
    state = signals(circuit, words)
    none = np.zeros((1, state.shape[1]), dtype=state.dtype)
    found = np.concatenate([state, none])[circuit.outputs]  # CONSTANT is the last row
    found[circuit.inverted] = ~found[circuit.inverted]
    return found


def evaluate(circuit: Netlist, bits: np.ndarray) -> np.ndarray:
    """The outputs (n, O) of truth values (n, inputs)."""
    return evaluate_words(circuit, as_bits(bits, circuit.inputs).T).T


def as_bits(bits: np.ndarray, inputs: int) -> np.ndarray:
    """Truth values (n, inputs), from themselves or from numbers that are all 0 or 1.

    Raises ValueError for other numbers: encode or round them first.
    """
    bits = np.asarray(bits)
    if bits.ndim != 2 or bits.shape[1] != inputs:
        raise ValueError(f"bits: expected shape (n, {inputs}), got {bits.shape}")
    if bits.dtype == bool:
        return bits
    truth = bits != 0
    if not np.array_equal(truth, bits):
        raise ValueError("bits: expected truth values, or numbers 0 and 1; encode other inputs")
    return truth


def vote(circuit: Netlist, outputs: np.ndarray) -> np.ndarray:
    """Votes (n, classes) int32 of outputs (n, O)."""
    if not circuit.classes:
        raise ValueError("classes: this circuit does not vote; look at its outputs")
    share = outputs.shape[1] // circuit.classes
    grouped = outputs.reshape(len(outputs), circuit.classes, share)
    return grouped.sum(axis=-1, dtype=np.int32)


def truth_table(circuit: Netlist) -> np.ndarray:
    """The outputs (2^inputs, O) for all inputs, row r for the bits of r, input 0 the lowest.

    Raises ValueError above 20 inputs.
    """
    if circuit.inputs > 20:
        raise ValueError(f"inputs: a table of 2^{circuit.inputs} rows; at most 20 inputs")
    rows = np.arange(1 << circuit.inputs)
    return evaluate(circuit, ((rows[:, None] >> np.arange(circuit.inputs)) & 1).astype(bool))


FORMAT = "refimpl netlist 1"


def save(path: str | Path, circuit: Netlist) -> None:
    """Write a netlist to an npz file."""
    held = {k: getattr(circuit, k) for k in ("gates", "a", "b", "outputs", "inverted")}
    numbers = np.array([circuit.tau, circuit.beta])
    sizes = np.array([circuit.inputs, circuit.classes])
    with open(path, "wb") as stream:
        np.savez_compressed(stream, format=FORMAT, sizes=sizes, numbers=numbers, **held)


def load(path: str | Path) -> Netlist:
    """Read a netlist and check it as `netlist` does. ValueError, with the file's name, for damaged
    files and for arrays that do not fit together.
    """
    held = read_npz(path, FORMAT)
    try:
        inputs, classes = (int(n) for n in held["sizes"])
        tau, beta = (float(v) for v in held["numbers"])
        parts = [held[k] for k in ("gates", "a", "b", "outputs")]
        options = {"classes": classes, "tau": tau, "beta": beta}
        return netlist(inputs, *parts, inverted=held["inverted"], **options)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: not a netlist: {error}") from error
