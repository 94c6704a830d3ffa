"""Derivatives by differences, and what kind of point they were taken at: smooth, kink, or singular.

Everything here works on NumPy arrays in float64 and needs nothing but the function itself. `x` and
`v` are an array and a direction of its shape (or two numbers); the function returns a number or an
array, and each element of the result has its own derivative and error bar.

    central_difference   (f(x + hv) - f(x - hv)) / 2h
    ridders              the same for ten steps, extrapolated to h = 0, with an error bar
    one_sided            the derivative to the right (or left), with an error bar
    classify             left and right derivative, and whether they agree
    arbitrate            which of several claimed derivatives the differences support
    ties                 equal entries of an array: where sorting and maxima have their kinks

A step that leaves the domain (NaN, infinity, or an ArithmeticError, ValueError or LinAlgError from
a function that was fine at x) is left out, and smaller ones are tried.

References: C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering
Software 4 (1982), 75-76.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Function = Callable[[np.ndarray], Any]

_EPS = float(np.finfo(np.float64).eps)
_RATIO, _ROWS = 1.4, 10  # of ridders
_HALVINGS = 12  # steps of the one-sided quotients
_RESTARTS = 3  # with steps 1, 1/20, 1/400 of the first


class Estimate(NamedTuple):
    """A derivative and its error bar: arrays of the shape of the function's result."""

    value: Any
    error: Any


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


class _Line:
    """t -> f(x + t v), flattened, NaN where it cannot be evaluated."""

    def __init__(self, f: Function, x: Any, v: Any) -> None:
        self.f = f
        self.x = np.asarray(x, dtype=np.float64)
        self.v = np.broadcast_to(np.asarray(v, dtype=np.float64), self.x.shape)
        with np.errstate(all="ignore"):
            value = np.asarray(f(np.array(self.x)), dtype=np.float64)
        self.shape, self.value = value.shape, value.ravel()
        moving = np.abs(self.x[self.v != 0])
        largest = float(np.max(np.abs(self.v), initial=0.0))
        magnitude = float(np.max(moving, initial=0.0))
        # One unit moves the fastest entry by 1; by more where 1 would drown in the rounding of x.
        self.unit = max(1.0, magnitude / 1e3) / largest if largest else 1.0
        self.rounding = _EPS * magnitude / largest if largest else 0.0  # of t

    def __call__(self, t: float) -> np.ndarray:
        try:
            with np.errstate(all="ignore"):
                value = np.asarray(self.f(self.x + t * self.v), dtype=np.float64)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return np.full(self.value.shape, np.nan)
        if value.shape != self.shape:
            raise TypeError(f"the function's result has shape {self.shape} at x, {value.shape} near")
        return np.where(np.isfinite(value), value, np.nan).ravel()

    def result(self, value: np.ndarray, error: np.ndarray) -> Estimate:
        return Estimate(value.reshape(self.shape)[()], error.reshape(self.shape)[()])


def central_difference(f: Function, x: Any, v: Any = 1.0, *, h: float = 1e-5) -> Any:
    """(f(x + hv) - f(x - hv)) / 2h: error h^2 f'''/6 from the formula, about 1e-16 f/h from rounding.

    >>> round(float(central_difference(np.exp, 0.0)), 9)
    1.0
    """
    line = _Line(f, x, v)
    return ((line(h) - line(-h)) / (2.0 * h)).reshape(line.shape)[()]


def ridders(f: Function, x: Any, v: Any = 1.0, *, h: float = 0.05, eps: float = _EPS) -> Estimate:
    """The derivative of f at x along v, with an error bar: central differences for ten steps, each
    1.4 times smaller than the one before, extrapolated to step 0 (Richardson, even powers).

    Of all extrapolations the one that differs least from its neighbours is kept; that difference,
    plus the rounding error of its quotients, is the error bar. The first step is `h` for the
    fastest entry of x (more for entries above 1000). Where the error bar stays large, because f
    bends on a smaller scale or is not defined that far out, 1/20 and 1/400 of it are tried too.

    eps    the relative precision that f is computed in: pass that of float32 if f rounds to it

    The error bar of a function with a kink at x means nothing; see `classify`.

    >>> value, error = ridders(np.sin, 1.0)
    >>> bool(abs(value - np.cos(1.0)) < 10 * error < 1e-10)
    True
    """
    line = _Line(f, x, v)
    return line.result(*_ridders(line, h, eps)[:2])


