"""The differentiable top-k cross-entropy: learning for a distribution over k.

A classifier is judged by top-1 with probability p_1, by top-2 with probability p_2, and so on. With
T_j the probability, under a soft sort of the scores, that a class is among the j largest, the
probability that the prediction counts is q = sum_j p_j T_j, and the loss is -log q of the true
class.

Symbols: x scores, y true class, p_j weights, P last k columns of the soft permutation (in rising
order), T_j sum of the last j of them. A column c counts in T_j for j >= k - c, so that q = P w with
w_c = sum_{j >= k - c} p_j: only this one combination of the columns is computed.

Source: Petersen et al., "Differentiable Top-k Classification Learning" (ICML 2022), section 3; the
smoothing of the logarithm and the three treatments of top-1 follow the published code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    constant,
    indices_like,
    log_softmax,
    one_hot,
    plain,
    softmax,
    topk,
)
from ..promises import close
from ..spec import Case, Invariant, specification
from ..validation import choose, float_array, non_negative, positive, whole
from .layouts import NETWORKS, find_layout
from .neuralsort import neural_sort
from .sigmoids import Sigmoid, make_sigmoid
from .smooth_topk import check_labels
from .softsort import soft_sort
from .splitter import splitter_selection
from .topk_network import SPLITTER, weighted_selection

SMOOTHING = 1e-7  # q is moved from [0, 1] to [1e-7, 1 - 1e-7] before the logarithm
TOP1 = ("sm", "sort", "smce")

Operator = Callable[..., Array]


def _by_network(name: str, x: Array, w: Sequence[float], s: float, sigmoid: Sigmoid) -> Array:
    n = x.shape[-1]
    layout = splitter_selection(n, len(w)) if name == SPLITTER else find_layout(name, n)
    return weighted_selection(x, w, layout, sigmoid)


def _by_matrix(
    sort: Callable[..., Array], x: Array, w: Sequence[float], s: float, sigmoid: Sigmoid
) -> Array:
    last = sort(x, temperature=1 / s)[..., x.shape[-1] - len(w) :]
    return array_namespace(x).sum(last * constant(np.asarray(w), like=x), axis=-1)


# x, weights w of the k largest in rising order, steepness, sigmoid -> P w, (..., n)
OPERATORS: dict[str, Operator] = {
    "neural_sort": functools.partial(_by_matrix, neural_sort),
    "soft_sort": functools.partial(_by_matrix, soft_sort),
    **{name: functools.partial(_by_network, name) for name in (SPLITTER, *NETWORKS)},
}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    weights = {"top1": (1.0,), "half": (0.5, 0.0, 0.5), "even": (0.2,) * 5}
    for (name, p), operator in zip(list(weights.items()) * 2, OPERATORS, strict=False):
        for top1 in TOP1:
            yield Case(
                f"{operator}-{name}-{top1}",
                {"scores": rng.normal(size=(3, 9)), "labels": rng.integers(0, 9, 3)},
                {"weights": p, "method": operator, "top1": top1, "steepness": 2.0},
                clause="q = sum_j p_j T_j, L = -log q",
            )
    inputs = {"scores": rng.normal(size=(4, 12)), "labels": rng.integers(0, 12, 4)}
    yield Case("candidates", inputs, {"weights": (0.5, 0.5), "candidates": 6})
    every = {"weights": (0.3, 0.3, 0.4), "candidates": 3, "distribution": "logistic"}
    yield Case("candidates-k", inputs, every, clause="k candidates: all of them are in the top k")
    several = {"scores": inputs["scores"], "labels": rng.integers(0, 12, (4, 2))}
    yield Case("two-labels", several, {"weights": (0.5, 0.5)}, clause="the mean over true classes")
    single = {name: array[0] for name, array in inputs.items()}
    yield Case("single", single, {"weights": (0.25, 0.75)}, flags=("single",))
    batch = {"scores": rng.normal(size=(2, 1, 3, 6)), "labels": rng.integers(0, 6, (2, 1, 3))}
    yield Case("batch2x1x3", batch, {"weights": (0.5, 0.5)}, flags=("batch2x1x3",))
    one = {"scores": np.array([[0.5]]), "labels": np.array([0])}
    yield Case("n1", one, {"weights": (1.0,), "top1": "sort"}, kind="edge", flags=("size-one",))


def _top1_is_softmax(run: Any, inputs: Any, params: Any) -> str | None:
    x, y = inputs["scores"], np.asarray(inputs["labels"])
    y = y[..., None] if y.ndim < x.ndim else y
    q = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    wanted = -np.log((1 - 2 * SMOOTHING) * np.take_along_axis(q, y, -1) + SMOOTHING).mean()
    got = run(inputs, {"weights": (1.0,), "top1": "sm"})["loss"]
    return None if close(got, wanted) else f"{got} instead of the cross-entropy {wanted}"


def _equivariant(run: Any, inputs: Any, params: Any) -> str | None:
    symmetric = {**params, "method": "soft_sort"}  # a network's layout is not symmetric
    n = inputs["scores"].shape[-1]
    turned = {"scores": inputs["scores"][..., ::-1], "labels": n - 1 - inputs["labels"]}
    before, after = run(inputs, symmetric)["loss"], run(turned, symmetric)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {**inputs, "scores": inputs["scores"] + 2}
    before, after = run(inputs, params)["loss"], run(moved, params)["loss"]
    return None if close(after, before, scale=10) else f"{before} becomes {after}"


@specification(
    name="sorting.topk_cross_entropy",
    source="Petersen et al., Differentiable Top-k Classification Learning (ICML 2022), section 3",
    inputs=("scores", "labels"),
    differentiable=("scores",),
    outputs=("loss",),
    cases=_cases,
    invariants=(
        Invariant("top-1", "weights (1,) are the cross-entropy", _top1_is_softmax),
        Invariant("symmetric", "with method='soft_sort', the classes have no order", _equivariant),
        Invariant("shift", "a constant added to the scores changes nothing", _shift),
    ),
    kinks="those of the sorter; with `candidates`, where a class enters or leaves them",
)
def topk_cross_entropy(
    scores: Array,
    labels: Array,
    *,
    weights: Sequence[float],
    method: str = SPLITTER,
    steepness: float = 1.0,
    distribution: str = "cauchy",
    art_lambda: float = 0.25,
    candidates: int | None = None,
    top1: str = "sm",
) -> Array:
    """The mean top-k cross-entropy for a distribution over k.

        q = sum_j p_j T_j,    L = mean of -log((1 - 2e-7) q[y] + 1e-7)

    `top1` says how j = 1 enters: "sm" takes softmax(x) in place of T_1; "sort" takes T_1; "smce"
    adds p_1 times the ordinary cross-entropy to (1 - p_1) times the loss of the others, whose
    weights stay as they are inside of the logarithm.

    scores        (..., n) logits, at least one sample
    labels        (...) whole numbers 0..n-1, or (..., L) for L true classes each, whose losses are
                  averaged
    weights       p_1, ..., p_k: probabilities that sum to 1 (to 1e-4); k is their number
    method        "splitter_selection", "odd_even", "bitonic", "bitonic_published" (networks),
                  "neural_sort" or "soft_sort"
    steepness     of the network's sigmoid, above 0; the inverse temperature of the other two
    distribution  the sigmoid, and art_lambda its exponent, as for `sorting_network`
    candidates    sort only the true class and the highest-scored others, this many in all (k to n);
                  softmax and cross-entropy are those among the candidates, too, and the other
                  classes have no gradient. Not for several true classes
    returns       a scalar; its gradient is the derivative

    weights (1,) with "sm" are the ordinary cross-entropy but for the smoothing by 1e-7, which
    bounds the loss by 16.1. With "splitter_selection" the values beyond the k-th play no part
    in the layout, so that k matters even where the last weights are 0. NaN gives NaN.

    Raises ValueError for weights that are no distribution, k or candidates out of range, labels
    outside of 0..n-1, an empty batch and unknown names.

    >>> round(float(topk_cross_entropy([[2.0, 1.0, 0.0]], [1], weights=(0.5, 0.5))), 3)
    0.633
    """
    choose(method, OPERATORS, "method")
    choose(top1, TOP1, "top1")
    x = float_array(scores, "scores", min_ndim=1)
    if not math.prod(x.shape):
        raise ValueError(f"scores: expected at least one sample, got shape {tuple(x.shape)}")
    s = positive(steepness, "steepness")
    sigmoid = make_sigmoid(distribution, s, art_lambda, "published")
    p = _distribution(weights)
    x, target = select_candidates(x, labels, _candidates(candidates, len(p), x.shape[-1]))
    return loss_of(x, target, p, functools.partial(OPERATORS[method], s=s, sigmoid=sigmoid), top1)


def _distribution(weights: Sequence[float]) -> list[float]:
    p = [non_negative(w, "weights") for w in weights]
    if not p or abs(sum(p) - 1) > 1e-4:
        raise ValueError(f"weights: expected probabilities that sum to 1, got {list(weights)}")
    return p


def _candidates(candidates: int | None, k: int, n: int) -> int | None:
    if k > n:
        raise ValueError(f"weights: expected at most n = {n} of them, got {k}")
    if candidates is None:
        return None
    if not k <= (count := whole(candidates, "candidates")) <= n:
        raise ValueError(f"candidates: expected a number from k = {k} to n = {n}, got {count}")
    return count


def _of_positions(p: Sequence[float], top1: str) -> list[float]:
    """w_c = sum_{j >= k - c} p_j for the k largest in rising order; p_1 only where it is sorted."""
    sorted_p = [p[0] if top1 == "sort" else 0.0, *p[1:]]
    return [sum(sorted_p[len(p) - 1 - c :]) for c in range(len(p))]


def select_candidates(x: Array, labels: Array, count: int | None) -> tuple[Array, Array]:
    """The scores to sort, and the true classes among them as (..., L, m) zeros and ones.

    With a count: the true class, then the count - 1 largest others in descending order.
    """
    y = check_labels(x, labels)
    several = y.ndim == x.ndim
    if count is None:
        return x, one_hot(y if several else y[..., None], x.shape[-1], like=x)
    if several:
        raise ValueError(
            f"labels: expected shape {tuple(x.shape[:-1])}, one true class for each sample, where "
            f"candidates are selected; got {tuple(y.shape)}"
        )
    xp, y = array_namespace(y), y[..., None]
    others = array_namespace(plain(x)).where(
        indices_like(x.shape[-1], x) == y, constant(-math.inf, like=x), plain(x)
    )
    kept = xp.concat([y, xp.astype(topk(others, count - 1)[1], y.dtype)], axis=-1)
    first = constant(np.eye(count)[:1], like=x)
    return (
        array_namespace(x).take_along_axis(x, kept, axis=-1),
        xp.broadcast_to(first, (*kept.shape[:-1], 1, count)),
    )


def loss_of(
    x: Array, target: Array, p: Sequence[float], operator: Callable[..., Array], top1: str
) -> Array:
    """The definition. target: (..., L, n) zeros and ones; operator(x, w) is P w."""
    xp = array_namespace(x)
    w = _of_positions(p, top1)
    q = operator(x, w) if any(w) else xp.zeros_like(x)
    if top1 == "sort":
        return _mean_log(q, target)
    if top1 == "sm":
        return _mean_log(p[0] * softmax(x, axis=-1) + q, target)
    entropy = -xp.mean(xp.sum(log_softmax(x, axis=-1)[..., None, :] * target, axis=-1))
    return p[0] * entropy + sum(p[1:]) * _mean_log(q, target)


def _mean_log(q: Array, target: Array) -> Array:
    xp = array_namespace(q)
    probability = xp.sum(q[..., None, :] * target, axis=-1)
    return -xp.mean(xp.log(probability * (1 - 2 * SMOOTHING) + SMOOTHING))
