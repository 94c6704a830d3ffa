"""The report as one HTML page, which needs neither a network nor scripts.

A matrix of methods and packages, a table of methods and levels, and every finding with its
explanation, its worst elements and heat maps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources
from typing import NamedTuple, TextIO

from refimpl import __version__

from .grouping import Group
from .heatmap import heat_maps
from .outcome import LEVELS, Outcome, Report
from .report import counted, reasons, verdict
from .worst import worst_elements

Row = Sequence[str]
REPLAYS = 20  # commands listed below a finding


class Column(NamedTuple):
    """One column of the matrix: what was checked, and its outcomes."""

    title: str
    report: Report
    function: str | None

    def outcomes(self, entry: str) -> list[Outcome]:
        """The outcomes about one method."""
        return [
            o
            for o in self.report.outcomes
            if o.entry == entry and self.function in (None, o.function)
        ]


def html_report(reports: Report | Iterable[Report]) -> str:
    """The page for one report, or for several side by side."""
    several = [reports] if isinstance(reports, Report) else list(reports)
    title = "refimpl check " + ", ".join(report.target for report in several)
    css = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(_summary(report) for report in several),
        _matrix(several),
        *(_levels(report) for report in several),
        *(part for i, report in enumerate(several) for part in _findings(report, i)),
        *(_reasons(report) for report in several),
        f'<p class="small">Written by refimpl {escape(__version__)}.</p>',
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _summary(report: Report) -> str:
    kind = "fail" if report.exit_status else "pass"
    versions = ", ".join(f"{name} {version}" for name, version in report.packages.items())
    about = f" ({versions}; seed {report.seed})" if versions else f" (seed {report.seed})"
    errors = "".join(f'<p class="fail">{escape(error)}</p>' for error in report.errors)
    text = f'<p><b>{escape(report.target)}</b>{escape(about)}: <span class="{kind}">'
    return f"{text}{escape(verdict(report))}</span></p>{errors}"


def _matrix(reports: Sequence[Report]) -> str:
    """Methods by packages; a file with several functions for a method has a column for each."""
    columns = [column for report in reports for column in _columns(report)]
    entries = dict.fromkeys(o.entry for report in reports for o in report.outcomes)
    head = _row(["method", *(escape(column.title) for column in columns)], "th")
    rows = []
    for entry in entries:
        cells = "".join(
            _cell(column.outcomes(entry), f"{reports.index(column.report)}-{entry}")
            for column in columns
        )
        rows.append(f'<tr><th scope="row">{escape(entry)}</th>{cells}</tr>')
    return _table("matrix", "Methods and packages", head, rows)


def _columns(report: Report) -> Iterator[Column]:
    version = report.packages.get(report.target, "")
    title = f"{report.target} {version}".strip()
    functions: dict[str, set[str]] = {}
    for outcome in report.outcomes:
        functions.setdefault(outcome.entry, set()).add(outcome.function)
    if all(len(names) <= 1 for names in functions.values()):
        yield Column(title, report, None)
        return
    for name in dict.fromkeys(outcome.function for outcome in report.outcomes):
        yield Column(f"{title}: {name}", report, name)


def _cell(outcomes: list[Outcome], anchor: str) -> str:
    statuses = Counter(outcome.status for outcome in outcomes)
    if not statuses:
        return '<td class="none">-</td>'
    if failed := statuses["fail"]:
        href = escape(f"#{anchor}", quote=True)
        return f'<td class="fail"><a href="{href}">✗ {failed} of {len(outcomes)} fail</a></td>'
    if known := statuses["expected"]:
        return f'<td class="known">~ {known} of {len(outcomes)} deviate</td>'
    if passed := statuses["pass"]:
        return f'<td class="pass">✓ {passed}</td>'
    return '<td class="none">not offered</td>'


def _levels(report: Report) -> str:
    """Methods by levels: how many passed of how many that were compared."""
    levels = [level for level in LEVELS if any(o.level == level for o in report.outcomes)]
    if not levels:
        return ""
    counts: dict[str, dict[str, Counter[str]]] = {}
    for outcome in report.outcomes:
        row = counts.setdefault(outcome.entry, {level: Counter() for level in levels})
        row[outcome.level][outcome.status] += 1
    rows = []
    for entry, row in counts.items():
        cells = "".join(_count(row[level]) for level in levels)
        rows.append(f'<tr><th scope="row">{escape(entry)}</th>{cells}</tr>')
    caption = f"{report.target}: comparisons that passed, by level"
    return _table("levels", caption, _row(["method", *levels], "th"), rows)


def _count(statuses: Counter[str]) -> str:
    compared = statuses["pass"] + statuses["fail"] + statuses["expected"]
    if not compared:
        return '<td class="none number">-</td>'
    kind = "fail" if statuses["fail"] else "known" if statuses["expected"] else "pass"
    return f'<td class="number {kind}">{statuses["pass"]} of {compared}</td>'


def _row(cells: Row, tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def _table(kind: str, caption: str, head: str, rows: Iterable[str]) -> str:
    body = "\n".join(rows)
    return (
        f'<div class="scroll"><table class="{kind}"><caption>{escape(caption)}</caption>'
        f"<thead>{head}</thead><tbody>\n{body}\n</tbody></table></div>"
    )


def _findings(report: Report, number: int) -> Iterator[str]:
    roots = [found for found in report.groups if found.cause is None]
    if roots:
        yield f"<h2>Findings: {escape(report.target)}</h2>"
    seen: set[str] = set()
    for found in roots:
        entry = found.example.entry
        anchor = f' id="{escape(f"{number}-{entry}", quote=True)}"' if entry not in seen else ""
        seen.add(entry)
        yield f"<article{anchor}>{''.join(_finding(report, found))}</article>"


def _finding(report: Report, found: Group) -> Iterator[str]:
    first = found.example
    yield f"<h3>{escape(f'{first.function}: {first.name}' if first.function else first.name)}</h3>"
    what = f"{first.subject}: {first.message}" if first.subject else first.message
    hint = [("hint", first.hint)] if first.hint else []
    following = [g for g in report.groups if g.cause is found]
    effects = [
        (f"{g.example.subject} ({counted(len(g.outcomes), 'comparison')})") for g in following
    ]
    consequences = [("follows", "\n".join(effects))] if effects else []
    lines = [("what", what), *first.details, *hint, *consequences]
    yield f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in lines)}</dl>"
    if first.failure is not None:
        yield from _elements(first)
        yield heat_maps(first.failure)
    commands = "\n".join(report.replay(outcome) for outcome in found.outcomes[:REPLAYS])
    left = len(found.outcomes) - REPLAYS
    more = f"\nand {left} more" if left > 0 else ""
    number = counted(len(found.outcomes), "comparison")
    yield f"<details open><summary>{number}; to repeat one of them</summary>"
    yield f"<pre>{escape(commands + more)}</pre></details>"


def _elements(outcome: Outcome) -> Iterator[str]:
    assert outcome.failure is not None
    rows = [
        _row(
            [
                f"{list(element.position)}",
                f"{element.actual:.9g}",
                f"{element.expected:.9g}",
                f"{element.absolute:.2g}",
                f"{element.ulp:.3g}",
            ]
        )
        for element in worst_elements(outcome.failure)
    ]
    if rows:
        head = _row(["element", "yours", "reference", "absolute", "ULP"], "th")
        yield _table("worst", "Worst elements", head, rows)


def _reasons(report: Report) -> str:
    parts = []
    for title, status in (
        ("Deviates for a known reason", "expected"),
        ("Not supported by the target", "unsupported"),
        ("Not run", "not run"),
    ):
        items = [f"<li>{escape(line)}</li>" for line in reasons(report, status)]
        if items:
            parts.append(f"<h2>{title}: {escape(report.target)}</h2><ul>{''.join(items)}</ul>")
    return "".join(parts)


def write_html(report: Report, stream: TextIO) -> None:
    """Write the page to an open text file."""
    stream.write(html_report(report))
