"""The matching: the permutation with the largest total score, exactly.

It rounds a doubly stochastic matrix to a permutation, and is the limit of the Sinkhorn operator for
vanishing temperature: the linear assignment problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..autograd import Array, constant, plain, stop_gradient, to_numpy
from ..spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from ..validation import float_array


def _matchings(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        scores = rng.normal(size=(*batch, 4, 4))
        yield Case(name, {"scores": scores}, flags=(name,), clause="argmax <Q, S>")
    greedy = {"scores": np.array([[0.9, 1.0, 0.0], [0.0, 0.9, 0.0], [0.0, 0.0, 0.1]])}
    clause = "the sum counts, not the largest entry"
    yield Case("not-greedy", greedy, flags=("greedy",), clause=clause)
    yield Case("n1", {"scores": np.array([[-3.0]])}, kind="edge", flags=("size-one",))


def _permutation(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    Q, S = run(inputs, params)["Q"], inputs["scores"]
    if not (np.all((Q == 0) | (Q == 1)) and np.all(Q.sum(-1) == 1) and np.all(Q.sum(-2) == 1)):
        return "not a permutation matrix"
    best = np.sum(Q * S, axis=(-1, -2))
    n = S.shape[-1]
    for order in np.random.default_rng(0).permuted(np.tile(np.arange(n), (20, 1)), axis=-1):
        slack = 16 * np.finfo(S.dtype).eps * np.max(np.abs(S), initial=1.0)
        if np.any(np.sum(np.eye(n)[order] * S, axis=(-1, -2)) > best + slack):
            return "another permutation has a larger sum"
    return None


@specification(
    name="sorting.matching",
    source="Mena et al. 2018, equation 2; Kuhn 1955 for the assignment problem",
    inputs=("scores",),
    differentiable=(),
    outputs=("Q",),
    cases=_matchings,
    invariants=(Invariant("best", "no permutation has a larger sum", _permutation),),
    kinks="piecewise constant, with jumps where two permutations have the same sum",
    notes={
        "greedy": Note(
            "algorithm",
            "The largest entry is not in the best permutation.",
            "A permutation chosen entry by entry, whose total score is smaller.",
        )
    },
)
def matching(scores: Array) -> Array:
    """The permutation matrix with the largest total score: argmax over Q of sum Q * scores.

    scores   (..., n, n), finite or -inf
    returns  (..., n, n) of zeros and ones, in the dtype and on the device of the scores; of
             permutations with equal sums, one of them

    The rounding of a doubly stochastic matrix, and the limit of `sinkhorn` for tau -> 0. Rounding
    each column for itself (`straight_through`) can choose an input twice, this cannot. It is
    piecewise constant: no gradient. Computed on the host, in O(n^3) per matrix.

    Raises ValueError for matrices that are not square, for NaN, and where -inf leaves no
    permutation.

    >>> matching([[0.9, 1.0], [0.0, 0.9]])
    array([[1., 0.],
           [0., 1.]])
    """
    scores = square(float_array(scores, "scores", min_ndim=2), "scores")
    host = to_numpy(stop_gradient(plain(scores)))
    n = host.shape[-1]
    Q = np.zeros(host.shape)
    flat = Q.reshape(-1, n, n)
    for matrix, chosen in zip(host.reshape(-1, n, n), flat, strict=True):
        try:
            rows, columns = linear_sum_assignment(matrix.astype(np.float64), maximize=True)
        except ValueError as error:
            raise ValueError(
                f"scores: no permutation to choose ({error}); expected finite numbers, or -inf "
                f"for pairings to leave out, got {matrix.tolist()!r:.80}"
            ) from error
        chosen[rows, columns] = 1.0
    return constant(Q, like=scores)


def square(x: Array, name: str) -> Array:
    """`x` if it is (..., n, n) with n >= 1; otherwise a ValueError that names the argument."""
    if x.shape[-1] != x.shape[-2] or x.shape[-1] == 0:
        raise ValueError(
            f"{name}: expected square matrices (..., n, n) with n >= 1, got shape {tuple(x.shape)}"
        )
    return x
