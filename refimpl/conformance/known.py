"""Files of known failures: `refimpl check TARGET --xfail FILE`.

One pattern a line, with the reason behind ` # `; both are required:

    sorting.sorting_network/*gaussian*:vjp  # the backward pass divides by zero, issue 12

A pattern is `METHOD/CASE`, `METHOD/CASE:CHECK` or `METHOD/CASE:CHECK:SYMPTOM`, with wildcards. They
are strict: in a full run, one that nothing fails for is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from .expected import as_expected, covering
from .loading import UsageError
from .outcome import LEVEL_KEYS, Outcome


class KnownFailures:
    """The reasons by pattern, and which of the patterns have been met."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons, self.met = reasons, set[str]()

    def mark(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes, with failures that a pattern covers marked as expected."""
        for outcome in outcomes:
            texts = (f"{outcome.entry}/{outcome.case}", outcome.check, outcome.symptom)
            found = covering(self.reasons, texts) if outcome.failed else []
            self.met.update(found)
            yield as_expected(outcome, self.reasons[found[0]]) if found else outcome

    def unmet(self) -> Iterator[Outcome]:
        """A finding for each pattern that nothing failed for."""
        for pattern, reason in self.reasons.items():
            if pattern not in self.met:
                method = pattern.partition("/")[0]
                outcome = Outcome(method, "", "values", LEVEL_KEYS["values"], "fail")
                outcome.subject = "known failure"
                outcome.message = f"nothing fails for {pattern!r} any more ({reason}): remove it"
                yield outcome


def read_known(path: str) -> KnownFailures:
    """The file's patterns and reasons. UsageError for a line without a pattern or a reason."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"--xfail {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--xfail {path}: not a text file in UTF-8") from error
    reasons: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pattern, _, reason = (part.strip() for part in line.partition(" #"))
        if not reason or "/" not in pattern:
            wanted = "expected METHOD/CASE[:CHECK[:SYMPTOM]] # REASON"
            raise UsageError(f"--xfail {path}, line {number}: {line.strip()!r}: {wanted}")
        reasons[pattern] = reason
    return KnownFailures(reasons)
