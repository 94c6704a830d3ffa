"""Silhouettes of spheres, forward and backward, beside the same formula in dense PyTorch.

The dense version evaluates every pixel with every face, in blocks of rows, each of which is
differentiated before the next one. Its time for the large image is that of every eighth block of
rows, times eight. Probabilistic t-conorm, float32, one thread. The note gives our time per culled
pair.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.rendering import camera, shapes
from refimpl.rendering.mesh import Mesh, face_vertices
from refimpl.rendering.pairs import Tile, bounding_boxes, candidates
from refimpl.rendering.renderer import silhouette
from refimpl.rendering.settings import Settings

from .measure import interleaved, rows


class Workload(NamedTuple):
    """A sphere, image size, views, distribution and its scale."""

    vertices: int
    size: int
    views: int
    law: str
    scale: float

    def __str__(self) -> str:
        return f"{self.vertices} v, {self.size}^2 x {self.views}, {self.law} {self.scale:.0e}"


WORKLOADS = (
    Workload(642, 64, 4, "uniform", 10**-1.5),
    Workload(642, 64, 4, "logistic", 1e-2),
    Workload(1352, 256, 1, "uniform", 10**-1.5),
    Workload(1352, 256, 1, "logistic", 1e-3),
)
TARGET = 0.2
BLOCK = 2**21  # pairs of the dense version at once


def _scene(work: Workload) -> np.ndarray:
    """Triangles (views, F, 3, 3) of a sphere of radius 1/2."""
    solid: Mesh = shapes.icosphere(3, 0.5) if work.vertices == 642 else shapes.uv_sphere(radius=0.5)
    n = work.views
    eye = camera.eye_from_angles(np.full(n, 2.732), np.full(n, 30.0), 90.0 * np.arange(n) / n)
    many = np.broadcast_to(solid.vertices, (n, *solid.vertices.shape))
    seen = camera.perspective(camera.look_at(many, eye), 15.0)
    return face_vertices(seen, solid.faces).astype(np.float32)


def _weights(work: Workload) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(work.views, work.size, work.size)).astype(np.float32)


def _refimpl(work: Workload) -> Callable[[], Any]:
    corners, weights = _scene(work), _weights(work)
    settings = Settings(image_size=work.size, distribution=work.law, scale=work.scale)
    step = value_and_grad(lambda v: array_namespace(v).sum(silhouette(v, settings) * weights))
    return lambda: step(corners)


def _torch_dense(work: Workload) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(1)
    corners, weights = torch.tensor(_scene(work)), torch.tensor(_weights(work))
    size, faces = work.size, corners.shape[1]
    rows_at_once = max(1, BLOCK // (faces * size))
    centres = (2 * torch.arange(size) + 1 - size) / size

    def coverage(x: Any) -> Any:
        z = x / work.scale
        return torch.sigmoid(z) if work.law == "logistic" else torch.clamp((z + 1) / 2, 0, 1)

    def block(v: Any, top: int, bottom: int) -> Any:
        """Alpha of some rows of one view: (rows, size)."""
        y, x = torch.meshgrid(-centres[top:bottom], centres, indexing="ij")
        p = torch.stack([x, y], dim=-1)[:, :, None, :]
        nearest, inside = None, None
        for i, j in ((0, 1), (1, 2), (2, 0)):
            a, edge = v[:, i], v[:, j] - v[:, i]
            ap = p - a
            t = ((ap * edge).sum(-1) / (edge * edge).sum(-1)).clamp(0, 1)
            gap = t[..., None] * edge - ap
            square = (gap * gap).sum(-1)
            side = ap[..., 0] * edge[:, 1] - ap[..., 1] * edge[:, 0]
            nearest = square if nearest is None else torch.minimum(nearest, square)
            inside = (side > 0, side < 0) if inside is None else (
                inside[0] & (side > 0), inside[1] & (side < 0)
            )  # fmt: skip
        within = inside[0] | inside[1]
        d = torch.sqrt(nearest + 1e-12)
        b = coverage(torch.where(within, d, -d))
        return 1 - torch.prod(1 - b, dim=-1)

    step = 1 if work.size <= 64 else 8

    def run() -> None:
        for view in range(work.views):
            v = corners[view, :, :, :2].clone().requires_grad_()
            for number, top in enumerate(range(0, size, rows_at_once)):
                if number % step == 0:
                    bottom = min(top + rows_at_once, size)
                    (block(v, top, bottom) * weights[view, top:bottom]).sum().backward()

    return run


def _pairs(work: Workload) -> int:
    """How many pairs survive the culling by bounding boxes."""
    settings = Settings(image_size=work.size, distribution=work.law, scale=work.scale)
    tile, total = Tile(0, work.size, 0, work.size), 0
    for corners in _scene(work):
        boxes = bounding_boxes(corners, settings.coverage.reach, work.size, work.size)
        total += len(candidates(boxes, tile)[0])
    return total


def missing() -> list[str]:
    return [] if importlib.util.find_spec("torch") else ["torch"]


def run(rounds: int) -> list[dict[str, Any]]:
    found = []
    for work in WORKLOADS:
        contestants = {"refimpl": _refimpl(work)}
        if not missing():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                contestants["torch dense"] = _torch_dense(work)
        times = interleaved(contestants, min(rounds, 3))
        if "torch dense" in times and work.size > 64:
            times["torch dense"] = [8 * t for t in times["torch dense"]]
        results = rows(str(work), times, targets={"torch dense": TARGET})
        pairs, best = _pairs(work), min(times["refimpl"])
        results[0]["note"] = f"{pairs} pairs, {1e3 * best / pairs:.2f} us each"
        print(f"{work}: {results[0]['note']}")
        found += results
    return found
