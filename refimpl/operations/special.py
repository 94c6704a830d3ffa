"""The error functions, the normal distribution, and the gamma functions."""

from __future__ import annotations

from refimpl import autograd as ag
from refimpl.autograd import Array

from .registration import LOOSE, SLOPES, at, elementwise, normal, operation, within

_TAILS = at("tails", "saturated", x=[-5.0, 5.0, 0.0])
_INFINITE = "the slopes at the ends of the domain are infinite"
_DLMF = "NIST Digital Library of Mathematical Functions, {}"
_NORMAL = "Abramowitz, Stegun 1964, section 26.2"


@operation(_DLMF.format("equation 7.2.1"), elementwise(normal, points=[_TAILS]))
def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    dy = 2 / sqrt(pi) exp(-x^2) dx
    """
    return ag.erf(x)


@operation(_DLMF.format("equation 7.2.2"), elementwise(normal, points=[_TAILS]))
def erfc(x: Array) -> Array:
    """1 - erf(x), without cancellation where it is small.

    dy = -2 / sqrt(pi) exp(-x^2) dx
    """
    return ag.erfc(x)


@operation(
    _DLMF.format("equation 7.2.3, w(i x)"),
    elementwise(normal, points=[at("far", "large-values", x=[30.0, 200.0, 1e6])]),
    tolerances=LOOSE,
)
def erfcx(x: Array) -> Array:
    """exp(x^2) erfc(x).

    dy = (2 x y - 2 / sqrt(pi)) dx
    """
    return ag.erfcx(x)


@operation(
    _DLMF.format("section 7.17"),
    elementwise(
        within(-0.9, 0.9),
        points=[at("ends", "infinite-slope", checks=SLOPES, x=[-1.0, 1.0])],
    ),
    kinks=_INFINITE,
    tolerances=LOOSE,
)
def erfinv(x: Array) -> Array:
    """The inverse of erf.

    dy = sqrt(pi) / 2 exp(y^2) dx
    """
    return ag.erfinv(x)


@operation(_NORMAL, elementwise(normal, points=[at("tails", "saturated", x=[-10.0, 10.0, -30.0])]))
def ndtr(x: Array) -> Array:
    """The cumulative distribution function of the standard normal law, Phi.

    dy = exp(-x^2 / 2) / sqrt(2 pi) dx
    """
    return ag.ndtr(x)


@operation(
    _NORMAL,
    elementwise(normal, points=[at("tails", "saturated", x=[-30.0, -300.0, 10.0])]),
    tolerances=LOOSE,
)
def log_ndtr(x: Array) -> Array:
    """log Phi(x), also where Phi is too small for a number.

    dy = exp(-x^2 / 2 - y) / sqrt(2 pi) dx
    """
    return ag.log_ndtr(x)


@operation(
    _NORMAL,
    elementwise(
        within(0.1, 0.9), points=[at("ends", "infinite-slope", checks=SLOPES, x=[0.0, 1.0])]
    ),
    kinks=_INFINITE,
    tolerances=LOOSE,
)
def ndtri(x: Array) -> Array:
    """The quantile function of the standard normal law, the inverse of Phi.

    dy = sqrt(2 pi) exp(y^2 / 2) dx
    """
    return ag.ndtri(x)


@operation(
    _DLMF.format("equation 5.2.1"),
    elementwise(within(0.4, 6.0), points=[at("negative", x=[-0.5, -1.5, 30.0])]),
    tolerances=LOOSE,
)
def gammaln(x: Array) -> Array:
    """log |Gamma(x)|.

    dy = digamma(x) dx
    """
    return ag.gammaln(x)


@operation(
    _DLMF.format("equation 5.2.2"),
    elementwise(within(0.4, 6.0), points=[at("negative", x=[-0.5, -1.5, 30.0])]),
    tolerances=LOOSE,
)
def digamma(x: Array) -> Array:
    """Gamma'(x) / Gamma(x).

    dy = polygamma(1, x) dx
    """
    return ag.digamma(x)


@operation(
    _DLMF.format("equation 8.2.4"),
    elementwise(within(0.5, 3.0), within(0.3, 4.0), names="ax"),
    differentiable=("x",),
    tolerances=LOOSE,
)
def gammainc(a: Array, x: Array) -> Array:
    """The regularised lower incomplete gamma function P(a, x), differentiated in x only.

    dy = x^(a - 1) exp(-x) / Gamma(a) dx
    """
    return ag.gammainc(a, x)


@operation(
    _DLMF.format("equation 8.2.4"),
    elementwise(
        within(0.5, 3.0),
        within(0.3, 4.0),
        names="ax",
        points=[at("tail", "saturated", a=[2.0, 0.5], x=[40.0, 80.0])],
    ),
    differentiable=("x",),
    tolerances=LOOSE,
)
def gammaincc(a: Array, x: Array) -> Array:
    """1 - P(a, x), without cancellation where it is small; differentiated in x only.

    dy = -x^(a - 1) exp(-x) / Gamma(a) dx
    """
    return ag.gammaincc(a, x)
