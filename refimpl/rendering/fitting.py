"""Shapes and cameras found by rendering: the two optimisation tasks of GenDR.

`fit_shape` moves the vertices of a template until its silhouettes match given ones; `fit_camera`
finds the pose from which a mesh was seen. Both are generators that yield one report per step, so
that a caller can show progress, stop early or keep pictures.

Source: Petersen et al. 2022, "GenDR", section 5; the schedules of gendr 0.1.0's experiments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant, stop_gradient, to_numpy, value_and_grad
from ..training.optimizers import Optimizer, adam
from ..validation import float_array
from .camera import eye_from_angles, look_at, perspective
from .losses import deformed, flatten_loss, iou_loss, laplacian_loss
from .mesh import face_vertices
from .renderer import silhouette
from .settings import Settings, hard_rasteriser


class ShapeReport(NamedTuple):
    """One step of `fit_shape`, before its update: losses, vertices, gradients, and the IoU loss of
    hard silhouettes, which is what matters.
    """

    step: int
    iou: float
    laplacian: float
    flatten: float
    total: float
    hard_iou: float
    vertices: Array
    gradients: dict[str, Array]


class CameraReport(NamedTuple):
    """One step of `fit_camera`, before its update: the loss, poses (B, 4) and their gradient."""

    step: int
    scale: float
    loss: float
    poses: Array
    gradient: Array


def orbit(
    vertices: Array,
    faces: np.ndarray,
    azimuths: Sequence[float],
    *,
    elevation: float = 30.0,
    distance: float = 2.732,
    angle: float = 15.0,
) -> Array:
    """Triangles (views, F, 3, 3) of one mesh (V, 3) seen from a ring of cameras; degrees."""
    xp = array_namespace(vertices)
    views = len(azimuths)
    turns = np.asarray(azimuths, dtype=float)
    angles = (np.full(views, distance), np.full(views, elevation), turns)
    eyes = eye_from_angles(*(constant(a, like=vertices) for a in angles))
    many = xp.broadcast_to(vertices, (views, *vertices.shape[-2:]))
    return face_vertices(perspective(look_at(many, eyes), angle), faces)


def undeformed(template: Array) -> dict[str, Array]:
    """The parameters that `shape_objective` takes, of the template (V, 3) itself."""
    return {"centre": constant(np.zeros((1, 3)), like=template), "displacement": 0.0 * template}


def shape_objective(
    template: Array,
    faces: np.ndarray,
    targets: Array,
    azimuths: Sequence[float],
    settings: Settings,
    *,
    laplacian: float = 0.03,
    flatten: float = 0.0003,
    **view: float,
) -> Callable[[dict[str, Array]], tuple[Array, tuple[tuple[Array, ...], Array]]]:
    """What `fit_shape` minimises: parameters -> (loss, (its three parts, vertices (V, 3)))."""

    def loss(params: dict[str, Array]) -> tuple[Array, tuple[tuple[Array, ...], Array]]:
        vertices = deformed(template, params["displacement"], params["centre"])
        seen = silhouette(orbit(vertices, faces, azimuths, **view), settings)
        parts = (
            iou_loss(seen, targets),
            laplacian_loss(vertices, faces),
            flatten_loss(vertices, faces),
        )
        return parts[0] + laplacian * parts[1] + flatten * parts[2], (parts, vertices)

    return loss


def fit_shape(
    template: np.ndarray,
    faces: np.ndarray,
    targets: np.ndarray,
    azimuths: Sequence[float],
    settings: Settings,
    *,
    steps: int = 101,
    optimizer: Optimizer | None = None,
    laplacian: float = 0.03,
    flatten: float = 0.0003,
    **view: float,
) -> Iterator[ShapeReport]:
    """Deform a template (V, 3) in (-1, 1) until its silhouettes are the targets (views, H, W).

    The loss is the mean IoU loss plus weighted Laplacian and flatness terms. optimizer: Adam with
    learning rate 10^-1.5 and betas (0.5, 0.95) by default; view: see `orbit`.
    """
    optimizer = optimizer or adam(10**-1.5, betas=(0.5, 0.95))
    template = float_array(template, "template", min_ndim=2)
    params = undeformed(template)
    state = optimizer.init(params)
    hard = hard_rasteriser(image_size=settings.image_size)
    loss = shape_objective(
        template, faces, targets, azimuths, settings, laplacian=laplacian, flatten=flatten, **view
    )
    for step in range(steps):
        (total, (parts, vertices)), gradients = value_and_grad(loss, has_aux=True)(params)
        exact = silhouette(orbit(vertices, faces, azimuths, **view), hard)
        yield ShapeReport(
            step,
            _number(parts[0]),
            _number(parts[1]),
            _number(parts[2]),
            _number(total),
            _number(iou_loss(exact, targets)),
            vertices,
            gradients,
        )
        params, state = optimizer.update(gradients, state, params)


def posed_silhouette(
    vertices: np.ndarray,
    faces: np.ndarray,
    poses: Array,
    settings: Settings,
    additional: np.ndarray | None = None,
    *,
    differentiate_angle: bool = True,
) -> Array:
    """Silhouettes (B, H, W) of one mesh (V, 3) from poses (B, 4): distance, elevation, azimuth and
    half the opening angle, in degrees. additional: poses by whose angles the mesh is turned first.
    """
    xp = array_namespace(poses)
    many = xp.broadcast_to(constant(vertices, like=poses), (poses.shape[0], *vertices.shape))
    if additional is not None:
        first = eye_from_angles(*(additional[:, k] for k in range(3)))
        many = look_at(many, first, only_rotate=True)
    eye = eye_from_angles(*(poses[:, k] for k in range(3)))
    angle = poses[:, 3] if differentiate_angle else stop_gradient(poses[:, 3])
    return silhouette(face_vertices(perspective(look_at(many, eye), angle), faces), settings)


def camera_objective(
    vertices: np.ndarray, faces: np.ndarray, goal: Array, settings: Settings, **options: Any
) -> Callable[[Array, float], Array]:
    """What `fit_camera` minimises: poses (B, 4) and the scale tau -> the sum of IoU losses."""

    def loss(poses: Array, scale: float) -> Array:
        annealed = settings.with_options(scale=scale)
        return iou_loss(posed_silhouette(vertices, faces, poses, annealed, **options), goal, "sum")

    return loss


def fit_camera(
    vertices: np.ndarray,
    faces: np.ndarray,
    goal: np.ndarray,
    start: np.ndarray,
    settings: Settings,
    scales: Iterable[float],
    *,
    optimizer: Optimizer | None = None,
    **options: Any,
) -> Iterator[CameraReport]:
    """Move poses (B, 4) until the silhouettes are the goal (B, H, W); one step per scale tau.

    The loss is the sum of IoU losses; the scale is annealed. optimizer: Adam with learning rate
    0.3 and betas (0.5, 0.99) by default; options: see `posed_silhouette`.
    """
    optimizer = optimizer or adam(0.3, betas=(0.5, 0.99))
    poses = float_array(start, "start", min_ndim=2)
    state = optimizer.init(poses)
    loss = camera_objective(vertices, faces, goal, settings, **options)
    for step, scale in enumerate(scales):
        value, gradient = value_and_grad(loss)(poses, float(scale))
        yield CameraReport(step, float(scale), _number(value), poses, gradient)
        poses, state = optimizer.update(gradient, state, poses)


def _number(value: Array) -> float:
    return float(to_numpy(value))
