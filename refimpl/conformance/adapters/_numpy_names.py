"""Operations that libraries in the manner of NumPy and SciPy call by the same names.

`m.np` and `m.special` are a library's modules of those functions.
"""

from __future__ import annotations

from ._operations import Own

NUMPY_NAMES: Own = {
    # arithmetic
    "abs": lambda m, x: m.np.abs(x),
    "sign": lambda m, x: m.np.sign(x),
    "floor": lambda m, x: m.np.floor(x),
    "round": lambda m, x: m.np.round(x),
    "multiply": lambda m, x, y: m.np.multiply(x, y),
    "divide": lambda m, x, y: m.np.divide(x, y),
    "remainder": lambda m, x, y: m.np.remainder(x, y),
    "pow": lambda m, x, y: m.np.power(x, y),
    "pow_number": lambda m, x, exponent: m.np.power(x, exponent),
    "sqrt": lambda m, x: m.np.sqrt(x),
    "hypot": lambda m, x, y: m.np.hypot(x, y),
    "atan2": lambda m, x, y: m.np.arctan2(x, y),
    "maximum": lambda m, x, y: m.np.maximum(x, y),
    "minimum": lambda m, x, y: m.np.minimum(x, y),
    "clip": lambda m, x, min=None, max=None: m.np.clip(x, min, max),
    "where": lambda m, c, x, y: m.np.where(c, x, y),
    # exponentials and logarithms
    "expm1": lambda m, x: m.np.expm1(x),
    "log": lambda m, x: m.np.log(x),
    "log1p": lambda m, x: m.np.log1p(x),
    "logaddexp": lambda m, x, y: m.np.logaddexp(x, y),
    "tanh": lambda m, x: m.np.tanh(x),
    "logit": lambda m, x: m.special.logit(x),
    # trigonometric
    "asin": lambda m, x: m.np.arcsin(x),
    "acos": lambda m, x: m.np.arccos(x),
    "acosh": lambda m, x: m.np.arccosh(x),
    "atan": lambda m, x: m.np.arctan(x),
    "atanh": lambda m, x: m.np.arctanh(x),
    "sinc": lambda m, x: m.np.sinc(x),
    # special functions
    "erf": lambda m, x: m.special.erf(x),
    "erfc": lambda m, x: m.special.erfc(x),
    "erfinv": lambda m, x: m.special.erfinv(x),
    "gammaln": lambda m, x: m.special.gammaln(x),
    "digamma": lambda m, x: m.special.digamma(x),
    "gammainc": lambda m, a, x: m.special.gammainc(a, x),
    "gammaincc": lambda m, a, x: m.special.gammaincc(a, x),
    # reductions
    "mean": lambda m, x, axis=-1, keepdims=False: m.np.mean(x, axis=axis, keepdims=keepdims),
    "max": lambda m, x, axis=-1, keepdims=False: m.np.max(x, axis=axis, keepdims=keepdims),
    "min": lambda m, x, axis=-1, keepdims=False: m.np.min(x, axis=axis, keepdims=keepdims),
    "prod": lambda m, x, axis=-1, keepdims=False: m.np.prod(x, axis=axis, keepdims=keepdims),
    # along an axis
    "cumulative_sum": lambda m, x, axis=-1: m.np.cumsum(x, axis=axis),
    "cumulative_prod": lambda m, x, axis=-1: m.np.cumprod(x, axis=axis),
    "diff": lambda m, x, axis=-1, n=1: m.np.diff(x, axis=axis, n=n),
    # order and indices
    "take": lambda m, x, indices, axis=0: m.np.take(x, indices, axis=axis),
    "take_along_axis": lambda m, x, indices, axis=-1: m.np.take_along_axis(x, indices, axis=axis),
    # shapes
    "broadcast_to": lambda m, x, shape: m.np.broadcast_to(x, shape),
    "repeat": lambda m, x, repeats, axis: m.np.repeat(x, repeats, axis=axis),
    # linear algebra
    "matmul": lambda m, a, b: m.np.matmul(a, b),
    "einsum": lambda m, a, b, subscripts: m.np.einsum(subscripts, a, b),
    "inv": lambda m, a: m.np.linalg.inv(a),
    "solve": lambda m, a, b: m.np.linalg.solve(a, b),
    "det": lambda m, a: m.np.linalg.det(a),
}
