"""The renderer: from triangles on the image plane to images, over culled (pixel, face) pairs.

    candidates -> signed distance -> coverage -> alpha (t-conorm) and colour (depth soft-max)

Only pairs within the distribution's cut radius of a triangle are formed, so the cost grows with
them and not with faces times pixels. Images whose pairs do not fit the memory budget are made tile
by tile; the backward pass makes each tile again.

Source: Petersen, Goldluecke, Borgelt, Deussen 2022, "GenDR: A Generalized Differentiable Renderer",
CVPR.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    checkpoint,
    constant,
    is_traced,
    plain,
    segment_sum,
    stop_gradient,
    to_numpy,
)
from ..validation import float_array
from . import shading
from .aggregation import join_by_pixel
from .coverage import THRESHOLD, step
from .distance import barycentric, gather, is_inside, nearest_boundary, signed_distance
from .pairs import Boxes, Tile, bounding_boxes, candidates, pixel_centres
from .settings import Settings

BYTES_PER_PAIR = 700  # in use per pair while a tile is differentiated, measured


class Pairs(NamedTuple):
    """Pairs of a tile, in the order of their pixels: face, pixel within the tile, its centre."""

    face: Array
    pixel: Array
    px: Array
    py: Array
    inside: Array


def render(
    face_vertices: Array, face_textures: Array | None = None, settings: Settings | None = None
) -> Array:
    """RGBA images (..., 4, H, W) of triangles; alpha is the last channel.

    face_vertices  (..., F, 3, 3): x and y on the image plane, z > 0 the depth. y spans [-1, 1]
                   from bottom to top, x to the right with square pixels
    face_textures  (..., F, R^2, 3) texels, or (..., F, 3, 3) colours of the corners for
                   texture_type "vertex"; white by default
    settings       see `Settings`

    Leading axes are views or meshes of a batch. Triangles without area cover nothing but have a
    soft edge; with a vertex at z <= 0 they are behind the camera and not drawn. Where two edges are
    equally near, the derivative is that of the first; on an edge, and for pairs culled, it is 0.

    Raises ValueError for shapes that do not fit, and for coordinates that are not finite, naming
    the face.
    """
    settings = settings or Settings()
    vertices = _checked(face_vertices)
    textures = _textures(face_textures, vertices, settings)
    return _each(vertices, textures, settings, alpha_only=False)


def silhouette(face_vertices: Array, settings: Settings | None = None) -> Array:
    """Alpha alone, (..., H, W); as `render`, without the cost of colour."""
    vertices = _checked(face_vertices)
    found = _each(vertices, None, settings or Settings(), alpha_only=True)
    return found[..., 0, :, :]


def _each(
    vertices: Array, textures: Array | None, settings: Settings, *, alpha_only: bool
) -> Array:
    """One image after the other, as channels (C, H, W)."""
    batch = vertices.shape[:-3]
    factor = 2 if settings.anti_aliasing else 1
    height, width = (factor * side for side in settings.size)
    flat = _stacked(vertices, batch)
    looks = None if textures is None else _stacked(textures, batch)
    boxes = [_boxes(flat[i, ...], settings, height, width) for i in range(flat.shape[0])]
    fits = settings.memory / BYTES_PER_PAIR
    total = sum(int(np.sum(to_numpy(box.areas()))) for box in boxes)
    limit = int(fits) if total <= fits or not is_traced(vertices) else int(fits / 2)
    whole = Tile(0, height, 0, width)
    images = []
    for i, box in enumerate(boxes):
        look = None if looks is None else looks[i, ...]
        job = _Job(settings, height, width, box, alpha_only, again=total > fits, limit=limit)
        images.append(_region(job, whole, flat[i, ...], look))
    channels = 1 if alpha_only else 4
    if not images:
        return constant(np.zeros((*batch, channels, *settings.size)), like=vertices)
    image = array_namespace(images[0]).stack(images)
    if settings.anti_aliasing:
        image = _pooled(image)
    return array_namespace(image).reshape(image, (*batch, channels, *settings.size))


def _stacked(x: Array, batch: tuple[int, ...]) -> Array:
    return array_namespace(x).reshape(x, (math.prod(batch), *x.shape[len(batch) :]))


class _Job(NamedTuple):
    settings: Settings
    height: int
    width: int
    boxes: Boxes
    alpha_only: bool
    again: bool  # make tiles again in the backward pass
    limit: int  # candidates per tile


def _region(job: _Job, tile: Tile, vertices: Array, textures: Array | None) -> Array:
    """The image of a tile, (C, h, w): at once, or as two halves if it has too many candidates."""
    count = int(np.sum(to_numpy(job.boxes.within(tile).areas())))
    if count > job.limit and tile.height * tile.width > 1:
        first, second, axis = tile.halves()
        parts = [_region(job, half, vertices, textures) for half in (first, second)]
        return array_namespace(*parts).concat(parts, axis=1 + axis)

    def make(vertices: Array, textures: Array | None) -> Array:
        return _tile(job, tile, vertices, textures)

    return (checkpoint(make) if job.again else make)(vertices, textures)


def _tile(job: _Job, tile: Tile, vertices: Array, textures: Array | None) -> Array:
    settings, coverage = job.settings, job.settings.coverage
    pixels = tile.height * tile.width
    pairs, x = _surviving(job, tile, vertices)
    xp = array_namespace(vertices)
    if coverage.hard:
        b = step(pairs.inside, pairs.px)
    else:
        b = coverage.probability(x)
        near_edge = b[0] > THRESHOLD  # the rounding of a first look must not let smaller ones in
        b = (xp.where(near_edge, b[0], 0.0 * b[0]), xp.where(near_edge, b[1], 0.0 * b[1] + 1.0))
    ones = 0 * pairs.pixel + 1
    counts = segment_sum(ones, pairs.pixel, pixels)
    alpha = _alpha(settings, vertices, pairs, b, counts)
    shape = (1, tile.height, tile.width)
    if job.alpha_only:
        return array_namespace(alpha).reshape(alpha, shape)
    colour = _colour(settings, vertices, textures, pairs, b[0], pixels)
    colour = array_namespace(colour).reshape(
        array_namespace(colour).matrix_transpose(colour), (3, *shape[1:])
    )
    alpha = array_namespace(alpha).reshape(alpha, shape)
    return array_namespace(colour, alpha).concat([colour, alpha], axis=0)


def _surviving(job: _Job, tile: Tile, vertices: Array) -> tuple[Pairs, Array]:
    """The pairs with coverage, and their signed distances (squares); a first look without
    derivatives finds them.
    """
    coverage = job.settings.coverage
    known = stop_gradient(vertices)
    face, row, column = candidates(job.boxes, tile)
    px, py = pixel_centres(row, column, job.height, job.width, known)
    pixel = (row - tile.top) * tile.width + column - tile.left
    corners = gather(known, face)
    xp = array_namespace(known)
    weights = barycentric(corners, px, py)
    if coverage.hard:
        keep = inside = is_inside(weights, closed=True)
    else:
        inside = is_inside(weights)
        near = nearest_boundary(corners, px, py)
        square = near.dx * near.dx + near.dy * near.dy
        size = square if coverage.squared else xp.sqrt(square)
        b = coverage.probability(xp.where(inside, size, -size))[0]
        keep = (b > THRESHOLD) & (inside | (square < coverage.cut_square))
    kept = xp.nonzero(keep)[0]
    kept = xp.take(kept, xp.argsort(xp.take(pixel, kept), stable=True))
    pairs = Pairs(*(xp.take(part, kept, axis=0) for part in (face, pixel, px, py, inside)))
    if coverage.hard:
        return pairs, pairs.px
    squared = coverage.squared
    return pairs, signed_distance(vertices, pairs.face, pairs.px, pairs.py, squared=squared)


def _alpha(settings: Settings, vertices: Array, pairs: Pairs, b: Any, counts: Array) -> Array:
    if settings.upstream_compatible:
        from .upstream import hard_alpha, without_gradient_outside

        b = without_gradient_outside(settings, vertices, pairs, b)
        if settings.t_conorm == "hard":
            return hard_alpha(b, pairs.pixel, counts)
    return join_by_pixel(b, counts, settings.t_conorm, settings.t_conorm_p)[0]


def _colour(
    settings: Settings,
    vertices: Array,
    textures: Array | None,
    pairs: Pairs,
    b: Array,
    pixels: int,
) -> Array:
    """(pixels, 3)."""
    xp = array_namespace(vertices)
    differentiate = settings.differentiate_barycentrics
    weights = shading.pixel_weights(
        vertices, pairs.face, pairs.px, pairs.py, differentiate=differentiate
    )
    depth = shading.depth(vertices, pairs.face, weights)
    known = stop_gradient(depth)
    visible = ~((known < settings.near) | (known > settings.far))
    if not settings.double_side:
        visible = visible & xp.take(_front(stop_gradient(vertices)), pairs.face)
    if settings.colour == "hard":
        corners = gather(stop_gradient(vertices), pairs.face)
        visible = visible & is_inside(barycentric(corners, pairs.px, pairs.py), closed=True)
    at = array_namespace(known).nonzero(visible)[0]
    chosen = [xp.take(w, at, axis=0) for w in weights]
    face = xp.take(pairs.face, at, axis=0)
    look_up = shading.vertex_colour if settings.texture_type == "vertex" else shading.surface_colour
    colour = look_up(textures, face, tuple(chosen))
    shown = shading.Shaded(
        xp.take(pairs.pixel, at, axis=0), xp.take(b, at, axis=0), xp.take(depth, at, axis=0), colour
    )
    background = constant(np.asarray(settings.background, dtype=float), like=vertices)
    if settings.colour == "hard":
        return shading.nearest(shown, pixels, background)
    return shading.blend(
        shown,
        pixels,
        background,
        near=settings.near,
        far=settings.far,
        gamma=settings.gamma,
        eps=settings.eps,
        doubled_background=settings.upstream_compatible,
    )


def _front(vertices: Array) -> Array:
    """Whether faces are clockwise on screen: the outside of a mesh whose faces are
    counter-clockwise from outside, since the camera looks along +z.
    """
    a, b, c = (vertices[:, k, :] for k in range(3))
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return turn < 0


def _boxes(vertices: Array, settings: Settings, height: int, width: int) -> Boxes:
    known = plain(stop_gradient(vertices))
    boxes = bounding_boxes(known, settings.coverage.reach, height, width)
    if settings.upstream_compatible:
        return boxes
    xp = array_namespace(known)
    drawn = xp.min(known[:, :, 2], axis=1) > 0 if known.shape[0] else known[:, 0, 2] > 0
    return boxes._replace(bottom=xp.where(drawn, boxes.bottom, boxes.top))


def _checked(face_vertices: Array) -> Array:
    vertices = float_array(face_vertices, "face_vertices", min_ndim=3)
    if tuple(vertices.shape[-2:]) != (3, 3):
        raise ValueError(
            f"face_vertices: expected (..., F, 3, 3), got shape {tuple(vertices.shape)}"
        )
    known = to_numpy(plain(stop_gradient(vertices)))
    bad = np.argwhere(~np.isfinite(known).all(axis=(-2, -1)))
    if len(bad):
        *where, face = (int(i) for i in bad[0])
        mesh = f" of mesh {tuple(where)}" if where else ""
        raise ValueError(f"face_vertices: face {face}{mesh} has a coordinate that is not finite")
    return vertices


def _textures(textures: Array | None, vertices: Array, settings: Settings) -> Array:
    lead = tuple(vertices.shape[:-2])
    if textures is None:
        count = 3 if settings.texture_type == "vertex" else 1
        return constant(np.ones((*lead, count, 3)), like=vertices)
    textures = float_array(textures, "face_textures", min_ndim=3)
    count = textures.shape[-2]
    fits = count == 3 if settings.texture_type == "vertex" else round(count**0.5) ** 2 == count > 0
    if tuple(textures.shape[:-2]) != lead or textures.shape[-1] != 3 or not fits:
        wanted = "3" if settings.texture_type == "vertex" else "R^2"
        raise ValueError(
            f"face_textures: expected {(*lead, wanted, 3)} for texture_type "
            f"{settings.texture_type!r}, got {tuple(textures.shape)}"
        )
    return textures


def _pooled(image: Array) -> Array:
    xp = array_namespace(image)
    *lead, height, width = image.shape
    return xp.mean(xp.reshape(image, (*lead, height // 2, 2, width // 2, 2)), axis=(-3, -1))
