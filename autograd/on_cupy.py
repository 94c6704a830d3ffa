"""CuPy as an array-API library: every difference from NumPy that matters to the engine and to the
methods is handled here (or, for new arrays, in `backend`).

CuPy follows NumPy's functions, but not all array-API signatures, and in places its semantics:

- no `unstack`, `vecdot`, `linalg.vector_norm` and others; `clip`, `sort`, `argsort`, `var`, `std`,
  `take_along_axis` have NumPy's older signatures;
- `linalg.solve` does not broadcast stacks of matrices; `linalg.cholesky` knows only the lower
  factor and returns NaN for a matrix that is not positive definite, unless told to raise;
- `x[index] += v` keeps one of the values where indices repeat; `add.at` adds them all;
- reductions return 0-d arrays, and taking a Python number of one waits for the device: nothing
  here does, but for `cholesky` (it raises LinAlgError as NumPy does);
- an index out of bounds wraps around silently, where NumPy raises IndexError;
- `polygamma` takes no Python number for its order, `clip` no absence of both bounds.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

from .library import Adapted, Library, is_basic, mutable_set

Array = Any


def make_library() -> Library:
    """CuPy as the engine sees it. ImportError where CuPy is not installed."""
    return cupy_library(importlib.import_module("cupy"), importlib.import_module("cupyx"))


def cupy_library(cupy: Any, cupyx: Any) -> Library:
    """The library over the modules `cupy` and `cupyx` (or what stands in for them in tests)."""

    def at_add(x: Array, index: Any, values: Any) -> Array:
        y = x.copy()
        if is_basic(index):
            y[index] += values
        else:
            cupy.add.at(y, index, values)
        return y

    def polygamma(n: Any, x: Array) -> Array:
        special = found.special
        if not isinstance(n, int):
            return special.polygamma(n, x)
        if n == 0:
            return special.digamma(x)
        return (-1.0) ** (n + 1) * math.factorial(n) * special.zeta(n + 1.0, x)

    own: dict[str, Any] = {
        "at_add": at_add,
        "at_set": functools.partial(mutable_set, copy=lambda x: x.copy()),
        "polygamma": polygamma,
    }
    found = Library("cupy", cupy_namespace(cupy, cupyx), "cupyx.scipy.special", own)
    return found


def cupy_namespace(cupy: Any, cupyx: Any) -> Adapted:
    """CuPy under the names and signatures of the array API standard."""
    dot = functools.partial(_vecdot, cupy)
    own: dict[str, Any] = {
        "clip": functools.partial(_clip, cupy),
        "var": functools.partial(_var, cupy),
        "std": lambda x, /, **options: cupy.sqrt(_var(cupy, x, **options)),
        "sort": _ordered(cupy.sort, cupy),
        "argsort": _ordered(cupy.argsort, cupy),
        "unstack": functools.partial(_unstack, cupy),
        "vecdot": dot,
        "take_along_axis": lambda x, indices, /, *, axis=-1: cupy.take_along_axis(x, indices, axis),
    }
    linalg: dict[str, Any] = {
        "cholesky": functools.partial(_cholesky, cupy, cupyx),
        "solve": functools.partial(_solve, cupy),
        "vector_norm": functools.partial(_vector_norm, cupy),
        "diagonal": lambda x, /, *, offset=0: cupy.diagonal(x, offset, -2, -1),
        "trace": lambda x, /, *, offset=0: cupy.trace(x, offset, -2, -1),
        "outer": cupy.outer, "tensordot": cupy.tensordot, "vecdot": dot,
        "matmul": cupy.matmul, "matrix_transpose": cupy.matrix_transpose,
    }  # fmt: skip
    return Adapted(cupy, own, linalg)


def _clip(cupy: Any, x: Array, /, min: Any = None, max: Any = None) -> Array:
    return x.copy() if min is None and max is None else cupy.clip(x, min, max)


def _ordered(function: Callable[..., Array], cupy: Any) -> Callable[..., Array]:
    """CuPy's orderings are always stable, and ascending."""

    def order(
        x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True
    ) -> Array:
        if descending:
            raise NotImplementedError("descending order: use refimpl.autograd.sort and argsort")
        return function(x, axis=axis)

    return order


def _var(
    cupy: Any,
    x: Array,
    /,
    *,
    axis: Any = None,
    correction: float = 0.0,
    keepdims: bool = False,
) -> Array:
    centred = x - cupy.mean(x, axis=axis, keepdims=True)
    total = cupy.sum(centred * centred, axis=axis, keepdims=keepdims)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return total / (math.prod(x.shape[a] for a in axes) - correction)


def _unstack(cupy: Any, x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    moved = cupy.moveaxis(x, axis, 0)
    return tuple(moved[i] for i in range(moved.shape[0]))


def _vecdot(cupy: Any, a: Array, b: Array, /, *, axis: int = -1) -> Array:
    return cupy.sum(a * b, axis=axis)


def _vector_norm(cupy: Any, x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    return cupy.sqrt(cupy.sum(x * x, axis=axis, keepdims=keepdims))


def _cholesky(cupy: Any, cupyx: Any, a: Array, /, *, upper: bool = False) -> Array:
    with cupyx.errstate(linalg="raise"):
        lower = cupy.linalg.cholesky(a)
    return cupy.matrix_transpose(lower) if upper else lower


def _solve(cupy: Any, a: Array, b: Array, /) -> Array:
    """CuPy spreads a single vector over a stack of matrices, but nothing else."""
    if b.ndim > 1:
        batch = cupy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = cupy.broadcast_to(a, (*batch, *a.shape[-2:]))
        b = cupy.broadcast_to(b, (*batch, *b.shape[-2:]))
    return cupy.linalg.solve(a, b)
