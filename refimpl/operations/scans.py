"""Along an axis, with as many results as entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.spec import Case

from .registration import FIRST_ORDER, STANDARD, Cases, Draw, Rng, at, nonzero, normal, operation

_INF = float("inf")
_FAR = at("large", "large-values", x=[[1000.0, 1001.0, -1000.0]])
_MASKED = at("masked", "infinities", checks=FIRST_ORDER, x=[[0.0, -_INF, 1.0]])
_BRIDLE = "Bridle 1990, Probabilistic interpretation of feedforward classification network outputs"


def _along(draw: Draw, points: Iterable[Case] = ()) -> Cases:
    def cases(rng: Rng) -> Iterator[Case]:
        yield Case("rows", {"x": draw(rng, (3, 4))})
        yield Case("columns", {"x": draw(rng, (3, 4))}, {"axis": 0})
        yield Case("batch2x1x3", {"x": draw(rng, (2, 1, 3))}, flags=("batch2x1x3",))
        yield Case("n1", {"x": draw(rng, (2, 1))}, kind="edge", flags=("size-one",))
        yield Case("batch0", {"x": draw(rng, (0, 3))}, kind="edge", flags=("batch0",))
        yield from points

    return cases


@operation(STANDARD, _along(normal))
def cumulative_sum(x: Array, *, axis: int = -1) -> Array:
    """The sums of the entries up to each one.

    dy = cumulative_sum(dx)
    """
    return ag.array_namespace(x).cumulative_sum(x, axis=axis)


@operation(
    STANDARD,
    _along(
        nonzero,
        [
            at("one-zero", "zeros", kind="smooth", x=[[2.0, 0.0, 3.0, 0.5]]),
            at("two-zeros", "zeros", kind="smooth", x=[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]),
        ],
    ),
)
def cumulative_prod(x: Array, *, axis: int = -1) -> Array:
    """The products of the entries up to each one; their derivatives exist at zeros as well.

    dy_k = sum_{i <= k} dx_i prod_{j <= k, j != i} x_j
    """
    return ag.array_namespace(x).cumulative_prod(x, axis=axis)


@operation(_BRIDLE, _along(normal, [_FAR, _MASKED]))
def softmax(x: Array, *, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along the axis.

    dy = y (dx - sum(y dx))
    """
    return ag.softmax(x, axis=axis)


@operation(_BRIDLE, _along(normal, [_FAR]))
def log_softmax(x: Array, *, axis: int = -1) -> Array:
    """x - log(sum(exp(x))) along the axis.

    dy = dx - sum(exp(y) dx)
    """
    return ag.log_softmax(x, axis=axis)


@operation(STANDARD, _along(normal, [at("twice", x=[1.0, 4.0, 9.0, 2.0], params={"n": 2})]))
def diff(x: Array, *, axis: int = -1, n: int = 1) -> Array:
    """The n-th differences of neighbours along the axis.

    dy = diff(dx)
    """
    return ag.array_namespace(x).diff(x, axis=axis, n=n)
