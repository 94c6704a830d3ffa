"""Meshes for the rendering experiments: generated ones by name, or an OBJ file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..rendering import shapes
from ..rendering.mesh import Mesh
from ..rendering.obj import load_obj
from ..validation import choose

SOLIDS: dict[str, Callable[[], Mesh]] = {
    "torus": shapes.torus,
    "cube": shapes.cube,
    "tetrahedron": shapes.tetrahedron,
    "cylinder": shapes.cylinder,
    "cone": shapes.cone,
    "capsule": shapes.capsule,
    "superquadric": lambda: shapes.superquadric(vertical=0.4, horizontal=0.4),
    "letter": lambda: shapes.extruded(["###", "#..", "##.", "#..", "#.."]),
    "sphere": lambda: shapes.icosphere(3),
    "star": lambda: star(),
}


def star(points: int = 5) -> Mesh:
    """A sphere drawn out to points around the z axis."""
    solid = shapes.icosphere(3)
    v = np.asarray(solid.vertices)
    turn = np.arctan2(v[:, 1], v[:, 0])
    reach = 0.6 + 0.4 * np.cos(points * turn) * (1 - v[:, 2] ** 2)
    return solid.with_vertices(v * reach[:, None] * np.array([1.0, 1.0, 0.5]))


def solid(name: str, size: float = 1.0) -> Mesh:
    """A mesh by name or from an OBJ file, centred, with the longest side 2 size."""
    if name.endswith(".obj"):
        if not Path(name).is_file():
            raise ValueError(f"mesh: there is no file {name}")
        found = load_obj(Path(name), normalise=True)
        return found.with_vertices(size * np.asarray(found.vertices))
    found = SOLIDS[choose(name, SOLIDS, "mesh")]()
    v = np.asarray(found.vertices)
    centre = (v.max(axis=0) + v.min(axis=0)) / 2
    return found.with_vertices(size * (v - centre) / np.abs(v - centre).max())
