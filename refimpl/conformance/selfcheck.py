"""The specification checked against itself: differences, identities, invariants, other precision.

For every case of every entry
    values         have the dtype of the inputs, are numbers, and the inputs are left as they were
    vjp            agrees with differences of the function in float64, along a random direction
    jvp            is the adjoint of vjp: <cotangent, J v> = <J^T cotangent, v>
    second order   agrees with differences of the gradient
    invariants     hold
    float32        agrees with float64 at the same inputs
and every recorded upstream number that has an adapter is compared (see `vectors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from refimpl.autograd.differences import ridders
from refimpl.autograd.kinks import classify
from refimpl.spec import Case, Entry

from .cases import SUBJECTS, applicable
from .compare import compare_derivatives, compare_values
from .faults import describe
from .frameworks import Problem, on_engine
from .lines import double
from .outcome import Outcome, level_of
from .points import Expected, expect

Arrays = Mapping[str, np.ndarray]

RTOL = 1e-6  # of differences against derivatives, on top of ten error bars
_STEP = 2e-3  # of the differences that are tried before those with error bars


def check_reference(
    entry: Entry, case: Case, checks: Iterable[str], *, seed: int = 0
) -> Iterator[Outcome]:
    """The reference's outcomes at one case."""
    try:
        expected = expect(entry, case, seed)
        wanted = [c for c in applicable(entry, case, expected) if c in checks]
        single = case.dtype != "float64"
        for check in wanted:
            results = _VALUES[check](entry, case, expected)
            if single and check != "values":
                results = _against_double(entry, case, expected, check)
            for name, wrong in results:
                yield _outcome(entry, case, check, name, wrong)
        if single and "values" in wanted:
            for name, wrong in _against_double(entry, case, expected, "values"):
                yield _outcome(entry, case, "values", name, wrong)
    except Exception as error:
        yield _outcome(entry, case, "values", "", f"raised {describe(error)}")


def _outcome(entry: Entry, case: Case, check: str, name: str, wrong: str | None) -> Outcome:
    status = "fail" if wrong else "pass"
    outcome = Outcome(entry.name, case.name, check, level_of(case, check), status)
    outcome.subject = SUBJECTS[check].format(name) if name else "call"
    outcome.message = wrong or ""
    if wrong and case.clause:
        outcome.details.append(("clause", f"{case.clause} [{entry.source}]"))
    return outcome


Results = Iterator[tuple[str, str | None]]


def _values(entry: Entry, case: Case, expected: Expected) -> Results:
    """dtype, NaN, and inputs left alone."""
    copies = {name: np.array(array) for name, array in case.inputs.items()}
    again = on_engine.values(expected.problem.at(copies))
    clean = all(np.all(np.isfinite(a)) for a in copies.values() if a.dtype.kind == "f")
    for name, array in expected.values.items():
        wrong = None
        if array.dtype.kind == "f" and array.dtype.name != case.dtype:
            wrong = f"dtype {array.dtype}, expected {case.dtype}"
        elif clean and array.dtype.kind == "f" and np.isnan(array).any():
            wrong = f"NaN at {np.argwhere(np.isnan(array))[0].tolist()} for finite inputs"
        elif array.tobytes() != again[name].tobytes():
            wrong = "a second call gives other numbers"
        yield name, wrong


def _vjp(entry: Entry, case: Case, expected: Expected) -> Results:
    """Along the tangent, input by input: <gradient, tangent> against differences."""
    gradients = on_engine.vjp(expected.problem, expected.cotangents)
    for name, gradient in gradients.items():
        inputs = expected.problem.inputs
        if gradient.shape != np.shape(inputs[name]):
            yield name, f"shape {gradient.shape}, expected {np.shape(inputs[name])}"
        elif not entry.is_derivative:
            yield name, None if np.isfinite(gradient).all() else "not finite"
        else:
            direction = {name: expected.tangents[name]}
            claimed = float(np.sum(gradient * direction[name]))
            yield name, _differences(_weighted(expected, direction), claimed, case)


def _weighted(expected: Expected, direction: Arrays) -> Any:
    """t -> sum <output, cotangent> at t steps along the direction."""
    start, weights = double(expected.problem.inputs), double(expected.cotangents)

    def along(t: Any) -> float:
        moved = {k: a + t * direction[k] if k in direction else a for k, a in start.items()}
        outputs = on_engine.values(expected.problem.at(moved))
        return float(sum(np.sum(outputs[name] * w) for name, w in weights.items()))

    return along


