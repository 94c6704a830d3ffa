"""gendr 0.1.0 where it differs from the definition, for comparing numbers only."""

from __future__ import annotations

from typing import Any

from ..autograd import Array, array_namespace, segment_sum, stop_gradient
from . import shading
from .distance import barycentric, gather
from .settings import Settings


def without_gradient_outside(settings: Settings, vertices: Array, pairs: Any, b: Any) -> Any:
    """Triangles outside near and far count in alpha, but their coverage gets no gradient."""
    known = stop_gradient(vertices)
    corners = gather(known, pairs.face)
    weights = shading.clipped(barycentric(corners, pairs.px, pairs.py))
    depth = shading.depth(known, pairs.face, weights)
    xp = array_namespace(b[0], depth)
    outside = (depth < settings.near) | (depth > settings.far)
    return tuple(xp.where(outside, stop_gradient(part), part) for part in b)


def hard_alpha(b: Any, pixel: Array, counts: Array) -> Array:
    """1 where a coverage exceeds 1/2, with the gradient of alpha passed on to every coverage."""
    xp = array_namespace(b[0])
    known = stop_gradient(b[0])
    over = segment_sum(xp.astype(known > 0.5, known.dtype), pixel, counts.shape[0])
    alpha = xp.astype(over > 0, known.dtype)
    passed = segment_sum(b[0], pixel, counts.shape[0])
    return alpha + passed - stop_gradient(passed)


def damped(total: Array, faces: int) -> Array:
    """The same value with its derivative divided by the number of triangles."""
    return stop_gradient(total) + (total - stop_gradient(total)) / faces
