"""The definition, every pixel with every triangle: no culling, no tiles, no written-out derivative.

Slow, and short enough to compare with the paper; `renderer.render` is tested against it. Symbols:
d_i signed distance of a pixel to triangle i, b_i = F(d_i/tau) its coverage, zp_i its depth there,
c_i its colour there.

Source: Petersen, Goldluecke, Borgelt, Deussen 2022, "GenDR: A Generalized Differentiable Renderer",
CVPR, section 3; Liu et al. 2019, "Soft Rasterizer", ICCV, equation 4.
"""

from __future__ import annotations

import numpy as np

from ..autograd import Array, array_namespace, constant, indices_like, stop_gradient
from ..tnorms import t_conorm_reduce
from . import shading
from .checks import checked_settings, checked_textures, checked_vertices
from .coverage import step
from .distance import (
    barycentric,
    conditions,
    doubled_area,
    gather,
    is_inside,
    signed_distance_plain,
)
from .pairs import pixel_centres
from .settings import Settings


def dense_render(
    face_vertices: Array, face_textures: Array | None = None, settings: Settings | None = None
) -> Array:
    """What `renderer.render` returns for one mesh, (4, H, W), but for rounding.

    face_vertices (F, 3, 3) with all z > 0, F >= 1; face_textures and settings as there, where
    `memory` and `upstream_compatible` are not looked at. Needs about 1 kB for each pair of a pixel
    and a triangle.

    >>> import numpy as np
    >>> triangle = np.array([[[-0.9, -0.9, 2.0], [0.0, 0.9, 2.0], [0.9, -0.9, 2.0]]])
    >>> dense_render(triangle, None, Settings(image_size=3, scale=0.2))[3].round(2)
    array([[0.  , 0.76, 0.  ],
           [0.02, 1.  , 0.02],
           [0.76, 1.  , 0.76]])
    """
    settings = checked_settings(settings)
    vertices = checked_vertices(face_vertices)
    textures = checked_textures(face_textures, vertices, settings)
    factor = 2 if settings.anti_aliasing else 1
    height, width = (factor * side for side in settings.size)
    pixels, faces = height * width, vertices.shape[0]
    pair = indices_like(pixels * faces, vertices)  # pixel by pixel, and there face by face
    pixel, face = pair // faces, pair % faces
    px, py = pixel_centres(pixel // width, pixel % width, height, width, stop_gradient(vertices))
    b, complement = _coverages(settings, vertices, face, px, py)
    alpha = _joined(settings, b, complement, (pixels, faces))
    colour = _colours(settings, vertices, textures, face, px, py, b)
    xp = array_namespace(colour, alpha)
    image = xp.permute_dims(xp.concat([colour, alpha[:, None]], axis=1), (1, 0))
    parts = xp.reshape(image, (4, height // factor, factor, width // factor, factor))
    return xp.mean(parts, axis=(2, 4))


def _coverages(
    settings: Settings, vertices: Array, face: Array, px: Array, py: Array
) -> tuple[Array, Array]:
    """b_i and 1 - b_i, (P,); 0 and 1 where the threshold or dist_eps drops them."""
    coverage = settings.coverage
    if coverage.hard:
        corners = gather(stop_gradient(vertices), face)
        inside = is_inside(barycentric(corners, px, py), closed=True)
        if settings.distance == "front_edges":
            inside = inside & (doubled_area(corners) < 0)
        return step(inside, px)
    if settings.distance == "boundary":
        d = signed_distance_plain(vertices, face, px, py, squared=settings.squared)
        groups: tuple[tuple[Array, ...], ...] = ((d,),)
    else:
        options = {"distance": settings.distance, "squared": settings.squared}
        groups = conditions(vertices, face, px, py, **options)  # type: ignore[arg-type]
    b, complement = coverage.probability(groups)
    xp = array_namespace(b)
    counted = (b > coverage.threshold) & coverage.near(groups)
    return xp.where(counted, b, 0.0 * px), xp.where(counted, complement, 0.0 * px + 1.0)


def _joined(settings: Settings, b: Array, complement: Array, shape: tuple[int, int]) -> Array:
    """alpha = b_1 (+) ... (+) b_n, (pixels,)."""
    xp = array_namespace(b)
    b, complement = xp.reshape(b, shape), xp.reshape(complement, shape)
    if settings.t_conorm == "sum":
        return xp.sum(b, axis=-1)
    return t_conorm_reduce(b, settings.t_conorm, p=settings.t_conorm_p, complement=complement)


def _colours(
    settings: Settings,
    vertices: Array,
    textures: Array,
    face: Array,
    px: Array,
    py: Array,
    b: Array,
) -> Array:
    """The colour of the nearest triangle, or the soft-max over depth, (pixels, 3)."""
    known, shape = stop_gradient(vertices), (-1, vertices.shape[0])
    raw = barycentric(gather(known, face), px, py)
    differentiated = vertices if settings.differentiate_barycentrics else known
    w = shading.clipped(barycentric(gather(differentiated, face), px, py))
    zp = shading.depth(vertices, face, w)
    look_up = shading.vertex_colour if settings.texture_type == "vertex" else shading.surface_colour
    c = look_up(textures, face, w)
    xp = array_namespace(zp, c, b)
    shown = (stop_gradient(b) > 0) & (zp >= settings.near) & (zp <= settings.far)
    if not settings.double_side:
        shown = shown & (doubled_area(gather(known, face)) < 0)
    if settings.colour == "hard":
        shown = shown & is_inside(raw, closed=True)
    shown, zp, b = xp.reshape(shown, shape), xp.reshape(zp, shape), xp.reshape(b, shape)
    c = xp.reshape(c, (*shown.shape, 3))
    background = constant(np.asarray(settings.background, dtype=float), like=vertices)
    if settings.colour == "hard":
        first = xp.argmin(xp.where(shown, stop_gradient(zp), xp.zeros_like(zp) + 1e30), axis=-1)
        chosen = first[:, None] == indices_like(shown.shape[1], first)[None, :]
        found = xp.sum(xp.where(chosen[:, :, None], c, xp.zeros_like(c)), axis=1)
        return xp.where(xp.any(shown, axis=-1)[:, None], found, background)
    zn = (settings.far - zp) / (settings.far - settings.near) / settings.gamma
    ground = settings.eps / settings.gamma
    zn = xp.where(shown, zn, xp.zeros_like(zn) + ground)
    top = xp.maximum(xp.max(stop_gradient(zn), axis=-1, keepdims=True), ground + 0.0 * b[:, :1])
    weight = xp.where(shown, b * xp.exp(zn - top), xp.zeros_like(b))
    behind = xp.exp(ground - top)
    total = behind + xp.sum(weight, axis=-1, keepdims=True)
    return (behind * background + xp.sum(weight[:, :, None] * c, axis=1)) / total
