"""The report as text for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .grouping import Group
from .outcome import LEVEL_KEYS, STATUSES, Outcome
from .run_report import Report
from .terminal import columns, wrapped

LABEL = 10
CELL = 13  # columns of a number in the table, where there is room
SHOWN = 2  # cases named below an example that stands for several, methods that share a reason


def text_report(report: Report, *, verbose: bool = False) -> str:
    """The report as text: the counts by level, then every finding, then what was left out."""
    if report.outcomes or not report.errors:
        lines = [f"{report.target}: {_scope(report)}", "", *_table(report)]
    else:
        lines = [f"{report.target}: not checked"]
    for error in report.errors:
        lines += ["", f"FAIL  {error}"]
    roots = [found for found in report.groups if found.cause is None]
    for number, found in enumerate(roots, start=1):
        lines += ["", *_finding(report, found, f"FAIL {number}/{len(roots)}", verbose)]
        lines += _consequences(report, found, verbose)
    lines += _reasons(report, "unsupported", "Not supported by the target")
    lines += _reasons(report, "expected", "Expected to fail, and did")
    lines += _reasons(report, "not run", "Not run")
    lines += ["", verdict(report)]
    return "\n".join(lines) + "\n"


def _scope(report: Report) -> str:
    entries = {outcome.entry for outcome in report.outcomes}
    cases = {outcome.name for outcome in report.outcomes}
    return (
        f"{counted(len(entries), 'method')}, {counted(len(cases), 'case')}, "
        f"{counted(len(report.outcomes), 'comparison')} in {report.seconds:.1f} s"
    )


def counted(number: int, noun: str) -> str:
    """The number with its noun, in the plural unless it is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(report: Report) -> list[str]:
    counts = report.counts()
    if not counts:
        return ["nothing was compared"]
    shown = [s for s in STATUSES if s in ("pass", "fail") or any(c[s] for c in counts.values())]
    names, cells = {level: level for level in counts}, [CELL for _ in shown]
    if max(map(len, counts)) + sum(cells) > columns():
        names = {level: key for key, level in LEVEL_KEYS.items() if level in counts}
        cells = [max(len(status), 5) + 2 for status in shown]
    width = max(map(len, names.values()))
    rows = [f"{'':{width}}" + "".join(map(str.rjust, shown, cells))]
    for level, counter in [*counts.items(), ("total", _total(counts))]:
        if level == "total":
            rows.append("-" * len(rows[0]))
        numbers = (str(counter[status] or "-") for status in shown)
        rows.append(f"{names.get(level, level):{width}}" + "".join(map(str.rjust, numbers, cells)))
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
        number = counted(len(outcomes), "comparison")
        yield from _labelled("follows", f"{subject}{words} ({number})")
        for other in outcomes if verbose else outcomes[:1]:
            yield from _labelled("", report.replay(other), wrap=False)


def _labelled(label: str, text: str, wrap: bool = True) -> list[str]:
    head, rest = f"  {label:{LABEL}}", " " * (LABEL + 2)
    parts: list[str] = []
    for line in text.split("\n"):
        indent = rest if parts else head
        fits = not wrap or len(indent + line) <= columns()
        parts += [indent + line] if fits else wrapped(line, indent, rest)
    return parts


def _reasons(report: Report, status: str, title: str) -> Iterator[str]:
    lines = reasons(report, status)
    if lines:
        yield ""
        yield f"{title}:"
    for line in lines:
        yield from wrapped(line, "  ", "    ")


def reasons(report: Report, status: str) -> list[str]:
    """The reasons of the outcomes of one status, each with its methods and how often it holds."""
    chosen: dict[str, Counter[str]] = {}
    for outcome in report.outcomes:
        if outcome.status == status:
            chosen.setdefault(outcome.message, Counter())[outcome.entry] += 1
    lines = []
    for why, entries in chosen.items():
        names, left = sorted(entries)[:SHOWN], len(entries) - SHOWN
        methods = ", ".join(names) + (f" and {counted(left, 'more method')}" if left > 0 else "")
        lines.append(f"{methods}: {why} ({counted(sum(entries.values()), 'comparison')})")
    return sorted(lines)


def verdict(report: Report) -> str:
    """The last line: how many comparisons passed, failed, or were left out."""
    total = _total(report.counts())
    if report.errors and not report.outcomes:
        return "FAILED: nothing was compared."
    if report.failures or report.errors:
        kinds = counted(sum(found.cause is None for found in report.groups), "kind")
        failed = counted(len(report.failures), "comparison")
        said = [f"{failed} of {sum(total.values())} failed, in {kinds}"] if report.failures else []
        said += [counted(len(report.errors), "error")] if report.errors else []
        return f"FAILED: {', and '.join(said)}."
    if report.exit_status:
        return "FAILED: nothing could be compared."
    left = total["unsupported"] + total["expected"] + total["not run"]
    rest = f", {left} more are listed above with their reasons" if left else ""
    return f"passed: {counted(total['pass'], 'comparison')}{rest}."
