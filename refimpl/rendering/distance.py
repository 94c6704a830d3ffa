"""Signed distance of pixels to triangles, and barycentric coordinates.

For pixel p and triangle v0 v1 v2, all in the image plane, q is the nearest point of the triangle's
boundary; d = |q - p|, counted positive where p is inside. With q = sum_k beta_k v_k, the derivative
of the distance is that of the length of q - p with beta held constant (envelope theorem):

    grad_vk d^2 = 2 beta_k (q - p),      grad_vk d = beta_k (q - p)/d

Two other measures of how far inside a pixel lies have been used instead of d: the smallest
barycentric coordinate (an option of SoftRas), and the three signed distances to the edges' lines,
which must all be positive (the silhouettes of "Learning with Algorithmic Supervision").

Pairs are flat arrays of length P: the coordinates of triangle and pixel, gathered for every pair.

Source: Petersen, Goldluecke, Borgelt, Deussen 2022, "GenDR: A Generalized Differentiable Renderer",
CVPR, section 3; gendr 0.1.0 for the order of the edges. Liu et al. 2019, "Soft Rasterizer", ICCV.
Petersen et al. 2021, "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..autograd import Array, array_namespace, custom_vjp, segment_sum, stop_gradient

EDGES = ((0, 1), (1, 2), (2, 0))
SMALLEST = 1e-6  # distances below it divide by it: at d = 0 the direction is 0
DISTANCES = ("boundary", "barycentric", "edges", "front_edges")


class Boundary(NamedTuple):
    """The nearest boundary point of each pair: q - p, and the shares beta of the three vertices."""

    dx: Array
    dy: Array
    shares: tuple[Array, Array, Array]


Points = tuple[Array, ...]  # x and y of the three vertices: x0, y0, x1, y1, x2, y2


def gather(face_vertices: Array, faces: Array) -> Points:
    """The six coordinates of the triangles `faces` (P,) among face_vertices (F, 3, 3 or 2)."""
    xp = array_namespace(face_vertices)
    return tuple(
        xp.take(face_vertices[:, k, axis], faces, axis=0) for k in range(3) for axis in range(2)
    )


def barycentric(corners: Points, px: Array, py: Array) -> tuple[Array, Array, Array]:
    """Barycentric coordinates of the pixels; NaN for triangles without area.

    They are quotients of signed areas, each formed from differences, which keeps small triangles
    far from the origin accurate.
    """
    x0, y0, x1, y1, x2, y2 = corners
    xp = array_namespace(x0)
    area = doubled_area(corners)
    flat = xp.abs(area) < vanishing(area)
    area = xp.where(flat, xp.zeros_like(area) + 1.0, area)
    parts = (
        (x1 - px) * (y2 - py) - (x2 - px) * (y1 - py),
        (x2 - px) * (y0 - py) - (x0 - px) * (y2 - py),
        (x0 - px) * (y1 - py) - (x1 - px) * (y0 - py),
    )
    none = xp.zeros_like(area) + math.nan
    w0, w1, w2 = (xp.where(flat, none, part / area) for part in parts)
    return w0, w1, w2


def doubled_area(corners: Points) -> Array:
    """Twice the signed area: negative for triangles that are clockwise on screen."""
    x0, y0, x1, y1, x2, y2 = corners
    return (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)


def vanishing(x: Array) -> float:
    """Areas and squared lengths below it count as 0, for quotients by them overflow."""
    return 1e6 * float(array_namespace(x).finfo(x.dtype).smallest_normal)


def is_inside(weights: tuple[Array, Array, Array], *, closed: bool = False) -> Array:
    """Whether all barycentric coordinates are within 0 and 1, the edges included if `closed`."""
    inside = None
    for w in weights:
        one = ((w >= 0) & (w <= 1)) if closed else ((w > 0) & (w < 1))
        inside = one if inside is None else inside & one
    return inside


def nearest_boundary(corners: Points, px: Array, py: Array) -> Boundary:
    """The nearest of the three clamped edges; of equal ones the first. An edge of length 0 is its
    end point.
    """
    xp = array_namespace(*corners)
    zero = xp.zeros_like(corners[0])
    best: Any = None
    for a, b in EDGES:
        ax, ay, bx, by = (*corners[2 * a : 2 * a + 2], *corners[2 * b : 2 * b + 2])
        ex, ey = bx - ax, by - ay
        length = ex * ex + ey * ey
        point = length < vanishing(length)
        t = ((px - ax) * ex + (py - ay) * ey) / xp.where(point, zero + 1.0, length)
        t = xp.where(t < 0, zero, xp.where(t > 1, zero + 1.0, t))
        dx, dy = ax + t * ex - px, ay + t * ey - py
        shares = [zero, zero, zero]
        shares[a], shares[b] = 1 - t, t
        found = (dx * dx + dy * dy, dx, dy, *shares)
        if best is None:
            best = found
        else:
            nearer = found[0] < best[0]
            best = tuple(xp.where(nearer, f, o) for f, o in zip(found, best, strict=True))
    return Boundary(best[1], best[2], best[3:])


def signed_distance_plain(
    face_vertices: Array, faces: Array, px: Array, py: Array, *, squared: bool
) -> Array:
    """d, or d^2, with the sign + inside and - outside, for each pair; differentiated by the engine.

    face_vertices (F, 3, 3 or 2); faces (P,) whole numbers; px, py (P,); returns (P,).
    """
    corners = gather(face_vertices, faces)
    xp = array_namespace(corners[0])
    inside = is_inside(barycentric(tuple(map(stop_gradient, corners)), px, py))
    near = nearest_boundary(corners, px, py)
    size = near.dx * near.dx + near.dy * near.dy
    if not squared:
        known = stop_gradient(size)
        tiny = known <= SMALLEST**2
        root = xp.sqrt(xp.where(tiny, xp.zeros_like(size) + 1.0, size))
        size = xp.where(tiny, xp.sqrt(known) + 0.5 * (size - known) / SMALLEST, root)
    return xp.where(inside, size, -size)


@custom_vjp
def signed_distance(
    face_vertices: Array, faces: Array, px: Array, py: Array, *, squared: bool
) -> Array:
    """`signed_distance_plain` with its derivative written out: one pass forward, one backward."""
    return _forward(face_vertices, faces, px, py, squared=squared)[0]


def _forward(
    face_vertices: Array, faces: Array, px: Array, py: Array, *, squared: bool
) -> tuple[Array, Any]:
    corners = gather(face_vertices, faces)
    xp = array_namespace(corners[0])
    inside = is_inside(barycentric(corners, px, py))
    near = nearest_boundary(corners, px, py)
    size = near.dx * near.dx + near.dy * near.dy
    if not squared:
        size = xp.sqrt(size)
    sign = xp.where(inside, xp.ones_like(size), -xp.ones_like(size))
    return sign * size, (face_vertices.shape, faces, near, sign, size, squared)


def _backward(residuals: Any, g: Array) -> tuple[Array, None, None, None]:
    shape, faces, near, sign, size, squared = residuals
    xp = array_namespace(g, size)
    if squared:
        scaled = 2 * g * sign
    else:
        scaled = g * sign / xp.where(size < SMALLEST, xp.zeros_like(size) + SMALLEST, size)
    gx, gy = scaled * near.dx, scaled * near.dy
    corners = []
    for share in near.shares:
        parts = [segment_sum(share * part, faces, shape[0]) for part in (gx, gy)]
        parts += [xp.zeros_like(parts[0])] * (shape[2] - 2)
        corners.append(xp.stack(parts, axis=-1))
    return xp.stack(corners, axis=1), None, None, None


signed_distance.defvjp(_forward, _backward)


def edge_distances(face_vertices: Array, faces: Array, px: Array, py: Array) -> Points:
    """Signed distances e_k of the pixels to the lines through the three edges, each (P,): positive
    inside triangles that are clockwise on screen, negative inside the others.
    """
    x0, y0, x1, y1, x2, y2 = gather(face_vertices, faces)
    xp = array_namespace(x0)
    found = []
    for ax, ay, bx, by in ((x0, y0, x1, y1), (x1, y1, x2, y2), (x2, y2, x0, y0)):
        ex, ey = bx - ax, by - ay
        square = ex * ex + ey * ey
        none = square < vanishing(square)
        length = xp.sqrt(xp.where(none, xp.zeros_like(square) + 1.0, square))
        found.append((ey * (px - ax) - ex * (py - ay)) / length)
    return tuple(found)


def conditions(
    face_vertices: Array, faces: Array, px: Array, py: Array, *, distance: str, squared: bool
) -> tuple[Points, ...]:
    """What must be positive for the pixels to be covered: all of one group, of any of the groups.

    distance "boundary": the signed distance d. "barycentric": the smallest barycentric coordinate.
    "edges": the three distances to the edges' lines, or their negatives, so that triangles of both
    orientations count; "front_edges": the three distances. squared: each times its size.
    """
    if distance == "boundary":
        return ((signed_distance(face_vertices, faces, px, py, squared=squared),),)
    if distance == "barycentric":
        w0, w1, w2 = barycentric(gather(face_vertices, faces), px, py)
        xp = array_namespace(w0)
        one: Points = (xp.minimum(xp.minimum(w0, w1), w2),)
    else:
        one = edge_distances(face_vertices, faces, px, py)
    if squared:
        one = tuple(x * array_namespace(x).abs(x) for x in one)
    return (one, tuple(-x for x in one)) if distance == "edges" else (one,)
