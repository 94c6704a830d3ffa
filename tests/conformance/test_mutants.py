"""Mutation testing of the checker: seeded mistakes are found, and most are named."""

import re
from pathlib import Path

import pytest
from ported_methods import namespace

from refimpl.conformance.check import check_target
from refimpl.conformance.outcome import LEVEL_KEYS
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, implementations_in
from refimpl.spec import all_entries


def read(paragraph):
    """Title, replaced text, replacement, and the pattern of words, which may be empty."""
    title, *lines = paragraph.splitlines()
    parts = ("\n".join(line[2:] for line in lines if line[0] == sign) for sign in "-+?")
    return title, *parts


_, *PARAGRAPHS = (Path(__file__).parent / "mutants.txt").read_text("utf-8").strip().split("\n\n")
MUTANTS = [read(paragraph) for paragraph in PARAGRAPHS]


@pytest.mark.parametrize("title, old, new, words", MUTANTS, ids=[m[0] for m in MUTANTS])
def test_a_mistake_is_found_and_named(title, old, new, words):
    method = title.partition(":")[0]
    claims = implementations_in({method: namespace("refimpl", (old, new))[method]})
    report = check_target(Target("ported.py", claims, "ported.py"), Options(max_cases=40))
    assert report.failures, "the mistake is not found"
    assert not any("reference itself failed" in outcome.message for outcome in report.failures)
    named = "; ".join(naming(found.example) for found in report.groups)
    assert re.search(words, named), text_report(report)


def naming(outcome):
    """What a report says about the kind of a mistake, without its numbers and names."""
    parts = [outcome.hint, *(text for label, text in outcome.details if label in ("path", "who"))]
    if outcome.message.startswith("dtype") or outcome.level == LEVEL_KEYS["consistency"]:
        parts.append(outcome.message)
    return "; ".join(parts)


def test_there_are_enough_mistakes_over_all_packages_and_most_are_named():
    methods = {title.partition(":")[0] for title, *_ in MUTANTS}
    claims = implementations_in(namespace("refimpl"))
    entries = {claim.entry for claim in claims if claim.label in methods}
    assert len(MUTANTS) >= 95
    assert len(entries) == len(methods) == 21
    assert {name.partition(".")[0] for name in entries} == {
        name.partition(".")[0] for name in all_entries()
    }
    assert sum(bool(words) for *_, words in MUTANTS) >= 78
