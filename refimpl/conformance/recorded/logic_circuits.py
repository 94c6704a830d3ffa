"""Recorded numbers of difflogic's compiled networks: votes, and words of packed samples."""

from __future__ import annotations

import numpy as np

from refimpl.logic.discretise import from_layers
from refimpl.logic.inference import Engine
from refimpl.logic.netlist import Netlist, evaluate_words
from refimpl.logic.packing import packed_bits

from . import recorded
from .sorting_networks import Inputs, Record


def _circuit(inputs: Inputs, record: Record) -> Netlist:
    dims = record["params"]["dims"]
    layers = range(len(dims) - 1)
    return from_layers(
        dims[0],
        [inputs[f"gate{i}"] for i in layers],
        [np.stack([inputs[f"idx_a{i}"], inputs[f"idx_b{i}"]]) for i in layers],
        classes=record["params"].get("k", 0),
    )


@recorded("difflogic", "difflogic.CompiledLogicNet.__call__")
def _counts(inputs: Inputs, record: Record) -> Inputs:
    return {"counts": Engine(_circuit(inputs, record)).counts(inputs["x"])}


@recorded("difflogic", "logic_gate_net in the C code of difflogic.CompiledLogicNet.get_c_code")
def _words(inputs: Inputs, record: Record) -> Inputs:
    words = packed_bits(inputs["x"], record["params"]["num_bits"])
    if not np.array_equal(words[:, 0], inputs["words"]):
        raise ValueError("the packed samples are not the recorded words")
    return {"words": evaluate_words(_circuit(inputs, record), words)[:, 0]}
