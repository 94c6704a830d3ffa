"""What kind of point is this? Smooth, a kink, or singular, told apart by one-sided differences.

classify    left and right derivative, and whether they agree
widen       the derivatives of further pieces that meet at the point
arbitrate   which of several claimed derivatives the differences support
ties        equal entries of an array: where sorting and maxima have their kinks
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .differences import EPS, Function, Line, central_limit, side_limit


@dataclass(frozen=True)
class Verdict:
    """The kind of point that `classify` found, element by element of the function's result.

    kinds                 "smooth", "kink" or "singular"
    value, error          the derivative where smooth, NaN elsewhere
    left, right           one-sided derivatives, for t -> f(x + t v) at 0 from below and above
    left_error, right_error
    low, high             the admissible interval: `value` where smooth; at a kink from the one
                          of `left` and `right` to the other, or more (see `widen`)

    At a kink any number between `left` and `right` is the directional derivative of some
    subgradient. At a singular point (a jump, a vertical tangent, or a function that is not finite)
    there is no derivative to compare with. At the edge of the domain only one side exists, the
    other is NaN, and the derivative is that of the one side.
    """

    kinds: np.ndarray
    value: np.ndarray
    error: np.ndarray
    left: np.ndarray
    left_error: np.ndarray
    right: np.ndarray
    right_error: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def kind(self) -> str:
        """The worst kind among the elements."""
        return next((k for k in ("singular", "kink") if np.any(self.kinds == k)), "smooth")

    def admits(self, value: Any, tolerance: Any = 0.0) -> np.ndarray:
        """Whether `value` is a derivative here, up to `tolerance` and ten error bars; at singular
        elements always (nothing is known)."""
        bar = np.fmax(self.left_error, self.right_error)
        slack = tolerance + 10.0 * np.where(self.kinds == "kink", bar, self.error)
        with np.errstate(invalid="ignore"):
            inside = (self.low - slack <= value) & (value <= self.high + slack)
        return inside | (self.kinds == "singular")

    def __str__(self) -> str:
        if self.kinds.ndim:
            counts = [f"{int(np.sum(self.kinds == k))} {k}" for k in ("smooth", "kink", "singular")]
            return f"differences at {self.kinds.size} elements: {', '.join(counts)}"
        if self.kind == "smooth":
            return f"differences: smooth, derivative {self.value:.12g} +- {self.error:.1g}"
        sides = f"left {self.left:.9g} +- {self.left_error:.1g}, "
        sides += f"right {self.right:.9g} +- {self.right_error:.1g}"
        if self.kind == "singular":
            return f"differences: singular, no finite derivative ({sides})"
        return f"differences: kink, admissible [{self.low:.9g}, {self.high:.9g}] ({sides})"


def classify(f: Function, x: Any, v: Any = 1.0, *, h: float = 1e-2, eps: float = EPS) -> Verdict:
    """Is f smooth at x along v, has it a kink, or is it singular? Left and right derivatives D-, D+
    come from `one_sided`, with errors e-, e+:

        singular   the quotients of a side grow by over 15 % at each of the last six halvings
        kink       |D+ - D-| > 10 (e+ + e-) + 1e-9 max(1, |f|) + 1e-7 max(|D+|, |D-|)
        smooth     otherwise; the derivative is then that of `ridders`

    A feature smaller than the smallest step (h/2^11 = 5e-6) counts as lying at x itself. Half the
    verdicts on a function computed in float32 are wrong: evaluate it in float64.

    >>> print(classify(np.abs, 0.0))
    differences: kink, admissible [-1, 1] (left -1 +- ..., right 1 +- ...)
    >>> classify(np.sqrt, 0.0).kind, classify(np.sin, 1.0).kind
    ('singular', 'smooth')
    """
    line = Line(f, x, v)
    right, right_error, right_grows = side_limit(line, 1, h, eps)
    left, left_error, left_grows = side_limit(line, -1, h, eps)
    scale = np.fmax(np.abs(right), np.abs(left))
    level = np.fmax(1.0, np.abs(line.value))
    with np.errstate(invalid="ignore"):
        apart = np.abs(right - left)
        kink = apart > 10.0 * (right_error + left_error) + 1e-9 * level + 1e-7 * scale
    lost = np.isnan(right) & np.isnan(left)
    kinds = np.where(kink, "kink", "smooth")
    kinds = np.where(right_grows | left_grows | lost, "singular", kinds)
    value, error = central_limit(line, 5.0 * h, eps)[:2]
    one = np.isnan(value) | np.isnan(right) | np.isnan(left)  # the edge of the domain
    side = np.where(np.isnan(right), left, right)
    value = np.where(one, side, value)
    error = np.where(one, np.fmin(right_error, left_error), error)
    smooth = kinds == "smooth"
    parts = (
        kinds, np.where(smooth, value, np.nan), np.where(smooth, error, np.nan),
        left, left_error, right, right_error,
        np.where(smooth, value, np.fmin(left, right)),
        np.where(smooth, value, np.fmax(left, right)),
    )  # fmt: skip
    return Verdict(*(part.reshape(line.shape) for part in parts))


def widen(verdict: Verdict, f: Function, x: Any, v: Any = 1.0, *, eps: float = EPS) -> Verdict:
    """The verdict with the derivatives along v of all the pieces of f that meet at x.

    Where more than two meet, as in a sort of three equal keys, the derivative of a piece may lie
    outside of the two that a step along v sees (which may even be equal), and is admissible like
    them. The range of derivatives at 160 points within 1e-5 of x is added to the admissible
    interval if it is that of a kink: as wide as within 1e-4, where curvature would give a tenth. Of
    up to 16 pieces one is missed with a probability below 1e-3 (of 12 at 64 points it was one in
    twenty); if there are more, half of the range is added on each side.

    >>> def middle(x):
    ...     return np.sort(x)[1]
    >>> x, v = np.zeros(3), np.array([1.0, 2.0, 3.0])
    >>> verdict = classify(middle, x, v)
    >>> verdict.kind, [bool(verdict.admits(slope)) for slope in v]
    ('smooth', [False, True, False])
    >>> verdict = widen(verdict, middle, x, v)
    >>> verdict.kind, [bool(verdict.admits(slope)) for slope in v]
    ('kink', [True, True, True])
    """
    line = Line(f, x, v)
    rng = np.random.default_rng(0)

    def slopes(radius: float, count: int) -> np.ndarray:
        r, h = radius * line.scale, radius * line.unit / 50.0
        offsets = [r * rng.uniform(-1.0, 1.0, line.x.shape) for _ in range(count)]
        found = [(line(h, o) - line(-h, o)) / (2.0 * h) for o in offsets]
        return np.sort(np.stack(found), axis=0).reshape(count, *line.shape)  # NaN last

    far, near = slopes(1e-4, 16), slopes(1e-5, 160)
    low, high = np.fmin.reduce(near), np.fmax.reduce(near)
    size, spread = np.fmax(np.abs(low), np.abs(high)), high - low
    noise = 1e-6 * size + 1e9 * eps * np.abs(np.nan_to_num(line.value.reshape(line.shape)))
    kink = (spread > 0.6 * (np.fmax.reduce(far) - np.fmin.reduce(far))) & (spread > noise)
    kink &= verdict.kinds != "singular"
    many = np.sum(np.diff(near, axis=0) > 1e-3 * spread, axis=0) >= 16
    curvature = 1e-4 * size
    below = kink & (many | (low < verdict.low - curvature))
    above = kink & (many | (high > verdict.high + curvature))
    margin = curvature + np.where(many, 0.5 * spread, 0.0)
    return replace(
        verdict,
        kinds=np.where(below | above, "kink", verdict.kinds),
        value=np.where(below | above, np.nan, verdict.value),
        low=np.where(below, np.fmin(low - margin, verdict.low), verdict.low),
        high=np.where(above, np.fmax(high + margin, verdict.high), verdict.high),
    )


class Arbitration(NamedTuple):
    """The verdict on a point, and whether each candidate is a derivative there."""

    verdict: Verdict
    agrees: dict[str, bool]

    def __str__(self) -> str:
        if self.verdict.kind == "singular":
            return f"{self.verdict}; nobody is right or wrong"
        groups = [[k for k, good in self.agrees.items() if good is want] for want in (True, False)]
        words = [
            f"{' and '.join(names)} {verb}{'s' * (len(names) == 1)}"
            for names, verb in zip(groups, ("agree", "disagree"), strict=True)
            if names
        ]
        return "; ".join([str(self.verdict), *words])


def arbitrate(
    f: Function,
    x: Any,
    v: Any,
    candidates: Mapping[str, Any],
    *,
    rtol: float = 1e-7,
    atol: float = 1e-9,
    eps: float = EPS,
) -> Arbitration:
    """Who is right? `candidates` are claimed derivatives of f at x along v, by name. Each agrees if
    it is within atol + rtol |derivative| and ten error bars of the differences; at a kink, if it
    lies in the admissible interval.

    >>> print(arbitrate(np.sin, 0.0, 1.0, {"mine": 1.0, "theirs": -1.0}))
    differences: smooth, derivative 1 +- ...; mine agrees; theirs disagrees
    """
    verdict = classify(f, x, v, eps=eps)
    size = np.fmax(np.abs(verdict.low), np.abs(verdict.high))
    tolerance = atol + rtol * np.max(size, initial=0.0, where=np.isfinite(size))
    if not all(np.all(verdict.admits(c, tolerance)) for c in candidates.values()):
        verdict = widen(verdict, f, x, v, eps=eps)
    agrees = {k: bool(np.all(verdict.admits(c, tolerance))) for k, c in candidates.items()}
    return Arbitration(verdict, agrees)


class Tie(NamedTuple):
    """Two positions of an array that hold the same value."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    value: float


def ties(x: Any, axis: int = -1, *, tolerance: float = 0.0, limit: int = 100) -> list[Tie]:
    """Pairs of entries along `axis` that differ by at most `tolerance`: neighbours in sorted order,
    at most `limit` of them. NaN ties with nothing.

    >>> ties([3.0, 1.0, 3.0])
    [Tie(first=(0,), second=(2,), value=3.0)]
    """
    array = np.asarray(x)
    if not array.ndim or array.shape[axis] < 2:
        return []
    order = np.moveaxis(np.argsort(array, axis=axis, kind="stable"), axis, -1)
    ranked = np.take_along_axis(np.moveaxis(array, axis, -1), order, axis=-1)
    with np.errstate(invalid="ignore"):
        close = ranked[..., 1:] - ranked[..., :-1] <= tolerance
    close |= ranked[..., 1:] == ranked[..., :-1]  # equal infinities
    found = []
    for *lead, k in np.argwhere(close)[:limit].tolist():
        places = [list(lead), list(lead)]
        for place, rank in zip(places, (k, k + 1), strict=True):
            place.insert(axis % array.ndim, int(order[(*lead, rank)]))
        found.append(Tie(tuple(places[0]), tuple(places[1]), float(ranked[(*lead, k)])))
    return found
