"""JAX's own functions, of jax.numpy, jax.nn, jax.lax and jax.scipy, as the engine's operations.

refimpl check jax_numpy
"""

from __future__ import annotations

import importlib
import importlib.util
from types import SimpleNamespace
from typing import Any

from ._operations import Own, Reasons, operations


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = importlib.util.find_spec("jax") is None
    return "jax not installed: pip install jax" if absent else None


def _modules() -> Any:
    jax = importlib.import_module("jax")
    scipy = importlib.import_module("jax.scipy")
    return SimpleNamespace(
        np=jax.numpy, nn=jax.nn, lax=jax.lax, ops=jax.ops, special=scipy.special, la=scipy.linalg
    )


_OWN: Own = {
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
    "sigmoid": lambda m, x: m.nn.sigmoid(x),
    "log_sigmoid": lambda m, x: m.nn.log_sigmoid(x),
    "softplus": lambda m, x: m.nn.softplus(x),
    "relu": lambda m, x: m.nn.relu(x),
    "logit": lambda m, x: m.special.logit(x),
    "xlogy": lambda m, x, y: m.special.xlogy(x, y),
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
    "erfcx": lambda m, x: m.special.erfcx(x),
    "erfinv": lambda m, x: m.special.erfinv(x),
    "ndtr": lambda m, x: m.special.ndtr(x),
    "log_ndtr": lambda m, x: m.special.log_ndtr(x),
    "ndtri": lambda m, x: m.special.ndtri(x),
    "gammaln": lambda m, x: m.special.gammaln(x),
    "digamma": lambda m, x: m.special.digamma(x),
    "gammainc": lambda m, a, x: m.special.gammainc(a, x),
    "gammaincc": lambda m, a, x: m.special.gammaincc(a, x),
    # reductions
    "mean": lambda m, x, axis=-1, keepdims=False: m.np.mean(x, axis=axis, keepdims=keepdims),
    "max": lambda m, x, axis=-1, keepdims=False: m.np.max(x, axis=axis, keepdims=keepdims),
    "min": lambda m, x, axis=-1, keepdims=False: m.np.min(x, axis=axis, keepdims=keepdims),
    "prod": lambda m, x, axis=-1, keepdims=False: m.np.prod(x, axis=axis, keepdims=keepdims),
    "var": lambda m, x, axis=-1, correction=0.0, keepdims=False: m.np.var(
        x, axis=axis, correction=correction, keepdims=keepdims
    ),
    "std": lambda m, x, axis=-1, correction=0.0, keepdims=False: m.np.std(
        x, axis=axis, correction=correction, keepdims=keepdims
    ),
    "vector_norm": lambda m, x, axis=-1, keepdims=False: m.np.linalg.vector_norm(
        x, axis=axis, keepdims=keepdims
    ),
    "logsumexp": lambda m, x, axis=-1, keepdims=False: m.nn.logsumexp(
        x, axis=axis, keepdims=keepdims
    ),
    # along an axis
    "cumulative_sum": lambda m, x, axis=-1: m.np.cumsum(x, axis=axis),
    "cumulative_prod": lambda m, x, axis=-1: m.np.cumprod(x, axis=axis),
    "softmax": lambda m, x, axis=-1: m.nn.softmax(x, axis=axis),
    "log_softmax": lambda m, x, axis=-1: m.nn.log_softmax(x, axis=axis),
    "diff": lambda m, x, axis=-1, n=1: m.np.diff(x, axis=axis, n=n),
    # order and indices
    "sort": lambda m, x, axis=-1, descending=False: m.np.sort(x, axis=axis, descending=descending),
    "topk": lambda m, x, k: m.lax.top_k(x, k),
    "take": lambda m, x, indices, axis=0: m.np.take(x, indices, axis=axis),
    "take_along_axis": lambda m, x, indices, axis=-1: m.np.take_along_axis(x, indices, axis=axis),
    "at_add": lambda m, x, index, values: x.at[index].add(values),
    "at_set": lambda m, x, index, values: x.at[index].set(values),
    "segment_sum": lambda m, values, segments, count: m.ops.segment_sum(values, segments, count),
    # shapes
    "broadcast_to": lambda m, x, shape: m.np.broadcast_to(x, shape),
    "repeat": lambda m, x, repeats, axis: m.np.repeat(x, repeats, axis=axis),
    "pad": lambda m, x, before, after, value=0.0: m.np.pad(
        x, (before, after), constant_values=value
    ),
    # linear algebra; factors and eigenvalues are those of the symmetric part
    "matmul": lambda m, a, b: m.np.matmul(a, b),
    "einsum": lambda m, a, b, subscripts: m.np.einsum(subscripts, a, b),
    "inv": lambda m, a: m.np.linalg.inv(a),
    "solve": lambda m, a, b: m.np.linalg.solve(a, b),
    "solve_triangular": lambda m, a, b, lower=True: m.la.solve_triangular(a, b, lower=lower),
    "cholesky": lambda m, a: m.np.linalg.cholesky(a),
    "det": lambda m, a: m.np.linalg.det(a),
    "slogdet": lambda m, a: m.np.linalg.slogdet(a),
    "eigvalsh": lambda m, a: m.np.linalg.eigvalsh(a),
}

_NAN = "JAX divides by {}, which is 0: NaN, not the subgradient 0"

_KNOWN: Reasons = {
    "abs": {"zero": "JAX counts 0 as positive: derivative 1"},
    "pow": {"zero-both": "JAX multiplies 0 by 0^-1 at 0^0: NaN"},
    "hypot": {
        "origin": "JAX's hypot is made of maximum and minimum: derivatives 1/2 at the origin",
        "large": "JAX's hypot divides one side by the other; the derivative of that squares the "
        "larger one, overflows beyond 1e154, and loses a term",
    },
    "atan2": {"origin": _NAN.format("x^2 + y^2")},
    "clip": {"at-*": "JAX's clip is a maximum and a minimum: derivative 1/2 at the bounds"},
    "sinc": {"near-zero": "JAX's gradient cancels near 0"},
    "ndtri": {"ends": "JAX's ndtri is constant at 0 and 1: slope 0, not infinity"},
    "std": {"constant": _NAN.format("the deviation")},
    "vector_norm": {"zero": _NAN.format("the norm")},
    "logsumexp": {
        "empty": "JAX multiplies 0 by the slope of log at 0 if all entries are -inf: NaN"
    },
    "sort": {
        "descending-ties": "JAX sorts ascending and reverses: equal entries change their order"
    },
}

globals().update(operations("jax", _modules, _OWN, _KNOWN))
