"""The functions that a relaxed program may call: Python's and NumPy's, on arrays in a batch.

Arrays have `batch` axes in front that the program does not see. On Python's own values every
function is what it is.
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from .. import autograd as ag
from .indexing import argmax_soft, argmin_soft, expected_index, max_soft, min_soft
from .select import is_number

MATH = {
    math.sqrt: "sqrt", math.exp: "exp", math.log: "log", math.sin: "sin", math.cos: "cos",
    math.tan: "tan", math.tanh: "tanh", math.atan: "atan", math.fabs: "abs", math.hypot: "hypot",
    math.log1p: "log1p", math.expm1: "expm1",
}  # fmt: skip


class RelaxedRange(NamedTuple):
    """`range` with a bound that is an array; step 1 or -1."""

    start: Any
    stop: Any
    step: int


class Calls:
    """Calls and attributes; the other half of `runtime.Runtime`."""

    batch: int
    beta_min: float
    fail: Callable[[int, str], TypeError]
    truth: Callable[[int, Any], Any]
    number: Callable[[Any], Any]
    _merged: Callable[..., Any]

    def call(self, line: int, function: Any, *args: Any, **kwargs: Any) -> Any:
        own = self._own(function)
        if own is not None and (own is not True):
            return own(line, *args, **kwargs)
        if not any(map(_has_array, (*args, *kwargs.values()))):
            return self._made(function, function(*args, **kwargs))
        if function in MATH:
            return getattr(ag.array_namespace(*args), MATH[function])(*args)
        if _is_numpy(function):
            return self._numpy(line, function, args, kwargs)
        return function(*args, **kwargs)

    def _own(self, function: Any) -> Any:
        try:
            name = OWN.get(function)
        except TypeError:  # not hashable: no function that is known
            return None
        return getattr(self, name) if name else None

    def _made(self, function: Any, result: Any) -> Any:
        """What a call without arrays has made; NumPy's arrays get the batch axes."""
        if self.batch and _is_numpy(function) and isinstance(result, np.ndarray):
            return np.reshape(result, (1,) * self.batch + result.shape)
        return self.number(result)

    # --- Python's functions ----------------------------------------------------------------------

    def range_(self, line: int, *bounds: Any) -> Any:
        if not any(map(ag.is_array, bounds)):
            return range(*bounds)
        start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
        if step not in (1, -1):
            raise self.fail(line, "range: with a relaxed bound the step must be 1 or -1")
        return RelaxedRange(start, stop, step)

    def len_(self, line: int, x: Any) -> int:
        return x.shape[self.batch] if ag.is_array(x) else len(x)

    def abs_(self, line: int, x: Any) -> Any:
        return ag.array_namespace(x).abs(x) if ag.is_array(x) else abs(x)

    def float_(self, line: int, *args: Any) -> Any:
        return args[0] if args and ag.is_array(args[0]) else self.number(float(*args))

    def int_(self, line: int, *args: Any) -> int:
        if args and ag.is_array(args[0]):
            raise self.fail(
                line, "int() of a relaxed number: it has no derivative; use it as it is"
            )
        return int(*args)

    def bool_(self, line: int, *args: Any) -> Any:
        return self.truth(line, args[0]) if args else False

    def list_(self, line: int, *args: Any) -> list:
        return list(self.items(line, args[0])) if args else []

    def tuple_(self, line: int, *args: Any) -> tuple:
        return tuple(self.list_(line, *args))

    def enumerate_(self, line: int, x: Any, start: int = 0) -> list:
        return list(enumerate(self.items(line, x), start))

    def zip_(self, line: int, *sequences: Any) -> list:
        return list(zip(*[self.items(line, s) for s in sequences], strict=False))

    def reversed_(self, line: int, x: Any) -> list:
        return list(reversed(self.items(line, x)))

    def sum_(self, line: int, x: Any, start: Any = 0) -> Any:
        return functools.reduce(lambda a, b: a + b, self.items(line, x), start)

    def min_(self, line: int, *args: Any) -> Any:
        return self._extreme(line, min, min_soft, args)

    def max_(self, line: int, *args: Any) -> Any:
        return self._extreme(line, max, max_soft, args)

    def _extreme(self, line: int, exact: Any, soft: Any, args: tuple) -> Any:
        values = list(args) if len(args) > 1 else self.items(line, args[0])
        if not any(map(ag.is_array, values)):
            return exact(values)
        return soft(self._stacked(values), beta=self.beta_min)

    def refused(self, line: int, *args: Any, **kwargs: Any) -> Any:
        raise self.fail(line, "sorted, round, any, all, map, filter or input: write a loop")

    # --- NumPy's functions -----------------------------------------------------------------------

    def _numpy(self, line: int, function: Any, args: tuple, kwargs: dict) -> Any:
        name, x = function.__name__, args[0]
        if name in ("minimum", "maximum"):
            return (self.min_ if name == "minimum" else self.max_)(line, *args)
        if name in ("min", "max", "amin", "amax", "argmin", "argmax", "sum", "mean"):
            return self._reduced(line, name, x, kwargs)
        if name in ("array", "asarray", "copy"):
            return x if ag.is_array(x) else self._stacked(list(x))
        if name == "where" and len(args) == 3:
            return self._merged(line, self.truth(line, x), args[1], args[2], "numpy.where")
        xp = ag.array_namespace(*[a for a in args if ag.is_array(a)])
        if not hasattr(xp, name) or kwargs:
            raise self.fail(line, f"numpy.{name} on relaxed arrays is not supported")
        return getattr(xp, name)(*args)

    def _reduced(self, line: int, name: str, x: Any, kwargs: dict) -> Any:
        axis = kwargs.pop("axis", None)
        if kwargs or not ag.is_array(x):
            raise self.fail(line, f"numpy.{name}: expected an array, and axis as only keyword")
        xp = ag.array_namespace(x)
        if axis is None:
            x = xp.reshape(x, (*x.shape[: self.batch], -1))
            axis = -1
        elif axis >= 0:
            axis += self.batch
        if name in ("sum", "mean"):
            return getattr(xp, name)(x, axis=axis)
        if name.startswith("arg"):
            weights = (argmin_soft if name == "argmin" else argmax_soft)(
                x, beta=self.beta_min, axis=axis
            )
            return expected_index(xp.moveaxis(weights, axis, -1))
        return (min_soft if "min" in name else max_soft)(x, beta=self.beta_min, axis=axis)

    def method(self, line: int, x: Any, name: str) -> Any:
        """A method of an array, as a function of the other arguments."""
        if name == "copy":
            return lambda: x
        if name in ("sum", "min", "max", "mean", "argmin", "argmax"):
            return lambda **kwargs: self._reduced(line, name, x, kwargs)
        raise self.fail(line, f"the method or attribute .{name} of a relaxed array")

    # --- shapes ----------------------------------------------------------------------------------

    def items(self, line: int, x: Any) -> list:
        """The elements that a loop runs over."""
        if isinstance(x, RelaxedRange):
            raise self.fail(line, "range with a relaxed bound: use it in a for statement")
        if ag.is_array(x):
            return rows_of(x, self.batch)
        return list(x) if isinstance(x, Iterable) else x

    def batched(self, x: Any) -> Any:
        """An array with all batch axes."""
        missing = self.batch - x.ndim
        return x if missing <= 0 else ag.array_namespace(x).reshape(x, (1,) * missing + x.shape)

    def aligned(self, a: Any, b: Any) -> tuple[Any, Any]:
        """Two arrays whose axes after those of the batch are matched from the right."""
        ndim = max(getattr(a, "ndim", 0), getattr(b, "ndim", 0))
        return self._widened(a, ndim), self._widened(b, ndim)

    def _widened(self, x: Any, ndim: int) -> Any:
        if not self.batch or not self.batch <= getattr(x, "ndim", 0) < ndim:
            return x
        lead, rest = tuple(x.shape[: self.batch]), tuple(x.shape[self.batch :])
        return ag.array_namespace(x).reshape(x, lead + (1,) * (ndim - x.ndim) + rest)

    def same_shape(self, p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        """Two sides of a merge; NumPy's constants get the shape of the other side."""
        if ag.is_array(a) and ag.is_array(b) and a.ndim != b.ndim:
            return self.aligned(a, b)
        return a, b

    def room_for(self, x: Any, index: Any, value: Any) -> Any:
        """`x` with the batch of what is written into it, in an array that can hold it."""
        parts = [*(index if isinstance(index, tuple) else (index,)), value]
        arrays = [part for part in parts if ag.is_array(part)]
        if not arrays:
            return x
        like = next((a for a in arrays if ag.is_traced(a)), arrays[0])
        xp = ag.array_namespace(like, x)
        if not ag.is_traced(x) and type(ag.plain(x)) is not type(ag.plain(like)):
            x = ag.constant(ag.to_numpy(x), like=like)
        x = self.batched(x)
        lead = np.broadcast_shapes(x.shape[: self.batch], *[a.shape[: self.batch] for a in arrays])
        if tuple(lead) != tuple(x.shape[: self.batch]):
            x = xp.broadcast_to(x, (*lead, *x.shape[self.batch :]))
        return x

    def _stacked(self, values: list) -> Any:
        like = next(v for v in values if ag.is_array(v))
        xp = ag.array_namespace(*values)
        arrays = [
            ag.constant(v, like=like) if is_number(v) else v for v in map(self.number, values)
        ]
        ndim = max(a.ndim for a in arrays)
        arrays = [self._widened(a, ndim) for a in arrays]
        if len({tuple(a.shape) for a in arrays}) > 1:
            shape = np.broadcast_shapes(*[tuple(a.shape) for a in arrays])
            arrays = [xp.broadcast_to(a, shape) for a in arrays]
        return xp.stack(arrays, axis=-1)


OWN: dict[Any, str] = {
    builtins.range: "range_", builtins.len: "len_", builtins.abs: "abs_", builtins.float: "float_",
    builtins.int: "int_", builtins.bool: "bool_", builtins.list: "list_", builtins.tuple: "tuple_",
    builtins.enumerate: "enumerate_", builtins.zip: "zip_", builtins.reversed: "reversed_",
    builtins.sum: "sum_", builtins.min: "min_", builtins.max: "max_",
}  # fmt: skip


def rows_of(x: Any, batch: int) -> list:
    """The elements of an array along its first axis after those of the batch."""
    return list(ag.unstack(x, axis=batch))


def _has_array(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_has_array, x))
    return ag.is_array(x)


def _is_numpy(function: Any) -> bool:
    module = getattr(function, "__module__", None) or ""
    return isinstance(function, np.ufunc) or module.partition(".")[0] == "numpy"
