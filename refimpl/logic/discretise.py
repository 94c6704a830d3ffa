"""From a trained network to a circuit: every gate becomes its most probable one.

Source: Petersen et al. 2022, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import to_numpy
from .layers import gate_numbers
from .netlist import Netlist, netlist
from .network import Network


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
