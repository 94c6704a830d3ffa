"""`refimpl check` without a target: the whole specification, and the recorded upstream numbers."""

from __future__ import annotations

from collections.abc import Iterator

from refimpl.spec import CHECKS, all_entries, import_errors

from .at_case import quiet
from .faults import describe
from .invariants import check_invariants
from .outcome import LEVEL_KEYS, Outcome, level_of
from .recorded import RESOLVED_TOPICS, adapter_for
from .run_report import Report, interruptible_at
from .selection import Options
from .selfcheck import check_reference
from .target import Implementation
from .vectors import Record, compare_record, records, topics, vectors_folder

RECORDED = "recorded"


def check_specification(options: Options | None = None) -> Report:
    """Check every entry and every recorded number."""
    options = options or Options()
    report = Report("the specification", options.seed)
    with report.running(), quiet():
        report.errors += _imports(options)
        report.collect(_everything(options), fail_fast=options.fail_fast)
    return report


def _imports(options: Options) -> list[str]:
    """What keeps methods from being found, unless only some are asked for."""
    if options.cases != "*" or options.levels == ("recorded",):
        return []
    all_entries()
    return [f"{name} does not import: {why}" for name, why in import_errors.items()]


def _everything(options: Options) -> Iterator[Outcome]:
    if options.levels != ("recorded",):
        yield from _entries(options)
    if options.wants_level(LEVEL_KEYS["recorded"]):
        yield from _recorded(options)


def _entries(options: Options) -> Iterator[Outcome]:
    for entry in all_entries().values():
        if not options.wants(entry.name):
            continue
        claim = Implementation(entry.name, entry.call or entry.function, "refimpl")
        for case in options.progress(options.select(entry), entry.name):
            checks = [c for c in CHECKS if options.wants_level(level_of(case, c))]
            with interruptible_at(entry.name, case.name):
                yield from check_reference(entry, case, checks, seed=options.seed)
                if options.wants_level(LEVEL_KEYS["invariants"]):
                    yield from check_invariants(claim, entry, case)


def _recorded(options: Options) -> Iterator[Outcome]:
    folder = vectors_folder()
    for topic in topics(folder) if folder else []:
        name = f"{RECORDED}.{topic}"
        assert folder is not None
        chosen = [r for r in records(folder, topic) if options.wants(name, r.case)]
        if options.max_cases is not None:
            chosen = chosen[:: max(1, len(chosen) // options.max_cases)][: options.max_cases]
        for record in options.progress(chosen, name):
            with interruptible_at(name, record.case):
                yield from check_record(record)


def check_record(record: Record) -> Iterator[Outcome]:
    """One outcome per recorded array; a single one when the record cannot be compared."""
    outcome = Outcome(f"{RECORDED}.{record.topic}", record.case, RECORDED, "", "pass")
    outcome.level = LEVEL_KEYS["recorded"]
    adapter = adapter_for(record)
    if adapter is None:
        outcome.subject = " ".join(record.key)
        resolved = record.topic in RESOLVED_TOPICS
        outcome.status = "fail" if resolved else "not run"
        outcome.message = f"no adapter for {record.key[0]} yet"
        yield outcome
        return
    try:
        for compared in compare_record(record, adapter):
            found = Outcome(outcome.entry, outcome.case, RECORDED, outcome.level, "pass")
            found.subject = compared.subject
            if not compared.result:
                found.status, found.message = "fail", str(compared.result)
                found.details = [("source", str(record.fields.get("source", "")))]
            yield found
    except FileNotFoundError as error:  # a data set that is not on this machine
        outcome.status, outcome.message = "not run", str(error)
        yield outcome
    except Exception as error:
        outcome.status, outcome.message = "fail", f"raised {describe(error)}"
        yield outcome
