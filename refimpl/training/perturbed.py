"""Perturbed optimisers: a discrete maximiser smoothed by noise on its scores.

    y*(theta) = argmax_y <y, theta>,   y_eps(theta) = E y*(theta + sigma Z)
    F_eps(theta) = E max_y <y, theta + sigma Z>,   grad F_eps = y_eps

The Jacobian is an expectation as well, E[(y*(theta + sigma Z) - c) nu(Z)^T]/sigma with the noise's
score nu, so the maximiser is only called, never differentiated. The Fenchel-Young loss
F_eps(theta) + Omega(y) - <theta, y> has the gradient y_eps(theta) - y.

Source: Berthet et al. 2020, "Learning with Differentiable Perturbed Optimizers", NeurIPS,
propositions 2.2 and 3.1, and section 4; Dalle et al. 2022, "Learning with Combinatorial
Optimization Layers: a Probabilistic Approach", for multiplicative noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import Array, array_namespace, plain, stop_gradient
from ..distributions import Distribution
from ..spec import specification
from ..validation import choose, float_array, positive, whole
from .noise import noise_law
from .smoothing import centred
from .solver_cases import (
    NOTES,
    fenchel_young_cases,
    maximum_cases,
    perturbed_cases,
    run_named,
)
from .solver_invariants import FENCHEL_YOUNG_INVARIANTS, MAXIMUM_INVARIANTS, MEAN_OF_SOLUTIONS

Maximiser = Callable[[Array], Array]
COVARIATES = ("none", "f(x)", "loo")


def _named(theta: Array, noise: Array, *, solver: str, **options: Any) -> Array:
    return run_named(perturbed, solver, theta, noise, **options)


@specification(
    name="training.perturbed",
    source="Berthet et al. 2020, proposition 3.1",
    inputs=("theta", "noise"),
    differentiable=("theta",),
    outputs=("value",),
    cases=perturbed_cases,
    invariants=MEAN_OF_SOLUTIONS,
    gradient="mean of <y_s - c_s, g> nu(Z_s)/sigma over samples, nu the score of the noise",
    second_order=False,
    kinks="the value jumps where a sample has two solutions",
    notes=NOTES,
    call=_named,
)
def perturbed(
    f: Maximiser,
    theta: Array,
    noise: Array,
    sigma: float = 1.0,
    *,
    distribution: str | Distribution = "gaussian",
    covariate: str = "none",
    batch_ndim: int = 0,
    multiplicative: bool = False,
) -> Array:
    """The mean of f(theta + sigma Z) over samples, with the derivative of Berthet et al.

    f           applied to all samples at once: (S, *theta.shape) -> (S, *batch, ...); any function
    theta       (*batch, ...), with `batch_ndim` leading axes that f treats one by one
    noise       Z, standardised, (S, *theta.shape) or what broadcasts to it
    covariate   what is subtracted from f in the derivative: "none" as published, "f(x)", or "loo",
                the mean of the other samples; less variance, no bias
    multiplicative  f(theta exp(sigma Z - sigma^2/2)) in place of f(theta + sigma Z), for costs that
                must keep their sign; theta, which has no zeros then, is a factor beside sigma in
                the derivative

    Raises ValueError for shapes that do not fit and unknown names.

    >>> import numpy as np
    >>> one_hot = lambda s: np.eye(3)[np.argmax(s, axis=-1)]
    >>> noise = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> perturbed(one_hot, np.array([1.0, 0.0, 0.0]), noise)
    array([0.5, 0.5, 0. ])
    """
    theta = float_array(theta, "theta")
    noise = _spread(noise, theta)
    sigma, law = positive(sigma, "sigma"), noise_law(distribution)
    choose(covariate, COVARIATES, "covariate")
    batch = whole(batch_ndim, "batch_ndim")
    if batch > theta.ndim:
        raise ValueError(f"batch_ndim: {batch} of an array with {theta.ndim} axes")

    known = stop_gradient(theta)
    values = stop_gradient(f(_moved(known, sigma * noise, sigma, multiplicative)))
    _check_values(values, (noise.shape[0], *theta.shape[:batch]))
    centre = stop_gradient(f(known)) if covariate == "f(x)" else None
    weights = centred(values, covariate, centre)
    # zero, with the score as its derivative: (S, *batch), one axis for each of the values behind
    change = (theta - known) / known if multiplicative else theta - known
    step = _inner(array_namespace(theta, noise), law.score(noise) * change, batch + 1)
    xp = array_namespace(step, values)
    step = xp.reshape(step, (*step.shape, *(1,) * (values.ndim - batch - 1)))
    return xp.mean(values, axis=0) + xp.mean(weights * step, axis=0) / sigma


def _moved(theta: Array, spread: Array, sigma: float, multiplicative: bool) -> Array:
    if not multiplicative:
        return theta + spread
    return theta * array_namespace(spread).exp(spread - 0.5 * sigma**2)


def _check_values(values: Array, lead: tuple[int, ...]) -> None:
    if tuple(values.shape[: len(lead)]) != lead:
        raise ValueError(
            f"f: expected values whose leading axes are {lead}, the samples and the batch, got "
            f"{tuple(values.shape)}"
        )


def _named_maximum(theta: Array, noise: Array, *, solver: str, **options: Any) -> Array:
    return run_named(perturbed_maximum, solver, theta, noise, **options)


def _named_loss(theta: Array, target: Array, noise: Array, *, solver: str, **options: Any) -> Array:
    return run_named(fenchel_young_loss, solver, theta, target, noise, **options)


@specification(
    name="training.perturbed_maximum",
    source="Berthet et al. 2020, proposition 2.2",
    inputs=("theta", "noise"),
    differentiable=("theta",),
    outputs=("value",),
    cases=maximum_cases,
    gradient="the mean of the maximisers",
    invariants=MAXIMUM_INVARIANTS,
    second_order=False,
    notes=NOTES,
    call=_named_maximum,
)
def perturbed_maximum(
    maximiser: Maximiser, theta: Array, noise: Array, sigma: float = 1.0, *, batch_ndim: int = 0
) -> Array:
    """F_eps(theta) = mean <theta + sigma Z, y*(theta + sigma Z)>, (*batch,); its gradient is the
    mean of the maximisers, for the same samples. Arguments and errors as in `perturbed`.

    >>> import numpy as np
    >>> one_hot = lambda s: np.eye(3)[np.argmax(s, axis=-1)]
    >>> noise = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> float(perturbed_maximum(one_hot, np.array([1.0, 0.0, 0.0]), noise))
    1.5
    """
    theta = float_array(theta, "theta")
    moved = theta + positive(sigma, "sigma") * _spread(noise, theta)
    best = stop_gradient(maximiser(plain(stop_gradient(moved))))
    xp = array_namespace(moved)
    return xp.mean(_inner(xp, best * moved, batch_ndim + 1), axis=0)


@specification(
    name="training.fenchel_young_loss",
    source="Berthet et al. 2020, section 4",
    inputs=("theta", "target", "noise"),
    differentiable=("theta",),
    outputs=("loss",),
    cases=fenchel_young_cases,
    gradient="the mean of the maximisers minus the target, its negative if minimise",
    invariants=FENCHEL_YOUNG_INVARIANTS,
    second_order=False,
    notes=NOTES,
    call=_named_loss,
)
def fenchel_young_loss(
    maximiser: Maximiser,
    theta: Array,
    target: Array,
    noise: Array,
    sigma: float = 1.0,
    *,
    minimise: bool = False,
    batch_ndim: int = 0,
    value: str = "loss",
) -> Array:
    """F_eps(theta) - <theta, y>, the Fenchel-Young loss without the constant Omega(y), (*batch,).

    maximiser   argmax_y <y, theta>, or the argmin if `minimise`, applied to all samples at once
    target      y, (*batch, ...), shaped like theta
    value       "loss"; or "distance", |y_eps(theta) - y|^2, which is what the published code
                reports, with the gradient of the loss all the same

    The gradient by theta is y_eps(theta) - y, or its negative if `minimise`; zero in expectation if
    y are draws of the perturbed model. Omega is not differentiated: y is data.

    Raises ValueError for shapes that do not fit and an unknown value.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> one_hot = lambda s: np.eye(3)[np.argmax(s, axis=-1)]
    >>> noise = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> y = np.array([0.0, 1.0, 0.0])
    >>> grad(lambda t: fenchel_young_loss(one_hot, t, y, noise))(np.array([1.0, 0.0, 0.0]))
    array([ 0.5, -0.5,  0. ])
    """
    choose(value, ("loss", "distance"), "value")
    theta, target = float_array(theta, "theta"), float_array(target, "target")
    noise = float_array(noise, "noise", min_ndim=1)
    if tuple(theta.shape) != tuple(target.shape):
        raise ValueError(
            f"theta, target: expected equal shapes, got {tuple(theta.shape)} and "
            f"{tuple(target.shape)}"
        )
    sign = -1.0 if minimise else 1.0
    signed = sign * theta
    known = stop_gradient(target)

    def best(scores: Array) -> Array:
        return maximiser(sign * scores)

    maximum = perturbed_maximum(best, signed, sign * noise, sigma, batch_ndim=batch_ndim)
    xp = array_namespace(theta, target)
    loss = maximum - _inner(xp, signed * known, batch_ndim)
    if value == "loss":
        return loss
    mean = stop_gradient(perturbed(maximiser, theta, noise, sigma, batch_ndim=batch_ndim))
    gap = mean - known
    return loss + stop_gradient(_inner(xp, gap * gap, batch_ndim) - loss)


def _inner(xp: Any, product: Array, batch_ndim: int) -> Array:
    """The sum over all but the leading axes."""
    shape = (*product.shape[:batch_ndim], math.prod(product.shape[batch_ndim:]))
    return xp.sum(xp.reshape(product, shape), axis=-1)


def _spread(noise: Array, theta: Array) -> Array:
    noise = float_array(noise, "noise", min_ndim=1)
    xp, shape = array_namespace(noise), tuple(theta.shape)
    fits = noise.ndim == theta.ndim + 1 and all(
        n in (1, t) for n, t in zip(noise.shape[1:], shape, strict=True)
    )
    if not fits or noise.shape[0] == 0:
        raise ValueError(f"noise: expected (S, *{shape}) with S >= 1, got {tuple(noise.shape)}")
    return xp.broadcast_to(noise, (noise.shape[0], *shape))
