"""Which array library computes, and which one makes new arrays.

Computation follows its inputs: `array_namespace(x)` asks an array for its library. Creation
(parameters, data, random numbers) follows the switch `backend("numpy" | "cupy")`, initially the
environment variable REFIMPL_BACKEND.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

from .libraries import is_tracer, library, library_of, library_or_none
from .library import Array, Library, host_array

_NUMBERS = (bool, int, float, complex, type(None))


def array_namespace(*arrays: Any) -> Any:
    """The array-API namespace of the arguments: NumPy, CuPy, torch, JAX, or the engine's own for
    traced arrays.

    Python numbers and None are passed over; with nothing else the creation backend's namespace is
    returned.

    Raises TypeError for a list or another object that is not an array.

    >>> import numpy
    >>> array_namespace(numpy.ones(3)) is numpy
    True
    """
    found: Library | None = None
    for x in arrays:
        if is_tracer(x):
            return x.tape.library.traced
        own = library_or_none(x)
        if own is None and not isinstance(x, _NUMBERS):
            raise TypeError(
                f"expected an array, got {type(x).__name__}: {x!r:.60}; "
                "make it one with xp.asarray first"
            )
        found = found or own
    return (found or creation_library()).xp


def to_numpy(x: Any) -> np.ndarray:
    """A NumPy array with the values of `x`, of whichever library; a traced array raises
    TypeError.
    """
    found = None if is_tracer(x) else library_or_none(x)
    if found is not None and found.name == "cupy":
        return x.get()
    if found is not None and found.name == "torch":
        return x.detach().cpu().numpy()
    return host_array(x)


def constant(value: Any, like: Array) -> Array:
    """`value` as an untraced array with the library, dtype and device of `like`."""
    like = _value(like)
    return library_of(like).xp.asarray(value, dtype=like.dtype, **_on_device_of(like))


def indices_like(n: int, like: Array) -> Array:
    """0, 1, ..., n - 1 as whole numbers with the library and device of `like`."""
    like = _value(like)
    return library_of(like).xp.arange(n, **_on_device_of(like))


def like_array(host: np.ndarray, like: Array) -> Array:
    """A NumPy array of any dtype moved to the library and device of `like`."""
    like = _value(like)
    return library_of(like).xp.asarray(host, **_on_device_of(like))


def _value(x: Array) -> Array:
    while is_tracer(x):
        x = x.value
    return x


def _on_device_of(x: Array) -> dict[str, Any]:
    """Creation arguments. NumPy has one device; CuPy's functions take none (they use the current
    one); JAX moves arrays made without a device to that of the other operands.
    """
    return {} if library_of(x).name in ("numpy", "cupy", "jax") else {"device": x.device}


# --- where new arrays are made ------------------------------------------------------------------

_creation: list[str] = []  # the switch, innermost last; empty: REFIMPL_BACKEND decides


class backend:  # noqa: N801  # used like a function
    """Make new arrays with "numpy" or "cupy": `backend("cupy")` from now on, `with
    backend("cupy"):` for a while.

    Raises ValueError for another name and ImportError where CuPy or its device is missing.
    """

    def __init__(self, name: str) -> None:
        _check_backend(name)
        self._previous = list(_creation)
        _creation[:] = [name]

    def __enter__(self) -> backend:
        return self

    def __exit__(self, *exception: object) -> None:
        _creation[:] = self._previous


def _check_backend(name: str, origin: str = "backend") -> None:
    if name not in ("numpy", "cupy"):
        raise ValueError(f"{origin}: expected 'numpy' or 'cupy', got {name!r}")
    if name == "cupy":
        try:
            usable = importlib.import_module("cupy").is_available()
        except ImportError as error:
            raise ImportError(f"{origin} 'cupy' needs CuPy: pip install 'refimpl[cupy]'") from error
        if not usable:
            raise ImportError(f"{origin} 'cupy': CuPy is installed but finds no CUDA device")


def creation_library() -> Library:
    """The library that new arrays are made with."""
    if not _creation:
        name = os.environ.get("REFIMPL_BACKEND", "") or "numpy"
        _check_backend(name, "REFIMPL_BACKEND")
        _creation.append(name)
    return library(_creation[-1])


def creation_namespace() -> Any:
    """The namespace that new arrays are made with: numpy, or CuPy's."""
    return creation_library().xp


class Generator:
    """Random numbers drawn on the host and moved to the creation backend: one seed, one stream, on
    every backend.

    `dtype` only rounds: float32 numbers are the float64 ones of the same seed, rounded.
    """

    def __init__(self, seed: int | np.random.Generator) -> None:
        self.host = np.random.default_rng(seed)

    def _move(self, draw: np.ndarray, dtype: Any) -> Array:
        return creation_namespace().asarray(np.asarray(draw, dtype=dtype))

    def uniform(
        self, shape: Any = (), low: float = 0.0, high: float = 1.0, dtype: Any = "float64"
    ) -> Array:
        return self._move(self.host.uniform(low, high, shape), dtype)

    def normal(
        self, shape: Any = (), mean: float = 0.0, std: float = 1.0, dtype: Any = "float64"
    ) -> Array:
        return self._move(self.host.normal(mean, std, shape), dtype)

    def integers(self, low: int, high: int, shape: Any = ()) -> Array:
        """Whole numbers in [low, high)."""
        return self._move(self.host.integers(low, high, shape), "int64")

    def permutation(self, n: int) -> Array:
        return self._move(self.host.permutation(n), "int64")
