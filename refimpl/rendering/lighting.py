"""Light: ambient, and directional by Lambert's law.

Source: conventions of SoftRas and gendr 0.1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..autograd import Array, array_namespace, constant, relu
from ..validation import choose
from .mesh import face_vertices, surface_normals, vertex_normals


def ambient(light: Array, intensity: float, colour: Sequence[float]) -> Array:
    """light + intensity colour, (..., 3)."""
    return light + constant(intensity * np.asarray(colour, dtype=float), like=light)


def directional(
    light: Array,
    normals: Array,
    intensity: float,
    colour: Sequence[float],
    direction: Sequence[float],
) -> Array:
    """light + intensity colour max(n . direction, 0); the direction points to the light, and its
    length counts. light, normals (..., 3).
    """
    xp = array_namespace(light, normals)
    towards = constant(np.asarray(direction, dtype=float), like=normals)
    strength = relu(xp.sum(normals * towards, axis=-1, keepdims=True))
    return light + constant(intensity * np.asarray(colour, dtype=float), like=normals) * strength


@dataclass(frozen=True)
class Lighting:
    """Ambient light and one directional light; the sum may exceed 1."""

    ambient_intensity: float = 0.5
    ambient_colour: Sequence[float] = (1.0, 1.0, 1.0)
    directional_intensity: float = 0.5
    directional_colour: Sequence[float] = (1.0, 1.0, 1.0)
    direction: Sequence[float] = (0.0, 1.0, 0.0)

    def __call__(
        self, vertices: Array, faces: Array, textures: Array, texture_type: str = "surface"
    ) -> Array:
        """Textures times the light at their face (..., F, R^2, 3) or vertex (..., V, 3).

        The gradient reaches the vertices through the normals.
        """
        choose(texture_type, ("surface", "vertex"), "texture_type")
        if texture_type == "surface":
            normals = surface_normals(face_vertices(vertices, faces))
        else:
            normals = vertex_normals(vertices, faces)
        light = ambient(0.0 * normals, self.ambient_intensity, self.ambient_colour)
        light = directional(
            light, normals, self.directional_intensity, self.directional_colour, self.direction
        )
        return textures * (light[..., None, :] if texture_type == "surface" else light)
