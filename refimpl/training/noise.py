"""Noise for gradient estimators: any smooth law, independent or evenly spread samples."""

from __future__ import annotations

import math

from ..autograd import Array, Generator, array_namespace
from ..distributions import Distribution
from ..distributions import distribution as find_distribution
from ..validation import float_array
from .quasi_monte_carlo import unit_points

NEAR, JUMP = 1e-9, 1e-3  # a density above JUMP so NEAR an end of the support jumps there


def noise_law(name: str | Distribution) -> Distribution:
    """The distribution of that name ("gaussian", "logistic", "gumbel" = gumbel_max, "cauchy",
    "laplace", "triangular", ...), refused if its density jumps.
    """
    law = name if isinstance(name, Distribution) else find_distribution(name)
    if law.lipschitz == math.inf or _jumps_at_an_end(law):
        raise ValueError(
            f"distribution: the density of {law.name!r} jumps, so it has no score; use one without "
            "jumps, such as 'gaussian', 'logistic' or 'triangular'"
        )
    return law


def draw_noise(
    samples: int,
    n: int,
    generator: Generator,
    *,
    distribution: str | Distribution = "gaussian",
    method: str = "mc",
    antithetic: bool = False,
) -> Array:
    """Noise (S, n) of a distribution: independent or from evenly spread points.

    antithetic: S/2 samples followed by their mirror images (symmetric distributions, even S).
    See `quasi_monte_carlo.unit_points` for `method`.

    Raises ValueError for antithetic noise of another law or an odd number of samples, and for what
    `noise_law` and `unit_points` refuse.

    >>> draw_noise(4, 1, Generator(0), method="latin", antithetic=True).sum()
    np.float64(0.0)
    """
    law = noise_law(distribution)
    if not antithetic:
        return law.sample(unit_points(samples, n, method, generator))
    if not law.symmetric or samples % 2:
        raise ValueError(
            f"antithetic: needs a symmetric distribution and an even number of samples, got "
            f"{law.name!r} and {samples}"
        )
    half = law.sample(unit_points(samples // 2, n, method, generator))
    return array_namespace(half).concat([half, -half], axis=0)


def _jumps_at_an_end(law: Distribution) -> bool:
    low, high = law.support
    inside = [low + NEAR] * math.isfinite(low) + [high - NEAR] * math.isfinite(high)
    return any(float(law.pdf(float_array(z, "z"))) > JUMP for z in inside)
