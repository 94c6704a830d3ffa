"""The report as one HTML page, which needs neither a network nor scripts.

A matrix of methods and packages, a table of methods and levels, and every finding with its
explanation, its worst elements and heat maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from typing import TextIO

from refimpl import __version__

from .grouping import Group
from .heatmap import heat_maps
from .html_matrix import anchor, breakable, levels, matrix, row, table, targets
from .outcome import Outcome
from .report import counted, reasons
from .run_report import Report
from .worst import worst_elements

REPLAYS = 20  # commands listed below a finding
NAMED = 3  # targets named in the title


def html_report(reports: Report | Iterable[Report]) -> str:
    """The page for one report, or for several side by side."""
    several = [reports] if isinstance(reports, Report) else list(reports)
    names = ", ".join(report.target for report in several)
    short = names if len(several) <= NAMED else counted(len(several), "target")
    css = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    parts = [
        f"<h1>refimpl check <span>{breakable(short)}</span></h1>",
        targets(several),
        matrix(several),
        *(levels(report, closed=len(several) > 1) for report in several),
        *(part for i, report in enumerate(several) for part in _findings(report, i)),
        *(_reasons(report) for report in several),
        f'<p class="small">Written by refimpl {escape(__version__)}.</p>',
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>refimpl check {escape(short)}</title>\n<style>\n{css}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _findings(report: Report, number: int) -> Iterator[str]:
    roots = [found for found in report.groups if found.cause is None]
    if roots:
        yield f"<h2>Findings: {breakable(report.target)}</h2>"
    seen: set[str] = set()
    for found in roots:
        entry = found.example.entry
        name = f' id="{escape(anchor(number, entry), quote=True)}"' if entry not in seen else ""
        seen.add(entry)
        yield f"<article{name}>{''.join(_finding(report, found))}</article>"


def _finding(report: Report, found: Group) -> Iterator[str]:
    first = found.example
    function = f"{escape(first.function)}: " if first.function else ""
    yield f"<h3>{function}{breakable(first.name)}</h3>"
    what = f"{first.subject}: {first.message}" if first.subject else first.message
    hint = [("hint", first.hint)] if first.hint else []
    following = [g for g in report.groups if g.cause is found]
    effects = [
        (f"{g.example.subject} ({counted(len(g.outcomes), 'comparison')})") for g in following
    ]
    consequences = [("follows", "\n".join(effects))] if effects else []
    lines = [("what", what), *hint, *first.details, *consequences]
    yield f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in lines)}</dl>"
    if first.failure is not None:
        yield f'<div class="numbers">{"".join(_elements(first))}{heat_maps(first.failure)}</div>'
    yield f"<pre>{escape(report.replay(first))}</pre>"
    if others := found.outcomes[1:]:
        commands = "\n".join(report.replay(outcome) for outcome in others[:REPLAYS])
        left = len(others) - REPLAYS
        more = f"\nand {left} more" if left > 0 else ""
        number = counted(len(others), "more comparison")
        yield f"<details><summary>{number} like this one; to repeat them</summary>"
        yield f"<pre>{escape(commands + more)}</pre></details>"


def _elements(outcome: Outcome) -> Iterator[str]:
    assert outcome.failure is not None
    rows = [
        row(
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
        head = row(["element", "yours", "reference", "absolute", "ULP"], "th")
        yield table("worst", "Worst elements", head, rows)


def _reasons(report: Report) -> str:
    parts = []
    for title, status in (
        ("Deviates for a known reason", "expected"),
        ("Not supported by the target", "unsupported"),
        ("Not run", "not run"),
    ):
        items = [f"<li>{escape(line)}</li>" for line in reasons(report, status)]
        if items:
            parts.append(f"<h2>{title}: {breakable(report.target)}</h2><ul>{''.join(items)}</ul>")
    return "".join(parts)


def write_html(report: Report, stream: TextIO) -> None:
    """Write the page to an open text file."""
    stream.write(html_report(report))
