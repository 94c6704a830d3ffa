"""What kind of point is this? Smooth, a kink, or singular, told apart by one-sided differences.

classify    left and right derivative, and whether they agree
arbitrate   which of several claimed derivatives the differences support
ties        equal entries of an array: where sorting and maxima have their kinks
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

    @property
    def kind(self) -> str:
        """The worst kind among the elements."""
        return next((k for k in ("singular", "kink") if np.any(self.kinds == k)), "smooth")

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest and the largest admissible derivative, error bars not included."""
        kink = self.kinds == "kink"
        low = np.where(kink, np.fmin(self.left, self.right), self.value)
        return low, np.where(kink, np.fmax(self.left, self.right), self.value)

    def admits(self, value: Any, tolerance: Any = 0.0) -> np.ndarray:
        """Whether `value` is a derivative here, up to `tolerance` and ten error bars; at singular
        elements always (nothing is known)."""
        low, high = self.interval
        bar = np.fmax(self.left_error, self.right_error)
        slack = tolerance + 10.0 * np.where(self.kinds == "kink", bar, self.error)
        with np.errstate(invalid="ignore"):
            inside = (low - slack <= value) & (value <= high + slack)
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
        low, high = self.interval
        return f"differences: kink, admissible [{low:.9g}, {high:.9g}] ({sides})"


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
    )  # fmt: skip
    return Verdict(*(part.reshape(line.shape) for part in parts))


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
    lies between the one-sided derivatives.

    >>> print(arbitrate(np.sin, 0.0, 1.0, {"mine": 1.0, "theirs": -1.0}))
    differences: smooth, derivative 1 +- ...; mine agrees; theirs disagrees
    """
    verdict = classify(f, x, v, eps=eps)
    low, high = verdict.interval
    size = np.fmax(np.abs(low), np.abs(high))
    tolerance = atol + rtol * np.max(size, initial=0.0, where=np.isfinite(size))
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
