"""What `check_grads` hands back: what was compared, what disagrees, and how to see it again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..compare import Comparison
from ..hints import Hint

CHECKS = {
    "inputs": "the function leaves its inputs as they are",
    "value": "the function gives the same value each time",
    "form": "gradients have the shapes and dtypes of the inputs",
    "vjp": "gradients against differences",
    "jvp": "derivatives along tangents against differences",
    "adjoint": "<cotangent, J tangent> = <J^T cotangent, tangent>",
    "linearity": "the pull-back is linear",
    "zero": "a zero cotangent gives zero gradients",
    "repeatable": "the pull-back gives the same bits each time",
    "second": "second derivatives against differences of gradients",
    "symmetry": "<u, H v> = <v, H u>",
}
"""Names of the checks, and what each promises, in the order in which they run."""


class GradientError(AssertionError):
    """Derivatives are wrong; the message is the report."""


@dataclass(frozen=True)
class Finding:
    """One disagreement.

    check         a name in CHECKS
    message       what is wrong, in a sentence
    input         the argument (and the path inside it) that it concerns; "" if none
    output        the same for the output
    comparison    the arrays compared: worst element, errors, how many exceed
    verdict       what the differences say about the worst element, and who agrees with them
    hints         relations between what was computed and what was expected
    ties          equal entries in the input
    draw          which of the seeded cotangents or tangents
    """

    check: str
    message: str
    input: str = ""
    output: str = ""
    comparison: Comparison | None = None
    verdict: str = ""
    hints: tuple[Hint, ...] = ()
    ties: tuple[str, ...] = ()
    draw: str = ""

    def __str__(self) -> str:
        where = f" of {self.output}" if self.output else ""
        where += f" {'by' if self.output else 'for'} {self.input}" if self.input else ""
        lines = [f"{self.check}{where}: {self.message}"]
        lines += [str(self.comparison)] if self.comparison is not None else []
        lines += [self.verdict] if self.verdict else []
        lines += [f"hint: {hint}" for hint in self.hints]
        lines += [f"tie: {tie}" for tie in self.ties]
        lines += [f"draw: {self.draw}"] if self.draw else []
        return "\n    ".join(lines)


@dataclass
class Report:
    """The result of `check_grads`; true when there are no findings.

    function, source    what was checked, and who computed its derivatives
    compared            how many comparisons each check made
    findings            what is wrong
    notes               what is worth knowing but not wrong: kinks where an admissible derivative
                        was given, singular points where nothing can be decided, checks left out
    tolerance           the tolerances used, in words
    replay              the call that repeats this check
    """

    function: str
    source: str
    seed: int
    tolerance: str = ""
    replay: str = ""
    compared: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        done = ", ".join(f"{name} {self.compared[name]}" for name in CHECKS if self.compared[name])
        count = len(self.findings)
        outcome = "derivatives are right" if self.ok else f"{count} finding{'s' * (count != 1)}"
        lines = [f"{self.function}, differentiated by {self.source}: {outcome}"]
        lines += [f"  {finding}" for finding in self.findings]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  compared: {done or 'nothing'}; {self.tolerance}"]
        lines += [f"  replay: {self.replay}"] if not self.ok else []
        return "\n".join(lines)

    def raise_if_failed(self) -> Report:
        """This report if it is ok; otherwise GradientError with the report as its message."""
        if not self.ok:
            raise GradientError(str(self))
        return self

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)
