"""Failures that are known in advance. They need a reason, and they must happen."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .outcome import LEVEL_KEYS, Outcome


def covering(patterns: Iterable[str], texts: tuple[str, ...]) -> list[str]:
    """The patterns whose parts, separated by colons, match the texts from the first on."""
    return [
        pattern for pattern in patterns if all(map(fnmatch.fnmatchcase, texts, pattern.split(":")))
    ]


def as_expected(outcome: Outcome, reason: str) -> Outcome:
    """The failure as one that is known, for that reason."""
    return replace(outcome, status="expected", message=reason)


class ExpectedFailures:
    """The reasons of one implementation, by pattern: `CASE`, `CASE:CHECK` or `CASE:CHECK:SYMPTOM`.

    Each part may have wildcards; a check is `values`, `vjp`, `jvp`, `second_order` or the name of
    an invariant, and the symptoms are those of the JSON report.
    """

    def __init__(self, entry: str, function: str, reasons: Mapping[str, str]) -> None:
        self.entry, self.function, self.reasons = entry, function, dict(reasons)
        self.met: set[str] = set()

    def mark(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes, with failures that a pattern covers marked as expected."""
        for outcome in outcomes:
            texts = (outcome.case, outcome.check, outcome.symptom)
            found = covering(self.reasons, texts) if outcome.failed else []
            self.met.update(found)
            yield as_expected(outcome, self.reasons[found[0]]) if found else outcome

    def unmet(self) -> Iterator[Outcome]:
        """A finding for each pattern that nothing failed for: its reason no longer holds."""
        for pattern, reason in self.reasons.items():
            if pattern not in self.met:
                outcome = Outcome(self.entry, "", "values", LEVEL_KEYS["values"], "fail")
                outcome.subject, outcome.function = "expected failure", self.function
                outcome.message = f"nothing fails for {pattern!r} any more ({reason}): remove it"
                yield outcome
