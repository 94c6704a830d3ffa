"""The report for programs: JSON, in the form that the packaged JSON Schema describes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from typing import Any, TextIO

from refimpl import __version__

from .identity import identities
from .notes import notes_of
from .outcome import Outcome
from .run_report import Report

FORMAT = "refimpl-report/1"
"""Changes when a program that reads reports would have to change."""


def json_report(report: Report) -> dict[str, Any]:
    """The report as plain data. Numbers that are not finite become text ("nan", "inf")."""
    names = identities(report)
    return _plain(
        {
            "format": FORMAT,
            "refimpl": __version__,
            "target": report.target,
            "packages": report.packages,
            "seed": report.seed,
            "seconds": round(report.seconds, 3),
            "passed": report.exit_status == 0,
            "errors": report.errors,
            "levels": {level: dict(counter) for level, counter in report.counts().items()},
            "notes": _notes(report),
            "outcomes": [_record(report, outcome, names) for outcome in report.outcomes],
        }
    )


def _record(
    report: Report, outcome: Outcome, names: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "entry": outcome.entry,
        "case": outcome.case,
        "check": outcome.check,
        "level": outcome.level,
        "status": outcome.status,
        "subject": outcome.subject,
        "function": outcome.function,
    }
    optional = {
        "id": names.get((outcome.entry, outcome.case)),
        "message": outcome.message,
        "hint": outcome.hint,
        "symptom": outcome.symptom,
        "numbers": outcome.numbers(),
    }
    record |= {key: value for key, value in optional.items() if value}
    if outcome.flags and outcome.status in ("fail", "expected"):
        record["flags"] = list(outcome.flags)
    if outcome.details:
        record["details"] = [{"label": label, "text": text} for label, text in outcome.details]
    if outcome.failed:
        record["replay"] = report.replay(outcome)
    return record


def _notes(report: Report) -> dict[str, dict[str, Any]]:
    """What the flags of failing cases mean, by method and flag."""
    found: dict[str, dict[str, Any]] = {}
    for outcome in report.outcomes:
        if outcome.status in ("fail", "expected"):
            for flag, note in notes_of(outcome).items():
                found.setdefault(outcome.entry, {})[flag] = asdict(note)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_json(report: Report, stream: TextIO) -> None:
    """Write the JSON report to an open text file."""
    json.dump(json_report(report), stream, indent=1, allow_nan=False)
    stream.write("\n")


def schema_text() -> str:
    """The JSON Schema of the report, as `refimpl check --schema` prints it."""
    return resources.files(__package__).joinpath("report.schema.json").read_text("utf-8")
