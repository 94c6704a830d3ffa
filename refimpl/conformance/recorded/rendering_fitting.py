"""Recorded runs of gendr's shape and camera optimisation, scaled down."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np

from refimpl.autograd import constant, like_array
from refimpl.rendering.fitting import (
    fit_camera,
    fit_shape,
    orbit,
    posed_silhouette,
)
from refimpl.rendering.renderer import silhouette
from refimpl.rendering.settings import hard_rasteriser
from refimpl.training.optimizers import adam

from . import recorded
from .rendering_images import gendr_settings
from .sorting_networks import Inputs, Record


def _optimizer(text: str) -> Any:
    """`Adam lr 10**-1.5 betas (0.5, 0.95)`"""
    lr, first, second = re.findall(r"lr (\S+) betas \(([\d.]+), ([\d.]+)\)", text)[0]
    base, _, power = lr.partition("**")
    rate = float(base) ** float(power) if power else float(base)
    return adam(rate, betas=(float(first), float(second)))


def early(log: Any) -> np.ndarray:
    """The first rows of a log. The runs are in float32 upstream and here in float64; they agree to
    1e-4 at first, and part at a rate that rounding alone explains once the scale is small.
    """
    return np.asarray(log)[:30]


@recorded("gendr", "experiments.opt_shape (scaled down)", canonical={"log": early})
def _shape(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    azimuths = params["azimuths"]
    view = {
        "elevation": params["elevation"],
        "distance": params["distance"],
        "angle": params["viewing_angle"],
    }
    corners = orbit(inputs["target_vertices"], inputs["target_faces"], azimuths, **view)
    targets = silhouette(corners, hard_rasteriser(image_size=params["image_size"]))
    weights = [float(w) for w in re.findall(r"([\d.]+)\*", params["loss"])]
    run = fit_shape(
        inputs["template"][0],
        inputs["faces"],
        targets,
        azimuths,
        gendr_settings(params),
        steps=params["iterations"],
        optimizer=_optimizer(params["optimizer"]),
        laplacian=weights[0],
        flatten=weights[1],
        **view,
    )
    reports = list(itertools.islice(run, 30))
    first = reports[0].gradients
    log = [(r.iou, r.laplacian, r.flatten, r.total, r.hard_iou) for r in reports]
    return {
        "target_silhouettes": targets,
        "first_grad_displace": first["displacement"][None],
        "first_grad_center": first["centre"][None],
        "log": like_array(np.array(log), targets),
    }


@recorded(
    "gendr",
    "experiments.opt_camera (scaled down)",
    canonical={"loss_log": early},
    ignored=("final_angle_error", "success_rate"),
)
def _camera(inputs: Inputs, record: Record) -> Inputs:
    """The mesh is turned by the true pose first, so that the angles sought are 0."""
    params, truth = record["params"], inputs["poses_gt"]
    goal_poses = truth * constant([1.0, 0.0, 0.0, 1.0], like=truth)
    given = inputs["vertices"], inputs["faces"]
    hard = hard_rasteriser(image_size=params["image_size"])
    goal = posed_silhouette(*given, goal_poses, hard, truth)
    low, high, count = re.findall(r"-?\d+", params["sigma"])
    scales = np.logspace(float(low), float(high), int(count))
    settings = gendr_settings({**params, "dist_scale": scales[0]})
    run = fit_camera(
        *given,
        goal,
        inputs["poses_init"],
        settings,
        scales,
        optimizer=_optimizer(params["optimizer"]),
        additional=truth,
        differentiate_angle=False,
    )
    reports = list(itertools.islice(run, 30))
    return {
        "goal": goal,
        "first_loss": constant(reports[0].loss, like=goal),
        "first_grad_poses": reports[0].gradient,
        "loss_log": constant([r.loss for r in reports], like=goal),
    }
