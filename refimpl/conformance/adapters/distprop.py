"""PyPI's distprop (0.1.0) as an implementation of stable distribution propagation.

    refimpl check distprop

The library propagates Gaussian noise of one deviation through a whole network. It switches on
`requires_grad` of its caller's tensor (so it gets a copy here), and with a num_outputs that is
smaller than the network's it returns a covariance of the first outputs, silently.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from refimpl.conformance.target import Unsupported, implements


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "distprop") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed: pip install distprop" if absent else None


def _network(activation: str, *weights: Any) -> Callable[[Any], Any]:
    import torch

    first, shift, second, offset = weights
    known = {
        "tanh": torch.tanh,
        "softplus": torch.nn.functional.softplus,
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
    }
    if activation not in known:
        raise Unsupported(f"activation={activation!r}: not among {', '.join(known)}")
    return lambda x: known[activation](x @ first.T + shift) @ second.T + offset


@implements("training.propagate", framework="torch")
def propagate(
    x: Any,
    weight1: Any,
    bias1: Any,
    weight2: Any,
    bias2: Any,
    *,
    std: float,
    activation: str,
) -> tuple[Any, Any]:
    """distprop.SDP around a network with one hidden layer."""
    SDP = importlib.import_module("distprop").SDP
    if not isinstance(std, (int, float)):
        raise Unsupported("a deviation for each input: distprop has one for all")
    net = _network(activation, weight1, bias1, weight2, bias2)
    return SDP(net, std=std, num_outputs=weight2.shape[0])(x.clone())
