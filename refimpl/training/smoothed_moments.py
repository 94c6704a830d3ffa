"""Stochastic smoothing beyond the mean: covariances, and medians of laws without a mean.

Source: Petersen, Borgelt, Mishra, Ermon 2024, "Generalizing Stochastic Smoothing for
Differentiation and Gradient Estimation" (arXiv 2410.08125), theorem 8.
"""

from __future__ import annotations

from ..autograd import Array, array_namespace, einsum, sort
from ..distributions import Distribution
from ..spec import Invariant, specification
from ..validation import choose
from .noise import noise_law
from .smoothing import centred, unscaled_score
from .smoothing_cases import constants_have_no_slope, covariance_cases, median_cases


@specification(
    name="training.smoothed_covariance",
    source="Petersen et al. 2024, Generalizing Stochastic Smoothing, theorem 8",
    inputs=("values", "noise"),
    differentiable=(),
    outputs=("covariance", "by_x"),
    cases=covariance_cases,
    gradient="none: the derivative by x is an output",
)
def smoothed_covariance(
    values: Array,
    noise: Array,
    scale: float | Array,
    distribution: str | Distribution = "gaussian",
) -> tuple[Array, Array]:
    """Covariance of f(v) over the samples, (..., m, m), and its derivative by x, (..., m, m, n).

    values (S, ..., m), noise (S, ..., n). With t = L^-T s, the derivative of Cov[f_i, f_j] is
    E[f_i f_j t] - E[f_i] E[f_j t] - E[f_j] E[f_i t] (theorem 8).
    """
    xp = array_namespace(values, noise)
    S = values.shape[0]
    t = unscaled_score(noise_law(distribution).score(noise), scale)
    mean = xp.mean(values, axis=0)
    second = einsum("s...i,s...j->...ij", values, values) / S
    covariance = second - mean[..., :, None] * mean[..., None, :]
    third = einsum("s...ij,s...n->...ijn", values[..., :, None] * values[..., None, :], t) / S
    first = einsum("s...m,s...n->...mn", values, t) / S
    crossed = mean[..., :, None, None] * first[..., None, :, :]
    mirrored = mean[..., None, :, None] * first[..., :, None, :]
    return covariance, third - crossed - mirrored


@specification(
    name="training.k_sample_median",
    source="Petersen et al. 2024, Generalizing Stochastic Smoothing: laws without a mean",
    inputs=("values", "noise"),
    differentiable=(),
    outputs=("value", "by_x"),
    cases=median_cases,
    gradient="none: the derivative by x is an output",
    invariants=(
        Invariant(
            "constants",
            "with the mean of the others as a baseline, a constant has no slope",
            constants_have_no_slope,
            lambda case: case.params["covariate"] == "loo",
        ),
    ),
)
def k_sample_median(
    values: Array,
    noise: Array,
    gamma: float | Array,
    distribution: str | Distribution = "cauchy",
    *,
    covariate: str = "loo",
) -> tuple[Array, Array]:
    """Mean over groups of the median of k values, and its derivative by x.

    values (G, k) of a scalar function at x + gamma eps, k odd; noise (G, k, n). The median exists
    where the mean does not; as a function of its k samples its score is the sum of theirs.
    Returns a scalar and (n,). covariate: "none" or "loo" (the other groups).
    """
    k = values.shape[-1]
    if k % 2 == 0:
        raise ValueError(f"values: expected (groups, k) with odd k, got {tuple(values.shape)}")
    median = sort(values, axis=-1)[..., k // 2]
    xp = array_namespace(values, noise)
    score = xp.sum(noise_law(distribution).score(noise), axis=-2) / gamma
    weights = centred(median, choose(covariate, ("none", "loo"), "covariate"))
    return xp.mean(median), xp.mean(weights[:, None] * score, axis=0)
