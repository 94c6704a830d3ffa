"""Recorded numbers of torchlogix: lookup gates, convolutions, pooling, connections, inits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from refimpl.autograd import array_namespace
from refimpl.logic.convolution import logic_convolution, or_pool
from refimpl.logic.group_sum import group_sum
from refimpl.logic.learned_connections import learned_inputs
from refimpl.logic.lookup import (
    initial_weights,
    lookup_layer,
    truth_tables,
    walsh_transform,
)

from . import recorded
from .sorting_networks import Inputs, Record

PARAMETRISATION = {"raw": "raw", "warp": "walsh", "light": "light"}
SAMPLING = {"soft": "soft", "hard": "straight_through"}


def _options(record: Record) -> dict[str, Any]:
    params = record["params"]
    return {
        "parametrisation": PARAMETRISATION[params["parametrization"]],
        "sampling": SAMPLING[params.get("forward_sampling", "soft")],
        "temperature": params.get("temperature", 1.0),
    }


@recorded("torchlogix", "torchlogix.layers.LogicDense.forward (train)")
def _dense(inputs: Inputs, record: Record) -> Inputs:
    y = lookup_layer(inputs["x"], inputs["weight"], inputs["indices"], **_options(record))
    return {"y": y}


@recorded("torchlogix", "torchlogix.layers.LogicDense.forward (eval), get_luts_and_ids")
def _dense_hard(inputs: Inputs, record: Record) -> Inputs:
    options = {**_options(record), "sampling": "hard"}
    y = lookup_layer(inputs["x"], inputs["weight"], inputs["indices"], **options)
    tables = truth_tables(inputs["weight"], options["parametrisation"])
    ids = tables @ (1 << np.arange(tables.shape[-1])[::-1])
    return {"y": y, "luts": tables.astype(np.uint8), "ids": ids}


def _convolution(inputs: Inputs, record: Record, sampling: str) -> Any:
    params = record["params"]
    levels = [inputs[f"weights{i}"] for i in range(params["tree_depth"])]
    for i in range(1, len(levels)):
        index = inputs[f"index{i}"]
        in_order = np.arange(index.size).reshape(index.shape[::-1]).T
        if not np.array_equal(index, in_order):
            raise ValueError(f"level {i} of the trees is not wired pair by pair: {index}")
    return logic_convolution(
        inputs["x"],
        array_namespace(*levels).concat(levels, axis=0),
        inputs["index0"][:, :, 0],  # the receptive field of the first placement
        size=params["receptive_field_size"],
        stride=params["stride"],
        padding=params["padding"],
        **{**_options(record), "sampling": sampling},
    )


@recorded("torchlogix", "torchlogix.layers.LogicConv2d.forward (train)")
def _conv(inputs: Inputs, record: Record) -> Inputs:
    return {"y": _convolution(inputs, record, _options(record)["sampling"])}


@recorded("torchlogix", "torchlogix.layers.LogicConv2d.forward (eval)")
def _conv_hard(inputs: Inputs, record: Record) -> Inputs:
    return {"y": _convolution(inputs, record, "hard")}


@recorded("torchlogix", "torchlogix.layers.OrPooling2d.forward")
def _pool(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    y = or_pool(
        inputs["x"],
        size=params["kernel_size"],
        stride=params["stride"],
        padding=params["padding"],
    )
    return {"y": y}


@recorded("torchlogix", "torchlogix.layers.GroupSum.forward")
def _group_sum(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    y = group_sum(
        inputs["x"], k=params["k"], tau=params["tau"], beta=params["beta"], offset="before"
    )
    return {"y": y}


@recorded("torchlogix", "torchlogix.connections.LearnableDenseConnections (custom backward)")
def _learned(inputs: Inputs, record: Record) -> Inputs:
    temperature = record["params"]["temperature"]
    y = learned_inputs(inputs["x"], inputs["weights"], inputs["indices"], temperature=temperature)
    return {"y": y}


class _Initial(dict):
    """Initial weights by `parametrisation_rRANK_pPROBABILITY_tTEMPERATURE`."""

    def __missing__(self, key: str) -> np.ndarray:
        name, rank, probability, temperature = key.split("_")
        return initial_weights(
            1,
            np.random.default_rng(0),
            parametrisation=PARAMETRISATION[name],
            rank=int(rank[1:]),
            init="residual",
            probability=float(probability[1:]),
            temperature=float(temperature[1:]),
        )[0]


@recorded("torchlogix", "torchlogix.parametrization.*.init_weights(residual)")
def _initial(inputs: Inputs, record: Record) -> Inputs:
    wanted = itertools.product(("raw", "warp"), (1, 2, 4, 6), ("0.951", "0.9"), ("1.0", "2.0"))
    found = _Initial()
    for name, rank, probability, temperature in wanted:
        if name != "raw" or rank == 2:
            key = f"{name}_r{rank}_p{probability}_t{temperature}"
            found[key] = found[key]
    return found


@recorded("torchlogix", "torchlogix.functional.walsh_hadamard_transform / id_to_walsh_coefficients")
def _walsh(inputs: Inputs, record: Record) -> Inputs:
    tables = (np.arange(16)[:, None] >> np.arange(4)[::-1]) & 1
    signs = (1 - 2 * tables).astype(np.float32)
    transforms = {f"wht{k[1:]}": walsh_transform(w) for k, w in inputs.items()}
    return {**transforms, "coeffs_all16": walsh_transform(signs) / 4, "truth_all16": signs}
