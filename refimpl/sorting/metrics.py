"""Metrics of rankings: how often the true class is among the k best, and the concordance index.

EM, EW and EM5 are in `losses`, recall and average precision (with gradients) in `blackbox`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, indices_like, is_array, like_array, plain
from ..autograd import stop_gradient as stop
from ..promises import close, within
from ..spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from ..validation import float_array, whole
from .smooth_topk import check_labels

NOTES = {
    "tied-scores": Note(
        "ties",
        "The true class has the same score as the k-th best.",
        "A hit or a miss by chance of the sort; here the first of equal scores is the better.",
    ),
    "tied-times": Note(
        "ties",
        "An event and a censoring, or two events, at the same time.",
        "Pairs that are counted though their order is unknown, or left out though it is known.",
    ),
    "tied-predictions": Note(
        "ties", "Equal predictions for a comparable pair.", "0 or 1 in place of one half."
    ),
}


def _score_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, k in ((1, 1), (5, 1), (5, 3), (9, 9)):
        inputs = {"scores": rng.normal(size=(20, n)), "labels": rng.integers(0, n, 20)}
        yield Case(f"n{n}-k{k}", inputs, {"k": k}, flags=("size-one",) if n == 1 else ())
    deep = {"scores": rng.normal(size=(2, 1, 3, 4)), "labels": rng.integers(0, 4, (2, 1, 3))}
    yield Case("batch2x1x3", deep, {"k": 2})
    tied = {"scores": np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]), "labels": np.array([0, 1])}
    clause = "of equal scores the first is the better"
    yield Case("ties", tied, {"k": 1}, kind="edge", flags=("tied-scores",), clause=clause)


def _rises(run: Run, inputs: Arrays, params: Any) -> str | None:
    n = inputs["scores"].shape[-1]
    hits = [run(inputs, {**params, "k": k})["accuracy"] for k in range(1, n + 1)]
    if np.any(np.diff(hits) < 0):
        return "a larger k has a smaller accuracy"
    return None if hits[-1] == 1 else f"with k = n it is {hits[-1]}"


def _increasing(run: Run, inputs: Arrays, params: Any) -> str | None:
    moved = {**inputs, "scores": 2 * inputs["scores"] + 8}
    same = run(moved, params)["accuracy"] == run(inputs, params)["accuracy"]
    return None if same else "2 x + 8 has another accuracy than x"


@specification(
    name="sorting.topk_accuracy",
    source="Petersen et al., Differentiable Top-k Classification Learning (ICML 2022), section 4",
    inputs=("scores", "labels"),
    differentiable=(),
    outputs=("accuracy",),
    invariants=(
        within("accuracy", 0, 1),
        Invariant("more places", "it does not fall as k grows, and is 1 for k = n", _rises),
        Invariant("order", "only the order of the scores counts", _increasing),
    ),
    cases=_score_cases,
    kinks="piecewise constant",
    notes=NOTES,
)
def topk_accuracy(scores: Array, labels: Array, *, k: int = 1) -> Array:
    """The fraction of samples whose true class is among the k with the largest scores.

    scores   (..., n), at least one sample; labels (...) whole numbers 0..n-1; k from 1 to n
    returns  a scalar; no gradient. Of equal scores the first counts as the better; NaN is no hit

    Raises ValueError for k or labels out of range and for an empty batch.

    >>> topk_accuracy([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]], [2, 2], k=2)
    np.float64(0.5)
    """
    x = plain(stop(float_array(scores, "scores", min_ndim=1)))
    n = x.shape[-1]
    if whole(k, "k", minimum=1) > n:
        raise ValueError(f"k: expected at most the {n} classes, got {k}")
    if not math.prod(x.shape):
        raise ValueError(f"scores: expected at least one sample, got shape {tuple(x.shape)}")
    y = check_labels(x, labels)
    if y.ndim != x.ndim - 1:
        raise ValueError(f"labels: expected shape {tuple(x.shape[:-1])}, got {tuple(y.shape)}")
    xp, place = array_namespace(x), indices_like(n, x)
    y = xp.astype(y, place.dtype)[..., None]
    own = xp.take_along_axis(x, y, axis=-1)
    better = (x > own) | ((x == own) & (place < y))
    hit = (xp.count_nonzero(better, axis=-1) < k) & ~xp.isnan(own[..., 0])
    return xp.mean(xp.astype(hit, x.dtype))


def _survival_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, ties in ((2, False), (8, False), (8, True), (20, True)):
        times = rng.integers(1, 5, (3, n)) + 0.0 if ties else rng.permuted(
            np.tile(np.arange(n) + 1.0, (3, 1)), axis=-1
        )  # fmt: skip
        events = rng.integers(0, 2, (3, n))
        events[np.arange(3), np.argmin(times, axis=-1)] = 1  # something can be compared
        predictions = times + rng.normal(size=(3, n))
        predictions = np.round(predictions) if ties else predictions
        inputs = {"predictions": predictions, "times": times, "events": events}
        flags = ("tied-times", "tied-predictions") if ties else ()
        yield Case(f"n{n}-ties{ties}", inputs, flags=flags)
    for name, batch in BATCHES.items():
        inputs = {
            "predictions": rng.normal(size=(*batch, 4)),
            "times": rng.uniform(size=(*batch, 4)),
            "events": np.ones((*batch, 4)),
        }
        yield Case(name, inputs, flags=(name,))


def _mirrored(run: Run, inputs: Arrays, params: Any) -> str | None:
    turned = {**inputs, "predictions": -inputs["predictions"]}
    total = run(inputs, params)["index"] + run(turned, params)["index"]
    return None if close(total, np.ones_like(total)) else f"C(p) + C(-p) is {total}, not 1"


def _only_order(run: Run, inputs: Arrays, params: Any) -> str | None:
    """Increasing maps of predictions and of times; in the opposite order of the subjects."""
    p, t = inputs["predictions"], inputs["times"]
    moved = {"predictions": p**3, "times": 2 * t + 1, "events": inputs["events"]}
    moved = {name: array[..., ::-1] for name, array in moved.items()}
    same = close(run(moved, params)["index"], run(inputs, params)["index"])
    return None if same else "it depends on more than the order of predictions and times"


@specification(
    name="sorting.concordance_index",
    source="Harrell et al. 1982, Evaluating the Yield of Medical Tests",
    inputs=("predictions", "times", "events"),
    differentiable=(),
    outputs=("index",),
    cases=_survival_cases,
    invariants=(
        Invariant("mirror", "reversed predictions have the index 1 - C", _mirrored),
        Invariant("order", "only the orders of predictions and times count", _only_order),
    ),
    kinks="piecewise constant",
    notes=NOTES,
)
def concordance_index(predictions: Array, times: Array, events: Array) -> Array:
    """The fraction of comparable pairs of subjects whose predictions are in the right order.

    i is known to precede j if i has an observed event and t_i < t_j, or t_i = t_j and j is
    censored. Such a pair counts 1 if predictions_i < predictions_j, 1/2 if they are equal, else 0.

    predictions  (..., n), larger for later events, as for `diffsurv_loss`; negate hazards
    times        (..., n); events (..., n), 1 or true where observed
    returns      (...), one index for each set of subjects; 1 is perfect, 1/2 is chance; NaN where
                 no pair can be compared. No gradient. Time and memory O(n^2)

    Raises ValueError for shapes that differ.

    >>> float(concordance_index([1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [1, 1, 0]))
    0.6667
    """
    p = plain(stop(float_array(predictions, "predictions", min_ndim=1)))
    t = plain(stop(float_array(times, "times", min_ndim=1)))
    e = plain(stop(events)) if is_array(events) else like_array(np.asarray(events), p)
    if not tuple(p.shape) == tuple(t.shape) == tuple(e.shape):
        shapes = [tuple(a.shape) for a in (p, t, e)]
        raise ValueError(f"predictions, times, events: expected equal shapes, got {shapes}")
    xp = array_namespace(p)
    observed = e != 0
    later = t[..., :, None] < t[..., None, :]
    outlived = (t[..., :, None] == t[..., None, :]) & ~observed[..., None, :]
    comparable = observed[..., :, None] & (later | outlived)
    d = p[..., None, :] - p[..., :, None]
    agreed = xp.where(d > 0, xp.ones_like(d), xp.where(d == 0, 0.5 * xp.ones_like(d), 0.0 * d))
    pairs = xp.astype(comparable, p.dtype)
    count = xp.sum(pairs, axis=(-1, -2))
    score = xp.sum(pairs * agreed, axis=(-1, -2)) / xp.where(count > 0, count, xp.ones_like(count))
    return xp.where(count > 0, score, xp.full_like(count, math.nan))
