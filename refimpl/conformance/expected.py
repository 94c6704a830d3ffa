"""Failures that are known in advance. They need a reason, and they must happen."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .faults import printable
from .outcome import LEVEL_KEYS, Outcome


class Announced:
    """Reasons by pattern, and which of the patterns have been met.

    A pattern is `CASE`, `CASE:CHECK` or `CASE:CHECK:SYMPTOM`, each part with wildcards; a check is
    `values`, `vjp`, `jvp`, `second_order` or the name of an invariant, and the symptoms are those
    of the JSON report.
    """

    subject = "expected failure"

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = {pattern: printable(reason) for pattern, reason in reasons.items()}
        self.met: set[str] = set()

    def place(self, outcome: Outcome) -> str:
        """What the first part of a pattern is compared with."""
        return outcome.case

    def method(self, pattern: str) -> tuple[str, str]:
        """The method, and the function or "", that a pattern is about."""
        raise NotImplementedError

    def mark(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes, with failures that a pattern covers marked as expected."""
        for outcome in outcomes:
            found = self._covering(outcome) if outcome.failed else []
            self.met.update(found)
            reason = self.reasons[found[0]] if found else ""
            yield replace(outcome, status="expected", message=reason) if found else outcome

    def _covering(self, outcome: Outcome) -> list[str]:
        texts = (self.place(outcome), outcome.check, outcome.symptom)
        parts = {pattern: pattern.split(":") for pattern in self.reasons}
        return [p for p, wanted in parts.items() if all(map(fnmatch.fnmatchcase, texts, wanted))]

    def unmet(self) -> Iterator[Outcome]:
        """A finding for each pattern that nothing failed for: its reason no longer holds."""
        for pattern, reason in self.reasons.items():
            if pattern not in self.met:
                method, function = self.method(pattern)
                outcome = Outcome(method, "", "values", LEVEL_KEYS["values"], "fail")
                outcome.subject, outcome.function = self.subject, function
                outcome.message = f"nothing fails for {pattern!r} any more ({reason}): remove it"
                yield outcome


class ExpectedFailures(Announced):
    """The reasons that the mark of one function gives."""

    def __init__(self, entry: str, function: str, reasons: Mapping[str, str]) -> None:
        super().__init__(reasons)
        self.entry, self.function = entry, function

    def method(self, pattern: str) -> tuple[str, str]:
        """Those of the mark."""
        return self.entry, self.function
