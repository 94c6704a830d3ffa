"""What a rendering is made with, and the published renderers as settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..distributions import Distribution
from ..tnorms.table import rule
from ..validation import choose, non_negative, positive, whole
from .coverage import Coverage, make_coverage

COLOURS = ("softmax", "hard")
TEXTURES = ("surface", "vertex")


@dataclass(frozen=True)
class Settings:
    """Options of `render`; lengths are in units of the image plane, whose height is 2.

    image_size     pixels: a number for square images, or (height, width)
    distribution   of the displacement, a name in `refimpl.distributions` or one of them
    scale          tau >= 0 of the distribution; 0 is the hard rasteriser
    squared        apply it to squared distances: tau is then an area
    shape, shift   parameters of gamma; of exponential, gamma and levy (and mirror images)
    dist_eps       >= 1: pairs outside with d^2 >= dist_eps tau are dropped
    t_conorm, t_conorm_p   how coverages are joined, and its parameter
    colour         "softmax" or "hard" (z-buffer)
    gamma, eps     of the soft-max: temperature > 0, and the background's nearness
    near, far      depths between which triangles have colour, 0 < near < far
    double_side    colour triangles seen from behind (counter-clockwise on screen) too
    texture_type   "surface" (texels per face) or "vertex" (a colour per corner)
    background     (3,) colours
    anti_aliasing  render at twice the size and average 2 x 2 pixels
    memory         bytes that may be in use for pairs; more are made tile by tile, twice
    differentiate_barycentrics   let colour and depth move x and y through the barycentric
                   coordinates, too; gendr and SoftRas do not
    upstream_compatible   gendr 0.1.0, where it differs from the definition: the background's
                   weight e^(2 eps/gamma); no gradient of alpha for triangles outside near and far;
                   a straight-through gradient of the t-conorm "hard"; triangles behind the camera
                   are drawn
    """

    image_size: int | tuple[int, int] = 256
    distribution: str | Distribution = "uniform"
    scale: float = 1e-2
    squared: bool = False
    shape: float | None = None
    shift: float | None = None
    dist_eps: float = 1e4
    t_conorm: str = "probabilistic"
    t_conorm_p: float | None = None
    colour: str = "softmax"
    gamma: float = 1e-3
    eps: float = 1e-3
    near: float = 1.0
    far: float = 100.0
    double_side: bool = False
    texture_type: str = "surface"
    background: Sequence[float] = (0.0, 0.0, 0.0)
    anti_aliasing: bool = False
    memory: float = 1e9
    differentiate_barycentrics: bool = False
    upstream_compatible: bool = False

    def __post_init__(self) -> None:
        _ = self.size, self.coverage
        rule(self.t_conorm, self.t_conorm_p)
        choose(self.colour, COLOURS, "colour")
        choose(self.texture_type, TEXTURES, "texture_type")
        positive(self.gamma, "gamma")
        non_negative(self.eps, "eps")
        positive(self.memory, "memory")
        if not 0 < self.near < self.far:
            raise ValueError(f"near, far: expected 0 < near < far, got {self.near}, {self.far}")
        if len(self.background) != 3:
            raise ValueError(f"background: expected 3 colours, got {len(self.background)}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        given = self.image_size
        both = given if isinstance(given, tuple) else (given, given)
        height, width = (whole(side, "image_size", minimum=1) for side in both)
        return height, width

    @property
    def coverage(self) -> Coverage:
        return make_coverage(
            self.distribution,
            self.scale,
            squared=self.squared,
            shape=self.shape,
            shift=self.shift,
            dist_eps=self.dist_eps,
        )

    def with_options(self, **options: Any) -> Settings:
        """The same with some options changed."""
        return replace(self, **options)


def hard_rasteriser(**options: Any) -> Settings:
    """Alpha and colour of the nearest triangle that contains the pixel; for ground truth."""
    given = {"distribution": "heaviside", "t_conorm": "max", "colour": "hard", **options}
    return Settings(**given)


def soft_rasteriser(
    sigma: float = 1e-5, gamma: float = 1e-4, *, dist_eps: float = 1e-4, **options: Any
) -> Settings:
    """SoftRas (Liu et al. 2019): logistic of squared distances with tau = sigma, probabilistic.

    dist_eps: pairs whose coverage would be smaller are dropped, in (0, 1/2). SoftRas keeps
    coverages down to that; here those of at most 1e-6 count as none.
    """
    if not 0 < dist_eps < 0.5:
        raise ValueError(f"dist_eps: expected a number between 0 and 1/2, got {dist_eps}")
    given = {
        "distribution": "logistic",
        "squared": True,
        "scale": sigma,
        "gamma": gamma,
        "dist_eps": max(math.log(1 / dist_eps - 1), 1.0),
        **options,
    }
    return Settings(**given)


def dib_r(delta: float = 7000.0, **options: Any) -> Settings:
    """The silhouettes of DIB-R (Chen et al. 2019): 1 inside, exp(-delta d^2) outside."""
    given = {
        "distribution": "exponential_rev",
        "squared": True,
        "scale": 1 / positive(delta, "delta"),
        **options,
    }
    return Settings(**given)
