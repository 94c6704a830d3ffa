"""Element-wise operations. At ties and kinks the conventions of docs/conventions.md hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..backend import constant
from ..core import OPERATIONS, is_traced, plain
from ..libraries import is_array, library_of
from ._table import define, operation, without_derivative

LN2, LN10 = math.log(2.0), math.log(10.0)

# f: cotangent of x, from the cotangent g of y = f(x)
UNARY = {
    "negative":   lambda xp, g, y, x: -g,
    "positive":   lambda xp, g, y, x: g,
    "abs":        lambda xp, g, y, x: g * xp.sign(x),                         # 0 at 0
    "exp":        lambda xp, g, y, x: g * y,
    "expm1":      lambda xp, g, y, x: g * xp.exp(x),                          # y + 1 cancels
    "exp2":       lambda xp, g, y, x: g * (y * LN2),
    "log":        lambda xp, g, y, x: g / x,
    "log1p":      lambda xp, g, y, x: g / (1.0 + x),
    "log2":       lambda xp, g, y, x: g / (x * LN2),
    "log10":      lambda xp, g, y, x: g / (x * LN10),
    "sqrt":       lambda xp, g, y, x: g * 0.5 / y,                            # inf at 0
    "square":     lambda xp, g, y, x: g * (2.0 * x),
    "reciprocal": lambda xp, g, y, x: -g * y * y,
    "sin":        lambda xp, g, y, x: g * xp.cos(x),
    "cos":        lambda xp, g, y, x: -g * xp.sin(x),
    "tan":        lambda xp, g, y, x: g * (1.0 + y * y),
    "asin":       lambda xp, g, y, x: g / xp.sqrt((1.0 - x) * (1.0 + x)),     # inf at +-1
    "acos":       lambda xp, g, y, x: -g / xp.sqrt((1.0 - x) * (1.0 + x)),
    "atan":       lambda xp, g, y, x: g / (1.0 + x * x),
    "sinh":       lambda xp, g, y, x: g * xp.cosh(x),
    "cosh":       lambda xp, g, y, x: g * xp.sinh(x),
    "tanh":       lambda xp, g, y, x: g * (1.0 - y * y),
    "asinh":      lambda xp, g, y, x: g / OPERATIONS["hypot"](x, 1.0),        # x^2 may overflow
    "acosh":      lambda xp, g, y, x: g / (xp.sqrt(x - 1.0) * xp.sqrt(x + 1.0)),
    "atanh":      lambda xp, g, y, x: g / ((1.0 - x) * (1.0 + x)),
}  # fmt: skip


def _winner(xp: Any, g: Any, mine: Any, other: Any, wins: Any) -> Any:
    """`g` where this side is the extremum, g/2 on a tie, 0 elsewhere."""
    return xp.where(wins, g, xp.where(mine == other, 0.5 * g, xp.zeros_like(g)))


def _pow_base(xp: Any, g: Any, y: Any, x: Any, p: Any) -> Any:
    if isinstance(p, (int, float)):
        return xp.zeros_like(g) if p == 0 else g if p == 1 else g * (p * x ** (p - 1))
    zero = p == 0
    elsewhere = zero & (xp.abs(x) > 0)
    at_zero = p / xp.where(elsewhere, x, xp.ones_like(x))  # 0, but its slope in p is 1/x
    slope = xp.where(zero, at_zero, p * x ** xp.where(zero, xp.ones_like(p), p - 1.0))
    return xp.where(zero & ~elsewhere, xp.zeros_like(g), g * slope)  # 0^0 is taken as constant


def _pow_exponent(xp: Any, g: Any, y: Any, x: Any, p: Any) -> Any:
    if isinstance(x, (int, float)):
        x = constant(float(x), like=p)
    flat = (x == 0) & (p >= 0)  # 0^p does not depend on p > 0
    return xp.where(flat, xp.zeros_like(g), g * y * xp.log(xp.where(flat, xp.ones_like(x), x)))


def _angle(xp: Any, g: Any, numerator: Any, a: Any, b: Any) -> Any:
    """g numerator / (a^2 + b^2), 0 at the origin and infinitely far from it; scaled so that no
    square overflows or vanishes.
    """
    scale = xp.maximum(xp.abs(plain(a)), xp.abs(plain(b)))
    none = (scale == 0) | (scale == math.inf)
    scale = xp.where(none, xp.ones_like(scale), scale)
    u, v = a / scale, b / scale
    square = xp.where(none, xp.ones_like(scale), u * u + v * v)
    return xp.where(none, xp.zeros_like(g), g * (numerator / scale) / square / scale)


def over_norm(xp: Any, g: Any, x: Any, norm: Any) -> Any:
    """g x / norm, 0 where the norm is 0 (the subgradient of least norm)."""
    zero = norm == 0
    return xp.where(zero, xp.zeros_like(x), g * (x / xp.where(zero, xp.ones_like(norm), norm)))


def _share(xp: Any, g: Any, mine: Any, other: Any) -> Any:
    """g e^mine / (e^mine + e^other), 0 where both are -inf."""
    empty = (mine == -math.inf) & (other == -math.inf)
    lead = xp.where(empty, xp.zeros_like(mine), mine) - xp.where(empty, xp.zeros_like(other), other)
    return xp.where(empty, xp.zeros_like(g), g * OPERATIONS["sigmoid"](lead))


# f: cotangents of a and of b in the shape of y = f(a, b); `backward` sums them to the arguments'
BINARY = {
    "add":       (lambda xp, g, y, a, b: g,
                  lambda xp, g, y, a, b: g),
    "subtract":  (lambda xp, g, y, a, b: g,
                  lambda xp, g, y, a, b: -g),
    "multiply":  (lambda xp, g, y, a, b: g * b,
                  lambda xp, g, y, a, b: g * a),
    "divide":    (lambda xp, g, y, a, b: g / b,
                  lambda xp, g, y, a, b: -g * y / b),
    "pow":       (_pow_base, _pow_exponent),
    "remainder": (lambda xp, g, y, a, b: g,
                  lambda xp, g, y, a, b: -g * xp.floor(plain(a) / plain(b))),
    "maximum":   (lambda xp, g, y, a, b: _winner(xp, g, a, b, a > b),
                  lambda xp, g, y, a, b: _winner(xp, g, b, a, b > a)),
    "minimum":   (lambda xp, g, y, a, b: _winner(xp, g, a, b, a < b),
                  lambda xp, g, y, a, b: _winner(xp, g, b, a, b < a)),
    "atan2":     (lambda xp, g, y, a, b: _angle(xp, g, b, a, b),
                  lambda xp, g, y, a, b: -_angle(xp, g, a, a, b)),
    "hypot":     (lambda xp, g, y, a, b: over_norm(xp, g, a, y),
                  lambda xp, g, y, a, b: over_norm(xp, g, b, y)),
    "logaddexp": (lambda xp, g, y, a, b: _share(xp, g, a, b),
                  lambda xp, g, y, a, b: _share(xp, g, b, a)),
}  # fmt: skip


def between_arrays(name: str) -> Callable[[Any, Any], Any]:
    """The operation with a number on either side made an array first: some libraries insist on
    two arrays.
    """
    primitive = OPERATIONS[name]

    def call(a: Any, b: Any, /) -> Any:
        if _is_number(a):
            a = constant(a, like=b)
        elif _is_number(b):
            b = constant(b, like=a)
        return primitive(a, b)

    call.__name__ = name
    return call


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float)) and not is_array(x)  # np.float64 is a float, too


for _name, _rule in UNARY.items():
    define(_name, _rule)
for _name, _rules in BINARY.items():
    define(_name, *_rules, broadcasts=True)
for _name in ("maximum", "minimum", "atan2", "hypot", "logaddexp"):
    OPERATIONS[_name] = between_arrays(_name)
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "floor_divide"):
    without_derivative(_name)

where = define(
    "where",
    None,
    lambda xp, g, y, c, a, b: xp.where(c, g, xp.zeros_like(g)),
    lambda xp, g, y, c, a, b: xp.where(c, xp.zeros_like(g), g),
    definition=lambda xp, c, a, b: xp.where(c, a, b),
    broadcasts=True,
)


def _clip_rule(xp: Any, g: Any, y: Any, x: Any, min: Any = None, max: Any = None) -> Any:
    zero = xp.zeros_like(g)  # on the bounds, too
    g = g if min is None else xp.where(x > min, g, zero)
    return g if max is None else xp.where(x < max, g, zero)


_clip_to_numbers = define(
    "clip", _clip_rule, definition=lambda xp, x, **bounds: xp.clip(x, **bounds)
)
_cast = define("astype", lambda xp, g, y, x, dtype: xp.astype(g, x.dtype))


@operation
def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """Limit to [min, max]. With number bounds the derivative is 0 on the bounds; array bounds
    count as maximum and minimum, where a tie has derivative 1/2.
    """
    if all(bound is None or isinstance(bound, (int, float)) for bound in (min, max)):
        return _clip_to_numbers(x, min=min, max=max)
    x = x if min is None else OPERATIONS["maximum"](x, min)
    return x if max is None else OPERATIONS["minimum"](x, max)


@operation
def astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    """A cast; the result is untraced for whole numbers and booleans."""
    if x.dtype == dtype and is_traced(x):
        return x
    floating = library_of(x).xp.isdtype(dtype, "real floating")
    return _cast(x if floating else plain(x), dtype)
