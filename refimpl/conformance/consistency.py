"""What an implementation must agree with itself about, at a few cases of a method.

    deterministic   a second call gives the same values and gradients, to the last bit
    linear          the gradient is linear in the cotangent: pull(a + 2 b) = pull(a) + 2 pull(b)
    batch           the first sample of a batch, alone, gives the first results and gradients

The last two are asked only where the reference has the property: a gradient may be replaced by
something that is not linear, and a loss is a mean over its batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from refimpl.autograd.compare import compare
from refimpl.spec import Case, Entry, Tolerance

from .cases import applicable, problem_of
from .frameworks import Problem, framework, on_engine
from .guard import Guard, not_run
from .outcome import LEVEL_KEYS, Outcome
from .points import Expected, expect
from .target import Implementation

Arrays = Mapping[str, np.ndarray]
CASES = 2  # of each method


def suitable(cases: Iterable[Case]) -> list[Case]:
    """The cases to try: smooth ones in float64, and rather those with a batch."""
    smooth = [c for c in cases if c.dtype == "float64" and c.kind != "kink"]
    return sorted(smooth, key=lambda case: (_batch(case) < 2, case.kind != "smooth"))[:CASES]


def check_consistency(
    claim: Implementation,
    entry: Entry,
    case: Case,
    *,
    seed: int = 0,
    guard: Guard | None = None,
    reported: bool = False,
) -> Iterator[Outcome]:
    """One outcome for each property that the reference has at the case.

    Gradients are part of it where there are any: that they are missing or fail is said elsewhere.
    Nothing is run where the call itself fails, if that is `reported` already.
    """
    guard = guard or Guard()
    expected, tolerance = expect(entry, case, seed), entry.tolerance(case)
    target = _Side(framework(claim.framework), problem_of(claim, entry, case), expected, tolerance)
    _, broken = guard.attempt(lambda: target.values)
    if "vjp" in applicable(entry, case, expected) and "vjp" in claim.checks:
        target.differentiates = guard.attempt(lambda: target.gradients)[1] is None
    differentiates = target.differentiates
    reference = _Side(on_engine, expected.problem, expected, tolerance, differentiates)
    for name, check in _CHECKS.items():
        outcome = Outcome(entry.name, case.name, name, LEVEL_KEYS["consistency"], "pass", name)
        outcome.function, outcome.flags = claim.label, case.flags
        if name != "deterministic" and not _holds(check, reference):
            continue
        ask = functools.partial(check, target)
        wrong, fault = (None, broken) if broken else guard.attempt(ask)
        if wrong:
            outcome.status, outcome.message = "fail", wrong
        elif fault:
            outcome.status, outcome.message = not_run(fault) if broken and reported else fault
        yield outcome


@dataclass
class _Side:
    """The target, or the reference, at the case; what it gives there is computed only once."""

    module: ModuleType
    problem: Problem
    expected: Expected
    tolerance: Tolerance
    differentiates: bool = False

    @functools.cached_property
    def values(self) -> Arrays:
        """The outputs by name."""
        return self.module.values(self.problem)

    @functools.cached_property
    def gradients(self) -> Arrays:
        """The gradients for the cotangents of the case, by input."""
        return self.pull(self.expected.cotangents)

    def pull(self, cotangents: Arrays) -> Arrays:
        """The gradients for other cotangents."""
        return self.module.vjp(self.problem, cotangents)

    def at(self, inputs: Arrays) -> _Side:
        """The same function at other inputs."""
        return _Side(self.module, self.problem.at(inputs), self.expected, self.tolerance)


def _holds(check: Callable[[_Side], str], reference: _Side) -> bool:
    """Whether the reference has the property; not where it refuses the first sample alone."""
    try:
        return not check(reference)
    except Exception:
        return False


def _deterministic(side: _Side) -> str:
    again = side.module.values(side.problem)
    for name, array in side.values.items():
        if not np.array_equal(array, again[name], equal_nan=True):
            return f"output {name} differs between two calls with the same inputs"
    if not side.differentiates:
        return ""
    pulled = side.pull(side.expected.cotangents)
    for name, array in side.gradients.items():
        if not np.array_equal(array, pulled[name], equal_nan=True):
            return f"the gradient with respect to {name} differs between two backward passes"
    return ""


def _linear(side: _Side) -> str:
    if not side.differentiates:
        return "nothing is differentiated"
    a = side.expected.cotangents
    b = {name: np.flip(weight) ** 3 for name, weight in a.items()}
    both = {name: a[name] + 2 * b[name] for name in a}
    zero = {name: np.zeros_like(weight) for name, weight in a.items()}
    others = [side.pull(weights) for weights in (b, both, zero)]
    for name, one in side.gradients.items():
        two, sum_, none = (gradients[name] for gradients in others)
        right = one + 2 * two
        rtol, atol = 10 * side.tolerance.gradient_rtol, side.tolerance.gradient_atol
        if not compare(sum_, right, rtol=rtol, atol=atol):
            return (
                f"the gradient with respect to {name} is not linear in the cotangent: the backward "
                "pass changes, clips or normalises what it is given"
            )
        if np.any(none):
            return f"the gradient with respect to {name} is not zero for a cotangent of zeros"
    return ""


def _consistent(side: _Side) -> str:
    size = _batch_of(side.problem.inputs)
    if size < 2:
        return "there is no batch"
    first = side.at({name: np.asarray(a)[:1] for name, a in side.problem.inputs.items()})
    for name, array in side.values.items():
        alone = first.values[name]
        if array.shape[:1] != (size,) or alone.shape != (1, *array.shape[1:]):
            return f"output {name} has no batch axis"
        rtol, atol = side.tolerance.rtol, side.tolerance.atol
        if not compare(alone, array[:1], rtol=rtol, atol=atol, by="element"):
            return f"output {name} of the first sample depends on the others in its batch"
    return _gradients_consistent(side, first) if side.differentiates else ""


def _gradients_consistent(side: _Side, first: _Side) -> str:
    """The cotangents of all but the first sample are zero, and so must be their gradients."""
    weights = {name: np.array(weight) for name, weight in side.expected.cotangents.items()}
    for weight in weights.values():
        weight[1:] = 0.0
    single = first.pull({name: weight[:1] for name, weight in weights.items()})
    for name, gradient in side.pull(weights).items():
        right = np.zeros_like(gradient)
        right[:1] = single[name]
        rtol, atol = side.tolerance.gradient_rtol, side.tolerance.gradient_atol
        if not compare(gradient, right, rtol=rtol, atol=atol):
            return f"the gradient with respect to {name} mixes the samples of a batch"
    return ""


_CHECKS: dict[str, Callable[[_Side], str]] = {
    "deterministic": _deterministic,
    "linear": _linear,
    "batch": _consistent,
}


def _batch(case: Case) -> int:
    return _batch_of(case.inputs)


def _batch_of(inputs: Arrays) -> int:
    """The length of the axis that all inputs begin with, 0 where there is none."""
    sizes = {np.shape(array)[0] if np.ndim(array) > 1 else 0 for array in inputs.values()}
    return sizes.pop() if len(sizes) == 1 else 0
