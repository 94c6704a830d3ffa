"""Trigonometric and hyperbolic functions with ends to their domains, and sinc."""

from __future__ import annotations

from refimpl import autograd as ag
from refimpl.autograd import Array

from .registration import SLOPES, STANDARD, at, elementwise, normal, operation, within

_ENDS = at("ends", "infinite-slope", checks=SLOPES, x=[-1.0, 1.0])
_INFINITE = "the slopes at the ends of the domain are infinite"


@operation(STANDARD, elementwise(within(-0.9, 0.9), points=[_ENDS]), kinks=_INFINITE)
def asin(x: Array) -> Array:
    """The angle from -pi/2 to pi/2 whose sine is x.

    dy = dx / sqrt(1 - x^2)
    """
    return ag.array_namespace(x).asin(x)


@operation(STANDARD, elementwise(within(-0.9, 0.9), points=[_ENDS]), kinks=_INFINITE)
def acos(x: Array) -> Array:
    """The angle from 0 to pi whose cosine is x.

    dy = -dx / sqrt(1 - x^2)
    """
    return ag.array_namespace(x).acos(x)


@operation(
    STANDARD,
    elementwise(
        within(1.2, 3.0), points=[at("end", "infinite-slope", checks=SLOPES, x=[1.0, 2.0])]
    ),
    kinks=_INFINITE,
)
def acosh(x: Array) -> Array:
    """The number y >= 0 with cosh(y) = x.

    dy = dx / sqrt(x^2 - 1)
    """
    return ag.array_namespace(x).acosh(x)


@operation(
    STANDARD,
    elementwise(within(-0.8, 0.8), points=[at("tiny", "small-values", x=[1e-20, -1e-20])]),
)
def atanh(x: Array) -> Array:
    """log((1 + x) / (1 - x)) / 2.

    dy = dx / (1 - x^2)
    """
    return ag.array_namespace(x).atanh(x)


@operation(
    STANDARD, elementwise(normal, points=[at("far", "large-values", x=[1e200, -1e200, 0.0])])
)
def atan(x: Array) -> Array:
    """The angle from -pi/2 to pi/2 whose tangent is x.

    dy = dx / (1 + x^2)
    """
    return ag.array_namespace(x).atan(x)


@operation(
    "Woodward 1953, Probability and information theory, with applications to radar, chapter 2",
    elementwise(
        within(-2.4, 2.4),
        points=[
            at("zero", "zeros", x=[0.0, 1.0, -2.0]),
            at("near-zero", "small-differences", x=[1e-8, 1e-4]),
        ],
    ),
)
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), and 1 at 0, where it is smooth.

    dy = (cos(pi x) - y) dx / x
    """
    return ag.sinc(x)
