"""Running a target through the cases of the specification."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator
from typing import Any

from refimpl.spec import Case, Entry, find, import_errors

from .at_case import inward, outcomes_at, quiet
from .clock import interruptible
from .diagnose import explain
from .expected import ExpectedFailures
from .frameworks import framework
from .loading import UsageError
from .names import did_you_mean
from .outcome import LEVEL_KEYS, Outcome
from .parallel import Sweep, workers
from .run_report import Report, interruptible_at
from .selection import Options
from .target import Implementation, Target, implementations_in
from .versions import versions


def check_target(target: Target, options: Options | None = None) -> Report:
    """Check every function of the target against its entry; what the target raises is a finding."""
    options = options or Options()
    _possible(target, options)
    command = _command(target, options)
    report = Report(target.name, options.seed, command=command, packages=versions(target))
    report.xfail = options.known.path if options.known else ""
    with report.running(), quiet(), workers(options) as pool:
        found = options.marked(_everything(target, options, pool))
        report.collect(found, fail_fast=options.fail_fast)
        explain(report.groups, options.time_limit)
    return report


def check_functions(*functions: Callable[..., Any], **options: Any) -> Report:
    """Check functions that are marked `@implements`, here and now; `print` shows the report.

    Options are those of `Options`, such as `cases="*/n3*"`, `levels=("values",)`, `max_cases=5`.
    ValueError when none of the functions is marked, or for jobs, which need a file.
    """
    claims = implementations_in({str(i): function for i, function in enumerate(functions)})
    if not claims:
        raise ValueError("expected functions that are marked @implements")
    chosen = Options(**options)
    if chosen.jobs or chosen.dask:
        raise ValueError("other processes find functions in files: `refimpl check FILE --jobs N`")
    names = ", ".join(dict.fromkeys(claim.label for claim in claims))
    report = check_target(Target(names, claims, _file(claims[0])), chosen)
    kept = ("seed", "dtype", "device", "time_limit")
    given = "".join(f", {name}={options[name]!r}" for name in kept if name in options)
    report.repeat = lambda o: f"check_functions({o.function}, cases={o.name!r}{given})"
    return report


def _file(claim: Implementation) -> str:
    """The file that the function was written in, as its lines are called in tracebacks."""
    code = getattr(inspect.unwrap(claim.function), "__code__", None)
    return getattr(code, "co_filename", "")


def _possible(target: Target, options: Options) -> None:
    """UsageError for options that mean nothing for this target, or on this system."""
    if options.time_limit and (options.dask or not (options.jobs or interruptible())):
        raise UsageError("a time limit needs jobs=1, or the main thread of a POSIX system")
    labels = list(dict.fromkeys(claim.label for claim in target.implementations))
    if options.function is not None and options.function not in labels:
        near = did_you_mean(options.function, labels) or "--function takes one of those marked"
        there = ", ".join(labels[:20]) + (", ..." if len(labels) > 20 else "")
        raise UsageError(f"no function {options.function!r} in {target.name}; {near} ({there})")


def _command(target: Target, options: Options) -> str:
    """The command line that runs the same check, up to the choice of cases."""
    command = f"refimpl check {shlex.quote(target.name)}"
    for name in ("dtype", "device"):
        if value := getattr(options, name):
            command += f" --{name} {value}"
    return command + (f" --time-limit {options.time_limit:g}" if options.time_limit else "")


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
        broken = "".join(f"; {name} does not import: {why}" for name, why in import_errors.items())
        return f"{error.args[0]} (`refimpl list` prints the names){broken}"
    return framework(claim.framework).missing(options.placed(claim).device) or ""


def check_point(claim: Implementation, entry: Entry, case: Case, options: Options) -> Report:
    """Check one function at one case, with the explanations of a full report."""
    target = Target(claim.label, (claim,), _file(claim))
    _possible(target, options)
    report = Report(claim.label, options.seed, packages=versions(target))
    expected = ExpectedFailures(entry.name, claim.label, claim.expected_failures)
    if reason := framework(claim.framework).missing(claim.device):
        report.outcomes.append(_finding(claim, reason))
        return report
    with report.running(), quiet():
        itself = bool(inward([case], options))
        found = outcomes_at(claim, entry, case, options, target.path, itself=itself)
        report.collect(expected.mark(found))
        explain(report.groups, options.time_limit)
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
        inner = inward(cases, options)
        for case in options.progress(cases, entry.name):
            itself = case.name in inner
            found = outcomes_at(claim, entry, case, options, target.path, itself=itself)
            with interruptible_at(entry.name, case.name):
                yield from expected.mark(found)
    if options.complete:
        yield from expected.unmet()


def _finding(claim: Implementation, message: str) -> Outcome:
    return Outcome(claim.entry, "", "values", LEVEL_KEYS["values"], "fail", claim.label, message)
