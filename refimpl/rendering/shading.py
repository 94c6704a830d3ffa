"""Colour: the triangles at a pixel, weighted by coverage and nearness.

    C = (W_bg bg + sum_i b_i e^(zn_i/gamma) c_i)/(W_bg + sum_i b_i e^(zn_i/gamma))    softmax
    C = c_i of the nearest triangle that contains the pixel, else bg                  hard

with the depth zp_i = 1/(w_0/z_0 + w_1/z_1 + w_2/z_2), zn = (far - zp)/(far - near) in [0, 1], and
W_bg = e^(eps/gamma). w are the barycentric coordinates of the pixel, clipped to [0, 1] and scaled
to sum 1, and are constants of differentiation unless asked otherwise: colour moves a vertex through
coverage and depth.

Source: Liu et al. 2019, "Soft Rasterizer", ICCV, section 3.3; Petersen et al. 2022, "GenDR".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    at_add,
    constant,
    indices_like,
    segment_sum,
    stop_gradient,
)
from .distance import barycentric, doubled_area, gather, is_inside

if TYPE_CHECKING:
    from .settings import Settings

Weights = tuple[Array, Array, Array]


def colour(
    settings: Settings, vertices: Array, textures: Any, pairs: Any, b: Array, pixels: int
) -> Array:
    """The colour of each pixel, (pixels, 3), from the pairs of pixels and triangles (F, 3, 3) with
    their coverage b.
    """
    xp = array_namespace(vertices)
    known = stop_gradient(vertices)
    corners = gather(known, pairs.face)
    raw = barycentric(corners, pairs.px, pairs.py)
    weights = clipped(raw)
    at = visible(settings, known, pairs.face, raw, weights)
    face = xp.take(pairs.face, at, axis=0)
    if settings.differentiate_barycentrics:
        px, py = xp.take(pairs.px, at, axis=0), xp.take(pairs.py, at, axis=0)
        shares = clipped(barycentric(gather(vertices, face), px, py))
    else:
        first, second, third = (xp.take(w, at, axis=0) for w in weights)
        shares = first, second, third
    look_up = vertex_colour if settings.texture_type == "vertex" else surface_colour
    shown = Shaded(
        xp.take(pairs.pixel, at, axis=0),
        xp.take(b, at, axis=0),
        depth(vertices, face, shares),
        look_up(textures, face, shares),
    )
    background = constant(np.asarray(settings.background, dtype=float), like=vertices)
    if settings.colour == "hard":
        return nearest(shown, pixels, background)
    return blend(
        shown,
        pixels,
        background,
        near=settings.near,
        far=settings.far,
        gamma=settings.gamma,
        eps=settings.eps,
        doubled_background=settings.upstream_compatible,
    )


def visible(
    settings: Settings, vertices: Array, faces: Array, raw: Weights, weights: Weights
) -> Array:
    """Which pairs have colour, as positions: between near and far, seen from the front unless both
    sides count, and for colour "hard" inside. The outside of a mesh whose faces are
    counter-clockwise from outside is clockwise on screen, since the camera looks along +z.
    """
    zp = depth(vertices, faces, weights)
    xp = array_namespace(zp)
    shown = ~((zp < settings.near) | (zp > settings.far))
    if not settings.double_side:
        shown = shown & (doubled_area(gather(vertices, faces)) < 0)
    if settings.colour == "hard":
        shown = shown & is_inside(raw, closed=True)
    return xp.nonzero(shown)[0]


class Shaded(NamedTuple):
    """What colour needs of the pairs: the pixel of each, coverage, depth and colour (P, 3)."""

    pixel: Array
    coverage: Array
    depth: Array
    colour: Array


def clipped(weights: Weights) -> Weights:
    """Barycentric coordinates clipped to [0, 1] and divided by their sum.

    The sum is at least 1 but for rounding; where rounding, or an area of 0, leaves no coordinates
    these are the ones of the centre.
    """
    xp = array_namespace(weights[0])
    zero = xp.zeros_like(weights[0])
    parts = [xp.where(w < 0, zero, xp.where(w > 1, zero + 1.0, w)) for w in weights]
    total = parts[0] + parts[1] + parts[2]
    lost = ~(total >= 0.5)
    total = xp.where(lost, zero + 1.0, total)
    first, second, third = (xp.where(lost, zero + 1 / 3, part / total) for part in parts)
    return first, second, third


def depth(face_vertices: Array, faces: Array, weights: Weights) -> Array:
    """Perspective-correct depth of each pair."""
    xp = array_namespace(face_vertices)
    inverse = 0.0
    for k, w in enumerate(weights):
        inverse = inverse + w / xp.take(face_vertices[:, k, 2], faces, axis=0)
    return 1 / inverse


def surface_colour(textures: Array, faces: Array, weights: Weights) -> Array:
    """The texel under each pixel, (P, 3): textures (F, R^2, 3), piecewise constant.

    Texel (i, j), i = floor(w_0 R), j = floor(w_1 R), lies at j R + i in the half of the triangle
    next to vertex 2, and mirrored in the other half of its square.
    """
    xp = array_namespace(weights[0])
    R = round(textures.shape[1] ** 0.5)
    u, v = (stop_gradient(w) * R for w in weights[:2])
    i, j = (xp.astype(xp.clip(xp.floor(t), 0, R - 1), xp.int64) for t in (u, v))
    lower = u + v - xp.astype(i + j, u.dtype) <= 1
    texel = xp.where(lower, j * R + i, (R - 1 - j) * R + (R - 1 - i))
    flat = array_namespace(textures).reshape(textures, (-1, 3))
    return array_namespace(flat).take(flat, faces * (R * R) + texel, axis=0)


def vertex_colour(textures: Array, faces: Array, weights: Weights) -> Array:
    """sum_k w_k texture_k, (P, 3): textures (F, 3, 3), one colour per corner."""
    xp = array_namespace(textures)
    parts = [w[:, None] * xp.take(textures[:, k, :], faces, axis=0) for k, w in enumerate(weights)]
    return parts[0] + parts[1] + parts[2]


def blend(
    pairs: Shaded,
    pixels: int,
    background: Array,
    *,
    near: float,
    far: float,
    gamma: float,
    eps: float,
    doubled_background: bool = False,
) -> Array:
    """The soft-max colour of each pixel, (pixels, 3); background (3,) or (pixels, 3).

    The largest exponent is taken out of each pixel's sums, so nothing overflows.
    doubled_background: W_bg = e^(2 eps/gamma), as SoftRas and gendr compute it
    """
    xp = array_namespace(pairs.coverage, pairs.depth, pairs.colour, background)
    nearness = (far - pairs.depth) / (far - near) / gamma
    ground = (2 if doubled_background else 1) * eps / gamma
    top = segment_max(stop_gradient(nearness), pairs.pixel, pixels, ground)
    weight = pairs.coverage * xp.exp(nearness - xp.take(top, pairs.pixel, axis=0))
    behind = xp.exp(ground - top)
    total = behind + segment_sum(weight, pairs.pixel, pixels)
    colour = segment_sum(weight[:, None] * pairs.colour, pairs.pixel, pixels)
    return (behind[:, None] * background + colour) / total[:, None]


def nearest(pairs: Shaded, pixels: int, background: Array) -> Array:
    """The colour of the nearest pair of each pixel, the first of equals, or the background."""
    xp = array_namespace(pairs.colour, background)
    first = _first_nearest(stop_gradient(pairs.depth), pairs.pixel, pixels)
    covered = first >= 0
    backdrop = xp.broadcast_to(background, (pixels, 3))
    if pairs.colour.shape[0] == 0:
        return backdrop + 0.0
    found = xp.take(pairs.colour, xp.where(covered, first, 0), axis=0)
    return xp.where(covered[:, None], found, backdrop)


def segment_max(values: Array, segments: Array, count: int, initial: float) -> Array:
    """The largest value of each segment, (count,), no smaller than `initial`; not differentiated.

    A sort by value, then by segment, puts the largest last.
    """
    xp = array_namespace(values)
    result = xp.zeros_like(xp.astype(indices_like(count, values), values.dtype)) + initial
    if values.shape[0] == 0:
        return result
    by_value = xp.argsort(values, stable=True)
    order = xp.take(by_value, xp.argsort(xp.take(segments, by_value), stable=True))
    ordered = xp.take(segments, order)
    last = xp.nonzero(xp.concat([ordered[1:] != ordered[:-1], ordered[:1] == ordered[:1]]))[0]
    largest = xp.take(values, xp.take(order, last))
    found = at_add(xp.zeros_like(result), xp.take(ordered, last), largest - initial)
    return xp.where(found > 0, found + initial, result)


def _first_nearest(depths: Array, pixel: Array, pixels: int) -> Array:
    """Position of the pair with the smallest depth of each pixel, -1 where there is none."""
    xp = array_namespace(depths)
    none = 0 * indices_like(pixels, depths) - 1
    if depths.shape[0] == 0:
        return none
    by_depth = xp.argsort(depths, stable=True)
    order = xp.take(by_depth, xp.argsort(xp.take(pixel, by_depth), stable=True))
    ordered = xp.take(pixel, order)
    first = xp.nonzero(xp.concat([ordered[:1] == ordered[:1], ordered[1:] != ordered[:-1]]))[0]
    return at_add(none, xp.take(ordered, first), xp.take(order, first) + 1)
