"""The tables of the HTML report: targets, the matrix of methods and packages, levels of a target.

Each family of methods is a part of a table with a head of its own. A cell is short, its colour and
sign say the state, and its tooltip says it in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from .outcome import LEVELS, Outcome
from .report import counted, verdict
from .run_report import Report

LEGEND = (
    ("pass", "✓ 12", "12 comparisons, all passed"),
    ("fail", "✗ 3/12", "3 of 12 fail; leads to the finding"),
    ("known", "~ 3/12", "3 of 12 deviate, for a known reason"),
    ("none", "○", "not supported by the target, or not run"),
    ("none", "", "the target does not have the method"),
)


class Column(NamedTuple):
    """One column of the matrix: what was checked, and its outcomes by method."""

    title: str
    small: str
    number: int
    outcomes: dict[str, list[Outcome]]


def anchor(number: int, entry: str) -> str:
    """The id of the first finding about a method in the report of that number."""
    return f"{number}-{entry}"


def targets(reports: Sequence[Report]) -> str:
    """What was checked, and how it went: a line for one target, a table for several."""
    errors = "".join(
        f'<p class="fail">{escape(error)}</p>' for report in reports for error in report.errors
    )
    if len(reports) == 1:
        (report,) = reports
        about = f"{_versions(report)}; seed {report.seed}".removeprefix("; ")
        text = f'<span class="{_kind(report)}">{escape(verdict(report))}</span>'
        return f'<p>{text} <span class="quiet">({escape(about)})</span></p>{errors}'
    rows = [_target(report) for report in reports]
    head = row(["target", "methods", "passed", "failed", "deviate", "left out"], "th")
    return table("targets", "Targets, and their comparisons", head, rows) + errors


def _target(report: Report) -> str:
    methods = len({outcome.entry for outcome in report.outcomes})
    counts = Counter(outcome.status for outcome in report.outcomes)
    left = counts["unsupported"] + counts["not run"]
    failed = counts["fail"] + len(report.errors)
    cells = (
        ("", methods),
        ("pass" if not report.exit_status else "", counts["pass"]),
        ("fail" if failed else "", failed),
        ("known" if counts["expected"] else "", counts["expected"]),
        ("", left),
    )
    numbers = "".join(f'<td class="number {kind}">{number or "-"}</td>' for kind, number in cells)
    title = escape(verdict(report), quote=True)
    name = f"{breakable(report.target)}<small>{escape(_versions(report))}</small>"
    return f'<tr title="{title}"><th scope="row">{name}</th>{numbers}</tr>'


def _versions(report: Report) -> str:
    return ", ".join(f"{name} {version}" for name, version in report.packages.items())


def _kind(report: Report) -> str:
    return "fail" if report.exit_status else "pass"


def matrix(reports: Sequence[Report]) -> str:
    """Methods by packages; a file with several functions for a method has a column for each."""
    several = len(reports) > 1
    columns = [c for i, report in enumerate(reports) for c in _columns(report, i, several)]
    entries = dict.fromkeys(o.entry for report in reports for o in report.outcomes)
    heads = [
        f'<th scope="col">{breakable(column.title)}'
        + (f"<small>{escape(column.small)}</small>" if column.small else "")
        + "</th>"
        for column in columns
    ]
    head = f'<tr><th scope="col">method</th>{"".join(heads)}</tr>'
    rows = _by_family(
        {
            entry: "".join(
                _cell(c.outcomes.get(entry, []), anchor(c.number, entry)) for c in columns
            )
            for entry in entries
        },
        len(columns) + 1,
    )
    legend = "".join(
        f'<li><span class="cell {kind}">{sign or "&nbsp;"}</span> {words}</li>'
        for kind, sign, words in LEGEND
    )
    return table("matrix", "Methods and packages", head, rows) + f'<ul class="legend">{legend}</ul>'


def _columns(report: Report, number: int, several: bool) -> Iterator[Column]:
    version = report.packages.get(report.target, "")
    functions: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in report.outcomes:
        by_entry = functions.setdefault(outcome.function, {})
        by_entry.setdefault(outcome.entry, []).append(outcome)
    used = Counter(entry for entries in functions.values() for entry in entries)
    if not used or max(used.values()) <= 1:
        merged = {e: outcomes for entries in functions.values() for e, outcomes in entries.items()}
        yield Column(report.target, version, number, merged)
        return
    for name, entries in functions.items():
        words = (name or report.target, report.target) if several else (name or "all", version)
        yield Column(*words, number, entries)


def _by_family(cells: dict[str, str], width: int) -> Iterator[str]:
    """The rows, under a row with the name of each family where there are several."""
    families = [(f, list(names)) for f, names in groupby(cells, lambda n: n.partition(".")[0])]
    for family, names in families:
        if len(families) > 1:
            yield (
                f'<tr class="family"><th colspan="{width}" scope="colgroup">'
                f"<span>{escape(family)}</span></th></tr>"
            )
        for name in names:
            yield f'<tr><th scope="row">{breakable(name)}</th>{cells[name]}</tr>'


def breakable(text: str) -> str:
    """The text escaped, with places where a long name may be broken."""
    return escape(text).replace(".", ".<wbr>").replace("_", "_<wbr>").replace("/", "/<wbr>")


def _cell(outcomes: list[Outcome], name: str) -> str:
    statuses = Counter(outcome.status for outcome in outcomes)
    if not statuses:
        return '<td class="none"></td>'
    compared = statuses["pass"] + statuses["fail"] + statuses["expected"]
    if failed := statuses["fail"]:
        href = escape(f"#{name}", quote=True)
        words = f'title="{failed} of {counted(compared, "comparison")} failed"'
        return f'<td class="fail" {words}><a href="{href}">✗ {failed}/{compared}</a></td>'
    if known := statuses["expected"]:
        words = f'title="{known} of {counted(compared, "comparison")} deviate as expected"'
        return f'<td class="known" {words}>~ {known}/{compared}</td>'
    if passed := statuses["pass"]:
        return f'<td class="pass" title="{counted(passed, "comparison")} passed">✓ {passed}</td>'
    reason = next((o.message for o in outcomes if o.message), "not supported")
    return f'<td class="none" title="{escape(reason, quote=True)}">○</td>'


def levels(report: Report, *, closed: bool) -> str:
    """Methods by levels: how many passed of how many that were compared."""
    known = [level for level in LEVELS if any(o.level == level for o in report.outcomes)]
    if not known:
        return ""
    counts: dict[str, dict[str, Counter[str]]] = {}
    for outcome in report.outcomes:
        by_level = counts.setdefault(outcome.entry, {level: Counter() for level in known})
        by_level[outcome.level][outcome.status] += 1
    rows = _by_family(
        {entry: "".join(map(_count, by_level.values())) for entry, by_level in counts.items()},
        len(known) + 1,
    )
    caption = f"{report.target}: comparisons that passed, by level"
    if not closed:
        return table("levels", caption, row(["method", *known], "th"), rows)
    inner = table("levels", "", row(["method", *known], "th"), rows)
    return f"<details><summary>{escape(caption)}</summary>{inner}</details>"


def _count(statuses: Counter[str]) -> str:
    compared = statuses["pass"] + statuses["fail"] + statuses["expected"]
    if not compared:
        return '<td class="none"></td>'
    kind = "fail" if statuses["fail"] else "known" if statuses["expected"] else "pass"
    passed = statuses["pass"]
    return f'<td class="number {kind}">{passed}{"" if passed == compared else f"/{compared}"}</td>'


def row(cells: Iterable[str], tag: str = "td") -> str:
    """A row of cells that are markup already."""
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def table(kind: str, caption: str, head: str, rows: Iterable[str]) -> str:
    """A table that scrolls by itself where it is too wide or too long."""
    body = "\n".join(rows)
    title = f"<caption><span>{breakable(caption)}</span></caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}">{title}'
        f"<thead>{head}</thead><tbody>\n{body}\n</tbody></table></div>"
    )
