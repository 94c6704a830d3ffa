"""Score-function gradients for decision-focused learning.

A model predicts a distribution over the unknown parameters of an optimisation problem. For each
instance a prediction is drawn, the problem is solved, and the decision's regret R is weighed
against the true parameters. No derivative of the solver is needed:

    grad E[R(y)] = E[R(y) grad log p_theta(y | x)]

is the gradient of the surrogate loss mean_i R_i log p(y_i | x_i) with R held constant. Unknown
parameters may sit in constraints, where recourse costs are part of the regret.

Source: Silvestri et al. 2023, "Score Function Gradient Estimation to Widen the Applicability of
Decision-Focused Learning" (arXiv 2307.05213); sfge-dfl and pydflt 0.1.1 for the conventions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..autograd import Array, array_namespace, stop_gradient
from ..spec import Case, specification
from ..validation import choose, float_array

STANDARDISATIONS = ("population", "sample", "none")


def gaussian_log_density(
    y: Array, mean: Array, log_scale: Array, *, scale_is: str = "std"
) -> Array:
    """log N(y; mean, diag(sigma^2)), (...,).

    y, mean   (..., n); log_scale (..., n) or (n,)
    scale_is  "std": sigma = exp(log_scale); "variance": sigma^2 = exp(log_scale), which is what
              sfge-dfl computes although it calls the parameter log_std

    >>> import numpy as np
    >>> float(gaussian_log_density(np.zeros(2), np.zeros(2), np.zeros(2)).round(6))
    -1.837877
    """
    choose(scale_is, ("std", "variance"), "scale_is")
    y, mean = float_array(y, "y", min_ndim=1), float_array(mean, "mean", min_ndim=1)
    xp = array_namespace(y, mean, log_scale)
    log_std = log_scale if scale_is == "std" else 0.5 * log_scale
    z = (y - mean) * xp.exp(-log_std)
    return -xp.sum(0.5 * z * z + log_std + 0.5 * math.log(2 * math.pi), axis=-1)


def standardise(losses: Array, kind: str = "population") -> Array:
    """Losses with mean 0 and variance 1 over the batch, the last axis.

    kind  "population": (R - mean)/sqrt(var + 1e-8), as sfge-dfl;
          "sample": (R - mean)/(std + 1e-5) with the unbiased std, as pydflt;
          "none": unchanged

    Equal losses, and a batch of one, give 0 (pydflt's unbiased std of one value is NaN).

    >>> import numpy as np
    >>> standardise(np.array([1.0, 3.0])).round(6)
    array([-1.,  1.])
    """
    R = float_array(losses, "losses", min_ndim=1)
    if choose(kind, STANDARDISATIONS, "kind") == "none":
        return R
    xp = array_namespace(R)
    gap = R - xp.mean(R, axis=-1, keepdims=True)
    squares = xp.sum(gap * gap, axis=-1, keepdims=True)
    if kind == "population":
        return gap / xp.sqrt(squares / R.shape[-1] + 1e-8)
    return gap / (xp.sqrt(squares / max(R.shape[-1] - 1, 1)) + 1e-5)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((6,), (3, 5), (1,)):
        inputs = {"log_density": rng.normal(size=shape), "losses": rng.exponential(size=shape)}
        for kind in STANDARDISATIONS:
            name = "x".join(map(str, shape))
            yield Case(f"{name}-{kind}", inputs, {"standardisation": kind})


@specification(
    name="training.score_function_loss",
    source="Silvestri et al. 2023; sfge-dfl and pydflt 0.1.1",
    inputs=("log_density", "losses"),
    differentiable=("log_density",),
    outputs=("surrogate",),
    cases=_cases,
)
def score_function_loss(
    log_density: Array, losses: Array, *, standardisation: str = "population"
) -> Array:
    """The surrogate mean_i R_i log p(y_i | x_i), whose gradient estimates that of E[R]; a scalar.

    log_density      (..., B): of the samples that were drawn, from `gaussian_log_density`
    losses           R, the same shape: regrets of the decisions, held constant
    standardisation  see `standardise`; with a leading axis of several samples per instance, each
                     sample is standardised over the batch

    The value itself means nothing. Raises ValueError if the shapes differ or the batch is empty.
    """
    log_density = float_array(log_density, "log_density", min_ndim=1)
    R = float_array(losses, "losses", min_ndim=1)
    if tuple(R.shape) != tuple(log_density.shape) or not math.prod(R.shape):
        raise ValueError(
            f"log_density, losses: expected equal shapes with at least one entry, got "
            f"{tuple(log_density.shape)} and {tuple(R.shape)}"
        )
    weights = stop_gradient(standardise(R, standardisation))
    return array_namespace(log_density).mean(weights * log_density)


def regret(value: Array, best: Array, *, minimise: bool = False) -> Array:
    """How much worse a decision is than the best one: >= 0 for a correct solver."""
    return value - best if minimise else best - value
