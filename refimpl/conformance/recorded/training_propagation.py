"""Recorded numbers of stable distribution propagation and of self-self attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import array_namespace
from refimpl.training import distribution_propagation as dp
from refimpl.training import propagated_outputs as outputs
from refimpl.training.gem import self_self_attention

from . import recorded
from .sorting_networks import Inputs, Record


def _activation(params: Record) -> Callable[[Any], Any]:
    slope = params.get("leaky_slope")
    return {
        "relu": ag.relu,
        "sigmoid": ag.sigmoid,
        "tanh": lambda x: array_namespace(x).tanh(x),
        "softplus": ag.softplus,
        "gelu": lambda x: x * ag.ndtr(x),
        "leaky_relu": lambda x: array_namespace(x).where(x > 0, x, slope * x),
        "elu": _elu,
        "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
        "silu": lambda x: x * ag.sigmoid(x),
        "mish": lambda x: x * array_namespace(x).tanh(ag.softplus(x)),
        "identity": lambda x: x,
    }[params["activation"]]


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _elu(x: Any, alpha: float = 1.0) -> Any:
    xp = array_namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.where(x > 0, 0.0 * x, x)))


def _layers(inputs: Inputs) -> list[tuple[Any, Any]]:
    count = sum(name[0] == "w" for name in inputs)
    return [(inputs[f"w{i}"], inputs.get(f"b{i}")) for i in range(count)]


def _network(inputs: Inputs, params: Record) -> Callable[[Any], Any]:
    layers, phi = _layers(inputs), _activation(params)

    def network(x: Any) -> Any:
        for i, (weight, bias) in enumerate(layers):
            x = phi(x) if i else x
            x = x @ array_namespace(x, weight).matrix_transpose(weight)
            x = x if bias is None else x + bias
        return x

    return network


def _convolutional(inputs: Inputs) -> Callable[[Any], Any]:
    """A convolution with kernel (o, c, h, w), padded by half the kernel; ReLU; a linear layer."""
    kernel, bias = inputs["conv_w"], inputs["conv_b"]

    def network(x: Any) -> Any:
        xp = array_namespace(x, kernel)
        height, width = kernel.shape[2:]
        rows, columns = x.shape[2:]
        edges = [(0, 0), (0, 0), (height // 2,) * 2, (width // 2,) * 2]
        padded = ag.pad(x, edges)
        y = sum(
            ag.einsum(
                "bchw,oc->bohw", padded[:, :, i : i + rows, j : j + columns], kernel[:, :, i, j]
            )
            for i in range(height)
            for j in range(width)
        )
        hidden = ag.relu(y + bias[:, None, None])
        flat = xp.reshape(hidden, (x.shape[0], math.prod(hidden.shape[1:])))
        return flat @ xp.matrix_transpose(inputs["w"]) + inputs["b"]

    return network


@recorded("sdp", "distprop.SDP")
def _sdp(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    network = _convolutional(inputs) if "conv_w" in inputs else _network(inputs, params)
    mean, covariance = dp.propagate(network, inputs["x"], params["std"])
    return {"mean": mean, "cov": covariance}


@recorded("sdp", "cauchy_sdp")
def _cauchy(inputs: Inputs, record: Record) -> Inputs:
    network = _network(inputs, record["params"])
    location, scale, J = dp.propagate_cauchy(network, inputs["x"], inputs["gamma"])
    pairs = outputs.pairwise_probability_cauchy(location, J, inputs["gamma"])
    return {"loc": location, "scale": scale, "jacobian": J, "pairwise": pairs}


@recorded("sdp", "gaussian_affine_full")
def _affine(inputs: Inputs, record: Record) -> Inputs:
    mean, covariance = dp.affine_full(inputs["mu"], inputs["cov"], inputs["a"], inputs["b"])
    return {"mu": mean, "cov": covariance}


@recorded("sdp", "marginal_sdp")
def _marginal(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    mu, scale = inputs["mu"], inputs["scale"]
    for i, (weight, bias) in enumerate(_layers(inputs)):
        if i:
            mu, scale = dp.activation(mu, scale, _activation(params))
        mu, scale = dp.affine(mu, scale, weight, bias, law=params["dist"])
    return {"mu": mu, "scale": scale}


@recorded("sdp", "gaussian_pairwise_probability")
def _pairs(inputs: Inputs, record: Record) -> Inputs:
    return {"p": outputs.pairwise_probability(inputs["mu"], inputs["cov"])}


@recorded("sdp", "relu_moment_matching")
def _moments(inputs: Inputs, record: Record) -> Inputs:
    mean, variance = outputs.relu_moments(inputs["mu"], inputs["sigma"])
    distance = outputs.relu_total_variation(inputs["mu"], inputs["sigma"])
    return {"mean": mean, "var": variance, "tv_sdp": distance}


@recorded("gem")
def _gem(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    gem, original = self_self_attention(
        inputs["x"],
        inputs["wqkv"],
        inputs["bqkv"],
        inputs["wproj"],
        inputs["bproj"],
        heads=params["heads"],
        iterations=params["ss_attn_iter"],
        inverse_temperature=params["ss_attn_temp"],
    )
    return {"gem": gem, "ori": original}
