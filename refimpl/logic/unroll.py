"""From a trained LogicTreeNet to a circuit: every placement of every kernel gets its own gates.

Simplification then shares what placements have in common, and drops what reads only padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..autograd import to_numpy
from .builder import Builder
from .convolution import unfold
from .discretise import discretise
from .layers import gate_numbers
from .netlist import CONSTANT, Netlist, netlist
from .tree_net import Stage, TreeNet

FALSE, OR = 0, 7


class _Builder(Builder):
    """Its first gate is the signal `false`."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.false = int(self.add(FALSE, np.array([0]), np.array([0]))[0])


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
    top = builder.add(OR, fields[:, 0, 0], fields[:, 0, 1])
    bottom = builder.add(OR, fields[:, 1, 0], fields[:, 1, 1])
    return builder.add(OR, top, bottom)


def _joined(builder: _Builder, features: np.ndarray, head: Netlist) -> Netlist:
    """The head's circuit, its inputs being these signals."""
    start = builder.inputs + builder.count
    number = np.concatenate([features, np.arange(start, start + len(head)), [CONSTANT]])
    builder.add(head.gates, number[head.a], number[head.b])
    gates, a, b = builder.arrays()
    whole = netlist(builder.inputs, gates, a, b, number[head.outputs], inverted=head.inverted)
    return replace(whole, classes=head.classes, tau=head.tau, beta=head.beta)
