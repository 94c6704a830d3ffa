"""Coverage: the probability that a triangle, displaced at random, covers a pixel.

    b = F(x/tau),   x the signed distance d, or d |d|

with F the distribution function of the displacement. F(-z) falls below a threshold, 1e-6, at a cut
radius; pairs farther outside contribute nothing and are never formed.

Where several conditions x_k > 0 say what is inside (the three edges), each has its own displacement
and b is the probability that all hold; where one of two groups is enough, that either does:

    b = prod_k F(x_k/tau),   b = b_1 + b_2 - b_1 b_2

Source: Petersen et al. 2022, "GenDR", section 3; gendr 0.1.0 for the thresholds. Petersen et al.
2021, "Learning with Algorithmic Supervision via Continuous Relaxations", for the edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from ..autograd import Array, array_namespace
from ..distributions import Distribution
from ..distributions import distribution as find_distribution
from ..validation import choose, in_range, non_negative, positive
from .distance import (
    DISTANCES,
    Points,
    barycentric,
    conditions,
    doubled_area,
    gather,
    is_inside,
)

THRESHOLD = 1e-6  # coverage of at most this counts as none


@dataclass(frozen=True)
class Coverage:
    """A distribution with its scale tau, in units of the image plane (or their square).

    distance: which conditions say what is inside, see `distance.conditions`
    threshold: coverage of at most this counts as none
    hard: the step function (also tau = 0), by barycentric coordinates including the edges
    reach: pairs whose smallest condition is below minus this length have no coverage
    cut: pairs outside with |x| at least this are dropped (upstream's dist_eps times tau, which is
        compared with squares)
    """

    law: Distribution
    scale: float
    squared: bool
    cut_square: float
    distance: str = "boundary"
    threshold: float = THRESHOLD

    @property
    def hard(self) -> bool:
        return self.law.name == "heaviside" or self.scale == 0

    @property
    def reach(self) -> float:
        if self.hard:
            return 0.0
        radius = self.scale * self.law.cut_radius(self.threshold)
        radius = math.sqrt(radius) if self.squared else radius
        return min(radius, math.sqrt(self.cut_square))

    @property
    def cut(self) -> float:
        return self.cut_square if self.squared else math.sqrt(self.cut_square)

    def of(
        self, face_vertices: Array, faces: Array, px: Array, py: Array
    ) -> tuple[Array, Array, Array]:
        """b and 1 - b of each pair (P,), both without cancellation, and whether it counts."""
        if self.hard:
            corners = gather(face_vertices, faces)
            inside = is_inside(barycentric(corners, px, py), closed=True)
            if self.distance == "front_edges":
                inside = inside & (doubled_area(corners) < 0)
            return *step(inside, px), inside
        groups = conditions(
            face_vertices, faces, px, py, distance=self.distance, squared=self.squared
        )
        b, complement = self.probability(groups)
        return b, complement, (b > self.threshold) & self.near(groups)

    def probability(self, groups: tuple[Points, ...]) -> tuple[Array, Array]:
        """b and 1 - b of conditions: all of a group, any of the groups."""
        chances = [self._all(group) for group in groups]
        b, complement = chances[0]
        for other, rest in chances[1:]:
            b, complement = b + complement * other, complement * rest
        return b, complement

    def _all(self, group: Points) -> tuple[Array, Array]:
        z = group[0] / self.scale
        b, complement = self.law.cdf(z), self.law.survival(z)
        for x in group[1:]:
            z = x / self.scale
            b, complement = b * self.law.cdf(z), complement + b * self.law.survival(z)
        return b, complement

    def near(self, groups: tuple[Points, ...]) -> Array:
        """Whether all conditions of some group are above minus the cut."""
        near = (reduce(and_, (x > -self.cut for x in group)) for group in groups)
        return reduce(or_, near)


def make_coverage(
    distribution: str | Distribution,
    scale: float,
    *,
    squared: bool = False,
    shape: float | None = None,
    shift: float | None = None,
    dist_eps: float = 1e4,
    distance: str = "boundary",
    threshold: float = THRESHOLD,
) -> Coverage:
    """Coverage by a distribution's name, or by the distribution itself.

    scale tau >= 0; shape of gamma and gamma_rev; shift of exponential, gamma, levy and their mirror
    images, in units of tau; dist_eps >= 1: pairs outside with d^2 >= dist_eps tau are dropped;
    distance one of `DISTANCES`; threshold in [0, 1/2).
    Raises ValueError for unknown names and for numbers out of range.
    """
    law = distribution
    if isinstance(law, str):
        given = {"shape": shape, "shift": shift}
        law = find_distribution(law, **{k: v for k, v in given.items() if v is not None})
    elif not isinstance(law, Distribution):
        raise TypeError(f"distribution: expected a name or a Distribution, got {law!r:.60}")
    elif shape is not None or shift is not None:
        raise ValueError("shape, shift: they belong to names; the distribution given has its own")
    scale = non_negative(scale, "scale")
    if positive(dist_eps, "dist_eps") < 1:
        raise ValueError(f"dist_eps: expected a number >= 1, got {dist_eps}")
    choose(distance, DISTANCES, "distance")
    threshold = in_range(threshold, "threshold", 0.0, 0.5)
    return Coverage(law, scale, bool(squared), dist_eps * scale, distance, threshold)


def step(inside: Array, like: Array) -> tuple[Array, Array]:
    """b and 1 - b of the hard rasteriser: 1 inside the closed triangle."""
    xp = array_namespace(like)
    b = xp.astype(inside, like.dtype)
    return b, 1 - b
