"""Reports: text for the terminal, JSON for programs. Both are made from the same outcomes."""

from __future__ import annotations

import json
import math
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

from refimpl import __version__

from .grouping import Group
from .outcome import STATUSES, Outcome, Report

WIDTH = 100
LABEL = 10
SHOWN = 2  # cases named below an example that stands for several


def text_report(report: Report, *, verbose: bool = False) -> str:
    """The report as text: the counts by level, then every finding, then what was left out."""
    lines = [f"{report.target}: {_scope(report)}", "", *_table(report)]
    for error in report.errors:
        lines += ["", f"FAIL  {error}"]
    roots = [found for found in report.groups if found.cause is None]
    for number, found in enumerate(roots, start=1):
        lines += ["", *_finding(report, found, f"FAIL {number}/{len(roots)}", verbose)]
        lines += _consequences(report, found, verbose)
    lines += _reasons(report, "unsupported", "Not supported by the target")
    lines += _reasons(report, "expected", "Expected to fail, and did")
    lines += _reasons(report, "not run", "Not run")
    lines += ["", _verdict(report, roots)]
    return "\n".join(lines) + "\n"


def _scope(report: Report) -> str:
    entries = {outcome.entry for outcome in report.outcomes}
    cases = {outcome.name for outcome in report.outcomes}
    return (
        f"{_count(len(entries), 'method')}, {_count(len(cases), 'case')}, "
        f"{_count(len(report.outcomes), 'comparison')} in {report.seconds:.1f} s"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(report: Report) -> list[str]:
    counts = report.counts()
    if not counts:
        return ["nothing was compared"]
    shown = [s for s in STATUSES if s in ("pass", "fail") or any(c[s] for c in counts.values())]
    width = max(len(level) for level in counts)
    rows = [f"{'':{width}}" + "".join(f"{status:>13}" for status in shown)]
    for level, counter in [*counts.items(), ("total", _total(counts))]:
        cells = "".join(f"{counter[status] or '-':>13}" for status in shown)
        if level == "total":
            rows.append("-" * len(rows[0]))
        rows.append(f"{level:{width}}{cells}")
    return rows


def _total(counts: dict[str, Counter[str]]) -> Counter[str]:
    return sum(counts.values(), Counter())


def _finding(report: Report, found: Group, title: str, verbose: bool) -> Iterator[str]:
    first = found.example
    yield f"{title}  {first.function}: {first.name}" if first.function else f"{title}  {first.name}"
    yield from _labelled(
        "what", f"{first.subject}: {first.message}" if first.subject else first.message
    )
    for label, text in [*first.details, *([("hint", first.hint)] if first.hint else [])]:
        yield from _labelled(label, text)
    yield from _labelled("replay", report.replay(first), wrap=False)
    others = found.outcomes[1:]
    for other in others if verbose else others[:SHOWN]:
        yield from _labelled("also", report.replay(other), wrap=False)
    if len(others) > SHOWN and not verbose:
        left = len(others) - SHOWN
        yield from _labelled("", f"and {left} more alike (--verbose lists them, --json FILE too)")


def _consequences(report: Report, cause: Group, verbose: bool) -> Iterator[str]:
    """What fails along with a finding and needs no explanation of its own."""
    following: dict[str, list[Outcome]] = {}
    for found in report.groups:
        if found.cause is cause:
            following.setdefault(found.example.subject, []).extend(found.outcomes)
    for subject, outcomes in following.items():
        first = outcomes[0]
        words = f": {first.message}" if first.failure is None else ""
        number = _count(len(outcomes), "comparison")
        yield from _labelled("follows", f"{subject}{words} ({number})")
        for other in outcomes if verbose else outcomes[:1]:
            yield from _labelled("", report.replay(other), wrap=False)


def _labelled(label: str, text: str, wrap: bool = True) -> list[str]:
    head, rest = f"  {label:{LABEL}}", " " * (LABEL + 2)
    parts: list[str] = []
    for line in text.split("\n"):
        long = wrap and len(line) > WIDTH - LABEL - 2
        parts += textwrap.wrap(line, WIDTH - LABEL - 2) if long else [line]
    return [(head if i == 0 else rest) + part for i, part in enumerate(parts)]


def _reasons(report: Report, status: str, title: str) -> Iterator[str]:
    chosen = Counter((o.entry, o.message) for o in report.outcomes if o.status == status)
    if not chosen:
        return
    yield ""
    yield f"{title}:"
    for (entry, reason), number in sorted(chosen.items()):
        yield from textwrap.wrap(
            f"{entry}: {reason} ({_count(number, 'comparison')})", WIDTH,
            initial_indent="  ", subsequent_indent="    ",
        )  # fmt: skip


def _verdict(report: Report, groups: list[Group]) -> str:
    total = _total(report.counts())
    if report.failures or report.errors:
        kinds = _count(len(groups) + len(report.errors), "kind")
        failed = _count(len(report.failures) + len(report.errors), "comparison")
        return f"FAILED: {failed} of {sum(total.values())} failed, in {kinds}."
    if report.exit_status:
        return "FAILED: nothing could be compared."
    left = total["unsupported"] + total["expected"] + total["not run"]
    rest = f", {left} more are listed above with their reasons" if left else ""
    return f"passed: {_count(total['pass'], 'comparison')}{rest}."


def json_report(report: Report) -> dict[str, Any]:
    """The report as plain data. Numbers that are not finite become text ("nan", "inf")."""
    return _plain(
        {
            "refimpl": __version__,
            "target": report.target,
            "seed": report.seed,
            "seconds": round(report.seconds, 3),
            "passed": report.exit_status == 0,
            "errors": report.errors,
            "levels": {level: dict(counter) for level, counter in report.counts().items()},
            "outcomes": [_record(report, outcome) for outcome in report.outcomes],
        }
    )


def _record(report: Report, outcome: Outcome) -> dict[str, Any]:
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
        "message": outcome.message,
        "hint": outcome.hint,
        "symptom": outcome.symptom,
        "numbers": outcome.numbers(),
    }
    record |= {key: value for key, value in optional.items() if value}
    if outcome.details:
        record["details"] = [{"label": label, "text": text} for label, text in outcome.details]
    if outcome.failed:
        record["replay"] = report.replay(outcome)
    return record


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
