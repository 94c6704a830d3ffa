"""The operations of the engine as small functions f(xp, ag, *arrays, **options): one table, for the
tests of derivatives, dtypes, frameworks and array libraries.

The same source runs on plain arrays of any library, on traced ones, and under the libraries' own
differentiation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refimpl import autograd as ag

from . import elementwise, indexing, linalg, reductions, shapes
from .draw import Case, inputs
from .entry import Operation

TABLE: tuple[Operation, ...] = tuple(
    entry
    for family in (elementwise, reductions, shapes, indexing, linalg)
    for entry in family.ENTRIES
)
CASES: tuple[tuple[Operation, Case], ...] = tuple((op, c) for op in TABLE for c in op.cases)


def names(pairs: Sequence[tuple[Operation, Case]]) -> list[str]:
    """Test names."""
    return [f"{op.name}-{case}" for op, case in pairs]


def bound(op: Operation, case: Case, arrays: Sequence[Any]) -> tuple[Callable[..., Any], list]:
    """The operation as a function of its floating-point arrays alone, and those arrays."""
    moving = [i for i, x in enumerate(arrays) if _is_floating(x)]

    def function(*floats: Any) -> Any:
        full = list(arrays)
        for i, x in zip(moving, floats, strict=True):
            full[i] = x
        return op.f(ag.array_namespace(*floats), ag, *full, **case.options)

    function.__name__ = op.name.split()[0]
    return function, [arrays[i] for i in moving]


def _is_floating(x: Any) -> bool:
    return "float" in str(x.dtype)


def outputs(y: Any) -> list[Any]:
    """The arrays of a result."""
    return list(y) if isinstance(y, (tuple, list)) else [y]


def cotangents(ys: Sequence[Any], seed: int) -> list[np.ndarray]:
    """Random host arrays of the shapes and dtypes of the outputs; None for whole numbers."""
    rng = np.random.default_rng([seed, 1])
    return [
        np.asarray(rng.uniform(-1.0, 1.0, tuple(y.shape)), dtype=str(y.dtype).split(".")[-1])
        if _is_floating(y)
        else None
        for y in ys
    ]


__all__ = [
    "CASES",
    "TABLE",
    "Case",
    "Operation",
    "bound",
    "cotangents",
    "inputs",
    "names",
    "outputs",
]
