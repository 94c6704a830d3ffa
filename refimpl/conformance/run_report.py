"""What a run of the checker finds: all outcomes, their counts, and the failures by kind."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .grouping import Group, group
from .outcome import LEVELS, Outcome

CRASH = "crash"  # symptom of a function that ends the process that it runs in


@dataclass
class Report:
    """All outcomes of one run, what is needed to repeat it, and the failures by kind.

    command   the command line that was given, up to its options
    xfail     the file of known failures
    repeat    what repeats a comparison, where that is no command line
    packages  versions of what the target uses, by name
    """

    target: str
    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    command: str = "refimpl check"
    seconds: float = 0.0
    groups: list[Group] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)
    repeat: Callable[[Outcome], str] | None = None
    xfail: str = ""

    def __str__(self) -> str:
        from .report import text_report  # which needs this module

        return text_report(self)

    def collect(self, outcomes: Iterable[Outcome], *, fail_fast: bool = False) -> None:
        """Add outcomes, or those up to the first finding, and group what failed."""
        try:
            for outcome in outcomes:
                self.outcomes.append(outcome)
                if fail_fast and outcome.failed:
                    break
        finally:
            self.groups = group(self.failures)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the time. Ctrl-C raises Interrupted, with which the report can be shown."""
        start = time.perf_counter()
        try:
            yield
        except KeyboardInterrupt as error:
            self.errors.append(f"interrupted {error}".rstrip() + ": the report is incomplete")
            raise Interrupted(self) from None
        finally:
            self.seconds = time.perf_counter() - start

    @property
    def failures(self) -> list[Outcome]:
        """The findings."""
        return [outcome for outcome in self.outcomes if outcome.failed]

    @property
    def exit_status(self) -> int:
        """0 when something was compared and all of it passed, else 1."""
        compared = any(o.status in ("pass", "expected") for o in self.outcomes)
        return int(bool(self.failures or self.errors or not compared))

    def counts(self) -> dict[str, Counter[str]]:
        """Number of outcomes by level and status, for the levels that occur, in order."""
        table: dict[str, Counter[str]] = {level: Counter() for level in LEVELS}
        for outcome in self.outcomes:
            table[outcome.level][outcome.status] += 1
        return {level: counter for level, counter in table.items() if counter}

    def replay(self, outcome: Outcome) -> str:
        """What repeats this one comparison: a command line, or a call."""
        if self.repeat is not None:
            return self.repeat(outcome)
        seed = f" --seed {self.seed}" if self.seed else ""
        if not outcome.case:  # what only a full run finds
            known = f" --xfail {shlex.quote(self.xfail)}" if self.xfail else ""
            return f"{self.command}{seed}{known}"
        functions = {o.function for o in self.outcomes if o.entry == outcome.entry} - {""}
        several = len(functions) > 1
        function = f" --function {outcome.function}" if several and outcome.function else ""
        apart = " --jobs 1" if outcome.symptom == CRASH else ""
        return f"{self.command} --case {shlex.quote(outcome.name)}{function}{seed}{apart}"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; `report` is what was found until then."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


@contextmanager
def interruptible_at(method: str, case: str) -> Iterator[None]:
    """Tell an interrupt where it came."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"at {method}/{case}") from None
