"""The laws without symmetry: a step, extreme values, and laws on the half line u >= 0.

    name           F                                      density f                     max f
    heaviside      1 for z >= 0, else 0                   0, by convention              inf
    gumbel_max     exp(-e^-z)                             exp(-z - e^-z)                1/e
    exponential    1 - e^-u                               e^-u                          1
    gamma          see `gamma`                            u^(p-1) e^-u/Gamma(p)         at u = p - 1
    levy           erfc(1/sqrt(2u)) = 2 Phi(-1/sqrt(u))   e^(-1/(2u))/sqrt(2 pi u^3)    at u = 1/3

`gumbel_min` and the names in `_rev` are mirror images, F_rev(z) = 1 - F(-z). The laws on the half
line have a shift: u = z + shift, and u = shift - z for the mirror images. At u = 0 the exponential
density has the value from inside, 1, the others have 0.
"""

from __future__ import annotations

import math
from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import Array

from .law import Law, exp, log, log1mexp, log_of, one_minus_exp

LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


# --- no smoothing -------------------------------------------------------------------------------


def _step(xp: Any, z: Array) -> Array:
    zero = 0 * ag.clip(z, -1.0, 1.0)  # traced and of slope 0; NaN where z is
    return xp.where(z >= 0, 1 + zero, zero)


def _nothing(xp: Any, z: Array) -> Array:
    return 0 * ag.clip(z, -1.0, 1.0)


HEAVISIDE = Law(
    cdf=_step,
    survival=lambda xp, z: 1 - _step(xp, z),
    pdf=_nothing,
    log_cdf=lambda xp, z: log(xp, _step(xp, z)),
    log_survival=lambda xp, z: log(xp, 1 - _step(xp, z)),
    log_pdf=lambda xp, z: log(xp, _nothing(xp, z)),
    score=_nothing,
    quantile=_nothing,
    upper_quantile=_nothing,
)

# --- extreme values -----------------------------------------------------------------------------


def _hazard(xp: Any, z: Array) -> Array:
    """w = e^-z, bounded where e^-w is 0 in every dtype."""
    return xp.exp(-ag.clip(z, min=-80.0))


def _gumbel_log_survival(xp: Any, z: Array) -> Array:
    """log(1 - e^-w); beyond z = 40 it is log w = -z, which does not underflow."""
    far = z > 40
    return xp.where(far, -z, log1mexp(xp, _hazard(xp, xp.where(far, 0.0, z))))


GUMBEL_MAX = Law(
    cdf=lambda xp, z: xp.exp(-_hazard(xp, z)),
    survival=lambda xp, z: one_minus_exp(xp, _hazard(xp, z)),
    pdf=lambda xp, z: _hazard(xp, z) * xp.exp(-_hazard(xp, z)),
    log_cdf=lambda xp, z: -exp(xp, -z),
    log_survival=_gumbel_log_survival,
    log_pdf=lambda xp, z: -ag.clip(z, min=-1e4) - exp(xp, -z),  # -inf, not inf - inf
    score=lambda xp, z: 1 - exp(xp, -z),
    quantile=lambda xp, u: -xp.log(-xp.log(u)),
    upper_quantile=lambda xp, q: -xp.log(-xp.log1p(-q)),
)

# --- the half line u >= 0 -----------------------------------------------------------------------


def _positive_part(xp: Any, u: Array) -> Array:
    """max(u, 0) with slope 1 at 0."""
    return xp.where(u < 0, 0.0, u)


EXPONENTIAL = Law(
    cdf=lambda xp, u: one_minus_exp(xp, _positive_part(xp, u)),
    survival=lambda xp, u: xp.exp(-_positive_part(xp, u)),
    pdf=lambda xp, u: xp.where(u < 0, 0.0, xp.exp(-_positive_part(xp, u))),
    log_cdf=lambda xp, u: log1mexp(xp, _positive_part(xp, u)),
    log_survival=lambda xp, u: -_positive_part(xp, u),
    log_pdf=lambda xp, u: xp.where(u < 0, -math.inf, -_positive_part(xp, u)),
    score=lambda xp, u: xp.where(u < 0, 0.0, 1 + 0 * ag.clip(u, -1.0, 1.0)),
    quantile=lambda xp, u: -xp.log1p(-u),
    upper_quantile=lambda xp, q: -xp.log(q),
)


def _levy_cdf(xp: Any, u: Array) -> Array:
    out = u <= 1e-4  # F = 0 in every dtype
    return xp.where(out, 0.0, 2 * ag.ndtr(-1 / xp.sqrt(xp.where(out, 1.0, u))))


def _levy_survival(xp: Any, u: Array) -> Array:
    out = u <= 1e-4
    return xp.where(out, 1.0, ag.erf(xp.sqrt(0.5 / xp.where(out, 1.0, u))))


def _levy_pdf(xp: Any, u: Array) -> Array:
    out = u <= 1e-4
    h = xp.where(out, 1.0, u)
    return xp.where(out, 0.0, h**-1.5 * xp.exp(-0.5 / h) / math.sqrt(2 * math.pi))


def _levy_log_cdf(xp: Any, u: Array) -> Array:
    out, far = u <= 0, u > 4
    tail = ag.log_ndtr(-1 / xp.sqrt(xp.where(out | far, 1.0, u))) + math.log(2)
    near_1 = xp.log1p(-_levy_survival(xp, xp.where(far, u, 4.0)))
    return xp.where(out, -math.inf, xp.where(far, near_1, tail))


def _levy_log_pdf(xp: Any, u: Array) -> Array:
    out = u <= 0
    h = xp.where(out, 1.0, u)
    return xp.where(out, -math.inf, -1.5 * xp.log(h) - 0.5 / h - LOG_ROOT_2PI)


def _levy_score(xp: Any, u: Array) -> Array:
    out = u <= 0
    h = xp.where(out, 1.0, u)
    return xp.where(out, 0.0, (1.5 - 0.5 / h) / h)


LEVY = Law(
    cdf=_levy_cdf,
    survival=_levy_survival,
    pdf=_levy_pdf,
    log_cdf=_levy_log_cdf,
    log_survival=lambda xp, u: log_of(xp, _levy_survival(xp, u), _levy_cdf(xp, u)),
    log_pdf=_levy_log_pdf,
    score=_levy_score,
    quantile=lambda xp, u: ag.ndtri(0.5 * u) ** -2,
    upper_quantile=lambda xp, q: 0.5 * ag.erfinv(q) ** -2,
)
