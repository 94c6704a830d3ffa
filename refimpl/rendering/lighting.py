"""Light: ambient, and directional by Lambert's law.

Source: conventions of SoftRas and gendr 0.1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..autograd import Array, array_namespace, constant, relu
from ..validation import choose, float_array
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
    """Ambient light and one directional light; the sum may exceed 1.

        C = T (i_a c_a + i_d c_d max(n . l, 0))

    T the texture, n the unit normal of the face or vertex, l the vector to the light; intensities
    i and colours c of the ambient and the directional light.
    """

    ambient_intensity: float = 0.5
    ambient_colour: Sequence[float] = (1.0, 1.0, 1.0)
    directional_intensity: float = 0.5
    directional_colour: Sequence[float] = (1.0, 1.0, 1.0)
    direction: Sequence[float] = (0.0, 1.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("ambient_colour", "directional_colour", "direction"):
            if np.shape(getattr(self, name)) != (3,):
                raise ValueError(f"{name}: expected 3 numbers, got {getattr(self, name)!r:.60}")

    def __call__(
        self,
        vertices: Array,
        faces: Array,
        textures: Array | None = None,
        texture_type: str = "surface",
    ) -> Array:
        """Textures times the light at their face (..., F, R^2, 3) or vertex (..., V, 3).

        textures without the leading axes of the vertices belong to every mesh; white by default.
        The gradient reaches the vertices through the normals.
        """
        surface = choose(texture_type, ("surface", "vertex"), "texture_type") == "surface"
        vertices = float_array(vertices, "vertices", min_ndim=2)
        if surface:
            normals = surface_normals(face_vertices(vertices, faces))
        else:
            normals = vertex_normals(vertices, faces)
        light = ambient(0.0 * normals, self.ambient_intensity, self.ambient_colour)
        light = directional(
            light, normals, self.directional_intensity, self.directional_colour, self.direction
        )
        light = light[..., None, :] if surface else light
        if textures is None:
            return light
        textures = float_array(textures, "textures", min_ndim=3 if surface else 2)
        own = 3 if surface else 2
        shape, lead = tuple(textures.shape), tuple(light.shape[:-own])
        if (shape[-own], shape[-1]) != (light.shape[-own], 3) or shape[:-own] not in ((), lead):
            wanted = f"(..., {light.shape[-own]}, {'R^2, ' * surface}3)"
            raise ValueError(
                f"textures: expected {wanted} for texture_type {texture_type!r}, got {shape}"
            )
        return textures * light
