"""A template sphere is deformed until its silhouettes are those of another shape."""

from __future__ import annotations

import argparse
import itertools
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, to_numpy
from ..rendering.fitting import orbit, shape_objective, undeformed
from ..rendering.losses import deformed, iou_loss
from ..rendering.obj import format_obj
from ..rendering.renderer import silhouette
from ..rendering.settings import hard_rasteriser
from ..rendering.shapes import icosphere
from ..training.optimizers import adam
from .command import Sized
from .plots import animation, bars, curves, picture
from .results import Results
from .runs import Row, Runs, fit, mean_curves, means, on_backend, step_rng
from .scenes import SOLIDS, add_renderers, renderers, settings_of, solid

DESCRIPTION = (
    "The vertices of a sphere are optimised from the silhouettes of a target mesh, as in Petersen "
    "et al. 2022, GenDR, section 5.1: IoU loss, Laplacian and flatness, by several distributions "
    "and t-conorms, each at its best scale and learning rate of those given. The score is the "
    "smallest IoU loss of hard silhouettes in the course of a run. Seeds turn the sphere. Writes "
    "fit.gif (target left, fit right) of the best run, its first and last picture, and shape.obj. "
    "--full has the paper's sizes and its search, of a mesh of our own. Needs no data."
)
EXAMPLES = (
    ("", "a star, some seconds; look at fit.gif"),
    ("--target letter --views 16 --size 48 --steps 100", "a finer fit, half a minute"),
    ("--distributions uniform logistic --scales 1e-3 1e-4", "two distributions, the better scale"),
)
FULL = "days on a CPU"
ON_CUPY = True
FRAMES, SHAPES, SCORE = 40, "shapes.npy", "IoU loss of hard silhouettes"
DECADES = tuple(10.0**-k for k in range(1, 8))


class Task(NamedTuple):
    """A target's silhouettes from a ring of cameras, and the faces of the template."""

    goal: Array
    faces: np.ndarray
    azimuths: list[float]
    view: dict[str, float]


