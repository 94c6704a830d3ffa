"""Recorded numbers of NeuralSort, stochastic NeuralSort, Plackett-Luce and SoftSort."""

from __future__ import annotations

from refimpl.autograd import array_namespace
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.plackett_luce import plackett_luce_log_likelihood, stochastic_neural_sort
from refimpl.sorting.softsort import soft_sort
from refimpl.sorting.straight_through import straight_through

from . import recorded
from .sorting_networks import Inputs, Record


def _options(record: Record) -> dict:
    """The temperature; the originals count positions from the largest."""
    return {"temperature": record["params"].get("tau", 1.0), "descending": True}


@recorded("neuralsort", "difftopk.NeuralSort")
def _of_difftopk(inputs: Inputs, record: Record) -> Inputs:
    """Columns are positions in rising order; hard=True lets every input pick a position."""
    P = neural_sort(inputs["scores"], temperature=record["params"]["tau"])
    return {"P": straight_through(P, per="input") if record["params"].get("hard") else P}


@recorded("neuralsort")
def _neural_sort(inputs: Inputs, record: Record) -> Inputs:
    P = neural_sort(inputs["scores"], hard=record["params"].get("hard", False), **_options(record))
    return {"P": array_namespace(P).matrix_transpose(P)}


@recorded("neuralsort.stochastic")
def _stochastic(inputs: Inputs, record: Record) -> Inputs:
    """One Gumbel vector per sample, shared by the batch."""
    P = stochastic_neural_sort(inputs["log_scores"], inputs["gumbel"], **_options(record))
    return {"P": array_namespace(P).matrix_transpose(P)}


@recorded("neuralsort.pl")
def _log_likelihood(inputs: Inputs, record: Record) -> Inputs:
    """Positive scores, and permutation matrices whose row k is the k-th choice."""
    scores, perm = inputs["scores"], inputs["perm"]
    order = array_namespace(perm).argmax(perm, axis=-1)
    log_scores = array_namespace(scores).log(scores)
    return {"log_prob": plackett_luce_log_likelihood(log_scores, order)}


@recorded("softsort")
def _soft_sort(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    options = {"power": params.get("pow", 1.0), "hard": params.get("hard", False)}
    P = soft_sort(inputs["scores"], **options, **_options(record))
    return {"P": array_namespace(P).matrix_transpose(P)}
