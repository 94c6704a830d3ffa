"""The two ways to put a smooth algorithm into a network, as small complete examples.

Forward AlgoNet: the algorithm is a layer between others. `forward_network` maps inputs to scores,
sorts the scores smoothly, and reads the sorted values with another linear layer: an invariant
feature that a network would have to learn.

Backward AlgoNet: the algorithm solves the forward problem, behind a trainable inverse.
`backward_loss` has a reconstructor that predicts triangles from an image, and the smooth renderer
that turns them into an image again, to be compared with the first: no triangle is ever given.

Source: Petersen, Borgelt, Deussen, "AlgoNet", 2019: the two kinds of AlgoNets. The architectures
here are examples, not those of the paper.
"""

from __future__ import annotations

from typing import Any

from ...autograd import Array, Generator, array_namespace
from ..programs.silhouette import silhouette
from .smooth import smooth_sort

Parameters = dict[str, Array]


def forward_parameters(rng: Generator, inputs: int, scores: int, outputs: int) -> Parameters:
    """Weights of `forward_network`."""
    return {
        "score": rng.normal((inputs, scores), std=inputs**-0.5),
        "read": rng.normal((scores, outputs), std=scores**-0.5),
        "bias": rng.normal((outputs,), std=0.1),
    }


def forward_network(parameters: Parameters, x: Array, *, beta: float = 10.0) -> Array:
    """linear -> smooth sort -> linear: (B, inputs) -> (B, outputs).

    >>> from refimpl.autograd import Generator
    >>> rng = Generator(0)
    >>> parameters = forward_parameters(rng, inputs=3, scores=4, outputs=2)
    >>> forward_network(parameters, rng.normal((5, 3))).shape
    (5, 2)
    """
    return smooth_sort(x @ parameters["score"], beta=beta) @ parameters["read"] + parameters["bias"]


def backward_parameters(rng: Generator, pixels: int, hidden: int) -> Parameters:
    """Weights of the reconstructor in `backward_loss`."""
    return {
        "hidden": rng.normal((pixels, hidden), std=pixels**-0.5),
        "out": rng.normal((hidden, 3), std=0.1 * hidden**-0.5),
    }


def reconstruct(parameters: Parameters, images: Array) -> Array:
    """One triangle per image, from its three numbers (centre, size): (B, H, W) -> (B, 1, 3, 2)."""
    xp = array_namespace(images, parameters["hidden"])
    flat = xp.reshape(images, (images.shape[0], -1))
    found = xp.tanh(flat @ parameters["hidden"]) @ parameters["out"]
    x, y, r = 0.5 + found[:, 0], 0.5 + found[:, 1], 0.25 * xp.exp(found[:, 2])
    corners = [(x - r, y - r), (x + r, y - r), (x, y + r)]
    return xp.stack([xp.stack(corner, axis=-1) for corner in corners], axis=-2)[:, None, :, :]


def render(triangles: Array, size: int, beta: float) -> Array:
    """The silhouettes of triangles, (B, T, 3, 2) -> (B, size, size)."""
    return silhouette(triangles, height=size, width=size, beta=beta)


def backward_loss(parameters: Parameters, images: Array, *, beta: float = 30.0) -> Any:
    """Mean squared difference of images and the rendered reconstruction of them."""
    again = render(reconstruct(parameters, images), images.shape[-1], beta)
    xp = array_namespace(again)
    return xp.mean((again - images) ** 2)
