"""Running a target through the cases of the specification."""

from __future__ import annotations

import fnmatch
import shlex
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from refimpl.spec import CHECKS, Case, Entry, find

from .cases import check_case
from .consistency import check_consistency, suitable
from .diagnose import explain
from .expected import ExpectedFailures
from .frameworks import framework
from .grouping import group
from .invariants import check_invariants
from .known import KnownFailures
from .loading import describe
from .low_precision import lowered, rounded
from .outcome import LEVEL_KEYS, Outcome, Report, level_of
from .parallel import Sweep, workers
from .target import Implementation, Target
from .versions import versions

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


def _silent(items: Iterable[Any], label: str) -> Iterable[Any]:
    return items


@dataclass(frozen=True)
class Options:
    """Which part of the check to run.

    cases      pattern of `entry/case` names (fnmatch), or several; everything by default
    methods    patterns of entry names, of which one must match as well; all by default
    levels     short names from LEVEL_KEYS; all by default
    function   name of the function to check, when a target has several; all by default
    max_cases  at most so many cases per entry, spread evenly over them
    fail_fast  stop after the first finding
    jobs       number of processes; the target must be one that `load` finds by its name
    dask       address of a Dask scheduler, whose workers find the target by its path
    dtype      float16 or bfloat16, to run the smooth cases in that format instead
    device     where functions get their inputs, instead of where their marks say
    known      failures that are known in advance, besides those that the target announces
    """

    seed: int = 0
    cases: str | tuple[str, ...] = "*"
    methods: tuple[str, ...] = ("*",)
    levels: tuple[str, ...] = tuple(LEVEL_KEYS)
    function: str | None = None
    max_cases: int | None = None
    fail_fast: bool = False
    jobs: int = 1
    dask: str | None = None
    dtype: str | None = None
    device: str | None = None
    known: KnownFailures | None = field(default=None, compare=False)
    progress: Progress = field(default=_silent, compare=False)

    @property
    def complete(self) -> bool:
        """Whether nothing is left out."""
        narrowed = self.cases != "*" or self.methods != ("*",) or self.function is not None
        narrowed = narrowed or self.dtype is not None
        return not narrowed and self.levels == tuple(LEVEL_KEYS) and self.max_cases is None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of case names."""
        return (self.cases,) if isinstance(self.cases, str) else self.cases

    def wants_level(self, level: str) -> bool:
        """Whether comparisons of that level are made."""
        return level in self.level_names

    @property
    def level_names(self) -> set[str]:
        """The names of the levels, as reports have them."""
        return {LEVEL_KEYS[name] for name in self.levels}

    @property
    def wants_consistency(self) -> bool:
        """Whether an implementation is compared with itself, which is done in float64."""
        return self.dtype is None and self.wants_level(LEVEL_KEYS["consistency"])

    def in_a_worker(self) -> Options:
        """The same for a worker, which hands out nothing and shows nothing."""
        return replace(self, jobs=1, dask=None, known=None, progress=_silent)

    def placed(self, claim: Implementation) -> Implementation:
        """The function, given its inputs on the device that is asked for."""
        return claim if self.device is None else replace(claim, device=self.device)

    def wants(self, entry: str, case: str = "*") -> bool:
        """Whether a pattern matches: an entry, or one of its cases."""
        if not any(fnmatch.fnmatchcase(entry, method) for method in self.methods):
            return False
        return any(_matches(pattern, entry, case) for pattern in self.patterns)

    def select(self, entry: Entry) -> list[Case]:
        """The cases of an entry that match, thinned out to `max_cases`."""
        cases = [case for case in entry.generate(self.seed) if self.wants(entry.name, case.name)]
        if self.max_cases is None or len(cases) <= self.max_cases:
            return cases
        steps = np.linspace(0, len(cases) - 1, self.max_cases)
        return [cases[round(float(i))] for i in steps]


def _matches(pattern: str, entry: str, case: str) -> bool:
    if case == "*":  # could any case of this entry match?
        return fnmatch.fnmatchcase(entry, pattern.partition("/")[0])
    return fnmatch.fnmatchcase(f"{entry}/{case}", pattern) or (
        "/" not in pattern and fnmatch.fnmatchcase(entry, pattern)
    )


def check_target(target: Target, options: Options | None = None) -> Report:
    """Check every function of the target against its entry; what the target raises is a finding."""
    options = options or Options()
    start = time.perf_counter()
    command = f"refimpl check {shlex.quote(target.name)}"
    for option in ("dtype", "device"):
        if value := getattr(options, option):
            command += f" --{option} {value}"
    report = Report(target.name, options.seed, command=command, packages=versions(target))
    with quiet(), workers(options) as pool:
        for outcome in _marked(_everything(target, options, pool), options):
            report.outcomes.append(outcome)
            if options.fail_fast and outcome.failed:
                break
        report.groups = group(report.failures)
        explain(report.groups)
    report.seconds = time.perf_counter() - start
    return report


def _everything(target: Target, options: Options, pool: Any) -> Iterator[Outcome]:
    claims = [
        claim
        for claim in target.implementations
        if options.wants(claim.entry) and options.function in (None, claim.label)
    ]
    sweep = Sweep(pool, target, options) if pool is not None else None
    if sweep is not None:
        for claim in claims:
            if not _obstacle(claim, options):
                sweep.add(claim, options.select(find(claim.entry)))
    for claim in claims:
        yield from check_implementation(claim, options, target, sweep)


def _obstacle(claim: Implementation, options: Options) -> str:
    """Why a function cannot be checked at all, or ""."""
    try:
        find(claim.entry)
    except KeyError as error:
        return f"{error.args[0]}; `refimpl list` prints the names"
    return framework(claim.framework).missing(options.placed(claim).device) or ""


def _marked(outcomes: Iterable[Outcome], options: Options) -> Iterator[Outcome]:
    """With the failures that are known marked as such, and those that are known in vain."""
    if options.known is None:
        yield from outcomes
        return
    yield from options.known.mark(outcomes)
    if options.complete:
        yield from options.known.unmet()


def check_point(claim: Implementation, entry: Entry, case: Case, options: Options) -> Report:
    """Check one function at one case, with the explanations of a full report."""
    start = time.perf_counter()
    path = getattr(getattr(claim.function, "__code__", None), "co_filename", None)
    report = Report(claim.label, options.seed, packages=versions(Target("", (claim,), "")))
    expected = ExpectedFailures(entry.name, claim.label, claim.expected_failures)
    if reason := framework(claim.framework).missing(claim.device):
        report.outcomes.append(_finding(claim, reason))
        return report
    with quiet():
        report.extend(expected.mark(outcomes_at(claim, entry, case, options, path)))
        if report.outcomes and options.wants_consistency and suitable([case]):
            report.extend(expected.mark(check_consistency(claim, entry, case, seed=options.seed)))
        report.groups = group(report.failures)
        explain(report.groups)
    report.seconds = time.perf_counter() - start
    return report


def check_implementation(
    claim: Implementation, options: Options, target: Target, sweep: Sweep | None = None
) -> Iterator[Outcome]:
    """All outcomes of one function, from the workers of a sweep if there is one."""
    if reason := _obstacle(claim, options):
        yield _finding(claim, reason)
        return
    entry = find(claim.entry)
    cases = options.select(entry)
    expected = ExpectedFailures(entry.name, claim.label, claim.expected_failures)
    if sweep is not None:
        yield from expected.mark(sweep.outcomes(claim, cases))
    else:
        for case in options.progress(cases, entry.name):
            yield from expected.mark(outcomes_at(claim, entry, case, options, target.path))
    if options.wants_consistency:
        placed, seed = options.placed(claim), options.seed
        for case in suitable(cases):
            yield from expected.mark(
                check_consistency(placed, entry, case, seed=seed, path=target.path)
            )
    if options.complete:
        yield from expected.unmet()


def outcomes_at(
    claim: Implementation, entry: Entry, case: Case, options: Options, path: str | None
) -> Iterator[Outcome]:
    """The outcomes of one function at one case, not yet grouped and explained."""
    claim = options.placed(claim)
    checks = [c for c in CHECKS if options.wants_level(level_of(case, c))]
    try:
        if options.dtype is not None:
            yield from _in_format(claim, entry, case, options, path)
            return
        yield from check_case(claim, entry, case, checks, seed=options.seed, path=path)
        if options.wants_level(LEVEL_KEYS["invariants"]):
            yield from check_invariants(claim, entry, case, path=path)
    except Exception as error:  # a fault of the reference must not look like one of the target
        message = f"the reference itself failed, which is a bug in refimpl: {describe(error)}"
        yield Outcome(
            entry.name, case.name, "values", LEVEL_KEYS["values"], "fail", "reference", message
        )


def in_format(
    claim: Implementation, entry: Entry, case: Case, options: Options
) -> tuple[Implementation, Case | None]:
    """The function and the case as they are asked for; no case where the format has none."""
    claim = options.placed(claim)
    if options.dtype is None:
        return claim, case
    return lowered(claim, options.dtype), rounded(entry, case, options.dtype, options.seed)


def _in_format(
    claim: Implementation, entry: Entry, case: Case, options: Options, path: str | None
) -> Iterator[Outcome]:
    """The outcomes in another format, counted under dtypes."""
    low, near = in_format(claim, entry, case, options)
    if near is None:
        return
    wanted = [c for c in CHECKS if {LEVEL_KEYS[c], LEVEL_KEYS["dtypes"]} & options.level_names]
    for outcome in check_case(low, entry, near, wanted, seed=options.seed, path=path):
        yield replace(outcome, level=LEVEL_KEYS["dtypes"])


def _finding(claim: Implementation, message: str) -> Outcome:
    return Outcome(claim.entry, "", "values", LEVEL_KEYS["values"], "fail", claim.label, message)


@contextmanager
def quiet() -> Iterator[None]:
    """No floating-point warnings: overflow and division by zero are compared, not reported."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
