"""Recorded numbers of perturbed optimisers, in the topics sorting and training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl.autograd import array_namespace, jvp
from refimpl.sorting.perturbed import exact_argmax, exact_ranks
from refimpl.training.grid_path import shortest_path
from refimpl.training.perturbed import fenchel_young_loss, perturbed, perturbed_maximum

from . import recorded
from .sorting_networks import Inputs, Record

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "argmax": exact_argmax,
    "ranks": exact_ranks,
    "max": lambda x: array_namespace(x).max(x, axis=-1),
    "shortest_path": shortest_path,
}
LAWS = {"normal": "gaussian", "gumbel": "gumbel"}


def _given(inputs: Inputs) -> tuple[Any, Any]:
    theta = inputs.get("theta", inputs.get("x"))
    noise = inputs.get("noise", inputs.get("noise_samples"))
    return theta, noise


def _function(params: Record) -> Callable[[Any], Any]:
    return FUNCTIONS[params.get("f", params.get("function"))]


@recorded("perturbed", "perturbations.perturbed")
def _perturbed(inputs: Inputs, record: Record) -> Inputs:
    params, (theta, noise) = record["params"], _given(inputs)
    if noise.ndim > theta.ndim + 1:  # not batched: an axis of length 1 in its place
        noise = noise[:, 0, ...]
    batched = int(params.get("batched", True))
    law = LAWS[params["noise"]]
    f, sigma = _function(params), params["sigma"]
    return {"y": perturbed(f, theta, noise, sigma, distribution=law, batch_ndim=batched)}


@recorded("perturbed", "fenchel_young.FenchelYoungLoss")
def _fenchel_young(inputs: Inputs, record: Record) -> Inputs:
    params, (theta, noise) = record["params"], _given(inputs)
    target = inputs.get("target", inputs.get("y_true"))
    given = _function(params), theta, target, noise, params["sigma"]
    options: Any = {"minimise": not params.get("maximize", True), "batch_ndim": 1}
    return {
        "loss": fenchel_young_loss(*given, value="distance", **options),
        "fy_value": fenchel_young_loss(*given, **options),
    }


@recorded("perturbed", "jaxopt.perturbations.make_perturbed_argmax")
def _jaxopt(inputs: Inputs, record: Record) -> Inputs:
    params, (theta, noise) = record["params"], _given(inputs)
    covariate = "f(x)" if params["control_variate"] else "none"

    def smoothed(theta: Any) -> Any:
        law = LAWS[params["noise"]]
        return perturbed(
            _function(params), theta, noise, params["sigma"], distribution=law, covariate=covariate
        )

    _, pushed = jvp(smoothed, (theta,), (inputs["tangent"],))
    return {"y": smoothed(theta), "jvp": pushed}


@recorded("perturbed", "jaxopt.perturbations.make_perturbed_max")
def _jaxopt_max(inputs: Inputs, record: Record) -> Inputs:
    theta, noise = _given(inputs)
    return {"value": perturbed_maximum(exact_argmax, theta, noise, record["params"]["sigma"])}
