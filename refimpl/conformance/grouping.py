"""Failures that are alike are one finding: the simplest of them speaks for the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .outcome import Outcome


@dataclass(frozen=True)
class Group:
    """Failures of one entry with the same subject and the same symptom, the simplest first."""

    outcomes: tuple[Outcome, ...]

    @property
    def example(self) -> Outcome:
        """The one to show: the fewest numbers, float64 rather than float32."""
        return self.outcomes[0]


def group(failures: Iterable[Outcome]) -> list[Group]:
    """The failures by entry, check, subject and hint, in the order in which they appeared."""
    found: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in failures:
        found.setdefault(_key(outcome), []).append(outcome)
    return [Group(tuple(sorted(members, key=_simplicity))) for members in found.values()]


def _key(outcome: Outcome) -> tuple[str, ...]:
    symptom = outcome.hint.partition(":")[0] if outcome.hint else ""
    if outcome.failure is None:  # an exception, a dtype, an invariant: the words are the symptom
        symptom = outcome.message[:40]
    return outcome.entry, outcome.check, outcome.subject, symptom


def _simplicity(outcome: Outcome) -> tuple[bool, bool, int, str]:
    degenerate = outcome.failure is not None and outcome.failure.right.size < 2
    return outcome.level == "dtypes", degenerate, outcome.size, outcome.case
