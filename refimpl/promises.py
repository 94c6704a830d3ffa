"""Invariants that several methods promise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .spec import Arrays, Invariant, Run


def within(output: str, low: float = 0.0, high: float = math.inf) -> Invariant:
    """The output lies between two numbers, up to rounding.

    >>> within("accuracy", 0, 1).clause
    'accuracy is between 0 and 1'
    """
    bounds = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"

    def check(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
        y = run(inputs, params)[output]
        slack = 16 * np.finfo(y.dtype).eps * max(1.0, float(np.max(np.abs(y), initial=0.0)))
        outside = (y < low - slack) | (y > high + slack)
        return f"{output} is {y[outside].flat[0]:g}, not {bounds}" if np.any(outside) else None

    return Invariant(f"range of {output}", f"{output} is {bounds}", check)
