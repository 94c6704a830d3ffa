"""The modules `cupy` and `cupyx` over guarded arrays, and their registration with the engine.

Only names recorded from CuPy exist, and every call must fit the recorded signature. Operands must
be guarded arrays or numbers. What CuPy computes differently from NumPy is imitated where it would
break code: linear algebra that does not broadcast, or fails silently, and `where` and `polygamma`,
which want arrays.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import scipy.special
from cupy_names import RECORDED
from guarded import GuardedArray, operand, synchronise, wrapped

from refimpl.autograd.libraries import register_library
from refimpl.autograd.on_cupy import cupy_library

# The host must know how many there are before it can make the array.
SYNCHRONISING = {
    "argwhere", "array_repr", "array_str", "asnumpy", "flatnonzero", "nonzero", "unique",
    "unique_all", "unique_counts", "unique_inverse", "unique_values",
}  # fmt: skip
STABLE = {"sort", "argsort"}


class Module(ModuleType):
    """A recorded module over the module of NumPy or SciPy that computes in its place."""

    def __init__(self, name: str, host: Any, **own: Any) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self._host = host

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in RECORDED[self.__name__]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(self._host, name)
        if callable(value) and not isinstance(value, type):
            value = Function(self.__name__, name, value)
        setattr(self, name, value)
        return value


class Function:
    """A function of the host on guarded arrays, with CuPy's signature."""

    def __init__(self, module: str, name: str, host: Callable[..., Any]) -> None:
        self.__name__ = name
        self._host = host
        self._signature = RECORDED[module][name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._signature is not None:
            self._signature.bind(*args, **kwargs)
        if self.__name__ in SYNCHRONISING or (self.__name__ == "where" and len(args) == 1):
            synchronise(f"{self.__name__}()")
        if self.__name__ in STABLE:
            kwargs["kind"] = "stable"
        take = operand if isinstance(self._host, np.ufunc) else contents
        given = {k: contents(v) for k, v in kwargs.items()}
        with np.errstate(all="ignore"):  # the device has no floating-point warnings
            return wrapped(self._host(*map(take, args), **given))

    def at(self, x: GuardedArray, index: Any, values: Any) -> None:
        if self.__name__ not in RECORDED["cupy.ufunc.at"]:
            raise NotImplementedError(f"`{self.__name__}.at` is not supported yet")
        self._host.at(operand(x), contents(index), operand(values))


def contents(value: Any) -> Any:
    """The host arrays in arguments; NumPy arrays among them are refused."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(contents, value))
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value._host if isinstance(value, GuardedArray) else value


# --- what differs from NumPy --------------------------------------------------------------------

_raising: list[bool] = []


@contextlib.contextmanager
def errstate(*, linalg: str | None = None) -> Iterator[None]:
    """`cupyx.errstate`: whether linear algebra looks at the status of the device."""
    _raising.append(linalg == "raise")
    try:
        yield
    finally:
        _raising.pop()


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None) -> GuardedArray:
    """From the host or the device; lists must hold numbers."""
    host = a._host if isinstance(a, GuardedArray) else a
    same = isinstance(a, GuardedArray) and dtype in (None, host.dtype) and not copy
    return a if same else GuardedArray(np.array(host, dtype=dtype))


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if not isinstance(condition, GuardedArray):
        raise AttributeError(f"{type(condition).__name__!r} object has no attribute 'astype'")
    return Function("cupy", "where", np.where)(condition, *(() if x is None else (x, y)))


def repeat(a: GuardedArray, repeats: Any, axis: int | None = None) -> GuardedArray:
    if isinstance(repeats, GuardedArray):
        synchronise("repeat() with an array of counts")
    return Function("cupy", "repeat", np.repeat)(a, repeats, axis)


def clip(a: GuardedArray, a_min: Any, a_max: Any, out: Any = None) -> GuardedArray:
    if a_min is None and a_max is None:
        raise ValueError("array_clip: must set either max or min")
    return Function("cupy", "clip", np.clip)(a, a_min, a_max, out)


def einsum(*operands: Any, dtype: Any = None, optimize: Any = False) -> GuardedArray:
    return Function("cupy", "einsum", np.einsum)(*operands, dtype=dtype, optimize=optimize)


def _checked(name: str, *matrices: GuardedArray) -> GuardedArray:
    """A solver of cuSOLVER: NaN where it fails, unless told to raise."""
    if any(not isinstance(a, GuardedArray) for a in matrices):
        raise np.linalg.LinAlgError("cupy.linalg only supports cupy.ndarray")
    if raising := bool(_raising and _raising[-1]):
        synchronise(f"the status of linalg.{name}")
    try:
        return Function("cupy.linalg", name, getattr(np.linalg, name))(*matrices)
    except np.linalg.LinAlgError:
        if raising:
            raise
        return wrapped(np.full_like(matrices[-1]._host, np.nan))


def solve(a: GuardedArray, b: GuardedArray) -> GuardedArray:
    if b.ndim == 1:
        b = GuardedArray(np.broadcast_to(b._host, a.shape[:-1])[..., None])
        return _checked("solve", a, b)[..., 0]
    if a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K)")
    return _checked("solve", a, b)


def polygamma(n: Any, x: Any) -> GuardedArray:
    if not isinstance(n, GuardedArray):
        raise AttributeError(f"{type(n).__name__!r} object has no attribute 'astype'")
    return Function("cupyx.scipy.special", "polygamma", scipy.special.polygamma)(n, x)


solvers = {name: functools.partial(_checked, name) for name in ("cholesky", "inv")}
linalg = Module("cupy.linalg", np.linalg, solve=solve, **solvers)
cupy = Module(
    "cupy", np, linalg=linalg, ndarray=GuardedArray, asarray=asarray, where=where, repeat=repeat,
    clip=clip, einsum=einsum, is_available=lambda: True,
    asnumpy=lambda a: a.get(),
)  # fmt: skip
special = Module("cupyx.scipy.special", scipy.special, polygamma=polygamma)
cupyx = Module("cupyx", None, errstate=errstate)

GuardedArray.module = cupy
LIBRARY = cupy_library(cupy, cupyx)
LIBRARY.special = special
register_library(GuardedArray, LIBRARY)
