"""What the renderer is given, checked: errors name the argument and the face."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Array, constant, plain, stop_gradient, to_numpy
from ..validation import float_array
from .settings import Settings


def checked_settings(settings: Any) -> Settings:
    """The settings given, or the default ones."""
    if settings is None:
        return Settings()
    if not isinstance(settings, Settings):
        raise TypeError(f"settings: expected a Settings, got {type(settings).__name__}")
    return settings


def checked_vertices(face_vertices: Array) -> Array:
    """Finite coordinates of shape (..., F, 3, 3)."""
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


def checked_textures(textures: Array | None, vertices: Array, settings: Settings) -> Array:
    """Texels or colours of the corners for these faces; white ones by default."""
    lead = tuple(vertices.shape[:-2])
    if textures is None:
        count = 3 if settings.texture_type == "vertex" else 1
        return constant(np.ones((*lead, count, 3)), like=vertices)
    textures = float_array(textures, "face_textures", min_ndim=3)
    count = textures.shape[-2]
    fits = count == 3 if settings.texture_type == "vertex" else round(count**0.5) ** 2 == count > 0
    if tuple(textures.shape[:-2]) != lead or textures.shape[-1] != 3 or not fits:
        wanted = "3" if settings.texture_type == "vertex" else "R^2"
        expected = ", ".join([*map(str, lead), wanted, "3"])
        raise ValueError(
            f"face_textures: expected ({expected}) for texture_type "
            f"{settings.texture_type!r}, got {tuple(textures.shape)}"
        )
    return textures
