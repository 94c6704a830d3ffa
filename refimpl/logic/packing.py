"""64 samples per machine word: sample s of a feature is bit s mod 64 of its word s div 64.

Bits are counted from the least significant one. The order of the bytes in memory is that of the
samples, so that views between bytes and words cost nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..autograd import Array

LITTLE = sys.byteorder == "little"


def pack(bits: Array, out: Array, xp: Any = np, scratch: Array | None = None) -> None:
    """Truth values (64 w, d), C-contiguous, into words `out` (d, w) uint64.

    scratch: memory of 8 w d bytes, uint8, that is used again.

    Eight rows are joined by shifting each by its place: a truth value is a byte 0 or 1, so that
    nothing leaves its byte and 8 bytes can be shifted as one word.
    """
    n, d = bits.shape
    rows = bits.view(xp.uint8)
    lanes = rows.view(xp.uint64) if d % 8 == 0 and LITTLE else rows
    groups = lanes.reshape(n // 8, 8, -1)
    if scratch is None:
        scratch = xp.empty(n * d // 8, dtype=xp.uint8)
    joined = scratch.view(lanes.dtype).reshape(n // 8, -1)
    joined[...] = groups[:, 7]
    for i in range(6, -1, -1):
        joined <<= 1
        joined |= groups[:, i]
    octets = joined.view(xp.uint8)  # (n/8, d): bit i of a byte is row i of its eight
    words = out.view(xp.uint8)
    words[...] = octets.T if LITTLE else octets.reshape(-1, 8, d)[:, ::-1].reshape(-1, d).T


def unpack(words: Array, xp: Any = np) -> Array:
    """Words (..., w) uint64 -> bits (..., 64 w) uint8."""
    octets = words.view(xp.uint8)
    if not LITTLE:
        octets = octets.reshape(*words.shape, 8)[..., ::-1].reshape(octets.shape)
    if xp is np:
        return np.unpackbits(octets, axis=-1, bitorder="little")
    places = xp.arange(8, dtype=xp.uint8)
    bits = (octets[..., None] >> places) & xp.uint8(1)
    return bits.reshape(*octets.shape[:-1], -1)


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
