"""The laws with F(-z) = 1 - F(z), each at location 0 and in the unit scale of its formula.

    name                 F(z)                                      density f(z)             max f
    uniform              (1 + z)/2                  on [-1, 1]     1/2                      1/2
    triangular           (1 + z)^2/2 for z <= 0     on [-1, 1]     1 - |z|                  1
    cubic_hermite        y^2 (3 - 2y), y = (1 + z)/2               3/4 (1 - z^2)            3/4
    wigner_semicircle    1/2 + (z sqrt(1 - z^2) + asin z)/pi       2/pi sqrt(1 - z^2)       2/pi
    gaussian             Phi(z)                                    e^(-z^2/2)/sqrt(2 pi)    0.39894
    laplace              e^z/2 for z <= 0                          e^-|z|/2                 1/2
    logistic             1/(1 + e^-z)                              F (1 - F)                1/4
    gudermannian         (2/pi) atan(e^z)                          1/(pi cosh z)            1/pi
    algebraic            1/2 + z/(2 sqrt(1 + z^2))                 (1 + z^2)^(-3/2)/2       1/2
    cauchy               1/2 + atan(z)/pi                          1/(pi (1 + z^2))         1/pi
    reciprocal           1/2 + z/(2 (1 + |z|))                     1/(2 (1 + |z|)^2)        1/2
    optimal              1/2 + z if |z| <= 1/4, else               1, else 1/(16 z^2)       1
                         -1/(16 z) for z < 0
    logistic_phi         see `logistic_phi`

Each CDF is written by its lower half, t <= 0, whose values do not cancel in the tail; `halves`
completes it. The score is -(log f)'.
"""

from __future__ import annotations

import math
from typing import Any

from refimpl import autograd as ag
from refimpl.autograd import Array

from .law import Function, Law, halves, log, log_halves, solve, symmetric

LN2 = math.log(2)
ART_EPSILON = 1e-10  # keeps the activation replacement finite at 0, as in the published code


# --- finite support: [-1, 1]; the densities are 0 at +-1 ----------------------------------------


def _within(inside: Function, outside: float) -> Function:
    """`inside` on (-1, 1), a constant elsewhere."""

    def function(xp: Any, z: Array) -> Array:
        out = xp.abs(z) >= 1
        return xp.where(out, outside, inside(xp, xp.where(out, 0.0, z)))

    return function


def _fraction(xp: Any, t: Array) -> Array:
    """The part (1 + t)/2 of [-1, 1] that is left of t <= 0; its slope at t = -1 is 0."""
    return 0.5 * (1 + xp.where(t <= -1, -1.0, t))


def _cubic_lower(xp: Any, t: Array) -> Array:
    y = _fraction(xp, t)
    return y * y * (3 - 2 * y)


def _segment_share(xp: Any, angle: Array) -> Array:
    """The share of the disc that a chord cuts off which is seen from the centre under the angle:
    (angle - sin angle)/(2 pi); by the series for small angles, as the difference cancels.
    """
    small = angle < 1
    square = xp.where(small, angle, 1.0) ** 2
    series = xp.ones_like(angle)
    for k in range(9, 1, -1):
        series = 1 - square / (2 * k * (2 * k + 1)) * series
    cut = xp.where(small, angle * square / 6 * series, angle - xp.sin(angle))
    return cut / (2 * math.pi)


def _semicircle_lower(xp: Any, t: Array) -> Array:
    out = t <= -1
    angle = 4 * xp.asin(xp.sqrt(0.5 * (1 + xp.where(out, -0.5, t))))
    return xp.where(out, 0.0, _segment_share(xp, angle))


def _semicircle_pdf(xp: Any, z: Array) -> Array:
    return 2 / math.pi * xp.sqrt((1 - z) * (1 + z))


