"""Camera poses are recovered from silhouettes, with the scale annealed."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..progress import progress
from ..rendering.fitting import fit_camera, posed_silhouette
from ..rendering.pictures import write_gif
from ..rendering.settings import Settings, hard_rasteriser
from ..training.optimizers import adam
from .results import Results
from .scenes import SOLIDS, solid

DESCRIPTION = (
    "Recover distance, elevation, azimuth and opening of cameras from silhouettes, as in GenDR, "
    "section 5.2: the mesh is turned by the true pose, and the optimiser starts a given angle "
    "away. Success is an error below 5 degrees. Writes poses.gif (target red, fit blue)."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mesh", default="star", help=f"{', '.join(SOLIDS)}, or an OBJ file")
    parser.add_argument("--distribution", default="logistic", help="of GenDR")
    parser.add_argument("--plain", action="store_true", help="distances instead of squared ones")
    parser.add_argument("--poses", type=int, default=8, help="how many (paper: 600)")
    parser.add_argument("--size", type=int, default=32, help="pixels (paper: 64)")
    parser.add_argument("--steps", type=int, default=100, help="of Adam (paper: 1000)")
    parser.add_argument("--learning-rate", type=float, default=0.6, help="of Adam (paper: 0.3)")
    parser.add_argument(
        "--angle", type=float, nargs=2, default=(15.0, 35.0), help="start this far away, degrees"
    )


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    rng = np.random.default_rng(options.seed)
    mesh = solid(options.mesh, 0.6)
    given = np.asarray(mesh.vertices), mesh.faces
    truth, start = _poses(rng, options.poses, *options.angle)
    aligned = truth * np.array([1.0, 0.0, 0.0, 1.0])
    goal = posed_silhouette(*given, aligned, hard_rasteriser(image_size=options.size), truth)
    settings = Settings(
        image_size=options.size,
        distribution=options.distribution,
        scale=0.1,
        squared=not options.plain,
        dist_eps=100.0,
    )
    scales = np.logspace(-1, -7, options.steps)
    steps = fit_camera(
        *given, goal, start, settings, scales,
        optimizer=adam(options.learning_rate, betas=(0.5, 0.99)), additional=truth,
    )  # fmt: skip
    frames, last, losses = [], None, []
    for report in progress(steps, "camera", total=options.steps):
        last = report
        losses.append(report.loss)
        if report.step % max(1, options.steps // 30) == 0 or report.step == options.steps - 1:
            hard = hard_rasteriser(image_size=options.size)
            frames.append(_overlay(goal, posed_silhouette(*given, report.poses, hard, truth)))
    assert last is not None
    write_gif(results.path("poses.gif"), frames, seconds=0.08)
    error = np.hypot(last.poses[:, 1], last.poses[:, 2])
    return {
        "mean_error_at_start_degrees": float(np.hypot(start[:, 1], start[:, 2]).mean()),
        "mean_error_degrees": float(error.mean()),
        "median_error_degrees": float(np.median(error)),
        "success_rate": float(np.mean(error < 5)),
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }


def _poses(
    rng: np.random.Generator, count: int, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """True poses, and starts that are `low` to `high` degrees away in a random direction."""
    truth = np.stack(
        [
            rng.uniform(2.5, 4.0, count),
            rng.normal(0, 60, count),
            rng.normal(0, 60, count),
            np.full(count, 20.0),
        ],
        axis=-1,
    )
    direction, length = rng.uniform(0, 2 * np.pi, count), rng.uniform(low, high, count)
    start = np.stack(
        [
            rng.uniform(2.0, 10.0, count),
            length * np.sin(direction),
            length * np.cos(direction),
            rng.uniform(10.0, 30.0, count),
        ],
        axis=-1,
    )
    return truth, start


def _overlay(goal: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Up to eight poses in a row: the target in red, the fit in blue, both in black."""
    goal, fit = (np.concatenate(list(images[:8]), axis=1) for images in (goal, fit))
    image = np.stack([1 - fit, 1 - np.maximum(goal, fit), 1 - goal], axis=-1)
    return np.kron(image, np.ones((3, 3, 1)))
