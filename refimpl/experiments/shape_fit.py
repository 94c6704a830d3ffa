"""A template sphere is deformed until its silhouettes are those of another shape."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..progress import progress
from ..rendering.fitting import fit_shape, orbit
from ..rendering.obj import format_obj
from ..rendering.pictures import write_gif, write_png
from ..rendering.renderer import silhouette
from ..rendering.settings import Settings, hard_rasteriser
from ..rendering.shapes import icosphere
from ..training.optimizers import adam
from .results import Results
from .scenes import SOLIDS, solid

DESCRIPTION = (
    "Optimise the vertices of a sphere from the silhouettes of a target mesh, as in GenDR, section "
    "5.1: IoU loss, Laplacian and flatness. Writes fit.gif (target left, fit right), before-after "
    "pictures and shape.obj. The score is the IoU loss of hard silhouettes."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", default="star", help=f"{', '.join(SOLIDS)}, or an OBJ file")
    parser.add_argument("--distribution", default="logistic", help="of GenDR")
    parser.add_argument("--scale", type=float, default=1e-3, help="tau")
    parser.add_argument("--plain", action="store_true", help="distances instead of squared ones")
    parser.add_argument("--t-conorm", default="probabilistic", help="how coverages are joined")
    parser.add_argument("--t-conorm-p", type=float, help="its parameter")
    parser.add_argument("--views", type=int, default=8, help="cameras around the shape (paper: 24)")
    parser.add_argument("--elevation", type=float, default=30.0, help="of the cameras, degrees")
    parser.add_argument("--size", type=int, default=32, help="pixels (paper: 64)")
    parser.add_argument("--level", type=int, default=2, help="of the icosphere (paper: 3)")
    parser.add_argument("--steps", type=int, default=60, help="of Adam (paper: 100)")
    parser.add_argument("--learning-rate", type=float, default=10**-1.5, help="of Adam")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    target, sphere = solid(options.target, 0.45), icosphere(options.level, 0.5)
    # A turn keeps coordinates off 0, where a template is stuck.
    c, s = np.cos(0.3), np.sin(0.3)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    template = np.asarray(sphere.vertices) @ (about_z @ about_x).T
    azimuths = [360 * k / options.views for k in range(options.views)]
    view = {"elevation": options.elevation}
    hard = hard_rasteriser(image_size=options.size)
    goal = silhouette(orbit(target.vertices, target.faces, azimuths, **view), hard)
    settings = Settings(
        image_size=options.size,
        distribution=options.distribution,
        scale=options.scale,
        squared=not options.plain,
        dist_eps=100.0,
        t_conorm=options.t_conorm,
        t_conorm_p=options.t_conorm_p,
    )
    optimizer = adam(options.learning_rate, betas=(0.5, 0.95))
    steps = fit_shape(
        template, sphere.faces, goal, azimuths, settings,
        steps=options.steps, optimizer=optimizer, **view,
    )  # fmt: skip
    frames, log, best = [], [], None
    for report in progress(steps, "shape", total=options.steps):
        log.append((report.iou, report.laplacian, report.flatten, report.hard_iou))
        if best is None or report.hard_iou < best.hard_iou:
            best = report
        if report.step % max(1, options.steps // 40) == 0 or report.step == options.steps - 1:
            frames.append(_frame(goal, report.vertices, sphere.faces, azimuths, hard, view))
    assert best is not None
    write_gif(results.path("fit.gif"), frames, seconds=0.08)
    write_png(results.path("before.png"), frames[0])
    write_png(results.path("after.png"), frames[-1])
    text = format_obj("shape.obj", best.vertices, sphere.faces)
    results.path("shape.obj").write_text(text, encoding="utf-8")
    np.save(results.path("log.npy"), np.array(log))
    return {
        "first_hard_iou_loss": log[0][3],
        "best_hard_iou_loss": best.hard_iou,
        "best_step": best.step,
        "last_soft_iou_loss": log[-1][0],
    }


def _frame(
    goal: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    azimuths: list[float],
    settings: Settings,
    view: dict[str, float],
) -> np.ndarray:
    """Up to four views: the target on the left, the fit on the right."""
    chosen = list(range(0, len(azimuths), max(1, len(azimuths) // 4)))[:4]
    fit = silhouette(orbit(vertices, faces, [azimuths[k] for k in chosen], **view), settings)
    pairs = [np.concatenate([goal[k], fit[i]], axis=1) for i, k in enumerate(chosen)]
    image = 1 - np.concatenate(pairs)
    return np.kron(image, np.ones((3, 3)))
