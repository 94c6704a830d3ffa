"""A stand-in for CuPy's arrays on machines without a GPU: NumPy inside, CuPy's manners outside.

Like a `cupy.ndarray`, a `GuardedArray` refuses to become a NumPy array behind one's back, to be an
index, and to be combined with NumPy arrays; indexing and reductions give 0-d arrays; it has only
the attributes recorded from CuPy. Everything for which CuPy waits for the device and copies to the
host (`float(x)`, `bool(x)`, `print(x)`, a boolean index, ...) works, and is counted:

    with synchronisations() as found:
        ...
    assert found == []

In three things it is stricter than CuPy. An index array out of bounds raises IndexError, where CuPy
wraps around; storing at a repeated index raises ValueError, where CuPy keeps any of the values; and
a NumPy array as an index raises TypeError, where CuPy would copy it to the device each time.

What it cannot show: numerical differences, the order of atomic sums, memory, speed.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from cupy_names import RECORDED

_FOUND: list[str] = []


def synchronise(what: str) -> None:
    """Note that the host waits for the device here."""
    _FOUND.append(what)


@contextlib.contextmanager
def synchronisations() -> Iterator[list[str]]:
    """The list of what made the host wait inside the block."""
    start, found = len(_FOUND), []
    try:
        yield found
    finally:
        found[:] = _FOUND[start:]


class GuardedArray:
    """An array on the pretended device. Make one with `to_device`."""

    __slots__ = ("_host",)
    __hash__ = None  # type: ignore[assignment]
    module: Any  # the namespace of functions on these arrays, set by guarded_cupy

    def __init__(self, host: np.ndarray) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        if name not in RECORDED["cupy.ndarray"]:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        value = getattr(self._host, name)
        return _method(name, value) if callable(value) else wrapped(value)

    device = property(lambda self: "<CUDA Device 0>")

    # --- to the host ---

    def get(self) -> np.ndarray:
        synchronise("get()")
        return self._host.copy()

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct "
            "a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            return NotImplemented
        return getattr(GuardedArray.module, ufunc.__name__)(*args, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not hasattr(GuardedArray.module, func.__name__):
            return NotImplemented
        return getattr(GuardedArray.module, func.__name__)(*args, **kwargs)

    # --- parts ---

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[GuardedArray]:
        return (self[i] for i in range(len(self._host)))

    def __getitem__(self, index: Any) -> GuardedArray:
        places = _index(index)
        if any(_is_mask(part) for part in places):
            synchronise("reading at a boolean index")
        return wrapped(self._host[places])

    def __setitem__(self, index: Any, value: Any) -> None:
        places = _index(index)
        if any(isinstance(part, np.ndarray) and part.dtype != bool for part in places):
            self._refuse_repetitions(places)
        self._host[places] = operand(value)

    def _refuse_repetitions(self, places: tuple) -> None:
        written = np.arange(self._host.size).reshape(self._host.shape)[places]
        if np.unique(written).size < written.size:
            raise ValueError("assignment at repeated indices: CuPy keeps any one of the values")


def to_device(host: Any) -> GuardedArray:
    """A copy of a NumPy array on the pretended device."""
    return GuardedArray(np.array(host))


def to_host(x: Any) -> np.ndarray:
    """The values, looked at without being counted; anything else unchanged."""
    return x._host if isinstance(x, GuardedArray) else x


def wrapped(value: Any) -> Any:
    """NumPy's arrays, and scalars as 0-d arrays, on the device; also inside of tuples."""
    if isinstance(value, (np.ndarray, np.generic)):
        return GuardedArray(np.asarray(value))
    if isinstance(value, (tuple, list)):
        return (tuple if isinstance(value, tuple) else list)(map(wrapped, value))
    return value


def operand(value: Any) -> Any:
    """What a kernel can take: arrays of the device and numbers."""
    if isinstance(value, GuardedArray):
        return value._host
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _index(index: Any) -> tuple:
    return tuple(map(_index_part, index if isinstance(index, tuple) else (index,)))


def _index_part(part: Any) -> Any:
    if isinstance(part, np.ndarray):
        raise TypeError("a NumPy array as the index of an array on the device")
    return to_host(part)


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == bool and part.ndim > 0


def _method(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if name in ("item", "tolist", "tobytes", "nonzero"):
            synchronise(f"{name}()")
        result = method(*map(to_host, args), **{k: to_host(v) for k, v in kwargs.items()})
        return result if name in ("item", "tolist", "tobytes") else wrapped(result)

    return call


# --- operators ----------------------------------------------------------------------------------

_BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift",
}  # fmt: skip
_COMPARISONS = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "eq": "equal", "ne": "not_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}
_NUMBERS = {"float": float, "int": int, "bool": bool, "complex": complex, "str": str, "repr": repr}


def _operator(function: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, GuardedArray) and getattr(other, "__array_ufunc__", 0) is None:
            return NotImplemented  # a traced array, say, which knows better
        pair = (other, self) if swapped else (self, other)
        return getattr(GuardedArray.module, function)(*pair)

    return method


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    update = getattr(operator, f"i{name}")

    def method(self: GuardedArray, other: Any) -> GuardedArray:
        host = update(self._host, operand(other))
        if host is not self._host:
            raise TypeError(f"in-place {name}: the shape or dtype of the result is another")
        return self

    return method


def _unary(function: str) -> Callable[[Any], Any]:
    return lambda self: getattr(GuardedArray.module, function)(self)


def _number(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def method(self: GuardedArray) -> Any:
        synchronise(f"{kind.__name__}()")
        return kind(self._host)

    return method


for _name, _function in _BINARY.items():
    setattr(GuardedArray, f"__{_name}__", _operator(_function))
    setattr(GuardedArray, f"__r{_name}__", _operator(_function, swapped=True))
    if _name != "matmul":
        setattr(GuardedArray, f"__i{_name}__", _in_place(_name))
for _name, _function in _COMPARISONS.items():
    setattr(GuardedArray, f"__{_name}__", _operator(_function))
for _name, _function in _UNARY.items():
    setattr(GuardedArray, f"__{_name}__", _unary(_function))
for _name, _kind in _NUMBERS.items():
    setattr(GuardedArray, f"__{_name}__", _number(_kind))
