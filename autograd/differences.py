"""Derivatives by differences, with error bars.

Everything here works on NumPy arrays in float64 and needs nothing but the function itself. `x` and
`v` are an array and a direction of its shape (or two numbers); the function returns a number or an
array, and each element of the result has its own derivative and error bar.

    central_difference   (f(x + hv) - f(x - hv)) / 2h
    ridders              the same for ten steps, extrapolated to h = 0, with an error bar
    one_sided            the derivative to the right (or left), with an error bar

A step that leaves the domain (NaN, infinity, or an ArithmeticError, ValueError or LinAlgError from
a function that was fine at x) is left out, and smaller ones are tried.

Reference: C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering
Software 4 (1982), 75-76.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Function = Callable[[np.ndarray], Any]

EPS = float(np.finfo(np.float64).eps)
_RATIO, _ROWS = 1.4, 10  # of ridders
_HALVINGS = 12  # steps of the one-sided quotients
_RESTARTS, _LAST = 3, 6  # series of steps, each beginning 20 times smaller than the one before


class Estimate(NamedTuple):
    """A derivative and its error bar: arrays of the shape of the function's result."""

    value: Any
    error: Any


class Line:
    """t -> f(x + offset + t v), flattened, NaN where it cannot be evaluated."""

    def __init__(self, f: Function, x: Any, v: Any) -> None:
        self.f = f
        self.x = np.asarray(x, dtype=np.float64)
        self.v = np.broadcast_to(np.asarray(v, dtype=np.float64), self.x.shape)
        with np.errstate(all="ignore"):
            value = np.asarray(f(np.array(self.x)), dtype=np.float64)
        self.shape = value.shape
        self.value = np.where(np.isfinite(value), value, np.nan).ravel()
        moving = np.abs(self.x[self.v != 0])
        largest = float(np.max(np.abs(self.v), initial=0.0))
        magnitude = float(np.max(moving, initial=0.0))
        # One unit moves the fastest entry by 1; by more where 1 would drown in the rounding of x.
        self.scale = max(1.0, magnitude / 1e3)
        self.unit = self.scale / largest if largest else 1.0
        self.magnitude = magnitude / largest if largest else 0.0  # of x, in units of t

    def __call__(self, t: float, offset: Any = 0.0) -> np.ndarray:
        try:
            with np.errstate(all="ignore"):
                value = np.asarray(self.f(self.x + offset + t * self.v), dtype=np.float64)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return np.full(self.value.shape, np.nan)
        if value.shape != self.shape:
            shapes = f"{self.shape} at x, {value.shape} next to it"
            raise TypeError(f"the function's result changes its shape: {shapes}")
        return np.where(np.isfinite(value), value, np.nan).ravel()

    def result(self, value: np.ndarray, error: np.ndarray) -> Estimate:
        return Estimate(value.reshape(self.shape)[()], error.reshape(self.shape)[()])


def central_difference(f: Function, x: Any, v: Any = 1.0, *, h: float = 1e-5) -> Any:
    """(f(x + hv) - f(x - hv)) / 2h. Off by h^2 f'''/6, and by about 1e-16 f/h from rounding.

    >>> round(float(central_difference(np.exp, 0.0)), 9)
    1.0
    """
    line = Line(f, x, v)
    return ((line(h) - line(-h)) / (2.0 * h)).reshape(line.shape)[()]


