"""One implementation at one case: values and derivatives against the reference."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from refimpl.autograd.compare import Comparison
from refimpl.spec import Case, Entry

from .compare import SINGLE, compare_derivatives, compare_values, wrong_dtype
from .failure import Failure
from .frameworks import Problem, framework, on_engine
from .guard import Fault, Guard, not_run
from .kinks import admissible
from .outcome import Outcome, level_of
from .patterns import pattern_hint
from .points import Expected, expect
from .target import Implementation

Arrays = Mapping[str, np.ndarray]

SUBJECTS = {
    "values": "output {}",
    "vjp": "gradient with respect to {}",
    "jvp": "derivative of {} along a tangent",
    "second_order": "second derivative with respect to {}",
}


def check_case(
    claim: Implementation,
    entry: Entry,
    case: Case,
    checks: Iterable[str],
    *,
    seed: int = 0,
    guard: Guard | None = None,
) -> Iterator[Outcome]:
    """The comparisons of one case that apply, one outcome per tensor."""
    expected = expect(entry, case, seed)
    run = _Run(claim, entry, case, expected, guard or Guard())
    wanted = [c for c in applicable(entry, case, expected) if c in checks]
    if not wanted:
        return
    broken = run.evaluate()
    for check in wanted:
        if check not in claim.checks:
            yield run.outcome(check, "unsupported", "left out by the implementation (checks=)")
        elif check == "values":
            yield from run.values()
        elif broken is not None:
            yield run.outcome(check, *broken)
        else:
            yield from run.derivative(check)


def problem_of(claim: Implementation, entry: Entry, case: Case) -> Problem:
    """The function under test at a case."""
    return Problem(
        call=claim.function,
        named=entry.named,
        inputs=case.inputs,
        params=case.params,
        differentiable=entry.differentiable,
        implementation=claim,
    )


def applicable(entry: Entry, case: Case, expected: Expected) -> list[str]:
    """The checks that make sense at a case of an entry."""
    checks = ["values"]
    if entry.differentiable and expected.cotangents:
        checks.append("vjp")
        if entry.is_derivative and case.kind != "kink":
            checks += ["jvp", "second_order"] if entry.second_order else ["jvp"]
    return [check for check in checks if check in case.checks]


class _Run:
    """The comparisons of one case, which share the target's values."""

    def __init__(
        self, claim: Implementation, entry: Entry, case: Case, expected: Expected, guard: Guard
    ) -> None:
        self.entry, self.case, self.expected = entry, case, expected
        self.target, self.module = problem_of(claim, entry, case), framework(claim.framework)
        self.tolerance, self.guard, self.label = entry.tolerance(case), guard, claim.label
        self.got: dict[str, np.ndarray] = {}
        self.fault: Fault | None = None

    def outcome(self, check: str, status: str, message: str = "", **more: Any) -> Outcome:
        """An outcome of this case."""
        level = level_of(self.case, check)
        names = (self.entry.name, self.case.name, check, level, status)
        flags = self.case.flags
        return Outcome(*names, message=message, function=self.label, flags=flags, **more)

    def evaluate(self) -> tuple[str, str] | None:
        """The target's values; status and reason when its derivatives cannot be compared."""
        values, self.fault = self.guard.attempt(lambda: self.module.values(self.target))
        if self.fault is not None:
            return not_run(self.fault)
        self.got = values
        right = self.expected.values
        wrong = [name for name in right if self.got[name].shape != right[name].shape]
        return ("not run", f"output {wrong[0]} has the wrong shape") if wrong else None

    def values(self) -> Iterator[Outcome]:
        """One outcome per output."""
        if self.fault is not None:
            yield self.outcome("values", *self.fault, subject="call")
            return
        for name, right in self.expected.values.items():
            got, subject = self.got[name], SUBJECTS["values"].format(name)
            kind = wrong_dtype(got, right)
            if kind is not None and got.shape == right.shape:
                same = compare_values(got, right, SINGLE).ok
                apart = "agree apart from that" if same else "differ as well"
                message = f"{kind} (the values {apart})"
                yield self.outcome("values", "fail", message, subject=subject, symptom=kind)
                continue
            result = compare_values(got, right, self.tolerance)
            if result:
                yield self.outcome("values", "pass", subject=subject)
            else:
                yield self.finding("values", name, subject, result, got, right)

    def derivative(self, check: str) -> Iterator[Outcome]:
        """One outcome per input (vjp, second order) or output (jvp)."""
        right = _derivative(on_engine, check, self.expected.problem, self.expected)
        ask = functools.partial(_derivative, self.module, check, self.target, self.expected)
        got, fault = self.guard.attempt(ask)
        if fault is not None:
            subject = "derivative" if fault.status == "fail" else ""
            yield self.outcome(check, *fault, subject=subject)
            return
        for name, array in right.items():
            yield self.compare_derivative(check, name, got[name], array)

    def compare_derivative(
        self, check: str, name: str, got: np.ndarray, right: np.ndarray
    ) -> Outcome:
        """Compare one gradient or tangent on its scale; at a kink, accept what is admissible."""
        subject = SUBJECTS[check].format(name)
        result = compare_derivatives(got, right, self.tolerance)
        kind = wrong_dtype(got, right)
        if result and kind is not None:
            return self.outcome(check, "fail", kind, subject=subject, symptom=kind)
        if result:
            return self.outcome(check, "pass", subject=subject)
        if self.case.kind == "kink" and check == "vjp" and got.shape == right.shape:
            note = admissible(self.expected, name, got, right, self.tolerance)
            if note is not None:
                return self.outcome(check, "pass", note, subject=subject)
        return self.finding(check, name, subject, result, got, right)

    def finding(
        self,
        check: str,
        name: str,
        subject: str,
        result: Comparison,
        got: np.ndarray,
        right: np.ndarray,
    ) -> Outcome:
        """A difference, with the hint that the two arrays alone give."""
        symptom, hint = pattern_hint(got, right, self.tolerance, self.case, check)
        found = self.outcome(check, "fail", str(result), subject=subject, hint=hint)
        found.symptom = symptom
        found.failure = Failure(
            entry=self.entry,
            case=self.case,
            check=check,
            name=name,
            target=self.target,
            module=self.module,
            expected=self.expected,
            result=result,
            got=got,
            right=right,
            tolerance=self.tolerance,
        )
        return found


def _derivative(module: Any, check: str, problem: Problem, expected: Expected) -> Arrays:
    if check == "vjp":
        return module.vjp(problem, expected.cotangents)
    if check == "jvp":
        return module.jvp(problem, expected.tangents)
    return module.hvp(problem, expected.cotangents, expected.vector)
