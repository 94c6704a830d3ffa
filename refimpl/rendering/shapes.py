"""Generated meshes: faces counter-clockwise seen from outside, centred at the origin."""

from __future__ import annotations

import math

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
    n, m = whole(rows, "rows", minimum=1), whole(columns, "columns", minimum=3)
    polar = np.pi * np.arange(1, n + 1) / (n + 1)
    turn = 2 * np.pi * np.arange(m) / m
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(turn)),
            np.outer(np.cos(polar), np.ones(m)),
            np.outer(np.sin(polar), np.sin(turn)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([ring, [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]])
    i, j = np.divmod(np.arange((n - 1) * m), m)
    a, b = i * m + j, i * m + (j + 1) % m
    sides = np.concatenate([np.stack([a, b, a + m], -1), np.stack([b, b + m, a + m], -1)])
    j = np.arange(m)
    top = np.stack([np.full(m, n * m), (j + 1) % m, j], axis=-1)
    last = (n - 1) * m
    bottom = np.stack([np.full(m, n * m + 1), last + j, last + (j + 1) % m], axis=-1)
    return Mesh(positive(radius, "radius") * points, np.concatenate([sides, top, bottom]))


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
    m = whole(columns, "columns", minimum=3)
    turn = 2 * np.pi * np.arange(m) / m
    half = positive(height, "height") / 2
    ring = positive(radius, "radius") * np.stack([np.cos(turn), 0 * turn, np.sin(turn)], axis=-1)
    up = np.array([0.0, half, 0.0])
    points = np.concatenate([ring + up, ring - up, [up, -up]])
    j, k = np.arange(m), (np.arange(m) + 1) % m
    top, bottom = np.full(m, 2 * m), np.full(m, 2 * m + 1)
    faces = [[j, k, j + m], [k, k + m, j + m], [top, k, j], [bottom, j + m, k + m]]
    return Mesh(points, np.concatenate([np.stack(f, axis=-1) for f in faces]))


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
