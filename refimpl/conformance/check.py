"""Running a target through the cases of the specification."""

from __future__ import annotations

import fnmatch
import shlex
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl.spec import CHECKS, Case, Entry, find

from .cases import check_case
from .diagnose import explain
from .expected import ExpectedFailures
from .frameworks import framework
from .grouping import group
from .invariants import check_invariants
from .loading import describe
from .outcome import LEVEL_KEYS, Outcome, Report, level_of
from .target import Implementation, Target
from .versions import versions

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Options:
    """Which part of the check to run.

    cases      pattern of `entry/case` names (fnmatch); everything by default
    levels     short names from LEVEL_KEYS; all by default
    function   name of the function to check, when a target has several; all by default
    max_cases  at most so many cases per entry, spread evenly over them
    fail_fast  stop after the first finding
    """

    seed: int = 0
    cases: str = "*"
    levels: tuple[str, ...] = tuple(LEVEL_KEYS)
    function: str | None = None
    max_cases: int | None = None
    fail_fast: bool = False
    progress: Progress = field(default=lambda items, label: items, compare=False)

    @property
    def complete(self) -> bool:
        """Whether nothing is left out."""
        return self.cases == "*" and self.levels == tuple(LEVEL_KEYS) and self.max_cases is None

    def wants_level(self, level: str) -> bool:
        """Whether comparisons of that level are made."""
        return level in {LEVEL_KEYS[name] for name in self.levels}

    def wants(self, entry: str, case: str = "*") -> bool:
        """Whether the pattern matches: an entry, or one of its cases."""
        pattern = self.cases
        if case == "*":  # could any case of this entry match?
            return fnmatch.fnmatchcase(entry, pattern.partition("/")[0])
        return fnmatch.fnmatchcase(f"{entry}/{case}", pattern) or (
            "/" not in pattern and fnmatch.fnmatchcase(entry, pattern)
        )

    def select(self, entry: Entry) -> list[Case]:
        """The cases of an entry that match, thinned out to `max_cases`."""
        cases = [case for case in entry.generate(self.seed) if self.wants(entry.name, case.name)]
        if self.max_cases is None or len(cases) <= self.max_cases:
            return cases
        steps = np.linspace(0, len(cases) - 1, self.max_cases)
        return [cases[round(float(i))] for i in steps]


def check_target(target: Target, options: Options | None = None) -> Report:
    """Check every function of the target against its entry; what the target raises is a finding."""
    options = options or Options()
    start = time.perf_counter()
    command = f"refimpl check {shlex.quote(target.name)}"
    report = Report(target.name, options.seed, command=command, packages=versions(target))
    with quiet():
        for claim in target.implementations:
            if options.wants(claim.entry) and options.function in (None, claim.label):
                for outcome in check_implementation(claim, options, target.path):
                    report.outcomes.append(outcome)
                    if options.fail_fast and outcome.failed:
                        break
            if options.fail_fast and report.failures:
                break
        report.groups = group(report.failures)
        explain(report.groups)
    report.seconds = time.perf_counter() - start
    return report


def check_point(claim: Implementation, entry: Entry, case: Case, options: Options) -> Report:
    """Check one function at one case, with the explanations of a full report."""
    start = time.perf_counter()
    path = getattr(getattr(claim.function, "__code__", None), "co_filename", None)
    report = Report(claim.label, options.seed, packages=versions(Target("", (claim,), "")))
    expected = ExpectedFailures(entry.name, claim.label, claim.expected_failures)
    if reason := framework(claim.framework).missing():
        report.outcomes.append(_finding(claim, reason))
        return report
    with quiet():
        report.extend(expected.mark(_outcomes(claim, entry, case, options, path)))
        report.groups = group(report.failures)
        explain(report.groups)
    report.seconds = time.perf_counter() - start
    return report


def check_implementation(
    claim: Implementation, options: Options, path: str | None = None
) -> Iterator[Outcome]:
    """All outcomes of one function."""
    try:
        entry = find(claim.entry)
    except KeyError as error:
        yield _finding(claim, f"{error.args[0]}; `refimpl list` prints the names")
        return
    if reason := framework(claim.framework).missing():
        yield _finding(claim, reason)
        return
    cases = options.select(entry)
    expected = ExpectedFailures(entry.name, claim.label, claim.expected_failures)
    for case in options.progress(cases, entry.name):
        yield from expected.mark(_outcomes(claim, entry, case, options, path))
    if options.complete:
        yield from expected.unmet()


def _outcomes(
    claim: Implementation, entry: Entry, case: Case, options: Options, path: str | None
) -> Iterator[Outcome]:
    checks = [c for c in CHECKS if options.wants_level(level_of(case, c))]
    try:
        yield from check_case(claim, entry, case, checks, seed=options.seed, path=path)
        if options.wants_level(LEVEL_KEYS["invariants"]):
            yield from check_invariants(claim, entry, case, path=path)
    except Exception as error:  # a fault of the reference must not look like one of the target
        message = f"the reference itself failed, which is a bug in refimpl: {describe(error)}"
        yield Outcome(
            entry.name, case.name, "values", LEVEL_KEYS["values"], "fail", "reference", message
        )


def _finding(claim: Implementation, message: str) -> Outcome:
    return Outcome(claim.entry, "", "values", LEVEL_KEYS["values"], "fail", claim.label, message)


@contextmanager
def quiet() -> Iterator[None]:
    """No floating-point warnings: overflow and division by zero are compared, not reported."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
