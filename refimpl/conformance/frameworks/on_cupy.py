"""Functions on CuPy arrays: values, and a gradient where the author supplies `vjp=`.

Functions on CuPy arrays that keep to the array API are differentiated by refimpl.autograd: mark
them framework="refimpl", device="cuda".
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from . import not_an_array
from .on_numpy import WithoutDerivatives


def missing(device: str | None = None) -> str | None:
    """Why CuPy cannot be used, or None."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed: pip install cupy-cuda13x (or -cuda12x)"
    if not _cupy().is_available():
        return "CuPy sees no CUDA device"
    if device not in (None, "cuda"):
        return f"device {device!r}: CuPy uses its current device; expected 'cuda'"
    return None


def put(array: Any) -> Any:
    """A copy on the device."""
    return _cupy().asarray(np.array(array))


def host(subject: str, value: Any) -> np.ndarray:
    """A copy on the host. WrongResult when the value is no CuPy array."""
    if not isinstance(value, _cupy().ndarray):
        raise not_an_array(f"{subject} on the host", value, "a CuPy array")
    return np.asarray(_cupy().asnumpy(value))


def _cupy() -> Any:
    return importlib.import_module("cupy")


_CUPY = WithoutDerivatives("CuPy", put, host)
values, vjp, jvp, hvp = _CUPY.values, _CUPY.vjp, _CUPY.jvp, _CUPY.hvp
