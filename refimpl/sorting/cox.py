"""Cox partial likelihoods: the losses that Diffsurv is compared with.

With hazards exp(h_i) the probability that subject i is the next to have the event, among those
still at risk, is exp(h_i) / sum_{t_j >= t_i} exp(h_j). The losses are negative log-likelihoods of
the observed order, and differ in how they treat events at equal times. A large h means an *early*
event, opposite to the scores of Diffsurv.

Sources: Cox 1972; Breslow 1974; Efron 1977; the averaged forms are those of Vauvelle et al. 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    argsort,
    array_namespace,
    constant,
    is_array,
    like_array,
    logsumexp,
    plain,
)
from ..promises import close, within
from ..spec import Case, Invariant, Note, specification
from ..validation import choose, float_array

METHODS = ("breslow", "efron", "ranked_list")
RANKED_SMOOTHING = 1e-7  # inside the logarithm of the ranked-list form


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n in (1, 2, 6, 9):
        for ties in (False, True):
            times = rng.integers(0, 3, n).astype(float) if ties else rng.permutation(n) + 1.0
            events = rng.integers(0, 2, n)
            events[0] = 1
            inputs = {"log_hazards": rng.normal(size=n), "times": times, "events": events}
            for method in METHODS:
                yield Case(
                    f"{method}-n{n}-ties{ties}",
                    inputs,
                    {"method": method},
                    flags=("unsorted-times",),
                )


def _order_is_irrelevant(run: Any, inputs: Any, params: Any) -> str | None:
    if len(np.unique(inputs["times"])) < len(inputs["times"]):
        return None  # the ranked list takes tied subjects in the order given
    before = run(inputs, params)["loss"]
    after = run({name: np.asarray(a)[::-1] for name, a in inputs.items()}, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["loss"]
    after = run({**inputs, "log_hazards": inputs["log_hazards"] + 2}, params)["loss"]
    return None if close(after, before, scale=10) else f"{before} becomes {after}"


def _only_order(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["loss"]
    after = run({**inputs, "times": inputs["times"] ** 2 + 1}, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


@specification(
    name="sorting.cox_loss",
    source="Cox 1972; ties by Breslow 1974 and Efron 1977",
    inputs=("log_hazards", "times", "events"),
    differentiable=("log_hazards",),
    outputs=("loss",),
    cases=_cases,
    invariants=(
        Invariant("symmetric", "the order of the subjects does not matter", _order_is_irrelevant),
        Invariant("shift", "a constant added to the log-hazards changes nothing", _shift),
        Invariant("order", "of the times only the order counts", _only_order),
        replace(within("loss"), when=lambda case: case.params["method"] != "ranked_list"),
    ),
    notes={
        "unsorted-times": Note(
            "wrong index",
            "Log-hazards in the order given are indexed with positions of the time-sorted array.",
            "Right only for subjects that arrive sorted by descending time.",
        )
    },
)
def cox_loss(log_hazards: Array, times: Array, events: Array, *, method: str = "breslow") -> Array:
    """The negative log partial likelihood per observed event.

    breslow      -mean_{events i} [h_i - log sum_{t_j >= t_i} exp h_j]
    efron        for the l-th (l = 0 .. m-1) of m events at one time, l/m of the sum of exp h over
                 those m is taken from the risk set first
    ranked_list  subjects by descending time, those at equal times in the order given, each with
                 the risk set of those up to itself; 1e-7 inside the logarithm

    log_hazards  (n,) real; times (n,); events (n,) 1 or true where observed
    returns      a scalar; 0 if no event was observed

    Raises ValueError for an unknown method or shapes that differ.

    >>> round(float(cox_loss([1.0, 0.0], [1.0, 2.0], [1, 0])), 6)
    0.313262
    """
    choose(method, METHODS, "method")
    h = float_array(log_hazards, "log_hazards", min_ndim=1)
    times = plain(float_array(times, "times", min_ndim=1))
    xp = array_namespace(plain(h))
    observed = xp.astype(
        plain(events) if is_array(events) else like_array(np.asarray(events), h), h.dtype
    )
    if h.ndim != 1 or not h.shape == times.shape == observed.shape:
        shapes = [tuple(a.shape) for a in (h, times, observed)]
        raise ValueError(
            f"log_hazards, times, events: expected one axis of equal size, got {shapes}"
        )
    losses = (
        _ranked_list(h, times, observed)
        if method == "ranked_list"
        else _by_risk_set(h, times, observed, split_ties=method == "efron")
    )
    count = xp.sum(observed)
    return array_namespace(losses).sum(losses) / xp.maximum(count, xp.ones_like(count))


def _by_risk_set(h: Array, times: Array, observed: Array, *, split_ties: bool) -> Array:
    """log(risk) - h for each event, 0 for the censored."""
    xp = array_namespace(h)
    minus_infinity = constant(-math.inf, like=h)
    at_risk = times[None, :] >= times[:, None]
    log_risk = logsumexp(xp.where(at_risk, h[None, :], minus_infinity), axis=-1)
    if split_ties:
        tied = (times[None, :] == times[:, None]) & (observed[None, :] > 0)
        number = xp.sum(xp.astype(tied, h.dtype), axis=-1)
        before = xp.sum(xp.tril(xp.astype(tied, h.dtype), k=-1), axis=-1)
        # below 1 for events; censored subjects would have 1 behind all events of their time
        share = observed * before / xp.where(number > 0, number, xp.ones_like(number))
        log_tied = logsumexp(xp.where(tied, h[None, :], minus_infinity), axis=-1)
        log_tied = xp.where(share > 0, log_tied, log_risk)
        log_risk = log_risk + xp.log1p(-share * xp.exp(log_tied - log_risk))
    return observed * (log_risk - h)


def _ranked_list(h: Array, times: Array, observed: Array) -> Array:
    xp = array_namespace(h)
    order = argsort(times, descending=True)
    h, observed = xp.take(h, order, axis=0), xp.take(observed, order, axis=0)
    top = xp.max(h)  # differentiated: the smoothing makes the value depend on it
    log_risk = xp.log(xp.cumulative_sum(xp.exp(h - top), axis=0) + RANKED_SMOOTHING) + top
    return observed * (log_risk - h)
