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
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import Array, array_namespace, constant, vjp
from ..promises import within
from ..spec import specification
from ..validation import choose, float_array, non_negative
from .gram import identity
from .propagation_cases import (
    ACTIVATIONS,
    NOTES,
    activation_cases,
    activation_full_cases,
    affine_cases,
    cauchy_network_cases,
    full_cases,
    mlp,
    network_cases,
)
from .propagation_invariants import CAUCHY, LINEAR, LOCATION, QUADRATIC, SEMIDEFINITE, SIGN

STABILITY = {"gaussian": 2, "cauchy": 1}
SOURCE = "Petersen et al. 2024, Stable Distribution Propagation"


@specification(
    name="training.affine",
    source=f"{SOURCE}: alpha-stable laws under affine maps",
    inputs=("location", "scale", "weight", "bias"),
    outputs=("location", "scale"),
    cases=affine_cases,
    invariants=(LINEAR, SIGN),
    kinks="a scale of 0: derivative 0 (Gaussian); a weight of 0: derivative 0 (Cauchy)",
    notes=NOTES,
)
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

    Raises ValueError for shapes that do not fit and unknown laws.

    >>> import numpy as np
    >>> affine(np.zeros(2), np.array([3.0, 4.0]), np.ones((1, 2)))
    (array([0.]), array([5.]))
    """
    mu, s = float_array(location, "location", 1), float_array(scale, "scale", 1)
    alpha = STABILITY[choose(law, STABILITY, "law")]
    weight = _fitting(weight, mu, s, mu.shape[-1:], "scale")
    xp = array_namespace(mu, s, weight)
    W = xp.matrix_transpose(weight)
    moved = mu @ W if bias is None else mu @ W + bias
    if alpha == 1:
        return moved, s @ xp.abs(W)
    return moved, _root(xp, (s * s) @ (W * W))


@specification(
    name="training.affine_full",
    source=f"{SOURCE}: affine maps",
    inputs=("mean", "covariance", "weight", "bias"),
    outputs=("mean", "covariance"),
    cases=full_cases,
    invariants=(SEMIDEFINITE, QUADRATIC),
)
def affine_full(
    mean: Array, covariance: Array, weight: Array, bias: Array | None = None
) -> tuple[Array, Array]:
    """Mean (..., m) and covariance (..., m, m) of W x + b for a Gaussian x; exact.

    mean (..., n), covariance (..., n, n), weight (m, n), bias (m,). Raises ValueError for other
    shapes.

    >>> import numpy as np
    >>> affine_full(np.zeros(2), np.array([[9.0, 12.0], [12.0, 16.0]]), np.ones((1, 2)))
    (array([0.]), array([[49.]]))
    """
    mean, covariance = float_array(mean, "mean", 1), float_array(covariance, "covariance", 2)
    weight = _fitting(weight, mean, covariance, 2 * mean.shape[-1:], "covariance")
    xp = array_namespace(mean, covariance, weight)
    W = xp.matrix_transpose(weight)
    moved = mean @ W if bias is None else mean @ W + bias
    return moved, weight @ covariance @ W


def _fitting(weight: Array, mean: Array, spread: Array, tail: tuple[int, ...], name: str) -> Array:
    """The weight (m, n), if it fits a mean (..., n), and the spread's last axes are `tail`."""
    weight, n = float_array(weight, "weight"), mean.shape[-1]
    if weight.ndim != 2 or weight.shape[1] != n:
        raise ValueError(f"weight: expected (m, {n}), got {tuple(weight.shape)}")
    if tuple(spread.shape[-len(tail) :]) != tuple(tail):
        lead = ", ".join(["...", *map(str, tail)])
        raise ValueError(f"{name}: expected ({lead}), got {tuple(spread.shape)}")
    return weight


def _named_activation(location: Array, scale: Array, *, phi: str) -> tuple[Array, Array]:
    return activation(location, scale, ACTIVATIONS[choose(phi, ACTIVATIONS, "phi")])


@specification(
    name="training.activation",
    source=f"{SOURCE}: local linearisation",
    inputs=("location", "scale"),
    outputs=("location", "scale"),
    cases=activation_cases,
    invariants=(LINEAR, LOCATION),
    kinks="where phi has one; the ReLU has the slope 0 at 0",
    call=_named_activation,
)
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


def _named_activation_full(mean: Array, covariance: Array, *, phi: str) -> tuple[Array, Array]:
    return activation_full(mean, covariance, ACTIVATIONS[choose(phi, ACTIVATIONS, "phi")])


