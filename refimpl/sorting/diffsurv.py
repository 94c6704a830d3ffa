"""Diffsurv: learning to rank by survival time from right-censored data, through a soft sorter.

A censored subject survived at least until its time of censoring, so an ordering of the subjects by
survival time is only partly known. Diffsurv writes down which positions are possible for each
subject and asks a differentiable sorter to put its permutation matrix there. Scores are sorted
ascending and position 0 is the earliest event: a large score means a late event.

Symbols: M possible positions, P soft permutation, both (..., n, n) with row = subject and
column = position.

Source: Vauvelle et al. 2023, "Differentiable sorting for censored time-to-event data"; the
treatment of ties follows its published code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, clip, is_array, like_array, plain
from ..promises import close, within
from ..spec import Case, Invariant, as_float32, specification
from ..validation import choose, float_array, in_range

CLAMP = 1e-8  # probabilities are kept in [CLAMP, 1 - CLAMP] before the logarithm
TOP_SMOOTHING = 1e-4  # added to the probability of being among the first


def _possible_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n in (1, 2, 7, 12):
        for ties in (False, True):
            times = rng.integers(0, 4, (2, n)).astype(float) if ties else rng.uniform(size=(2, n))
            inputs = {"times": times, "events": rng.integers(0, 2, (2, n))}
            for inside in (True, False):
                yield Case(
                    f"n{n}-ties{ties}-inside{inside}",
                    inputs,
                    {"censored_in_ties": inside},
                    flags=("censored-ties",) if ties else (),
                    clause="each subject may hold the positions that no observation rules out",
                    checks=("values",),
                )


def _uncensored_is_hard(run: Any, inputs: Any, params: Any) -> str | None:
    times = inputs["times"] + 1e-9 * np.arange(inputs["times"].shape[-1])
    possible = run({"times": times, "events": np.ones_like(inputs["events"])}, params)["possible"]
    hard = np.swapaxes(np.eye(times.shape[-1])[np.argsort(times, axis=-1)], -1, -2)
    return None if np.array_equal(possible, hard) else "uncensored data without ties: M is not hard"


def _censoring_only_adds(run: Any, inputs: Any, params: Any) -> str | None:
    times = inputs["times"] + 1e-9 * np.arange(inputs["times"].shape[-1])
    before = run({"times": times, "events": inputs["events"]}, params)["possible"]
    fewer = inputs["events"] * (np.arange(times.shape[-1]) % 2)
    after = run({"times": times, "events": fewer}, params)["possible"]
    return None if np.all(after >= before) else "censoring a subject took a position away"


@specification(
    name="sorting.possible_permutations",
    source="Vauvelle et al. 2023, section 3.2",
    inputs=("times", "events"),
    differentiable=(),
    outputs=("possible",),
    cases=_possible_cases,
    invariants=(
        Invariant("uncensored", "without censoring and ties M is hard", _uncensored_is_hard),
        Invariant("monotone", "censoring only turns zeros into ones", _censoring_only_adds),
    ),
    gradient="none: a function of observations",
    second_order=False,
)
def possible_permutations(times: Array, events: Array, *, censored_in_ties: bool = True) -> Array:
    """Which positions each subject may hold in the order of survival times.

    M[..., i, j] = 1 if subject i may come at position j. With E the number of events at earlier
    times, an observed event at time t holds one of the positions from E to the last of its time; a
    censored one may come anywhere from E on. `censored_in_ties` says whether a subject censored at
    t may still come before an event at the same t; if not, events at t end before, and censored
    subjects start after, the events of their time.

    times    (..., n) real numbers
    events   (..., n) 1 or true where the event was observed, 0 where the subject was censored
    returns  (..., n, n) zeros and ones in the dtype of `times`

    Not differentiable. Raises ValueError if the shapes differ.

    >>> possible_permutations([1.0, 2.0, 3.0], [1, 0, 1])
    array([[1., 0., 0.],
           [0., 1., 1.],
           [0., 1., 1.]])
    """
    times = plain(float_array(times, "times", min_ndim=1))
    xp = array_namespace(times)
    observed = xp.astype(
        plain(events) if is_array(events) else like_array(np.asarray(events), times), times.dtype
    )
    if observed.shape != times.shape:
        raise ValueError(
            f"events: expected the shape of times, {tuple(times.shape)}, "
            f"got {tuple(observed.shape)}"
        )
    mine, others = times[..., :, None], times[..., None, :]
    event = observed[..., None, :]
    one = xp.ones_like(others)

    def count(condition: Array, weight: Array) -> Array:
        return xp.sum(xp.astype(condition, times.dtype) * weight, axis=-1)[..., None]

    earlier = count(others < mine, one)
    first = count(others < mine, event)  # as many positions are certainly taken
    tied_events = count(others == mine, event)
    last = count(others <= mine, one) - 1 if censored_in_ties else earlier + tied_events - 1
    after = first if censored_in_ties else first + tied_events
    position = xp.cumulative_sum(one, axis=-1) - 1
    happened = observed[..., :, None] > 0
    fits = (happened & (position >= first) & (position <= last)) | (~happened & (position >= after))
    return xp.astype(fits, times.dtype)


def _loss_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n in (1, 3, 6):
        for batch in ((), (2,), (2, 1, 2)):
            P = rng.dirichlet(np.ones(n), size=(*batch, n))
            times, events = rng.uniform(size=(*batch, n)), rng.integers(0, 2, (*batch, n))
            inputs = {"permutation": P, "possible": possible_permutations(times, events)}
            for per in ("position", "subject"):
                yield Case(f"n{n}-batch{len(batch)}-{per}", inputs, {"per": per}, kind="edge")
    # In float32 the upper bound is 1: a sum of all, 1 but for rounding, lies on the clamp's kink.
    # Without censored subjects every sum has one term.
    for per in ("position", "subject"):
        P, times = rng.dirichlet(np.ones(4), size=(2, 4)), rng.uniform(size=(2, 4))
        inputs = {"permutation": P, "possible": possible_permutations(times, np.ones((2, 4)))}
        yield as_float32(Case(f"uncensored-{per}", inputs, {"per": per}))


def _subjects(run: Any, inputs: Any, params: Any) -> str | None:
    turned = {name: np.flip(array, axis=-2) for name, array in inputs.items()}
    before, after = run(inputs, params)["loss"], run(turned, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _all_possible(run: Any, inputs: Any, params: Any) -> str | None:
    M = inputs["possible"]
    given = {**inputs, "possible": np.maximum(M, np.eye(M.shape[-1], dtype=M.dtype))}
    before, after = run(inputs, params)["loss"], run(given, params)["loss"]
    falls = after <= before + 16 * np.finfo(before.dtype).eps * (1 + before)
    return None if falls else f"{before} becomes {after}"


@specification(
    name="sorting.diffsurv_loss",
    source="Vauvelle et al. 2023, section 3.3",
    inputs=("permutation", "possible"),
    differentiable=("permutation",),
    outputs=("loss",),
    invariants=(
        within("loss", 0, -math.log(CLAMP)),
        Invariant("subjects", "the subjects have no order", _subjects),
        Invariant("possible", "more possible positions, no larger loss", _all_possible),
    ),
    cases=_loss_cases,
    kinks="the clamp to [1e-8, 1 - 1e-8]: derivative zero on and beyond the bounds",
)
def diffsurv_loss(
    permutation: Array, possible: Array, *, per: str = "position", only: Array | None = None
) -> Array:
    """The mean of -log(probability that a position is held by a subject that may hold it).

    p_j = sum_i M[i, j] P[i, j], clamped to [1e-8, 1 - 1e-8]; the loss is the mean of -log p_j over
    positions and batch. With `per="subject"`, p_i = sum_j M[i, j] P[i, j] instead: that each
    subject holds a position that it may hold.

    `only` restricts the mean to some entries: `per="subject", only=events` ignores the censored
    subjects. (The published code ignores them by `per="position", only=events`, which picks
    positions by the flags of subjects.)

    permutation  (..., n, n), row = subject, column = position
    possible     (..., n, n) zeros and ones, from `possible_permutations`
    only         (..., n) 1 or true for the entries that count; None for all
    returns      a scalar; 0 if nothing counts

    Differentiable in `permutation`; zero gradient where the clamp acts.

    >>> float(diffsurv_loss(np.eye(2), np.eye(2))) < 1e-7
    True
    """
    choose(per, ("position", "subject"), "per")
    P = float_array(permutation, "permutation", min_ndim=2)
    possible = possible if is_array(possible) else like_array(np.asarray(possible), P)
    xp = array_namespace(P)
    held = xp.sum(P * possible, axis=-2 if per == "position" else -1)
    log_held = xp.log(clip(held, CLAMP, 1.0 - CLAMP))
    if only is None:
        return -xp.mean(log_held)
    counts = xp.astype(plain(only) if is_array(only) else like_array(np.asarray(only), P), P.dtype)
    if counts.shape != log_held.shape:
        raise ValueError(f"only: expected shape {tuple(log_held.shape)}, got {tuple(counts.shape)}")
    total = xp.sum(counts)
    return -xp.sum(counts * log_held) / xp.maximum(total, xp.ones_like(total))


def _topk_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, percentage in ((1, 50.0), (4, 25.0), (7, 40.0), (8, 100.0), (3, 0.0)):
        P = rng.dirichlet(np.ones(n), size=(2, n))
        times, events = rng.uniform(size=(2, n)), rng.integers(0, 2, (2, n))
        inputs = {"permutation": P, "possible": possible_permutations(times, events)}
        yield Case(f"n{n}-percent{percentage:g}", inputs, {"percentage": percentage})


def _places(run: Any, inputs: Any, params: Any) -> str | None:
    """The first places in the opposite order, and the last ones in the opposite order."""
    n = inputs["permutation"].shape[-1]
    top = _first_places(n, params["percentage"])
    order = [*reversed(range(top)), *reversed(range(top, n))]
    turned = {name: array[..., order] for name, array in inputs.items()}
    before, after = run(inputs, params)["loss"], run(turned, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


@specification(
    name="sorting.diffsurv_topk_loss",
    source="Vauvelle et al. 2023, section 3.4",
    inputs=("permutation", "possible"),
    differentiable=("permutation",),
    outputs=("loss",),
    cases=_topk_cases,
    invariants=(
        within("loss", -TOP_SMOOTHING, -math.log(TOP_SMOOTHING)),
        Invariant("subjects", "the subjects have no order", _subjects),
        Invariant("places", "first places may be permuted, and so may the others", _places),
    ),
)
def diffsurv_topk_loss(permutation: Array, possible: Array, *, percentage: float) -> Array:
    """How surely the subjects that may be among the first k percent are put there.

    With t places in the first k percent, the candidates are the subjects with
    sum_{j<t} M[i, j] > 0, and the loss is -sum over candidates of log(sum_{j<t} P[i, j] + 1e-4),
    divided by the number of subjects in the whole batch. t is n percentage / 100, rounded; for
    halves, as the published code does: round(n * (1 - (100 - percentage) / 100)) in floating point,
    which is now above and now below. t = 0 has no candidates and loss 0.

    permutation, possible  (..., n, n) as in `diffsurv_loss`
    percentage             from 0 to 100
    returns                a scalar
    """
    percentage = in_range(percentage, "percentage", 0.0, 100.0)
    P = float_array(permutation, "permutation", min_ndim=2)
    possible = possible if is_array(possible) else like_array(np.asarray(possible), P)
    xp = array_namespace(P)
    n = P.shape[-1]
    top = _first_places(n, percentage)
    candidate = xp.astype(xp.sum(possible[..., :top], axis=-1) > 0, P.dtype)
    among = xp.sum(P[..., :top], axis=-1)
    return -xp.sum(candidate * xp.log(among + TOP_SMOOTHING)) / max(1, math.prod(candidate.shape))


def _first_places(n: int, percentage: float) -> int:
    """How many of n places are the first `percentage` percent."""
    return round(n * (1 - (100 - percentage) / 100))
