"""Losses on positions and on ranks: NeuralSort's cross-entropy, and the squared error of ranks.

The loss of sorting networks, the binary cross-entropy of all entries, is in `losses`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, plain, stop_gradient
from ..promises import close, within
from ..spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from ..validation import float_array
from .perturbed import exact_ranks

FLOOR = 1e-20  # added to P inside the logarithm, in the code of NeuralSort
NOTES = {
    "convention": Note(
        "transpose",
        "A matrix whose columns sum to one and whose rows do not.",
        "The softmax taken over positions instead of inputs: each input picks a position.",
    ),
    "log-of-zero": Note(
        "singular logarithm", "Entries of P that are exactly 0.", "An infinite or NaN loss."
    ),
}


def _matrix_cases(rng: np.random.Generator) -> Iterator[Case]:
    clause = "-mean over positions of sum_i Q log softmax_i log(P + 1e-20)"
    for name, batch in BATCHES.items():
        if name != "batch0":
            P = np.swapaxes(rng.dirichlet(np.ones(4), size=(*batch, 4)), -1, -2)
            order = rng.permuted(np.broadcast_to(np.arange(4), (*batch, 4)), axis=-1)
            yield Case(name, {"P": P, "Q": np.eye(4)[order]}, flags=(name,), clause=clause)
    P = np.array([[0.9, 0.8], [0.1, 0.2]])
    flags = ("convention",)
    yield Case("columns-only", {"P": P, "Q": np.eye(2)}, flags=flags, clause="columns: positions")
    unscaled = {"P": rng.uniform(0.1, 2.0, (3, 3)), "Q": np.eye(3)}
    yield Case("unnormalised", unscaled, clause="the softmax divides by the sum of the column")
    hard = {"P": np.array([[1.0, 0.0], [0.0, 1.0]]), "Q": np.eye(2)[::-1].copy()}
    flags = ("log-of-zero",)
    yield Case("wrong", hard, kind="edge", flags=flags, clause="log(1e-20)", checks=("values",))


def _over_positions(P: Array, Q: Array) -> Array:
    xp = array_namespace(P)
    return position_cross_entropy(xp.matrix_transpose(P), xp.matrix_transpose(Q))


def _zero(run: Run, inputs: Arrays, params: Any) -> str | None:
    loss = run({**inputs, "P": inputs["Q"].astype(inputs["P"].dtype)}, params)["loss"]
    return None if close(loss, np.zeros_like(loss)) else f"where P is Q, the loss is {loss}"


def _columns(run: Run, inputs: Arrays, params: Any) -> str | None:
    """Those of powers of two, in which P is not rounded; not for entries of 0."""
    P = np.maximum(inputs["P"], 1e-3)
    factors = 2.0 ** np.arange(P.shape[-1]).astype(P.dtype)
    before, after = (run({**inputs, "P": p}, params)["loss"] for p in (P, P * factors))
    return None if close(after, before) else f"{before} becomes {after}"


@specification(
    name="sorting.position_cross_entropy",
    source="Grover et al. 2019, published code (ermongroup/neuralsort, run_sort.py)",
    inputs=("P", "Q"),
    differentiable=("P",),
    outputs=("loss",),
    invariants=(
        within("loss"),
        Invariant("zero", "0 where P is Q, but for the 1e-20", _zero),
        Invariant("scale", "the columns of P may be multiplied by numbers", _columns),
    ),
    cases=_matrix_cases,
    kinks="none for P >= 0",
    notes=NOTES,
    variants={"the softmax over positions": _over_positions},
)
def position_cross_entropy(P: Array, Q: Array) -> Array:
    """The mean cross-entropy of the input at each position, as NeuralSort is trained.

        L = -mean over j of sum_i Q_ij log( p_ij / sum_l p_lj ),    p = P + 1e-20

    P        (..., n, k) >= 0, columns are positions; Q the same shape, from `hard_permutation`
    returns  a scalar, the mean over positions and samples

    Each position chooses among the inputs, as in P of NeuralSort and SoftSort, whose columns are
    distributions; rows are not looked at. The gradient is the derivative, up to 1e20 where P is 0.
    The published code has positions in rows and in descending order, which is the same number.

    Raises ValueError if the shapes differ or P is empty.

    >>> position_cross_entropy([[0.9, 0.2], [0.1, 0.8]], np.eye(2))
    np.float64(0.16425)
    """
    P, Q = float_array(P, "P", min_ndim=2), float_array(Q, "Q", min_ndim=2)
    if tuple(P.shape) != tuple(Q.shape) or not math.prod(P.shape):
        raise ValueError(
            f"P, Q: expected equal shapes with at least one entry, "
            f"got {tuple(P.shape)} and {tuple(Q.shape)}"
        )
    xp = array_namespace(P, Q)
    p = P + FLOOR
    log_p = xp.log(p) - xp.log(xp.sum(p, axis=-2, keepdims=True))
    return -xp.mean(xp.sum(log_p * xp.astype(Q, P.dtype), axis=-2))


def _rank_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        if name != "batch0":
            inputs = {
                "ranks": rng.uniform(0, 4, (*batch, 5)),
                "targets": rng.normal(size=(*batch, 5)),
            }
            yield Case(name, inputs, flags=(name,))
    one = {"ranks": np.array([0.25]), "targets": np.array([3.0])}
    yield Case("n1", one, kind="edge", flags=("size-one",))


def _right(run: Run, inputs: Arrays, params: Any) -> str | None:
    targets = inputs["targets"]
    ranks = np.argsort(np.argsort(targets, axis=-1), axis=-1).astype(targets.dtype)
    loss = run({"ranks": ranks, "targets": targets}, params)["loss"]
    return None if loss == 0 else f"the exact ranks have the loss {loss}"


def _one_off(run: Run, inputs: Arrays, params: Any) -> str | None:
    targets = inputs["targets"]
    ranks = np.argsort(np.argsort(targets, axis=-1), axis=-1).astype(targets.dtype)
    signs = (-1.0) ** np.arange(ranks.shape[-1]).astype(targets.dtype)
    loss = run({"ranks": ranks + signs, "targets": 2 * targets + 1}, params)["loss"]
    return None if close(loss, 1.0) else f"ranks that are off by 1 have the loss {loss}"


@specification(
    name="sorting.rank_error",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021), appendix B.3",
    inputs=("ranks", "targets"),
    differentiable=("ranks",),
    outputs=("loss",),
    cases=_rank_cases,
    invariants=(
        Invariant("zero", "exact ranks have no error", _right),
        Invariant("one off", "ranks off by 1 have the error 1, whatever the targets", _one_off),
    ),
    kinks="none: it is quadratic",
)
def rank_error(ranks: Array, targets: Array) -> Array:
    """The mean squared error of soft ranks: mean over inputs of (r_i - rank(targets)_i)^2.

    ranks    (..., n), soft ranks from 0 to n - 1, of any method (`refimpl.sorting.rank`)
    targets  (..., n), the values whose order is right; equal ones keep their order
    returns  a scalar

    Raises ValueError if the shapes differ or nothing is given.

    >>> rank_error([0.5, 1.5, 1.0], [10.0, 30.0, 20.0])
    np.float64(0.16667)
    """
    r, t = float_array(ranks, "ranks", min_ndim=1), float_array(targets, "targets", min_ndim=1)
    if tuple(r.shape) != tuple(t.shape) or not math.prod(r.shape):
        raise ValueError(
            f"ranks, targets: expected equal shapes with at least one entry, "
            f"got {tuple(r.shape)} and {tuple(t.shape)}"
        )
    xp = array_namespace(r)
    gap = r - xp.astype(plain(stop_gradient(exact_ranks(t))), r.dtype)
    return xp.mean(gap * gap)
