"""Recorded numbers of the methods that sort groups: Diffsurv, the Cox losses, GroCo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl.autograd import array_namespace
from refimpl.sorting.cox import cox_loss
from refimpl.sorting.diffsurv import diffsurv_loss, diffsurv_topk_loss, possible_permutations
from refimpl.sorting.groco import groco_loss

from . import recorded
from .sorting_networks import network_options


@recorded("diffsurv.possible")
def _possible(inputs: dict[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    together = record["params"]["inc_censored_in_ties"]
    possible = possible_permutations(inputs["times"], inputs["events"], censored_in_ties=together)
    return {"possible": possible}


@recorded("diffsurv.loss")
def _diffsurv(inputs: dict[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    params = record["params"]
