"""PyPI's torchsort (0.1) as an implementation of fast soft sort and rank.

    refimpl check torchsort

The library is ascending only, on matrices only. It has no wheels: building it needs a C++ compiler
and torch (`pip install --no-build-isolation torchsort`), and fails where an nvcc is on PATH but
torch is built without CUDA; leave nvcc's folder out of PATH then. Only values and gradients are
compared, see below.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from refimpl.conformance.target import Unsupported, implements

# Its backward pass calls compiled code that torch cannot differentiate, and takes its result for a
# constant: second derivatives are wrong without an error, and torch's jvp, which uses them, too.
_CHECKS = ("values", "vjp")
_FAILURES = {
    "spread-kl-*:vjp": "torchsort's gradient for kl is exp without subtracting the largest: NaN"
}


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "torchsort") if importlib.util.find_spec(name) is None]
    how = "pip install torch, then pip install --no-build-isolation torchsort"
    return f"{' and '.join(absent)} not installed: {how}" if absent else None


def _on_rows(operator: str, x: Any, strength: float, regularization: str, descending: bool) -> Any:
    if descending:
        raise Unsupported("descending=True: torchsort sorts and ranks in ascending order")
    if strength == 0:
        raise Unsupported("strength=0: torchsort divides by it")
    rows = x.reshape(-1, x.shape[-1])
    function = getattr(importlib.import_module("torchsort"), operator)
    result = function(rows, regularization=regularization, regularization_strength=strength)
    return result.reshape(x.shape)


@implements(
    "sorting.fast_soft_rank", framework="torch", checks=_CHECKS, expected_failures=_FAILURES
)
def soft_rank(
    x: Any, *, strength: float = 1.0, regularization: str = "l2", descending: bool = False
) -> Any:
    """torchsort.soft_rank on the rows of `x`, which are flattened to a matrix and back."""
    return _on_rows("soft_rank", x, strength, regularization, descending)


@implements(
    "sorting.fast_soft_sort", framework="torch", checks=_CHECKS, expected_failures=_FAILURES
)
def soft_sort(
    x: Any, *, strength: float = 1.0, regularization: str = "l2", descending: bool = False
) -> Any:
    """torchsort.soft_sort on the rows of `x`, which are flattened to a matrix and back."""
    return _on_rows("soft_sort", x, strength, regularization, descending)
