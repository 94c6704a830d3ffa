"""Generated meshes: faces counter-clockwise seen from outside, centred at the origin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..validation import positive, whole
from .mesh import Mesh, edges_of


def tetrahedron(radius: float = 1.0) -> Mesh:
    """A regular tetrahedron with its corners on a sphere."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3)
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    return Mesh(positive(radius, "radius") * corners, faces)


def cube(side: float = 1.0) -> Mesh:
    """A cube of 8 vertices and 12 faces."""
    half = positive(side, "side") / 2
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = [[q[0], q[k], q[k + 1]] for q in quads for k in (1, 2)]
    return Mesh(corners, np.array(faces))


def icosphere(level: int = 3, radius: float = 1.0) -> Mesh:
    """A subdivided icosahedron: 10 4^level + 2 vertices (12, 42, 162, 642, 2562, ...), 20 4^level
    faces.
    """
    golden = (1 + math.sqrt(5)) / 2
    corners = [[-1, golden, 0], [1, golden, 0], [-1, -golden, 0], [1, -golden, 0]]
    corners += [[c, a, b] for a, b, c in corners] + [[b, c, a] for a, b, c in corners]
    points = np.array(corners, dtype=np.float64)
    faces = _convex_faces(points)
    for _ in range(whole(level, "level")):
        points, faces = _subdivided(points, faces)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return Mesh(positive(radius, "radius") * points, faces)


def uv_sphere(rows: int = 27, columns: int = 50, radius: float = 1.0) -> Mesh:
    """A sphere of `rows` rings of latitude and two poles: rows columns + 2 vertices, 2 rows columns
    faces (by default 1352 and 2700).
    """
    return superquadric(rows, columns, radius)


def superquadric(
    rows: int = 27,
    columns: int = 50,
    radius: float = 1.0,
    *,
    vertical: float = 1.0,
    horizontal: float = 1.0,
) -> Mesh:
    """A sphere whose cosines and sines are raised to powers, signs kept: `vertical` along the
    meridians and `horizontal` around the y axis. Powers below 1 make it box-like, above 1 pinched;
    2 and 2 give an octahedron.
    """
    n, m = whole(rows, "rows", minimum=1), whole(columns, "columns", minimum=3)
    polar = np.pi * np.arange(1, n + 1) / (n + 1)
    up = _power(np.cos(polar), positive(vertical, "vertical"))
    out = _power(np.sin(polar), vertical)
    circle = _power(_circle(m), positive(horizontal, "horizontal"))
    return _closed(positive(radius, "radius") * _rings(out, up, circle), radius, -radius)


def torus(major: float = 0.7, minor: float = 0.3, around: int = 32, across: int = 16) -> Mesh:
    """A torus around the y axis: radius `major` of the ring and `minor` of its tube."""
    n, m = whole(around, "around", minimum=3), whole(across, "across", minimum=3)
    u, v = np.meshgrid(2 * np.pi * np.arange(n) / n, 2 * np.pi * np.arange(m) / m, indexing="ij")
    out = positive(major, "major") + positive(minor, "minor") * np.cos(v)
    points = np.stack([out * np.cos(u), minor * np.sin(v), out * np.sin(u)], axis=-1)
    i, j = np.divmod(np.arange(n * m), m)
    a, b = i * m + j, ((i + 1) % n) * m + j
    c, d = ((i + 1) % n) * m + (j + 1) % m, i * m + (j + 1) % m
    faces = np.concatenate([np.stack([a, c, b], -1), np.stack([a, d, c], -1)])
    return Mesh(points.reshape(-1, 3), faces)


def cylinder(radius: float = 0.5, height: float = 1.0, columns: int = 32) -> Mesh:
    """A closed cylinder along the y axis."""
    circle = _circle(whole(columns, "columns", minimum=3))
    r, half = positive(radius, "radius"), positive(height, "height") / 2
    return _closed(_rings([r, r], [half, -half], circle), half, -half)


def cone(radius: float = 0.5, height: float = 1.0, columns: int = 32) -> Mesh:
    """A closed cone along the y axis, its point at the top."""
    circle = _circle(whole(columns, "columns", minimum=3))
    half = positive(height, "height") / 2
    return _closed(_rings([positive(radius, "radius")], [-half], circle), half, -half)


def capsule(radius: float = 0.3, height: float = 1.2, rows: int = 8, columns: int = 32) -> Mesh:
    """A cylinder along the y axis with half spheres at both ends, `height` in all; `rows` rings on
    each half.
    """
    n, circle = whole(rows, "rows", minimum=1), _circle(whole(columns, "columns", minimum=3))
    r, half = positive(radius, "radius"), positive(height, "height") / 2
    if half <= r:
        raise ValueError(f"height: expected more than twice the radius {r}, got {height}")
    polar = np.pi / 2 * np.arange(1, n + 1) / n
    out, up = r * np.sin(polar), half - r + r * np.cos(polar)
    rings = _rings(np.r_[out, out[::-1]], np.r_[up, -up[::-1]], circle)
    return _closed(rings, half, -half)


