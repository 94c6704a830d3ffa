"""Accepting any derivative that a kink admits."""

from __future__ import annotations

import numpy as np

from refimpl.autograd.kinks import classify
from refimpl.spec import Tolerance

from .frameworks import on_engine
from .lines import line
from .points import Expected

LIMIT = 64  # elements that are tried; more than that is a mistake, not a convention


def admissible(
    expected: Expected, name: str, got: np.ndarray, right: np.ndarray, tolerance: Tolerance
) -> str | None:
    """A note when every element of `got` that differs lies between the one-sided derivatives.

    None when one of them does not: then the difference is a mistake.
    """
    scale = float(np.max(np.abs(right), initial=0.0))
    slack = tolerance.gradient_atol + tolerance.gradient_rtol * scale
    with np.errstate(invalid="ignore"):
        differing = np.argwhere(~(np.abs(got - right) <= slack))
    if len(differing) > LIMIT:
        return None
    for position in map(tuple, differing.tolist()):
        along = line(on_engine, expected.problem, expected, "vjp", name, position)
        verdict = classify(along, 0.0)
        if verdict.kind == "singular" or not verdict.admits(float(got[position]), slack):
            return None
    return (
        f"another choice at a kink: {len(differing)} elements lie between the one-sided derivatives"
    )
