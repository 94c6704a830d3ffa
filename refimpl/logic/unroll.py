"""From a trained LogicTreeNet to a circuit: every placement of every kernel gets its own gates.

Simplification then shares what placements have in common, and drops what reads only padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..autograd import to_numpy
from .convolution import unfold
from .discretise import discretise
from .layers import gate_numbers
from .netlist import CONSTANT, Netlist, netlist
from .tree_net import Stage, TreeNet

FALSE, OR = 0, 7


class _Builder:
    """Gates in order, added by layers; signal `false` is the first gate."""

    def __init__(self, inputs: int) -> None:
        self.inputs, self.count = inputs, 0
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.false = int(self.add(np.array([FALSE]), np.array([0]), np.array([0]))[0])

    def add(self, gates: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The signals of new gates, in the shape of a."""
        start = self.inputs + self.count
        whole = np.broadcast_to(gates, a.shape).ravel()
        self.parts.append((whole, a.ravel(), b.ravel()))
        self.count += a.size
        return np.arange(start, start + a.size).reshape(a.shape)

    def arrays(self) -> list[np.ndarray]:
        return [np.concatenate(group) for group in zip(*self.parts, strict=True)]


def unroll(net: TreeNet, params: dict[str, Sequence[np.ndarray]]) -> Netlist:
    """The circuit of a network whose gates are their most probable ones.

    Inputs are the bits (C, H, W) of an image, flattened. Outputs vote for classes.
    """
    c = net.config
    shape = (c.channels, c.height, c.width)
    builder = _Builder(int(np.prod(shape)))
    signals = np.arange(builder.inputs).reshape(shape)
    for stage, leaves, weights in zip(c.stages, net.leaves, params["trees"], strict=True):
        gates = to_numpy(gate_numbers(weights))  # (nodes, kernels)
        signals = _pool(builder, _trees(builder, signals, stage, leaves, gates), stage)
    head = discretise(net.head, params["dense"])
    return _joined(builder, signals.ravel(), head)


def _fields(signals: np.ndarray, size: int, padding: int, stride: int, fill: int) -> np.ndarray:
    """Receptive fields of signals, padded with the signal `fill`: (C, size, size, H', W')."""
    widths = [(0, 0), (padding, padding), (padding, padding)]
    return unfold(np.pad(signals, widths, constant_values=fill), size, stride)


def _trees(
    builder: _Builder, signals: np.ndarray, stage: Stage, leaves: np.ndarray, gates: np.ndarray
) -> np.ndarray:
    fields = _fields(signals, stage.size, stage.padding, 1, builder.false)
    row, column, channel = np.moveaxis(leaves, -1, 0)  # each (2, kernels, first-level gates)
    values = fields[channel, row, column]  # (2, kernels, gates, H', W')
    first = 0
    while True:
        count = values.shape[2]
        chosen = gates[first : first + count].T[:, :, None, None]
        outputs = builder.add(chosen, values[0], values[1])
        if count == 1:
            return outputs[:, 0]
        values = np.stack([outputs[:, 0::2], outputs[:, 1::2]])
        first += count


def _pool(builder: _Builder, signals: np.ndarray, stage: Stage) -> np.ndarray:
    fields = _fields(signals, 2, stage.pool_padding, 2, builder.false)
    top = builder.add(np.array(OR), fields[:, 0, 0], fields[:, 0, 1])
    bottom = builder.add(np.array(OR), fields[:, 1, 0], fields[:, 1, 1])
    return builder.add(np.array(OR), top, bottom)


def _joined(builder: _Builder, features: np.ndarray, head: Netlist) -> Netlist:
    """The head's circuit, its inputs being these signals."""
    start = builder.inputs + builder.count
    number = np.concatenate([features, np.arange(start, start + len(head)), [CONSTANT]])
    builder.add(head.gates, number[head.a], number[head.b])
    gates, a, b = builder.arrays()
    whole = netlist(builder.inputs, gates, a, b, number[head.outputs], inverted=head.inverted)
    return replace(whole, classes=head.classes, tau=head.tau, beta=head.beta)
