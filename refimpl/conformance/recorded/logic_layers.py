"""Recorded numbers of difflogic: layers, group sums, small networks and their training."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.logic.fused import Wiring
from refimpl.logic.group_sum import group_sum
from refimpl.logic.layers import gate_numbers, logic_layer
from refimpl.logic.network import Network, activations, apply, cross_entropy
from refimpl.training.optimizers import adam

from . import recorded
from .sorting_networks import Inputs, Record


def _wiring(inputs: Inputs, suffix: Any = "") -> np.ndarray:
    return np.stack([inputs[f"idx_a{suffix}"], inputs[f"idx_b{suffix}"]])


def _layer(inputs: Inputs, record: Record, hard: bool) -> Any:
    factor = record["params"].get("grad_factor", 1.0)
    weights = inputs["weights"]
    return logic_layer(inputs["x"], weights, _wiring(inputs), hard=hard, grad_factor=factor)


@recorded("difflogic", "difflogic.LogicLayer.forward (train)")
def _train(inputs: Inputs, record: Record) -> Inputs:
    return {"y": _layer(inputs, record, hard=False)}


@recorded("difflogic", "difflogic.LogicLayer.forward (eval)")
def _evaluate(inputs: Inputs, record: Record) -> Inputs:
    return {"y": _layer(inputs, record, hard=True), "gate_id": gate_numbers(inputs["weights"])}


@recorded("difflogic", "difflogic.GroupSum.forward")
def _group_sum(inputs: Inputs, record: Record) -> Inputs:
    return {"y": group_sum(inputs["x"], k=record["params"]["k"], tau=record["params"]["tau"])}


def _network(inputs: Inputs, record: Record) -> tuple[Network, list[Any]]:
    params = record["params"]
    dims = params["dims"]
    wirings = [Wiring(_wiring(inputs, i), n) for i, n in enumerate(dims[:-1])]
    factor = params.get("grad_factor", 1.0)
    network = Network(dims[0], tuple(wirings), params["k"], params["tau"], grad_factor=factor)
    return network, [inputs[f"weights{i}"] for i in range(len(wirings))]


@recorded("difflogic", "difflogic layers + GroupSum (train)")
def _stack(inputs: Inputs, record: Record) -> Inputs:
    return {"z": apply(*_network(inputs, record), inputs["x"])}


@recorded("difflogic", "torch.nn.CrossEntropyLoss on difflogic net (train)")
def _loss(inputs: Inputs, record: Record) -> Inputs:
    return {"loss": cross_entropy(apply(*_network(inputs, record), inputs["x"]), inputs["y"])}


@recorded("difflogic", "difflogic layers + GroupSum (eval)")
def _stack_hard(inputs: Inputs, record: Record) -> Inputs:
    network, weights = _network(inputs, record)
    layers = activations(network, weights, inputs["x"], hard=True)
    z = group_sum(layers[-1], k=network.classes, tau=network.tau)
    return {"z": z, **{f"act{i}": y for i, y in enumerate(layers)}}


@recorded("difflogic", "20 steps torch.optim.Adam(lr=0.01, betas 0.9/0.999, eps 1e-8) full batch")
def _adam(inputs: Inputs, record: Record) -> Inputs:
    network, weights = _network(inputs, record)
    optimizer = adam(0.01)
    loss = value_and_grad(lambda w: cross_entropy(apply(network, w, inputs["x"]), inputs["y"]))
    state, losses = optimizer.init(weights), []
    for _ in range(20):
        value, grads = loss(weights)
        losses.append(value)
        weights, state = optimizer.update(grads, state, weights)
    xp = array_namespace(weights[0])
    return {"losses": xp.stack(losses), **{f"weights{i}": w for i, w in enumerate(weights)}}
