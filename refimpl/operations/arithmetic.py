"""Arithmetic with kinks, ties, or broadcasting to undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.spec import Case

from .registration import (
    FIRST_ORDER,
    SLOPES,
    STANDARD,
    Rng,
    at,
    between,
    elementwise,
    nonzero,
    normal,
    operation,
    within,
)

_TIES = at("ties", "ties", "convention", checks=FIRST_ORDER, x=[1.0, 2.0, -1.0], y=[1.0, 3.0, -1.0])
_ORIGIN = at("origin", "convention", checks=FIRST_ORDER, x=[0.0, 0.0], y=[0.0, 1.0])
_HALF = "each side of a tie has derivative 1/2"
_FLAT = "the derivative is 0 everywhere, at the jumps as well"


@operation(
    STANDARD,
    elementwise(nonzero, points=[at("zero", "convention", checks=FIRST_ORDER, x=[0.0, 1.0])]),
    kinks="the derivative at 0 is 0",
)
def abs(x: Array) -> Array:
    """|x|, element by element.

    dy = sign(x) dx
    """
    return ag.array_namespace(x).abs(x)


@operation(STANDARD, elementwise(nonzero, points=[at("zero", checks=SLOPES, x=[0.0])]), kinks=_FLAT)
def sign(x: Array) -> Array:
    """-1, 0 or 1, as x is negative, zero or positive.

    dy = 0
    """
    return ag.array_namespace(x).sign(x)


@operation(STANDARD, elementwise(between(0.3)), kinks=_FLAT)
def floor(x: Array) -> Array:
    """The largest whole number that is not above x.

    dy = 0
    """
    return ag.array_namespace(x).floor(x)


@operation(
    STANDARD,
    elementwise(between(0.3), points=[at("halves", checks=SLOPES, x=[0.5, 1.5])]),
    kinks=_FLAT,
)
def round(x: Array) -> Array:
    """The nearest whole number; halves go to the even one.

    dy = 0
    """
    return ag.array_namespace(x).round(x)


@operation(STANDARD, elementwise(normal, normal))
def multiply(x: Array, y: Array) -> Array:
    """x y, of shapes that broadcast.

    dz = y dx + x dy
    """
    return ag.array_namespace(x, y).multiply(x, y)


@operation(
    STANDARD, elementwise(normal, nonzero, points=[at("zero-numerator", "zeros", x=[0.0], y=[2.0])])
)
def divide(x: Array, y: Array) -> Array:
    """x / y, of shapes that broadcast.

    dz = dx / y - z dy / y
    """
    return ag.array_namespace(x, y).divide(x, y)


def _ones(rng: Rng, shape: tuple[int, ...]) -> Any:
    return rng.choice([-2.0, -1.0, 1.0, 2.0], shape)


@operation(
    STANDARD, elementwise(between(0.5), _ones), kinks="the derivative at a jump is that aside of it"
)
def remainder(x: Array, y: Array) -> Array:
    """x - y floor(x / y), which has the sign of y.

    dz = dx - floor(x / y) dy
    """
    return ag.array_namespace(x, y).remainder(x, y)


@operation(
    STANDARD,
    elementwise(
        within(0.3, 2.0),
        normal,
        points=[
            at("zero-exponent", "zeros", checks=FIRST_ORDER, x=[2.0], y=[0.0]),
            at("zero-both", "zeros", "convention", checks=SLOPES, x=[0.0], y=[0.0]),
            at("zero-base", "zeros", checks=FIRST_ORDER, x=[0.0, 0.0], y=[1.0, 3.0]),
            at("negative-base", checks=("values",), x=[-2.0, -1.5], y=[2.0, 3.0]),
        ],
    ),
    kinks="0^0 = 1 has derivative 0 in both; 0^y has derivative 0 in y > 0",
)
def pow(x: Array, y: Array) -> Array:
    """x^y for two arrays.

    dz = y x^(y - 1) dx + z log(x) dy
    """
    return ag.array_namespace(x, y).pow(x, y)


def _powers(rng: Rng) -> Iterator[Case]:
    for exponent in (3, 2.5, -1):
        inputs = {"x": rng.uniform(0.3, 2.0, (4,))}
        yield Case(f"exponent{exponent}", inputs, {"exponent": exponent})
    points = {0: (), 1: (), 2: (), 0.5: ("infinite-slope",)}
    for exponent, flags in points.items():
        checks = SLOPES if flags else FIRST_ORDER
        params = {"exponent": exponent}
        yield at(f"zero-exponent{exponent}", "zeros", *flags, checks=checks, params=params, x=[0.0])


@operation(
    STANDARD.replace("{}", "pow"),
    _powers,
    kinks="x^0 = 1 has derivative 0, also at 0; for 0 < p < 1 the slope at 0 is infinite",
)
def pow_number(x: Array, *, exponent: float) -> Array:
    """x^p for a number p.

    dy = p x^(p - 1) dx
    """
    return x**exponent


@operation(
    STANDARD,
    elementwise(
        within(0.3, 2.0), points=[at("zero", "infinite-slope", checks=SLOPES, x=[0.0, 4.0])]
    ),
    kinks="the slope at 0 is infinite",
)
def sqrt(x: Array) -> Array:
    """The square root.

    dy = dx / (2 y)
    """
    return ag.array_namespace(x).sqrt(x)


@operation(
    STANDARD,
    elementwise(
        nonzero,
        nonzero,
        points=[_ORIGIN, at("large", "large-values", x=[3e200, 1.0], y=[4e200, 1e-200])],
    ),
    kinks="both derivatives are 0 at the origin",
)
def hypot(x: Array, y: Array) -> Array:
    """sqrt(x^2 + y^2), without overflow.

    dz = (x dx + y dy) / z
    """
    return ag.array_namespace(x, y).hypot(x, y)


@operation(
    STANDARD,
    elementwise(
        nonzero,
        nonzero,
        points=[_ORIGIN, at("axes", "zeros", x=[0.0, 1.0, -1.0], y=[2.0, 0.0, 0.0])],
    ),
    kinks="both derivatives are 0 at the origin; the jump at y < 0, x = 0 has none",
)
def atan2(x: Array, y: Array) -> Array:
    """The angle of the point with ordinate x and abscissa y.

    dz = (y dx - x dy) / (x^2 + y^2)
    """
    return ag.array_namespace(x, y).atan2(x, y)


@operation(STANDARD, elementwise(between(0.2), between(0.7), points=[_TIES]), kinks=_HALF)
def maximum(x: Array, y: Array) -> Array:
    """The larger of x and y, element by element.

    dz = dx where x > y, dy where x < y, (dx + dy) / 2 where x = y
    """
    return ag.array_namespace(x, y).maximum(x, y)


@operation(STANDARD, elementwise(between(0.2), between(0.7), points=[_TIES]), kinks=_HALF)
def minimum(x: Array, y: Array) -> Array:
    """The smaller of x and y, element by element.

    dz = dx where x < y, dy where x > y, (dx + dy) / 2 where x = y
    """
    return ag.array_namespace(x, y).minimum(x, y)


def _clipped(rng: Rng) -> Iterator[Case]:
    inside, outside = rng.uniform(-0.9, 0.9, (2, 3)), rng.uniform(1.1, 2.0, (2, 3))
    for name, bounds in (("both", (-1.0, 1.0)), ("min", (-1.0, None)), ("max", (None, 1.0))):
        params = dict(zip(("min", "max"), bounds, strict=True))
        yield Case(name, {"x": np.stack([inside, outside, -outside])}, params)
    for name, end in (("min", -1.0), ("max", 1.0)):
        params, x = {name: end}, np.array([end, 0.5])
        flags = ("ties", "convention")
        yield Case(f"at-{name}", {"x": x}, params, "edge", flags, checks=FIRST_ORDER)


@operation(STANDARD, _clipped, kinks="on the bounds, which are numbers, the derivative is 0")
def clip(x: Array, *, min: float | None = None, max: float | None = None) -> Array:
    """The nearest number to x from min to max; None is no bound.

    dy = dx where min < x < max, 0 elsewhere
    """
    return ag.clip(x, min=min, max=max)


def _chosen(rng: Rng) -> Iterator[Case]:
    for name, x, y in (("plain", (2, 3), (2, 3)), ("row", (2, 3), (3,)), ("scalar", (), (2, 3))):
        inputs = {"c": rng.random((2, 3)) < 0.5, "x": rng.normal(size=x), "y": rng.normal(size=y)}
        yield Case(name, inputs, flags=() if name == "plain" else ("broadcasting",))
    inputs = {"c": np.zeros((0, 3), bool), "x": np.zeros((0, 3)), "y": np.zeros(3)}
    yield Case("batch0", inputs, kind="edge", flags=("batch0",))


@operation(STANDARD, _chosen, differentiable=("x", "y"))
def where(c: Array, x: Array, y: Array) -> Array:
    """x where c is true, y elsewhere, of shapes that broadcast.

    dz = dx where c, dy elsewhere
    """
    return ag.array_namespace(x, y).where(c, x, y)
