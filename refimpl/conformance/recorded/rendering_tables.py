"""Recorded numbers of gendr's tables: distribution functions with densities, and t-conorms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl.autograd import array_namespace, stop_gradient
from refimpl.distributions import DISTRIBUTIONS, Distribution, distribution
from refimpl.tnorms import FAMILIES, t_conorm, t_conorm_reduce

from . import recorded

Inputs = dict[str, Any]
Record = Mapping[str, Any]

KERNELS = "gendr.cuda.generalized_renderer."


def published_law(params: Record) -> Distribution:
    """The distribution of gendr's options, a name or a number, in the units of its argument.

    gendr passes every option to every distribution: a law takes those that it has.
    """
    name = params["dist_func"]
    law = distribution(list(DISTRIBUTIONS)[name] if isinstance(name, int) else name)
    given = {"shape": params.get("dist_shape", 0.0), "shift": params.get("dist_shift", 0.0)}
    chosen = {key: given[key] for key in law.parameters if key in given}
    scale = params["dist_scale"]
    if scale == 0:
        return distribution("heaviside")
    return distribution(law.name, **chosen).scaled(scale)


def published_conorm(params: Record) -> tuple[str, float | None]:
    """The family and p of gendr's options: p is passed to every family, and used by some."""
    name = params["aggr_alpha_func"]
    name = list(FAMILIES)[name] if isinstance(name, int) else name
    return name, params["aggr_alpha_t_conorm_p"] if FAMILIES[name].parameter else None


@recorded("gendr", KERNELS + "sigmoid_forward / sigmoid_backward")
def _distribution(inputs: Inputs, record: Record) -> Inputs:
    return {"y": published_law(record["params"]).cdf(inputs["x"])}


@recorded("gendr", KERNELS + "t_conorm_forward / t_conorm_backward")
def _t_conorm(inputs: Inputs, record: Record) -> Inputs:
    name, p = published_conorm(record["params"])
    a, b, fold = inputs["a"], inputs["b"], inputs["fold"]
    if name == "max":
        xp = array_namespace(a)
        return {"y": tied_max(xp.stack([a, b], axis=-1)), "fold": tied_max(fold)}
    return {"y": t_conorm(a, b, name, p=p), "fold": t_conorm_reduce(fold, name, p=p)}


def tied_max(values: Any) -> Any:
    """The maximum over the last axis with gendr's derivative: each of the tied values has all of
    it, where the specification lets them share it."""
    xp = array_namespace(values)
    largest = xp.max(stop_gradient(values), axis=-1, keepdims=True)
    moving = xp.where(stop_gradient(values) == largest, values - stop_gradient(values), 0.0)
    return largest[..., 0] + xp.sum(moving, axis=-1)
