"""Special functions and activations, in forms that neither overflow nor cancel."""

from __future__ import annotations

import math
from typing import Any

from ..core import OPERATIONS
from ._table import define
from .elementwise import between_arrays

SQRT_PI, SQRT_2PI, LOG_SQRT_2PI = (
    math.sqrt(math.pi),
    math.sqrt(2 * math.pi),
    0.5 * math.log(2 * math.pi),
)


def _sinc_slope(xp: Any, g: Any, y: Any, x: Any) -> Any:
    """(cos(pi x) - y)/x, by its series near 0 where the difference cancels."""
    near = xp.abs(x) < 0.3
    inside, apart = xp.where(near, x, xp.zeros_like(x)), xp.where(near, xp.ones_like(x), x)
    t = (math.pi * inside) * (math.pi * inside)
    series = xp.ones_like(x)
    for k in range(7, 0, -1):
        series = 1.0 - t / (2 * k * (2 * k + 3)) * series
    series = (-math.pi * math.pi / 3) * inside * series
    return g * xp.where(
        near, series, (xp.cos(math.pi * apart) - xp.where(near, xp.ones_like(y), y)) / apart
    )


def _erfcx_slope(xp: Any, g: Any, y: Any, x: Any) -> Any:
    """2 x y - 2/sqrt(pi), by its asymptotic series far out where the difference cancels."""
    far = x > 10.0
    r = 1.0 / xp.where(far, x, xp.ones_like(x))
    t, series = r * r, xp.ones_like(x)
    for k in range(12, 0, -1):
        series = 1.0 - (k + 0.5) * t * series
    near = xp.where(far, xp.zeros_like(x), x)
    return g * xp.where(far, (-1.0 / SQRT_PI) * t * series, 2.0 * near * y - 2 / SQRT_PI)


def _log_ndtr_slope(xp: Any, g: Any, y: Any, x: Any) -> Any:
    """phi(x)/Phi(x); on the left by erfcx, as both vanish."""
    left = x < 0.0
    tail = math.sqrt(2 / math.pi) / OPERATIONS["erfcx"](
        xp.where(left, -x, xp.zeros_like(x)) * math.sqrt(0.5)
    )
    right, log_cdf = xp.where(left, xp.zeros_like(x), x), xp.where(left, xp.zeros_like(y), y)
    return g * xp.where(left, tail, xp.exp(-0.5 * right * right - LOG_SQRT_2PI - log_cdf))


def _gamma_density(xp: Any, g: Any, y: Any, a: Any, x: Any) -> Any:
    """Slope of the regularised lower incomplete gamma function in x: x^(a-1) e^-x / Gamma(a)."""
    return g * xp.exp(OPERATIONS["xlogy"](a - 1.0, x) - x - OPERATIONS["gammaln"](a))


# f: (cotangent of x, definition for libraries without f)
ACTIVATIONS = {
    "sigmoid":     (lambda xp, g, y, x: g * (y * (1.0 - y)),
                    lambda xp, x: _sigmoid(xp, x)),
    "softplus":    (lambda xp, g, y, x: g * OPERATIONS["sigmoid"](x),
                    lambda xp, x: xp.logaddexp(x, xp.zeros_like(x))),
    "log_sigmoid": (lambda xp, g, y, x: g * OPERATIONS["sigmoid"](-x),
                    lambda xp, x: -xp.logaddexp(-x, xp.zeros_like(x))),
    "relu":        (lambda xp, g, y, x: xp.where(x > 0, g, xp.zeros_like(g)),
                    lambda xp, x: xp.where(x <= 0, xp.zeros_like(x), x)),
    "logit":       (lambda xp, g, y, x: g / (x * (1.0 - x)),
                    lambda xp, x: xp.log(x) - xp.log1p(-x)),
    "sinc":        (_sinc_slope,
                    lambda xp, x: _sinc(xp, x)),
}  # fmt: skip

# f under SciPy's name: cotangent of x
SPECIAL = {
    "erf":      lambda xp, g, y, x: g * (2 / SQRT_PI * xp.exp(-x * x)),
    "erfc":     lambda xp, g, y, x: g * (-2 / SQRT_PI * xp.exp(-x * x)),
    "erfcx":    _erfcx_slope,
    "erfinv":   lambda xp, g, y, x: g * (SQRT_PI / 2 * xp.exp(y * y)),
    "ndtr":     lambda xp, g, y, x: g * (xp.exp(-0.5 * x * x) / SQRT_2PI),
    "ndtri":    lambda xp, g, y, x: g * (SQRT_2PI * xp.exp(0.5 * y * y)),
    "log_ndtr": _log_ndtr_slope,
    "gammaln":  lambda xp, g, y, x: g * OPERATIONS["digamma"](x),
    "digamma":  lambda xp, g, y, x: g * OPERATIONS["polygamma"](1, x),
}  # fmt: skip


def _sigmoid(xp: Any, x: Any) -> Any:
    e = xp.exp(-xp.abs(x))  # never above 1
    return xp.where(x >= 0, 1.0 / (1.0 + e), e / (1.0 + e))


def _sinc(xp: Any, x: Any) -> Any:
    zero = x == 0
    t = math.pi * xp.where(zero, xp.ones_like(x), x)
    return xp.where(zero, xp.ones_like(x), xp.sin(t) / t)


def _define_xlogy(xp: Any, x: Any, y: Any) -> Any:
    # Only where x log y is 0 inf or NaN: elsewhere the slope at x = 0 is log y, also to a framework
    # that differentiates this text.
    undefined = (x == 0) & ((y <= 0) | (y == math.inf))
    return xp.where(
        undefined, xp.zeros_like(y), x * xp.log(xp.where(undefined, xp.ones_like(y), y))
    )


def _xlogy_y(xp: Any, g: Any, z: Any, x: Any, y: Any) -> Any:
    origin = (x == 0) & (y == 0)
    return xp.where(origin, xp.zeros_like(g), g * x / xp.where(origin, xp.ones_like(y), y))


for _name, (_rule, _definition) in ACTIVATIONS.items():
    define(_name, _rule, definition=_definition)
for _name, _special_rule in SPECIAL.items():
    define(_name, _special_rule)
define("polygamma", None, lambda xp, g, y, n, x: g * OPERATIONS["polygamma"](n + 1, x))
define("gammainc", None, _gamma_density, broadcasts=True)
define("gammaincc", None, lambda xp, g, y, a, x: -_gamma_density(xp, g, y, a, x), broadcasts=True)
define(
    "xlogy",
    lambda xp, g, z, x, y: g * xp.log(y),
    _xlogy_y,
    definition=_define_xlogy,
    broadcasts=True,
)
for _name in ("gammainc", "gammaincc", "xlogy"):
    OPERATIONS[_name] = between_arrays(_name)
