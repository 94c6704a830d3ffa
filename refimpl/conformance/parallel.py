"""Cases of a target checked by several processes.

Each process loads the target again and works on a few cases at a time; what comes back is joined in
the order of a run without processes, so that the report is the same.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl.autograd.compare import Comparison
from refimpl.spec import Case, Entry, find

from .cases import problem_of
from .failure import Failure
from .frameworks import framework
from .outcome import Outcome
from .points import Expected, expect
from .target import Implementation, Target

CHUNK = 8  # cases that a process is given at a time


@dataclass(frozen=True)
class Difference:
    """The part of a failure that travels between processes."""

    check: str
    name: str
    result: Comparison
    got: np.ndarray
    right: np.ndarray


Packed = tuple[Outcome, Difference | None]


def in_processes(
    target: Target, claim: Implementation, cases: list[Case], options: Any
) -> Iterator[Outcome]:
    """The outcomes of one function at the cases, from `options.jobs` processes."""
    index = target.implementations.index(claim)
    names = [case.name for case in cases]
    chunks = [names[i : i + CHUNK] for i in range(0, len(names), CHUNK)]
    plain = replace(options, jobs=1)
    entry = find(claim.entry)
    rebuild = _Rebuild(claim, entry, {case.name: case for case in cases}, options)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(options.jobs, len(chunks) or 1), context) as pool:
        tasks = [pool.submit(_work, target.name, index, chunk, plain) for chunk in chunks]
        for task in options.progress(tasks, f"{entry.name}, {CHUNK} cases at a time"):
            for outcome, difference in task.result():
                yield rebuild(outcome, difference)


_targets: dict[str, Target] = {}


def _work(name: str, index: int, cases: list[str], options: Any) -> list[Packed]:
    """In a process of its own: the outcomes at some cases."""
    from .check import outcomes_at, quiet
    from .loading import load

    target = _targets.setdefault(name, load(name)) if name not in _targets else _targets[name]
    claim = target.implementations[index]
    entry = find(claim.entry)
    wanted = set(cases)
    with quiet():
        return [
            _pack(outcome)
            for case in entry.generate(options.seed)
            if case.name in wanted
            for outcome in outcomes_at(claim, entry, case, options, target.path)
        ]


def _pack(outcome: Outcome) -> Packed:
    failure = outcome.failure
    if failure is None:
        return outcome, None
    packed = Difference(failure.check, failure.name, failure.result, failure.got, failure.right)
    return replace(outcome, failure=None), packed


class _Rebuild:
    """Gives outcomes their failures back, with which they are explained."""

    def __init__(
        self, claim: Implementation, entry: Entry, cases: dict[str, Case], options: Any
    ) -> None:
        self.claim, self.entry, self.cases, self.options = claim, entry, cases, options
        self.known: dict[str, tuple[Implementation, Case, Expected]] = {}

    def __call__(self, outcome: Outcome, difference: Difference | None) -> Outcome:
        if difference is None:
            return outcome
        if outcome.case not in self.known:
            self.known[outcome.case] = self._point(self.cases[outcome.case])
        claim, case, expected = self.known[outcome.case]
        failure = Failure(
            entry=self.entry,
            case=case,
            check=difference.check,
            name=difference.name,
            target=problem_of(claim, self.entry, case),
            module=framework(claim.framework),
            expected=expected,
            result=difference.result,
            got=difference.got,
            right=difference.right,
            tolerance=self.entry.tolerance(case),
        )
        return replace(outcome, failure=failure)

    def _point(self, case: Case) -> tuple[Implementation, Case, Expected]:
        from .check import in_format

        claim, near = in_format(self.claim, self.entry, case, self.options)
        assert near is not None
        return claim, near, expect(self.entry, near, self.options.seed)