def _semicircle_quantile(xp: Any, u: Array) -> Array:
    """The angle first, from angle^3/pi^2 <= angle - sin angle <= angle^3/6."""

    def slope(xp: Any, angle: Array) -> Array:
        return xp.sin(0.5 * angle) ** 2 / math.pi

    low, high = (12 * math.pi * u) ** (1 / 3), (2 * math.pi**3 * u) ** (1 / 3)
    angle = solve(xp, _segment_share, slope, u, low, high)
    return 2 * xp.sin(0.25 * angle) ** 2 - 1


UNIFORM = symmetric(
    cdf=halves(_fraction),
    pdf=_within(lambda xp, z: 0.5 + 0 * z, 0.0),
    log_pdf=_within(lambda xp, z: -LN2 + 0 * z, -math.inf),
    score=_within(lambda xp, z: 0 * z, 0.0),
    lower_quantile=lambda xp, u: 2 * u - 1,
)
TRIANGULAR = symmetric(
    cdf=halves(lambda xp, t: 2 * _fraction(xp, t) ** 2),
    pdf=_within(lambda xp, z: 1 - xp.abs(z), 0.0),
    log_pdf=_within(lambda xp, z: xp.log1p(-xp.abs(z)), -math.inf),
    score=_within(lambda xp, z: 1 / (1 - xp.abs(z)) * xp.sign(z), 0.0),
    lower_quantile=lambda xp, u: xp.sqrt(2 * u) - 1,
)
CUBIC_HERMITE = symmetric(
    cdf=halves(_cubic_lower),
    pdf=_within(lambda xp, z: 0.75 * ((1 - z) * (1 + z)), 0.0),
    log_pdf=_within(lambda xp, z: xp.log((1 - z) * (1 + z)) + math.log(0.75), -math.inf),
    score=_within(lambda xp, z: 2 * z / ((1 - z) * (1 + z)), 0.0),
    lower_quantile=lambda xp, u: -2 * xp.sin(xp.asin(1 - 2 * u) / 3),
)
WIGNER_SEMICIRCLE = symmetric(
    cdf=halves(_semicircle_lower),
    pdf=_within(_semicircle_pdf, 0.0),
    log_pdf=_within(lambda xp, z: xp.log(_semicircle_pdf(xp, z)), -math.inf),
    score=_within(lambda xp, z: z / ((1 - z) * (1 + z)), 0.0),
    lower_quantile=_semicircle_quantile,
)

# --- exponential tails --------------------------------------------------------------------------


def _gaussian_pdf(xp: Any, z: Array) -> Array:
    z = ag.clip(z, -40.0, 40.0)  # e^-800 is 0 in every dtype, and z^2 does not overflow
    return xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _laplace_lower(xp: Any, t: Array) -> Array:
    return 0.5 * xp.exp(t)


def _secant_lower(xp: Any, t: Array) -> Array:
    return 2 / math.pi * xp.atan(xp.exp(t))


def _secant_log_lower(xp: Any, t: Array) -> Array:
    """log(2/pi) + log(atan(e^t)); below t = -20 the arc tangent is its argument."""
    far = t < -20
    near = xp.log(xp.atan(xp.exp(xp.where(far, 0.0, t))))
    return math.log(2 / math.pi) + xp.where(far, t, near)


def _secant_log_pdf(xp: Any, z: Array) -> Array:
    """-log(pi cosh z), where cosh does not overflow."""
    size = xp.abs(z)
    return math.log(2 / math.pi) - size - ag.softplus(-2 * ag.clip(size, max=1e4))


