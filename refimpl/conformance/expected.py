"""Failures that are known in advance. They need a reason, and they must happen."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .outcome import Outcome


def apply_expected_failures(
    outcomes: Iterable[Outcome], reasons: Mapping[str, str]
) -> list[Outcome]:
    """Mark the failures of one case that a pattern covers as expected.

    A pattern is `case` or `case:check` (both with wildcards). Where it covers comparisons of this
    case but none of them fails, that is a finding: the reason no longer holds.
    """
    result = list(outcomes)
    for pattern, reason in reasons.items():
        case_pattern, _, check = pattern.partition(":")
        covered = [
            i
            for i, outcome in enumerate(result)
            if fnmatch.fnmatchcase(outcome.case, case_pattern)
            and fnmatch.fnmatchcase(outcome.check, check or "*")
            and outcome.status in ("pass", "fail")
        ]
        failing = [i for i in covered if result[i].status == "fail"]
        for i in failing:
            result[i] = replace(result[i], status="expected", message=reason)
        if covered and not failing:
            message = f"passes, but was expected to fail ({reason}): remove {pattern!r}"
            first = result[covered[0]]
            result.append(
                replace(first, status="fail", subject="expected failure", message=message)
            )
    return result
