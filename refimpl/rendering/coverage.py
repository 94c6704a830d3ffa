"""Coverage: the probability that a triangle, displaced at random, covers a pixel.

    b = F(x/tau),   x the signed distance d, or d |d|

with F the distribution function of the displacement. F(-z) falls below 1e-6 at a cut radius; pairs
farther outside contribute nothing and are never formed.

Source: Petersen et al. 2022, "GenDR", section 3; gendr 0.1.0 for the thresholds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..autograd import Array, array_namespace
from ..distributions import Distribution
from ..distributions import distribution as find_distribution
from ..validation import non_negative, positive

THRESHOLD = 1e-6  # coverage of at most this counts as none


@dataclass(frozen=True)
class Coverage:
    """A distribution with its scale tau, in units of the image plane (or their square).

    hard: the step function (also tau = 0), by barycentric coordinates including the edges
    reach: pairs outside their triangle by more than this distance have no coverage
    cut_square: pairs outside with d^2 at least this are dropped (upstream's dist_eps times tau)
    """

    law: Distribution
    scale: float
    squared: bool
    cut_square: float

    @property
    def hard(self) -> bool:
        return self.law.name == "heaviside" or self.scale == 0

    @property
    def reach(self) -> float:
        if self.hard:
            return 0.0
        radius = self.scale * self.law.cut_radius(THRESHOLD)
        radius = math.sqrt(radius) if self.squared else radius
        return min(radius, math.sqrt(self.cut_square))

    def probability(self, x: Array) -> tuple[Array, Array]:
        """b and 1 - b of signed distances (or squares) x, both without cancellation."""
        z = x / self.scale
        return self.law.cdf(z), self.law.survival(z)


def make_coverage(
    distribution: str | Distribution,
    scale: float,
    *,
    squared: bool = False,
    shape: float | None = None,
    shift: float | None = None,
    dist_eps: float = 1e4,
) -> Coverage:
    """Coverage by a distribution's name, or by the distribution itself.

    scale tau >= 0; shape of gamma and gamma_rev; shift of exponential, gamma, levy and their mirror
    images, in units of tau; dist_eps >= 1: pairs outside with d^2 >= dist_eps tau are dropped.
    Raises ValueError for unknown names and for numbers out of range.
    """
    law = distribution
    if isinstance(law, str):
        given = {"shape": shape, "shift": shift}
        law = find_distribution(law, **{k: v for k, v in given.items() if v is not None})
    scale = non_negative(scale, "scale")
    if positive(dist_eps, "dist_eps") < 1:
        raise ValueError(f"dist_eps: expected a number >= 1, got {dist_eps}")
    return Coverage(law, scale, squared, dist_eps * scale)


def step(inside: Array, like: Array) -> tuple[Array, Array]:
    """b and 1 - b of the hard rasteriser: 1 inside the closed triangle."""
    xp = array_namespace(like)
    b = xp.astype(inside, like.dtype)
    return b, 1 - b
