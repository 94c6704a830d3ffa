"""Smooth top-k losses: the temperature-smoothed hinge on the k-th largest score.

A prediction counts as right if the true class is among the k best scores. The top-k hinge loss
compares the k best sums of scores with and without the true class; replacing its maxima by
log-sum-exp over all subsets of k classes gives a smooth loss. The subsets are summed by elementary
symmetric polynomials, here as products of the polynomials 1 + exp(z_i) t in the log domain, pair by
pair: no subtraction, so nothing cancels.

Symbols: x scores, y true class, z = x_-/(k tau) of the other classes, e_j elementary symmetric
polynomial of exp(z), tau temperature.

Source: Berrada et al. 2018, "Smooth Loss Functions for Deep Top-k Classification".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    argsort,
    array_namespace,
    constant,
    indices_like,
    is_array,
    like_array,
    logsumexp,
    pad,
    plain,
    softplus,
    topk,
)
from ..promises import close, within
from ..spec import Case, Invariant, specification
from ..validation import float_array, positive, whole

HARD_RATIO = 1000.0  # k-th and next score further apart than k tau log(1000): the hard loss


def log_elementary_symmetric(z: Array, degree: int) -> Array:
    """log e_j(exp z) for j = 0..degree over the last axis: (..., n) -> (..., degree + 1).

    e_j is the sum over all j-element subsets of the product of their exp(z_i); -inf for j > n.

    >>> import numpy as np
    >>> np.exp(log_elementary_symmetric(np.log(np.array([1.0, 2.0, 3.0])), 2))
    array([ 1.,  6., 11.])
    """
    xp = array_namespace(z)
    factors = xp.stack([xp.zeros_like(z), z], axis=-1)  # one polynomial 1 + exp(z) t per entry
    while factors.shape[-2] > 1:
        if factors.shape[-2] % 2:
            one = xp.zeros_like(factors[..., :1, :])
            one = xp.concat([one[..., :1], one[..., 1:] - math.inf], axis=-1)
            factors = xp.concat([factors, one], axis=-2)
        factors = _log_product(factors[..., 0::2, :], factors[..., 1::2, :], degree)
    found = factors[..., 0, : degree + 1]
    width = [(0, 0)] * (found.ndim - 1) + [(0, degree + 1 - found.shape[-1])]
    return pad(found, width, -math.inf)


def _log_product(a: Array, b: Array, degree: int) -> Array:
    """Coefficients, up to t^degree, of the product of two polynomials, all as logarithms."""
    xp = array_namespace(a)
    d = a.shape[-1] - 1
    coefficients = []
    for j in range(min(2 * d, degree) + 1):
        low, high = max(0, j - d), min(j, d)
        pairs = a[..., low : high + 1] + xp.flip(b[..., j - high : j - low + 1], axis=-1)
        coefficients.append(logsumexp(pairs, axis=-1))
    return xp.stack(coefficients, axis=-1)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, k, tau in ((2, 1, 1.0), (5, 2, 1.0), (8, 3, 0.5), (12, 5, 2.0)):
        inputs = {"scores": rng.normal(size=(3, n)), "labels": rng.integers(0, n, 3)}
        for hard in (False, True):
            yield Case(f"n{n}-k{k}-tau{tau}-hard{hard}", inputs, {"k": k, "tau": tau, "hard": hard})
    far = {"scores": np.array([[40.0, 1.0, 2.0, -30.0]]), "labels": np.array([1])}
    yield Case("hard-branch", far, {"k": 1, "tau": 1.0, "hard": True}, flags=("saturated",))


def _permutation(run: Any, inputs: Any, params: Any) -> str | None:
    n = inputs["scores"].shape[-1]
    order = np.arange(n)[::-1]
    turned = {"scores": inputs["scores"][..., order], "labels": n - 1 - inputs["labels"]}
    before, after = run(inputs, params)["loss"], run(turned, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {**inputs, "scores": inputs["scores"] + 2}
    before, after = run(inputs, params)["loss"], run(moved, params)["loss"]
    scale = 2 + np.max(np.abs(inputs["scores"]))
    return None if close(after, before, scale=scale) else f"{before} becomes {after}"


def _own_score(run: Any, inputs: Any, params: Any) -> str | None:
    """The derivative by the own score is between -1/k and 0, so that a step of 1 is, too."""
    n = inputs["scores"].shape[-1]
    own = np.eye(n, dtype=inputs["scores"].dtype)[inputs["labels"]]
    before = run(inputs, params)["loss"]
    after = run({**inputs, "scores": inputs["scores"] + own}, params)["loss"]
    rounding = 100 * np.finfo(before.dtype).eps * (1 + abs(before))
    falls = before - 1 / params["k"] - rounding <= after <= before + rounding
    return None if falls else f"with a score of the true class higher by 1, {before} is {after}"


@specification(
    name="sorting.smooth_topk_loss",
    source="Berrada et al. 2018, equations 9 and 10",
    inputs=("scores", "labels"),
    differentiable=("scores",),
    outputs=("loss",),
    cases=_cases,
    invariants=(
        within("loss"),
        Invariant("symmetric", "the classes have no order", _permutation),
        Invariant("shift", "a constant added to the scores changes nothing", _shift),
        Invariant(
            "own score",
            "true scores higher by 1: the loss does not rise, and falls by at most 1/k",
            _own_score,
            when=lambda case: not case.params.get("hard"),
        ),
    ),
    kinks="with hard=True: where the loss changes branch, and the kinks of the hinge",
)
def smooth_topk_loss(
    scores: Array,
    labels: Array,
    *,
    k: int,
    tau: float = 1.0,
    margin: float = 1.0,
    hard: bool = False,
) -> Array:
    """The mean smooth top-k hinge loss.

    L = tau softplus(log e_k - log e_{k-1} + margin/tau - x_y/(k tau)). With `hard`, rows whose k-th
    and (k+1)-th largest scores are at least k tau log(1000) apart use its limit instead,
    max(0, mean of the k largest of x_- + margin, less (sum of the k-1 largest of x_- + x_y)/k).

    scores  (..., n); labels (...) whole numbers 0..n-1; 1 <= k < n
    returns a scalar, the mean over rows

    Raises ValueError for k or labels out of range, tau <= 0.

    >>> round(float(smooth_topk_loss([[2.0, 1.0, 0.0]], [0], k=1)), 4)
    0.862
    """
    x = float_array(scores, "scores", min_ndim=1)
    n, k, tau = x.shape[-1], whole(k, "k", minimum=1), positive(tau, "tau")
    if k >= n:
        raise ValueError(f"k: expected less than the {n} classes, got {k}")
    own, others = split_label(x, labels)
    log_e = log_elementary_symmetric(others / (k * tau), k)
    z = log_e[..., k] - log_e[..., k - 1] + margin / tau - own / (k * tau)
    loss = tau * softplus(z)
    xp = array_namespace(x)
    if hard:
        best = topk(plain(x), k + 1)[0]
        clear = best[..., k - 1] - best[..., k] >= k * tau * math.log(HARD_RATIO)
        loss = xp.where(clear, _hinge(own, others, k, margin), loss)
    return xp.mean(loss)


def check_labels(x: Array, labels: Array) -> Array:
    """Whole numbers 0..n-1 of shape (...), or (..., L) for several true classes, for x: (..., n).

    Raises ValueError for labels of another shape or out of range, TypeError if not whole numbers.
    """
    xp = array_namespace(plain(x))
    y = plain(labels) if is_array(labels) else like_array(np.asarray(labels), x)
    n, batch = x.shape[-1], tuple(x.shape[:-1])
    if not xp.isdtype(y.dtype, "integral"):
        raise TypeError(f"labels: expected whole numbers, got dtype {y.dtype}")
    if tuple(y.shape[: len(batch)]) != batch or y.ndim > len(batch) + 1:
        raise ValueError(f"labels: expected shape {batch} or {(*batch, 'L')}, got {tuple(y.shape)}")
    if math.prod(y.shape) and not (int(xp.min(y)) >= 0 and int(xp.max(y)) < n):
        raise ValueError(f"labels: expected numbers from 0 to {n - 1}")
    return y


def split_label(x: Array, labels: Array) -> tuple[Array, Array]:
    """The score of the true class, (...), and those of the others, (..., n - 1), in order."""
    y = check_labels(x, labels)
    if y.ndim != x.ndim - 1:
        raise ValueError(f"labels: expected shape {tuple(x.shape[:-1])}, got {tuple(y.shape)}")
    n = x.shape[-1]
    is_own = indices_like(n, x) == y[..., None]
    order = argsort(array_namespace(plain(x)).astype(is_own, plain(x).dtype), axis=-1)
    arranged = array_namespace(x).take_along_axis(x, order, axis=-1)  # the true class comes last
    return arranged[..., n - 1], arranged[..., : n - 1]


def _hinge(own: Array, others: Array, k: int, margin: float) -> Array:
    xp = array_namespace(own)
    best = topk(others, k)[0]
    without = xp.mean(best + margin, axis=-1)
    with_own = (xp.sum(best[..., : k - 1], axis=-1) + own) / k
    return xp.maximum(without - with_own, constant(0.0, like=own))
