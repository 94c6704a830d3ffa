"""From a trained network to a circuit: every gate becomes its most probable one.

Source: Petersen et al. 2022, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import to_numpy
from .builder import Builder
from .layers import gate_numbers
from .netlist import Netlist, netlist
from .network import Network
from .simplify import AND, AND_NOT, OR


def from_layers(
    inputs: int,
    gates: Sequence[np.ndarray],
    wirings: Sequence[np.ndarray],
    *,
    classes: int = 0,
    tau: float = 1.0,
    beta: float = 0.0,
) -> Netlist:
    """A netlist from layers of gate numbers (m,) and wirings (2, m) into the layer before.

    >>> len(from_layers(2, [[6], [12]], [[[0], [1]], [[0], [0]]]))
    2
    """
    found: list[np.ndarray] = []
    start, after = 0, inputs
    for wiring in wirings:
        found.append(np.asarray(wiring).reshape(2, -1) + start)
        start, after = after, after + found[-1].shape[1]
    a, b = np.concatenate(found, axis=1) if found else np.zeros((2, 0), np.int64)
    numbers = np.concatenate([np.asarray(g).ravel() for g in gates]) if gates else a
    outputs = np.arange(start, after)
    return netlist(inputs, numbers, a, b, outputs, classes=classes, tau=tau, beta=beta)


def from_tables(
    inputs: int,
    tables: Sequence[np.ndarray],
    wirings: Sequence[np.ndarray],
    *,
    classes: int = 0,
    tau: float = 1.0,
    beta: float = 0.0,
) -> Netlist:
    """A netlist from layers of lookup tables: (m, 2^n) truth values as `lookup.truth_tables` gives
    them, and wirings (n, m) into the layer before.

    A table of more than two inputs is split by its first one, f = (f0 and not x) or (f1 and x);
    `simplify` removes what that wastes.

    Raises ValueError for shapes that do not fit.

    >>> majority = np.array([[0, 0, 0, 1, 0, 1, 1, 1]], bool)
    >>> len(from_tables(3, [majority], [np.array([[0], [1], [2]])]))
    5
    """
    builder, signals = Builder(inputs), np.arange(inputs)
    for table, wiring in zip(tables, wirings, strict=True):
        table, wiring = np.asarray(table, dtype=np.int64), np.asarray(wiring)
        if wiring.ndim != 2 or table.shape != (wiring.shape[1], 2 ** wiring.shape[0]):
            raise ValueError(
                f"tables, wirings: expected shapes (m, 2^n) and (n, m), got {table.shape} and "
                f"{wiring.shape}"
            )
        if wiring.size and not (wiring.min() >= 0 and wiring.max() < len(signals)):
            raise ValueError(f"wirings: expected numbers below {len(signals)}, the layer's inputs")
        signals = _looked_up(builder, table, list(signals[wiring]))
    gates, a, b = builder.arrays()
    return netlist(inputs, gates, a, b, signals, classes=classes, tau=tau, beta=beta)


def _looked_up(builder: Builder, tables: np.ndarray, inputs: list[np.ndarray]) -> np.ndarray:
    """The signals (m,) of tables (m, 2^n) of inputs, n arrays (m,)."""
    first, *others = inputs
    if not others:
        return builder.add(tables @ [12, 3], first, first)
    if len(others) == 1:
        return builder.add(tables @ [8, 4, 2, 1], first, others[0])
    half = tables.shape[1] // 2
    low, high = (_looked_up(builder, t, others) for t in (tables[:, :half], tables[:, half:]))
    return builder.add(OR, builder.add(AND_NOT, low, first), builder.add(AND, high, first))


def discretise(network: Network, params: Sequence[np.ndarray]) -> Netlist:
    """The circuit of a trained network: argmax of each gate's logits, the lowest of tied ones."""
    return from_layers(
        network.inputs,
        [to_numpy(gate_numbers(weights)) for weights in params],
        [wiring.arrays for wiring in network.wirings],
        classes=network.classes,
        tau=network.tau,
        beta=network.beta,
    )
