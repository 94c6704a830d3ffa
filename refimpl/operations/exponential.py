"""Exponentials and logarithms, in forms that neither overflow nor cancel."""

from __future__ import annotations

from refimpl import autograd as ag
from refimpl.autograd import Array

from .registration import (
    FIRST_ORDER,
    SLOPES,
    STANDARD,
    at,
    elementwise,
    nonzero,
    normal,
    operation,
    within,
)

_FAR = at("far", "large-values", x=[-800.0, 800.0, 0.0])
_TINY = at("tiny", "small-values", x=[1e-20, -1e-20, 0.0])
_POSITIVE = within(0.3, 3.0)
_BLANCHARD = "Blanchard, Higham, Higham 2021, Accurately computing the log-sum-exp functions"


@operation(STANDARD, elementwise(normal, points=[_TINY]))
def expm1(x: Array) -> Array:
    """exp(x) - 1.

    dy = (y + 1) dx
    """
    return ag.array_namespace(x).expm1(x)


@operation(
    STANDARD,
    elementwise(_POSITIVE, points=[at("zero", "infinite-slope", checks=SLOPES, x=[0.0, 1.0])]),
    kinks="the slope at 0 is infinite",
)
def log(x: Array) -> Array:
    """The natural logarithm, -inf at 0.

    dy = dx / x
    """
    return ag.array_namespace(x).log(x)


@operation(STANDARD, elementwise(within(-0.7, 2.0), points=[_TINY]))
def log1p(x: Array) -> Array:
    """log(1 + x).

    dy = dx / (1 + x)
    """
    return ag.array_namespace(x).log1p(x)


@operation(
    STANDARD,
    elementwise(
        normal,
        normal,
        points=[
            at("far", "large-values", x=[-800.0, 800.0, 1000.0], y=[0.0, 0.0, 1000.0]),
            at("empty", "infinities", checks=FIRST_ORDER, x=[-float("inf"), 1.0], y=[2.0] * 2),
        ],
    ),
)
def logaddexp(x: Array, y: Array) -> Array:
    """log(exp(x) + exp(y)).

    dz = exp(x - z) dx + exp(y - z) dy
    """
    return ag.array_namespace(x, y).logaddexp(x, y)


@operation(STANDARD, elementwise(normal, points=[_FAR]))
def tanh(x: Array) -> Array:
    """The hyperbolic tangent.

    dy = (1 - y^2) dx
    """
    return ag.array_namespace(x).tanh(x)


@operation(_BLANCHARD, elementwise(normal, points=[_FAR]))
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)).

    dy = y (1 - y) dx
    """
    return ag.sigmoid(x)


@operation(_BLANCHARD, elementwise(normal, points=[_FAR]))
def log_sigmoid(x: Array) -> Array:
    """-log(1 + exp(-x)).

    dy = sigmoid(-x) dx
    """
    return ag.log_sigmoid(x)


@operation(
    "Dugas, Bengio, Belisle, Nadeau, Garcia 2001, Incorporating second-order functional knowledge",
    elementwise(normal, points=[_FAR, at("threshold", x=[19.0, 21.0, 25.0])]),
)
def softplus(x: Array) -> Array:
    """log(1 + exp(x)), also where it is nearly x.

    dy = sigmoid(x) dx
    """
    return ag.softplus(x)


@operation(
    "Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
    elementwise(nonzero, points=[at("zero", "convention", checks=FIRST_ORDER, x=[0.0, 1.0])]),
    kinks="the derivative at 0 is 0",
)
def relu(x: Array) -> Array:
    """max(x, 0).

    dy = dx where x > 0, 0 elsewhere
    """
    return ag.relu(x)


@operation(
    "Berkson 1944, Application of the logistic function to bio-assay",
    elementwise(
        within(0.1, 0.9),
        points=[
            at("ends", "infinite-slope", checks=SLOPES, x=[0.0, 1.0]),
            at("tiny", x=[1e-20, 1e-8]),
        ],
    ),
    kinks="the slopes at 0 and 1 are infinite",
)
def logit(x: Array) -> Array:
    """log(x / (1 - x)) for x from 0 to 1.

    dy = dx / (x (1 - x))
    """
    return ag.logit(x)


@operation(
    "Information-theoretic convention 0 log 0 = 0: Cover, Thomas 2006, section 2.1",
    elementwise(
        nonzero,
        _POSITIVE,
        points=[
            at("zero", "zeros", x=[0.0, 0.0], y=[2.0, 0.5]),
            at("both-zero", "zeros", checks=("values",), x=[0.0], y=[0.0]),
        ],
    ),
)
def xlogy(x: Array, y: Array) -> Array:
    """x log(y), and 0 where x = 0.

    dz = log(y) dx + (x / y) dy
    """
    return ag.xlogy(x, y)
