"""Adapters from recorded numbers to refimpl: one module per topic, one function per system.

    @recorded("diffsort.sort", "diffsort.DiffSortNet")
    def _network(inputs, record):
        values, permutation = sorting_network(inputs["x"], **...)
        return {"sorted": values, "P": permutation}

Shapes, dtypes and parameter values come from the record, so that other recordings of the same
system run through the same adapter. A new module in this folder is found without further edits.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from refimpl.conformance.vectors import Adapter, Record

RESOLVED_TOPICS = ("autodiff", "logic", "relaxation", "rendering", "sorting", "training")
"""Topics in which every record has an adapter; a record without one is then a failure."""

_adapters: dict[tuple[str, str | None], Adapter] = {}


def recorded(
    system: str,
    function: str | None = None,
    *,
    canonical: Mapping[str, Callable[[Any], Any]] | None = None,
    ignored: tuple[str, ...] = (),
    parts: Mapping[str, tuple[str, Callable[[Any], Any]]] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register an adapter for a system's function, or for all functions of a system."""

    def register(adapter: Callable[..., Any]) -> Callable[..., Any]:
        _adapters[system, function] = Adapter(
            adapter, dict(canonical or {}), ignored, dict(parts or {})
        )
        return adapter

    return register


def adapter_for(record: Record) -> Adapter | None:
    """The adapter that understands the record, or None."""
    _import_adapters()
    system, function = record.key
    return _adapters.get((system, function)) or _adapters.get((system, None))


@functools.cache
def _import_adapters() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
