"""Recorded numbers of diffsort: its layouts, sigmoids, sorting networks, loss and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refimpl.autograd import array_namespace
from refimpl.sorting.layouts import find_layout
from refimpl.sorting.losses import permutation_cross_entropy, ranking_accuracy
from refimpl.sorting.networks import relaxed, sorting_network
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.sigmoids import Sigmoid, make_sigmoid

from . import recorded

Inputs = dict[str, Any]
Record = Mapping[str, Any]

PUBLISHED = {"bitonic": "bitonic_published"}
OPTIONS = ("distribution", "steepness", "art_lambda")


def sorted_rows(rows: Any) -> np.ndarray:
    """Comparators in one order: those of a layer have none."""
    table = np.asarray(rows)
    return table[np.lexsort(table.T[::-1])] if table.size else table.reshape(0, 5)


@recorded("diffsort.network", canonical={"comparators": sorted_rows})
def _layout(inputs: Inputs, record: Record) -> Inputs:
    """Rows of layer, a, b, the wire of the minimum, the wire of the maximum."""
    network = record["params"]["network"]
    layers = find_layout(PUBLISHED.get(network, network), int(inputs["n"])).as_lists()
    return {"comparators": comparator_rows(layers), "num_layers": np.array(len(layers))}


def comparator_rows(layers: list) -> np.ndarray:
    """Layers of comparators as rows of (layer, a, b, lo, hi)."""
    rows = [(number, *comparator) for number, layer in enumerate(layers) for comparator in layer]
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def sort_as_published(x: Any, params: Record) -> tuple[Any, Any]:
    name = str(params["network"])
    network = PUBLISHED.get(name, name)
    options = {name: params[name] for name in OPTIONS if name in params}
    if options.get("distribution") != "optimal":
        return sorting_network(x, network=network, **options)
    sigmoid = shifted_optimal(options.get("steepness", 10.0))
    return relaxed(x, find_layout(network, x.shape[-1]), sigmoid)


def shifted_optimal(steepness: float) -> Sigmoid:
    """The optimal sigmoid as diffsort computes it, with |v| + 1e-10 for |v| in the hyperbola.

    The shift changes slopes by up to 8e-10 of themselves, which is more than the recorded
    tolerance allows after a few layers. The specification has the formula of the paper.
    """
    exact = make_sigmoid("optimal", steepness, 0.0, "published")

    def alpha(d: Any) -> Any:
        xp = array_namespace(d)
        v = steepness * d
        far = xp.abs(v) > 0.25
        tail = 1 / (16 * (xp.abs(xp.where(far, v, xp.ones_like(v))) + 1e-10))
        return xp.where(far, xp.where(v > 0, 1 - tail, tail), exact.alpha(d))

    return exact._replace(alpha=alpha)


@recorded("diffsort.sort")
@recorded("diffsort.sigmoid")
def _network(inputs: Inputs, record: Record) -> Inputs:
    """The relaxed network; a sigmoid is recorded as the network on two values."""
    values, permutation = sort_as_published(inputs["x"], record["params"])
    return {"sorted": values, "P": permutation}


@recorded("diffsort.loss")
def _loss(inputs: Inputs, record: Record) -> Inputs:
    """Cross-entropy between the relaxed and the true permutation."""
    _, permutation = sort_as_published(inputs["x"], record["params"])
    truth = hard_permutation(inputs["targets"], like=inputs["x"])
    return {"loss": permutation_cross_entropy(permutation, truth), "Q": truth}


@recorded("diffsort.metrics")
def _metrics(inputs: Inputs, record: Record) -> Inputs:
    """Exact matches, element-wise matches, and exact matches of the first five."""
    found = ranking_accuracy(inputs["scores"], inputs["targets"])
    return {"em": found.em, "ew": found.ew, "em5": found.em5}
