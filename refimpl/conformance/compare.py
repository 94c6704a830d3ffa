"""Comparing arrays by the tolerances of the specification."""

from __future__ import annotations

import numpy as np

from refimpl.autograd.compare import Comparison
from refimpl.autograd.compare import compare as _compare
from refimpl.spec import Tolerance

SINGLE = Tolerance(rtol=1e-4, atol=1e-5, gradient_rtol=1e-4)
"""What a result that was computed in float32 somewhere still satisfies."""


def compare_values(got: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> Comparison:
    """Element by element; whole numbers and truth values must be equal."""
    if expected.dtype.kind != "f":
        return _compare(got, expected, rtol=0.0, by="element")
    return _compare(got, expected, rtol=tolerance.rtol, atol=tolerance.atol, by="element")


def compare_derivatives(got: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> Comparison:
    """On the scale of the tensor: its largest magnitude."""
    rtol, atol = tolerance.gradient_rtol, tolerance.gradient_atol
    return _compare(got, expected, rtol=rtol, atol=atol, by="tensor")


def wrong_dtype(got: np.ndarray, expected: np.ndarray) -> str | None:
    """A sentence when the dtype is not the reference's; whole numbers may have any width."""
    same_kind = expected.dtype.kind in "iu" and got.dtype.kind in "iu"
    if got.dtype == expected.dtype or same_kind:
        return None
    return f"dtype {got.dtype}, expected {expected.dtype}"
