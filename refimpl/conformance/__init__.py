"""Testing an implementation against the specification.

Mark a function,

    from refimpl.conformance import implements

    @implements("sorting.sorting_network", framework="torch")
    def my_sort(x, *, network, distribution, steepness, art_lambda, **others):
        return sorted_values, permutation

and check its file with `refimpl check my_sort.py`, or use pytest (see `plugin`).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .target import Implementation, Target, Unsupported, implements

__all__ = ["Implementation", "Target", "Unsupported", "implements"]


def __getattr__(name: str) -> Any:
    """Found when first used: pytest imports this package for its plugin in every run."""
    if name in __all__:
        return getattr(importlib.import_module(".target", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
