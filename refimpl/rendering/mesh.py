"""Triangle meshes: vertices, faces, textures, and what is computed from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    is_array,
    like_array,
    segment_sum,
    to_numpy,
)
from ..validation import choose, float_array
from .camera import cross, normalised

NORMAL_FLOOR = 1e-6


@dataclass(frozen=True)
class Mesh:
    """vertices (..., V, 3) and faces (F, 3) of vertex numbers, counter-clockwise from outside.

    textures: (..., F, R^2, 3) texels of the faces (texture_type "surface"), or (..., V, 3) colours
    of the vertices ("vertex"); white by default. Leading axes of vertices are a batch of meshes
    with the same faces; textures without them belong to every mesh.

    Raises ValueError for shapes that do not fit, and for a face whose vertices do not exist.
    """

    vertices: Array
    faces: np.ndarray
    textures: Array | None = None
    texture_type: str = "surface"

    def __post_init__(self) -> None:
        vertices = float_array(self.vertices, "vertices", min_ndim=2)
        if vertices.shape[-1] != 3:
            raise ValueError(f"vertices: expected (..., V, 3), got {tuple(vertices.shape)}")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", checked_faces(self.faces, vertices.shape[-2]))
        choose(self.texture_type, ("surface", "vertex"), "texture_type")
        if self.textures is not None:
            textures = float_array(self.textures, "textures", min_ndim=2)
            _check_textures(textures, vertices, len(self.faces), self.texture_type)
            object.__setattr__(self, "textures", textures)

    def with_vertices(self, vertices: Array) -> Mesh:
        """The same faces and textures with other vertices (..., V, 3)."""
        return replace(self, vertices=vertices)

    @property
    def face_vertices(self) -> Array:
        """(..., F, 3, 3)."""
        return face_vertices(self.vertices, self.faces)

    @property
    def face_textures(self) -> Array | None:
        """What `render` takes: texels as they are, vertex colours gathered to (..., F, 3, 3)."""
        if self.textures is None:
            return None
        xp, lead = array_namespace(self.textures), tuple(self.vertices.shape[:-2])
        own = 3 if self.texture_type == "surface" else 2
        textures = xp.broadcast_to(self.textures, (*lead, *self.textures.shape[-own:]))
        return textures if own == 3 else face_vertices(textures, self.faces)

    @property
    def surface_normals(self) -> Array:
        """Unit normals (..., F, 3), outward for faces counter-clockwise from outside."""
        return surface_normals(self.face_vertices)

    @property
    def vertex_normals(self) -> Array:
        """Unit normals (..., V, 3): area-weighted mean over the faces at a vertex."""
        return vertex_normals(self.vertices, self.faces)


def checked_faces(faces: Any, count: int) -> np.ndarray:
    """Faces (F, 3) of `count` vertices as whole numbers on the host."""
    found = np.asarray(to_numpy(faces) if is_array(faces) else faces)
    found = found.reshape(0, 3).astype(np.int64) if found.shape == (0,) else found
    if found.ndim != 2 or found.shape[1] != 3 or found.dtype.kind not in "iu":
        raise ValueError(f"faces: expected whole numbers (F, 3), got {found.dtype} {found.shape}")
    if found.size and (found.min() < 0 or found.max() >= count):
        bad = int(np.argmax((found < 0).any(1) | (found >= count).any(1)))
        raise ValueError(f"faces: face {bad} names the vertices {found[bad].tolist()} of {count}")
    return found.astype(np.int64)


def _check_textures(textures: Array, vertices: Array, faces: int, kind: str) -> None:
    lead, shape = tuple(vertices.shape[:-2]), tuple(textures.shape)
    if kind == "vertex":
        own, wanted = 2, f"(..., {vertices.shape[-2]}, 3)"
        fits = shape[-2:] == (vertices.shape[-2], 3)
    else:
        own, wanted = 3, f"(..., {faces}, R^2, 3)"
        fits = len(shape) >= 3 and shape[-3] == faces and shape[-1] == 3
        fits = fits and round(shape[-2] ** 0.5) ** 2 == shape[-2] > 0
    if not fits or shape[:-own] not in ((), lead):
        raise ValueError(f"textures: expected {wanted} for texture_type {kind!r}, got {shape}")


def face_vertices(vertices: Array, faces: Array) -> Array:
    """Corners (..., F, 3, C) of vertices (..., V, C) and faces (F, 3), or (..., F, 3) per mesh."""
    xp = array_namespace(vertices)
    faces = np.asarray(to_numpy(faces))
    if faces.ndim == 2:
        flat = xp.take(vertices, _index(faces.reshape(-1), vertices), axis=-2)
        return xp.reshape(flat, (*vertices.shape[:-2], *faces.shape, vertices.shape[-1]))
    parts = [face_vertices(vertices[i, ...], faces[i]) for i in range(faces.shape[0])]
    return array_namespace(*parts).stack(parts)


def surface_normals(corners: Array) -> Array:
    """Unit normals (..., F, 3) of triangles (..., F, 3, 3): (v2 - v1) x (v0 - v1), normalised."""
    v0, v1, v2 = (corners[..., k, :] for k in range(3))
    return normalised(cross(v2 - v1, v0 - v1), NORMAL_FLOOR)


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """Unit normals (..., V, 3): the sum of the faces' vector products, twice their areas long;
    vertices without faces get 0.

        n_v = N_v/|N_v|,   N_v = sum over faces at v of (v2 - v1) x (v0 - v1)
    """
    faces = np.asarray(to_numpy(faces))
    if faces.ndim == 3:
        parts = [vertex_normals(vertices[i, ...], faces[i]) for i in range(faces.shape[0])]
        return array_namespace(*parts).stack(parts)
    corners = face_vertices(vertices, faces)
    v0, v1, v2 = (corners[..., k, :] for k in range(3))
    products = cross(v2 - v1, v0 - v1)
    xp = array_namespace(products)
    first = xp.moveaxis(products, -2, 0)  # (F, ..., 3)
    owners = _index(faces.T.reshape(-1), vertices)
    total = segment_sum(xp.concat([first, first, first], axis=0), owners, vertices.shape[-2])
    return normalised(xp.moveaxis(total, 0, -2), NORMAL_FLOOR)


def edges_of(faces: np.ndarray) -> np.ndarray:
    """The undirected edges (E, 2), each once, smaller vertex first."""
    faces = np.asarray(to_numpy(faces))
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _index(numbers: np.ndarray, like: Array) -> Array:
    return like_array(np.ascontiguousarray(numbers), like)
