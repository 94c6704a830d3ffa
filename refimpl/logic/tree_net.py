"""LogicTreeNet: convolutions of gate trees, "or" pooling, then dense layers of gates.

    config = CIFAR10["S"]
    net = build(config, seed=0)
    scores = apply(net, initial_params(net, seed=0), x)    # (..., C, H, W) -> (..., 10)

Source: Petersen et al. 2024, section 4 and appendix A (CIFAR-10); where the paper is silent
(thresholds, the MNIST variant's sizes and tau) the values are those of torchlogix 0.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..autograd import Array, array_namespace
from ..validation import float_array
from . import network as dense
from .convolution import draw_leaves, logic_convolution, or_pool, output_size
from .lookup import initial_weights


class Stage(NamedTuple):
    """A convolution by trees, then pooling 2 x 2."""

    kernels: int
    size: int = 3
    depth: int = 3
    padding: int = 1
    pool_padding: int = 0


class Config(NamedTuple):
    """Input channels (bits), height and width; stages; dense widths; group sum."""

    channels: int
    height: int
    width: int
    stages: tuple[Stage, ...]
    dense: tuple[int, ...]
    tau: float
    classes: int = 10
    group: int | None = 2  # channels that a tree reads


def _cifar10(k: int, thresholds: int, tau: float, dense: int = 1) -> Config:
    stages = tuple(Stage(k * m) for m in (1, 4, 16, 32))
    widths = tuple(k * m * dense for m in (1280, 640, 320))
    return Config(3 * thresholds, 32, 32, stages, widths, tau)


def _mnist(k: int, tau: float) -> Config:
    stages = (Stage(k, 5, 3, 0), Stage(3 * k, 3, 3, 0, 1), Stage(9 * k, 3, 3, 0, 1))
    return Config(1, 28, 28, stages, (1280 * k, 640 * k, 320 * k), tau)


CIFAR10 = {
    "S": _cifar10(32, 3, 20.0),
    "M": _cifar10(256, 3, 40.0),
    "B": _cifar10(512, 5, 280.0, dense=2),
    "L": _cifar10(1024, 5, 350.0, dense=2),
    "G": _cifar10(2048, 5, 450.0),
}
MNIST = {"S": _mnist(16, 6.5), "M": _mnist(64, 28.0), "L": _mnist(1024, 35.0)}


class TreeNet(NamedTuple):
    """A configuration, the leaves of every stage, and the dense network after them."""

    config: Config
    leaves: tuple[np.ndarray, ...]
    head: dense.Network

    @property
    def features(self) -> int:
        """Inputs of the dense layers."""
        return self.head.inputs


def sizes(config: Config) -> list[tuple[int, int]]:
    """Height and width after each stage.

    >>> sizes(CIFAR10["S"])
    [(16, 16), (8, 8), (4, 4), (2, 2)]
    """
    h, w = config.height, config.width
    found = []
    for s in config.stages:
        h, w = (
            output_size(output_size(n, s.size, 1, s.padding), 2, 2, s.pool_padding) for n in (h, w)
        )
        found.append((h, w))
    return found


def gate_counts(config: Config) -> dict[str, int]:
    """Gates of one image before simplification: of trees, of pooling, of dense layers.

    >>> sum(gate_counts(CIFAR10["S"]).values()) - gate_counts(CIFAR10["S"])["pooling"]
    874496
    """
    h, w = config.height, config.width
    trees = pooling = 0
    for s, (h2, w2) in zip(config.stages, sizes(config), strict=True):
        h, w = (output_size(n, s.size, 1, s.padding) for n in (h, w))
        trees += s.kernels * (2**s.depth - 1) * h * w
        pooling += 3 * s.kernels * h2 * w2
        h, w = h2, w2
    return {"trees": trees, "pooling": pooling, "dense": sum(config.dense)}


def build(config: Config, seed: int = 0, *, grad_factor: float = 1.0) -> TreeNet:
    """Draw the leaves and the wiring of a configuration.

    With `config.group`, each tree reads that many neighbouring channels. Pass a smaller
    configuration for experiments: `config._replace(stages=..., dense=...)`.
    """
    rng = np.random.default_rng(seed)
    channels, leaves = config.channels, []
    for s in config.stages:
        leaves.append(
            draw_leaves(
                rng, channels=channels, kernels=s.kernels, depth=s.depth, size=s.size,
                group=config.group,
            )
        )  # fmt: skip
        channels = s.kernels
    h, w = sizes(config)[-1] if config.stages else (config.height, config.width)
    head = dense.build(
        channels * h * w, config.dense, classes=config.classes, tau=config.tau,
        grad_factor=grad_factor, seed=seed,
    )  # fmt: skip
    return TreeNet(config, tuple(leaves), head)


def initial_params(
    net: TreeNet, seed: int = 0, *, init: str = "residual"
) -> dict[str, list[np.ndarray]]:
    """{"trees": [(nodes, kernels, 16), ...], "dense": [(m, 16), ...]} in float32."""
    rng = np.random.default_rng([seed, 1])
    trees = []
    for s in net.config.stages:
        nodes = 2**s.depth - 1
        flat = initial_weights(nodes * s.kernels, rng, init=init)
        trees.append(flat.reshape(nodes, s.kernels, 16))
    return {"trees": trees, "dense": dense.initial_params(net.head, seed, init=init)}


def apply(
    net: TreeNet, params: dict[str, Sequence[Array]], x: Array, *, hard: bool = False
) -> Array:
    """Scores (..., classes) of images (..., C, H, W) with entries in [0, 1].

    With `hard` every gate is its most probable one; pooling is the largest value in both cases.
    """
    c = net.config
    x = float_array(x, "x", min_ndim=3)
    if tuple(x.shape[-3:]) != (c.channels, c.height, c.width):
        raise ValueError(
            f"x: expected shape (..., {c.channels}, {c.height}, {c.width}), got {tuple(x.shape)}"
        )
    for s, weights, leaves in zip(c.stages, params["trees"], net.leaves, strict=True):
        x = logic_convolution(
            x, weights, leaves, size=s.size, padding=s.padding,
            sampling="hard" if hard else "soft",
        )  # fmt: skip
        x = or_pool(x, size=2, padding=s.pool_padding)
    xp = array_namespace(x)
    flat = xp.reshape(x, (*x.shape[:-3], net.features))
    return dense.apply(net.head, params["dense"], flat, hard=hard)
