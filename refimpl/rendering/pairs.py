"""Which triangles may cover which pixels: candidate pairs from widened bounding boxes.

An image is cut into rectangular tiles with a limited number of candidates each, so that memory is
bounded, and every pixel belongs to one tile. All arrays here are plain whole numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd import Array, array_namespace, at_add, constant, indices_like


class Tile(NamedTuple):
    """The pixels of rows top..bottom - 1 and columns left..right - 1."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def halves(self) -> tuple[Tile, Tile, int]:
        """Two tiles and the axis, 0 or 1, along which they lie one after the other."""
        if self.height >= self.width:
            middle = (self.top + self.bottom) // 2
            return self._replace(bottom=middle), self._replace(top=middle), 0
        middle = (self.left + self.right) // 2
        return self._replace(right=middle), self._replace(left=middle), 1


class Boxes(NamedTuple):
    """For each face the rows and columns of pixels that it may cover: first and one past last."""

    top: Array
    bottom: Array
    left: Array
    right: Array

    def within(self, tile: Tile) -> Boxes:
        xp = array_namespace(self.top)
        return Boxes(
            xp.clip(self.top, tile.top, tile.bottom),
            xp.clip(self.bottom, tile.top, tile.bottom),
            xp.clip(self.left, tile.left, tile.right),
            xp.clip(self.right, tile.left, tile.right),
        )

    def areas(self) -> Array:
        return (self.bottom - self.top) * (self.right - self.left)


def bounding_boxes(corners: Array, reach: float, height: int, width: int) -> Boxes:
    """Pixels whose centres lie within `reach` of the bounding boxes of faces (F, 3, 2 or 3); more
    than three points may be given for a face.

    Pixel (r, c) has its centre at x = (2c + 1 - W)/H, y = (H - 1 - 2r)/H.
    """
    xp = array_namespace(corners)
    low, high = xp.min(corners[..., :2], axis=1), xp.max(corners[..., :2], axis=1)
    margin = reach * (1 + 1e-5) + 1e-5  # rounding must not lose a pixel
    first_column = xp.ceil(((low[:, 0] - margin) * height + width - 1) / 2)
    last_column = xp.floor(((high[:, 0] + margin) * height + width - 1) / 2)
    first_row = xp.ceil((height - 1 - (high[:, 1] + margin) * height) / 2)
    last_row = xp.floor((height - 1 - (low[:, 1] - margin) * height) / 2)

    def whole(x: Array, most: int) -> Array:
        return xp.astype(xp.clip(x, 0, most), xp.int64)

    top, left = whole(first_row, height), whole(first_column, width)
    bottom, right = whole(last_row + 1, height), whole(last_column + 1, width)
    return Boxes(top, xp.maximum(top, bottom), left, xp.maximum(left, right))


def grown(corners: Array, reach: float, distance: str) -> Array:
    """Triangles (F, K, 2) that contain all points whose conditions are above -reach, for the
    distances other than "boundary"; from the corners (F, 3, 2 or 3).

    The smallest barycentric coordinate is above -m in the triangle scaled by 1 + 3 m about its
    centroid. The distances to the edges' lines are above -r in the triangle scaled by 1 + r/R
    about the centre of its inscribed circle, of radius R; for the other orientation by 1 - r/R.
    """
    xp = array_namespace(corners)
    v = corners[..., :2]
    if distance == "barycentric":
        centre = xp.mean(v, axis=1, keepdims=True)
        return centre + (1 + 3 * reach) * (v - centre)
    a, b, c = v[:, 0, :], v[:, 1, :], v[:, 2, :]
    sides = [xp.sqrt(xp.sum((p - q) ** 2, axis=-1)) for p, q in ((b, c), (c, a), (a, b))]
    around = sides[0] + sides[1] + sides[2]
    area = (b - a)[:, 0] * (c - a)[:, 1] - (c - a)[:, 0] * (b - a)[:, 1]
    flat = (around == 0) | (area == 0)
    around = xp.where(flat, 1.0, around)
    share = xp.stack([side / around for side in sides], axis=-1)[..., None]
    centre = xp.sum(share * v, axis=1, keepdims=True)
    ratio = xp.where(flat, 1e30, reach * around / xp.abs(xp.where(flat, 1.0, area)))
    ratio = ratio[:, None, None]
    return xp.concat([v + ratio * (v - centre), v - ratio * (v - centre)], axis=1)


def candidates(boxes: Boxes, tile: Tile) -> tuple[Array, Array, Array]:
    """All pairs of a face and a pixel of the tile inside its box: face, row and column, (P,)."""
    xp = array_namespace(boxes.top)
    inside = boxes.within(tile)
    areas = inside.areas()
    face = expand(areas)
    position = indices_like(face.shape[0], face) - xp.take(starts(areas), face, axis=0)
    width = xp.take(inside.right - inside.left, face, axis=0)
    down = position // xp.where(width > 0, width, 1)
    row = xp.take(inside.top, face, axis=0) + down
    column = xp.take(inside.left, face, axis=0) + position - down * width
    return face, row, column


def starts(counts: Array) -> Array:
    """Where each run of a run-length encoding starts: exclusive cumulative sums."""
    return array_namespace(counts).cumulative_sum(counts) - counts


def expand(counts: Array) -> Array:
    """0 counts[0] times, 1 counts[1] times, ...: whole numbers, as many as the sum.

    >>> import numpy as np
    >>> expand(np.array([2, 0, 3]))
    array([0, 0, 2, 2, 2])
    """
    xp = array_namespace(counts)
    total = int(xp.sum(counts)) if counts.shape[0] else 0
    if total == 0:
        return counts[:0]
    marks = 0 * indices_like(total + 1, counts)
    marks = at_add(marks, starts(counts)[1:], xp.ones_like(counts[1:]))
    return xp.cumulative_sum(marks[:total])


def pixel_centres(row: Array, column: Array, height: int, width: int, like: Array) -> Any:
    """x and y of pixel centres, in the dtype of `like`: y spans [-1, 1] and pixels are square."""
    xp = array_namespace(like)
    dtype = constant(0.0, like=like).dtype
    px = xp.astype(2 * column + 1 - width, dtype) / height
    py = xp.astype(height - 1 - 2 * row, dtype) / height
    return px, py
