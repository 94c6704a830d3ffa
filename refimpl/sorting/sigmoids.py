"""The soft comparison of two values: alpha = f(d), d = b - a, the degree to which a is the smaller.

Relaxed comparators replace the step function of d by a sigmoid f: non-decreasing from 0 to 1, with
f(-d) = 1 - f(d). Petersen et al., "Differentiable Sorting Networks for Scalable Sorting and Ranking
Supervision" (ICML 2021; DSN) take the logistic one, with the activation replacement trick (ART);
"Monotonic Differentiable Sorting Networks" (ICLR 2022; MDSN) add those for which a relaxed swap is
monotone. With v = s d for the steepness s:

    name            f(d)                                             slope at 0             monotone
    logistic        1 / (1 + exp(-v))                                s / 4                  no
    logistic_phi    logistic(v / (|d| + 1e-10)^lambda)               (s / 4) 1e10^lambda    no
    gaussian        Phi(v), the normal distribution function         s / sqrt(2 pi)         no
    reciprocal      1/2 + v / (2 (2 + |v|))                          s / 4                  yes
    cauchy          1/2 + atan(v) / pi                               s / pi                 yes
    optimal         1/2 + v if |v| <= 1/4, else 1 - 1/(16 v) for     s                      yes
                    v > 0 and -1/(16 v) for v < 0

These are the units of the published code ("published"). In the units "lipschitz" the steepness is
the slope at 0 for every f, which is the Lipschitz constant of alpha: the scale on which MDSN
compares the functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.validation import choose, float_array, in_range

ART_EPSILON = 1e-10  # keeps the ART finite at a tie, as in the published code


class Sigmoid(NamedTuple):
    """A comparison function d -> alpha with its derivative, all parameters chosen."""

    alpha: Callable[[Array], Array]
    slope: Callable[[Array], Array]


class Family(NamedTuple):
    """A sigmoid in its published units: f and f' as functions of v, and f'(0)."""

    cdf: Callable[[Array], Array]
    pdf: Callable[[Array], Array]
    peak: float


def _logistic_pdf(v):
    return ag.sigmoid(v) * ag.sigmoid(-v)


def _gaussian_pdf(v):
    xp = ag.array_namespace(v)
    return xp.exp(-0.5 * v * v) / math.sqrt(2 * math.pi)


def _reciprocal(v):
    xp = ag.array_namespace(v)
    return 0.5 * (v / (2 + xp.abs(v)) + 1)


def _reciprocal_pdf(v):
    xp = ag.array_namespace(v)
    r = 2 + xp.abs(v)
    return 1 / (r * r)


def _cauchy(v):
    xp = ag.array_namespace(v)
    return xp.atan(v) / math.pi + 0.5


def _cauchy_pdf(v):
    return 1 / (math.pi * (1 + v * v))


def _optimal(v):
    xp = ag.array_namespace(v)
    near = xp.abs(v) <= 0.25
    far = 1 / (16 * xp.where(near, 1.0, v))
    return xp.where(near, v + 0.5, xp.where(v > 0, 1 - far, -far))


def _optimal_pdf(v):
    xp = ag.array_namespace(v)
    near = xp.abs(v) <= 0.25
    w = xp.where(near, 0.25, v)
    return 1 / (16 * w * w)


FAMILIES: dict[str, Family] = {
    "logistic": Family(ag.sigmoid, _logistic_pdf, 0.25),
    "gaussian": Family(ag.ndtr, _gaussian_pdf, 1 / math.sqrt(2 * math.pi)),
    "reciprocal": Family(_reciprocal, _reciprocal_pdf, 0.25),
    "cauchy": Family(_cauchy, _cauchy_pdf, 1 / math.pi),
    "optimal": Family(_optimal, _optimal_pdf, 1.0),
}
DISTRIBUTIONS = ("logistic", "logistic_phi", "gaussian", "reciprocal", "cauchy", "optimal")
MONOTONE = ("reciprocal", "cauchy", "optimal")
UNITS = ("published", "lipschitz")


def make_sigmoid(distribution: str, steepness: float, art_lambda: float, units: str) -> Sigmoid:
    """The comparison function for these options, which are checked here."""
    choose(distribution, DISTRIBUTIONS, "distribution")
    choose(units, UNITS, "units")
    s = _steepness(steepness)
    power = in_range(art_lambda, "art_lambda", 0.0, 1.0)
    if distribution == "logistic_phi":
        if units == "lipschitz":
            raise ValueError(
                "units: expected 'published' for the distribution 'logistic_phi', which has no "
                "Lipschitz constant (its slope at 0 is unbounded); got 'lipschitz'"
            )
        return _replaced(s, power)
    family = FAMILIES[distribution]
    scale = s if units == "published" else s / family.peak
    return Sigmoid(lambda d: family.cdf(scale * d), lambda d: scale * family.pdf(scale * d))


def _steepness(steepness: float) -> float:
    s = in_range(steepness, "steepness", -math.inf, math.inf)
    if s < 0:
        raise ValueError(
            f"steepness: expected a number >= 0, got {steepness!r}; "
            "to sort in descending order, use descending=True"
        )
    if math.isinf(s):
        raise ValueError("steepness: expected a finite number, got inf; the limit is hard_sort")
    return s


def _replaced(s: float, power: float) -> Sigmoid:
    """Activation replacement (DSN section 4): logistic(s d / (|d| + epsilon)^lambda)."""

    logistic = FAMILIES["logistic"]

    def alpha(d: Array) -> Array:
        xp = ag.array_namespace(d)
        return logistic.cdf(s * d * (xp.abs(d) + ART_EPSILON) ** -power)

    def slope(d: Array) -> Array:
        size = ag.array_namespace(d).abs(d)
        factor = s * (size + ART_EPSILON) ** -power
        inner = factor * ((1 - power) * size + ART_EPSILON) / (size + ART_EPSILON)
        return logistic.pdf(factor * d) * inner

    return Sigmoid(alpha, slope)


def soft_comparison(
    d: Array,
    *,
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
) -> Array:
    """The degree alpha = f(d) to which the first of two values is the smaller, d = second - first.

    d: any shape. Returns the same shape and dtype, from 0 to 1, 1/2 at d = 0. The options are those
    of `sorting_network`; the table in the head of this file has the formulas.

    >>> import numpy as np
    >>> soft_comparison(np.array([-0.1, 0.0, 0.1]), distribution="cauchy", steepness=10.0)
    array([0.25, 0.5 , 0.75])
    """
    return make_sigmoid(distribution, steepness, art_lambda, units).alpha(float_array(d, "d"))
