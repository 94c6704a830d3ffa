"""Results that were computed elsewhere and stored, at the one point of a case.

The function under test is a `Stored`. At any other point than its own it has no answer, so what
needs one (promises about other inputs, differences of the target) counts as unsupported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.conformance.target import Unsupported

from . import Arrays, Problem

ELSEWHERE = "needs results at other inputs or parameters than those of the case"


@dataclass(frozen=True)
class Stored:
    """The arrays of one case by prefix and name, and the point that they belong to."""

    inputs: Arrays
    params: Mapping[str, Any]
    cotangents: Arrays
    arrays: Mapping[str, Arrays]
    __name__ = ""  # what reports call the function

    def __call__(self, **_: object) -> None:
        """Not available: only results are there."""
        raise Unsupported(ELSEWHERE)


def missing(device: str | None = None) -> str | None:
    """Why stored results cannot be on a device, or None."""
    return f"stored results are not on {device}" if device else None


def values(problem: Problem) -> dict[str, np.ndarray]:
    """The stored outputs."""
    return dict(_at(problem).arrays["out"])


def vjp(problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    """The stored gradients, of the cotangents of the case only."""
    stored = _at(problem)
    if any(not np.array_equal(cotangents[k], w) for k, w in stored.cotangents.items()):
        raise Unsupported("needs results at other cotangents than those of the case")
    return dict(stored.arrays["grad"])


def jvp(problem: Problem, tangents: Arrays) -> dict[str, np.ndarray]:
    """The stored derivatives along the tangents of the case."""
    return dict(_at(problem).arrays["jvp"])


def hvp(problem: Problem, cotangents: Arrays, vector: Arrays) -> dict[str, np.ndarray]:
    """The stored second derivatives along the directions of the case."""
    return dict(_at(problem).arrays["hvp"])


def _at(problem: Problem) -> Stored:
    """What is stored for the problem's point. Unsupported at any other point."""
    stored = problem.implementation.function if problem.implementation else None
    assert isinstance(stored, Stored)
    if problem.inputs is not stored.inputs or problem.params is not stored.params:
        raise Unsupported(ELSEWHERE)
    return stored