def extruded(rows: Sequence[str], depth: float = 0.25) -> Mesh:
    """A letter or another drawing cut out of a plate: `#` is solid, the first row is the top, and
    the longer side is 1. Cells should touch along edges; where only corners meet, the surface
    touches itself.

    >>> len(extruded(["#..", "#..", "###"]).faces)
    44
    """
    lines = [line for line in rows if isinstance(line, str)]
    if not lines or len(lines) != len(rows) or len({len(line) for line in lines}) != 1:
        raise ValueError(f"rows: expected lines of text of one length, got {rows!r:.60}")
    solid = np.pad(np.array([[c == "#" for c in line] for line in lines])[::-1].T, 1)
    if not solid.any():
        raise ValueError("rows: expected at least one #, got none")
    quads = []
    for x, y in np.argwhere(solid):
        low, high = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], (0, 1)
        quads.append([(*p, 1) for p in low])
        quads.append([(*p, 0) for p in low[::-1]])
        for k, (dx, dy) in enumerate(((0, -1), (1, 0), (0, 1), (-1, 0))):
            if not solid[x + dx, y + dy]:
                p, q = low[k], low[(k + 1) % 4]
                quads.append([(*p, high[0]), (*q, high[0]), (*q, high[1]), (*p, high[1])])
    corners, number = np.unique(np.reshape(quads, (-1, 3)), axis=0, return_inverse=True)
    faces = np.reshape(number, (-1, 4))[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    points = corners.astype(np.float64)
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    longer = np.ptp(points[:, :2], axis=0).max()
    return Mesh(points * np.array([1 / longer, 1 / longer, positive(depth, "depth")]), faces)


def _circle(count: int) -> np.ndarray:
    """x and z of points around the y axis, (count, 2)."""
    turn = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1)


def _power(x: np.ndarray, exponent: float) -> np.ndarray:
    return np.sign(x) * np.abs(x) ** exponent


def _rings(radii: Any, heights: Any, circle: np.ndarray) -> np.ndarray:
    """Scaled and lifted copies of a circle, from the top down, (n, m, 3)."""
    radii, heights = np.asarray(radii)[:, None], np.asarray(heights)[:, None]
    up = np.broadcast_to(heights, (len(heights), len(circle)))
    return np.stack([radii * circle[:, 0], up, radii * circle[:, 1]], axis=-1)


def _closed(rings: np.ndarray, top: float, bottom: float) -> Mesh:
    """The surface through rings (n, m, 3), closed by a point of the y axis above and one below."""
    n, m = rings.shape[:2]
    points = np.concatenate([rings.reshape(-1, 3), [[0.0, top, 0.0], [0.0, bottom, 0.0]]])
    i, j = np.divmod(np.arange((n - 1) * m), m)
    a, b = i * m + j, i * m + (j + 1) % m
    sides = np.concatenate([np.stack([a, b, a + m], -1), np.stack([b, b + m, a + m], -1)])
    j, last = np.arange(m), (n - 1) * m
    above = np.stack([np.full(m, n * m), (j + 1) % m, j], axis=-1)
    below = np.stack([np.full(m, n * m + 1), last + j, last + (j + 1) % m], axis=-1)
    return Mesh(points, np.concatenate([sides, above, below]))


def _convex_faces(points: np.ndarray) -> np.ndarray:
    """The triangles of a convex polyhedron around the origin whose edges are all equally long."""
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    edge = np.isclose(gaps, gaps[gaps > 1e-9].min())
    n = len(points)
    found = []
    for a in range(n):
        for b in range(a + 1, n):
            for c in range(b + 1, n):
                if edge[a, b] and edge[b, c] and edge[a, c]:
                    outward = np.linalg.det(points[[a, b, c]]) > 0
                    found.append([a, b, c] if outward else [a, c, b])
    return np.array(found)


def _subdivided(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Four triangles for one, with new vertices at the middles of the edges, on the sphere."""
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    edges = edges_of(faces)
    number = {(int(a), int(b)): len(points) + k for k, (a, b) in enumerate(edges)}
    middles = points[edges].mean(axis=1)
    new = []
    for a, b, c in faces:
        x, y, z = (number[min(p, q), max(p, q)] for p, q in ((a, b), (b, c), (c, a)))
        new += [[a, x, z], [x, b, y], [z, y, c], [x, y, z]]
    return np.concatenate([points, middles]), np.array(new)
