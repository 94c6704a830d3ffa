"""Hints from two arrays and the parameters of a case: what turns one into the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from refimpl.autograd.hints import Hint, hints, same
from refimpl.spec import Case, Tolerance

from .compare import compare_derivatives

ROUNDED = Tolerance(rtol=0.0, atol=0.0, gradient_rtol=1e-6)
"""What float32 in one place of a float64 computation leaves of the precision."""
LOOSEST = 0.02
"""Beyond this, two arrays that differ in sign look like any others."""
CONSTANTS = {
    "pi": math.pi,
    "sqrt(pi)": math.sqrt(math.pi),
    "sqrt(2)": math.sqrt(2.0),
    "sqrt(2 pi)": math.sqrt(2.0 * math.pi),
    "ln 2": math.log(2.0),
}


def pattern_hint(
    got: np.ndarray, right: np.ndarray, tolerance: Tolerance, case: Case, check: str
) -> tuple[str, str]:
    """What the two arrays suggest: its kind, and in words; empty when they suggest nothing.

    `check` is the comparison that failed.
    """
    comparable = got.shape == right.shape and case.dtype == "float64"
    if comparable and _rounded(got, right):
        words = "right to single precision only: perhaps something is computed in float32"
        return "precision", words
    closeness = _closeness(tolerance)
    if comparable and got.ndim > 2 and same(got, np.swapaxes(right, -1, -2), closeness):
        return "transposed", "the last two axes are swapped: it is transposed"
    found = hints(got, right, tolerance=closeness, parameters=numbers_of(case))[:2]
    if not found and check == "values" and got.shape == right.shape:
        return _of_values(got, right, closeness)
    words = "; ".join(_in_words(hint, check) for hint in found)
    return "+".join(hint.kind for hint in found), words


def _rounded(got: np.ndarray, right: np.ndarray) -> bool:
    """Whether the precision is that of float32: on the whole, and where the two differ."""
    differ = (got != right) & (right != 0)
    close = np.abs(got - right)[differ] <= 1e-5 * np.abs(right)[differ]
    if not compare_derivatives(got, right, ROUNDED):
        return False
    return not close.size or bool(np.mean(close) >= 0.5)


def _of_values(got: np.ndarray, right: np.ndarray, closeness: float) -> tuple[str, str]:
    """What only makes sense for results: other normalisations, logarithms, complements."""
    if wrong := _normalised(got, right):
        return "normalised", wrong
    with np.errstate(all="ignore"):
        forms = {
            "it is the logarithm of the reference": np.log(right),
            "it is the exponential of the reference": np.exp(right),
            "it is one minus the reference": 1 - right,
            "it is the reciprocal of the reference": 1 / right,
            "it is the square root of the reference": np.sqrt(right),
            "it is the square of the reference": right * right,
        }
    for words, other in forms.items():
        if right.dtype.kind == "f" and np.all(np.isfinite(other)) and same(got, other, closeness):
            return "function", words
    return "", ""


def _normalised(got: np.ndarray, right: np.ndarray) -> str:
    """Distributions along another axis than the reference's."""
    if got.ndim < 2 or not got.size or right.dtype.kind != "f":
        return ""
    axes = {name: _sums_to_one(array) for name, array in (("got", got), ("right", right))}
    if not axes["got"] or not axes["right"] or axes["got"] == axes["right"]:
        return ""
    one, two = (" and ".join(map(str, axes[name])) for name in ("got", "right"))
    return f"it sums to 1 along axis {one}, the reference along axis {two}: normalised wrongly"


def _sums_to_one(array: np.ndarray) -> list[int]:
    long = [axis for axis in (-1, -2) if array.shape[axis] > 1]
    return [axis for axis in long if np.allclose(array.sum(axis=axis), 1, atol=1e-5)]


def numbers_of(case: Case) -> dict[str, float]:
    """The numbers that a forgotten factor may equal: parameters, sizes of inputs, constants."""
    known: dict[str, float] = {}
    for name, value in case.params.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            known[name] = float(value)
    for name, array in case.inputs.items():
        for axis, length in enumerate(np.shape(array)):
            if length > 1:
                known[f"the length of axis {axis} of {name}"] = float(length)
    return known | CONSTANTS


def _closeness(tolerance: Tolerance) -> float:
    return min(max(10 * tolerance.gradient_rtol, 1e-7), LOOSEST)


def _in_words(hint: Hint, check: str) -> str:
    advice: Mapping[str, Any] = _ADVICE.get(check, {})
    return f"{hint.text}{advice.get(hint.kind, '')}"


_DETACHED = " (look for detach(), stop_gradient, .item(), .numpy() or torch.tensor(...))"
_ADVICE = {
    "vjp": {"zero": _DETACHED, "zero_slices": _DETACHED},
    "jvp": {"zero": " (or the backward pass is code that cannot be differentiated)"},
    "second_order": {
        "zero": ": the gradient is computed by code that is not differentiated itself"
    },
}
