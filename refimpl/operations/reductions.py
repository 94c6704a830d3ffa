"""Reductions over some of the axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.spec import Case

from .registration import (
    FIRST_ORDER,
    STANDARD,
    Cases,
    Draw,
    Rng,
    at,
    distinct,
    nonzero,
    normal,
    operation,
)

Axis = int | tuple[int, ...] | None

_INF = float("inf")
_TIED = at("ties", "ties", "convention", checks=FIRST_ORDER, x=[[1.0, 1.0, 0.0], [2.0, 0.0, 2.0]])
_ALL_TIED = at("constant", "ties", "convention", checks=FIRST_ORDER, x=[[1.0, 1.0, 1.0]])
_SHARED = "entries that equal the extremum share its derivative equally"
_BLANCHARD = "Blanchard, Higham, Higham 2021, Accurately computing the log-sum-exp functions"


def _over_axes(
    draw: Draw, points: Iterable[Case] = (), *, tuples: bool = True, size_one: bool = True
) -> Cases:
    choices: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("rows", (3, 4), {}),
        ("columns", (3, 4), {"axis": 0, "keepdims": True}),
        ("all", (2, 1, 3), {"axis": None}),
    ]
    if tuples:
        choices.append(("outer", (2, 1, 3), {"axis": (0, 2)}))

    def cases(rng: Rng) -> Iterator[Case]:
        for name, shape, params in choices:
            yield Case(name, {"x": draw(rng, shape)}, params)
        if size_one:
            yield Case("n1", {"x": draw(rng, (2, 1))}, kind="edge", flags=("size-one",))
        yield Case("batch0", {"x": draw(rng, (0, 3))}, kind="edge", flags=("batch0",))
        yield from points

    return cases


@operation(STANDARD, _over_axes(normal))
def mean(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """The mean over the axes.

    dy = mean(dx)
    """
    return ag.array_namespace(x).mean(x, axis=axis, keepdims=keepdims)


@operation(STANDARD, _over_axes(distinct, [_TIED, _ALL_TIED]), kinks=_SHARED)
def max(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """The largest entry over the axes.

    dy = mean of dx over the entries that equal y
    """
    return ag.array_namespace(x).max(x, axis=axis, keepdims=keepdims)


@operation(STANDARD, _over_axes(distinct, [_TIED, _ALL_TIED]), kinks=_SHARED)
def min(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """The smallest entry over the axes.

    dy = mean of dx over the entries that equal y
    """
    return ag.array_namespace(x).min(x, axis=axis, keepdims=keepdims)


@operation(
    STANDARD,
    _over_axes(
        nonzero,
        [
            at("one-zero", "zeros", kind="smooth", x=[[2.0, 0.0, 3.0]]),
            at("two-zeros", "zeros", kind="smooth", x=[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]),
        ],
    ),
)
def prod(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """The product over the axes; a polynomial, whose derivatives exist at zeros as well.

    dy = sum_i dx_i prod_{j != i} x_j
    """
    return ag.array_namespace(x).prod(x, axis=axis, keepdims=keepdims)


@operation(STANDARD, _over_axes(normal))
def var(x: Array, *, axis: Axis = -1, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The sum of (x - mean)^2 over the axes, divided by their size minus the correction.

    dy = 2 sum((x - mean) dx) / (n - correction)
    """
    xp = ag.array_namespace(x)
    return xp.var(x, axis=axis, correction=correction, keepdims=keepdims)


_CORRECTED = {"correction": 1.0}


@operation(
    STANDARD,
    _over_axes(
        normal,
        [
            at("corrected", kind="smooth", params=_CORRECTED, x=[[1.0, 2.0, 4.0]]),
            at("constant", "convention", checks=FIRST_ORDER, x=[[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]]),
        ],
        size_one=False,
    ),
    kinks="the derivative is 0 where all entries are equal",
)
def std(x: Array, *, axis: Axis = -1, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of the variance.

    dy = sum((x - mean) dx) / ((n - correction) y)
    """
    xp = ag.array_namespace(x)
    return xp.std(x, axis=axis, correction=correction, keepdims=keepdims)


@operation(
    STANDARD,
    _over_axes(
        normal,
        [
            at("zero", "convention", checks=FIRST_ORDER, x=[[0.0, 0.0], [3.0, 4.0]]),
            at("one-axis", "zeros", x=[[0.0, 2.0, 0.0]]),
        ],
        size_one=False,
    ),
    kinks="the derivative at the zero vector is 0",
)
def vector_norm(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """The square root of the sum of x^2 over the axes.

    dy = sum(x dx) / y
    """
    return ag.vector_norm(x, axis=axis, keepdims=keepdims)


@operation(
    _BLANCHARD,
    _over_axes(
        normal,
        [
            at("large", "large-values", x=[[1000.0, 1001.0, -1000.0]]),
            at("masked", "infinities", checks=FIRST_ORDER, x=[[0.0, -_INF, 1.0]]),
            at("empty", "infinities", "convention", checks=FIRST_ORDER, x=[[-_INF, -_INF]]),
        ],
    ),
    kinks="the derivative is 0 where all entries are -inf",
)
def logsumexp(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) over the axes.

    dy = sum(exp(x - y) dx)
    """
    return ag.logsumexp(x, axis=axis, keepdims=keepdims)
