"""Recorded numbers of the Sinkhorn operator, as in the code of Grover et al. 2019."""

from __future__ import annotations

from refimpl.autograd import array_namespace
from refimpl.sorting.sinkhorn import gumbel_sinkhorn, sinkhorn

from . import recorded
from .sorting_networks import Inputs, Record


@recorded("sinkhorn")
def _sinkhorn(inputs: Inputs, record: Record) -> Inputs:
    """Noise has the samples before the batch, in one axis; the recorded P has them behind it."""
    params, scores = record["params"], inputs["log_alpha"]
    options = {"temperature": params["temp"], "iterations": params["n_iters"]}
    if "n_samples" not in params:
        return {"P": sinkhorn(scores, **options)}
    xp, batch, n = array_namespace(scores), scores.shape[0], scores.shape[-1]
    noise = inputs.get("gumbel", xp.zeros((params["n_samples"] * batch, n, n), dtype=scores.dtype))
    noise = xp.reshape(noise, (params["n_samples"], batch, n, n))
    P = gumbel_sinkhorn(scores, noise, noise_scale=params["noise_factor"], **options)
    return {"P": xp.permute_dims(P, (1, 0, 2, 3))}