GAUSSIAN = symmetric(
    cdf=lambda xp, z: ag.ndtr(z),
    log_cdf=lambda xp, z: ag.log_ndtr(z),
    pdf=_gaussian_pdf,
    log_pdf=lambda xp, z: -0.5 * z * z - 0.5 * math.log(2 * math.pi),
    score=lambda xp, z: 1 * z,
    lower_quantile=lambda xp, u: ag.ndtri(u),
)
LAPLACE = symmetric(
    cdf=halves(_laplace_lower),
    log_cdf=log_halves(_laplace_lower, lambda xp, t: t - LN2),
    pdf=lambda xp, z: _laplace_lower(xp, -xp.abs(z)),
    log_pdf=lambda xp, z: -xp.abs(z) - LN2,
    score=lambda xp, z: xp.sign(z),
    lower_quantile=lambda xp, u: xp.log(2 * u),
)
LOGISTIC = symmetric(
    cdf=halves(lambda xp, t: ag.sigmoid(t)),
    log_cdf=lambda xp, z: ag.log_sigmoid(z),
    pdf=lambda xp, z: ag.sigmoid(z) * ag.sigmoid(-z),
    log_pdf=lambda xp, z: ag.log_sigmoid(z) + ag.log_sigmoid(-z),
    score=lambda xp, z: xp.tanh(0.5 * z),
    lower_quantile=lambda xp, u: ag.logit(u),
)
GUDERMANNIAN = symmetric(
    cdf=halves(_secant_lower),
    log_cdf=log_halves(_secant_lower, _secant_log_lower),
    pdf=lambda xp, z: xp.exp(_secant_log_pdf(xp, z)),
    log_pdf=_secant_log_pdf,
    score=lambda xp, z: xp.tanh(z),
    lower_quantile=lambda xp, u: xp.log(xp.tan(0.5 * math.pi * u)),
)

# --- tails that fall like a power of z ----------------------------------------------------------


def _root(xp: Any, z: Array) -> Array:
    """sqrt(1 + z^2) without overflow."""
    return xp.hypot(xp.ones_like(z), z)


def _finite(xp: Any, z: Array) -> Array:
    """z, for +-inf the largest number instead, so that inf is not multiplied by 0."""
    largest = float(xp.finfo(z.dtype).max)
    return ag.clip(z, -largest, largest)


def _pull(xp: Any, z: Array) -> Array:
    """z/(1 + z^2), where z^2 might overflow as 1/(z + 1/z)."""
    far = xp.abs(z) > 1
    near, large = xp.where(far, 0.0, z), xp.where(far, z, 1.0)
    return xp.where(far, 1 / (large + 1 / large), near / (1 + near * near))


def _algebraic_lower(xp: Any, t: Array) -> Array:
    root = _root(xp, t)
    return 0.5 / root / root / (1 - _finite(xp, t) / root)


def _algebraic_log_lower(xp: Any, t: Array) -> Array:
    root = _root(xp, t)
    return -2 * xp.log(root) - xp.log1p(-_finite(xp, t) / root) - LN2


def _optimal_lower(xp: Any, t: Array) -> Array:
    near = t >= -0.25
    return xp.where(near, t + 0.5, -0.0625 / xp.where(near, -1.0, t))


def _optimal_quantile(xp: Any, u: Array) -> Array:
    near = u >= 0.25
    return xp.where(near, u - 0.5, -0.0625 / xp.where(near, 1.0, u))


def _optimal_ratio(xp: Any, z: Array) -> Array:
    """min(1/(4 |z|), 1), the root of the density."""
    size = xp.abs(z)
    near = size <= 0.25
    return xp.where(near, 1.0, 0.25 / xp.where(near, 1.0, size))


def _optimal_score(xp: Any, z: Array) -> Array:
    near = xp.abs(z) <= 0.25
    return xp.where(near, 0.0, 2 / xp.where(near, 1.0, z))


