"""Stochastic smoothing beyond the mean: covariances, and medians of laws without a mean.

Source: Petersen, Borgelt, Mishra, Ermon 2024, "Generalizing Stochastic Smoothing for
Differentiation and Gradient Estimation" (arXiv 2410.08125), theorem 8.
"""

from __future__ import annotations

from typing import NamedTuple

from ..autograd import Array, array_namespace, einsum, sort
from ..distributions import Distribution
from ..spec import Invariant, specification
from ..validation import choose, float_array, number_or_array
from .noise import noise_law
from .smoothing import centred, estimate_from_values
from .smoothing_cases import covariance_cases, median_cases
from .smoothing_invariants import (
    COVARIANCE_INVARIANTS,
    constants_have_no_slope,
    medians_are_affine,
)


class SmoothedCovariance(NamedTuple):
    """The covariance of f(v) and its derivatives from one set of samples.

    covariance  (..., m, m)
    by_x        (..., m, m, n)
    by_scale    derivative by gamma, (..., m, m), or by the matrix L, (..., m, m, n, n)
    """

    covariance: Array
    by_x: Array
    by_scale: Array


@specification(
    name="training.smoothed_covariance",
    source="Petersen et al. 2024, Generalizing Stochastic Smoothing, theorem 8",
    inputs=("values", "noise", "scale"),
    differentiable=(),
    outputs=("covariance", "by_x", "by_scale"),
    cases=covariance_cases,
    gradient="none: the derivatives are outputs",
    invariants=COVARIANCE_INVARIANTS,
)
def smoothed_covariance(
    values: Array,
    noise: Array,
    scale: float | Array,
    distribution: str | Distribution = "gaussian",
) -> SmoothedCovariance:
    """Covariance of f(v) over the samples, v = x + L eps, with its derivatives by x and the scale.

    values (S, ..., m), noise (S, ..., n), scale as in `smoothing.estimate`. For a score t of a
    parameter - L^-T s for x, L^-T (s eps^T - I) for the scale - the derivative of Cov[f_i, f_j] is
    E[f_i f_j t] - E[f_i] E[f_j t] - E[f_j] E[f_i t] (theorem 8). Means over the samples stand for
    expectations, so the covariance is too small by the factor 1 - 1/S on average.

    Raises ValueError for shapes that do not fit.

    >>> import numpy as np
    >>> values, noise = np.array([[1.0], [0.0]]), np.array([[1.0], [-2.0]])
    >>> smoothed_covariance(values, noise, 1.0)
    SmoothedCovariance(covariance=array([[0.25]]), by_x=array([[[0.]]]), by_scale=array([[0.]]))
    """
    values = float_array(values, "values", min_ndim=2)
    first = estimate_from_values(values, noise, scale, distribution, "none")
    products = values[..., :, None] * values[..., None, :]
    m, xp = values.shape[-1], array_namespace(values)
    flat = xp.reshape(products, (*values.shape[:-1], m * m))
    second = estimate_from_values(flat, noise, scale, distribution, "none")
    gap = values - first.value  # E[f_i f_j] - E[f_i] E[f_j] would cancel
    return SmoothedCovariance(
        einsum("s...i,s...j->...ij", gap, gap) / values.shape[0],
        *(
            _of_product(first.value, one, two)
            for one, two in zip(first[1:], second[1:], strict=True)
        ),
    )


def _of_product(mean: Array, slopes: Array, products: Array) -> Array:
    """d E[f_i f_j] - E[f_i] d E[f_j] - E[f_j] d E[f_i]; slopes (..., m, *k), products
    (..., m m, *k).
    """
    xp, m, batch = array_namespace(mean, slopes), mean.shape[-1], mean.ndim - 1
    tail = tuple(slopes.shape[batch + 1 :])
    lead = tuple(mean.shape[:-1])
    ones = (1,) * len(tail)
    crossed = xp.reshape(mean, (*lead, m, 1, *ones)) * xp.reshape(slopes, (*lead, 1, m, *tail))
    mirrored = xp.reshape(mean, (*lead, 1, m, *ones)) * xp.reshape(slopes, (*lead, m, 1, *tail))
    return xp.reshape(products, (*lead, m, m, *tail)) - crossed - mirrored


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
        Invariant(
            "affine",
            "a f + c has a times the median plus c, and the slope a; twice gamma, half the slope",
            medians_are_affine,
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
    Returns a scalar and (n,). covariate: "none" or "loo" (the other groups). gamma > 0.

    Raises ValueError for an even k and for shapes that do not fit.

    >>> import numpy as np
    >>> noise = np.array([[[0.0], [1.0], [-3.0]], [[2.0], [0.5], [-1.0]]])
    >>> value, by_x = k_sample_median(2 * noise[..., 0], noise, 1.0)
    >>> float(value)
    0.5
    """
    values, noise = float_array(values, "values"), float_array(noise, "noise")
    if values.ndim != 2 or values.shape[-1] % 2 == 0:
        raise ValueError(f"values: expected (groups, k) with odd k, got {tuple(values.shape)}")
    if noise.ndim != 3 or tuple(noise.shape[:2]) != tuple(values.shape):
        raise ValueError(f"noise: expected (*{tuple(values.shape)}, n), got {tuple(noise.shape)}")
    gamma = number_or_array(gamma, "gamma")
    k = values.shape[-1]
    median = sort(values, axis=-1)[..., k // 2]
    xp = array_namespace(values, noise)
    score = xp.sum(noise_law(distribution).score(noise), axis=-2) / gamma
    weights = centred(median, choose(covariate, ("none", "loo"), "covariate"))
    return xp.mean(median), xp.mean(weights[:, None] * score, axis=0)
