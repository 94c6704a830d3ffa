"""JAX's own functions, of jax.numpy, jax.nn, jax.lax and jax.scipy, as the engine's operations.

refimpl check jax_numpy
"""

from __future__ import annotations

import importlib
import importlib.util
from types import SimpleNamespace
from typing import Any

from ._numpy_names import NUMPY_NAMES
from ._operations import Own, Reasons, operations, release


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
    **NUMPY_NAMES,
    # exponentials and logarithms
    "sigmoid": lambda m, x: m.nn.sigmoid(x),
    "log_sigmoid": lambda m, x: m.nn.log_sigmoid(x),
    "softplus": lambda m, x: m.nn.softplus(x),
    "relu": lambda m, x: m.nn.relu(x),
    "xlogy": lambda m, x, y: m.special.xlogy(x, y),
    # special functions
    "erfcx": lambda m, x: m.special.erfcx(x),
    "ndtr": lambda m, x: m.special.ndtr(x),
    "log_ndtr": lambda m, x: m.special.log_ndtr(x),
    "ndtri": lambda m, x: m.special.ndtri(x),
    # reductions
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
    "softmax": lambda m, x, axis=-1: m.nn.softmax(x, axis=axis),
    "log_softmax": lambda m, x, axis=-1: m.nn.log_softmax(x, axis=axis),
    # order and indices
    "sort": lambda m, x, axis=-1, descending=False: m.np.sort(x, axis=axis, descending=descending),
    "topk": lambda m, x, k: m.lax.top_k(x, k),
    "at_add": lambda m, x, index, values: x.at[index].add(values),
    "at_set": lambda m, x, index, values: x.at[index].set(values),
    "segment_sum": lambda m, values, segments, count: m.ops.segment_sum(values, segments, count),
    # shapes
    "pad": lambda m, x, before, after, value=0.0: m.np.pad(
        x, (before, after), constant_values=value
    ),
    # linear algebra; factors and eigenvalues are those of the symmetric part
    "solve_triangular": lambda m, a, b, lower=True: m.la.solve_triangular(a, b, lower=lower),
    "cholesky": lambda m, a: m.np.linalg.cholesky(a),
    "slogdet": lambda m, a: m.np.linalg.slogdet(a),
    "eigvalsh": lambda m, a: m.np.linalg.eigvalsh(a),
}

_NAN = "JAX divides by {}, which is 0: NaN, not the subgradient 0"

_KNOWN: Reasons = {
    "abs": {"zero": "JAX counts 0 as positive: derivative 1"},
    "pow": {"zero-both": "JAX multiplies 0 by 0^-1 at 0^0: NaN"},
    "hypot": {
        "origin": "JAX's hypot is made of maximum and minimum: derivatives 1/2 at the origin",
    },
    "atan2": {"origin": _NAN.format("x^2 + y^2")},
    "clip": {"at-*": "JAX's clip is a maximum and a minimum: derivative 1/2 at the bounds"},
    "std": {"constant": _NAN.format("the deviation")},
    "vector_norm": {"zero": _NAN.format("the norm")},
    "logsumexp": {
        "empty": "JAX multiplies 0 by the slope of log at 0 if all entries are -inf: NaN"
    },
    "sort": {
        "descending-ties": "JAX sorts ascending and reverses: equal entries change their order"
    },
}

# What a release has mended or broken.
_BEFORE_0_11_2: Reasons = {"sinc": {"near-zero": "JAX's gradient cancels near 0"}}
_BEFORE_0_12: Reasons = {
    "hypot": {
        **_KNOWN["hypot"],
        "large": "JAX's hypot divides one side by the other; the derivative of that squares the "
        "larger one, overflows beyond 1e154, and loses a term",
    },
    "ndtri": {"ends": "JAX's ndtri is constant at 0 and 1: slope 0, not infinity"},
}
_SINCE_0_12: Reasons = {
    "erfcx": {"*:second_order": "JAX's second derivative of erfcx takes numbers only: TypeError"}
}


def _known() -> Reasons:
    """The reasons that hold for the version that is installed."""
    version = release("jax")
    recent = _SINCE_0_12 if version >= (0, 12) else _BEFORE_0_12
    return {**_KNOWN, **recent, **(_BEFORE_0_11_2 if version < (0, 11, 2) else {})}


globals().update(operations("jax", _modules, _OWN, _known()))
