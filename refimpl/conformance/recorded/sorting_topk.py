"""Recorded numbers of difftopk: splitter layouts, top-k networks and losses."""

from __future__ import annotations

import numpy as np

from refimpl.sorting.layouts import find_layout
from refimpl.sorting.sigmoids import make_sigmoid
from refimpl.sorting.smooth_topk import smooth_topk_loss
from refimpl.sorting.splitter import splitter_selection
from refimpl.sorting.topk_network import SPLITTER, selection

from . import recorded
from .sorting_networks import (
    PUBLISHED,
    Inputs,
    Record,
    comparator_rows,
    shifted_optimal,
    sorted_rows,
)


@recorded("difftopk.network", canonical={"comparators": sorted_rows})
def _layout(inputs: Inputs, record: Record) -> Inputs:
    layers = splitter_selection(int(inputs["n"]), int(record["params"]["k"])).as_lists()
    return {"comparators": comparator_rows(layers), "num_layers": np.array(len(layers))}


@recorded("difftopk.net")
def _network(inputs: Inputs, record: Record) -> Inputs:
    params, x = record["params"], inputs["x"]
    name, n, k = params["network"], x.shape[-1], params["k"]
    layout = (
        splitter_selection(n, k) if name == SPLITTER else find_layout(PUBLISHED.get(name, name), n)
    )
    steepness, distribution = params["steepness"], params["distribution"]
    if distribution == "optimal":
        sigmoid = shifted_optimal(steepness)
    else:
        sigmoid = make_sigmoid(distribution, steepness, params["art_lambda"], "published")
    return {"P": selection(x, k, layout, sigmoid)}


@recorded("difftopk.smooth")
def _smooth(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    loss = smooth_topk_loss(
        inputs["x"],
        inputs["labels"],
        k=params["k"],
        tau=params["tau"],
        margin=params["alpha"],
        hard="Hard" in str(record["function"]),
    )
    return {"loss": loss}
