"""What a check finds: one record per comparison, and the counts by level."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from refimpl.spec import Case

from .failure import Failure

if TYPE_CHECKING:
    from .grouping import Group

LEVELS = (
    "values",
    "vector-Jacobian products",
    "Jacobian-vector products",
    "second order",
    "invariants and limits",
    "consistency",
    "edge cases",
    "dtypes",
    "recorded numbers",
)
LEVEL_KEYS = {
    "values": LEVELS[0],
    "vjp": LEVELS[1],
    "jvp": LEVELS[2],
    "second_order": LEVELS[3],
    "invariants": LEVELS[4],
    "consistency": LEVELS[5],
    "edge": LEVELS[6],
    "dtypes": LEVELS[7],
    "recorded": LEVELS[8],
}
"""The levels by the short names that `refimpl check --level` takes."""

_NUMBERS = ("index", "actual", "expected", "absolute", "scaled", "ulp", "exceeding", "size")
STATUSES = ("pass", "fail", "expected", "unsupported", "not run")


@dataclass
class Outcome:
    """The result of one comparison.

    check     values, vjp, jvp, second_order, the name of an invariant, or recorded
    status    pass; fail; expected (a failure with a reason given in advance); unsupported (the
              implementation says that it lacks this); not run (an earlier failure prevents it)
    subject   what was compared: "output sorted", "gradient of x"
    message   one line that says what is wrong, or the reason for any other status
    details   further lines, as (label, text)
    hint      what the numbers suggest
    symptom   the same in a word or two; failures with the same symptom are reported together
    function  name of the function under test
    failure   the arrays, for the explanation that representative failures get
    """

    entry: str
    case: str
    check: str
    level: str
    status: str
    subject: str = ""
    message: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)
    hint: str = ""
    symptom: str = ""
    function: str = ""
    failure: Failure | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Entry and case, as `--case` takes them."""
        return f"{self.entry}/{self.case}" if self.case else self.entry

    def numbers(self) -> dict[str, Any]:
        """The measured difference, for reports that are read by programs."""
        if self.failure is None:
            return {}
        measured = asdict(self.failure.result)
        return {key: measured[key] for key in _NUMBERS}

    @property
    def failed(self) -> bool:
        """Whether this is a finding."""
        return self.status == "fail"


def level_of(case: Case, check: str) -> str:
    """Where a comparison is counted: float32 cases under dtypes, odd inputs under edge cases."""
    if case.dtype != "float64":
        return LEVEL_KEYS["dtypes"]
    if case.kind != "smooth":
        return LEVEL_KEYS["edge"]
    return LEVEL_KEYS[check]


@dataclass
class Report:
    """All outcomes of one run, what is needed to repeat it, and the failures by kind.

    command   the command line that was given, up to its options
    repeat    what repeats a comparison instead, where the command line does not
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
    repeat: str = ""

    def extend(self, outcomes: Iterable[Outcome]) -> None:
        """Add outcomes."""
        self.outcomes.extend(outcomes)

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
        """The command line that repeats this one comparison."""
        if self.repeat:
            return self.repeat
        seed = f" --seed {self.seed}" if self.seed else ""
        several = len({o.function for o in self.outcomes if o.entry == outcome.entry}) > 1
        function = f" --function {outcome.function}" if several and outcome.function else ""
        return f"{self.command} --case {shlex.quote(outcome.name)}{function}{seed}"