class Try(NamedTuple):
    """A run: the renderer, the seed, and what is searched."""

    law: str
    t_conorm: str
    seed: int
    scale: float
    rate: float

    def __str__(self) -> str:
        return (
            f"{self.law}, {self.t_conorm}, scale {self.scale:g}, rate {self.rate:g}, "
            f"seed {self.seed}"
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--target", default="star", help=f"the shape to find: {', '.join(SOLIDS)}, or an OBJ file")
    add_renderers(parser)
    add("--scales", nargs="+", type=float, default=Sized((1e-4,), DECADES), metavar="TAU",
        help="scales of the distributions; the best one is chosen")  # fmt: skip
    add("--learning-rates", nargs="+", type=float, metavar="RATE",
        default=Sized((10**-1.5,), (10**-1.25, 10**-1.5, 10**-1.75)),
        help="learning rates of Adam; the best one is chosen")  # fmt: skip
    add("--views", type=int, default=Sized(8, 24), help="cameras around the shape")
    add("--elevation", type=float, default=30.0, help="elevation of the cameras, degrees")
    add("--size", type=int, default=Sized(32, 64), help="pixels along a side of the silhouettes")
    add("--level", type=int, default=Sized(2, 3), help="subdivisions of the sphere")
    add("--steps", type=int, default=Sized(60, 100), help="optimiser steps")
    add("--repeats", type=int, default=1, help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    pairs, runs, task, rows = renderers(options), Runs(results), _task(options), []
    for (law, t_conorm), k in itertools.product(pairs, range(options.repeats)):
        tries = [
            Try(law, t_conorm, options.seed + k, scale, rate)
            for scale, rate in itertools.product(options.scales, options.learning_rates)
        ]
        tried = [runs.once(str(t), _row, options, results, runs, task, t) for t in tries]
        rows.append(min(tried, key=lambda row: row["hard_iou_loss"]))
    lines = mean_curves(rows, "method", "hard_iou_loss")
    curves(results.path("losses.png"), lines, "steps", SCORE, log_y=True)
    bars(results.path("methods.png"), means(rows, "method", "hard_iou_loss"), SCORE)
    _draw(options, results, task)
    return {"runs": rows}


def _task(options: argparse.Namespace) -> Task:
    target = solid(options.target, 0.45)
    azimuths = [360 * k / options.views for k in range(options.views)]
    view = {"elevation": options.elevation}
    vertices = on_backend(np.asarray(target.vertices))
    hard = hard_rasteriser(image_size=options.size)
    goal = silhouette(orbit(vertices, target.faces, azimuths, **view), hard)
    return Task(goal, icosphere(options.level).faces, azimuths, view)


def _template(options: argparse.Namespace, seed: int) -> Array:
    """A sphere, turned: coordinates that are 0 would stay 0."""
    (a, b), sphere = step_rng(seed, 0).uniform(0.2, 0.6, 2), icosphere(options.level, 0.5)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return on_backend(np.asarray(sphere.vertices) @ (about_z @ about_x).T)


def _row(options: argparse.Namespace, results: Results, runs: Runs, task: Task, chosen: Try) -> Row:
    template = _template(options, chosen.seed)
    settings = settings_of(
        chosen.law, chosen.t_conorm, image_size=options.size, scale=chosen.scale,
        squared=not options.plain, dist_eps=100.0,
    )  # fmt: skip
    objective = shape_objective(
        template, task.faces, task.goal, task.azimuths, settings, **task.view
    )

    def report(params: Any) -> Row:
        vertices = deformed(template, params["displacement"], params["centre"])
        loss = iou_loss(_seen(task, vertices, options.size), task.goal)
        kept = to_numpy(vertices).astype(float).round(5).tolist()
        return {"hard_iou_loss": float(to_numpy(loss)), "vertices": kept}

    done = fit(
        runs, str(chosen), undeformed(template), adam(chosen.rate, betas=(0.5, 0.95)),
        lambda params, step: objective(params)[0],
        steps=options.steps, every=max(1, options.steps // FRAMES), report=report,
    )  # fmt: skip
    shapes = np.array([at.pop("vertices") for at in done.curve])
    best = min(done.curve, key=lambda at: at["hard_iou_loss"])
    if all(best["hard_iou_loss"] < row["hard_iou_loss"] for row in runs.rows.values()):
        np.save(results.path(SHAPES), np.concatenate([to_numpy(template)[None], shapes]))
    return {
        "method": f"{chosen.law}, {chosen.t_conorm}", "scale": chosen.scale, "rate": chosen.rate,
        "seed": chosen.seed,
        "hard_iou_loss": best["hard_iou_loss"], "step": best["step"],
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip


def _seen(task: Task, vertices: Array, size: int) -> Array:
    """Hard silhouettes (views, size, size)."""
    triangles = orbit(vertices, task.faces, task.azimuths, **task.view)
    return silhouette(triangles, hard_rasteriser(image_size=size))


def _draw(options: argparse.Namespace, results: Results, task: Task) -> None:
    """The course of the best run, and the best shape in it."""
    shapes, goal = np.load(results.path(SHAPES)), to_numpy(task.goal)
    seen = [to_numpy(_seen(task, on_backend(v), options.size)) for v in shapes]
    frames = [_frame(goal, images) for images in seen]
    animation(results.path("fit.gif"), frames, seconds=0.08)
    picture(results.path("before.png"), frames[0])
    picture(results.path("after.png"), frames[-1])
    losses = [float(iou_loss(images, goal)) for images in seen]
    text = format_obj("shape.obj", shapes[int(np.argmin(losses))], task.faces)
    results.path("shape.obj").write_text(text, encoding="utf-8")


def _frame(goal: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Up to four views: the target on the left, the fit on the right."""
    chosen = range(0, len(goal), max(1, len(goal) // 4))[:4]
    pairs = [np.concatenate([goal[k], seen[k]], axis=1) for k in chosen]
    return np.kron(1 - np.concatenate(pairs), np.ones((3, 3)))
