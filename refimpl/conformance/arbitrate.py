"""Who is right about a derivative: the reference, the target, or nobody because of a kink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from refimpl.autograd.kinks import Verdict, classify

from .failure import Failure
from .lines import lines


@dataclass(frozen=True)
class Judgement:
    """What the differences say, in words, and in short.

    code  "target": the target's derivative is wrong; "values": its derivative belongs to other
          values; "reference": the reference is wrong; "kink", "singular" or "unknown": undecided
    """

    code: str
    text: str


def judge(failure: Failure) -> Judgement:
    """Differences of the reference, and of the target, at the worst element."""
    reference_line, target_line = lines(failure)
    reference = classify(reference_line, 0.0)
    claimed, right = failure.result.actual, failure.result.expected
    slack = _slack(failure)
    if reference.kind == "singular":
        return Judgement("singular", f"{reference}: no derivative exists here to compare with")
    inside = {
        "yours": bool(reference.admits(claimed, slack)),
        "the reference's": bool(reference.admits(right, slack)),
    }
    if reference.kind == "kink":
        return Judgement("kink", _kink(reference, inside))
    sentence = f"differences of the reference give {_number(reference)}"
    if all(inside.values()):
        return Judgement("unknown", f"{sentence}, which is too coarse to tell the two apart")
    if not inside["the reference's"]:
        side = "yours agrees with them" if inside["yours"] else "yours disagrees as well"
        return Judgement(
            "reference",
            f"{sentence}: the reference's {right:.9g} is wrong, {side}. Please report this",
        )
    own, more = _own_values(target_line, claimed, reference, slack)
    return Judgement(own, f"{sentence}: the reference is right, yours is not. {more}".strip())


def _own_values(line: object, claimed: float, reference: Verdict, slack: float) -> tuple[str, str]:
    """Is the target's derivative that of its own values?"""
    try:
        own = classify(line, 0.0)  # type: ignore[arg-type]
    except Exception:
        return "target", "(your function could not be evaluated nearby in float64)"
    if own.kind != "smooth":
        return "unknown", f"Differences of your own values: {own}"
    same_function = bool(own.admits(float(reference.value), slack))
    if own.admits(claimed, slack):
        return "values", (
            f"Differences of your own values give {_number(own)}, as your derivative does: it is "
            "the derivative of your values, and these are not the reference's"
        )
    if same_function:
        return "target", (
            f"Differences of your own values give {_number(own)} too: your values are right, and "
            "the derivative is not theirs. Look for a detached intermediate or a hand-written "
            "backward"
        )
    return "target", (
        f"Differences of your own values give {_number(own)}, so your derivative is not that of "
        "your values, and these are not the reference's either"
    )


def _kink(verdict: Verdict, inside: dict[str, bool]) -> str:
    low, high = float(verdict.low), float(verdict.high)
    words = {True: "inside", False: "outside"}
    yours, right = words[inside["yours"]], words[inside["the reference's"]]
    return (
        f"the point is a kink: any derivative in [{low:.9g}, {high:.9g}] is admissible; yours is "
        f"{yours}, the reference's is {right}"
    )


def _number(verdict: Verdict) -> str:
    return f"{float(verdict.value):.12g} +- {float(verdict.error):.1g}"


def _slack(failure: Failure) -> float:
    """Less than what the two derivatives are apart, so that both cannot be right."""
    apart = abs(failure.result.actual - failure.result.expected)
    return min(failure.result.limit, apart / 4) if np.isfinite(apart) else failure.result.limit
