"""The gamma law of shape p: F(u) = P(p, u), the regularised lower incomplete gamma function.

    P(p, u) = 1/Gamma(p) * integral of t^(p-1) e^-t over 0 <= t <= u,   Q = 1 - P

p = 1 is the exponential law. P and Q come from the array library; their logarithms far out in the
tails, where P and Q underflow, and the quantile are composed here.
"""

from __future__ import annotations

import math
from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import Array

from .law import Law, exp, log_of, solve

TERMS = 60  # of the series and of the continued fraction: full accuracy where they are used


def gamma(p: float) -> Law:
    """The gamma law of shape p >= 0; for p = 0 all of it is at u = 0, from above."""
    log_gamma = math.lgamma(p) if p > 0 else math.inf
    log_gamma_1 = math.lgamma(p + 1)

    def log_power(xp: Any, h: Array) -> Array:
        return xp.log(ag.clip(h, max=1e30))  # finite, so that h = inf gives no inf - inf below

    def log_pdf(xp: Any, u: Array) -> Array:
        out = u <= 0
        h = xp.where(out, 1.0, u)
        return xp.where(out, -math.inf, (p - 1) * log_power(xp, h) - h - log_gamma)

    def cdf(xp: Any, u: Array) -> Array:
        out = u <= 0
        h = xp.where(out, 1.0, u)
        # not every library has P(0, h) = 1
        return xp.where(out, 0.0, ag.gammainc(p, h) if p > 0 else 1 + 0 * ag.clip(h, max=1.0))

    def survival(xp: Any, u: Array) -> Array:
        out = u <= 0
        h = xp.where(out, 1.0, u)
        return xp.where(out, 1.0, ag.gammaincc(p, h) if p > 0 else 0 * ag.clip(h, max=1.0))

    def log_cdf(xp: Any, u: Array) -> Array:
        """Near 0 by the series P = u^p e^-u/Gamma(p+1) (1 + u/(p+1) (1 + u/(p+2) (...)))."""
        near = u < 1 + p / 2
        h = xp.where(near & (u > 0), u, 1.0)
        series = xp.ones_like(u)
        for k in range(TERMS, 0, -1):
            series = 1 + h * series / (p + k)
        small = p * xp.log(h) - h - log_gamma_1 + xp.log(series)
        v = xp.where(near, 2 + p, u)
        large = log_of(xp, cdf(xp, v), survival(xp, v))
        return xp.where(u <= 0, -math.inf, xp.where(near, small, large))

    def log_survival(xp: Any, u: Array) -> Array:
        """Far out by Legendre's continued fraction 1/(u+1-p - 1(1-p)/(u+3-p - ...))."""
        far = u > 30 + 2 * p
        h = xp.where(far, u, 30.0 + 2 * p)
        fraction = h + (2 * TERMS + 1 - p)
        for k in range(TERMS, 0, -1):
            fraction = h + (2 * k - 1 - p) - k * (k - p) / fraction
        tail = p * log_power(xp, h) - h - log_gamma - log_power(xp, fraction)
        v = xp.where(far, 1.0, u)
        return xp.where(far, tail, log_of(xp, survival(xp, v), cdf(xp, v)))

    def slope(xp: Any, t: Array) -> Array:  # of the CDF in t = log u
        return exp(xp, log_pdf(xp, xp.exp(t)) + t)

    def root(xp: Any, function: Any, value: Array, log_u: Array, log_q: Array) -> Array:
        """u with function(log u) = value: P <= u^p/Gamma(p+1) bounds it from below, Chernoff's
        inequality from above by p + sqrt(2 p L) + L, L = -log q.
        """
        low = (log_u + log_gamma_1) / p
        high = xp.log(p + xp.sqrt(-2 * p * log_q) - log_q)
        return xp.exp(solve(xp, function, slope, value, low, high))

    def quantile(xp: Any, u: Array) -> Array:
        def function(xp: Any, t: Array) -> Array:
            return cdf(xp, xp.exp(t))

        return 0 * u if p == 0 else root(xp, function, u, xp.log(u), xp.log1p(-u))

    def upper_quantile(xp: Any, q: Array) -> Array:
        def function(xp: Any, t: Array) -> Array:
            return -survival(xp, xp.exp(t))

        return 0 * q if p == 0 else root(xp, function, -q, xp.log1p(-q), xp.log(q))

    def score(xp: Any, u: Array) -> Array:
        out = u <= 0
        return xp.where(out, 0.0, 1 - (p - 1) / xp.where(out, 1.0, u))

    return Law(
        cdf, survival, lambda xp, u: exp(xp, log_pdf(xp, u)), log_cdf, log_survival, log_pdf,
        score, quantile, upper_quantile,
    )  # fmt: skip


def gamma_peak(p: float) -> float:
    """The largest density of the gamma law."""
    if p < 1:
        return math.inf
    return 1.0 if p == 1 else math.exp((p - 1) * (math.log(p - 1) - 1) - math.lgamma(p))
