"""A picture of one mesh by every distribution (rows) and t-conorm (columns)."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..autograd import to_numpy
from ..progress import progress
from ..rendering.camera import eye_from_angles, look_at, perspective
from ..rendering.mesh import face_vertices
from ..rendering.renderer import silhouette
from .command import Sized
from .plots import picture
from .results import Results
from .runs import on_backend
from .scenes import LAWS, SOLIDS, T_CONORMS, settings_of, solid

DESCRIPTION = (
    "Render the silhouette of one mesh by every distribution and t-conorm of GenDR, as one "
    "picture, gallery.png: distributions in rows, t-conorms in columns, black is covered. The "
    "results are the mean of each image. Nothing is random. Needs no data."
)
EXAMPLES = (
    ("", "a torus: half a minute"),
    ("--mesh letter --scale 0.03 --squared", "a letter, softer"),
)
FULL = "larger images, some minutes"
ON_CUPY = True


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--mesh", default="torus", help=f"what to draw: {', '.join(SOLIDS)}, or an OBJ file")
    add("--size", type=int, default=Sized(64, 256), help="pixels of each image")
    add("--scale", type=float, default=0.01, help="scale tau of the distributions")
    add("--squared", action="store_true", help="use squared distances")
    add("--elevation", type=float, default=40.0, help="elevation of the camera, degrees")
    add("--azimuth", type=float, default=30.0, help="azimuth of the camera, degrees")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    mesh = solid(options.mesh, 0.6)
    vertices = on_backend(np.asarray(mesh.vertices))
    eye = on_backend(eye_from_angles(2.732, options.elevation, options.azimuth))
    corners = face_vertices(perspective(look_at(vertices, eye), 15.0), mesh.faces)
    rows = results.state() or {}
    for law in progress(LAWS, "render"):
        if law not in rows:
            row = [
                silhouette(corners, settings_of(
                    law, t_conorm, image_size=options.size, scale=options.scale,
                    squared=options.squared,
                ))
                for t_conorm in T_CONORMS
            ]  # fmt: skip
            rows[law] = np.concatenate([_framed(to_numpy(image)) for image in row], axis=1)
            results.keep(**rows)
    picture(results.path("gallery.png"), 1 - np.concatenate([rows[law] for law in LAWS]))
    return {"runs": [{"distribution": law, **_coverage(rows[law])} for law in LAWS]}


def _coverage(row: np.ndarray) -> dict[str, float]:
    """The mean of the image of each t-conorm."""
    images = np.split(row[:-1], len(T_CONORMS), axis=1)
    return {
        name: float(image[:, :-1].mean()) for name, image in zip(T_CONORMS, images, strict=True)
    }


def _framed(image: np.ndarray) -> np.ndarray:
    """The image with a light line to the right and below."""
    return np.pad(image, ((0, 1), (0, 1)), constant_values=0.2)
