"""JUnit XML, which CI servers and editors read: a test suite per method, a test per comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO
from xml.etree import ElementTree as ET

from .notes import notes_of
from .outcome import Outcome
from .run_report import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = {"expected": "expected to fail", "unsupported": "not supported", "not run": "not run"}


def junit_report(report: Report) -> ET.Element:
    """The report as an XML tree.

    Failures carry their explanation and the command that repeats them. What is unsupported, not
    run, or fails for a reason given in advance is skipped with that reason.
    """
    root = ET.Element("testsuites", name=f"refimpl check {report.target}")
    suites: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        suites.setdefault(outcome.entry, []).append(outcome)
    for name, outcomes in suites.items():
        suite = _suite(root, name, outcomes)
        for outcome in outcomes:
            _test(suite, report, outcome)
    if report.errors:
        _errors(root, report.errors)
    statuses = [outcome.status for outcome in report.outcomes]
    _count(root, statuses, errors=len(report.errors))
    root.set("time", f"{report.seconds:.3f}")
    return root


def _suite(root: ET.Element, name: str, outcomes: list[Outcome]) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=_text(name))
    _count(suite, [outcome.status for outcome in outcomes])
    return suite


def _count(element: ET.Element, statuses: list[str], errors: int = 0) -> None:
    numbers = {
        "tests": len(statuses) + errors,
        "failures": statuses.count("fail"),
        "errors": errors,
        "skipped": sum(status in _SKIPPED for status in statuses),
    }
    for key, number in numbers.items():
        element.set(key, str(number))


def _test(suite: ET.Element, report: Report, outcome: Outcome) -> None:
    parts = [outcome.case or outcome.entry, outcome.check]
    if outcome.subject not in ("", outcome.check):
        parts.append(outcome.subject)
    owner = ".".join(part for part in (outcome.entry, outcome.function) if part)
    test = ET.SubElement(suite, "testcase", classname=_text(owner), name=_text(": ".join(parts)))
    if outcome.failed:
        failure = ET.SubElement(
            test, "failure", message=_text(outcome.message), type=_text(outcome.check)
        )
        failure.text = _text("\n".join(_explanation(report, outcome)))
    elif outcome.status in _SKIPPED:
        reason = f"{_SKIPPED[outcome.status]}: {outcome.message}"
        ET.SubElement(test, "skipped", message=_text(reason))


def _explanation(report: Report, outcome: Outcome) -> Iterable[str]:
    yield outcome.message
    yield from (f"{label}: {text}" for label, text in outcome.details)
    if not any(label == "flag" for label, _ in outcome.details):
        notes = notes_of(outcome).items()
        yield from (f"flag: {flag}: {note.description} {note.effect}" for flag, note in notes)
    if outcome.hint:
        yield f"hint: {outcome.hint}"
    yield f"replay: {report.replay(outcome)}"


def _errors(root: ET.Element, errors: list[str]) -> None:
    suite = ET.SubElement(root, "testsuite", name="target")
    _count(suite, [], errors=len(errors))
    for number, message in enumerate(errors, start=1):
        test = ET.SubElement(suite, "testcase", classname="target", name=str(number))
        ET.SubElement(test, "error", message=_text(message))


def _text(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def write_junit(report: Report, stream: TextIO) -> None:
    """Write the JUnit XML report to an open text file."""
    tree = junit_report(report)
    ET.indent(tree, " ")
    stream.write("<?xml version='1.0' encoding='utf-8'?>\n")
    stream.write(ET.tostring(tree, encoding="unicode") + "\n")