@specification(
    name="training.activation_full",
    source=f"{SOURCE}: local linearisation",
    inputs=("mean", "covariance"),
    outputs=("mean", "covariance"),
    cases=activation_full_cases,
    invariants=(SEMIDEFINITE, QUADRATIC, LOCATION),
    kinks="where phi has one; the ReLU has the slope 0 at 0",
    call=_named_activation_full,
)
def activation_full(
    mean: Array, covariance: Array, phi: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """phi(mean) and D S D with D = diag(phi'(mean)), for an element-wise function phi.

    mean (..., n), covariance (..., n, n)

    >>> import numpy as np
    >>> from refimpl.autograd import relu
    >>> activation_full(np.array([2.0, -1.0]), np.array([[4.0, 1.0], [1.0, 9.0]]), relu)[1]
    array([[4., 0.],
           [0., 0.]])
    """
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

    >>> import numpy as np
    >>> sample_jacobian(lambda x: x**2, np.array([[1.0, 2.0]]))[1]
    array([[[2., 0.],
            [0., 4.]]])
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


def propagate_marginal(
    layers: Sequence[Any], location: Array, scale: Array, *, law: str = "gaussian"
) -> tuple[Array, Array]:
    """Location and scale of each output, (..., m), without correlations between entries.

    layers           in order: (weight, bias) for an affine map, bias None or (m,), and element-wise
                     functions
    location, scale  of independent inputs, (..., n)

    One forward pass. What one layer correlates the next treats as independent.

    >>> import numpy as np
    >>> from refimpl.autograd import relu
    >>> net = [(np.ones((2, 1)), None), relu, (np.ones((1, 2)), None)]
    >>> propagate_marginal(net, np.array([1.0]), np.array([0.5]))[1].round(6)  # fully: 1.0
    array([0.707107])
    """
    for layer in layers:
        if callable(layer):
            location, scale = activation(location, scale, layer)
        else:
            location, scale = affine(location, scale, *layer, law=law)
    return location, scale


def _through_mlp(
    x: Array, weight1: Array, bias1: Array, weight2: Array, bias2: Array, *, std: Any,
    activation: str,
) -> tuple[Array, Array]:  # fmt: skip
    return propagate(mlp(activation, weight1, bias1, weight2, bias2), x, std)


@specification(
    name="training.propagate",
    source=f"{SOURCE}; distprop 0.1.0",
    inputs=("x", "weight1", "bias1", "weight2", "bias2"),
    outputs=("mean", "covariance"),
    cases=network_cases,
    invariants=(SEMIDEFINITE, QUADRATIC),
    kinks="those of the network; std 0 has the derivative 0",
    second_order=False,
    notes=NOTES,
    call=_through_mlp,
)
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
    scaled = J * _per_column(std, "std")
    return y, scaled @ array_namespace(scaled).matrix_transpose(scaled)


def _per_column(width: float | Array, name: str) -> float | Array:
    """Widths of the inputs, to be multiplied with the columns of J (B, m, n)."""
    if isinstance(width, (int, float)):
        return non_negative(width, name)
    width = float_array(width, name)
    return width[..., None, :] if width.ndim else width


def _cauchy_through_mlp(
    x: Array, gamma: Array, weight1: Array, bias1: Array, weight2: Array, bias2: Array, *,
    activation: str,
) -> tuple[Array, Array]:  # fmt: skip
    return propagate_cauchy(mlp(activation, weight1, bias1, weight2, bias2), x, gamma)[:2]


@specification(
    name="training.propagate_cauchy",
    source=SOURCE,
    inputs=("x", "gamma", "weight1", "bias1", "weight2", "bias2"),
    outputs=("location", "scale"),
    invariants=(within("scale"), CAUCHY),
    cases=cauchy_network_cases,
    kinks="an entry of J that is 0: derivative 0; and those of the network",
    second_order=False,
    call=_cauchy_through_mlp,
)
def propagate_cauchy(
    network: Callable[[Array], Array], x: Array, gamma: float | Array
) -> tuple[Array, Array, Array]:
    """Location f(x) (B, m), scales |J| gamma (B, m), and J (B, m, n), for independent Cauchy noise.

    gamma  half widths: a number, or an array that broadcasts against the flattened input (B, n)

    Raises ValueError as `sample_jacobian` does.

    >>> import numpy as np
    >>> W = np.array([[1.0, -2.0]])
    >>> propagate_cauchy(lambda x: x @ W.T, np.ones((1, 2)), np.array([0.5, 0.25]))[:2]
    (array([[-1.]]), array([[1.]]))
    """
    y, J = sample_jacobian(network, x)
    widths = array_namespace(J).abs(J) * _per_column(gamma, "gamma")
    return y, array_namespace(widths).sum(widths, axis=-1), J


def _root(xp: Any, x: Array) -> Array:
    """sqrt with derivative 0 at 0, where a scale vanishes."""
    zero = x <= 0
    return xp.where(zero, 0.0 * x, xp.sqrt(xp.where(zero, constant(1.0, like=x), x)))
