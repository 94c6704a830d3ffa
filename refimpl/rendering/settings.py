"""What a rendering is made with, and the published renderers as settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..distributions import Distribution
from ..tnorms.table import rule
from ..validation import choose, non_negative, positive, whole
from .coverage import THRESHOLD, Coverage, make_coverage

COLOURS = ("softmax", "hard")
TEXTURES = ("surface", "vertex")


@dataclass(frozen=True)
class Settings:
    """Options of `render`; lengths are in units of the image plane, whose height is 2.

    image_size     pixels: a number for square images, or (height, width)
    distribution   of the displacement, a name in `refimpl.distributions` or one of them
    scale          tau >= 0 of the distribution; 0 is the hard rasteriser
    squared        apply it to squared distances: tau is then an area
    distance       from the "boundary" (GenDR, SoftRas, DIB-R); "barycentric", the smallest
                   barycentric coordinate, which tau then has the unit of (an option of SoftRas);
                   "edges", from the lines of the three edges, each displaced on its own;
                   "front_edges", the same where triangles seen from behind cover nothing
    threshold      coverage of at most this counts as none; 0 leaves all to the distribution's tail
    shape, shift   parameters of gamma; of exponential, gamma and levy (and mirror images)
    dist_eps       >= 1: pairs outside with d^2 >= dist_eps tau are dropped
    t_conorm, t_conorm_p   how coverages are joined, a name in `refimpl.tnorms` and its parameter;
                   or "sum", which is no t-conorm and may exceed 1 (an option of SoftRas)
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
                   are drawn. For "sum" SoftRas's gradient, divided by the number of triangles

    Raises TypeError and ValueError that name the option.

    >>> Settings(image_size=64, distribution="logistic", scale=1e-3).coverage.reach
    0.0138155
    """

    image_size: int | tuple[int, int] = 256
    distribution: str | Distribution = "uniform"
    scale: float = 1e-2
    squared: bool = False
    distance: str = "boundary"
    threshold: float = THRESHOLD
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
        if self.t_conorm == "sum" and self.t_conorm_p is not None:
            raise ValueError(f"t_conorm_p: 'sum' has no parameter, got {self.t_conorm_p!r}")
        if self.t_conorm != "sum":
            _check_t_conorm(self.t_conorm, self.t_conorm_p)
        choose(self.colour, COLOURS, "colour")
        choose(self.texture_type, TEXTURES, "texture_type")
        numbers = {"gamma": positive, "eps": non_negative, "near": positive, "far": positive}
        for name, check in {**numbers, "memory": positive}.items():
            # Python's numbers leave the dtype of arrays alone, NumPy's do not
            object.__setattr__(self, name, check(getattr(self, name), name))
        if not self.near < self.far:
            raise ValueError(f"near, far: expected 0 < near < far, got {self.near}, {self.far}")
        self._check_background()

    def _check_background(self) -> None:
        try:
            colours = np.asarray(self.background, dtype=float)
        except (TypeError, ValueError):
            colours = np.zeros(0)
        if colours.shape != (3,) or not np.isfinite(colours).all():
            raise ValueError(f"background: expected 3 finite numbers, got {self.background!r}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        given = self.image_size
        both = given if isinstance(given, (tuple, list)) else (given, given)
        if len(both) != 2:
            raise ValueError(f"image_size: expected a number or (height, width), got {given!r}")
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
            distance=self.distance,
            threshold=self.threshold,
        )

    def with_options(self, **options: Any) -> Settings:
        """The same with some options changed."""
        return replace(self, **options)


def _check_t_conorm(name: str, p: float | None) -> None:
    try:
        rule(name, p)
    except (TypeError, ValueError) as error:
        argument, _, rest = str(error).partition(": ")
        given = {"name": "t_conorm", "p": "t_conorm_p"}.get(argument, argument)
        raise type(error)(f"{given}: {rest}") from None


def hard_rasteriser(**options: Any) -> Settings:
    """Alpha and colour of the nearest triangle that contains the pixel; for ground truth."""
    given = {"distribution": "heaviside", "t_conorm": "max", "colour": "hard", **options}
    return Settings(**given)


def soft_rasteriser(
    sigma: float = 1e-5, gamma: float = 1e-4, *, dist_eps: float = 1e-4, **options: Any
) -> Settings:
    """SoftRas (Liu et al. 2019): logistic of squared distances with tau = sigma, probabilistic.

    dist_eps: pairs outside whose coverage would be smaller are dropped, in (0, 1/(1 + e)]; every
    other coverage counts (the threshold is 0). SoftRas's options by their names here: `distance`
    "barycentric", `t_conorm` "sum" or "hard", `colour` "hard". The background has the weight of the
    paper, e^(eps/gamma), which the published program squares: `upstream_compatible`.
    """
    least = 1 / (1 + math.e)
    if positive(dist_eps, "dist_eps") > least:
        raise ValueError(f"dist_eps: expected a number from 0 to {least:.4f}, got {dist_eps}")
    given = {
        "distribution": "logistic",
        "squared": True,
        "scale": positive(sigma, "sigma"),
        "gamma": gamma,
        "dist_eps": max(math.log(1 / dist_eps - 1), 1.0),  # max: for rounding
        "threshold": 0.0,
        **options,
    }
    return Settings(**given)


def dib_r(delta: float = 7000.0, **options: Any) -> Settings:
    """DIB-R (Chen et al. 2019): silhouettes 1 inside and exp(-delta d^2) outside, probabilistic.

    Covered pixels have the colour of the nearest triangle that is seen from the front, linear
    between its corners' colours and differentiated through the barycentric coordinates; the others
    the background's. Every triangle within the threshold of 1e-6 counts; the published program
    stops at the first 30 whose bounding boxes, widened by 0.02, contain the pixel.
    """
    given = {
        "distribution": "exponential_rev",
        "squared": True,
        "scale": 1 / positive(delta, "delta"),
        "colour": "hard",
        "texture_type": "vertex",
        "differentiate_barycentrics": True,
        **options,
    }
    return Settings(**given)


def relaxed_silhouette(
    beta: float = 100.0, orientation: str = "counter_clockwise", **options: Any
) -> Settings:
    """The silhouettes of "Learning with Algorithmic Supervision via Continuous Relaxations"
    (Petersen et al. 2021): three edges per triangle, I = 1 - prod_t (1 - prod_k sigma(beta e_k)).

    beta: inverse temperature, in units of 1/height of the image (tau = 2/beta here, where the
    height is 2). orientation: "counter_clockwise" counts triangles that are so in the unit square
    with y downwards, that is, seen from the front here; "any" counts both. `alpha` of square images
    is exactly `refimpl.relaxation.programs.silhouette.silhouette`: the threshold is 0.
    """
    distances = {"counter_clockwise": "front_edges", "any": "edges"}
    given = {
        "distribution": "logistic",
        "scale": 2 / positive(beta, "beta"),
        "distance": distances[choose(orientation, distances, "orientation")],
        "threshold": 0.0,
        "dist_eps": math.inf,
        **options,
    }
    return Settings(**given)
