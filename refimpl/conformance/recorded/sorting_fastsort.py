"""Recorded numbers of fast-soft-sort and torchsort: isotonic regression, projections, soft ranks
and sorted values.
"""

from __future__ import annotations

from typing import Any

from refimpl.autograd import jacobian
from refimpl.sorting.fast_sort import fast_soft_sort
from refimpl.sorting.isotonic import isotonic_regression
from refimpl.sorting.permutahedron import project_permutahedron
from refimpl.sorting.soft_rank import fast_soft_rank

from . import recorded
from .sorting_networks import Inputs, Record

NUMPY = "fast_soft_sort.numpy_ops."


def _options(record: Record) -> dict[str, Any]:
    """The options of a record under the names of refimpl; hard operators name no strength."""
    params = record["params"]
    options = {"descending": params.get("direction", "ASCENDING").upper() == "DESCENDING"}
    for theirs, ours in (
        ("regularization", "regularization"),
        ("regularization_strength", "strength"),
    ):
        if theirs in params:
            options[ours] = params[theirs]
    return options


@recorded("fastsort", f"{NUMPY}Isotonic")
def _isotonic(inputs: Inputs, record: Record) -> Inputs:
    return {"v": isotonic_regression(**inputs, regularization=record["params"]["regularization"])}


@recorded("fastsort", f"{NUMPY}Projection")
def _projection(inputs: Inputs, record: Record) -> Inputs:
    def project(theta: Any) -> Any:
        return project_permutahedron(theta, inputs["w"], regularization=regularization)

    regularization, theta = record["params"]["regularization"], inputs["theta"]
    return {"projection": project(theta), "jacobian": jacobian(project)(theta)}


@recorded("fastsort", f"{NUMPY}SoftRank")
@recorded("fastsort", "torchsort.soft_rank")
def _soft_rank(inputs: Inputs, record: Record) -> Inputs:
    return {"rank": fast_soft_rank(inputs["values"], **_options(record))}


@recorded("fastsort", f"{NUMPY}SoftSort")
def _soft_sort(inputs: Inputs, record: Record) -> Inputs:
    return {"sorted": fast_soft_sort(inputs["values"], **_options(record))}


@recorded("fastsort", "torchsort.soft_sort")
def _torchsort(inputs: Inputs, record: Record) -> Inputs:
    """Some recordings call the result `sort`, others `sorted`."""
    y = fast_soft_sort(inputs["values"], **_options(record))
    return {"sort": y, "sorted": y}


recorded("fastsort", f"{NUMPY}SoftSort.vjp", ignored=("wronggrad",))(_soft_sort)


@recorded("fastsort", f"{NUMPY}rank / sort")
def _hard(inputs: Inputs, record: Record) -> Inputs:
    options = {"strength": 0.0, **_options(record)}
    x = inputs["values"]
    return {"rank": fast_soft_rank(x, **options), "sorted": fast_soft_sort(x, **options)}
