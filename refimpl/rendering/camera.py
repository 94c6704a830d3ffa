"""Cameras: poses, perspective and orthogonal projection, lens distortion.

The camera looks along +z, x to the right, y up (left-handed); depth is z > 0. Projection keeps z
and divides x and y so that the image plane's height is 2.

Source: conventions of SoftRas and gendr 0.1.0.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Array, array_namespace, constant, is_array, vector_norm
from ..validation import float_array, number_or_array

SMALLEST_NORM = 1e-5


def eye_from_angles(
    distance: Array, elevation: Array, azimuth: Array, *, degrees: bool = True
) -> Array:
    """The position d (cos e sin a, sin e, -cos e cos a), (..., 3), of a camera around the origin.

    distance, elevation, azimuth  numbers or arrays of one shape (...)

    >>> import numpy as np
    >>> eye_from_angles(2.0, 0.0, 0.0) + 0.0
    array([ 0.,  0., -2.])
    """
    d, e, a = _alike(distance, elevation, azimuth)
    xp = array_namespace(d, e, a)
    unit = math.pi / 180 if degrees else 1.0
    e, a = e * unit, a * unit
    return xp.stack([d * xp.cos(e) * xp.sin(a), d * xp.sin(e), -d * xp.cos(e) * xp.cos(a)], axis=-1)


def look_at(
    vertices: Array,
    eye: Array,
    at: Array | tuple = (0.0, 0.0, 0.0),
    up: Array | tuple = (0.0, 1.0, 0.0),
    *,
    only_rotate: bool = False,
) -> Array:
    """Vertices in the frame of a camera at `eye` that looks at `at`.

        v' = ((v - eye) . x, (v - eye) . y, (v - eye) . z)
        z = unit(at - eye),   x = unit(cross(up, z)),   y = unit(cross(z, x))

    vertices (..., V, 3); eye, at, up (3,) or (..., 3). only_rotate: leave out the translation.
    `up` parallel to the direction gives no frame: all points collapse, without an error.
    """
    vertices = _points(vertices)
    eye, at = _vector(eye, "eye", vertices), _vector(at, "at", vertices)
    return look(vertices, eye, at - eye, up, only_rotate=only_rotate)


def look(
    vertices: Array,
    eye: Array,
    direction: Array | tuple = (0.0, 0.0, 1.0),
    up: Array | tuple = (0.0, 1.0, 0.0),
    *,
    only_rotate: bool = False,
) -> Array:
    """Vertices in the frame of a camera at `eye` that looks along `direction`; as `look_at`."""
    vertices = _points(vertices)
    eye, up = _vector(eye, "eye", vertices), _vector(up, "up", vertices)
    z = normalised(_vector(direction, "direction", vertices))
    x = normalised(cross(up, z))
    y = normalised(cross(z, x))
    axes = array_namespace(x, y, z).broadcast_arrays(x, y, z)
    rotation = array_namespace(*axes).stack(axes, axis=-1)  # columns: v R^T in one product
    moved = vertices if only_rotate else vertices - eye[..., None, :]
    return moved @ rotation


def perspective(vertices: Array, angle: float | Array = 30.0) -> Array:
    """(x/(z tan angle), y/(z tan angle), z), where `angle` is half the opening, in degrees.

    vertices (..., V, 3); angle a number in (0, 90) or an array (...). A point with z < 0 is behind
    the camera and its projection is mirrored; at z = 0 x and y are not divided by it. The renderer
    does not draw their faces.
    """
    vertices = _points(vertices)
    opening = number_or_array(angle, "angle")
    xp = array_namespace(vertices, opening)
    if is_array(opening):
        width = xp.tan(opening * (math.pi / 180))[..., None]
    elif opening < 90:
        width = math.tan(math.radians(opening))
    else:
        raise ValueError(f"angle: expected a number between 0 and 90, got {angle!r}")
    x, y, z = (vertices[..., k] for k in range(3))
    depth = xp.where(z == 0, xp.ones_like(z), z)
    return xp.stack([x / depth / width, y / depth / width, z], axis=-1)


def orthogonal(vertices: Array, scale: float | Array = 1.0) -> Array:
    """(scale x, scale y, z); vertices (..., V, 3), scale a number > 0 or an array (...)."""
    vertices = _points(vertices)
    size: Any = number_or_array(scale, "scale")
    if is_array(size):
        size = size[..., None]
    x, y, z = (vertices[..., k] for k in range(3))
    return array_namespace(vertices, size).stack([x * size, y * size, z], axis=-1)


def projection(
    vertices: Array, matrix: Array, distortion: Array | None = None, *, original_size: float = 512
) -> Array:
    """Projection by a 3 x 4 camera matrix P and lens distortion (k1, k2, p1, p2, k3).

    h = P (v, 1); x = h_x/(h_z + 1e-5), y alike; radial distortion 1 + k1 r^2 + k2 r^4 + k3 r^6 and
    tangential p1, p2 of these coordinates; the image plane is then scaled from [0, original_size]
    to [-1, 1]. Distortion acts on the coordinates that P yields, as in gendr: with the intrinsics
    inside P these are pixels.

    vertices (..., V, 3), matrix (..., 3, 4), distortion (..., 5). Differentiable at r = 0, too.
    """
    vertices, P = _points(vertices), float_array(matrix, "matrix", min_ndim=2)
    if tuple(P.shape[-2:]) != (3, 4):
        raise ValueError(f"matrix: expected (..., 3, 4), got {tuple(P.shape)}")
    xp = array_namespace(vertices, P)
    h = vertices @ xp.matrix_transpose(P[..., :, :3]) + P[..., None, :, 3]
    z = h[..., 2]
    x, y = h[..., 0] / (z + 1e-5), h[..., 1] / (z + 1e-5)
    if distortion is not None:
        k = float_array(distortion, "distortion", min_ndim=1)
        if k.shape[-1] != 5:
            raise ValueError(f"distortion: expected (k1, k2, p1, p2, k3), got {tuple(k.shape)}")
        k1, k2, p1, p2, k3 = (k[..., i, None] for i in range(5))
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        x, y = (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    half = original_size / 2
    return array_namespace(x, y, z).stack([(x - half) / half, (y - half) / half, z], axis=-1)


def cross(a: Array, b: Array) -> Array:
    """The vector product along the last axis, of length 3."""
    xp = array_namespace(a, b)
    (a0, a1, a2), (b0, b1, b2) = ([v[..., k] for k in range(3)] for v in (a, b))
    return xp.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def normalised(v: Array, smallest: float = SMALLEST_NORM) -> Array:
    """v/max(|v|, smallest) along the last axis."""
    xp = array_namespace(v)
    return v / xp.maximum(vector_norm(v, axis=-1, keepdims=True), constant(smallest, like=v))


def _points(vertices: Any) -> Array:
    vertices = float_array(vertices, "vertices", min_ndim=2)
    if vertices.shape[-1] != 3:
        raise ValueError(f"vertices: expected (..., V, 3), got {tuple(vertices.shape)}")
    return vertices


def _vector(v: Any, name: str, like: Array) -> Array:
    if not is_array(v):
        v = constant(v, like=like)
    v = float_array(v, name, min_ndim=1)
    if v.shape[-1] != 3:
        raise ValueError(f"{name}: expected 3 coordinates, got shape {tuple(v.shape)}")
    return v


def _alike(*values: Any) -> list[Array]:
    arrays = [v for v in values if is_array(v)]
    if not arrays:
        return [float_array(v, "angle") for v in values]
    return [v if is_array(v) else constant(v, like=arrays[0]) + 0.0 * arrays[0] for v in values]
