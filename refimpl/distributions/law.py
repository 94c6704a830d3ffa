"""The functions of a probability law on the line, and laws made from laws.

Functions here compute on arrays as they are and get the array's namespace as first argument;
`Distribution` (in `base.py`) is the public face. Two habits keep values and derivatives
finite at the far ends:

- a branch of `xp.where` that is not taken gets a harmless argument first ("double where"), since
  an infinite slope times the zero cotangent of the branch would be NaN;
- a probability p and its complement 1 - p are computed apart, each without cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl import autograd as ag
from refimpl.autograd import Array

Function = Callable[[Any, Array], Array]  # (namespace, array) -> array of the same shape and dtype


class Law(NamedTuple):
    """The functions of one law."""

    cdf: Function
    survival: Function
    pdf: Function
    log_cdf: Function
    log_survival: Function
    log_pdf: Function
    score: Function
    quantile: Function  # on 0 < u < 1
    upper_quantile: Function  # quantile(1 - q), accurate for small q


# --- logarithms and exponentials that stay silent at the ends -----------------------------------


def exp(xp: Any, x: Array) -> Array:
    """e^x, infinite without an overflow warning and with slope 0 where it exceeds the dtype."""
    large = x > math.log(float(xp.finfo(x.dtype).max))
    return xp.where(large, math.inf, xp.exp(xp.where(large, 0.0, x)))


def log(xp: Any, x: Array) -> Array:
    """log x, -inf with slope 0 for x <= 0."""
    none = x <= 0
    return xp.where(none, -math.inf, xp.log(xp.where(none, 1.0, x)))


def log_of(xp: Any, p: Array, complement: Array) -> Array:
    """log p for p + complement = 1, with full relative accuracy also where p is nearly 1."""
    low = p < 0.5
    upper = xp.log1p(-xp.where(low, 0.5, complement))
    return xp.where(low, log(xp, xp.where(low, p, 0.5)), upper)


def one_minus_exp(xp: Any, h: Array) -> Array:
    """1 - e^-h for h >= 0; neither it nor its slope e^-h cancels."""
    low = h < math.log(2)
    near = -xp.expm1(-xp.where(low, h, 0.0))
    return xp.where(low, near, 1 - xp.exp(-xp.where(low, 1.0, h)))


def log1mexp(xp: Any, h: Array) -> Array:
    """log(1 - e^-h) for h >= 0, from whichever of the two differences does not cancel."""
    low = h < math.log(2)
    near = log(xp, -xp.expm1(-xp.where(low, h, 1.0)))
    return xp.where(low, near, xp.log1p(-xp.exp(-xp.where(low, 1.0, h))))


# --- laws from laws -----------------------------------------------------------------------------


def symmetric(
    cdf: Function,
    pdf: Function,
    log_pdf: Function,
    score: Function,
    lower_quantile: Function,
    log_cdf: Function | None = None,
) -> Law:
    """A law with F(-z) = 1 - F(z); `lower_quantile` is for u <= 1/2."""

    def default_log_cdf(xp: Any, z: Array) -> Array:
        return log_of(xp, cdf(xp, z), cdf(xp, -z))

    def quantile(xp: Any, u: Array) -> Array:
        low = u < 0.5
        half = lower_quantile(xp, xp.where(low, u, 1 - u))
        return xp.where(low, half, -half)

    log_of_cdf = log_cdf or default_log_cdf
    return Law(
        cdf=cdf,
        survival=lambda xp, z: cdf(xp, -z),
        pdf=pdf,
        log_cdf=log_of_cdf,
        log_survival=lambda xp, z: log_of_cdf(xp, -z),
        log_pdf=log_pdf,
        score=score,
        quantile=quantile,
        upper_quantile=lambda xp, q: -quantile(xp, q),
    )


def halves(lower: Function) -> Function:
    """The symmetric CDF with the values `lower(t)` for t <= 0: accurate in both tails.

    The derivative at 0 is that of `lower`, also where |z| would have made it 0.
    """

    def cdf(xp: Any, z: Array) -> Array:
        left = z < 0
        part = lower(xp, xp.where(left, z, -z))
        return xp.where(left, part, 1 - part)

    return cdf


def log_halves(lower: Function, log_lower: Function) -> Function:
    """The logarithm of `halves(lower)`, where `log_lower` does not underflow in the tail."""

    def log_cdf(xp: Any, z: Array) -> Array:
        left = z < 0
        t = xp.where(left, z, -z)
        return xp.where(left, log_lower(xp, t), xp.log1p(-lower(xp, t)))

    return log_cdf


def mirrored(law: Law) -> Law:
    """The law of -X."""
    return Law(
        cdf=lambda xp, z: law.survival(xp, -z),
        survival=lambda xp, z: law.cdf(xp, -z),
        pdf=lambda xp, z: law.pdf(xp, -z),
        log_cdf=lambda xp, z: law.log_survival(xp, -z),
        log_survival=lambda xp, z: law.log_cdf(xp, -z),
        log_pdf=lambda xp, z: law.log_pdf(xp, -z),
        score=lambda xp, z: -law.score(xp, -z),
        quantile=lambda xp, u: -law.upper_quantile(xp, u),
        upper_quantile=lambda xp, q: -law.quantile(xp, q),
    )


def transformed(law: Law, scale: float = 1.0, location: float = 0.0) -> Law:
    """The law of scale X + location, scale > 0."""

    def at(function: Function) -> Function:
        return lambda xp, z: function(xp, (z - location) / scale)

    return Law(
        cdf=at(law.cdf),
        survival=at(law.survival),
        pdf=lambda xp, z: at(law.pdf)(xp, z) / scale,
        log_cdf=at(law.log_cdf),
        log_survival=at(law.log_survival),
        log_pdf=lambda xp, z: at(law.log_pdf)(xp, z) - math.log(scale),
        score=lambda xp, z: at(law.score)(xp, z) / scale,
        quantile=lambda xp, u: law.quantile(xp, u) * scale + location,
        upper_quantile=lambda xp, q: law.upper_quantile(xp, q) * scale + location,
    )


def solve(xp: Any, cdf: Function, pdf: Function, u: Array, low: Array, high: Array) -> Array:
    """The z with cdf(z) = u in [low, high], for quantiles without a closed form.

    Bisection comes close on values alone; then Newton's step z - (F(z) - u)/f(z) is taken three
    times: it doubles the digits, and carries the derivative dz/du = 1/f(z) with it.
    """
    target, low, high = ag.stop_gradient((u, low, high))
    for _ in range(30):
        middle = 0.5 * (low + high)
        below = cdf(xp, middle) < target
        low, high = xp.where(below, middle, low), xp.where(below, high, middle)
    z = 0.5 * (low + high)
    for _ in range(3):
        slope = pdf(xp, z)
        flat = slope <= 0
        z = xp.where(flat, 0.0, (u - cdf(xp, z)) / xp.where(flat, 1.0, slope)) + z
    return z
