"""Stable distribution propagation: distributions through networks by local linearisation.

The noise of an input is carried through a network as a symmetric stable law: Gaussian (alpha = 2,
scale = standard deviation) or Cauchy (alpha = 1, scale = half width at half maximum). An affine map
is exact; an activation is linearised at the location,

    location -> phi(location),   scale -> |phi'(location)| scale,   covariance -> D S D

which for the ReLU of a Gaussian is the best Gaussian approximation in total variation (in one
dimension). Since every linearisation is at the propagated location, the whole network needs only
its own Jacobian J: mean f(x), covariance J S J^T, Cauchy scales |J| gamma. *Marginal* propagation
drops the correlations after each layer and costs one more forward pass.

Symbols: mu location, s scale, S covariance, alpha stability, J Jacobian (outputs, inputs).

Source: Petersen et al. 2024, "Uncertainty Quantification via Stable Distribution Propagation",
ICLR.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import Array, array_namespace, constant, ndtr, vjp
from ..validation import choose, float_array, non_negative
from .gram import identity

STABILITY = {"gaussian": 2, "cauchy": 1}


def affine(
    location: Array,
    scale: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    law: str = "gaussian",
) -> tuple[Array, Array]:
    """Location and scale of each entry of W x + b, for independent entries of x.

    location, scale  (..., n), scale >= 0; weight (m, n), bias (m,); returns two (..., m)
    law              "gaussian": sqrt(W^2 s^2); "cauchy": |W| s. Exact for each entry.

    >>> import numpy as np
    >>> affine(np.zeros(2), np.array([3.0, 4.0]), np.ones((1, 2)))
    (array([0.]), array([5.]))
    """
    mu, s = float_array(location, "location"), float_array(scale, "scale")
    alpha = STABILITY[choose(law, STABILITY, "law")]
    xp = array_namespace(mu, s, weight)
    W = xp.matrix_transpose(weight)
    moved = mu @ W if bias is None else mu @ W + bias
    if alpha == 1:
        return moved, s @ xp.abs(W)
    return moved, _root(xp, (s * s) @ (W * W))


def affine_full(
    mean: Array, covariance: Array, weight: Array, bias: Array | None = None
) -> tuple[Array, Array]:
    """Mean (..., m) and covariance (..., m, m) of W x + b for a Gaussian x; exact.

    mean (..., n), covariance (..., n, n), weight (m, n), bias (m,).
    """
    xp = array_namespace(mean, covariance, weight)
    W = xp.matrix_transpose(weight)
    moved = mean @ W if bias is None else mean @ W + bias
    return moved, weight @ covariance @ W


def activation(location: Array, scale: Array, phi: Callable[[Array], Array]) -> tuple[Array, Array]:
    """phi(location) and |phi'(location)| scale, for an element-wise function phi of any kind.

    For the ReLU: (mu, s) where mu > 0, else (0, 0).

    >>> import numpy as np
    >>> from refimpl.autograd import relu
    >>> activation(np.array([2.0, -1.0]), np.array([0.5, 0.5]), relu)
    (array([2., 0.]), array([0.5, 0. ]))
    """
    value, slope = _value_and_slope(location, phi)
    return value, array_namespace(slope).abs(slope) * scale


def activation_full(
    mean: Array, covariance: Array, phi: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """phi(mean) and D S D with D = diag(phi'(mean)), for an element-wise function phi."""
    value, slope = _value_and_slope(mean, phi)
    return value, slope[..., :, None] * covariance * slope[..., None, :]


def _value_and_slope(x: Array, phi: Callable[[Array], Array]) -> tuple[Array, Array]:
    x = float_array(x, "location")
    value, pull = vjp(phi, x)
    if tuple(value.shape) != tuple(x.shape):
        raise ValueError(
            f"phi: expected an element-wise function, got shape {tuple(value.shape)} from "
            f"{tuple(x.shape)}"
        )
    return value, pull(array_namespace(value).ones_like(value))[0]


def sample_jacobian(network: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
    """f(x) (B, m) and the Jacobian of each sample (B, m, n), n = all non-batch axes of x flattened.

    One backward pass per output, for all samples at once; the result is differentiable again. The
    network must treat the samples one by one (no batch normalisation over them).

    Raises ValueError unless x has a batch axis and the network returns (B, m).
    """
    x = float_array(x, "x", min_ndim=2)
    y, pull = vjp(network, x)
    if y.ndim != 2 or y.shape[0] != x.shape[0]:
        raise ValueError(f"network: expected outputs ({x.shape[0]}, m), got {tuple(y.shape)}")
    xp = array_namespace(x, y)
    eye = identity(y.shape[1], y)
    flat = (x.shape[0], math.prod(x.shape[1:]))
    rows = [
        xp.reshape(pull(xp.broadcast_to(eye[k, :], y.shape))[0], flat) for k in range(y.shape[1])
    ]
    return y, xp.stack(rows, axis=1)


def propagate(
    network: Callable[[Array], Array], x: Array, std: float | Array = 1.0
) -> tuple[Array, Array]:
    """Mean f(x) (B, m) and covariance J S J^T (B, m, m) for Gaussian noise on the input.

    x    (B, ...), the mean of the input
    std  standard deviation of independent noise: a number, or an array that broadcasts against the
         flattened input (B, n)

    The covariance has at most the rank of J. To add the output noise of a probabilistic network,
    add diag(sigma^2). Differentiable by x, std and everything that `network` reads.

    >>> import numpy as np
    >>> W = np.array([[1.0, 2.0]])
    >>> propagate(lambda x: x @ W.T, np.ones((1, 2)), 0.5)[1]
    array([[[1.25]]])
    """
    y, J = sample_jacobian(network, x)
    xp = array_namespace(J)
    if isinstance(std, (int, float)):
        std = non_negative(std, "std")
    else:
        std = float_array(std, "std")[..., None, :]
    scaled = J * std
    return y, scaled @ xp.matrix_transpose(scaled)


def propagate_cauchy(
    network: Callable[[Array], Array], x: Array, gamma: Array
) -> tuple[Array, Array, Array]:
    """Location f(x) (B, m), scales |J| gamma (B, m), and J (B, m, n), for independent Cauchy noise.

    gamma  half widths, an array that broadcasts against the flattened input (B, n)
    """
    y, J = sample_jacobian(network, x)
    xp = array_namespace(J)
    widths = float_array(gamma, "gamma")[..., None, :]
    return y, xp.sum(xp.abs(J) * widths, axis=-1), J


def pairwise_probability(mean: Array, covariance: Array) -> Array:
    """P(y_i > y_j) for a Gaussian y: Phi((mu_i - mu_j)/sqrt(S_ii + S_jj - S_ij - S_ji)).

    mean (..., m), covariance (..., m, m); returns (..., m, m) with 1/2 on the diagonal. Where the
    difference has no variance, the probability is 0, 1/2 or 1, with derivative 0.
    """
    mu, S = float_array(mean, "mean", min_ndim=1), float_array(covariance, "covariance", min_ndim=2)
    xp = array_namespace(mu, S)
    n = mu.shape[-1]
    variances = xp.sum(S * identity(n, S), axis=-1)
    spread = variances[..., :, None] + variances[..., None, :] - S - xp.matrix_transpose(S)
    return _ratio_probability(xp, mu, spread, ndtr, root=True)


def pairwise_probability_cauchy(location: Array, jacobian: Array, gamma: Array) -> Array:
    """P(y_i > y_j) in Cauchy noise: 1/2 + atan((y_i - y_j)/(|J_i - J_j| gamma))/pi.

    location (..., m), jacobian (..., m, n), gamma (..., n); returns (..., m, m), 1/2 on the
    diagonal. Where the difference has no width, as `pairwise_probability`.
    """
    xp = array_namespace(location, jacobian)
    difference = xp.abs(jacobian[..., :, None, :] - jacobian[..., None, :, :])
    width = xp.sum(difference * float_array(gamma, "gamma")[..., None, None, :], axis=-1)

    def cdf(z: Array) -> Array:
        return 0.5 + xp.atan(z) / math.pi

    return _ratio_probability(xp, location, width, cdf, root=False)


def _ratio_probability(
    xp: Any, mu: Array, spread: Array, cdf: Callable[[Array], Array], *, root: bool
) -> Array:
    """cdf((mu_i - mu_j)/spread), or with its root; a step where the spread is 0."""
    gap = mu[..., :, None] - mu[..., None, :]
    fixed = spread <= 0
    safe = xp.where(fixed, constant(1.0, like=spread), spread)
    step = xp.where(gap > 0, 1.0, xp.where(gap < 0, 0.0, 0.5))
    return xp.where(fixed, xp.astype(step, gap.dtype), cdf(gap / (xp.sqrt(safe) if root else safe)))


def relu_moments(mean: Array, std: Array) -> tuple[Array, Array]:
    """Mean and variance of max(0, N(mean, std^2)), exact: the moment-matching baseline.

    With z = mean/std, both are std and std^2 times functions of z; below z = -6 the variance is
    computed without cancellation only up to rounding, and is never negative. std > 0.

    Source: Frey and Hinton 1999, "Variational learning in nonlinear Gaussian belief networks".
    """
    mu, s = float_array(mean, "mean"), float_array(std, "std")
    xp = array_namespace(mu, s)
    z = mu / s
    Phi, density = ndtr(z), xp.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    first = z * Phi + density
    variance = (z * z + 1) * Phi + z * density - first * first
    return s * first, s * s * xp.where(variance > 0, variance, 0.0 * variance)


def relu_total_variation(mean: Array, std: Array) -> Array:
    """Phi(-|mean|/std): the total variation between the ReLU of a Gaussian and its propagation."""
    xp = array_namespace(mean, std)
    return ndtr(-xp.abs(mean) / std)


def gaussian_negative_log_likelihood(targets: Array, mean: Array, covariance: Array) -> Array:
    """-log N(targets; mean, covariance) of each sample, (...,).

    targets, mean (..., m); covariance (..., m, m) positive definite (add the output variance, or a
    little on the diagonal, to a propagated one of low rank).
    """
    xp = array_namespace(mean, covariance)
    gap = targets - mean
    solved = xp.linalg.solve(covariance, gap[..., None])[..., 0]
    _, logdet = xp.linalg.slogdet(covariance)
    m = mean.shape[-1]
    return 0.5 * (xp.sum(gap * solved, axis=-1) + logdet + m * math.log(2 * math.pi))


def _root(xp: Any, x: Array) -> Array:
    """sqrt with derivative 0 at 0, where a scale vanishes."""
    zero = x <= 0
    return xp.where(zero, 0.0 * x, xp.sqrt(xp.where(zero, constant(1.0, like=x), x)))
