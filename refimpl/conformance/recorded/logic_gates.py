"""Recorded numbers of difflogic: gates, wirings."""

from __future__ import annotations

from refimpl.logic.connections import balanced, unique_pairs
from refimpl.logic.gates import gate_mixture, gates

from . import recorded
from .sorting_networks import Inputs, Record


@recorded("difflogic", "difflogic.functional.bin_op")
def _gates(inputs: Inputs, record: Record) -> Inputs:
    return {"y": gates(inputs["a"], inputs["b"])}


@recorded("difflogic", "difflogic.functional.bin_op_s")
def _mixture(inputs: Inputs, record: Record) -> Inputs:
    return {"y": gate_mixture(inputs["a"], inputs["b"], inputs["p"])}


@recorded("difflogic", "difflogic.LogicLayer.get_connections(random)")
def _random(inputs: Inputs, record: Record) -> Inputs:
    a, b = balanced(inputs["perm_2out"], inputs["perm_in"])
    return {"idx_a": a, "idx_b": b}


@recorded("difflogic", "difflogic.functional.get_unique_connections")
def _unique(inputs: Inputs, record: Record) -> Inputs:
    a, b = unique_pairs(record["params"]["in_dim"], record["params"]["out_dim"]).T
    return {"idx_a": a, "idx_b": b}
