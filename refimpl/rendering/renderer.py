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
from . import shading, upstream
from .aggregation import join_by_pixel
from .checks import checked_settings, checked_textures, checked_vertices
from .pairs import Boxes, Tile, bounding_boxes, candidates, grown, pixel_centres
from .settings import Settings

# In use per pair while a tile is differentiated, measured: silhouettes, images; other distances.
BYTES_PER_PAIR = (700, 1450)
TIMES = {"boundary": 1.0, "barycentric": 1.3, "front_edges": 1.9, "edges": 2.6}


class Pairs(NamedTuple):
    """Pairs of a tile, in the order of their pixels: face, pixel within the tile, its centre."""

    face: Array
    pixel: Array
    px: Array
    py: Array

    @property
    def places(self) -> tuple[Array, Array, Array]:
        return self.face, self.px, self.py


def render(
    face_vertices: Array, face_textures: Array | None = None, settings: Settings | None = None
) -> Array:
    """RGBA images (..., 4, H, W) of triangles; alpha is the last channel.

    face_vertices  (..., F, 3, 3): x and y on the image plane, z > 0 the depth. y spans [-1, 1]
                   from bottom to top, x to the right with square pixels
    face_textures  (..., F, R^2, 3) texels, or (..., F, 3, 3) colours of the corners for
                   texture_type "vertex"; white by default
    settings       see `Settings`

    Leading axes are views or meshes of a batch. Triangles without area have no inside, a soft edge,
    and where `double_side` shows them the colour of their centre. Triangles with a vertex at z <= 0
    are behind the camera and not drawn, nor are those whose coordinates' products overflow. Where
    two edges are equally near, the derivative is that of the first; on an edge, and for pairs
    culled, it is 0.

    Raises ValueError for shapes that do not fit, and for coordinates that are not finite, naming
    the face.

    >>> import numpy as np
    >>> triangle = np.array([[[-0.9, -0.9, 2.0], [0.0, 0.9, 2.0], [0.9, -0.9, 2.0]]])
    >>> render(triangle, None, Settings(image_size=3, scale=0.2))[3].round(2)
    array([[0.  , 0.76, 0.  ],
           [0.02, 1.  , 0.02],
           [0.76, 1.  , 0.76]])
    """
    settings = checked_settings(settings)
    vertices = checked_vertices(face_vertices)
    textures = checked_textures(face_textures, vertices, settings)
    return _each(vertices, textures, settings, alpha_only=False)


def silhouette(face_vertices: Array, settings: Settings | None = None) -> Array:
    """Alpha alone, (..., H, W); as `render`, without the cost of colour."""
    vertices = checked_vertices(face_vertices)
    found = _each(vertices, None, checked_settings(settings), alpha_only=True)
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
    size = BYTES_PER_PAIR[not alpha_only] * TIMES[settings.distance]
    fits = min(settings.memory, 1e18) / size
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
    """The image of a tile, (C, h, w): the pairs that count, their coverage, alpha, and colour."""
    pixels = tile.height * tile.width
    pairs, (b, complement) = _surviving(job, tile, vertices)
    if stop_gradient(vertices) is not vertices:  # the same again, with derivatives
        b, complement, counted = job.settings.coverage.of(vertices, *pairs.places)
        xp = array_namespace(b)  # where rounding differs, too small ones may have come in
        b, complement = xp.where(counted, b, 0.0 * b), xp.where(counted, complement, 0.0 * b + 1.0)
    alpha = _alpha(job.settings, vertices, pairs, (b, complement), pixels)
    image = array_namespace(alpha).reshape(alpha, (1, tile.height, tile.width))
    if job.alpha_only:
        return image
    found = shading.colour(job.settings, vertices, textures, pairs, b, pixels)
    xp = array_namespace(found)
    found = xp.reshape(xp.matrix_transpose(found), (3, tile.height, tile.width))
    return array_namespace(found, image).concat([found, image], axis=0)


def _surviving(job: _Job, tile: Tile, vertices: Array) -> tuple[Pairs, tuple[Array, Array]]:
    """The pairs with coverage, and it, as a first look without derivatives finds them."""
    known = stop_gradient(vertices)
    face, row, column = candidates(job.boxes, tile)
    px, py = pixel_centres(row, column, job.height, job.width, known)
    pixel = (row - tile.top) * tile.width + column - tile.left
    xp = array_namespace(known)
    b, complement, counted = job.settings.coverage.of(known, face, px, py)
    kept = xp.nonzero(counted)[0]
    kept = xp.take(kept, xp.argsort(xp.take(pixel, kept), stable=True))
    parts = [xp.take(part, kept, axis=0) for part in (face, pixel, px, py, b, complement)]
    return Pairs(*parts[:4]), (parts[4], parts[5])


def _alpha(settings: Settings, vertices: Array, pairs: Pairs, b: Any, pixels: int) -> Array:
    counts = segment_sum(0 * pairs.pixel + 1, pairs.pixel, pixels)
    if settings.upstream_compatible:
        b = upstream.without_gradient_outside(settings, vertices, pairs, b)
        if settings.t_conorm == "hard":
            return upstream.hard_alpha(b, pairs.pixel, counts)
    if settings.t_conorm == "sum":
        total = segment_sum(b[0], pairs.pixel, pixels)
        return upstream.damped(total, vertices.shape[0]) if settings.upstream_compatible else total
    return join_by_pixel(b, counts, settings.t_conorm, settings.t_conorm_p)[0]


def _boxes(vertices: Array, settings: Settings, height: int, width: int) -> Boxes:
    """The pixels that each face may cover: none for faces that are not drawn."""
    known = plain(stop_gradient(vertices))
    xp, coverage = array_namespace(known), settings.coverage
    if known.shape[0] == 0:
        return bounding_boxes(known, 0.0, height, width)
    size = xp.max(xp.abs(known[:, :, :2]), axis=(1, 2))
    drawn = size < math.sqrt(float(xp.finfo(known.dtype).max)) / 16  # or products overflow
    if not settings.upstream_compatible:
        drawn = drawn & (xp.min(known[:, :, 2], axis=1) > 0)
    known = xp.where(drawn[:, None, None], known, xp.zeros_like(known))
    if coverage.distance == "boundary" or coverage.hard or math.isinf(coverage.reach):
        boxes = bounding_boxes(known, coverage.reach, height, width)
    else:
        points = grown(xp.astype(known, xp.float64), coverage.reach, coverage.distance)
        boxes = bounding_boxes(points, 0.0, height, width)
    return boxes._replace(bottom=xp.where(drawn, boxes.bottom, boxes.top))


def _pooled(image: Array) -> Array:
    xp = array_namespace(image)
    *lead, height, width = image.shape
    return xp.mean(xp.reshape(image, (*lead, height // 2, 2, width // 2, 2)), axis=(-3, -1))
