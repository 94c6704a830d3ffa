"""HIPS autograd's own functions, of autograd.numpy and autograd.scipy, as the engine's operations.

refimpl check hips_autograd

A function without a derivative rule is compared by its values only. Forward mode is its own where
it has a rule for it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from refimpl.conformance.frameworks import on_autograd
from refimpl.conformance.target import Unsupported

from ._numpy_names import NUMPY_NAMES
from ._operations import Own, Reasons, only, operations


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    return on_autograd.missing()


def _modules() -> Any:
    return SimpleNamespace(
        np=on_autograd.library("autograd.numpy"),
        special=on_autograd.library("autograd.scipy.special"),
        normal=on_autograd.library("autograd.scipy.stats.norm"),
        la=on_autograd.library("autograd.scipy.linalg"),
    )


def _norm(m: Any, x: Any, axis: Any = -1, keepdims: bool = False) -> Any:
    only(keepdims=(keepdims, False))
    return m.np.linalg.norm(x, axis=axis)


def _sort(m: Any, x: Any, axis: int = -1, descending: bool = False) -> Any:
    only(descending=(descending, False))
    return m.np.sort(x, axis=axis)


def _solve_triangular(m: Any, a: Any, b: Any, lower: bool = True) -> Any:
    if a.ndim > 2:
        raise Unsupported("SciPy's solve_triangular of several matrices")
    return m.la.solve_triangular(a, b, lower=lower)


def _slogdet(m: Any, a: Any) -> Any:
    sign, logabsdet = m.np.linalg.slogdet(a)
    return sign, logabsdet


def _symmetric(m: Any, a: Any) -> Any:
    return (a + m.np.swapaxes(a, -1, -2)) / 2


_OWN: Own = {
    **NUMPY_NAMES,
    # exponentials and logarithms
    "sigmoid": lambda m, x: m.special.expit(x),
    "log_sigmoid": None,
    "softplus": None,
    "relu": None,
    "xlogy": None,
    # special functions
    "erfcx": None,
    "ndtr": lambda m, x: m.normal.cdf(x),
    "log_ndtr": lambda m, x: m.normal.logcdf(x),
    "ndtri": None,
    # reductions
    "var": lambda m, x, axis=-1, correction=0.0, keepdims=False: m.np.var(
        x, axis=axis, ddof=correction, keepdims=keepdims
    ),
    "std": lambda m, x, axis=-1, correction=0.0, keepdims=False: m.np.std(
        x, axis=axis, ddof=correction, keepdims=keepdims
    ),
    "vector_norm": _norm,
    "logsumexp": lambda m, x, axis=-1, keepdims=False: m.special.logsumexp(
        x, axis=axis, keepdims=keepdims
    ),
    # along an axis
    "softmax": None,
    "log_softmax": None,
    # order and indices
    "sort": _sort,
    "topk": None,
    "at_add": None,
    "at_set": None,
    "segment_sum": None,
    # shapes
    "pad": lambda m, x, before, after, value=0.0: m.np.pad(
        x, (before, after), mode="constant", constant_values=value
    ),
    # linear algebra
    "solve_triangular": _solve_triangular,
    "cholesky": lambda m, a: m.np.linalg.cholesky(_symmetric(m, a)),
    "slogdet": _slogdet,
    "eigvalsh": lambda m, a: m.np.linalg.eigh(_symmetric(m, a))[0],
}

_ORIGIN = (
    "HIPS autograd divides by the length, which is 0 at the origin: NaN, not the subgradient 0"
)
_DOUBLE = "the forward rule of HIPS autograd turns float32 into float64"
_WHERE = "HIPS autograd does not sum the gradient of where over the copies that broadcasting made"
_LEADING = "HIPS autograd's gradient of broadcast_to asserts that no axis is added"

_KNOWN: Reasons = {
    "hypot": {"origin": _ORIGIN},
    "atan2": {"origin": _ORIGIN},
    "maximum": {"*float32:jvp": _DOUBLE},
    "minimum": {"*float32:jvp": _DOUBLE},
    "max": {"*float32:jvp": _DOUBLE},
    "min": {"*float32:jvp": _DOUBLE},
    "where": {"row": _WHERE, "scalar": _WHERE, "batch0": _WHERE, "*float32:jvp": _DOUBLE},
    "tanh": {
        "far:second_order": "HIPS autograd divides by cosh(x)^2, whose derivative is NaN where it "
        "overflows"
    },
    "sinc": {
        "zero": "HIPS autograd divides by x^2: NaN at 0",
        "near-zero": "HIPS autograd's gradient cancels near 0",
    },
    "ndtr": {"*float32": "SciPy's norm.cdf returns float64 for float32"},
    "log_ndtr": {"*float32": "SciPy's norm.logcdf returns float64 for float32"},
    "prod": {"*zero*": "HIPS autograd divides the product by the entries: NaN at zeros"},
    "var": {
        "outer:jvp": "the forward rule of HIPS autograd for several axes uses a name, np, that its "
        "module does not import: NameError"
    },
    "std": {"constant": "HIPS autograd divides by the deviation: NaN, not the subgradient 0"},
    "vector_norm": {"zero": "HIPS autograd divides by the norm: NaN, not the subgradient 0"},
    "logsumexp": {
        "empty": "HIPS autograd subtracts -inf from -inf: NaN where all entries are -inf"
    },
    "sort": {
        "*:jvp": "the forward rule of HIPS autograd indexes the first axis by the order of another"
    },
    "broadcast_to": {
        "leading*": _LEADING,
        "scalar": _LEADING,
        "none": "HIPS autograd's gradient does not sum over no copies: ValueError",
    },
    "repeat": {
        "3-last": "HIPS autograd's gradient for axis -1 reshapes as if for another axis: each sum "
        "is over copies of different entries"
    },
    "einsum": {
        "diagonal": "HIPS autograd's gradient writes a repeated index into the result: ValueError"
    },
}

globals().update(operations("autograd", _modules, _OWN, _KNOWN))
