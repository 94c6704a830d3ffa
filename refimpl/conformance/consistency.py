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
from types import ModuleType
from typing import Any

import numpy as np

from refimpl.autograd.compare import compare
from refimpl.spec import Case, Entry, Tolerance

from .cases import applicable, problem_of
from .faults import attempt
from .frameworks import Problem, framework, on_engine
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
    claim: Implementation, entry: Entry, case: Case, *, seed: int = 0, path: str | None = None
) -> Iterator[Outcome]:
    """One outcome for each property that the reference has at the case.

    Gradients are part of it where there are any: that they are missing or fail is said elsewhere.
    """
    expected = expect(entry, case, seed)
    module, target = framework(claim.framework), problem_of(claim, entry, case)
    _, broken = attempt(lambda: module.values(target), path)
    differentiates = "vjp" in applicable(entry, case, expected) and "vjp" in claim.checks
    if differentiates:
        differentiates = attempt(lambda: module.vjp(target, expected.cotangents))[1] is None
    tolerance = entry.tolerance(case)
    for name, check in _CHECKS.items():
        outcome = Outcome(entry.name, case.name, name, LEVEL_KEYS["consistency"], "pass", name)
        outcome.function, outcome.flags = claim.label, case.flags
        if name != "deterministic" and not _holds(check, expected, differentiates, tolerance):
            continue
        ask = functools.partial(check, module, target, expected, differentiates, tolerance)
        wrong, fault = (None, broken) if broken else attempt(ask, path)
        if wrong:
            outcome.status, outcome.message = "fail", wrong
        elif fault:
            reported = fault is broken and fault.status == "fail"
            outcome.status, outcome.message = ("not run", "the call fails") if reported else fault
        yield outcome


def _holds(
    check: Callable[..., str], expected: Expected, differentiates: bool, tolerance: Tolerance
) -> bool:
    """Whether the reference has the property; not where it refuses the first sample alone."""
    try:
        return not check(on_engine, expected.problem, expected, differentiates, tolerance)
    except Exception:
        return False


def _deterministic(
    module: ModuleType, problem: Problem, expected: Expected, differentiates: bool, _: Tolerance
) -> str:
    first, second = module.values(problem), module.values(problem)
    for name, array in first.items():
        if not np.array_equal(array, second[name], equal_nan=True):
            return f"output {name} differs between two calls with the same inputs"
    if not differentiates:
        return ""
    one, two = (_pull(module, problem, expected.cotangents) for _ in range(2))
    for name, array in one.items():
        if not np.array_equal(array, two[name], equal_nan=True):
            return f"the gradient with respect to {name} differs between two backward passes"
    return ""


def _linear(
    module: ModuleType,
    problem: Problem,
    expected: Expected,
    differentiates: bool,
    tolerance: Tolerance,
) -> str:
    if not differentiates:
        return "" if module is not on_engine else "nothing is differentiated"
    a = expected.cotangents
    b = {name: np.flip(weight) ** 3 for name, weight in a.items()}
    both = {name: a[name] + 2 * b[name] for name in a}
    zero = {name: np.zeros_like(weight) for name, weight in a.items()}
    pulled = [_pull(module, problem, weights) for weights in (a, b, both, zero)]
    for name in pulled[0]:
        one, two, sum_, none = (gradients[name] for gradients in pulled)
        right = one + 2 * two
        rtol, atol = 10 * tolerance.gradient_rtol, tolerance.gradient_atol
        if not compare(sum_, right, rtol=rtol, atol=atol):
            return (
                f"the gradient with respect to {name} is not linear in the cotangent: the backward "
                "pass changes, clips or normalises what it is given"
            )
        if np.any(none):
            return f"the gradient with respect to {name} is not zero for a cotangent of zeros"
    return ""


def _consistent(
    module: ModuleType,
    problem: Problem,
    expected: Expected,
    differentiates: bool,
    tolerance: Tolerance,
) -> str:
    size = _batch_of(problem.inputs)
    if size < 2:
        return "there is no batch"
    part = {name: np.asarray(array)[:1] for name, array in problem.inputs.items()}
    whole, alone = module.values(problem), module.values(problem.at(part))
    for name, array in whole.items():
        if array.shape[:1] != (size,) or alone[name].shape != (1, *array.shape[1:]):
            return f"output {name} has no batch axis"
        rtol, atol = tolerance.rtol, tolerance.atol
        if not compare(alone[name], array[:1], rtol=rtol, atol=atol, by="element"):
            return f"output {name} of the first sample depends on the others in its batch"
    if not differentiates:
        return ""
    weights = {name: np.array(weight) for name, weight in expected.cotangents.items()}
    for weight in weights.values():
        weight[1:] = 0.0
    pulled = _pull(module, problem, weights)
    single = _pull(module, problem.at(part), {k: w[:1] for k, w in weights.items()})
    for name, gradient in pulled.items():
        right = np.zeros_like(gradient)
        right[:1] = single[name]
        rtol, atol = tolerance.gradient_rtol, tolerance.gradient_atol
        if not compare(gradient, right, rtol=rtol, atol=atol):
            return f"the gradient with respect to {name} mixes the samples of a batch"
    return ""


_CHECKS: dict[str, Callable[..., str]] = {
    "deterministic": _deterministic,
    "linear": _linear,
    "batch": _consistent,
}


def _pull(module: Any, problem: Problem, cotangents: Arrays) -> dict[str, np.ndarray]:
    return module.vjp(problem, cotangents)


def _batch(case: Case) -> int:
    return _batch_of(case.inputs)


def _batch_of(inputs: Arrays) -> int:
    """The length of the axis that all inputs begin with, 0 where there is none."""
    sizes = {np.shape(array)[0] if np.ndim(array) > 1 else 0 for array in inputs.values()}
    return sizes.pop() if len(sizes) == 1 else 0
