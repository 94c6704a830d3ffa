"""Recorded numbers of black-box differentiation, in the topics sorting and training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl.autograd import array_namespace
from refimpl.sorting.blackbox import average_precision_loss, blackbox_ranks, recall_loss
from refimpl.training.blackbox import blackbox
from refimpl.training.grid_path import shortest_path

from . import recorded
from .sorting_networks import Inputs, Record


def _log1p(z: Any) -> Any:
    return array_namespace(z).log1p(z)


WEIGHTS: dict[str, Callable[[Any], Any]] = {
    "log(1+x)": _log1p,
    "log(1+z)": _log1p,
    "log(1+log(1+x))": lambda z: _log1p(_log1p(z)),
    "log(1+log(1+z))": lambda z: _log1p(_log1p(z)),
}


@recorded("blackbox", "blackbox_backprop.ShortestPath")
def _path(inputs: Inputs, record: Record) -> Inputs:
    lambda_ = record["params"]["lambda_val"]
    return {"path": blackbox(shortest_path, inputs["weights"], lambda_, least=0.0)}


@recorded("blackbox", "blackbox_backprop.ranking.TrueRanker")
def _ranks(inputs: Inputs, record: Record) -> Inputs:
    scores = inputs.get("scores", inputs.get("x"))
    return {"rank": blackbox_ranks(scores, lambda_=record["params"]["lambda_val"])}


@recorded("blackbox", "blackbox_backprop.RecallLoss")
@recorded("blackbox", "blackbox_backprop.recall.RecallLoss")
def _recall(inputs: Inputs, record: Record) -> Inputs:
    """Upstream multiplies ranks by the number of sequences."""
    params, scores = record["params"], inputs["scores"]
    loss = recall_loss(
        scores,
        inputs["relevance"],
        lambda_=params["lambda_val"],
        margin=params["margin"],
        weight=WEIGHTS[params["weight_fn"]],
        length=scores.shape[0],
    )
    return {"loss": loss}


@recorded("blackbox", "blackbox_backprop.mAP.MapLoss")
def _average_precision(inputs: Inputs, record: Record) -> Inputs:
    """Classes are columns upstream."""
    params, xp = record["params"], array_namespace(inputs["output"])
    loss = average_precision_loss(
        xp.matrix_transpose(inputs["output"]),
        inputs["target"].T,
        lambda_=params["lambda_val"],
        margin=params["margin"],
        interclass=params["interclass_coef"],
    )
    return {"loss": loss}
