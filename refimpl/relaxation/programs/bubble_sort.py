"""Bubble sort, relaxed: ordered values, whether anything was swapped, and how often.

    while swapped:                      discrete                    relaxed
        swapped = False                 if x[i] > x[i+1]:           p = F(beta (x[i] - x[i+1]))
        for i in range(n):                  swap them               x[i], x[i+1] = p-weighted means
            if x[i] > x[i+1]:               swapped = True          swapped = swapped or p
                swap; swapped = True        count += 1              count = count + p
        n = n - 1

Ordering supervision: put the inputs of a network into their true order; a network that orders them
the same way has nothing to swap, so `swaps` or `unsorted` is the loss.

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021; program of PyPI algovision 0.1.2, experiments/train_sort.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import autograd as ag
from ...autograd import Array
from ...spec import Invariant, specification
from ...validation import float_array
from ..conditions import Law, either, greater
from ..control import while_loop
from ..select import select
from . import bubble_sort_cases as cases


class State(NamedTuple):
    """The values by position, (B...) each; the flags and the count; how many pairs are left."""

    x: list[Array]
    swapped: Any
    unsorted: Any
    swaps: Any
    n: int


@specification(
    name="relaxation.bubble_sort",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021), sorting",
    inputs=("x",),
    outputs=("sorted", "unsorted", "swaps"),
    cases=cases.cases,
    invariants=tuple(Invariant(*entry) for entry in cases.INVARIANTS),
    kinks="none for smooth laws; jumps as small as epsilon where the number of rounds changes",
    notes=cases.NOTES,
)
def bubble_sort(
    x: Array,
    *,
    beta: float = 10.0,
    distribution: Law = "logistic",
    epsilon: float = 1e-5,
    rows: str = "apart",
) -> tuple[Array, Array, Array]:
    """(sorted values, degree of "something was swapped", expected number of swaps).

    x: (..., n), n >= 1; returns shapes (..., n), (...), (...). The sum of the values is kept, and
    each result is a mixture of the inputs with weights that form a doubly stochastic matrix.
    beta: inverse temperature; inf sorts, and counts the inversions. distribution: the law F.
    epsilon, rows: when the loop ends, see `while_loop`; rows="together" is the published rule.

    The gradient is the derivative at a fixed number of rounds. Ties count as half a swap each, for
    every beta but inf. NaN makes everything NaN.

    >>> import numpy as np
    >>> values, unsorted, swaps = bubble_sort(np.array([[3.0, 1.0, 2.0]]), beta=50.0)
    >>> values.round(3), unsorted.round(3), swaps.round(3)
    (array([[1., 2., 3.]]), array([1.]), array([2.]))
    """
    x = float_array(x, "x", min_ndim=1)
    columns = ag.unstack(x, axis=-1)
    if not columns:
        raise ValueError("x: expected at least one value")
    zero = ag.array_namespace(x).zeros_like(ag.plain(columns[0]))

    def sweep(s: State) -> State:
        values, swapped, unsorted, swaps = list(s.x), zero, s.unsorted, s.swaps
        for i in range(s.n):
            a, b = values[i], values[i + 1]
            p = greater(a, b, beta=beta, distribution=distribution)
            values[i], values[i + 1] = select(p, (b, a), (a, b))
            swapped, unsorted, swaps = either(swapped, p), either(unsorted, p), swaps + p
        return State(values, swapped, unsorted, swaps, s.n - 1)

    start = State(list(columns), 1 + zero, zero, zero, len(columns) - 1)
    end = while_loop(lambda s: s.swapped, sweep, start, epsilon=epsilon, rows=rows)
    return ag.array_namespace(*end.x).stack(end.x, axis=-1), end.unsorted, end.swaps
