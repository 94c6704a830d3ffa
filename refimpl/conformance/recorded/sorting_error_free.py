"""Recorded numbers of error-free swaps, from the code of Kim et al. 2024."""

from __future__ import annotations

from refimpl.sorting.error_free import error_free_sort

from . import recorded
from .sorting_networks import OPTIONS, PUBLISHED, Inputs, Record


@recorded("errorfree.sort")
def _sort(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    network = PUBLISHED.get(params["network"], params["network"])
    options = {name: params[name] for name in OPTIONS if name in params}
    values, Q = error_free_sort(inputs["x"], network=network, **options)
    return {"sorted": values, "P": Q}
