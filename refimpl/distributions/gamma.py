"""The gamma law of shape p: F(u) = P(p, u), the regularised lower incomplete gamma function.

    P(p, u) = 1/Gamma(p) * integral of t^(p-1) e^-t over 0 <= t <= u,   Q = 1 - P

p = 1 is the exponential law. P and Q come from the array library; their logarithms far out in the
tails, where P and Q underflow, and the quantile are composed here. (Above shapes of about 3000
both may underflow nearer to u = p than that; their logarithms are -inf there.)
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import Array

from .law import Law, exp, log_of, solve

TERMS = 60  # of the series and of the continued fraction: full accuracy where they are used


def gamma(p: float) -> Law:
    """The gamma law of shape p >= 0; for p = 0 all of it is at u = 0, from above."""
    of_shape = (  # in the order of the fields of Law
        _cdf, _survival, _pdf, _log_cdf, _log_survival, _log_pdf, _score, _quantile,
        _upper_quantile,
    )  # fmt: skip
    return Law(*(partial(function, p) for function in of_shape))


def gamma_peak(p: float) -> float:
    """The largest density of the gamma law."""
    if p < 1:
        return math.inf
    return 1.0 if p == 1 else math.exp((p - 1) * (math.log(p - 1) - 1) - math.lgamma(p))


def _log_gamma(p: float) -> float:
    return math.lgamma(p) if p > 0 else math.inf


def _log(xp: Any, h: Array) -> Array:
    return xp.log(ag.clip(h, max=1e30))  # finite, so that h = inf gives no inf - inf


def _log_pdf(p: float, xp: Any, u: Array) -> Array:
    out = u <= 0
    h = xp.where(out, 1.0, u)
    return xp.where(out, -math.inf, (p - 1) * _log(xp, h) - h - _log_gamma(p))


def _pdf(p: float, xp: Any, u: Array) -> Array:
    return exp(xp, _log_pdf(p, xp, u))


def _score(p: float, xp: Any, u: Array) -> Array:
    out = u <= 0
    return xp.where(out, 0.0, 1 - (p - 1) / xp.where(out, 1.0, u))


def _cdf(p: float, xp: Any, u: Array) -> Array:
    out = u <= 0
    h = xp.where(out, 1.0, u)
    # not every library has P(0, h) = 1
    return xp.where(out, 0.0, ag.gammainc(p, h) if p > 0 else 1 + 0 * ag.clip(h, max=1.0))


def _survival(p: float, xp: Any, u: Array) -> Array:
    out = u <= 0
    h = xp.where(out, 1.0, u)
    return xp.where(out, 1.0, ag.gammaincc(p, h) if p > 0 else 0 * ag.clip(h, max=1.0))


def _log_cdf(p: float, xp: Any, u: Array) -> Array:
    """Near 0 by the series P = u^p e^-u/Gamma(p+1) (1 + u/(p+1) (1 + u/(p+2) (...)))."""
    near = u < 1 + p / 2
    h = xp.where(near & (u > 0), u, 1.0)
    series = xp.ones_like(u)
    for k in range(TERMS, 0, -1):
        series = 1 + h * series / (p + k)
    small = p * xp.log(h) - h - math.lgamma(p + 1) + xp.log(series)
    v = xp.where(near, 2 + p, u)
    large = log_of(xp, _cdf(p, xp, v), _survival(p, xp, v))
    return xp.where(u <= 0, -math.inf, xp.where(near, small, large))


def _log_survival(p: float, xp: Any, u: Array) -> Array:
    """Far out by Legendre's continued fraction 1/(u+1-p - 1(1-p)/(u+3-p - ...))."""
    far = u > 30 + 2 * p
    h = xp.where(far, u, 30.0 + 2 * p)
    fraction = h + (2 * TERMS + 1 - p)
    for k in range(TERMS, 0, -1):
        fraction = h + (2 * k - 1 - p) - k * (k - p) / fraction
    tail = p * _log(xp, h) - h - _log_gamma(p) - _log(xp, fraction)
    v = xp.where(far, 1.0, u)
    return xp.where(far, tail, log_of(xp, _survival(p, xp, v), _cdf(p, xp, v)))


def _quantile(p: float, xp: Any, u: Array) -> Array:
    def function(xp: Any, t: Array) -> Array:
        return _cdf(p, xp, xp.exp(t))

    return 0 * u if p == 0 else _root(p, xp, function, u, xp.log(u), xp.log1p(-u))


def _upper_quantile(p: float, xp: Any, q: Array) -> Array:
    def function(xp: Any, t: Array) -> Array:
        return -_survival(p, xp, xp.exp(t))

    return 0 * q if p == 0 else _root(p, xp, function, -q, xp.log1p(-q), xp.log(q))


def _root(p: float, xp: Any, function: Any, value: Array, log_u: Array, log_q: Array) -> Array:
    """u with function(log u) = value: P <= u^p/Gamma(p+1) bounds it from below, Chernoff's
    inequality from above by p + sqrt(2 p L) + L, L = -log q.
    """

    def slope(xp: Any, t: Array) -> Array:
        return exp(xp, _log_pdf(p, xp, xp.exp(t)) + t)

    low = (log_u + math.lgamma(p + 1)) / p
    high = xp.log(p + xp.sqrt(-2 * p * log_q) - log_q)
    return xp.exp(solve(xp, function, slope, value, low, high))
