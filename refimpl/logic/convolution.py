"""Convolutional logic: kernels that are trees of gates, and pooling by "or".

A kernel of depth d is a complete binary tree: its 2^d leaves read entries (row, column, channel) of
the receptive field, drawn once; its 2^d - 1 gates are shared by all placements. Gate j of a level
reads the outputs 2j and 2j + 1 of the level before.

Unfolded, a convolution is layers of gates: features are the entries of the receptive field, samples
are the placements.

Source: Petersen, Kuehne, Borgelt, Welzel, Ermon, "Convolutional Differentiable Logic Gate
Networks", NeurIPS 2024, equations 2 and 3 (P24); layout of torchlogix 0.2.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, pad, plain, to_numpy
from ..autograd.backend import like_array
from ..promises import close
from ..spec import Case, Invariant, Note, specification
from ..validation import choose, float_array, positive, whole
from .fused import Wiring, fused_layer
from .gates import mixture_polynomial
from .layers import probabilities
from .lookup import SAMPLINGS, entries, lookup


def draw_leaves(
    rng: np.random.Generator,
    *,
    channels: int,
    kernels: int,
    depth: int,
    size: int,
    rank: int = 2,
    group: int | None = None,
    distinct: bool = True,
) -> np.ndarray:
    """Where the leaves of each kernel read: (rank, kernels, leaves/rank, 3) of (row, column,
    channel).

    Entry [i, k, j] is input i of first-level gate j. With `group` g, kernel k reads only channels
    s..s+g-1 with s = k mod (channels - g + 1), each about equally often. With `distinct` no leaf of
    a kernel repeats while there are entries left.

    >>> draw_leaves(np.random.default_rng(0), channels=4, kernels=2, depth=3, size=3).shape
    (2, 2, 4, 3)
    """
    channels, depth = whole(channels, "channels", minimum=1), whole(depth, "depth", minimum=1)
    size, rank = whole(size, "size", minimum=1), whole(rank, "rank", minimum=1)
    n = rank**depth
    g = channels if group is None else min(whole(group, "group", minimum=1), channels)
    found = np.empty((kernels, n, 3), dtype=np.int64)
    for k in range(kernels):
        first = k % (channels - g + 1)
        found[k] = _leaves(rng, n, size, np.arange(first, first + g), group, distinct)
    return np.moveaxis(found.reshape(kernels, n // rank, rank, 3), 2, 0)


def _leaves(
    rng: np.random.Generator, n: int, size: int, channels: np.ndarray, group: Any, distinct: bool
) -> np.ndarray:
    if group is None:
        total = size * size * len(channels)
        picked = _draw(rng, n, total, distinct)
        of_channel, place = channels[picked % len(channels)], picked // len(channels)
    else:  # the leaves split evenly over the channels
        share = -(-n // len(channels))
        place = np.concatenate([_draw(rng, share, size * size, distinct) for _ in channels])
        order = rng.permutation(len(place))[:n]
        of_channel, place = np.repeat(channels, share)[order], place[order]
    return np.stack([place // size, place % size, of_channel], axis=1)


def _draw(rng: np.random.Generator, n: int, total: int, distinct: bool) -> np.ndarray:
    if not distinct:
        return rng.integers(0, total, n)
    rounds = [rng.permutation(total) for _ in range(-(-n // total))]
    return np.concatenate(rounds)[:n]


def unfold(x: Array, size: int, stride: int = 1, padding: int = 0, fill: float = 0.0) -> Array:
    """The receptive fields: (..., C, H, W) -> (C, size, size, ..., out_H, out_W)."""
    xp = array_namespace(x)
    if padding:
        widths = [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2
        x = pad(x, widths, fill)
    rows, columns = (output_size(n, size, stride) for n in x.shape[-2:])
    x = xp.moveaxis(x, -3, 0)
    parts = [
        x[
            ...,
            r : r + stride * (rows - 1) + 1 : stride,
            c : c + stride * (columns - 1) + 1 : stride,
        ]
        for r in range(size)
        for c in range(size)
    ]
    stacked = xp.stack(parts, axis=1)
    return xp.reshape(stacked, (x.shape[0], size, size, *stacked.shape[2:]))


def output_size(n: int, size: int, stride: int = 1, padding: int = 0) -> int:
    """Placements of a window along an axis of n entries; ValueError if it does not fit."""
    if n + 2 * padding < size:
        raise ValueError(f"size: a window of {size} does not fit {n} entries, padding {padding}")
    return (n + 2 * padding - size) // stride + 1


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    grid = (
        ("raw", 2, 1, 1, 0), ("raw", 2, 3, 1, 1), ("raw", 2, 2, 2, 0), ("light", 4, 1, 1, 1),
        ("walsh", 2, 2, 1, 0),
    )  # fmt: skip
    for parametrisation, rank, depth, stride, padding in grid:
        channels, kernels, size = 2, 3, 3
        shape = (rank, kernels, depth, channels, size)
        inputs = _example(rng, shape, entries(parametrisation, rank), (2, channels, 5, 4))
        params = {"size": size, "stride": stride, "padding": padding}
        name = f"{parametrisation}{rank}-depth{depth}-stride{stride}-padding{padding}"
        yield Case(name, inputs, {**params, "parametrisation": parametrisation})
    inputs = _example(rng, (2, 2, 1, 1, 3), 16, (1, 3, 3))
    yield Case(
        "one-placement", inputs, {"size": 3, "stride": 1, "padding": 0}, flags=("unbatched",)
    )


def _example(rng: Any, shape: tuple, columns: int, x: tuple) -> dict[str, np.ndarray]:
    rank, kernels, depth, channels, size = shape
    nodes = sum(rank**level for level in range(depth))
    leaves = draw_leaves(rng, channels=channels, kernels=kernels, depth=depth, size=size, rank=rank)
    weights = rng.normal(size=(nodes, kernels, columns))
    return {"x": rng.uniform(size=x), "weights": weights, "leaves": leaves}


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    """Rows moved by one stride move the result by one row, but for rows that see the padding."""
    y, stride = run(inputs, params)["y"], params["stride"]
    cut = run({**inputs, "x": inputs["x"][..., stride:, :]}, params)["y"]
    border = -(-params["padding"] // stride)
    same = close(cut[..., border:, :], y[..., 1 + border :, :])
    return None if same else "the placements do not share their gates"


def _logits(run: Any, inputs: Any, params: Any) -> str | None:
    moved = run({**inputs, "weights": inputs["weights"] + 3}, params)["y"]
    same = close(moved, run(inputs, params)["y"], scale=10)
    return None if same else "a constant added to the logits matters"


@specification(
    name="logic.logic_convolution",
    source="Petersen et al. 2024, equations 2 and 3",
    inputs=("x", "weights", "leaves"),
    differentiable=("x", "weights"),
    outputs=("y",),
    cases=_cases,
    invariants=(
        Invariant(
            "shared gates", "kernels are placed everywhere", _shift,
            lambda case: case.inputs["x"].shape[-2] > 3 + case.params["stride"],
        ),
        Invariant(
            "softmax", "logits of the parametrisation raw have no origin", _logits,
            lambda case: case.params.get("parametrisation", "raw") == "raw",
        ),
    ),
    notes={
        "unbatched": Note("batch axes", "One image, no batch axis.", "A batch axis is invented.")
    },
)  # fmt: skip
def logic_convolution(
    x: Array,
    weights: Array,
    leaves: Array,
    *,
    size: int,
    stride: int = 1,
    padding: int = 0,
    parametrisation: str = "raw",
    sampling: str = "soft",
    temperature: float = 1.0,
) -> Array:
    """Trees of gates at every placement: (..., C, H, W) -> (..., K, H', W').

    leaves (r, K, L, 3) whole numbers (row, column, channel) in the receptive field, for L
    first-level gates of r inputs; weights (nodes, K, entries), the levels one after the other, the
    root last; padding with zeros; H' = (H + 2 padding - size) // stride + 1. The gates are those of
    `lookup.lookup_layer`, with its parametrisations and samplings.

    Raises ValueError for shapes that do not fit, unknown names, and temperature <= 0.

    >>> leaves = np.array([[[[0, 0, 0]]], [[[0, 1, 0]]]])  # neighbours in a row: one gate, xor
    >>> y = logic_convolution([[[0.0, 1.0, 1.0]] * 2], np.eye(16)[[[6]]] * 99, leaves, size=2)
    >>> y.round(3)
    array([[[1., 0.]]])
    """
    choose(sampling, SAMPLINGS, "sampling")
    temperature = positive(temperature, "temperature")
    x, weights = float_array(x, "x", min_ndim=3), float_array(weights, "weights", min_ndim=3)
    host = to_numpy(leaves)
    size = whole(size, "size", minimum=1)
    rank, kernels, nodes = _check(x, weights, host, size, parametrisation)
    xp = array_namespace(x, weights)
    fields = unfold(x, size, whole(stride, "stride", minimum=1), whole(padding, "padding"))
    shape = tuple(fields.shape[3:])  # (..., H', W')
    values = xp.reshape(fields, (math.prod(fields.shape[:3]), math.prod(shape)))
    row, column, channel = np.moveaxis(host, -1, 0)
    wiring = ((channel * size + row) * size + column).reshape(rank, -1)  # (r, K L)
    options = {"parametrisation": parametrisation, "sampling": sampling, "temperature": temperature}
    for first, count in _levels(nodes, rank):
        level = xp.permute_dims(weights[first : first + count, ...], (1, 0, 2))
        level = xp.reshape(level, (kernels * count, weights.shape[-1]))
        values = _gates(values, level, wiring, options)
        if first + count < nodes:
            wiring = np.arange(kernels * count).reshape(-1, rank).T
    return xp.moveaxis(xp.reshape(values, (kernels, *shape)), 0, -3)


def _gates(values: Array, weights: Array, wiring: np.ndarray, options: dict[str, Any]) -> Array:
    """A layer on (features, samples), of r inputs per gate."""
    plainly = options["sampling"] != "straight_through" and options["temperature"] == 1.0
    if options["parametrisation"] == "raw" and plainly:
        p = probabilities(weights, options["sampling"] == "hard")
        return fused_layer(values, mixture_polynomial(p), Wiring(wiring, values.shape[0]))
    xp = array_namespace(values)
    inputs = [xp.take(values, like_array(side, values), axis=0) for side in wiring]
    return lookup(inputs, weights[:, None, :], **options)


def _levels(nodes: int, rank: int) -> list[tuple[int, int]]:
    """First node and number of nodes of every level of a tree."""
    counts = [1]
    while sum(counts) < nodes:
        counts.insert(0, counts[0] * rank)
    starts = np.cumsum([0, *counts]).tolist()
    return list(zip(starts, counts, strict=False))


def _check(
    x: Array, weights: Array, leaves: np.ndarray, size: int, parametrisation: str
) -> tuple[int, int, int]:
    choose(parametrisation, ("raw", "light", "walsh"), "parametrisation")
    if leaves.ndim != 4 or leaves.shape[-1] != 3 or leaves.dtype.kind not in "iu":
        raise ValueError(
            f"leaves: expected whole numbers (r, K, L, 3), got {leaves.dtype} {leaves.shape}"
        )
    rank, kernels, count = leaves.shape[:3]
    nodes, level = 0, count
    while level >= 1:
        nodes, level = nodes + level, level // rank if rank > 1 else 0
    columns = entries(parametrisation, rank)
    if tuple(weights.shape) != (nodes, kernels, columns):
        raise ValueError(
            f"weights: expected shape {(nodes, kernels, columns)}, got {tuple(weights.shape)}"
        )
    limits = np.array([size, size, x.shape[-3]])
    if leaves.size and not (leaves.min() >= 0 and np.all(leaves < limits)):
        raise ValueError(f"leaves: expected (row, column, channel) below {limits.tolist()}")
    return rank, kernels, nodes


def _pool_cases(rng: np.random.Generator) -> Iterator[Case]:
    for size, padding, shape in ((2, 0, (2, 3, 6, 4)), (2, 1, (2, 5, 5)), (3, 0, (1, 2, 6, 7))):
        name = f"size{size}-padding{padding}"
        yield Case(name, {"x": rng.uniform(size=shape)}, {"size": size, "padding": padding})
    tied = {"x": np.full((1, 2, 2), 0.5)}
    yield Case("tied", tied, {"size": 2, "padding": 0}, kind="kink", flags=("ties",))


def _increasing(run: Any, inputs: Any, params: Any) -> str | None:
    """Whatever is taken for a value outside of the image must stay below all others."""
    wanted = run(inputs, params)["y"] ** 3 - 2
    found = run({"x": inputs["x"] ** 3 - 2}, params)["y"]
    return None if close(found, wanted) else "of x^3 - 2 it is not y^3 - 2"


def _covered(run: Any, inputs: Any, params: Any) -> str | None:
    y, x = run(inputs, params)["y"], inputs["x"]
    size, stride = params["size"], params.get("stride") or params["size"]
    rows, columns = ((n - 1) * stride + size - params["padding"] for n in y.shape[-2:])
    if stride > size or 0 in y.shape:
        return None
    highest = np.max(x[..., :rows, :columns], axis=(-2, -1))
    same = close(np.max(y, axis=(-2, -1)), highest)
    return None if same else "the largest result is not the largest value in the windows"


@specification(
    name="logic.or_pool",
    source="Petersen et al. 2024, section 3",
    inputs=("x",),
    outputs=("y",),
    cases=_pool_cases,
    invariants=(
        Invariant("order", "an increasing map of x, x^3 - 2, maps y alike", _increasing),
        Invariant("largest", "the largest value in the windows is the largest result", _covered),
    ),
    kinks="ties within a window: the first in row-major order takes the gradient",
)
def or_pool(x: Array, *, size: int = 2, stride: int | None = None, padding: int = 0) -> Array:
    """The "or" of every window as the largest value: (..., H, W) -> (..., H', W').

        y[i, j] = max_{u, v < size} x[i stride + u - padding, j stride + v - padding]

    stride is size by default. The gradient goes to the largest entry, the first of tied ones in
    row-major order. Padding never wins, and is at most half of the size.

    Raises ValueError for windows that do not fit, and more padding.

    >>> or_pool([[[0.0, 1.0], [0.5, 0.0]]])
    array([[[1.]]])
    """
    x, size = float_array(x, "x", min_ndim=3), whole(size, "size", minimum=1)
    stride = size if stride is None else whole(stride, "stride", minimum=1)
    if whole(padding, "padding") > size // 2:
        raise ValueError(f"padding: expected at most half of the size, {size // 2}, got {padding}")
    xp = array_namespace(x)
    fields = unfold(x, size, stride, padding, -math.inf)
    flat = xp.reshape(fields, (fields.shape[0], size * size, *fields.shape[3:]))
    best = array_namespace(plain(flat)).argmax(plain(flat), axis=1)
    chosen = xp.take_along_axis(flat, best[:, None, ...], axis=1)[:, 0, ...]
    return xp.moveaxis(chosen, 0, -3)
