"""Recorded numbers of softtorch: soft steps, projections onto the simplex, argsort and rank."""

from __future__ import annotations

from typing import Any

from refimpl.autograd import array_namespace
from refimpl.sorting.permutations import as_rows
from refimpl.sorting.simplex import simplex_projection
from refimpl.sorting.simplex_ranks import simplex_ranks
from refimpl.sorting.simplex_sort import simplex_argsort
from refimpl.sorting.soft_step import soft_step

from . import recorded
from .sorting_networks import Inputs, Record

METHODS = {"sorting_network": "padded_network"}
OPTIONS = ("mode", "softness", "standardize", "descending")


def _options(record: Record) -> dict[str, Any]:
    return {name: record["params"][name] for name in OPTIONS if name in record["params"]}


def _method(record: Record) -> str:
    method = record["params"].get("method", "neuralsort")
    return METHODS.get(method, method)


@recorded("softtorch", "softtorch.argsort")
def _argsort(inputs: Inputs, record: Record) -> Inputs:
    """Rows are positions there."""
    return {"P": as_rows(simplex_argsort(inputs["x"], method=_method(record), **_options(record)))}


@recorded("softtorch", "softtorch.rank")
def _rank(inputs: Inputs, record: Record) -> Inputs:
    """Ranks start at 1 there, and at the largest value; an input without a position has rank 0."""
    x, options = inputs["x"], {"descending": True, **_options(record), "method": _method(record)}
    ranks = simplex_ranks(x, **options) + 1
    if options["method"] != "neuralsort":
        return {"rank": ranks}
    xp = array_namespace(x)
    picked = xp.sum(simplex_argsort(x, **options), axis=-1) > 0
    return {"rank": xp.where(picked, ranks, xp.zeros_like(ranks))}


@recorded("softtorch", "softtorch.functions.sigmoidal")
def _step(inputs: Inputs, record: Record) -> Inputs:
    return {"y": soft_step(inputs["x"], **_options(record))}


@recorded("softtorch", "softtorch.projections_simplex._proj_simplex")
def _projection(inputs: Inputs, record: Record) -> Inputs:
    return {"y": simplex_projection(inputs["x"], **_options(record))}
