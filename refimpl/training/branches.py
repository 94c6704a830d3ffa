"""Programs with branches, run sample by sample with the derivatives of their conditions.

    def program(x, branch):
        y = x[0] * x[1]
        if branch(x[0] - x[1] - 0.3, "first"):     # true where the condition is negative
            y = y + 2 * x[0]
        return y

Every test has the form c < 0. Each visit of a branch is a branch of its own: a loop that reaches
"first" three times has three of them. Where a branch is not taken, `branch.skip(name)` for the
branches inside it keeps the count of visits the same in all samples.

Source: Kreikemeyer and Andelfinger 2023, "Smoothing Methods for Automatic Differentiation Across
Conditional Branches", IEEE Access 11, for this form of branches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Array, plain, stop_gradient, to_numpy, vjp
from ..validation import float_array

Key = tuple[str, int]  # the name of a branch and the number of the visit
Program = Callable[[Array, "Branch"], Array]


class Branch:
    """Takes decisions: `branch(c, name)` is whether c < 0, and the condition is remembered."""

    def __init__(self) -> None:
        self._visits: Counter[str] = Counter()
        self.conditions: dict[Key, Array] = {}

    def __call__(self, condition: Array, name: str = "") -> bool:
        self.conditions[self._visit(name)] = condition
        return float(to_numpy(plain(stop_gradient(condition)))) < 0

    def skip(self, name: str = "") -> None:
        """Count a visit that this sample does not make."""
        self._visit(name)

    def _visit(self, name: str) -> Key:
        self._visits[name] += 1
        return name, self._visits[name]


@dataclass(frozen=True)
class Condition:
    """The value of a condition and its gradient by the inputs, (n,)."""

    value: float
    tangent: np.ndarray


@dataclass(frozen=True)
class Sample:
    """One run: the output, its gradient along the path taken, and the conditions in order."""

    output: float
    tangent: np.ndarray
    conditions: dict[Key, Condition]


def run(program: Program, x: np.ndarray) -> Sample:
    """Run a program at x (n,), with all derivatives along the path that it takes.

    Raises ValueError if the program does not return a scalar.

    >>> found = run(lambda x, branch: -x[0] if branch(x[0] + 1) else x[0], np.array([-2.0]))
    >>> found.tangent, found.conditions["", 1].value
    (array([-1.]), -1.0)
    """
    keys: list[Key] = []

    def traced(x: Array) -> tuple[Array, list[Array]]:
        branch = Branch()
        output = program(x, branch) + 0.0 * x[0]  # constants depend on x as well
        keys[:] = list(branch.conditions)
        return output, [c + 0.0 * x[0] for c in branch.conditions.values()]

    (output, conditions), pull = vjp(traced, float_array(x, "x", min_ndim=1))
    if np.ndim(output) != 0:
        raise ValueError(f"program: expected a scalar, got shape {np.shape(output)}")
    zeros = [np.zeros_like(c) for c in conditions]
    one = np.ones_like(output)
    tangent = pull((one, zeros))[0]
    found = {}
    for i, key in enumerate(keys):
        unit = [np.ones_like(z) if j == i else z for j, z in enumerate(zeros)]
        found[key] = Condition(float(conditions[i]), pull((np.zeros_like(output), unit))[0])
    return Sample(float(output), np.asarray(tangent), found)


def run_crisp(program: Program, x: np.ndarray) -> float:
    """The output at x (n,), without derivatives.

    >>> run_crisp(lambda x, branch: -x[0] if branch(x[0]) else x[0], np.array([-2.0]))
    2.0
    """
    output = to_numpy(program(float_array(x, "x", min_ndim=1), Branch()))
    if np.ndim(output) != 0:
        raise ValueError(f"program: expected a scalar, got shape {np.shape(output)}")
    return float(output)


def run_all(program: Program, points: np.ndarray) -> list[Sample]:
    """One sample for each row of points (S, n)."""
    return [run(program, point) for point in points]


def decisions(samples: list[Sample]) -> list[dict[Key, Any]]:
    """For each sample, which branches it evaluated and whether they were taken."""
    return [{key: c.value < 0 for key, c in s.conditions.items()} for s in samples]
