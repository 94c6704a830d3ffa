"""Which library an array belongs to.

No library but NumPy and SciPy is imported before an array of it appears.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from .library import Library

_MODULES = {"numpy": "on_numpy", "cupy": "on_cupy", "torch": "on_torch", "jax": "on_jax"}


@functools.cache
def library(name: str) -> Library:
    """The library called "numpy", "cupy", "torch", "jax", or a module that implements the array
    API standard.
    """
    if name not in _MODULES:
        return importlib.import_module(".on_standard", __package__).make_library(name)
    return importlib.import_module(f".{_MODULES[name]}", __package__).make_library()


_BY_TYPE: dict[type, Library | None] = {}  # None: not an array type
_TRACERS: list[type] = []


def register_tracer(kind: type) -> None:
    """Declare that `kind` is the type of traced arrays, whose library is that of their values."""
    _TRACERS.append(kind)


def is_tracer(x: Any) -> bool:
    """Whether `x` is a traced array."""
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
