"""GEM around a transformer: the second residual stream, and maps of where a text is in an image.

A block keeps its ordinary stream, original <- original + attention, then + feed-forward. The second
stream collects the self-self attention of the same normalised input and nothing else: no
feed-forward part. Both start as the input of the first wrapped block. In the end the second stream
is projected as the class token would be, and compared with texts.

Source: Bousselham, Petersen, Ferrari, Kuehne 2024, "Grounding Everything: Emerging Localization
Properties in Vision-Language Transformers", CVPR; gem_torch 1.0.1, where `depth` wraps the last
depth - 1 blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant
from ..validation import float_array, positive, whole
from .gem import normalised

Layer = Callable[[Array], Array]
Attention = Callable[[Array], tuple[Array, Array]]


class Streams(NamedTuple):
    """The self-self stream and the ordinary one, both (N, B, C)."""

    gem: Array
    original: Array


class Block(NamedTuple):
    """A transformer block: attention on normalised tokens, then a feed-forward part.

    normalise     the first layer norm, (N, B, C) -> (N, B, C)
    attend        normalised tokens -> (gem, original), as `gem.self_self_attention` returns them
    feed_forward  the second layer norm and what follows, (N, B, C) -> (N, B, C)
    """

    normalise: Layer
    attend: Attention
    feed_forward: Layer


def layer_norm(
    x: Array, weight: Array | float = 1.0, bias: Array | float = 0.0, *, eps: float = 1e-5
) -> Array:
    """(x - mean)/sqrt(var + eps) weight + bias over the last axis, var without correction.

    >>> layer_norm(np.array([1.0, 3.0]), eps=1e-300)
    array([-1.,  1.])
    """
    x = float_array(x, "x", min_ndim=1)
    xp, eps = array_namespace(x), positive(eps, "eps")
    gap = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(gap * gap, axis=-1, keepdims=True)
    return gap / xp.sqrt(variance + eps) * weight + bias


def gem_block(streams: Streams, block: Block) -> Streams:
    """One block: gem <- gem + gem attention of the original stream, original <- as usual."""
    gem, original = block.attend(block.normalise(streams.original))
    moved = streams.original + original
    return Streams(streams.gem + gem, moved + block.feed_forward(moved))


def gem_transformer(x: Array, blocks: Sequence[Block], wrapped: int) -> Streams:
    """All blocks in order, the last `wrapped` of them with the second stream; x (N, B, C).

    With wrapped = 0 both streams are the ordinary output. Raises ValueError if there are fewer
    blocks than that.
    """
    x = float_array(x, "x", min_ndim=3)
    count = whole(wrapped, "wrapped")
    if count > len(blocks):
        raise ValueError(f"wrapped: expected at most {len(blocks)} blocks, got {count}")
    streams = Streams(x, x)
    for k, block in enumerate(blocks):
        if k == len(blocks) - count:
            streams = Streams(streams.original, streams.original)
        streams = gem_block(streams, block)
    return streams if count else Streams(streams.original, streams.original)


def similarity_maps(
    tokens: Array, texts: Array, grid: tuple[int, int], size: tuple[int, int] | None = None
) -> Array:
    """Where each text is in each image: cosines between 0 and 1, (B, T, height, width).

    tokens  (1 + h w, B, C), projected, the class token first (it is left out)
    texts   (T, C)
    grid    h, w; size: height, width, by bilinear interpolation with aligned areas; grid by default

    Each map is scaled to have the minimum 0 and the maximum 1; a constant map becomes 0. Raises
    ValueError if the tokens are not those of the grid.

    >>> tokens = np.array([[[9.0, 9.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    >>> similarity_maps(tokens, np.array([[2.0, 0.0]]), (1, 2))
    array([[[[1., 0.]]]])
    """
    tokens, texts = float_array(tokens, "tokens", min_ndim=3), float_array(texts, "texts", 2)
    (h, w), (N, B, C) = grid, tokens.shape
    if 1 + h * w != N or texts.shape[-1] != C:
        raise ValueError(
            f"tokens, texts: expected ({1 + h * w}, B, C) and (T, C), got {tuple(tokens.shape)} "
            f"and {tuple(texts.shape)}"
        )
    xp = array_namespace(tokens, texts)
    cosines = normalised(tokens[1:, ...]) @ xp.matrix_transpose(normalised(texts))
    maps = xp.reshape(xp.permute_dims(cosines, (1, 2, 0)), (B, texts.shape[0], h, w))
    if size is not None:
        rows, columns = (
            constant(_interpolation(a, b), like=maps) for a, b in zip(size, grid, strict=True)
        )
        maps = rows @ maps @ xp.matrix_transpose(columns)
    low = xp.min(maps, axis=(-2, -1), keepdims=True)
    span = xp.max(maps, axis=(-2, -1), keepdims=True) - low
    return (maps - low) / xp.where(span > 0, span, constant(1.0, like=span))


def _interpolation(outputs: int, inputs: int) -> np.ndarray:
    """Weights (outputs, inputs) of linear interpolation at the centres of equal parts."""
    outputs, inputs = whole(outputs, "size", minimum=1), whole(inputs, "grid", minimum=1)
    at = np.clip((np.arange(outputs) + 0.5) * inputs / outputs - 0.5, 0, inputs - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(inputs)), 0.0)
