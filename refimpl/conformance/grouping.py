"""Failures that are alike are one finding: the simplest of them speaks for the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .outcome import LEVEL_KEYS, Outcome

_ORDER = {"values": 0, "vjp": 1, "jvp": 2, "second_order": 3}
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")
_MINOR = 4  # a symptom this many times rarer than another one is a look-alike of it
_DISTINCT = ("not_a_number", "reshaped", "dtype")  # but these never are


@dataclass
class Group:
    """Failures of one function with the same subject and the same symptom, the simplest first.

    cause  the finding that this one follows from, if it does: wrong values have wrong derivatives,
           and a wrong gradient has wrong tangents and second derivatives
    """

    outcomes: tuple[Outcome, ...]
    cause: Group | None = field(default=None, repr=False)

    @property
    def example(self) -> Outcome:
        """The one to show: an ordinary case rather than an edge case, and in float64."""
        return self.outcomes[0]

    @property
    def cases(self) -> set[str]:
        """The cases that fail."""
        return {outcome.case for outcome in self.outcomes}


def group(failures: Iterable[Outcome]) -> list[Group]:
    """The failures by function, check, subject and symptom; causes before what they cause."""
    found: dict[tuple[str, ...], dict[str, list[Outcome]]] = {}
    functions: dict[tuple[str, str], int] = {}
    for outcome in failures:
        functions.setdefault(function_of(outcome), len(functions))
        key = (*function_of(outcome), outcome.check, outcome.subject)
        found.setdefault(key, {}).setdefault(_symptom(outcome), []).append(outcome)
    groups = [Group(tuple(g)) for by_symptom in found.values() for g in _merged(by_symptom)]
    groups.sort(key=lambda g: (functions[function_of(g.example)], _ORDER.get(g.example.check, 4)))
    return _by_cause(groups)


def function_of(outcome: Outcome) -> tuple[str, str]:
    """Entry and name of the function that an outcome is about."""
    return outcome.entry, outcome.function


def _symptom(outcome: Outcome) -> str:
    if outcome.failure is not None or outcome.symptom:
        return outcome.symptom
    before, _, after = outcome.message.partition(f"/{outcome.case}.")  # a file of the case
    return _NUMBER.sub("#", after or before)[:60]


def _merged(by_symptom: dict[str, list[Outcome]]) -> list[list[Outcome]]:
    """The lists by symptom, rare array patterns added to the end of the most frequent one.

    On two elements a transposition is a reversal, and where nothing happens every mistake is small.
    """
    ordered = sorted(by_symptom.values(), key=len, reverse=True)
    main, *others = [sorted(outcomes, key=_simplicity) for outcomes in ordered]
    kept = [main]
    for outcomes in others:
        comparable = all(
            o.failure is not None and o.symptom not in _DISTINCT for o in (main[0], outcomes[0])
        )
        if comparable and len(outcomes) * _MINOR <= len(main):
            main.extend(outcomes)
        else:
            kept.append(outcomes)
    return kept


def _simplicity(outcome: Outcome) -> tuple[bool, bool, bool]:
    """Among equals the first, because methods list their plain cases first."""
    unusual = outcome.level == LEVEL_KEYS["edge"]
    degenerate = outcome.failure is not None and outcome.failure.right.size < 2
    return outcome.level == LEVEL_KEYS["dtypes"], degenerate, unusual


def _by_cause(groups: list[Group]) -> list[Group]:
    """The groups, each split into what stands alone and what follows: fails upstream already.

    A promise looks at other points than the case, so that a few cases more follow as well.
    """
    found: list[Group] = []
    for candidate in groups:
        causes = [g for g in found if g.cause is None and _upstream(g.example, candidate.example)]
        failing = set().union(*(cause.cases for cause in causes))
        alone = tuple(o for o in candidate.outcomes if o.case not in failing)
        follows = tuple(o for o in candidate.outcomes if o.case in failing)
        if candidate.example.check not in _ORDER and len(alone) * _MINOR <= len(follows):
            alone, follows = (), candidate.outcomes
        found += [Group(alone)] if alone else []
        found += [Group(follows, causes[0])] if follows else []
    return found


def _upstream(one: Outcome, two: Outcome) -> bool:
    """Whether a failure of the first kind explains one of the second."""
    if function_of(one) != function_of(two):
        return False
    if one.check == "values":
        return two.check != "values"
    return one.check == "vjp" and two.check in ("jvp", "second_order")