def _ridders(line: _Line, h: float, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivative, error bar, and whether the two one-sided slopes look different, flattened."""
    best, error = np.full(line.value.shape, np.nan), np.full(line.value.shape, np.inf)
    bent = np.zeros(line.value.shape, dtype=bool)
    first = h * line.unit
    for restart in range(_RESTARTS):
        steps = first / 20.0**restart / _RATIO ** np.arange(_ROWS)
        right = np.stack([line(t) for t in steps])
        left = np.stack([line(-t) for t in steps])
        noise = _noise(line, steps, right, left, eps)
        found, bar = _extrapolate((right - left) / (2.0 * _column(steps)), _RATIO**2, noise)
        best = np.where(bar < error, found, best)
        error = np.fmin(bar, error)
        bent |= _bends(line, steps, right, left, noise)
        good = np.max(np.abs(best), initial=0.0, where=np.isfinite(best))
        if np.all(error <= 1e-9 * good + 10.0 * noise[0]):
            break
    return best, error, bent


def _column(steps: np.ndarray) -> np.ndarray:
    return steps[:, None]


def _noise(
    line: _Line, steps: np.ndarray, right: np.ndarray, left: np.ndarray, eps: float
) -> np.ndarray:
    """The rounding error of the quotient of each step: of f, and of x + t v."""
    size = np.fmax(np.abs(line.value), np.fmax(np.abs(right), np.abs(left)))
    slope = np.fmax(np.abs(right - line.value), np.abs(line.value - left)) / _column(steps)
    rounding = max(line.rounding * eps / _EPS, 0.0)
    return (eps * size + rounding * slope) / _column(steps)


def _extrapolate(
    quotients: np.ndarray, factor: float, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The limit of quotients (steps, m) and its error, by Neville's scheme: the j-th column removes
    the j-th power of the error, which shrinks by factor^j from one step to the next."""
    best, error = np.full(quotients.shape[1], np.nan), np.full(quotients.shape[1], np.inf)
    column = quotients
    for j in range(1, len(quotients)):
        finer = column[1:] + (column[1:] - column[:-1]) / (factor**j - 1.0)
        apart = np.fmax(np.abs(finer - column[1:]), np.abs(finer - column[:-1]))
        apart = np.where(np.isfinite(finer), apart + noise[j:], np.inf)
        row = np.argmin(apart, axis=0)
        here = np.arange(apart.shape[1])
        closer = apart[row, here] < error
        best = np.where(closer, finer[row, here], best)
        error = np.where(closer, apart[row, here], error)
        column = finer
    return best, error


def _bends(
    line: _Line, steps: np.ndarray, right: np.ndarray, left: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Whether right minus left slope does not fade with the step: suspicion of a kink at x."""
    gap = np.abs(right - 2.0 * line.value + left) / _column(steps)
    return (gap[-1] > 100.0 * noise[-1]) & (gap[-1] > 0.4 * np.nanmax(gap, axis=0, initial=0.0))


def one_sided(
    f: Function, x: Any, v: Any = 1.0, *, side: int = 1, h: float = 1e-2, eps: float = _EPS
) -> Estimate:
    """The derivative of t -> f(x + t v) at 0 from above (side = 1) or below (side = -1).

    Quotients for the steps h, h/2, ..., h/2^11, extrapolated to 0 in powers of the step; the
    extrapolation that differs least from its neighbours is kept, and the difference is the error.

    >>> [round(float(one_sided(np.abs, 0.0, side=s).value), 9) for s in (-1, 1)]
    [-1.0, 1.0]
    """
    if side not in (-1, 1):
        raise ValueError(f"side {side!r}: expected 1 (from above) or -1 (from below)")
    line = _Line(f, x, v)
    return line.result(*_one_sided(line, side, h, eps)[:2])


def _one_sided(
    line: _Line, side: int, h: float, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One-sided derivative, its error, and whether the quotients grow without end."""
    steps = h * line.unit / 2.0 ** np.arange(_HALVINGS)
    values = np.stack([line(side * t) for t in steps])
    noise = _noise(line, steps, values, values, eps)
    rise = np.where(np.isfinite(line.value), values - line.value, np.nan)
    quotients = side * rise / _column(steps)
    value, error = _extrapolate(quotients, 2.0, noise)
    size = np.abs(quotients[-7:])
    above = size[-1] > 8.0 * noise[-1]
    return value, error, np.all(size[1:] > 1.15 * size[:-1], axis=0) & above


def classify(
    f: Function, x: Any, v: Any = 1.0, *, h: float = 1e-2, eps: float = _EPS
) -> Verdict:
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
    line = _Line(f, x, v)
    right, right_error, right_grows = _one_sided(line, 1, h, eps)
    left, left_error, left_grows = _one_sided(line, -1, h, eps)
    scale = np.fmax(np.abs(right), np.abs(left))
    level = np.fmax(1.0, np.abs(line.value))
    with np.errstate(invalid="ignore"):
        apart = np.abs(right - left)
        kink = apart > 10.0 * (right_error + left_error) + 1e-9 * level + 1e-7 * scale
    lost = np.isnan(right) & np.isnan(left)
    kinds = np.where(kink, "kink", "smooth")
    kinds = np.where(right_grows | left_grows | lost, "singular", kinds)
    value, error = _ridders(line, 5.0 * h, eps)[:2]
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
            f"{' and '.join(names)} {verb} with the differences"
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
    eps: float = _EPS,
) -> Arbitration:
    """Who is right? `candidates` are claimed derivatives of f at x along v, by name. Each agrees if
    it is within atol + rtol |derivative| and ten error bars of the differences; at a kink, if it
    lies between the one-sided derivatives.

    >>> print(arbitrate(np.sin, 0.0, 1.0, {"mine": 1.0, "theirs": -1.0}))
    differences: smooth, derivative 1 +- ...; mine agree with the differences; theirs disagree ...
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
        equal = (ranked[..., 1:] - ranked[..., :-1] <= tolerance) | (ranked[..., 1:] == ranked[..., :-1])
    found = []
    for *lead, k in np.argwhere(equal)[:limit].tolist():
        places = [list(lead), list(lead)]
        for place, rank in zip(places, (k, k + 1), strict=True):
            place.insert(axis % array.ndim, int(order[(*lead, rank)]))
        found.append(Tie(tuple(places[0]), tuple(places[1]), float(ranked[(*lead, k)])))
    return found