def ridders(f: Function, x: Any, v: Any = 1.0, *, h: float = 0.05, eps: float = EPS) -> Estimate:
    """The derivative of f at x along v, with an error bar: central differences for ten steps, each
    1.4 times smaller than the one before, extrapolated to step 0 (Richardson, even powers).

    Of all extrapolations the one that differs least from those it was made of is kept; that
    difference (or that of the next step, if larger), plus the rounding error of its quotients, is
    the error bar. The first step is `h` for the
    fastest entry of x (more for entries above 1000). Where the error bar stays large, because f
    bends on a smaller scale or is not defined that far out, 1/20 of it is tried, then 1/400, and so
    on: three times to do better than 1e-9, six times to do better than 1e-3 at all.

    eps    the relative precision that f is computed in: pass that of float32 if f rounds to it

    The error bar of a function with a kink at x means nothing; see `classify`.

    >>> value, error = ridders(np.sin, 1.0)
    >>> bool(abs(value - np.cos(1.0)) < 10 * error < 1e-10)
    True
    """
    line = Line(f, x, v)
    return line.result(*central_limit(line, h, eps)[:2])


def central_limit(line: Line, h: float, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivative, error bar, and whether the two one-sided slopes look different, flattened."""
    best, error = np.full(line.value.shape, np.nan), np.full(line.value.shape, np.inf)
    bent = np.zeros(line.value.shape, dtype=bool)
    first = h * line.unit
    for restart in range(_LAST):
        steps = first / 20.0**restart / _RATIO ** np.arange(_ROWS)
        right = np.stack([line(t) for t in steps])
        left = np.stack([line(-t) for t in steps])
        noise = _noise(line, steps, right, left, eps)
        found, bar = _extrapolate((right - left) / (2.0 * _column(steps)), _RATIO**2, noise)
        best = np.where(bar < error, found, best)
        error = np.fmin(bar, error)
        bent |= _bends(line, steps, right, left, noise)
        good = np.max(np.abs(best), initial=0.0, where=np.isfinite(best))
        wanted = 1e-9 if restart + 1 < _RESTARTS else 1e-3
        if np.all(error <= wanted * good + 10.0 * noise[0]):
            break
    return best, error, bent


def _column(steps: np.ndarray) -> np.ndarray:
    return steps[:, None]


def _noise(
    line: Line, steps: np.ndarray, right: np.ndarray, left: np.ndarray, eps: float
) -> np.ndarray:
    """The rounding error of the quotient of each step: of f, and of x + t v."""
    size = np.fmax(np.abs(line.value), np.fmax(np.abs(right), np.abs(left)))
    slope = np.fmax(np.abs(right - line.value), np.abs(line.value - left)) / _column(steps)
    return eps * np.nan_to_num(size + line.magnitude * slope) / _column(steps)


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
        apart = np.maximum(apart[:-1], apart[1:])  # one agreement alone may be an accident
        if not len(apart):
            break
        row = np.argmin(apart, axis=0)
        here = np.arange(apart.shape[1])
        closer = apart[row, here] < error
        best = np.where(closer, finer[row, here], best)
        error = np.where(closer, apart[row, here], error)
        column = finer
    return best, error


def _bends(
    line: Line, steps: np.ndarray, right: np.ndarray, left: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Whether right minus left slope does not fade with the step: suspicion of a kink at x."""
    gap = np.abs(right - 2.0 * line.value + left) / _column(steps)
    return (gap[-1] > 100.0 * noise[-1]) & (gap[-1] > 0.4 * np.nanmax(gap, axis=0, initial=0.0))


def one_sided(
    f: Function, x: Any, v: Any = 1.0, *, side: int = 1, h: float = 1e-2, eps: float = EPS
) -> Estimate:
    """The derivative of t -> f(x + t v) at 0 from above (side = 1) or below (side = -1).

    Quotients for the steps h, h/2, ..., h/2^11, extrapolated to 0 in powers of the step; value and
    error bar are chosen as in `ridders`.

    >>> [round(float(one_sided(np.abs, 0.0, side=s).value), 9) for s in (-1, 1)]
    [-1.0, 1.0]
    """
    if side not in (-1, 1):
        raise ValueError(f"side {side!r}: expected 1 (from above) or -1 (from below)")
    line = Line(f, x, v)
    return line.result(*side_limit(line, side, h, eps)[:2])


def side_limit(
    line: Line, side: int, h: float, eps: float
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
