"""Array libraries: which one an array belongs to, and everything in which they differ.

Each library is a `Library`: its array-API namespace, and its implementations of the engine's
operations where they are not simply the function of that name. No library but NumPy and SciPy is
imported before an array of it appears.
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
        self.functions = _Functions(
            self
        )  # operation -> the function that carries it out on plain arrays

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
        return functools.partial(_on_host, self.xp, name)

    @functools.cached_property
    def special(self) -> Any:
        """Module of special functions under SciPy's names, or None."""
        return importlib.import_module(self._special) if self._special else None

    @functools.cached_property
    def traced(self) -> Any:
        """The namespace that traced arrays of this library answer with."""
        from .namespace import TracedNamespace

        return TracedNamespace(self)

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


# --- what differs -------------------------------------------------------------------------------


def _on_host(xp: Any, name: str, *args: Any, **kwargs: Any) -> Array:
    """A special function for a library that has none: by SciPy, through host memory."""
    host = [_host(a) for a in args]
    like = next(a for a in args if hasattr(a, "dtype"))
    return xp.asarray(_scipy(name)(*host, **kwargs), dtype=like.dtype, device=like.device)


@functools.cache
def _scipy(name: str) -> Callable[..., Array]:
    function = getattr(importlib.import_module("scipy.special"), name)

    def keep_dtype(*args: Any) -> Array:
        y = function(*args)
        wanted = np.result_type(*args)
        return y if y.dtype == wanted else y.astype(wanted)  # polygamma turns float32 into float64

    return keep_dtype


def _host(part: Any) -> Any:
    return host_array(part) if hasattr(part, "dtype") else part


def host_array(x: Any) -> np.ndarray:
    """A NumPy array with the values of an array, also of one on another device."""
    try:
        return np.asarray(x)
    except RuntimeError:  # what the strict array API raises for its other devices
        return np.from_dlpack(x, device="cpu")


def _numpy_scatter(x: np.ndarray, index: Any, values: Any) -> np.ndarray:
    y = np.array(x)  # a copy
    if is_basic(index):
        y[index] += values
    else:
        np.add.at(y, index, values)  # repeated indices accumulate
    return y


def mutable_set(x: Any, index: Any, values: Any, copy: Callable[[Any], Any]) -> Any:
    y = copy(x)
    y[index] = values
    return y


def is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts)


def _numpy_einsum(*operands: np.ndarray, subscripts: str) -> np.ndarray:
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1)  # through BLAS where it can


def _numpy() -> Library:
    own: dict[str, Any] = {
        "abs": np.abs, "pow": np.power, "getitem": operator.getitem,
        "sigmoid": _scipy("expit"), "logit": _scipy("logit"),
        "einsum": _numpy_einsum,
        "at_add": _numpy_scatter, "at_set": functools.partial(mutable_set, copy=np.array),
    }  # fmt: skip
    return Library("numpy", np, None, {**{n: _scipy(n) for n in SPECIAL}, **own})


def _cupy() -> Library:
    from .on_cupy import cupy_library

    return cupy_library(importlib.import_module("cupy"), importlib.import_module("cupyx"))


def _torch() -> Library:
    torch = importlib.import_module("torch")
    try:
        xp = importlib.import_module("array_api_compat.torch")
    except ImportError as error:
        raise ImportError(
            "torch tensors need the package array-api-compat: pip install 'refimpl[torch]'"
        ) from error

    def at_add(x: Any, index: Any, values: Any) -> Any:
        places = torch.arange(x.numel(), device=x.device).reshape(x.shape)[
            index
        ]  # any index, as flat positions
        values = torch.as_tensor(values, dtype=x.dtype, device=x.device).broadcast_to(places.shape)
        return x.flatten().index_add(0, places.flatten(), values.flatten()).reshape(x.shape)

    own: dict[str, Any] = {
        "at_add": at_add, "at_set": functools.partial(mutable_set, copy=torch.clone),
        "sigmoid": torch.sigmoid,
    }  # fmt: skip
    return Library("torch", xp, "torch.special", own, detach=lambda x: x.detach())


