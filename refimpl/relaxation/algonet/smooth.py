"""Smooth sorting, maximum and median.

    max        sum_i w_i x_i,  w = softmax(s x)                         `indexing.max_soft`
    median     sum_i w_i x_i,  w = softmax_i(-s sum_j |x_i - x_j|): the median is where the sum of
               distances is smallest
    sort       relaxed exchanges of neighbours: bubble sort, or odd and even pairs in turn

Source: Petersen, Borgelt, Deussen, "AlgoNet", 2019. The weights of the median follow from what the
median minimises; the paper's own formula was not at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...autograd import Array, array_namespace
from ...promises import close
from ...sorting.networks import sorting_network
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import choose, float_array
from ..indexing import argmin_soft, max_soft
from ..programs.bubble_sort import bubble_sort


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, s in ((1, 1.0), (3, 2.0), (5, 4.0), (6, 1.0)):
        yield Case(f"n{n}-s{s}", {"x": rng.normal(size=(3, n))}, {"beta": s})
    for name, batch in BATCHES.items():
        yield Case(name, {"x": rng.normal(size=(*batch, 3))}, {"beta": 3.0}, kind="edge")


def _limit(run: Any, inputs: Any, params: Any) -> str | None:
    x, found = inputs["x"], run(inputs, params | {"beta": np.inf})["y"]
    ordered, n, slack = np.sort(x, axis=-1), x.shape[-1], 16 * np.finfo(x.dtype).eps
    above = np.all(found >= ordered[..., (n - 1) // 2] - slack)
    below = np.all(found <= ordered[..., n // 2] + slack)
    return None if above and below else "at beta = inf it is not a median"


def _affine(run: Any, inputs: Any, params: Any) -> str | None:
    """1 - 2 x in the opposite order, at half of the inverse temperature."""
    moved = run({"x": 1 - 2 * inputs["x"][..., ::-1]}, {**params, "beta": params["beta"] / 2})["y"]
    same = close(moved, 1 - 2 * run(inputs, params)["y"], scale=10)
    return None if same else "of 1 - 2 x, in another order and at beta/2, it is not 1 - 2 y"


@specification(
    name="relaxation.soft_median",
    source="Petersen et al., AlgoNet (2019), smooth median; the median minimises sum_j |x_i - x_j|",
    inputs=("x",),
    outputs=("y",),
    cases=_cases,
    invariants=(
        Invariant("hard limit", "beta = inf is the median, or between the middle two", _limit),
        Invariant("affine", "1 - 2 x in any order at beta/2 has 1 - 2 y", _affine),
    ),
    kinks="where two values tie: |x_i - x_j| has slope 0 there, by convention",
)
def soft_median(x: Array, *, beta: float = 10.0) -> Array:
    """The softmedian of the values along the last axis, (..., n) -> (...).

    beta: inverse temperature; as it grows, the median for odd n, and the mean of the two middle
    values for even n. NaN gives NaN.

    >>> import numpy as np
    >>> soft_median(np.array([1.0, 9.0, 2.0]), beta=20.0)
    np.float64(2.0)
    """
    x = float_array(x, "x", min_ndim=1)
    xp = array_namespace(x)
    distances = xp.sum(xp.abs(x[..., :, None] - x[..., None, :]), axis=-1)
    return xp.sum(argmin_soft(distances, beta=beta) * x, axis=-1)


def soft_maximum(x: Array, *, beta: float = 10.0) -> Array:
    """The softmax-weighted mean along the last axis, (..., n) -> (...); see `max_soft`.

    >>> import numpy as np
    >>> soft_maximum(np.array([1.0, 9.0, 2.0]), beta=20.0)
    np.float64(9.0)
    """
    return max_soft(x, beta=beta)


def smooth_sort(
    x: Array, *, beta: float = 10.0, method: str = "odd_even", distribution: str = "logistic"
) -> Array:
    """The values along the last axis in ascending order, smoothly: (..., n) -> (..., n).

    method: "odd_even", the sorting network of that name (n rounds of exchanges side by side), with
    the laws that `sorting_network` has; "bubble", `bubble_sort` (as many rounds as the data need).

    >>> import numpy as np
    >>> smooth_sort(np.array([3.0, 1.0, 2.0]), beta=50.0).round(3)
    array([1., 2., 3.])
    """
    if choose(method, ("odd_even", "bubble"), "method") == "bubble":
        return bubble_sort(x, beta=beta, distribution=distribution)[0]
    return sorting_network(x, distribution=distribution, steepness=beta)[0]
