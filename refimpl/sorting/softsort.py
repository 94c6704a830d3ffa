"""SoftSort: a soft permutation matrix from the distances to the sorted scores.

Each sorted position looks for the input that is nearest to its value, by a softmax of distances:

    P[i, j] = softmax_i( -|sort(x)_j - x_i|^p / tau ),

j the position in rising order, p the power, tau the temperature.

Source: Prillo and Eisenschlos 2020, "SoftSort: A Continuous Relaxation for the argsort Operator";
there the rows are positions, in descending order.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, softmax, sort
from ..spec import Case, specification
from ..validation import float_array, positive
from .soft_permutation import HARD_INVARIANTS, INVARIANTS, sort_cases
from .straight_through import straight_through

POWERS = (1.0, 2.0, 1.5, 0.5, 3.0)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    clause = "P[:, j] = softmax(-|sort(x)_j - x|^p / tau)"
    for case in sort_cases(rng, clause=clause):
        tied = "ties" in case.flags  # the convention there is no one-sided derivative
        yield replace(case, checks=("values",)) if tied else case
    for power in POWERS[1:]:
        x = rng.permuted(np.tile(np.arange(5.0), (3, 1)), axis=-1) + rng.uniform(-0.2, 0.2, (3, 5))
        yield Case(f"power{power}", {"x": x}, {"power": power, "temperature": 0.8}, clause=clause)


def _hard_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in sort_cases(rng, clause="the argmax of each position"):
        if "ties" not in case.flags:  # a tie is a jump here
            yield case


def _power(d: Array, p: float) -> Array:
    """|d|^p, with derivative 0 at d = 0 for every p."""
    xp = array_namespace(d)
    if p == 2.0:
        return d * d
    size = xp.abs(d)
    if p == 1.0:
        return size
    apart = size > 0
    return xp.where(apart, xp.where(apart, size, xp.ones_like(size)) ** p, xp.zeros_like(size))


def _reversed(x: Array, *, descending: bool = False, **options: Any) -> Array:
    return soft_sort(x, descending=not descending, **options)


def _power_one(x: Array, *, power: float = 1.0, **options: Any) -> Array:
    return soft_sort(x, **options)


@specification(
    name="sorting.soft_sort",
    source="Prillo and Eisenschlos 2020, equation 4",
    inputs=("x",),
    outputs=("P",),
    cases=_cases,
    invariants=INVARIANTS,
    kinks="ties for p <= 1, at which the derivative of |0|^p is taken as 0; p < 1 has a vertical "
    "tangent there. Second derivatives jump at ties for p <= 2",
    variants={
        "the columns in the opposite order": _reversed,
        "a power of 1": _power_one,
    },
)
def soft_sort(
    x: Array,
    *,
    temperature: float = 1.0,
    power: float = 1.0,
    hard: bool = False,
    descending: bool = False,
) -> Array:
    """The soft permutation matrix of SoftSort.

        P[..., i, j] = softmax_i( -|sort(x)_j - x_i|^p / tau )

    x            (..., n), n >= 1
    temperature  tau > 0. For tau -> 0 and distinct x, P is `hard_permutation(x)`; for growing tau
                 every weight becomes 1 / n
    power        p > 0, 1 for the distance itself, 2 for its square
    hard         round P to the exact permutation with the gradient of the soft one
                 (`straight_through`)
    descending   positions from the largest to the smallest
    returns      (..., n, n), P[..., i, j] the weight of input i at position j; the soft sorted
                 values are x @ P

    Each column of P is a distribution over the inputs; its largest entry is that of the right input
    (P is unimodal). Rows need not sum to 1: P is not doubly stochastic. P does not change when a
    constant is added to x, nor when x is multiplied by c and tau by c^p. Tied inputs have equal
    rows, and their positions equal columns.

    The gradient is the derivative, through the sorted values too. The distance of an input to its
    own position is zero whatever x is and has no gradient, for every p. At ties the derivative of
    |0|^p is taken as 0 and the sort is stable, which for p <= 1 is none of the one-sided
    derivatives unless the tied positions have the same cotangent. Time and
    memory are O(n^2). NaN or infinity in a sample makes its P NaN.

    Raises ValueError for n = 0, tau <= 0 and p <= 0.

    >>> soft_sort([3.0, 1.0, 2.0]).round(3)
    array([[0.09 , 0.212, 0.665],
           [0.665, 0.212, 0.09 ],
           [0.245, 0.576, 0.245]])
    """
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    tau, p = positive(temperature, "temperature"), positive(power, "power")
    d = sort(x, axis=-1, descending=descending)[..., None, :] - x[..., :, None]
    P = softmax(-_power(d, p) / tau, axis=-2)
    return straight_through(P) if hard else P


def _hard_per_input(x: Array, **options: Any) -> Array:
    return straight_through(soft_sort(x, **options), per="input")


specification(
    name="sorting.soft_sort_hard",
    source="Prillo and Eisenschlos 2020, published code (hard=True)",
    inputs=("x",),
    outputs=("P",),
    cases=_hard_cases,
    invariants=HARD_INVARIANTS,
    gradient="that of the soft permutation (straight-through)",
    kinks="jumps at ties",
    call=functools.partial(soft_sort, hard=True),
    variants={"every input picks a position": _hard_per_input},
)(soft_sort)
