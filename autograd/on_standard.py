"""Any other library that implements the array API standard, by the module that its arrays name."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .library import Library, host_argument, host_array, is_basic, mutable_set
from .on_numpy import scatter_add


def make_library(module: str) -> Library:
    """The library of that module as the engine sees it."""
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
        host = scatter_add(host_array(x), tuple(map(host_argument, places)), host_array(values))
        return xp.asarray(host, dtype=x.dtype, device=x.device)

    def at_set(x: Any, index: Any, values: Any) -> Any:
        if is_basic(index):
            return mutable_set(x, index, values, copy)
        places = tuple(map(host_argument, index if isinstance(index, tuple) else (index,)))
        host = mutable_set(host_array(x), places, host_argument(values), np.array)
        return xp.asarray(host, dtype=x.dtype, device=x.device)

    own: dict[str, Any] = {
        "getitem": getitem,
        "at_add": at_add, "at_set": at_set,
        "einsum": lambda *operands, subscripts: xp.asarray(
            np.einsum(subscripts, *map(host_array, operands)), device=operands[0].device
        ),
    }  # fmt: skip
    return Library(module, xp, None, own)
