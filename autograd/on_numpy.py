"""NumPy, with SciPy's special functions."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from .library import Library, is_basic, mutable_set, scipy_function

SPECIAL = (  # under SciPy's names
    "erf", "erfc", "erfcx", "erfinv", "ndtr", "ndtri", "log_ndtr", "gammaln", "digamma",
    "polygamma",
    "gammainc", "gammaincc",
)  # fmt: skip


def make_library() -> Library:
    """NumPy as the engine sees it."""
    own: dict[str, Any] = {
        "abs": np.abs, "pow": np.power, "getitem": operator.getitem,
        "sigmoid": scipy_function("expit"), "logit": scipy_function("logit"),
        "einsum": _einsum,
        "at_add": scatter_add, "at_set": functools.partial(mutable_set, copy=np.array),
    }  # fmt: skip
    return Library("numpy", np, None, {**{n: scipy_function(n) for n in SPECIAL}, **own})


def scatter_add(x: np.ndarray, index: Any, values: Any) -> np.ndarray:
    """A copy of x with `values` added at `index`; those of repeated places are all added."""
    y = np.array(x)  # a copy
    if is_basic(index):
        y[index] += values
    else:
        np.add.at(y, index, values)
    return y


def _einsum(*operands: np.ndarray, subscripts: str) -> np.ndarray:
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1)  # through BLAS where it can
