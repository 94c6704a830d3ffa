"""What one comparison finds, and the levels at which comparisons are counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from refimpl.spec import Case

from .failure import Failure

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
    flags     those of the case: the known mistakes that it provokes
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
    flags: tuple[str, ...] = ()
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
