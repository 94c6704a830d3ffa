"""Recorded numbers of ott-jax: sorting, ranks and top-k by converged entropic optimal transport."""

from __future__ import annotations

from typing import Any

from refimpl.sorting.optimal_transport import transport_ranks, transport_sort
from refimpl.sorting.transport_selection import transport_topk, transport_topk_mask

from . import recorded
from .sorting_networks import Inputs, Record


def _options(record: Record) -> dict[str, Any]:
    params = record["params"]
    return {"epsilon": params["epsilon"], "squash": params["squash"]}


@recorded("sinkhornsort", "ott.tools.soft_sort.sort")
def _sort(inputs: Inputs, record: Record) -> Inputs:
    k = record["params"].get("topk", -1)
    if 0 < k < inputs["x"].shape[-1]:
        return {"y": transport_topk(inputs["x"], k=k, **_options(record))}
    return {"y": transport_sort(inputs["x"], **_options(record))[0]}


@recorded("sinkhornsort", "ott.tools.soft_sort.ranks")
def _ranks(inputs: Inputs, record: Record) -> Inputs:
    targets = record["params"].get("num_targets")
    return {"y": transport_ranks(inputs["x"], targets=targets, **_options(record))}


@recorded("sinkhornsort", "ott.tools.soft_sort.topk_mask")
def _mask(inputs: Inputs, record: Record) -> Inputs:
    return {"y": transport_topk_mask(inputs["x"], k=record["params"]["k"], **_options(record))}
