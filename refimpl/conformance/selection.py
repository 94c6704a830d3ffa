"""Which part of a check is run, and where."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from refimpl.spec import Case, Entry
from refimpl.validation import choose, positive, whole

from .known import KnownFailures
from .low_precision import DTYPES
from .outcome import LEVEL_KEYS, Outcome
from .target import Implementation

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


def _silent(items: Iterable[Any], label: str) -> Iterable[Any]:
    return items


@dataclass(frozen=True)
class Options:
    """Which part of the check to run.

    cases       pattern of `entry/case` names (fnmatch), or several; everything by default
    methods     patterns of entry names, of which one must match as well; all by default
    levels      short names from LEVEL_KEYS; all by default
    function    name of the function to check, when a target has several; all by default
    max_cases   at most so many cases per entry, spread evenly over them
    fail_fast   stop after the first finding
    jobs        number of processes of their own that functions run in; with 0, they run in this
                one. Processes find the target by its name, as `load` does
    dask        address of a Dask scheduler, whose workers find the target by its path
    time_limit  seconds that all calls of a function at one case may take. With jobs=0 this is an
                alarm, which needs the main thread of a POSIX system, and does not end code that
                never comes back to Python
    dtype       float16 or bfloat16, to run the smooth cases in that format instead
    device      where functions get their inputs, instead of where their marks say
    known       failures that are known in advance, besides those that the target announces
    """

    seed: int = 0
    cases: str | tuple[str, ...] = "*"
    methods: tuple[str, ...] = ("*",)
    levels: tuple[str, ...] = tuple(LEVEL_KEYS)
    function: str | None = None
    max_cases: int | None = None
    fail_fast: bool = False
    jobs: int = 0
    dask: str | None = None
    time_limit: float | None = None
    dtype: str | None = None
    device: str | None = None
    known: KnownFailures | None = field(default=None, compare=False)
    progress: Progress = field(default=_silent, compare=False)

    def __post_init__(self) -> None:
        """ValueError or TypeError for what has no meaning."""
        for level in self.levels:
            choose(level, LEVEL_KEYS, "levels")
        whole(self.seed, "seed")
        whole(self.jobs, "jobs")
        if self.max_cases is not None:
            whole(self.max_cases, "max_cases", minimum=1)
        if self.dtype is not None:
            choose(self.dtype, DTYPES, "dtype")
        if self.time_limit is not None:
            positive(self.time_limit, "time_limit")

    @property
    def complete(self) -> bool:
        """Whether nothing is left out."""
        narrowed = self.cases != "*" or self.methods != ("*",) or self.function is not None
        narrowed = narrowed or self.dtype is not None
        return not narrowed and self.levels == tuple(LEVEL_KEYS) and self.max_cases is None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of case names."""
        return (self.cases,) if isinstance(self.cases, str) else self.cases

    def wants_level(self, level: str) -> bool:
        """Whether comparisons of that level are made."""
        return level in self.level_names

    @property
    def level_names(self) -> set[str]:
        """The names of the levels, as reports have them."""
        return {LEVEL_KEYS[name] for name in self.levels}

    @property
    def wants_consistency(self) -> bool:
        """Whether an implementation is compared with itself, which is done in float64."""
        return self.dtype is None and self.wants_level(LEVEL_KEYS["consistency"])

    def in_a_worker(self) -> Options:
        """The same for a worker, which hands out nothing and shows nothing."""
        return replace(self, jobs=0, dask=None, known=None, progress=_silent)

    def placed(self, claim: Implementation) -> Implementation:
        """The function, given its inputs on the device that is asked for."""
        return claim if self.device is None else replace(claim, device=self.device)

    def marked(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes, failures that are known marked; findings for what is known in vain."""
        if self.known is None:
            yield from outcomes
            return
        yield from self.known.mark(outcomes)
        if self.complete:
            yield from self.known.unmet()

    def wants(self, entry: str, case: str = "*") -> bool:
        """Whether a pattern matches: an entry, or one of its cases."""
        if not any(fnmatch.fnmatchcase(entry, method) for method in self.methods):
            return False
        return any(_matches(pattern, entry, case) for pattern in self.patterns)

    def select(self, entry: Entry) -> list[Case]:
        """The cases of an entry that match, thinned out to `max_cases`."""
        cases = [case for case in entry.generate(self.seed) if self.wants(entry.name, case.name)]
        if self.max_cases is None or len(cases) <= self.max_cases:
            return cases
        steps = np.linspace(0, len(cases) - 1, self.max_cases)
        return [cases[round(float(i))] for i in steps]


def _matches(pattern: str, entry: str, case: str) -> bool:
    if case == "*":  # could any case of this entry match?
        return fnmatch.fnmatchcase(entry, pattern.partition("/")[0])
    return fnmatch.fnmatchcase(f"{entry}/{case}", pattern) or (
        "/" not in pattern and fnmatch.fnmatchcase(entry, pattern)
    )
