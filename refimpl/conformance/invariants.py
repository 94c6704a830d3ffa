"""The invariants of an entry, checked on an implementation."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from refimpl.spec import Case, Entry, Run

from .cases import problem_of
from .frameworks import framework
from .guard import Guard, not_run
from .outcome import LEVEL_KEYS, Outcome
from .target import Implementation

Arrays = Mapping[str, np.ndarray]


def check_invariants(
    claim: Implementation,
    entry: Entry,
    case: Case,
    *,
    guard: Guard | None = None,
    reported: bool = False,
) -> Iterator[Outcome]:
    """One outcome for each invariant that holds at the case.

    They are not run where the call at the case itself fails, if that is `reported` already.
    """
    chosen = [invariant for invariant in entry.invariants if invariant.when(case)]
    run, guard = _memory(claim, entry, case), guard or Guard()
    at_case = functools.partial(run, case.inputs, case.params)
    _, broken = guard.attempt(at_case) if chosen and reported else (None, None)
    for invariant in chosen:
        call = functools.partial(invariant.check, run, case.inputs, case.params)
        wrong, fault = guard.attempt(call) if broken is None else (None, not_run(broken))
        status, message = fault or (("fail", wrong) if wrong else ("pass", ""))
        outcome = Outcome(entry.name, case.name, invariant.name, LEVEL_KEYS["invariants"], status)
        outcome.subject, outcome.message, outcome.function = invariant.name, message, claim.label
        outcome.flags = case.flags
        if status == "fail":
            outcome.details.append(("promise", invariant.clause))
        yield outcome


def _memory(claim: Implementation, entry: Entry, case: Case) -> Run:
    """The function under test by inputs and parameters; the case itself is evaluated only once."""
    module, target = framework(claim.framework), problem_of(claim, entry, case)
    known: list[dict[str, np.ndarray]] = []

    def run(inputs: Arrays, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
        if inputs is not case.inputs or params is not case.params:
            return module.values(target.at(inputs, params))
        if not known:
            known.append(module.values(target))
        return dict(known[0])

    return run
