"""Everything that one function is asked at one case, in the format that the options name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from refimpl.spec import CHECKS, Case, Entry

from .cases import check_case
from .clock import Clock
from .consistency import check_consistency, suitable
from .faults import describe
from .guard import Guard
from .invariants import check_invariants
from .low_precision import lowered, rounded
from .outcome import LEVEL_KEYS, Outcome, level_of
from .selection import Options
from .target import Implementation


def outcomes_at(
    claim: Implementation,
    entry: Entry,
    case: Case,
    options: Options,
    path: str | None,
    *,
    itself: bool = False,
) -> Iterator[Outcome]:
    """The outcomes of one function at one case, not yet grouped and explained.

    With `itself`, the function is compared with itself too (see `consistency`).
    """
    claim, guard = options.placed(claim), Guard(path, Clock(options.time_limit))
    checks = [c for c in CHECKS if options.wants_level(level_of(case, c))]
    try:
        if options.dtype is not None:
            yield from _in_format(claim, entry, case, options, guard)
            return
        yield from check_case(claim, entry, case, checks, seed=options.seed, guard=guard)
        said = "values" in checks and "values" in claim.checks  # what is wrong with the call itself
        if options.wants_level(LEVEL_KEYS["invariants"]):
            yield from check_invariants(claim, entry, case, guard=guard, reported=said)
        if itself:
            seed = options.seed
            yield from check_consistency(claim, entry, case, seed=seed, guard=guard, reported=said)
    except Exception as error:  # a fault of the reference must not look like one of the target
        message = f"the reference itself failed, which is a bug in refimpl: {describe(error)}"
        yield Outcome(
            entry.name, case.name, "values", LEVEL_KEYS["values"], "fail", "reference", message
        )


def inward(cases: Iterable[Case], options: Options) -> set[str]:
    """The names of the cases at which a function is compared with itself."""
    return {case.name for case in suitable(cases)} if options.wants_consistency else set()


def in_format(
    claim: Implementation, entry: Entry, case: Case, options: Options
) -> tuple[Implementation, Case | None]:
    """The function and the case as they are asked for; no case where the format has none."""
    claim = options.placed(claim)
    if options.dtype is None:
        return claim, case
    return lowered(claim, options.dtype), rounded(entry, case, options.dtype, options.seed)


def _in_format(
    claim: Implementation, entry: Entry, case: Case, options: Options, guard: Guard
) -> Iterator[Outcome]:
    """The outcomes in another format, counted under dtypes."""
    low, near = in_format(claim, entry, case, options)
    if near is None:
        return
    wanted = [c for c in CHECKS if {LEVEL_KEYS[c], LEVEL_KEYS["dtypes"]} & options.level_names]
    for outcome in check_case(low, entry, near, wanted, seed=options.seed, guard=guard):
        yield replace(outcome, level=LEVEL_KEYS["dtypes"])


@contextmanager
def quiet() -> Iterator[None]:
    """No floating-point warnings: overflow and division by zero are compared, not reported."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
