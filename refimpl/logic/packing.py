"""64 samples per machine word, so that one bitwise operation is a gate on 64 samples.

Of the 64 w samples of a block, sample s of a feature is bit s div 8w of byte s mod 8w. Then eight
runs of rows, each contiguous in memory, are joined by shifting, and the order of bytes in a word
does not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Array


def pack(bits: Array, out: Array, xp: Any = np, scratch: Array | None = None) -> None:
    """Truth values (64 w, d), C-contiguous, into words `out` (d, w) uint64.

    scratch: memory of 8 w d bytes, uint8, that is used again.

    A truth value is a byte 0 or 1, of which eight are joined in one byte: nothing leaves its byte,
    and 8 bytes can be doubled as one word.
    """
    n, d = bits.shape
    if scratch is None:
        scratch = xp.empty(n * d // 8, dtype=xp.uint8)
    eighths = bits.reshape(8, -1).view(xp.uint8).view(xp.uint64)
    joined = scratch.view(xp.uint64)
    joined[...] = eighths[7]
    for i in range(6, -1, -1):
        joined += joined
        joined |= eighths[i]
    out.view(xp.uint8)[...] = scratch.reshape(n // 8, d).T


def unpack(words: Array, xp: Any = np) -> Array:
    """Words (..., w) uint64 -> bits (..., 64 w) uint8, in the order of the samples."""
    places = bits_of_bytes(words, xp)
    return xp.swapaxes(places, -1, -2).reshape(*words.shape[:-1], -1)


def bits_of_bytes(words: Array, xp: Any = np) -> Array:
    """Words (..., w) uint64 -> bits (..., 8 w, 8) uint8: of every byte, the lowest bit first."""
    octets = words.view(xp.uint8)
    if xp is np:
        return np.unpackbits(octets, axis=-1, bitorder="little").reshape(*octets.shape, 8)
    return (octets[..., None] >> xp.arange(8, dtype=xp.uint8)) & xp.uint8(1)


def packed_bits(bits: np.ndarray, width: int = 32) -> np.ndarray:
    """Truth values (n, d) -> signed words (d, ceil(n/width)) of 8, 16, 32 or 64 bits, the layout of
    difflogic's PackBitsTensor; missing samples are 0.

    >>> packed_bits(np.array([[True], [False], [True]]), 8)
    array([[5]], dtype=int8)
    """
    if width not in (8, 16, 32, 64):
        raise ValueError(f"width: expected 8, 16, 32 or 64 bits, got {width}")
    n, d = bits.shape
    padded = np.zeros((-(-n // width) * width, d), dtype=np.uint8)
    padded[:n] = bits
    octets = np.packbits(padded.T.copy(), axis=1, bitorder="little")
    return octets.view(f"<i{width // 8}").astype(f"i{width // 8}")