def _differences(along: Any, claimed: float, case: Case) -> str | None:
    """A sentence when the differences of `along` at 0 contradict the claimed derivative."""
    if _confirmed(along, claimed):
        return None
    if case.kind == "smooth":
        value, error = (float(number) for number in ridders(along, 0.0))
        if abs(value - claimed) <= 10 * error + RTOL * max(abs(value), abs(claimed)) + 1e-12:
            return None
    verdict = classify(along, 0.0)
    if case.kind != "smooth" and verdict.admits(claimed, RTOL * max(1.0, abs(claimed))):
        return None
    return f"along a random direction the derivative is {claimed:.12g}; {verdict}"


def _confirmed(along: Any, claimed: float) -> bool:
    """Whether two central differences, extrapolated, agree with the claim: four evaluations, for
    the many points that need no error bar. At a kink their limit is the mean of the one-sided
    derivatives, so that a claim which equals it is admissible there as well."""
    try:
        wide, narrow = ((along(h) - along(-h)) / (2.0 * h) for h in (_STEP, _STEP / 2.0))
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):  # outside of the domain
        return False
    value = narrow + (narrow - wide) / 3.0
    return abs(value - claimed) <= RTOL * abs(claimed)


def _jvp(entry: Entry, case: Case, expected: Expected) -> Results:
    """The adjoint identity, output by output."""
    pushed = on_engine.jvp(expected.problem, expected.tangents)
    for name, tangent in pushed.items():
        weights = {name: expected.cotangents[name]}
        gradients = on_engine.vjp(expected.problem, weights)
        left = float(np.sum(tangent * weights[name]))
        right = float(sum(np.sum(g * expected.tangents[k]) for k, g in gradients.items()))
        scale = float(np.sum(np.abs(tangent * weights[name]))) + abs(right)
        wrong = None
        if not abs(left - right) <= 1e-9 * scale + 1e-300:
            wrong = f"<cotangent, J v> = {left:.12g}, but <J^T cotangent, v> = {right:.12g}"
        yield name, wrong


def _second_order(entry: Entry, case: Case, expected: Expected) -> Results:
    """Along the vector: <second derivative, tangent> against differences of the gradient."""
    second = on_engine.hvp(expected.problem, expected.cotangents, expected.vector)
    start = double(expected.problem.inputs)
    for name, array in second.items():

        def along(t: Any, name: str = name) -> float:
            moved = {k: a + t * expected.vector.get(k, 0.0) for k, a in start.items()}
            fixed = {k: moved[k] if k in expected.vector else a for k, a in start.items()}
            gradients = on_engine.vjp(expected.problem.at(fixed), expected.cotangents)
            return float(np.sum(gradients[name] * expected.tangents[name]))

        claimed = float(np.sum(array * expected.tangents[name]))
        yield name, _differences(along, claimed, case)


def _against_double(entry: Entry, case: Case, expected: Expected, check: str) -> Results:
    """float32 against float64 at the same inputs, and dtypes kept."""
    wide = Expected(
        expected.problem.at(double(case.inputs)),
        expected.values,
        double(expected.cotangents),
        double(expected.tangents),
        double(expected.vector),
    )
    compare = compare_values if check == "values" else compare_derivatives
    exact, rounded = _tensors(check, wide), _tensors(check, expected)
    for name, array in exact.items():
        got = rounded[name]
        if array.dtype.kind == "f" and got.dtype.name != case.dtype:
            yield name, f"dtype {got.dtype} for inputs of dtype {case.dtype}"
            continue
        result = compare(got.astype(array.dtype), array, entry.tolerance(case))
        yield name, None if result else f"against float64: {result}"


def _tensors(check: str, expected: Expected) -> Arrays:
    problem: Problem = expected.problem
    if check == "values":
        return on_engine.values(problem)
    if check == "vjp":
        return on_engine.vjp(problem, expected.cotangents)
    if check == "jvp":
        return on_engine.jvp(problem, expected.tangents)
    return on_engine.hvp(problem, expected.cotangents, expected.vector)


_VALUES = {"values": _values, "vjp": _vjp, "jvp": _jvp, "second_order": _second_order}
