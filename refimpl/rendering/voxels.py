"""Voxels: the solid that a closed surface encloses, and intersection over union.

Whole numbers and truth values on the host; nothing here has a derivative.

Source: the rule of gendr 0.1.0 and Neural 3D Mesh Renderer (Kato et al. 2018).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from ..autograd import to_numpy
from ..validation import whole


def voxelize(face_vertices: np.ndarray, size: int = 32) -> np.ndarray:
    """The solid of triangles (..., F, 3, 3) in [0, 1]^3 as 0 and 1, (..., n, n, n).

    Along each axis, grid lines through whole coordinates mark the four cells around them where they
    meet a triangle; every corner marks its cell. What no 6-connected path of empty cells joins with
    the boundary of the grid is inside. Axes are x, y, z.
    """
    corners = np.asarray(to_numpy(face_vertices), dtype=np.float64)
    n = whole(size, "size", minimum=1)
    if corners.ndim < 3 or corners.shape[-2:] != (3, 3):
        raise ValueError(f"face_vertices: expected (..., F, 3, 3), got {corners.shape}")
    bad = np.argwhere(~np.isfinite(corners).all(axis=(-2, -1)))
    if len(bad):
        raise ValueError(f"face_vertices: face {bad[0][-1]} has a coordinate that is not finite")
    batch = corners.shape[:-3]
    flat = corners.reshape(math.prod(batch), *corners.shape[-3:])
    solids = [_solid(triangles * n, n) for triangles in flat]
    return np.array(solids, dtype=np.int32).reshape(*batch, n, n, n)


def _solid(triangles: np.ndarray, n: int) -> np.ndarray:
    surface = np.zeros((n, n, n), dtype=bool)
    for axis in range(3):
        _mark_lines(surface, triangles, axis, n)
    cells = np.floor(triangles).astype(np.int64).reshape(-1, 3)
    cells = cells[((cells >= 0) & (cells < n)).all(axis=1)]
    surface[tuple(cells.T)] = True
    return ~_outside(surface)


def _mark_lines(surface: np.ndarray, triangles: np.ndarray, axis: int, n: int) -> None:
    """Mark the cells where lines along `axis` meet the closed triangles."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    for triangle in triangles:
        u, v, w = triangle[:, first], triangle[:, second], triangle[:, axis]
        det = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0])
        if det == 0:
            continue
        low = np.maximum(np.ceil([u.min(), v.min()]), 0).astype(int)
        high = np.minimum(np.floor([u.max(), v.max()]), n - 1).astype(int)
        if (high < low).any():
            continue
        p, q = np.mgrid[low[0] : high[0] + 1, low[1] : high[1] + 1]
        b1 = ((p - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (q - v[0])) / det
        b2 = ((u[1] - u[0]) * (q - v[0]) - (p - u[0]) * (v[1] - v[0])) / det
        b0 = 1 - b1 - b2
        hit = (b0 >= 0) & (b1 >= 0) & (b2 >= 0)
        k = np.floor(b0 * w[0] + b1 * w[1] + b2 * w[2]).astype(int)
        p, q, k = p[hit], q[hit], k[hit]
        for dp in (0, -1):
            for dq in (0, -1):
                place = np.empty((len(k), 3), dtype=int)
                place[:, first], place[:, second], place[:, axis] = p + dp, q + dq, k
                place = place[((place >= 0) & (place < n)).all(axis=1)]
                surface[tuple(place.T)] = True


def _outside(surface: np.ndarray) -> np.ndarray:
    """Empty cells joined with the boundary of the grid: those on it, and interior ones that a path
    through interior cells joins with them.
    """
    empty = ~surface
    boundary = np.ones_like(surface)
    boundary[1:-1, 1:-1, 1:-1] = False
    start = empty & boundary
    grown = ndimage.binary_dilation(start) & empty & ~boundary
    interior = empty & ~boundary
    return start | ndimage.binary_propagation(grown, mask=interior)


def voxel_iou(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """sum(p t)/sum(p + t > 0) over the last three axes; 1 if both are empty."""
    p, t = np.asarray(to_numpy(predicted)) > 0, np.asarray(to_numpy(target)) > 0
    if p.shape != t.shape or p.ndim < 3:
        raise ValueError(
            f"predicted, target: expected equal shapes (..., n, n, n), got {p.shape} and {t.shape}"
        )
    union = (p | t).sum(axis=(-3, -2, -1))
    return np.where(union > 0, (p & t).sum(axis=(-3, -2, -1)) / np.maximum(union, 1), 1.0)


def reconstruction_iou(corners: np.ndarray, target: np.ndarray, size: int = 32) -> np.ndarray:
    """IoU of meshes in about [-1/2, 1/2]^3 with voxels (B, n, n, n) in the axis order of the
    ShapeNet renderings of Kato et al. 2018: axes x, z, y with the last one reversed.
    """
    mapped = np.asarray(to_numpy(corners)) * ((size - 1) / size) + 0.5
    solid = voxelize(mapped, size)
    return voxel_iou(np.flip(np.swapaxes(solid, -2, -1), axis=-1), target)
