"""Failures that are alike are one finding: the simplest of them speaks for the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .outcome import LEVEL_KEYS, Outcome

_ORDER = {"values": 0, "vjp": 1, "jvp": 2, "second_order": 3}
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass
class Group:
    """Failures of one entry with the same subject and the same symptom, the simplest first.

    cause  the finding that this one follows from, if it does: wrong values have wrong derivatives,
           and a wrong gradient has wrong tangents and second derivatives
    """

    outcomes: tuple[Outcome, ...]
    cause: Group | None = field(default=None, repr=False)

    @property
    def example(self) -> Outcome:
        """The one to show: an ordinary case rather than an edge case, float64, few numbers."""
        return self.outcomes[0]


def group(failures: Iterable[Outcome]) -> list[Group]:
    """The failures by entry, check, subject and symptom; causes before what follows from them."""
    found: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in failures:
        found.setdefault(_key(outcome), []).append(outcome)
    groups = [Group(tuple(sorted(members, key=_simplicity))) for members in found.values()]
    groups.sort(key=lambda g: (g.example.entry, _ORDER.get(g.example.check, 4)))
    _find_causes(groups)
    return groups


def _find_causes(groups: list[Group]) -> None:
    """A group follows from others when each of its cases fails further upstream already."""
    for candidate in groups:
        causes = [g for g in groups if g.cause is None and _upstream(g.example, candidate.example)]
        cases = {outcome.case for cause in causes for outcome in cause.outcomes}
        if {outcome.case for outcome in candidate.outcomes} <= cases:
            candidate.cause = causes[0]


def _upstream(one: Outcome, two: Outcome) -> bool:
    """Whether a failure of the first kind explains one of the second."""
    if one.entry != two.entry:
        return False
    if one.check == "values":
        return two.check != "values"
    return one.check == "vjp" and two.check in ("jvp", "second_order")


def _key(outcome: Outcome) -> tuple[str, ...]:
    plain = outcome.failure is None and not outcome.symptom
    symptom = _NUMBER.sub("#", outcome.message)[:60] if plain else outcome.symptom
    return outcome.entry, outcome.check, outcome.subject, symptom


def _simplicity(outcome: Outcome) -> tuple[bool, bool, bool, int, str]:
    unusual = outcome.level == LEVEL_KEYS["edge"]
    degenerate = outcome.failure is not None and outcome.failure.right.size < 2
    return outcome.level == "dtypes", degenerate, unusual, outcome.size, outcome.case
