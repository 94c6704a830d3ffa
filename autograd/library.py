"""What an array library is to the engine: its array-API namespace, and its implementations of the
engine's operations where they are not simply the function of that name.

The files `on_numpy`, `on_cupy`, `on_torch`, `on_jax` and `on_standard` each make one.
"""

from __future__ import annotations

import functools
import importlib
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any

# Every library's arrays have these, also with a number on either side.
_PYTHON_OPERATORS: dict[str, Any] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg, "abs": operator.abs, "pow": operator.pow, "matmul": operator.matmul,
    "remainder": operator.mod, "floor_divide": operator.floordiv,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "eq": operator.eq, "ne": operator.ne,
    "getitem": operator.getitem,
}  # fmt: skip


class Library:
    """One array library: its array-API namespace `xp` and the plain implementation of each
    operation of the engine.
    """

    traced_namespace: Callable[[Library], Any]  # set by `namespace`, which knows the operations

    def __init__(
        self,
        name: str,
        xp: Any,
        special: str | None,
        own: Mapping[str, Callable] | None = None,
        detach: Callable[[Any], Any] = lambda x: x,
    ) -> None:
        self.name, self.xp, self._special = name, xp, special
        self.detach = detach  # cut the array out of the library's own differentiation
        self._own = dict(own or {})
        self.functions = _Functions(self)  # operation -> what carries it out on plain arrays

    def find(self, primitive: Any) -> Callable[..., Any]:
        name = primitive.name
        if name in self._own:
            return self._own[name]
        if primitive.definition is not None:
            return functools.partial(primitive.definition, self.xp)
        if name in _PYTHON_OPERATORS:
            return _PYTHON_OPERATORS[name]
        for home in (self.xp, getattr(self.xp, "linalg", None), self.special):
            if hasattr(home, name):
                return getattr(home, name)
        return functools.partial(_through_host, self.xp, name)

    @functools.cached_property
    def special(self) -> Any:
        """Module of special functions under SciPy's names, or None."""
        return importlib.import_module(self._special) if self._special else None

    @functools.cached_property
    def traced(self) -> Any:
        """The namespace that traced arrays of this library answer with."""
        return self.traced_namespace(self)

    def __repr__(self) -> str:
        return f"<array library {self.name}>"


class _Functions(dict):
    """Implementations, looked up once and kept."""

    def __init__(self, owner: Library) -> None:
        super().__init__()
        self._find = owner.find

    def __missing__(self, primitive: Any) -> Callable[..., Any]:
        self[primitive] = found = self._find(primitive)
        return found


class Adapted:
    """A library's main namespace with some functions replaced or added."""

    def __init__(
        self, module: Any, own: Mapping[str, Callable], linalg: Mapping[str, Callable] | None = None
    ) -> None:
        self.__dict__.update(own)
        self._module = module
        if linalg is not None:
            self.linalg = Adapted(module.linalg, linalg)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        setattr(self, name, value)  # found once
        return value


def _through_host(xp: Any, name: str, *args: Any, **kwargs: Any) -> Array:
    """A special function for a library that has none: by SciPy, through host memory."""
    host = [host_argument(a) for a in args]
    like = next(a for a in args if hasattr(a, "dtype"))
    return xp.asarray(scipy_function(name)(*host, **kwargs), dtype=like.dtype, device=like.device)


@functools.cache
def scipy_function(name: str) -> Callable[..., Array]:
    """SciPy's special function of that name, with results in the dtype of its arguments."""
    function = getattr(importlib.import_module("scipy.special"), name)

    def keep_dtype(*args: Any) -> Array:
        y = function(*args)
        wanted = np.result_type(*args)
        return y if y.dtype == wanted else y.astype(wanted)  # polygamma turns float32 into float64

    return keep_dtype


def host_argument(part: Any) -> Any:
    """An array as a NumPy array, anything else as it is."""
    return host_array(part) if hasattr(part, "dtype") else part


def host_array(x: Any) -> np.ndarray:
    """A NumPy array with the values of an array, also of one on another device."""
    try:
        return np.asarray(x)
    except RuntimeError:  # what the strict array API raises for its other devices
        return np.from_dlpack(x, device="cpu")


def mutable_set(x: Any, index: Any, values: Any, copy: Callable[[Any], Any]) -> Any:
    """A copy of x with `values` written at `index`, for arrays that can be written to."""
    y = copy(x)
    y[index] = values
    return y


def is_basic(index: Any) -> bool:
    """Whether an index is made of numbers, slices, new axes and an ellipsis: no place repeats."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts)
