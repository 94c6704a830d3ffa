"""Failures that are known in advance. They need a reason, and they must happen."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .faults import printable
from .names import did_you_mean
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
        self._parts = {pattern: pattern.split(":") for pattern in reasons}
        self._met: set[str] = set()
        self._places: dict[str, None] = {}
        self._seen: dict[str, set[tuple[str, str]]] = {pattern: set() for pattern in reasons}

    def place(self, outcome: Outcome) -> str:
        """What the first part of a pattern is compared with."""
        return outcome.case

    def method(self, pattern: str) -> tuple[str, str]:
        """The method, and the function or "", that a pattern is about."""
        raise NotImplementedError

    def mark(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes, with failures that a pattern covers marked as expected."""
        for outcome in outcomes:
            self._look(outcome)
            found = self._covering(outcome) if outcome.failed else []
            self._met.update(found)
            reason = self.reasons[found[0]] if found else ""
            yield replace(outcome, status="expected", message=reason) if found else outcome

    def _look(self, outcome: Outcome) -> None:
        """Keep what there is at the cases that patterns name, for those that are not met."""
        place = self.place(outcome)
        self._places[place] = None
        for pattern, (case, *_) in self._parts.items():
            if fnmatch.fnmatchcase(place, case):
                self._seen[pattern].add((outcome.check, outcome.status))

    def _covering(self, outcome: Outcome) -> list[str]:
        texts = (self.place(outcome), outcome.check, outcome.symptom)
        parts = self._parts.items()
        return [p for p, wanted in parts if all(map(fnmatch.fnmatchcase, texts, wanted))]

    def unmet(self) -> Iterator[Outcome]:
        """A finding for each pattern that nothing failed for: what it says does not hold."""
        for pattern, reason in self.reasons.items():
            if pattern not in self._met:
                method, function = self.method(pattern)
                outcome = Outcome(method, "", "values", LEVEL_KEYS["values"], "fail")
                outcome.subject, outcome.function = self.subject, function
                outcome.message = f"{self._vain(pattern)} ({reason})"
                yield outcome

    def _vain(self, pattern: str) -> str:
        """Why nothing failed for a pattern: it is misspelt, out of date, or not compared."""
        case, *others = self._parts[pattern]
        seen = self._seen[pattern]
        if not seen:
            method = case[: case.rfind("/") + 1]
            there = [p.removeprefix(method) for p in self._places if p.startswith(method)]
            near = did_you_mean(case.removeprefix(method), there)
            return f"{pattern!r} names no case that is checked{near and '; ' + near}"
        statuses = {
            status for check, status in seen if fnmatch.fnmatchcase(check, (*others, "*")[0])
        }
        if not statuses:
            checks = ", ".join(sorted({check for check, _ in seen}))
            return f"{pattern!r} names no comparison of its cases, which are {checks}"
        if statuses & {"fail", "expected"}:
            return f"what fails for {pattern!r} has other symptoms, or is expected already"
        if "pass" not in statuses:
            return f"nothing is compared for {pattern!r}: it is unsupported, or not run"
        return f"nothing fails for {pattern!r} any more: remove it"


class ExpectedFailures(Announced):
    """The reasons that the mark of one function gives."""

    def __init__(self, entry: str, function: str, reasons: Mapping[str, str]) -> None:
        super().__init__(reasons)
        self.entry, self.function = entry, function

    def method(self, pattern: str) -> tuple[str, str]:
        """Those of the mark."""
        return self.entry, self.function
