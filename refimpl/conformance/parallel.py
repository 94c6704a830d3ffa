"""Cases of a target checked by several workers: processes here, or those of a Dask cluster.

Each worker loads the target again and works on a few cases at a time; what comes back is joined in
the order of a run without workers, so that the report is the same.
"""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.autograd.compare import Comparison
from refimpl.spec import Case, Entry, find

from .at_case import in_format, inward, outcomes_at, quiet
from .cases import problem_of
from .cluster import cluster
from .failure import Failure
from .faults import describe, origin_in
from .frameworks import framework
from .guard import too_late
from .loading import LoadError, load
from .outcome import Outcome, level_of
from .points import Expected, expect
from .processes import DeadProcessError, Processes
from .run_report import CRASH, interruptible_at
from .selection import Options
from .target import Implementation, Target


@dataclass(frozen=True)
class Difference:
    """The part of a failure that travels between workers."""

    check: str
    name: str
    result: Comparison
    got: np.ndarray
    right: np.ndarray


Packed = tuple[Outcome, Difference | None]


@contextmanager
def workers(options: Options) -> Iterator[Any]:
    """What calls can be submitted to, as the options say; None to do everything here."""
    if options.dask is not None:
        with cluster(options.dask) as found:
            yield found
    elif options.jobs:
        with closing(Processes(options.jobs)) as pool:
            yield pool
    else:
        yield None


class Sweep:
    """The cases of functions of a target, all handed to the workers before the first is awaited."""

    def __init__(self, pool: Any, target: Target, options: Options) -> None:
        self.pool, self.options = pool, options
        self.source = _Source(target.path or target.name, _content(target.path))
        self.plain = options.in_a_worker()
        self.target = target
        self.tasks: dict[int, list[tuple[list[Case], Any]]] = {}

    def add(self, claim: Implementation, cases: list[Case]) -> None:
        """Submit the cases of a function."""
        index, some = self.target.implementations.index(claim), self.pool.together
        inner = inward(cases, self.options)
        chunks = [cases[i : i + some] for i in range(0, len(cases), some)]
        self.tasks[index] = [(chunk, self._submit(index, chunk, inner)) for chunk in chunks]

    def _submit(self, index: int, cases: list[Case], inner: set[str]) -> Any:
        names = [case.name for case in cases]
        return self.pool.submit(_work, self.source, index, names, inner, self.plain)

    def outcomes(self, claim: Implementation, cases: list[Case]) -> Iterator[Outcome]:
        """The outcomes of a function, in the order of its cases."""
        entry = find(claim.entry)
        rebuild = _Rebuild(claim, entry, {case.name: case for case in cases}, self.options)
        tasks = self.tasks.pop(self.target.implementations.index(claim))
        for chunk, task in self.options.progress(tasks, entry.name):
            try:
                with interruptible_at(entry.name, chunk[0].name):
                    found = task.result()
            except Exception as error:
                yield self._broken(claim, chunk, error)
                continue
            for outcome, difference in found:
                yield rebuild(outcome, difference)

    def _broken(self, claim: Implementation, cases: list[Case], error: Exception) -> Outcome:
        """The finding about cases that a worker has not come back from."""
        first, limit = cases[0], self.options.time_limit
        outcome = Outcome(claim.entry, first.name, "values", level_of(first, "values"), "fail")
        outcome.subject, outcome.function, outcome.flags = "call", claim.label, first.flags
        if not isinstance(error, DeadProcessError):
            more = f" (at this case or the next {len(cases) - 1})" if len(cases) > 1 else ""
            outcome.message = f"a worker has stopped: {describe(error)}{more}"
        elif error.last_words:
            where = origin_in(error.last_words, self.target.path)
            stuck = f", did not come back to Python{where}, and its process was ended"
            outcome.message = too_late(limit, stuck)
        else:
            outcome.message, outcome.symptom = str(error), CRASH
        return outcome


@dataclass(frozen=True)
class _Source:
    """Where a worker finds the target, and what its file must hold."""

    name: str
    content: int


def _content(path: str | None) -> int:
    return zlib.crc32(Path(path).read_bytes()) if path else 0


_loaded: dict[_Source, Target] = {}  # a worker of a cluster outlives the check


def _load(source: _Source) -> Target:
    if source not in _loaded:
        target = load(source.name)
        if _content(target.path) != source.content:
            raise LoadError(f"{source.name} is another file on this worker")
        _loaded.clear()
        _loaded[source] = target
    return _loaded[source]


def _work(
    source: _Source, index: int, cases: list[str], inner: set[str], options: Options
) -> list[Packed]:
    """In a worker: the outcomes at some cases. What the target prints goes to standard error."""
    with quiet(), redirect_stdout(sys.stderr):
        target = _load(source)
        claim = target.implementations[index]
        entry = find(claim.entry)
        known = _cases(claim.entry, options.seed)
        return [
            _pack(outcome)
            for case in map(known.__getitem__, cases)
            for outcome in outcomes_at(
                claim, entry, case, options, target.path, itself=case.name in inner
            )
        ]


@functools.lru_cache(maxsize=1)  # calls come entry by entry
def _cases(entry: str, seed: int) -> dict[str, Case]:
    return {case.name: case for case in find(entry).generate(seed)}


def _pack(outcome: Outcome) -> Packed:
    failure = outcome.failure
    if failure is None:
        return outcome, None
    packed = Difference(failure.check, failure.name, failure.result, failure.got, failure.right)
    return replace(outcome, failure=None), packed


class _Rebuild:
    """Gives outcomes their failures back, with which they are explained."""

    def __init__(
        self, claim: Implementation, entry: Entry, cases: dict[str, Case], options: Options
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
        claim, near = in_format(self.claim, self.entry, case, self.options)
        assert near is not None
        return claim, near, expect(self.entry, near, self.options.seed)
