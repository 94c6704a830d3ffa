"""NeuralSort: a soft permutation matrix from the sums of the k largest scores.

The sum of the k largest of n scores, less that of the k - 1 largest, is the k-th largest. Written
with the pairwise distances of the scores this gives the k-th largest as an argmax, which a softmax
relaxes:

    P[i, j] = softmax_i( ((2 j + 1 - n) x_i - A_i) / tau ),    A_i = sum_l |x_i - x_l|,

j = 0, ..., n - 1 the positions in rising order, tau the temperature.

Source: Grover et al., "Stochastic Optimization of Sorting Networks via Continuous Relaxations"
(ICLR 2019), equation 5; there the rows are positions, in descending order.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, indices_like, softmax, stop_gradient
from ..spec import Case, specification
from ..validation import float_array, positive
from .soft_permutation import HARD_INVARIANTS, INVARIANTS, sort_cases
from .straight_through import straight_through


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from sort_cases(rng, clause="P[:, j] = softmax(((2j + 1 - n) x - A) / tau)")


def _hard_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in sort_cases(rng, clause="the argmax of each position"):
        if "ties" not in case.flags:  # a tie is a jump here
            yield case


def _definition(scores: Array, temperature: float, descending: bool) -> Array:
    xp = array_namespace(scores)
    n = scores.shape[-1]
    x = scores - stop_gradient(xp.max(scores, axis=-1, keepdims=True))  # P knows differences only
    A = xp.sum(xp.abs(x[..., :, None] - x[..., None, :]), axis=-1)
    c = xp.astype(2 * indices_like(n, x) + 1 - n, x.dtype)  # 1 - n, 3 - n, ..., n - 1
    c = -c if descending else c
    return softmax((x[..., :, None] * c - A[..., :, None]) / temperature, axis=-2)


def _reversed(x: Array, *, descending: bool = False, **options: Any) -> Array:
    return neural_sort(x, descending=not descending, **options)


@specification(
    name="sorting.neural_sort",
    source="Grover et al. 2019, equation 5",
    inputs=("x",),
    outputs=("P",),
    cases=_cases,
    invariants=INVARIANTS,
    kinks="ties, at which the derivative of |0| is taken as 0",
    variants={"the columns in the opposite order": _reversed},
)
def neural_sort(
    x: Array, *, temperature: float = 1.0, hard: bool = False, descending: bool = False
) -> Array:
    """The soft permutation matrix of NeuralSort.

        P[..., i, j] = softmax_i( ((2 j + 1 - n) x_i - A_i) / tau ),    A_i = sum_l |x_i - x_l|

    x            (..., n), n >= 1
    temperature  tau > 0. For tau -> 0 and distinct x, P is `hard_permutation(x)`; for growing tau
                 every weight becomes 1 / n
    hard         round P to the exact permutation with the gradient of the soft one
                 (`straight_through`)
    descending   positions from the largest to the smallest
    returns      (..., n, n), P[..., i, j] the weight of input i at position j; the soft sorted
                 values are x @ P

    Each column of P is a distribution over the inputs; its largest entry is that of the right input
    (P is unimodal). Rows need not sum to 1: P is not doubly stochastic. P does not change when a
    constant is added to x, nor when x and tau are multiplied by the same number. Tied values share
    their positions' weights equally. The gradient is the derivative, with 0 for that of |0| at
    ties. Time and memory are O(n^2). The exponents are differences of numbers as large as n times
    the spread of x over tau, and are rounded on that scale: for float32 and n = 1000, weights are
    off by about 1e-4. NaN or infinity in a sample makes its P NaN.

    Raises ValueError for n = 0 and tau <= 0.

    >>> neural_sort([3.0, 1.0, 2.0]).round(3)
    array([[0.013, 0.212, 0.721],
           [0.721, 0.212, 0.013],
           [0.265, 0.576, 0.265]])
    """
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    P = _definition(x, positive(temperature, "temperature"), descending)
    return straight_through(P) if hard else P


def _hard_per_input(x: Array, **options: Any) -> Array:
    return straight_through(neural_sort(x, **options), per="input")


specification(
    name="sorting.neural_sort_hard",
    source="Grover et al. 2019, published code (hard=True)",
    inputs=("x",),
    outputs=("P",),
    cases=_hard_cases,
    invariants=HARD_INVARIANTS,
    gradient="that of the soft permutation (straight-through)",
    kinks="jumps at ties",
    call=functools.partial(neural_sort, hard=True),
    variants={"difftopk 0.2.0: every input picks a position": _hard_per_input},
)(neural_sort)
