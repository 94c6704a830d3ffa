"""torch tensors, by the package array-api-compat."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from .library import Library, mutable_set


def make_library() -> Library:
    """torch as the engine sees it. ImportError without array-api-compat."""
    torch = importlib.import_module("torch")
    try:
        xp = importlib.import_module("array_api_compat.torch")
    except ImportError as error:
        raise ImportError(
            "torch tensors need the package array-api-compat: pip install 'refimpl[torch]'"
        ) from error

    def at_add(x: Any, index: Any, values: Any) -> Any:
        positions = torch.arange(x.numel(), device=x.device).reshape(x.shape)
        places = positions[index]  # any index, as flat positions
        values = torch.as_tensor(values, dtype=x.dtype, device=x.device).broadcast_to(places.shape)
        return x.flatten().index_add(0, places.flatten(), values.flatten()).reshape(x.shape)

    own: dict[str, Any] = {
        "at_add": at_add, "at_set": functools.partial(mutable_set, copy=torch.clone),
        "sigmoid": torch.sigmoid,
    }  # fmt: skip
    return Library("torch", xp, "torch.special", own, detach=lambda x: x.detach())
