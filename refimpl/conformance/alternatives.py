"""Hints from the reference itself: what it computes under another convention or parameter.

When a target's values agree with the reference at half the steepness, or applied to the other axis,
that names the mistake better than any number.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from refimpl.spec import Case, Entry

from .compare import compare_derivatives
from .failure import Failure
from .frameworks import Problem, on_engine
from .points import reference

Arrays = Mapping[str, np.ndarray]
Alternative = tuple[str, Callable[[], Arrays]]


def alternative_hint(failure: Failure) -> str:
    """The first alternative that explains the target's result, in words, or ""."""
    for words, compute in _alternatives(failure):
        try:
            outputs = compute()
        except Exception:  # not every alternative is a valid call
            continue
        other = outputs.get(failure.name)
        if other is None or other.shape != failure.got.shape:
            continue
        if _explains(other, failure):
            return f"agrees with {words}"
    return ""


def _explains(other: np.ndarray, failure: Failure) -> bool:
    """Whether the target's result is the other one and not the right one.

    Elements that all have in common are left out: a border of 1e12 would set the scale.
    """
    apart = ~((failure.got == failure.right) & (failure.got == other))
    got, right, other = failure.got[apart], failure.right[apart], other[apart]
    differs = not compare_derivatives(other, right, failure.tolerance)
    return differs and bool(compare_derivatives(got, other, failure.tolerance))


def _alternatives(failure: Failure) -> Iterator[Alternative]:
    entry, case = failure.entry, failure.case
    problem = reference(entry, case)
    for description, function in entry.variants.items():
        variant = Problem(function, entry.named, case.inputs, case.params, entry.differentiable)
        yield f"another variant: {description}", _tensors(failure, variant)
    if failure.check != "values":
        return
    for name, output in failure.expected.values.items():
        if name != failure.name:
            other = {failure.name: output}
            words = f"the output {name}: the outputs are in another order"
            yield words, functools.partial(dict[str, np.ndarray], **other)
    for words, params in _other_parameters(entry, case):
        yield f"the reference at {words}", _tensors(failure, problem.at(case.inputs, params))
    for words, inputs, back in _other_inputs(case):
        yield f"the reference, {words}", _tensors(failure, problem.at(inputs), back)


def _tensors(
    failure: Failure, problem: Problem, back: Callable[[np.ndarray], np.ndarray] | None = None
) -> Callable[[], Arrays]:
    """What the failed check compares, computed by another function."""

    def compute() -> Arrays:
        expected = failure.expected
        if failure.check == "vjp":
            return on_engine.vjp(problem, expected.cotangents)
        if failure.check == "jvp":
            return on_engine.jvp(problem, expected.tangents)
        if failure.check == "second_order":
            return on_engine.hvp(problem, expected.cotangents, expected.vector)
        outputs = on_engine.values(problem)
        return {k: back(v) for k, v in outputs.items()} if back else outputs

    return compute


def _other_parameters(entry: Entry, case: Case) -> Iterator[tuple[str, dict[str, Any]]]:
    given = {**_defaults(entry), **case.params}
    for name, value in given.items():
        numbers = [*_other_numbers(value), *_scaled(value, case)]
        for words, other in [*numbers, *_other_choices(entry, name, value)]:
            yield f"{name}={other!r} (here {value!r}{words})", {**case.params, name: other}


def _defaults(entry: Entry) -> dict[str, Any]:
    """The parameters that a case may leave out."""
    known = inspect.signature(entry.call or entry.function).parameters.values()
    return {p.name: p.default for p in known if p.default is not p.empty}


def _other_numbers(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value:
        return
    forms: tuple[tuple[str, int | float], ...] = (
        (": used as its inverse", 1 / value),
        (": half of it", value / 2),
        (": twice it", value * 2),
        (": its square", value * value),
        (": its root", math.sqrt(abs(value))),
        (": its opposite, a sign", -value),
    )
    if isinstance(value, int):
        forms += ((": one more", value + 1), (": one less", value - 1))
    for words, other in forms:
        if other != value:
            yield words, other


def _scaled(value: Any, case: Case) -> Iterator[tuple[str, Any]]:
    """The number with a sum in place of a mean over some axis, or the other way round."""
    if isinstance(value, float):
        for length in sorted(
            {n for array in case.inputs.values() for n in np.shape(array) if n > 2}
        ):
            yield f": times {length}, the length of an axis", value * length
            yield f": divided by {length}, the length of an axis", value / length


def _other_choices(entry: Entry, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Other values that the entry's own cases have for a parameter."""
    seen = {repr(value)}
    for case in entry.generate():
        other = case.params.get(name)
        if name in case.params and repr(other) not in seen:
            seen.add(repr(other))
            yield "", other


def _other_inputs(
    case: Case,
) -> Iterator[tuple[str, Arrays, Callable[[np.ndarray], np.ndarray] | None]]:
    for one, two in itertools.combinations(case.inputs, 2):
        if np.shape(case.inputs[one]) == np.shape(case.inputs[two]):
            exchanged = {**case.inputs, one: case.inputs[two], two: case.inputs[one]}
            yield f"with {one} and {two} exchanged", exchanged, None
    for name, value in case.inputs.items():
        array = np.asarray(value)
        if array.dtype.kind != "f":
            continue
        negated = {**case.inputs, name: -array}
        yield f"f(-{name}): its sign is wrong somewhere, as in a - b for b - a", negated, None
        yield f"-f(-{name}): the sign or the direction of {name} is wrong", negated, np.negative
        if array.ndim >= 2:
            turned = {**case.inputs, name: np.swapaxes(array, -1, -2)}
            words = f"f along axis -2 of {name} instead of -1"
            yield words, turned, lambda y: np.swapaxes(y, -1, -2)
            if array.shape[-1] == array.shape[-2]:
                yield f"f of {name} transposed", turned, None
        if array.ndim >= 1:
            flipped = {**case.inputs, name: np.flip(array, -1)}
            yield f"f of {name} reversed along its last axis", flipped, None
