"""Testing an implementation against the specification.

Mark a function,

    from refimpl.conformance import implements

    @implements("sorting.sorting_network", framework="torch")
    def my_sort(x, *, network, distribution, steepness, art_lambda, **others):
        return sorted_values, permutation

and check its file with `refimpl check my_sort.py`, use pytest (see `plugin`), or, in a notebook,

    from refimpl.conformance import check_functions

    print(check_functions(my_sort))
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import check_functions
    from .target import Implementation, Target, Unsupported, implements

__all__ = ["Implementation", "Target", "Unsupported", "check_functions", "implements"]


def __getattr__(name: str) -> Any:
    """Found when first used: pytest imports this package for its plugin in every run."""
    if name in __all__:
        module = ".check" if name == "check_functions" else ".target"
        return getattr(importlib.import_module(module, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
