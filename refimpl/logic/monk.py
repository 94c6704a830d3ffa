"""MONK's problems, made from their definition: the rules, the grid, and the official splits.

Six attributes with 3, 3, 2, 3, 4 and 2 values make a grid of 432 points, numbered from 1 with the
last attribute fastest. The test set is the whole grid; the training sets are parts of it, that of
MONK-3 with six wrong labels.

Source: Thrun et al. 1991, "The MONK's Problems"; UCI repository (CC BY 4.0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..validation import whole
from .categories import MONK
from .encoders import encode_monk

GRID = np.indices(MONK).reshape(6, -1).T + 1  # (432, 6)
WRONG = {3: (5, 61, 203, 213, 214, 391)}
_TRAIN = {  # one bit per point of the grid, first point in the highest bit
    1: "0c0024300a40698d2110071c22225b1057a30cdb021909123804d5872002808849"
    "04e004c09010901410814100c400a2a10571870055",
    2: "12ea22c00b50405edf220acf5c36190e45209810569221d509880e9798b1c48d6"
    "269a40d0257d49f20715c60ac9cb485ac040080aca1",
    3: "7a91001113cc0838f609b0b0220688e10502c3c01610024005609d104c0208b408"
    "5209a1a801412005801208401440860601b2c01485",
}


class Split(NamedTuple):
    """Bits (n, 17) uint8 and labels (n,) for training and testing."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def rule(attributes: np.ndarray, problem: int) -> np.ndarray:
    """The noise-free labels (n,) of attributes (n, 6).

    1: a1 = a2 or a5 = 1. 2: exactly two of a1..a6 are 1. 3: (a5 = 3 and a4 = 1) or (a5 != 4 and
    a2 != 3).

    >>> [int(rule(GRID, problem).sum()) for problem in (1, 2, 3)]
    [216, 142, 228]
    """
    a1, a2, _, a4, a5, _ = np.asarray(attributes).T
    if whole(problem, "problem", minimum=1) == 1:
        return (a1 == a2) | (a5 == 1)
    if problem == 2:
        return (np.asarray(attributes) == 1).sum(axis=1) == 2
    if problem == 3:
        return ((a5 == 3) & (a4 == 1)) | ((a5 != 4) & (a2 != 3))
    raise ValueError(f"problem: expected 1, 2 or 3, got {problem}")


def training_ids(problem: int) -> np.ndarray:
    """Numbers 1..432 of the official training points.

    >>> [len(training_ids(problem)) for problem in (1, 2, 3)]
    [124, 169, 122]
    """
    mask = np.frombuffer(bytes.fromhex(_TRAIN[problem]), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(mask)) + 1


def monk(problem: int) -> Split:
    """The official split of MONK-1, -2 or -3, without any file."""
    labels = rule(GRID, problem).astype(np.int64)
    noisy = labels.copy()
    for number in WRONG.get(problem, ()):
        noisy[number - 1] ^= 1
    chosen = training_ids(problem) - 1
    bits = encode_monk(GRID)
    return Split(bits[chosen], noisy[chosen], bits, labels)
