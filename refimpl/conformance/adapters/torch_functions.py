"""PyTorch's own functions, of torch, torch.special, torch.linalg and torch.nn.functional, as the
engine's operations.

refimpl check torch_functions
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from refimpl.conformance.target import Unsupported

from ._operations import Own, Reasons, operations, release


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = importlib.util.find_spec("torch") is None
    return "torch not installed: pip install torch" if absent else None


def _modules() -> Any:
    return importlib.import_module("torch")


def _prod(t: Any, x: Any, axis: Any = -1, keepdims: bool = False) -> Any:
    if isinstance(axis, tuple):
        raise Unsupported("torch.prod over several axes")
    return t.prod(x) if axis is None else t.prod(x, axis, keepdim=keepdims)


def _logsumexp(t: Any, x: Any, axis: Any = -1, keepdims: bool = False) -> Any:
    return t.logsumexp(x, tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)


def _segment_sum(t: Any, values: Any, segments: Any, count: int) -> Any:
    zeros = t.zeros((count, *values.shape[1:]), dtype=values.dtype, device=values.device)
    return t.index_add(zeros, 0, segments, values)


def _symmetric(a: Any) -> Any:
    return (a + a.mT) / 2


_OWN: Own = {
    # arithmetic
    "abs": lambda t, x: t.abs(x),
    "sign": lambda t, x: t.sign(x),
    "floor": lambda t, x: t.floor(x),
    "round": lambda t, x: t.round(x),
    "multiply": lambda t, x, y: t.mul(x, y),
    "divide": lambda t, x, y: t.div(x, y),
    "remainder": lambda t, x, y: t.remainder(x, y),
    "pow": lambda t, x, y: t.pow(x, y),
    "pow_number": lambda t, x, exponent: t.pow(x, exponent),
    "sqrt": lambda t, x: t.sqrt(x),
    "hypot": lambda t, x, y: t.hypot(x, y),
    "atan2": lambda t, x, y: t.atan2(x, y),
    "maximum": lambda t, x, y: t.maximum(x, y),
    "minimum": lambda t, x, y: t.minimum(x, y),
    "clip": lambda t, x, min=None, max=None: t.clamp(x, min, max),
    "where": lambda t, c, x, y: t.where(c, x, y),
    # exponentials and logarithms
    "expm1": lambda t, x: t.expm1(x),
    "log": lambda t, x: t.log(x),
    "log1p": lambda t, x: t.log1p(x),
    "logaddexp": lambda t, x, y: t.logaddexp(x, y),
    "tanh": lambda t, x: t.tanh(x),
    "sigmoid": lambda t, x: t.sigmoid(x),
    "log_sigmoid": lambda t, x: t.nn.functional.logsigmoid(x),
    "softplus": lambda t, x: t.nn.functional.softplus(x),
    "relu": lambda t, x: t.relu(x),
    "logit": lambda t, x: t.logit(x),
    "xlogy": lambda t, x, y: t.xlogy(x, y),
    # trigonometric
    "asin": lambda t, x: t.asin(x),
    "acos": lambda t, x: t.acos(x),
    "acosh": lambda t, x: t.acosh(x),
    "atan": lambda t, x: t.atan(x),
    "atanh": lambda t, x: t.atanh(x),
    "sinc": lambda t, x: t.sinc(x),
    # special functions
    "erf": lambda t, x: t.erf(x),
    "erfc": lambda t, x: t.erfc(x),
    "erfcx": lambda t, x: t.special.erfcx(x),
    "erfinv": lambda t, x: t.erfinv(x),
    "ndtr": lambda t, x: t.special.ndtr(x),
    "log_ndtr": lambda t, x: t.special.log_ndtr(x),
    "ndtri": lambda t, x: t.special.ndtri(x),
    "gammaln": lambda t, x: t.special.gammaln(x),
    "digamma": lambda t, x: t.digamma(x),
    "gammainc": lambda t, a, x: t.special.gammainc(a, x),
    "gammaincc": lambda t, a, x: t.special.gammaincc(a, x),
    # reductions
    "mean": lambda t, x, axis=-1, keepdims=False: t.mean(x, axis, keepdim=keepdims),
    "max": lambda t, x, axis=-1, keepdims=False: t.amax(
        x, () if axis is None else axis, keepdim=keepdims
    ),
    "min": lambda t, x, axis=-1, keepdims=False: t.amin(
        x, () if axis is None else axis, keepdim=keepdims
    ),
    "prod": _prod,
    "var": lambda t, x, axis=-1, correction=0.0, keepdims=False: t.var(
        x, axis, correction=correction, keepdim=keepdims
    ),
    "std": lambda t, x, axis=-1, correction=0.0, keepdims=False: t.std(
        x, axis, correction=correction, keepdim=keepdims
    ),
    "vector_norm": lambda t, x, axis=-1, keepdims=False: t.linalg.vector_norm(
        x, dim=axis, keepdim=keepdims
    ),
    "logsumexp": _logsumexp,
    # along an axis
    "cumulative_sum": lambda t, x, axis=-1: t.cumsum(x, axis),
    "cumulative_prod": lambda t, x, axis=-1: t.cumprod(x, axis),
    "softmax": lambda t, x, axis=-1: t.softmax(x, axis),
    "log_softmax": lambda t, x, axis=-1: t.log_softmax(x, axis),
    "diff": lambda t, x, axis=-1, n=1: t.diff(x, n=n, dim=axis),
    # order and indices
    "sort": lambda t, x, axis=-1, descending=False: (
        t.sort(x, dim=axis, descending=descending, stable=True).values
    ),
    "topk": lambda t, x, k: t.topk(x, k),
    "take": lambda t, x, indices, axis=0: t.index_select(x, axis, indices),
    "take_along_axis": lambda t, x, indices, axis=-1: t.take_along_dim(x, indices, axis),
    "at_add": lambda t, x, index, values: t.index_add(x, 0, index, values),
    "at_set": lambda t, x, index, values: t.index_copy(x, 0, index, values),
    "segment_sum": _segment_sum,
    # shapes
    "broadcast_to": lambda t, x, shape: t.broadcast_to(x, shape),
    "repeat": lambda t, x, repeats, axis: t.repeat_interleave(x, repeats, axis),
    "pad": lambda t, x, before, after, value=0.0: t.nn.functional.pad(
        x, (before, after) * x.ndim, value=value
    ),
    # linear algebra
    "matmul": lambda t, a, b: t.matmul(a, b),
    "einsum": lambda t, a, b, subscripts: t.einsum(subscripts, a, b),
    "inv": lambda t, a: t.linalg.inv(a),
    "solve": lambda t, a, b: t.linalg.solve(a, b),
    "solve_triangular": lambda t, a, b, lower=True: t.linalg.solve_triangular(
        a, b, upper=not lower
    ),
    "cholesky": lambda t, a: t.linalg.cholesky(_symmetric(a)),
    "det": lambda t, a: t.linalg.det(a),
    "slogdet": lambda t, a: t.linalg.slogdet(a),
    "eigvalsh": lambda t, a: t.linalg.eigvalsh(_symmetric(a)),
}

_BOUND = "torch before 2.14 passes the gradient on at the bounds themselves"

_KNOWN: Reasons = {
    "hypot": {"origin": "torch divides by the length, which is 0: NaN, not the subgradient 0"},
    "logaddexp": {"far:second_order": "torch differentiates 1 / (1 + exp(y - x)), which overflows"},
    "softplus": {"threshold:second_order": "torch's softplus is the identity from x = 20 on"},
    "sinc": {
        "zero:*": "torch's gradient at 0 is a constant 0 beside a branch that divides by x: its "
        "derivative is NaN",
        "near-zero": "torch's gradient cancels near 0",
    },
    "std": {"constant:jvp": "torch's gradient is 0 there, but its derivative divides by 0: NaN"},
    "logsumexp": {"empty": "torch subtracts -inf from -inf: NaN where all entries are -inf"},
    "topk": {"ties": "torch.topk leaves open which of equal entries it takes"},
}


def _known() -> Reasons:
    """The reasons that hold for the version that is installed."""
    return {**_KNOWN, "clip": {"at-*": _BOUND}} if release("torch") < (2, 14) else _KNOWN


globals().update(operations("torch", _modules, _OWN, _known()))
