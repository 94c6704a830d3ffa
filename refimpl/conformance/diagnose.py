"""Explaining failures: which output, who is right, what the mistake looks like."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import numpy as np

from refimpl.autograd.kinks import ties
from refimpl.spec import find

from .alternatives import alternative_hint
from .arbitrate import judge
from .clock import Clock
from .compare import compare_derivatives
from .failure import Failure
from .frameworks import on_engine
from .grouping import Group, function_of
from .guard import Guard
from .notes import explained
from .outcome import Outcome


def explain(groups: Iterable[Group], time_limit: float | None = None) -> None:
    """Add details to the failures that stand for their kind, so many seconds for each of them."""
    roots: list[Group] = []
    for found in groups:
        failure, guard = found.example.failure, Guard(clock=Clock(time_limit))
        if failure is not None and found.cause is not None:
            alone, _ = guard.attempt(functools.partial(_independent, found, failure))
            if alone:
                found.cause = next((g for g in roots if _is_gradient_of(g, found)), None)
        if found.cause is None:
            roots.append(found)
            if failure is not None:
                _, fault = guard.attempt(functools.partial(explain_one, found.example, failure))
                if fault is not None:
                    text = f"cannot be said: nearby, the function {fault.message}"
                    found.example.details.append(("who", text))
            if flags := _common(found):
                notes = explained(find(found.example.entry), flags)
                found.example.details += [("flag", text) for text in notes]


def _independent(found: Group, failure: Failure) -> bool:
    """Whether a derivative is wrong in itself, not only because the values are."""
    values_first = found.cause is not None and found.cause.example.check == "values"
    comparable = failure.check != "values" and failure.got.shape == failure.right.shape
    if not (values_first and comparable and failure.entry.is_derivative):
        return False
    return judge(failure).code in ("target", "reference")


def _is_gradient_of(cause: Group, found: Group) -> bool:
    one, two = cause.example, found.example
    same = function_of(one) == function_of(two)
    follows = one.check == "vjp" and two.check in ("jvp", "second_order")
    return same and follows and found.cases <= cause.cases


def _common(found: Group) -> list[str]:
    """The flags that every failing case carries: what provokes the failure, perhaps."""
    first = found.example.flags
    return [flag for flag in first if all(flag in outcome.flags for outcome in found.outcomes)]


def explain_one(outcome: Outcome, failure: Failure) -> None:
    """Add the lines that say who is right, and better hints where there are any."""
    outcome.details += list(_details(failure))
    if failure.got.shape == failure.right.shape:
        other = alternative_hint(failure)
        outcome.hint = "; ".join(part for part in (other, outcome.hint) if part)


def _details(failure: Failure) -> Iterator[tuple[str, str]]:
    if failure.got.shape == failure.right.shape:
        if paths := _paths(failure):
            yield "path", paths
        if failure.check != "values" and failure.entry.is_derivative:
            yield "who", judge(failure).text
        elif failure.check != "values":
            yield (
                "who",
                f"the gradient is a replacement, not a derivative: {failure.entry.gradient}",
            )
    if equal := _ties(failure):
        yield "ties", equal
    if failure.case.kind == "kink" and failure.entry.kinks:
        yield "kinks", failure.entry.kinks
    if failure.case.clause:
        yield "clause", f"{failure.case.clause} [{failure.entry.source}]"


def _paths(failure: Failure) -> str:
    """For a gradient with several outputs: through which of them it is wrong."""
    names = list(failure.expected.cotangents)
    if failure.check != "vjp" or len(names) < 2:
        return ""
    verdicts: dict[bool, list[str]] = {True: [], False: []}
    for name in names:
        only = {
            k: w if k == name else np.zeros_like(w) for k, w in failure.expected.cotangents.items()
        }
        try:
            got = failure.module.vjp(failure.target, only)[failure.name]
        except Exception:
            return ""
        right = on_engine.vjp(failure.expected.problem, only)[failure.name]
        verdicts[bool(compare_derivatives(got, right, failure.tolerance))].append(name)
    if not verdicts[False] or not verdicts[True]:
        return ""
    return f"wrong through {', '.join(verdicts[False])}; right through {', '.join(verdicts[True])}"


def _ties(failure: Failure) -> str:
    for name in failure.entry.differentiable:
        if found := ties(failure.case.inputs[name], limit=10):
            first = found[0]
            pair = f"{list(first.first)} and {list(first.second)} are both {first.value:.6g}"
            count = "at least 10" if len(found) == 10 else str(len(found))
            return f"{count} in {name}: elements {pair}"
    return ""
