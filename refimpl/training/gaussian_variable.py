"""A number with Gaussian uncertainty, for smooth interpretation.

Arithmetic propagates mean and variance to first order, as if the operands were independent; the
derivatives of the mean by the program's inputs are carried along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..autograd import Array, array_namespace, constant, ndtr, stop_gradient, value_and_grad
from .gram import identity

VARIANCE_CAP = 10.0


@dataclass(frozen=True)
class Gaussian:
    """mean and variance, scalars; slope, (n,), the derivative of the mean by the inputs."""

    mean: Array
    variance: Array
    slope: Array

    @staticmethod
    def input(x: Array, i: int, sigma: float) -> Gaussian:
        """Input i of the program, with the variance sigma^2."""
        unit = identity(x.shape[0], x)[i, :]
        return Gaussian(x[i], sigma**2 + 0.0 * x[i], unit)

    def with_variance(self, variance: Array) -> Gaussian:
        return replace(self, variance=variance)

    def spread(self, sigma: float) -> Array:
        """The variance by the derivatives: sum_i slope_i^2 sigma^2."""
        return array_namespace(self.slope).sum(self.slope**2) * sigma**2

    def apply(self, f: Callable[[Array], Array]) -> Gaussian:
        """f of it, for a differentiable function f of a scalar."""
        value, slope = value_and_grad(f)(self.mean)
        return Gaussian(value, self.variance * slope**2, self.slope * slope)

    def __neg__(self) -> Gaussian:
        return Gaussian(-self.mean, self.variance, -self.slope)

    def __add__(self, other: Any) -> Gaussian:
        o = _gaussian(other, self)
        return Gaussian(self.mean + o.mean, self.variance + o.variance, self.slope + o.slope)

    def __sub__(self, other: Any) -> Gaussian:
        return self + -_gaussian(other, self)

    def __mul__(self, other: Any) -> Gaussian:
        o = _gaussian(other, self)
        return Gaussian(
            self.mean * o.mean,
            self.variance * o.mean**2 + o.variance * self.mean**2,
            self.slope * o.mean + self.mean * o.slope,
        )

    def __truediv__(self, other: Any) -> Gaussian:
        o = _gaussian(other, self)
        return self * Gaussian(1 / o.mean, o.variance / o.mean**4, -o.slope / o.mean**2)

    def __pow__(self, exponent: float) -> Gaussian:
        return self.apply(lambda m: m**exponent)

    def __radd__(self, other: Any) -> Gaussian:
        return self + other

    def __rsub__(self, other: Any) -> Gaussian:
        return _gaussian(other, self) - self

    def __rmul__(self, other: Any) -> Gaussian:
        return self * other

    def __rtruediv__(self, other: Any) -> Gaussian:
        return _gaussian(other, self) / self


def _gaussian(value: Any, like: Gaussian) -> Gaussian:
    if isinstance(value, Gaussian):
        return value
    return Gaussian(value + 0.0 * like.mean, 0.0 * like.variance, 0.0 * like.slope)


def probability_negative(g: Gaussian, *, constant_spread: bool = False) -> Array:
    """P(g < 0) = Phi(-mean/std); 0 or 1 without variance, and 0 for NaN."""
    return _probability_below(g, 0.0, constant_spread)


def probability_between(g: Gaussian, *, constant_spread: bool = False) -> Array:
    """P(-1/2 < g < 1/2): the smoothed test for equality of whole numbers."""
    low = _probability_below(g, -0.5, constant_spread)
    return _probability_below(g, 0.5, constant_spread) - low


def _probability_below(g: Gaussian, bound: float, constant_spread: bool) -> Array:
    xp = array_namespace(g.mean, g.variance)
    certain = g.variance <= 0
    std = xp.sqrt(xp.where(certain, constant(1.0, like=g.mean), g.variance))
    if constant_spread:
        std = stop_gradient(std)
    step = xp.astype(g.mean < bound, g.mean.dtype)
    p = xp.where(certain, step, ndtr((bound - g.mean) / std))
    return xp.where(xp.isnan(p), 0.0 * g.variance, p)


def merged(a: Any, b: Any, w: Array, u: Array) -> Any:
    """One Gaussian for two with weights w and u: mean and deviation are weighted, the deviation of
    each enlarged by twice its squared distance, within limits.
    """
    if not isinstance(a, Gaussian) and not isinstance(b, Gaussian):
        return (w * a + u * b) / (w + u)
    like = a if isinstance(a, Gaussian) else b
    a, b = _gaussian(a, like), _gaussian(b, like)
    xp = array_namespace(a.mean, b.mean, w)
    left, right = w / (w + u), u / (w + u)
    mean = left * a.mean + right * b.mean
    deviation = left * (_root(xp, a.variance) + 2 * (a.mean - mean) ** 2)
    deviation = deviation + right * (_root(xp, b.variance) + 2 * (b.mean - mean) ** 2)
    variance = deviation**2
    variance = xp.where(variance > VARIANCE_CAP, VARIANCE_CAP + 0.0 * variance, variance)
    larger = xp.maximum(a.variance, b.variance)
    limit = xp.where(larger > 0, 2 * larger, VARIANCE_CAP + 0.0 * larger)
    variance = xp.where(variance > limit, w * a.variance + u * b.variance, variance)
    return Gaussian(mean, variance, left * a.slope + right * b.slope)


def _root(xp: Any, x: Array) -> Array:
    """sqrt with derivative 0 at 0."""
    return xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, constant(1.0, like=x))), 0.0 * x)
