"""Stochastic smoothing: the expectation of any function under noise, and its derivatives.

For a function f without useful derivatives, E f(x + L eps) is differentiable in x and in the scale
L. Its derivatives are expectations of f times the score s(eps) = -grad log mu(eps) of the noise,

    J = E[(f(v) - c) (L^-T s)^T]        v = x + L eps
    d f_k/dL = E[(f_k(v) - c_k) L^-T (s eps^T - I)]

for any control covariate c that does not depend on the sample: 0, f(x), or the mean of the others
(leave-one-out). L is a number gamma > 0 or an invertible matrix. The density must be absolutely
continuous: a jump, as at the ends of the uniform one, has no score.

Source: Petersen, Borgelt, Mishra, Ermon 2024, "Generalizing Stochastic Smoothing for
Differentiation and Gradient Estimation" (arXiv 2410.08125), lemma 3, theorems 7 and 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..autograd import (
    Array,
    array_namespace,
    einsum,
    is_array,
)
from ..distributions import Distribution
from ..spec import specification
from ..validation import choose, float_array, positive
from .gram import identity
from .noise import noise_law
from .replaced_gradient import replaced_gradient
from .smoothing_cases import NOTES, cases, on_named_function
from .smoothing_invariants import ESTIMATE_INVARIANTS, VALUE_INVARIANTS

COVARIATES = ("none", "f(x)", "loo", "loo_pair")
Function = Callable[[Array], Array]


class Estimate(NamedTuple):
    """Estimates from one set of samples.

    value           mean of f(v), (..., m)
    jacobian        (..., m, n)
    scale_gradient  derivative by gamma, (..., m), or by the matrix L, (..., m, n, n)
    """

    value: Array
    jacobian: Array
    scale_gradient: Array


def _estimate(**options: Any) -> Estimate:
    return on_named_function(estimate)(**options)


def _smooth(**options: Any) -> Array:
    return on_named_function(smooth)(**options)


@specification(
    name="training.smoothing_estimate",
    source="Petersen et al. 2024, Generalizing Stochastic Smoothing, lemma 3 and theorem 7",
    inputs=("x", "noise", "scale"),
    differentiable=(),
    outputs=("value", "jacobian", "scale_gradient"),
    cases=cases,
    gradient="none: the Jacobian is an output",
    invariants=ESTIMATE_INVARIANTS,
    notes=NOTES,
    call=_estimate,
)
def estimate(
    f: Function,
    x: Array,
    noise: Array,
    scale: float | Array = 1.0,
    *,
    distribution: str | Distribution = "gaussian",
    covariate: str = "loo",
) -> Estimate:
    """Smoothed value and derivatives of f at x.

    f             (..., n) -> (..., m), applied to all samples at once; need not be differentiable
    x             (..., n)
    noise         eps, standardised, (S, n) or (S, ..., n): one set for all of the batch, or each
                  its own
    scale         gamma > 0, or an invertible matrix L (n, n)
    distribution  what the noise was drawn from
    covariate     "none"; "f(x)"; "loo", the mean of the other samples; "loo_pair", the mean of the
                  others without the sample's mirror image, for antithetic noise [eps; -eps]

    With antithetic noise "loo" is biased: the baseline contains the mirror image, and the result is
    too large by S/(S - 1). All others are unbiased for independent samples. Averages need a finite
    mean of f(v) s: Cauchy noise needs a bounded f (or `k_sample_median`).

    Raises ValueError for shapes that do not fit, unknown names, and too few samples for the
    covariate.

    >>> import numpy as np
    >>> noise = np.array([[1.0], [-2.0]])
    >>> estimate(lambda v: np.where(v > 0, 1.0, 0.0), np.array([0.5]), noise).jacobian
    array([[1.5]])
    """
    x = float_array(x, "x", min_ndim=1)
    noise = _spread_noise(float_array(noise, "noise", min_ndim=2), x)
    L = _scale(scale, x.shape[-1])
    values = f(_moved(x, noise, L))
    _check_values(values, noise.shape[0], x)
    centre = f(x) if covariate == "f(x)" else None
    return estimate_from_values(values, noise, L, distribution, covariate, centre)


def estimate_from_values(
    values: Array,
    noise: Array,
    scale: float | Array,
    distribution: str | Distribution = "gaussian",
    covariate: str = "loo",
    centre: Array | None = None,
) -> Estimate:
    """As `estimate`, for values (S, ..., m) of f that are known; `centre` is f(x), (..., m).

    noise  (S, ..., n), or with axes of length 1 where a batch shares it

    >>> import numpy as np
    >>> values, noise = np.array([[1.0], [0.0]]), np.array([[1.0], [-2.0]])
    >>> estimate_from_values(values, noise, 2.0).scale_gradient
    array([-0.75])
    """
    values, noise = float_array(values, "values", 2), float_array(noise, "noise", 2)
    if values.shape[0] != noise.shape[0] or values.ndim != noise.ndim or not noise.shape[0]:
        raise ValueError(
            "values, noise: expected (S, ..., m) and (S, ..., n) with S >= 1, got "
            f"{tuple(values.shape)} and {tuple(noise.shape)}"
        )
    scale = _scale(scale, noise.shape[-1])
    weights = centred(values, covariate, centre)
    law = noise_law(distribution)
    score = law.score(noise)
    S, n = noise.shape[0], noise.shape[-1]
    xp = array_namespace(values, noise)
    unscaled = unscaled_score(score, scale)
    jacobian = einsum("s...m,s...n->...mn", weights, unscaled) / S
    if is_matrix(scale):
        outer = score[..., :, None] * noise[..., None, :] - identity(n, noise)
        inner = einsum("s...m,s...ij->...mij", weights, outer) / S
        by_scale = einsum("ki,...mij->...mkj", _inverse_transpose(scale), inner)
    else:
        radial = xp.sum(score * noise, axis=-1) - n
        by_scale = einsum("s...m,s...->...m", weights, radial) / (S * scale)
    return Estimate(xp.mean(values, axis=0), jacobian, by_scale)


def centred(values: Array, covariate: str, centre: Array | None = None) -> Array:
    """f_i - c_i for the values (S, ..., m) of f.

    >>> import numpy as np
    >>> centred(np.array([[1.0], [2.0], [6.0]]), "loo")[:, 0]
    array([-3. , -1.5,  4.5])
    """
    choose(covariate, COVARIATES, "covariate")
    xp = array_namespace(values)
    S = values.shape[0]
    if covariate == "none":
        return values
    if covariate == "f(x)":
        if centre is None:
            raise ValueError("covariate: 'f(x)' needs the value at x")
        return values - centre
    need = 2 if covariate == "loo" else 4
    if need > S or (covariate == "loo_pair" and S % 2):
        even = "an even number of at least " if need == 4 else "at least "
        raise ValueError(f"covariate: {covariate!r} needs {even}{need} samples, got {S}")
    total = xp.sum(values, axis=0)
    if covariate == "loo":
        return values - (total - values) / (S - 1)
    mirrored = xp.concat([values[S // 2 :, ...], values[: S // 2, ...]], axis=0)
    return values - (total - values - mirrored) / (S - 2)


@specification(
    name="training.smooth",
    source="Petersen et al. 2024, Generalizing Stochastic Smoothing, lemma 3 and theorem 7",
    inputs=("x", "noise", "scale"),
    differentiable=("x", "scale"),
    outputs=("value",),
    cases=cases,
    gradient="the estimate of the smoothed function's derivative from the same samples",
    invariants=VALUE_INVARIANTS,
    second_order=False,
    notes=NOTES,
    call=_smooth,
)
def smooth(
    f: Function,
    x: Array,
    noise: Array,
    scale: float | Array = 1.0,
    *,
    distribution: str | Distribution = "gaussian",
    covariate: str = "loo",
) -> Array:
    """The mean of f(x + L eps) over samples, differentiable in x and in the scale by their scores.

    Arguments, shapes and errors are those of `estimate`; returns (..., m). Smoothing an algorithm
    and then taking a loss of it, or smoothing the loss of the algorithm, are two objectives; both
    are this function, of f or of loss o f.

    >>> import numpy as np
    >>> from refimpl.autograd import Generator, grad
    >>> from refimpl.training.noise import draw_noise
    >>> step = lambda v: np.where(v > 0, 1.0, 0.0)
    >>> noise = draw_noise(1000, 1, Generator(0), method="latin")
    >>> g = grad(lambda x: smooth(step, x, noise)[0])(np.array([0.5]))
    >>> bool(abs(g[0] - np.exp(-0.125) / np.sqrt(2 * np.pi)) < 0.01)
    True
    """

    def value(x: Array, noise: Array, scale: Any) -> Array:
        return forward(x, noise, scale)[0]

    def forward(x: Array, noise: Array, scale: Any) -> tuple[Array, Estimate]:
        found = estimate(f, x, noise, scale, distribution=distribution, covariate=covariate)
        return found.value, found

    def backward(found: Estimate, g: Array) -> tuple[Array, None, Array]:
        by_x = einsum("...m,...mn->...n", g, found.jacobian)
        matrix = found.scale_gradient.ndim > found.value.ndim
        by_scale = einsum("...m,...mij->...ij" if matrix else "...m,...m->...", g, found[2])
        xp, extra = array_namespace(by_scale), by_scale.ndim - (2 if matrix else 0)
        by_scale = xp.sum(by_scale, axis=tuple(range(extra))) if extra else by_scale
        return by_x, None, by_scale

    smoothed = replaced_gradient(value)
    smoothed.defvjp(forward, backward)
    return smoothed(float_array(x, "x", min_ndim=1), noise, scale)


def is_matrix(scale: Any) -> bool:
    return bool(is_array(scale) and scale.ndim == 2)


def _scale(scale: Any, n: int) -> Any:
    """A positive number, an array of one, or a matrix (n, n)."""
    if not is_array(scale):
        return positive(scale, "scale")
    if tuple(scale.shape) not in ((), (n, n)):
        raise ValueError(
            f"scale: expected a number or a matrix ({n}, {n}), got shape {tuple(scale.shape)}; "
            "for one number per axis, use a diagonal matrix"
        )
    return float_array(scale, "scale")


def _check_values(values: Any, S: int, x: Array) -> None:
    expected = (S, *x.shape[:-1])
    found = tuple(values.shape) if is_array(values) else type(values).__name__
    if not is_array(values) or values.ndim != x.ndim + 1 or found[:-1] != expected:
        raise ValueError(
            f"f: expected values ({', '.join(map(str, expected))}, m) for points "
            f"{(*expected, x.shape[-1])}, got {found}; a scalar function needs an axis of length 1"
        )


def _spread_noise(noise: Array, x: Array) -> Array:
    """Noise (S, n) as (S, 1, ..., 1, n), to broadcast against the batch of x."""
    n = x.shape[-1]
    fits = noise.ndim == 2 or tuple(noise.shape[1:]) == tuple(x.shape)
    if not fits or noise.shape[-1] != n or not noise.shape[0]:
        raise ValueError(
            f"noise: expected (S, {n}) or (S, *{tuple(x.shape)}) with S >= 1, "
            f"got {tuple(noise.shape)}"
        )
    xp = array_namespace(noise)
    middle = x.shape[:-1] if noise.ndim == 2 else noise.shape[1:-1]
    if noise.ndim == 2:
        noise = xp.reshape(noise, (noise.shape[0], *(1,) * (x.ndim - 1), n))
    return xp.broadcast_to(noise, (noise.shape[0], *middle, n))


def _moved(x: Array, noise: Array, scale: Any) -> Array:
    if is_matrix(scale):
        return x + noise @ array_namespace(scale).matrix_transpose(scale)
    return x + scale * noise


def unscaled_score(score: Array, scale: Any) -> Array:
    """L^-T s for every sample."""
    if is_matrix(scale):
        xp = array_namespace(scale)
        return score @ xp.matrix_transpose(_inverse_transpose(scale))
    return score / scale


def _inverse_transpose(L: Array) -> Array:
    xp = array_namespace(L)
    return xp.matrix_transpose(xp.linalg.inv(L))
