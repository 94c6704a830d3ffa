"""Recorded numbers of difftopk's top-k cross-entropy."""

from __future__ import annotations

from refimpl.sorting.topk_loss import topk_cross_entropy

from . import recorded
from .sorting_networks import Inputs, Record

METHODS = {
    "neuralsort": "neural_sort",
    "softsort": "soft_sort",
    "bitonic": "bitonic_published",
    "bitonic__non_sparse": "bitonic_published",
}


@recorded("difftopk.loss")
def _loss(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    name = params["diffsort_method"]
    loss = topk_cross_entropy(
        inputs["outputs"],
        inputs["labels"],
        weights=params["p_k"],
        method=METHODS.get(name, name),
        steepness=params["inverse_temperature"],
        distribution=params["distribution"] or "cauchy",
        art_lambda=params["art_lambda"],
        candidates=params["m"],
        top1=params["top1_mode"],
    )
    return {"loss": loss}
