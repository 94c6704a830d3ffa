"""Training with sorting supervision: the loss on permutation matrices, and the published metrics.

Petersen et al., "Differentiable Sorting Networks for Scalable Sorting and Ranking Supervision"
(ICML 2021), as in the experiments of its code. Only the order of the inputs is known, not their
values: a network scores each input, a relaxed sort turns the scores into P, and P is compared with
the permutation matrix Q of the true order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.promises import close, within
from refimpl.spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from refimpl.validation import float_array

LOG_FLOOR = -100.0  # torch.nn.BCELoss bounds its logarithms here
NOTES = {
    "log-of-zero": Note(
        "singular logarithm",
        "Entries of P that are exactly 0 or 1.",
        "An infinite loss, or a gradient that is NaN (0 / 0) instead of zero.",
    )
}


def _matrices(rng: np.random.Generator) -> Iterator[Case]:
    formula = "-mean(Q log P + (1 - Q) log(1 - P))"
    for name, batch in BATCHES.items():
        if name != "batch0":
            inputs = {"P": rng.uniform(0.05, 0.95, size=(*batch, 3, 3)), "Q": _one_hot(rng, batch)}
            yield Case(name, inputs, flags=(name,), clause=formula)
    Q = np.eye(2)
    hard = {"P": np.array([[1.0, 0.0], [0.5, 0.5]]), "Q": Q}
    flags, clause = ("log-of-zero",), "logarithms are no smaller than -100"
    yield Case("right", hard, kind="edge", flags=flags, clause=clause, checks=("values", "vjp"))
    wrong = {"P": np.array([[0.0, 1.0], [0.5, 0.5]]), "Q": Q}
    yield Case("wrong", wrong, kind="edge", flags=flags, clause=clause, checks=("values",))


def _one_hot(rng: np.random.Generator, batch: tuple[int, ...]) -> np.ndarray:
    return np.eye(3)[rng.permuted(np.broadcast_to(np.arange(3), (*batch, 3)), axis=-1)]


def _scores(rng: np.random.Generator) -> Iterator[Case]:
    for n in (1, 3, 5, 9):
        scores, targets = rng.normal(size=(2, 20, n))
        inputs = {"scores": targets + 0.3 * scores, "targets": targets}
        yield Case(f"n{n}", inputs, flags=("size-one",) if n == 1 else ())


def _zero(run: Run, inputs: Arrays, params: Any) -> str | None:
    loss = run({**inputs, "P": inputs["Q"].astype(inputs["P"].dtype)}, params)["loss"]
    return None if loss == 0 else f"where P is Q, the loss is {loss}"


def _order(run: Run, inputs: Arrays, params: Any) -> str | None:
    turned = {name: np.flip(np.roll(array, 1, axis=-2), -1) for name, array in inputs.items()}
    before, after = run(inputs, params)["loss"], run(turned, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _least(run: Run, inputs: Arrays, params: Any) -> str | None:
    found = run(inputs, params)
    fits = found["em"] <= min(found["ew"], found["em5"]) + 16 * np.finfo(found["em"].dtype).eps
    return None if fits else f"em = {found['em']}, ew = {found['ew']}, em5 = {found['em5']}"


def _perfect(run: Run, inputs: Arrays, params: Any) -> str | None:
    found = run({**inputs, "scores": 2 * inputs["targets"] + 1}, params)
    wrong = [name for name, value in found.items() if not close(value, 1.0)]
    return f"{wrong[0]} is {found[wrong[0]]}" if wrong else None


@specification(
    name="sorting.permutation_cross_entropy",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021), experiments",
    inputs=("P", "Q"),
    differentiable=("P",),
    outputs=("loss",),
    invariants=(
        within("loss"),
        Invariant("zero", "0 where P is Q", _zero),
        Invariant("order", "inputs and positions have no order", _order),
    ),
    cases=_matrices,
    kinks="where a logarithm reaches -100: derivative 0 there",
    notes=NOTES,
)
def permutation_cross_entropy(P: Array, Q: Array) -> Array:
    """The mean binary cross-entropy between a relaxed and a true permutation matrix.

        L = -mean( Q log P + (1 - Q) log(1 - P) )

    over all entries and the batch, with logarithms no smaller than -100, as in torch.nn.BCELoss.

    P: (..., n, n) with entries in [0, 1], in either convention; Q: the same shape, from
    `hard_permutation`. Returns a scalar. Entries of P that rounding has put just outside of [0, 1]
    do no harm. The gradient is that of the bounded logarithm: 0 where the bound is active. (torch's
    backward pass divides by max(P (1 - P), 1e-12) instead, so its derivative with respect to an
    entry P = 0 with Q = 1 is -1e12 over the number of entries.)

    Raises ValueError if the shapes differ or P is empty.

    >>> P = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> permutation_cross_entropy(P, np.eye(2))
    np.float64(0.10536)
    """
    P, Q = float_array(P, "P", min_ndim=2), float_array(Q, "Q", min_ndim=2)
    if tuple(P.shape) != tuple(Q.shape) or not math.prod(P.shape):
        raise ValueError(
            f"P, Q: expected equal shapes with at least one entry, "
            f"got {tuple(P.shape)} and {tuple(Q.shape)}"
        )
    xp = ag.array_namespace(P, Q)
    Q = xp.astype(Q, P.dtype)
    return -xp.mean(_bounded_log(P) * Q + _bounded_log(1 - P) * (1 - Q))


def _bounded_log(p: Array) -> Array:
    """max(log p, -100), with derivative 0 (not 0 / 0) where the bound is active."""
    xp = ag.array_namespace(p)
    active = p <= math.exp(LOG_FLOOR)
    return xp.where(active, LOG_FLOOR, xp.log(xp.where(active, 1.0, p)))


class RankingAccuracy(NamedTuple):
    """Fractions of exact matches (em), of matching positions (ew), and of the first five (em5)."""

    em: Array
    ew: Array
    em5: Array


@specification(
    name="sorting.ranking_accuracy",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021), experiments",
    inputs=("scores", "targets"),
    differentiable=(),
    outputs=("em", "ew", "em5"),
    invariants=(
        *(within(name, 0, 1) for name in ("em", "ew", "em5")),
        Invariant("least", "em is at most ew, and at most em5", _least),
        Invariant("perfect", "1 for scores in the order of the targets", _perfect),
    ),
    cases=_scores,
    kinks="piecewise constant",
)
def ranking_accuracy(scores: Array, targets: Array) -> RankingAccuracy:
    """How far the order of the scores is that of the targets: EM, EW and EM5.

    With p = argsort(scores) and q = argsort(targets),
    - em: the fraction of samples with p = q in every position,
    - ew: the fraction of positions, over all samples, with p = q. It compares which input is the
      j-th, not the ranks of the inputs, as in the published evaluation;
    - em5: em for the first five columns alone, sorted for themselves: a number that can be compared
      between different n. For n < 5 it is em.

    scores, targets: (..., n), n >= 1, at least one sample. Equal values are taken in their order
    (torch's argsort, used for the published numbers, leaves that open). No gradient.

    >>> ranking_accuracy([[0.1, 0.3, 0.2], [0.1, 0.2, 0.3]], [[1, 3, 2], [2, 1, 3]])
    RankingAccuracy(em=np.float64(0.5), ew=np.float64(0.6667), em5=np.float64(0.5))
    """
    scores = float_array(scores, "scores", min_ndim=1)
    targets = float_array(targets, "targets", min_ndim=1)
    if tuple(scores.shape) != tuple(targets.shape) or not math.prod(scores.shape):
        raise ValueError(
            f"scores, targets: expected equal shapes with at least one entry, "
            f"got {tuple(scores.shape)} and {tuple(targets.shape)}"
        )
    first = min(5, scores.shape[-1])
    whole = _agreement(scores, targets)
    five = _agreement(scores[..., :first], targets[..., :first])
    xp = ag.array_namespace(whole)
    return RankingAccuracy(
        xp.mean(xp.min(whole, axis=-1)), xp.mean(whole), xp.mean(xp.min(five, axis=-1))
    )


def _agreement(scores: Array, targets: Array) -> Array:
    """1 at the positions where both orders have the same input, else 0."""
    same = ag.argsort(scores) == ag.argsort(targets)
    return ag.array_namespace(same).astype(same, ag.plain(scores).dtype)
