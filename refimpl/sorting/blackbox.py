"""Ranks with black-box gradients, and the recall and average-precision losses built on them.

Ranking is a linear problem, rank(x) = argmin over permutations of <rank, x> for ranks counted from
the largest value, so black-box differentiation applies to it.

Source: Rolinek et al. 2020, "Optimizing Rank-based Metrics with Blackbox Differentiation", CVPR;
code blackbox-backprop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, is_array, like_array, plain, stop_gradient
from ..promises import close, within
from ..spec import Case, Invariant, Note, specification
from ..training.blackbox import blackbox
from ..validation import float_array, in_range, non_negative, number_or_array
from .perturbed import exact_ranks

NOTES = {
    "rank-normaliser": Note(
        "wrong axis",
        "blackbox-backprop multiplies normalised ranks by the number of sequences instead of their "
        "length",
        "the recall loss of score matrices that are not square",
    ),
}


def descending_ranks(x: Array) -> Array:
    """Ranks over n, (..., n): the largest value has 1/n, the smallest 1."""
    return (exact_ranks(-plain(stop_gradient(x))) + 1) / max(x.shape[-1], 1)


def _scores(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((1,), (5,), (2, 4), (2, 1, 3), (0, 3)):
        for lambda_ in (0.2, 5.0):
            name = "x".join(map(str, shape))
            params = {"lambda_": lambda_}
            inputs = {"x": rng.normal(size=shape)}
            yield Case(f"{name}-lambda{lambda_}", inputs, params, checks=("values", "vjp"))


def _largest(run: Any, inputs: Any, params: Any) -> str | None:
    x, found = inputs["x"], run(inputs, params)["ranks"]
    n = x.shape[-1]
    falling = np.take_along_axis(found, np.argsort(-x, axis=-1), axis=-1)
    wanted = np.broadcast_to(np.arange(1, n + 1) / n, found.shape)
    return None if close(falling, wanted) else f"from the largest on, the ranks are {falling}"


def _separated(run: Any, inputs: Any, params: Any) -> str | None:
    """Scores that put all that is relevant first; a margin is smaller than 10."""
    given = {**inputs, "scores": np.sign(inputs["scores"]) + 20 * inputs["relevance"]}
    loss = run(given, params)["loss"]
    most = 1e-5 + 16 * np.finfo(loss.dtype).eps
    return None if np.abs(loss) <= most else f"with all that is relevant in front it is {loss}"


def _increasing(run: Any, inputs: Any, params: Any) -> str | None:
    """Twice the scores, and the margin."""
    twice = {**params} | ({"margin": 2 * params["margin"]} if "margin" in params else {})
    before = run(inputs, params)["loss"]
    after = run({**inputs, "scores": 2 * inputs["scores"] + 1}, twice)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


SEPARATED = Invariant("separated", "0, up to 1e-5, if all that is relevant is first", _separated)
ORDER = Invariant("order", "2 x + 1, and twice the margin, have the same loss", _increasing)


@specification(
    name="sorting.blackbox_ranks",
    source="Rolinek et al. 2020, algorithm 1",
    inputs=("x",),
    outputs=("ranks",),
    cases=_scores,
    gradient="(rank(x + lambda g) - rank(x))/lambda",
    second_order=False,
    invariants=(Invariant("order", "from the largest value on, 1/n, 2/n, ..., 1", _largest),),
)
def blackbox_ranks(x: Array, *, lambda_: float = 2.0) -> Array:
    """Exact ranks over n, (..., n), the largest value 1/n; with the black-box gradient.

    x (..., n); lambda_ > 0. Equal values keep their order. Raises ValueError for lambda_ <= 0.
    """
    return blackbox(descending_ranks, float_array(x, "x", min_ndim=1), lambda_)


def recall_weight(z: Array) -> Array:
    """log(1 + log(1 + z)), the published weight of a positive ranked after z negatives."""
    xp = array_namespace(z)
    return xp.log1p(xp.log1p(z))


def _relevances(rng: np.random.Generator) -> Iterator[Case]:
    for sequences, n in ((1, 4), (3, 3), (2, 6)):
        relevance = (np.arange(n) % 3 == 0) * np.ones((sequences, 1))
        inputs = {"scores": rng.normal(size=(sequences, n)), "relevance": relevance}
        flags = ("rank-normaliser",) if sequences != n else ()
        params = {"lambda_": 2.0, "margin": 0.02}
        yield Case(f"{sequences}x{n}", inputs, params, checks=("values", "vjp"), flags=flags)


@specification(
    name="sorting.recall_loss",
    source="Rolinek et al. 2020, section 4.2",
    inputs=("scores", "relevance"),
    differentiable=("scores",),
    outputs=("loss",),
    invariants=(within("loss"), SEPARATED, ORDER),
    cases=_relevances,
    gradient="by black-box ranks; ranks among positives are constants",
    second_order=False,
    notes=NOTES,
)
def recall_loss(
    scores: Array,
    relevance: Array,
    *,
    lambda_: float = 2.0,
    margin: float = 0.02,
    weight: Callable[[Array], Array] = recall_weight,
    length: int | None = None,
) -> Array:
    """The mean over relevant items of w(number of irrelevant items ranked before it); a scalar.

    scores     (sequences, n); relevance 0 or 1, the same shape, at least one 1
    lambda_    > 0 of the black-box gradient; margin >= 0 is taken from the scores of relevant items
               and given to the others, half each
    weight     w, an element-wise function
    length     what normalised ranks are multiplied by: n by default. The published code takes the
               number of sequences

    Raises ValueError for shapes that differ and if nothing is relevant.
    """
    s, relevant = _paired(scores, relevance)
    shifted = s - non_negative(margin, "margin") * (relevant - 0.5)
    ranks = blackbox_ranks(shifted, lambda_=lambda_)
    among = descending_ranks(2 * relevant - stop_gradient(ranks))
    xp = array_namespace(ranks)
    before = (ranks - among) * relevant * (s.shape[-1] if length is None else length)
    return xp.sum(weight(before)) / xp.sum(relevant)


@specification(
    name="sorting.average_precision_loss",
    source="Rolinek et al. 2020, section 4.2",
    inputs=("scores", "relevance"),
    differentiable=("scores",),
    outputs=("loss",),
    invariants=(within("loss", 0, 1), SEPARATED, ORDER),
    cases=lambda rng: (
        Case(case.name, case.inputs, {"lambda_": 2.0}, checks=("values", "vjp"))
        for case in _relevances(rng)
    ),
    gradient="by black-box ranks; ranks among positives are constants",
    second_order=False,
)
def average_precision_loss(
    scores: Array,
    relevance: Array,
    *,
    lambda_: float = 2.0,
    margin: Array | float = 0.0,
    interclass: float = 0.0,
) -> Array:
    """1 - the mean average precision, a scalar.

        AP = sum_j (rank among relevant / rank)_j / (number of relevant + 1e-5)

    scores      (classes, n); relevance 0 or 1, the same shape. Classes without a relevant item do
                not count
    margin      as in `recall_loss`; the published code multiplies it by the size of normal noise
                for each item, which here is given as an array
    interclass  weight beta in [0, 1] of the same loss with all classes in one ranking

    Raises ValueError for shapes that differ and if nothing is relevant.
    """
    s, relevant = _paired(scores, relevance)
    shifted = s - number_or_array(margin, "margin", non_negative) * (relevant - 0.5)
    beta = in_range(interclass, "interclass", 0.0, 1.0)
    loss = _average_precision_loss(shifted, relevant, lambda_)
    if beta == 0:
        return loss
    xp = array_namespace(shifted)
    one = (1, shifted.shape[0] * shifted.shape[1])
    whole = _average_precision_loss(xp.reshape(shifted, one), xp.reshape(relevant, one), lambda_)
    return (1 - beta) * loss + beta * whole


def _average_precision_loss(s: Array, relevant: Array, lambda_: float) -> Array:
    ranks = blackbox_ranks(s, lambda_=lambda_)
    among = descending_ranks(2 * relevant - stop_gradient(ranks))
    xp = array_namespace(ranks)
    count = xp.sum(relevant, axis=-1)
    precision = xp.sum(among / ranks * relevant, axis=-1) / (count + 1e-5)
    present = xp.astype(count > 0, precision.dtype)
    return 1 - xp.sum(precision * present) / xp.sum(present)


def _paired(scores: Array, relevance: Array) -> tuple[Array, Array]:
    s = float_array(scores, "scores", min_ndim=2)
    known = relevance if is_array(relevance) else like_array(np.asarray(relevance), s)
    relevant = array_namespace(plain(s)).astype(plain(stop_gradient(known)), plain(s).dtype)
    if s.ndim != 2 or tuple(s.shape) != tuple(relevant.shape):
        raise ValueError(
            f"scores, relevance: expected equal shapes (sequences, n), got {tuple(s.shape)} and "
            f"{tuple(relevant.shape)}"
        )
    if not float(array_namespace(relevant).sum(relevant)) > 0:
        raise ValueError("relevance: nothing is relevant")
    return s, relevant