ALGEBRAIC = symmetric(
    cdf=halves(_algebraic_lower),
    log_cdf=log_halves(_algebraic_lower, _algebraic_log_lower),
    pdf=lambda xp, z: 0.5 * _root(xp, z) ** -3,
    log_pdf=lambda xp, z: -3 * xp.log(_root(xp, z)) - LN2,
    score=lambda xp, z: 3 * _pull(xp, z),
    lower_quantile=lambda xp, u: (u - 0.5) / xp.sqrt(1 - u) / xp.sqrt(u),
)
CAUCHY = symmetric(  # F by the angle of the point (-z, 1), which is accurate in both tails
    cdf=lambda xp, z: xp.atan2(xp.ones_like(z), -z) / math.pi,
    pdf=lambda xp, z: _root(xp, z) ** -2 / math.pi,
    log_pdf=lambda xp, z: -2 * xp.log(_root(xp, z)) - math.log(math.pi),
    score=lambda xp, z: 2 * _pull(xp, z),
    lower_quantile=lambda xp, u: -1 / xp.tan(math.pi * u),
)
RECIPROCAL = symmetric(
    cdf=halves(lambda xp, t: 0.5 / (1 - t)),
    pdf=lambda xp, z: 0.5 * (1 + xp.abs(z)) ** -2,
    log_pdf=lambda xp, z: -2 * xp.log1p(xp.abs(z)) - LN2,
    score=lambda xp, z: 2 / (1 + xp.abs(z)) * xp.sign(z),
    lower_quantile=lambda xp, u: 1 - 0.5 / u,
)
OPTIMAL = symmetric(
    cdf=halves(_optimal_lower),
    pdf=lambda xp, z: _optimal_ratio(xp, z) ** 2,
    log_pdf=lambda xp, z: 2 * log(xp, _optimal_ratio(xp, z)),
    score=_optimal_score,
    lower_quantile=_optimal_quantile,
)


def logistic_phi(steepness: float, power: float) -> Law:
    """The logistic law after the activation replacement trick (DSN, section 4).

        F(z) = logistic(w),  w = s z/(|z| + 1e-10)^lambda

    for the steepness s and lambda in [0, 1). The replacement acts on the unscaled argument, so this
    is no scale family and s is one of its parameters. Its slope at 0 is (s/4) 1e10^lambda.
    """

    def replaced(xp: Any, z: Array) -> Array:
        """w; numbers so large that it might overflow count as infinite."""
        far = xp.abs(z) > float(xp.finfo(z.dtype).max) / max(4 * steepness, 4)
        h = xp.where(far, 1.0, z)
        size = xp.abs(h) + ART_EPSILON
        infinite = xp.where(z < 0, -math.inf, xp.zeros_like(z) + math.inf)
        return xp.where(far, infinite, steepness * (h / size * size ** (1 - power)))

    def stretch(xp: Any, z: Array) -> Array:  # dw/dz
        size = xp.abs(_finite(xp, z))
        bent = ((1 - power) * size + ART_EPSILON) / (size + ART_EPSILON)
        return steepness * (bent * (size + ART_EPSILON) ** -power)

    def score(xp: Any, z: Array) -> Array:
        size = xp.abs(z)
        bend = (1 + power) / (size + ART_EPSILON)
        bend = bend - (1 - power) / ((1 - power) * size + ART_EPSILON)
        return xp.tanh(0.5 * replaced(xp, z)) * stretch(xp, z) + bend * xp.sign(z)

    def log_pdf(xp: Any, z: Array) -> Array:
        return LOGISTIC.log_pdf(xp, replaced(xp, z)) + log(xp, stretch(xp, z))

    def lower_quantile(xp: Any, u: Array) -> Array:
        """Without the 1e-10, then Newton's steps to w(z) = logit(u), which is concave in |z|."""
        w = ag.logit(u)
        z = -((-w / steepness) ** (1 / (1 - power)))
        for _ in range(12):
            z = z - (replaced(xp, z) - w) / stretch(xp, z)
        return z

    return symmetric(
        cdf=lambda xp, z: LOGISTIC.cdf(xp, replaced(xp, z)),
        log_cdf=lambda xp, z: ag.log_sigmoid(replaced(xp, z)),
        pdf=lambda xp, z: LOGISTIC.pdf(xp, replaced(xp, z)) * stretch(xp, z),
        log_pdf=log_pdf,
        score=score,
        lower_quantile=lower_quantile,
    )
