"""Recorded numbers of the methods that sort groups: Diffsurv, the Cox losses, GroCo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl.autograd import array_namespace
from refimpl.sorting.cox import cox_loss
from refimpl.sorting.diffsurv import diffsurv_loss, diffsurv_topk_loss, possible_permutations
from refimpl.sorting.groco import groco_loss

from . import recorded
from .sorting_networks import PUBLISHED, Inputs, sort_as_published


@recorded("diffsurv.possible")
def _possible(inputs: Inputs, record: Mapping[str, Any]) -> Inputs:
    together = record["params"]["inc_censored_in_ties"]
    possible = possible_permutations(inputs["times"], inputs["events"], censored_in_ties=together)
    return {"possible": possible}


@recorded("diffsurv.loss")
def _diffsurv(inputs: Inputs, record: Mapping[str, Any]) -> Inputs:
    params = record["params"]
    scores, possible = inputs["logits"], inputs["possible"]
    if params["norm_risk"]:  # standardised within each risk set
        xp = array_namespace(scores)
        centred = scores - xp.mean(scores, axis=-1, keepdims=True)
        scores = centred / xp.std(scores, axis=-1, correction=1, keepdims=True)
    _, P = sort_as_published(scores, params)
    topk = diffsurv_topk_loss(P, possible, percentage=params["topk_percent"])
    only = inputs["events"] if params["ignore_censoring"] else None  # as published: see the docs
    return {"loss": diffsurv_loss(P, possible, only=only), "topk_loss": topk}


@recorded("diffsurv.cox")
def _cox(inputs: Inputs, record: Mapping[str, Any]) -> Inputs:
    method = record["params"]["method"]
    return {"loss": cox_loss(inputs["logh"], inputs["times"], inputs["events"], method=method)}


@recorded("groco")
def _groco(inputs: Inputs, record: Mapping[str, Any]) -> Inputs:
    params = record["params"]
    views = [inputs[f"view{v + 1}"] for v in range(params["n_augs"])]
    loss = groco_loss(
        array_namespace(*views).stack(views),
        negatives=params["topk_neg"],
        positives=params["n_pos_augs"],
        stop_grad=params["stop_grad"],
        network=PUBLISHED.get(params["network"], params["network"]),
        distribution=params["distribution"],
        steepness=params["steepness"],
    )
    return {"loss": loss}
