"""Losses of images and meshes: silhouette IoU, Laplacian smoothness, flatness.

Source: Liu et al. 2019, "Soft Rasterizer", ICCV, section 4.1; Kato et al. 2018 for the mesh terms.
"""

from __future__ import annotations

import numpy as np

from ..autograd import Array, array_namespace, relu, segment_sum, sigmoid, stop_gradient, to_numpy
from ..validation import choose, float_array
from .mesh import _index, checked_faces, edges_of

UNION_FLOOR = 1e-6
REDUCTIONS = ("mean", "sum", "none")


def iou_loss(predicted: Array, target: Array, reduction: str = "mean") -> Array:
    """1 - sum(p t)/(sum(p + t - p t) + 1e-6) for each silhouette, reduced over the batch.

    predicted, target (..., H, W) in [0, 1]; a scalar, or (...) with reduction "none".

    >>> import numpy as np
    >>> round(float(iou_loss(np.ones((2, 4, 4)), np.ones((2, 4, 4)))), 6)
    0.0
    """
    p, t = _alike(predicted, target)
    xp = array_namespace(p, t)
    both = xp.sum(p * t, axis=(-2, -1))
    union = xp.sum(p + t - p * t, axis=(-2, -1)) + UNION_FLOOR
    return _reduced(1 - both / union, reduction)


def squared_error(predicted: Array, target: Array, reduction: str = "mean") -> Array:
    """Mean squared difference over the pixels of each image, reduced over the batch."""
    p, t = _alike(predicted, target)
    xp = array_namespace(p, t)
    return _reduced(xp.mean((p - t) ** 2, axis=(-2, -1)), reduction)


def multiview_iou_loss(predicted: Array, target_a: Array, target_b: Array) -> Array:
    """The mean of four IoU losses: meshes reconstructed from views a and b, each seen from both.

    predicted (4, B, 4, H, W) RGBA: mesh a from a, mesh b from a, mesh a from b, mesh b from b;
    targets (B, 4, H, W). Alpha, the last channel, is compared.
    """
    first, second = target_a[:, 3, ...], target_b[:, 3, ...]
    alphas = [predicted[i, :, 3, ...] for i in range(4)]
    targets = (first, first, second, second)
    losses = [iou_loss(p, t) for p, t in zip(alphas, targets, strict=True)]
    return (losses[0] + losses[1] + losses[2] + losses[3]) / 4


def laplacian_loss(vertices: Array, faces: np.ndarray) -> Array:
    """sum_i |v_i - mean of its neighbours|^2 for each mesh, (...,): vertices (..., V, 3)."""
    vertices = float_array(vertices, "vertices", min_ndim=2)
    xp = array_namespace(vertices)
    count = vertices.shape[-2]
    edges = edges_of(checked_faces(faces, count))
    owner, other = np.concatenate([edges, edges[:, ::-1]]).T
    degree = np.maximum(np.bincount(owner, minlength=count), 1)
    first = xp.moveaxis(vertices, -2, 0)
    neighbours = xp.take(first, _index(other, vertices), axis=0)
    total = xp.moveaxis(segment_sum(neighbours, _index(owner, vertices), count), 0, -2)
    inverse = _index((1.0 / degree).astype(str(_dtype_name(vertices))), vertices)
    joined = _index((np.bincount(owner, minlength=count) > 0), vertices)
    gap = vertices * xp.astype(joined, vertices.dtype)[:, None] - total * inverse[:, None]
    return xp.sum(gap * gap, axis=(-2, -1))


def flatten_loss(vertices: Array, faces: np.ndarray, eps: float = 1e-6) -> Array:
    """sum over interior edges of (cos + 1)^2, cos of the angle between the two faces' heights on
    the edge: 0 where flat, 4 where folded. For each mesh, (...,); boundary edges do not count.
    """
    vertices = float_array(vertices, "vertices", min_ndim=2)
    xp = array_namespace(vertices)
    hinges = hinges_of(checked_faces(faces, vertices.shape[-2]))
    v0, v1, v2, v3 = (xp.take(vertices, _index(hinges[:, k], vertices), axis=-2) for k in range(4))
    edge = v1 - v0

    def height(v: Array) -> tuple[Array, Array]:
        """The part of v - v0 perpendicular to the edge, and its length."""
        side = v - v0
        inner = xp.sum(edge * side, axis=-1)
        along, across = xp.sum(edge * edge, axis=-1) + eps, xp.sum(side * side, axis=-1) + eps
        cosine = inner / (xp.sqrt(along) * xp.sqrt(across) + eps)
        length = xp.sqrt(across) * xp.sqrt(1 - cosine * cosine + eps)
        return side - edge * (inner / along)[..., None], length

    (h2, l2), (h3, l3) = height(v2), height(v3)
    cosine = xp.sum(h2 * h3, axis=-1) / (l2 * l3 + eps)
    return xp.sum((cosine + 1) ** 2, axis=-1)


def hinges_of(faces: np.ndarray) -> np.ndarray:
    """For each edge with two faces: its vertices and the two opposite ones, (E, 4)."""
    faces = np.asarray(to_numpy(faces))
    corners = np.concatenate([faces[:, [0, 1, 2]], faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
    ends, opposite = np.sort(corners[:, :2], axis=1), corners[:, 2]
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, opposite = ends[order], opposite[order]
    if len(ends) < 2:
        return np.zeros((0, 4), dtype=np.int64)
    same = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    return np.column_stack([ends[same], opposite[same], opposite[same + 1]])


def deformed(template: Array, displacement: Array, centre: Array) -> Array:
    """Vertices in (-1, 1) from free parameters: a template moved in the logits of its coordinates.

        v = sigmoid(log(|u|/(1 - |u|)) + B) sign(u), shifted so that 0 goes to m = tanh(c)

    template u (..., V, 3) in (-1, 1), constant; displacement B (..., V, 3); centre c (..., 1, 3).
    Coordinates that are 0 in the template stay at the centre.
    """
    xp = array_namespace(template, displacement, centre)
    u = stop_gradient(template)
    size, sign = xp.abs(u), xp.sign(u)
    flat = size == 0
    safe = xp.where(flat, 0.5 + 0.0 * size, size)
    base = xp.where(flat, 0.0 * size, xp.log(safe / (1 - safe)))
    v = sigmoid(base + displacement) * sign
    m = xp.tanh(centre)
    return relu(v) * (1 - m) - relu(-v) * (1 + m) + m


def _alike(predicted: Array, target: Array) -> tuple[Array, Array]:
    p, t = float_array(predicted, "predicted", min_ndim=2), float_array(target, "target")
    if tuple(p.shape) != tuple(t.shape):
        raise ValueError(
            f"predicted, target: expected equal shapes, got {tuple(p.shape)} and {tuple(t.shape)}"
        )
    return p, t


def _reduced(values: Array, reduction: str) -> Array:
    xp = array_namespace(values)
    choose(reduction, REDUCTIONS, "reduction")
    return values if reduction == "none" else getattr(xp, reduction)(values)


def _dtype_name(x: Array) -> str:
    return "float32" if "32" in str(x.dtype) else "float64"
