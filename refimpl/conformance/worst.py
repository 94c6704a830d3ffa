"""The elements of a tensor that are furthest over their limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from refimpl.autograd.compare import distance, ulp

from .failure import Failure


class Element(NamedTuple):
    """One element that differs: where, both numbers, and how far apart they are."""

    position: tuple[int, ...]
    actual: float
    expected: float
    absolute: float
    ulp: float


def worst_elements(failure: Failure, count: int = 5) -> Iterator[Element]:
    """At most `count` elements, the worst first. None where the shapes differ."""
    got, right = np.asarray(failure.got, float), np.asarray(failure.right, float)
    if got.shape != right.shape:
        return
    off = distance(got, right)
    coarser = min(failure.got.dtype, failure.right.dtype, key=lambda d: d.itemsize).name
    for flat in np.argsort(-off, axis=None, kind="stable")[:count].tolist():
        index = tuple(int(i) for i in np.unravel_index(flat, off.shape))
        absolute = float(off[index])
        if absolute == 0:
            return
        units = absolute / float(ulp(right[index], coarser))
        yield Element(index, float(got[index]), float(right[index]), absolute, units)
