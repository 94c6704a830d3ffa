"""Camera poses are recovered from silhouettes, with the scale annealed."""

from __future__ import annotations

import argparse
import itertools
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, to_numpy
from ..rendering.fitting import camera_objective, posed_silhouette
from ..rendering.settings import hard_rasteriser
from ..training.optimizers import adam
from .command import Sized
from .plots import animation, bars, curves
from .results import Results
from .runs import Row, Runs, fit, mean_curves, means, on_backend, step_rng
from .scenes import SOLIDS, add_renderers, renderers, settings_of, solid

DESCRIPTION = (
    "Distance, elevation, azimuth and opening of cameras are recovered from silhouettes, as in "
    "Petersen et al. 2022, GenDR, section 5.2: the mesh is turned by the true pose, and the "
    "optimiser starts some degrees away. The scale falls from 1e-1 to 1e-7. The score is the "
    "percentage of poses whose error ends below 5 degrees. Writes poses.gif (target red, fit blue) "
    "of the best run. --full has the paper's sizes and numbers of poses, of a mesh of our own. "
    "Needs no data."
)
EXAMPLES = (
    ("", "eight poses, about a minute; look at poses.gif"),
    ("--mesh letter --poses 24", "a letter, a quarter of a minute"),
    ("--distributions uniform gaussian --angles 15 35", "two distributions, farther away"),
)
FULL = "days on a CPU"
ON_CUPY = True
FRAMES, COURSE, RANGE = 40, "poses.npz", 20.0


class Task(NamedTuple):
    """A mesh, the true poses (B, 4), the poses to start from, and silhouettes (B, H, W)."""

    vertices: np.ndarray
    faces: np.ndarray
    truth: Array
    start: Array
    goal: Array


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--mesh", default="star", help=f"what is seen: {', '.join(SOLIDS)}, or an OBJ file")
    add_renderers(parser)
    add("--angles", nargs="+", type=float, default=Sized((15.0,), (15.0, 35.0, 55.0)),
        metavar="DEGREES", help=f"start so far away, and up to {RANGE:g} more")  # fmt: skip
    add("--poses", type=int, default=Sized(8, 200), help="poses for each angle")
    add("--size", type=int, default=Sized(32, 64), help="pixels along a side of the silhouettes")
    add("--steps", type=int, default=Sized(100, 1000), help="optimiser steps")
    add("--learning-rate", type=float, default=Sized(0.6, 0.3), help="learning rate of Adam")
    add("--repeats", type=int, default=1, help="runs of each, with seeds from --seed on")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs, pairs = Runs(results), renderers(options)
    for angle, k in itertools.product(options.angles, range(options.repeats)):
        task = _task(options, angle, options.seed + k)
        for law, t_conorm in pairs:
            label = f"{law}, {t_conorm}, {angle:g} degrees, seed {options.seed + k}"
            runs.once(
                label, _row, options, results, runs, task, law, t_conorm, angle,
                options.seed + k, label,
            )  # fmt: skip
    rows = list(runs.rows.values())
    for angle in options.angles:
        chosen = [row for row in rows if row["angle"] == angle]
        y_label = f"errors below 5 degrees, %, from {angle:g} degrees"
        curves(results.path(f"success-{angle:g}.png"), mean_curves(chosen, "method", "success"),
               "steps", y_label)  # fmt: skip
        bars(results.path(f"methods-{angle:g}.png"), means(chosen, "method", "success"), y_label)
    _draw(options, results)
    return {"runs": rows}


def _task(options: argparse.Namespace, angle: float, seed: int) -> Task:
    mesh = solid(options.mesh, 0.6)
    vertices = np.asarray(mesh.vertices)
    truth, start = (on_backend(x) for x in _poses(step_rng(seed, 0), options.poses, angle))
    goal = _seen(options, vertices, mesh.faces, truth * on_backend(ALIGNED), truth)
    return Task(vertices, mesh.faces, truth, start, goal)


ALIGNED = np.array([1.0, 0.0, 0.0, 1.0])  # of a mesh that is turned by the pose, the angles are 0


def _poses(rng: np.random.Generator, count: int, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """True poses, and starts that are `angle` degrees or more away in a random direction."""
    distance, opening = rng.uniform(2.5, 4.0, count), np.full(count, 20.0)
    truth = np.stack([distance, *rng.normal(0, 60, (2, count)), opening], axis=-1)
    direction = rng.uniform(0, 2 * np.pi, count)
    length = rng.uniform(angle, angle + RANGE, count)
    start = [
        rng.uniform(2.0, 10.0, count),
        length * np.sin(direction),
        length * np.cos(direction),
        rng.uniform(10.0, 30.0, count),
    ]
    return truth, np.stack(start, axis=-1)


def _row(
    options: argparse.Namespace,
    results: Results,
    runs: Runs,
    task: Task,
    law: str,
    t_conorm: str,
    angle: float,
    seed: int,
    label: str,
) -> Row:
    chosen = settings_of(
        law, t_conorm, image_size=options.size, scale=0.1, squared=not options.plain,
        dist_eps=100.0,
    )  # fmt: skip
    objective = camera_objective(
        task.vertices, task.faces, task.goal, chosen, additional=task.truth
    )
    scales = np.logspace(-1, -7, options.steps)

    def report(poses: Array) -> Row:
        found = to_numpy(poses)
        error = np.hypot(found[:, 1], found[:, 2])
        return {
            "success": 100 * float(np.mean(error < 5)), "error": float(np.median(error)),
            "poses": found.round(5).tolist(),
        }  # fmt: skip

    done = fit(
        runs, label, task.start, adam(options.learning_rate, betas=(0.5, 0.99)),
        lambda poses, step: objective(poses, float(scales[step])),
        steps=options.steps, every=max(1, options.steps // FRAMES), report=report,
    )  # fmt: skip
    course = np.array([to_numpy(task.start).tolist(), *(at.pop("poses") for at in done.curve)])
    last = done.curve[-1]
    if all(last["success"] > row["success"] for row in runs.rows.values()):
        np.savez(results.path(COURSE), course=course, angle=angle, seed=seed)
    return {
        "method": f"{law}, {t_conorm}", "angle": angle, "seed": seed,
        "success": last["success"], "median_error": last["error"],
        "start_error": float(np.median(np.hypot(course[0, :, 1], course[0, :, 2]))),
        "seconds": done.seconds, "curve": done.curve,
    }  # fmt: skip


def _seen(
    options: argparse.Namespace, vertices: np.ndarray, faces: np.ndarray, poses: Array, truth: Array
) -> Array:
    """Hard silhouettes (B, H, W)."""
    return posed_silhouette(vertices, faces, poses, hard_rasteriser(image_size=options.size), truth)


def _draw(options: argparse.Namespace, results: Results) -> None:
    """The course of the best run."""
    with np.load(results.path(COURSE)) as kept:
        course, angle, seed = kept["course"], float(kept["angle"]), int(kept["seed"])
    task = _task(options, angle, seed)
    goal = to_numpy(task.goal)
    frames = []
    for poses in course:
        seen = _seen(options, task.vertices, task.faces, on_backend(poses), task.truth)
        frames.append(_overlay(goal, to_numpy(seen)))
    animation(results.path("poses.gif"), frames, seconds=0.08)


def _overlay(goal: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Up to eight poses in a row: the target in red, the fit in blue, both in black."""
    goal, fit = (np.concatenate(list(images[:8]), axis=1) for images in (goal, fit))
    image = np.stack([1 - fit, 1 - np.maximum(goal, fit), 1 - goal], axis=-1)
    return np.kron(image, np.ones((3, 3, 1)))
