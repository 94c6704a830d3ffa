"""Files of known failures: `refimpl check TARGET --xfail FILE`.

One pattern a line, with the reason behind ` # `; both are required:

    sorting.sorting_network/*gaussian*:vjp  # the backward pass divides by zero, issue 12

A pattern is `METHOD/CASE`, `METHOD/CASE:CHECK` or `METHOD/CASE:CHECK:SYMPTOM`, with wildcards. They
are strict: in a full run, one that nothing fails for is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .expected import Announced
from .loading import UsageError
from .outcome import Outcome


class KnownFailures(Announced):
    """The reasons of a file, whose patterns begin with `METHOD/CASE`."""

    subject = "known failure"

    def __init__(self, path: str, reasons: Mapping[str, str]) -> None:
        super().__init__(reasons)
        self.path = path

    def place(self, outcome: Outcome) -> str:
        """`METHOD/CASE`."""
        return f"{outcome.entry}/{outcome.case}"

    def method(self, pattern: str) -> tuple[str, str]:
        """What the pattern begins with."""
        return pattern.partition("/")[0], ""


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
    return KnownFailures(path, reasons)
