"""PyPI's diffsort (0.2) as an implementation of the sorting network.

    refimpl check diffsort

The library sorts ascending, on matrices only, and with the two layouts of its paper. What else the
specification offers is reported as unsupported.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_LAYOUTS = {"odd_even": "odd_even", "bitonic_published": "bitonic"}
_DIVIDES = "diffsort divides by the steepness and raises ZeroDivisionError at 0"
_FLOAT32 = "diffsort's backward pass rounds 1 / steepness to float32, an error of 2e-8"


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "diffsort") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed: pip install diffsort" if absent else None


@implements(
    "sorting.sorting_network",
    framework="torch",
    expected_failures={"*gaussian*:flat limit": _DIVIDES, "*gaussian*:*:precision": _FLOAT32},
)
def sorting_network(
    x: Any,
    *,
    network: Any = "odd_even",
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
    descending: bool = False,
) -> tuple[Any, Any]:
    """DiffSortNet on the rows of `x`, which are flattened to a matrix and back."""
    from diffsort import DiffSortNet

    if network == "bitonic":
        raise Unsupported("network='bitonic': diffsort's layout is 'bitonic_published'")
    if not isinstance(network, str) or network not in _LAYOUTS:
        raise Unsupported("networks given as comparators: diffsort has names only")
    if units != "published":
        raise Unsupported(f"units={units!r}: diffsort's steepness is not normalised")
    if descending:
        raise Unsupported("descending=True: diffsort sorts in ascending order")
    n = x.shape[-1]
    if network == "bitonic_published" and n == 1:
        raise Unsupported("bitonic with n = 1: diffsort builds a network without layers")
    sort = DiffSortNet(
        _LAYOUTS[network], n, steepness=steepness, art_lambda=art_lambda, distribution=distribution
    )
    values, permutation = sort(x.reshape(-1, n))
    return values.reshape(x.shape), permutation.reshape(*x.shape, n)
