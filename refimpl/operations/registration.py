"""How an operation becomes an entry, and the cases that a family shares."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from refimpl.spec import Case, Note, Tolerance, as_float32, specification

F = TypeVar("F", bound=Callable[..., Any])
Rng = np.random.Generator
Draw = Callable[[Rng, tuple[int, ...]], Any]
"""An array of that shape, of numbers where the operation is smooth."""
Cases = Callable[[Rng], Iterable[Case]]

STANDARD = "Python array API standard 2024.12, {}"
FIRST_ORDER = ("values", "vjp", "jvp")
SLOPES = ("values", "vjp")

NOTES = {
    "convention": Note(
        "convention",
        "A kink, where one of many derivatives is chosen: that of least norm.",
        "Another choice, such as the derivative from the right, or NaN from 0 / 0.",
    ),
    "infinite-slope": Note(
        "end of a domain",
        "The value is finite or infinite, and the slope is infinite.",
        "NaN, or a finite slope that hides the end of the domain.",
    ),
    "infinities": Note(
        "masked entries",
        "Some inputs are -inf, which weigh nothing.",
        "NaN from inf - inf, in the value or only in the gradient.",
    ),
    "zeros": Note(
        "division by the input",
        "Some inputs are zero, and the function is smooth there.",
        "NaN from a gradient that divides the result by the input.",
    ),
    "small-values": Note(
        "cancellation",
        "Inputs near 1e-20, of which 1 + x keeps nothing.",
        "A result of 0 where it is x.",
    ),
    "broadcasting": Note(
        "broadcasting",
        "The inputs have different shapes.",
        "A gradient in the shape of the result, or one that is not summed over the copies.",
    ),
    "repeated": Note(
        "repeated indices",
        "An index occurs more than once.",
        "Contributions that overwrite each other instead of adding up.",
    ),
}

LOOSE = {
    "float64": Tolerance(rtol=1e-7, atol=1e-10, gradient_rtol=1e-6, gradient_atol=1e-10),
    "float32": Tolerance(rtol=1e-3, atol=1e-4, gradient_rtol=1e-3, gradient_atol=1e-5),
}
"""For functions that libraries compute by series of their own."""


def operation(
    source: str, cases: Cases, outputs: tuple[str, ...] = (), **options: Any
) -> Callable[[F], F]:
    """Register the decorated function: its inputs are its arguments that are not keyword-only, and
    its output is y, or z where an input is called y.
    """

    def register(function: F) -> F:
        name = function.__name__
        parameters = inspect.signature(function).parameters.values()
        inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        specification(
            name=f"operations.{name}",
            source=source.format(name),
            inputs=inputs,
            outputs=outputs or ("z" if "y" in inputs else "y",),
            cases=_with_float32(cases),
            notes=NOTES,
            **options,
        )(function)
        return function

    return register


def _with_float32(cases: Cases) -> Cases:
    """The cases, and the first of them in float32."""

    def both(rng: Rng) -> Iterator[Case]:
        found = list(cases(rng))
        yield from found
        yield as_float32(found[0])

    return both


def at(name: str, *flags: str, kind: str = "edge", **fields: Any) -> Case:
    """A case at given points: `fields` are those of Case, or inputs by name."""
    known = {key: fields.pop(key) for key in ("params", "checks", "clause") if key in fields}
    inputs = {key: _array(value) for key, value in fields.items()}
    return Case(name, inputs, kind=kind, flags=flags, **known)


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array if array.dtype.kind in "bi" else array.astype(np.float64)


def elementwise(
    *draws: Draw, points: Iterable[Case] = (), names: str = "xy", **params: Any
) -> Cases:
    """Arrays of several ranks, one by each of the draws; two of them also broadcast; and points."""

    def cases(rng: Rng) -> Iterator[Case]:
        def inputs(*shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
            drawn = (draw(rng, shape) for draw, shape in zip(draws, shapes, strict=True))
            return dict(zip(names, map(np.asarray, drawn), strict=False))

        many = len(draws)
        yield Case("n4", inputs(*[(4,)] * many), params)
        yield Case("batch2x1x3", inputs(*[(2, 1, 3)] * many), params, flags=("batch2x1x3",))
        yield Case("single", inputs(*[()] * many), params, kind="edge", flags=("single",))
        yield Case("batch0", inputs(*[(0, 3)] * many), params, kind="edge", flags=("batch0",))
        if many == 2:
            shapes = {"row": ((), (3,)), "column": ((2, 1), (3,)), "stretched": ((2, 1, 3), (2, 3))}
            for name, pair in shapes.items():
                yield Case(f"broadcast-{name}", inputs(*pair), params, flags=("broadcasting",))
        yield from points

    return cases


def within(low: float, high: float) -> Draw:
    """Numbers of an interval."""
    return lambda rng, shape: rng.uniform(low, high, shape)


def nonzero(rng: Rng, shape: tuple[int, ...]) -> Any:
    """Numbers of both signs, away from zero."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.3, 2.0, shape)


def between(fraction: float) -> Draw:
    """Numbers that far from whole ones, give or take 0.1."""
    return lambda rng, shape: rng.integers(-3, 3, shape) + fraction + rng.uniform(-0.1, 0.1, shape)


def distinct(rng: Rng, shape: tuple[int, ...]) -> Any:
    """Numbers that are well apart from each other."""
    size = int(np.prod(shape))
    spread = rng.permutation(size) - size / 2 + rng.uniform(0.0, 0.5, size)
    return np.reshape(spread * 0.5, shape)


def normal(rng: Rng, shape: tuple[int, ...]) -> Any:
    """Numbers around zero."""
    return rng.normal(size=shape)
