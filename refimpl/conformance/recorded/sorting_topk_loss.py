"""Recorded numbers of difftopk's top-k cross-entropy."""

from __future__ import annotations

import functools

from refimpl.sorting.topk_loss import (
    OPERATORS,
    loss_of,
    select_candidates,
    topk_cross_entropy,
)

from . import recorded
from .sorting_networks import Inputs, Record, shifted_optimal

METHODS = {
    "neuralsort": "neural_sort",
    "softsort": "soft_sort",
    "bitonic": "bitonic_published",
    "bitonic__non_sparse": "bitonic_published",
}


@recorded("difftopk.loss")
def _loss(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    method = METHODS.get(params["diffsort_method"], params["diffsort_method"])
    x, labels, steepness = inputs["outputs"], inputs["labels"], params["inverse_temperature"]
    p, top1 = params["p_k"], params["top1_mode"]
    if params["distribution"] == "optimal":  # as difftopk computes it
        x, target = select_candidates(x, labels, params["m"])
        operator = functools.partial(
            OPERATORS[method], s=steepness, sigmoid=shifted_optimal(steepness)
        )
        return {"loss": loss_of(x, target, p, operator, top1)}
    loss = topk_cross_entropy(
        x,
        labels,
        weights=p,
        method=method,
        steepness=steepness,
        distribution=params["distribution"] or "cauchy",
        art_lambda=params["art_lambda"],
        candidates=params["m"],
        top1=top1,
    )
    return {"loss": loss}
