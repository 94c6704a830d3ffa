"""Invariants that several methods promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .spec import TOLERANCES, Arrays, Invariant, Run

Check = Callable[[Run, Arrays, Mapping[str, Any]], str | None]


def within(output: str, low: float = 0.0, high: float = math.inf) -> Invariant:
    """The output lies between two numbers, up to rounding.

    >>> within("accuracy", 0, 1).clause
    'accuracy is between 0 and 1'
    """
    clause = f"{output} is {_words(low, high)}"
    return Invariant(f"range of {output}", clause, inside(output, low, high, ulps=16))


def inside(output: str, low: float, high: float, *, ulps: int = 0) -> Check:
    """A check that the output lies between two numbers, give or take so many roundings.

    They are of the larger bound, or of 1 if that is smaller. NaN lies nowhere.
    """
    scale = max([1.0, *(abs(bound) for bound in (low, high) if math.isfinite(bound))])

    def check(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
        y = run(inputs, params)[output]
        slack = ulps * np.finfo(y.dtype).eps * scale
        outside = ~((y >= low - slack) & (y <= high + slack))
        if not np.any(outside):
            return None
        return f"{output} is {y[outside].flat[0]:g}, not {_words(low, high)}"

    return check


def close(found: Any, wanted: Any, *, scale: float = 1.0) -> bool:
    """Whether two arrays are as near as values of their dtype have to be, element by element.

    The tolerance is that of the shorter dtype of the two, in `spec.TOLERANCES`. scale: the size of
    the numbers that they were computed from, where that is far from 1; it multiplies `atol`.

    >>> close(1.0, 1 + 1e-7), close(np.float32(1), 1 + 1e-7)
    (False, True)
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return False
    kinds = [a.dtype for a in (found, wanted) if a.dtype.kind == "f"]
    least = min(kinds, key=lambda kind: kind.itemsize, default=np.dtype(np.float64))
    tolerance = TOLERANCES[least.name]
    return np.allclose(found, wanted, rtol=tolerance.rtol, atol=tolerance.atol * scale)


def _words(low: float, high: float) -> str:
    return f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
