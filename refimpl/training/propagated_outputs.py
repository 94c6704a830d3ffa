"""What propagated distributions are used for: probabilities, likelihoods, baselines.

Source: Petersen et al. 2024, "Uncertainty Quantification via Stable Distribution Propagation",
ICLR.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import Array, array_namespace, clip, constant, ndtr, relu
from ..distributions import DISTRIBUTIONS
from ..spec import specification
from ..validation import float_array
from .gram import identity
from .propagation_cases import (
    NOTES,
    likelihood_cases,
    moment_cases,
    pairwise_cases,
    pairwise_cauchy_cases,
)
from .propagation_invariants import (
    LIKELIHOOD_INVARIANTS,
    MOMENT_INVARIANTS,
    PAIRWISE_INVARIANTS,
)

SOURCE = "Petersen et al. 2024, Stable Distribution Propagation"


def with_output_noise(covariance: Array, std: Array) -> Array:
    """covariance + diag(std^2): the noise of the input and that of a probabilistic network.

    covariance (..., m, m), std (..., m) >= 0, the deviation that the network predicts

    >>> import numpy as np
    >>> with_output_noise(np.ones((2, 2)), np.array([1.0, 2.0]))
    array([[2., 1.],
           [1., 5.]])
    """
    s = float_array(std, "std", min_ndim=1)
    return covariance + (s * s)[..., None] * identity(s.shape[-1], s)


@specification(
    name="training.pairwise_probability",
    source=f"{SOURCE}: pairwise probabilities of classes",
    inputs=("mean", "covariance"),
    outputs=("probability",),
    cases=pairwise_cases,
    invariants=PAIRWISE_INVARIANTS,
    kinks="a difference without variance: derivative 0",
    notes=NOTES,
)
def pairwise_probability(mean: Array, covariance: Array) -> Array:
    """P(y_i > y_j) for a Gaussian y: Phi((mu_i - mu_j)/sqrt(S_ii + S_jj - S_ij - S_ji)).

    mean (..., m), covariance (..., m, m); returns (..., m, m) with 1/2 on the diagonal. Where the
    difference has no variance, the probability is 0, 1/2 or 1, with derivative 0. Raises ValueError
    for shapes that do not fit.

    >>> import numpy as np
    >>> pairwise_probability(np.array([1.0, 0.0]), np.zeros((2, 2)))
    array([[0.5, 1. ],
           [0. , 0.5]])
    """
    mu, S = float_array(mean, "mean", min_ndim=1), float_array(covariance, "covariance", min_ndim=2)
    xp = array_namespace(mu, S)
    n = mu.shape[-1]
    if tuple(S.shape[-2:]) != (n, n):
        raise ValueError(f"covariance: expected (..., {n}, {n}), got {tuple(S.shape)}")
    variances = xp.sum(S * identity(n, S), axis=-1)
    spread = variances[..., :, None] + variances[..., None, :] - S - xp.matrix_transpose(S)
    return _ratio_probability(xp, mu, spread, ndtr, root=True)


@specification(
    name="training.pairwise_probability_cauchy",
    source=f"{SOURCE}: pairwise probabilities of classes",
    inputs=("location", "jacobian", "gamma"),
    outputs=("probability",),
    cases=pairwise_cauchy_cases,
    invariants=PAIRWISE_INVARIANTS,
    kinks="equal entries of two rows of the Jacobian: derivative 0; no width: derivative 0",
)
def pairwise_probability_cauchy(location: Array, jacobian: Array, gamma: Array) -> Array:
    """P(y_i > y_j) in Cauchy noise: 1/2 + atan((y_i - y_j)/(|J_i - J_j| gamma))/pi.

    location (..., m), jacobian (..., m, n), gamma (..., n); returns (..., m, m), 1/2 on the
    diagonal. Where the difference has no width, as `pairwise_probability`.

    >>> import numpy as np
    >>> J, gamma = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0.5, 0.25])
    >>> pairwise_probability_cauchy(np.array([1.0, 0.0]), J, gamma)
    array([[0.5 , 0.75],
           [0.25, 0.5 ]])
    """
    y, J = float_array(location, "location", min_ndim=1), float_array(jacobian, "jacobian", 2)
    gamma = float_array(gamma, "gamma")
    xp = array_namespace(y, J, gamma)
    difference = xp.abs(J[..., :, None, :] - J[..., None, :, :])
    width = xp.sum(difference * gamma[..., None, None, :], axis=-1)
    return _ratio_probability(xp, y, width, DISTRIBUTIONS["cauchy"].cdf, root=False)


def _ratio_probability(
    xp: Any, mu: Array, spread: Array, cdf: Callable[[Array], Array], *, root: bool
) -> Array:
    """cdf((mu_i - mu_j)/spread), or with its root; a step where the spread is 0."""
    gap = mu[..., :, None] - mu[..., None, :]
    fixed = spread <= 0
    safe = xp.where(fixed, constant(1.0, like=spread), spread)
    step = 0.5 * (xp.sign(gap) + 1)
    return xp.where(fixed, step, cdf(gap / (xp.sqrt(safe) if root else safe)))


@specification(
    name="training.relu_moments",
    source="Frey and Hinton 1999; the moment-matching baseline of Petersen et al. 2024",
    inputs=("mean", "std"),
    outputs=("mean", "variance"),
    invariants=MOMENT_INVARIANTS,
    cases=moment_cases,
    kinks="where rounding makes the variance negative, it is 0; a std of 0: derivative 0",
    notes=NOTES,
)
def relu_moments(mean: Array, std: Array) -> tuple[Array, Array]:
    """Mean and variance of max(0, N(mean, std^2)), exact: the moment-matching baseline.

    With z = mean/std, t = |z| and r = phi(t) - t Phi(-t), which is the mean of max(0, N(-t, 1)),

        mean' = max(0, mean) + std r,    variance' = std^2 (Phi(z) - r (t + r)).

    No digits are lost for large z, and few for z far below 0, where r is a difference of numbers
    t^2 times as large. The variance is never negative. std >= 0: without deviation the moments are
    max(0, mean) and 0.

    Source: Frey and Hinton 1999, "Variational learning in nonlinear Gaussian belief networks".

    >>> import numpy as np
    >>> mean, variance = relu_moments(np.array([0.0]), np.array([1.0]))
    >>> mean.round(6), variance.round(6)  # 1/sqrt(2 pi), 1/2 - 1/(2 pi)
    (array([0.398942]), array([0.340845]))
    """
    mu, given = float_array(mean, "mean"), float_array(std, "std")
    xp = array_namespace(mu, given)
    still = given <= 0
    s = xp.where(still, constant(1.0, like=given), given)
    z = mu / s
    negative = z < 0
    t = clip(xp.where(negative, -z, z), max=50.0)  # r is 0 beyond; the slope at z = 0 is not 0
    r = xp.exp(-0.5 * t * t) / math.sqrt(2 * math.pi) - t * ndtr(-t)
    variance = ndtr(z) - r * (t + r)
    variance = s * s * xp.where((variance > 0) & ~still, variance, 0.0 * variance)
    return xp.where(still, relu(mu), xp.where(negative, 0.0, mu) + s * r), variance


def relu_total_variation(mean: Array, std: Array) -> Array:
    """Phi(-|mean|/std): the total variation between the ReLU of a Gaussian and its propagation.

    >>> import numpy as np
    >>> float(relu_total_variation(np.array(0.0), np.array(1.0)))
    0.5
    """
    mean, std = float_array(mean, "mean"), float_array(std, "std")
    xp = array_namespace(mean, std)
    return ndtr(-xp.abs(mean) / std)


@specification(
    name="training.gaussian_negative_log_likelihood",
    source=f"{SOURCE}: training by likelihood",
    inputs=("targets", "mean", "covariance"),
    outputs=("loss",),
    cases=likelihood_cases,
    invariants=LIKELIHOOD_INVARIANTS,
)
def gaussian_negative_log_likelihood(targets: Array, mean: Array, covariance: Array) -> Array:
    """-log N(targets; mean, covariance) of each sample, (...,).

    targets, mean (..., m); covariance (..., m, m) positive definite (add the output variance, or a
    little on the diagonal, to a propagated one of low rank).

    >>> import numpy as np
    >>> loss = gaussian_negative_log_likelihood(np.zeros(2), np.zeros(2), np.eye(2))
    >>> float(loss.round(6))  # log(2 pi)
    1.837877
    """
    targets, mean = float_array(targets, "targets", 1), float_array(mean, "mean", 1)
    covariance = float_array(covariance, "covariance", 2)
    xp = array_namespace(targets, mean, covariance)
    gap = targets - mean
    solved = xp.linalg.solve(covariance, gap[..., None])[..., 0]
    _, logdet = xp.linalg.slogdet(covariance)
    m = mean.shape[-1]
    return 0.5 * (xp.sum(gap * solved, axis=-1) + logdet + m * math.log(2 * math.pi))
