"""Straight-through: the hard permutation in the forward pass, the soft one in the backward pass.

A relaxed permutation matrix P is rounded to one-hot columns, and its gradient is used as if nothing
had been rounded. Which axis is rounded matters: each sorted position must pick one input. Picking a
position for each input instead can give two inputs the same place and leave another place empty.

Source: Grover et al. 2019, "Stochastic Optimization of Sorting Networks via Continuous
Relaxations", section 4 and published code; Bengio et al. 2013 for the estimator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, one_hot, plain, stop_gradient
from ..promises import close
from ..spec import BATCHES, Case, Invariant, specification
from ..validation import choose, float_array

PER = ("position", "input")


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        P = np.swapaxes(rng.dirichlet(np.ones(4), size=(*batch, 3)), -1, -2)
        yield Case(name, {"P": P}, {}, flags=(name,), clause="the heaviest input of a column")
        yield Case(f"{name}-input", {"P": P}, {"per": "input"}, flags=(name,))
    ties = np.full((2, 2), 0.5)
    yield Case("ties", {"P": ties}, {}, kind="edge", flags=("ties",), clause="the first of equals")


def _one_hot(run: Any, inputs: Any, params: Any) -> str | None:
    Q = run(inputs, params)["Q"]
    axis = -2 if params.get("per", "position") == "position" else -1
    sums = Q.sum(axis)
    chosen = close(Q, np.round(Q)) and close(sums, np.ones_like(sums))
    return None if chosen else "not one-hot along the axis that was rounded"


def _heaviest(run: Any, inputs: Any, params: Any) -> str | None:
    P, Q = inputs["P"], run(inputs, params)["Q"]
    axis = -2 if params.get("per", "position") == "position" else -1
    same = close(np.sum(P * Q, axis=axis), np.max(P, axis=axis, initial=0.0))
    return None if same else "a chosen entry is not the largest"


def _other_axis(P: Array, *, per: str = "position") -> Array:
    return straight_through(P, per="input" if per == "position" else "position")


@specification(
    name="sorting.straight_through",
    source="Grover et al. 2019, published code (hard=True); Bengio et al. 2013 for the estimator",
    inputs=("P",),
    outputs=("Q",),
    cases=_cases,
    invariants=(
        Invariant("one-hot", "each column, or row per='input', is zeros and a one", _one_hot),
        Invariant("heaviest", "the one is where P is largest", _heaviest),
    ),
    gradient="the cotangent itself, as if nothing had been rounded",
    kinks="jumps where two entries of a column are equal",
    variants={"the argmax over the other axis": _other_axis},
)
def straight_through(P: Array, *, per: str = "position") -> Array:
    """Round a soft permutation matrix; let gradients pass through unchanged.

        Q[..., i, j] = 1 if i = argmax_l P[..., l, j], else 0;    dL/dP := dL/dQ

    P        (..., n, k), columns are positions
    per      "position": every position picks its heaviest input. "input": every input picks its
             heaviest position, as NeuralSort(hard=True) of difftopk 0.2.0 does; the result then
             need not be a permutation, nor have a one in every column
    returns  (..., n, k) of zeros and ones in the dtype of P; of equal weights the first wins

    For P of NeuralSort or SoftSort with distinct scores, "position" gives the exact permutation.

    Raises ValueError for an empty axis and an unknown `per`.

    >>> straight_through([[0.6, 0.3], [0.4, 0.7]])
    array([[1., 0.],
           [0., 1.]])
    """
    P = float_array(P, "P", min_ndim=2)
    axis = -2 if choose(per, PER, "per") == "position" else -1
    if not P.shape[axis]:
        raise ValueError(f"P: expected something to choose from, got shape {tuple(P.shape)}")
    xp = array_namespace(P)
    heaviest = one_hot(array_namespace(plain(P)).argmax(plain(P), axis=axis), P.shape[axis], like=P)
    Q = heaviest if axis == -1 else xp.matrix_transpose(heaviest)
    return (P - stop_gradient(P)) + Q  # the difference is exactly zero