def _jax() -> Library:
    jax = importlib.import_module("jax")
    own: dict[str, Any] = {
        "at_add": lambda x, index, values: x.at[index].add(values),
        "at_set": lambda x, index, values: x.at[index].set(values),
        "sigmoid": jax.nn.sigmoid,
    }  # fmt: skip
    return Library(
        "jax", importlib.import_module("jax.numpy"), "jax.scipy.special", own, jax.lax.stop_gradient
    )


def _standard(module: str) -> Library:
    xp = importlib.import_module(module)

    def copy(x: Any) -> Any:
        return xp.asarray(x, copy=True)

    def getitem(x: Any, index: Any) -> Any:
        one = hasattr(index, "dtype") and index.ndim == 1 and xp.isdtype(index.dtype, "integral")
        return xp.take(x, index, axis=0) if one else x[index]

    def at_add(x: Any, index: Any, values: Any) -> Any:
        places = index if isinstance(index, tuple) else (index,)
        if is_basic(index):  # a new axis can be read but not written
            places = tuple(part for part in places if part is not None)
            return mutable_set(x, places, xp.reshape(x[index] + values, x[places].shape), copy)
        host = _numpy_scatter(host_array(x), tuple(map(_host, places)), host_array(values))
        return xp.asarray(host, dtype=x.dtype, device=x.device)

    own: dict[str, Any] = {
        "getitem": getitem,
        "at_add": at_add, "at_set": functools.partial(mutable_set, copy=copy),
        "einsum": lambda *operands, subscripts: xp.asarray(
            np.einsum(subscripts, *map(host_array, operands)), device=operands[0].device
        ),
    }  # fmt: skip
    return Library(module, xp, None, own)


SPECIAL = (  # under SciPy's names
    "erf", "erfc", "erfcx", "erfinv", "ndtr", "ndtri", "log_ndtr", "gammaln", "digamma",
    "polygamma",
    "gammainc", "gammaincc",
)  # fmt: skip

_MAKERS: dict[str, Callable[[], Library]] = {
    "numpy": _numpy,
    "cupy": _cupy,
    "torch": _torch,
    "jax": _jax,
}


@functools.cache
def library(name: str) -> Library:
    """The library called "numpy", "cupy", "torch", "jax", or a module that implements the array
    API standard.
    """
    return _MAKERS[name]() if name in _MAKERS else _standard(name)


# --- which library an array belongs to ----------------------------------------------------------

_BY_TYPE: dict[type, Library | None] = {}  # None: not an array type
_TRACERS: list[type] = []


def register_tracer(kind: type) -> None:
    _TRACERS.append(kind)


def is_tracer(x: Any) -> bool:
    return type(x) in _TRACERS


def register_library(kind: type, found: Library) -> None:
    """Declare that arrays of type `kind` belong to `found` (for array types that this file does
    not know).
    """
    _BY_TYPE[kind] = found


def library_or_none(x: Any) -> Library | None:
    """The library of an array; None for anything else."""
    kind = type(x)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if kind in _TRACERS:
        return x.tape.library  # depends on the array under the tracer
    _BY_TYPE[kind] = found = _library_of_type(x)
    return found


def _library_of_type(x: Any) -> Library | None:
    root = type(x).__module__.partition(".")[0]
    if isinstance(x, (np.ndarray, np.generic)):
        return library("numpy")
    if root in ("cupy", "torch") and hasattr(x, "dtype"):
        return library(root)
    if root in ("jax", "jaxlib") and hasattr(x, "dtype"):
        return library("jax")
    return library(x.__array_namespace__().__name__) if hasattr(x, "__array_namespace__") else None


def library_of(*args: Any) -> Library:
    """The library of the first array among `args`; NumPy if there is none."""
    for x in args:
        found = library_or_none(x)
        if found is not None:
            return found
    return library("numpy")


def is_array(x: Any) -> bool:
    """Whether `x` is an array (or array scalar) of a known library, traced or not."""
    return library_or_none(x) is not None
