"""JAX arrays."""

from __future__ import annotations

import importlib
from typing import Any

from .library import Library


def make_library() -> Library:
    """JAX as the engine sees it."""
    jax = importlib.import_module("jax")
    own: dict[str, Any] = {
        "at_add": lambda x, index, values: x.at[index].add(values),
        "at_set": lambda x, index, values: x.at[index].set(values),
        "sigmoid": jax.nn.sigmoid,
    }  # fmt: skip
    xp = importlib.import_module("jax.numpy")
    return Library("jax", xp, "jax.scipy.special", own, detach=jax.lax.stop_gradient)
