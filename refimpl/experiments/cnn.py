"""A small convolutional network: convolution, pooling, and the network that reads numbers.

Images are (B, H, W, C), channels last; filters (k, k, C, O). A convolution is one matrix product of
all windows with the filters,

    y[b, i, j, o] = bias[o] + sum_{u, v, c} x[b, i + u - k//2, j + v - k//2, c] filters[u, v, c, o]

and so is its derivative by x: the windows of g with the filters turned by 180 degrees. The windows
are k^2 times as large as x, so they are made for some images at a time, and made again for the
derivative by the filters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, custom_vjp, is_traced, pad, relu
from .runs import on_backend

WINDOWS = 1 << 20  # numbers in the windows that are made at a time


def conv2d(x: Array, filters: Array, bias: Array) -> Array:
    """(B, H, W, C), (k, k, C, O), (O,) -> (B, H, W, O), with zeros around x; k is odd.

    >>> conv2d(np.ones((1, 2, 2, 1)), np.ones((3, 3, 1, 1)), np.zeros(1))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    if x.ndim != 4 or filters.ndim != 4 or filters.shape[2] != x.shape[3]:
        raise ValueError(
            f"conv2d: expected (B, H, W, C) and (k, k, C, O), got {tuple(x.shape)} and "
            f"{tuple(filters.shape)}"
        )
    if filters.shape[0] != filters.shape[1] or filters.shape[0] % 2 == 0:
        raise ValueError(f"filters: expected an odd square, got {tuple(filters.shape)}")
    return (_convolved(x, filters) if is_traced(x) else _of_data(x)(filters)) + bias


def max_pool(x: Array, size: int = 2) -> Array:
    """The largest of each square: (B, H, W, C) -> (B, H/size, W/size, C)."""
    B, H, W, C = x.shape
    if H % size or W % size:
        raise ValueError(f"max_pool: expected multiples of {size}, got {H} x {W}")
    squares = array_namespace(x).reshape(x, (B, H // size, size, W // size, size, C))
    return array_namespace(x).max(squares, axis=(2, 4))


@custom_vjp
def _convolved(x: Array, filters: Array) -> Array:
    return _convolution(x, filters)


def _forward(x: Array, filters: Array) -> tuple[Array, Any]:
    return _convolution(x, filters), (x, filters)


def _backward(kept: Any, g: Array) -> tuple[Array, Array]:
    x, filters = kept
    xp = array_namespace(filters)
    turned = xp.permute_dims(xp.flip(filters, axis=(0, 1)), (0, 1, 3, 2))
    return _convolution(g, turned), _by_filters(x, g, filters.shape[0])


_convolved.defvjp(_forward, _backward)


def _of_data(x: Array) -> Any:
    """The convolution of images that need no derivative."""
    convolved = custom_vjp(lambda filters: _convolution(x, filters))
    convolved.defvjp(
        lambda filters: (_convolution(x, filters), filters.shape[0]),
        lambda k, g: (_by_filters(x, g, k),),
    )
    return convolved


def _convolution(x: Array, filters: Array) -> Array:
    xp, (k, _, C, last) = array_namespace(x, filters), filters.shape
    matrix = xp.reshape(filters, (k * k * C, last))
    return xp.concat([_windows(part, k) @ matrix for part in _parts(x, k)], axis=0)


def _by_filters(x: Array, g: Array, k: int) -> Array:
    """sum over images and places of window^T g: (k, k, C, O)."""
    xp, C, last = array_namespace(x, g), x.shape[-1], g.shape[-1]
    total: Any = 0.0
    for part, slope in zip(_parts(x, k), _parts(g, k, like=x), strict=True):
        rows = xp.reshape(_windows(part, k), (-1, k * k * C))
        total = total + xp.matrix_transpose(rows) @ xp.reshape(slope, (-1, last))
    return xp.reshape(total, (k, k, C, last))


def _parts(x: Array, k: int, like: Array = None) -> list[Array]:
    """The batch in parts of about WINDOWS numbers in their windows (those of `like`)."""
    each = int(np.prod((x if like is None else like).shape[1:])) * k * k
    size = max(1, WINDOWS // max(each, 1))
    return [x[start : start + size, ...] for start in range(0, max(x.shape[0], 1), size)]


def _windows(x: Array, k: int) -> Array:
    """(B, H, W, C) -> (B, H, W, k * k * C): the neighbourhood of every place."""
    H, W = x.shape[1:3]
    around = pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    shifted = [around[:, u : u + H, v : v + W, :] for u in range(k) for v in range(k)]
    return array_namespace(x).concat(shifted, axis=-1)


# --- the network --------------------------------------------------------------------------------


def weights(
    rng: np.random.Generator,
    image: tuple[int, int] = (28, 112),
    channels: tuple[int, int] = (32, 64),
    hidden: int = 64,
    outputs: int = 1,
) -> list[tuple[Array, Array]]:
    """Filters 5 x 5 and matrices with their biases, uniform within 1/sqrt(inputs), float32."""
    flat = channels[1] * (image[0] // 4) * (image[1] // 4)
    shapes = ((5, 5, 1, channels[0]), (5, 5, *channels), (flat, hidden), (hidden, outputs))
    found = []
    for shape in shapes:
        bound = 1 / np.sqrt(np.prod(shape[:-1]))
        drawn = [rng.uniform(-bound, bound, s).astype(np.float32) for s in (shape, shape[-1:])]
        found.append((on_backend(drawn[0]), on_backend(drawn[1])))
    return found


def network(w: list[tuple[Array, Array]], x: Array) -> Array:
    """Images (B, H, W, 1) -> (B, outputs): two convolutions with ReLU and pooling, two layers.

    The ReLU comes after the maximum, which is the same and a quarter of the work.
    """
    xp = array_namespace(w[0][0])
    for filters, bias in w[:2]:
        x = relu(max_pool(conv2d(x, filters, bias)))
    x = xp.reshape(x, (x.shape[0], -1))
    return relu(x @ w[2][0] + w[2][1]) @ w[3][0] + w[3][1]
