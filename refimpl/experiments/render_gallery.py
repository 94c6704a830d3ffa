"""A picture of one mesh by every distribution (rows) and t-conorm (columns)."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..progress import progress
from ..rendering.camera import eye_from_angles, look_at, perspective
from ..rendering.mesh import face_vertices
from ..rendering.pictures import write_png
from ..rendering.renderer import silhouette
from ..rendering.settings import Settings
from .results import Results
from .scenes import SOLIDS, solid

DESCRIPTION = (
    "Render the silhouette of one mesh by every distribution and t-conorm of GenDR, as one "
    "picture: gallery.png. Black is covered."
)
LAWS = (
    ("heaviside", None), ("uniform", None), ("cubic_hermite", None), ("wigner_semicircle", None),
    ("gaussian", None), ("laplace", None), ("logistic", None), ("gudermannian", None),
    ("cauchy", None), ("reciprocal", None), ("gumbel_max", None), ("gumbel_min", None),
    ("exponential", None), ("exponential_rev", None), ("gamma", 0.5), ("gamma_rev", 0.5),
    ("levy", None), ("levy_rev", None),
)  # fmt: skip
T_CONORMS = (
    ("max", None), ("probabilistic", None), ("einstein", None), ("hamacher", 0.0), ("frank", 2.0),
    ("yager", 2.0), ("aczel_alsina", 2.0), ("dombi", 2.0), ("schweizer_sklar", -2.0),
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mesh", default="torus", help=f"{', '.join(SOLIDS)}, or an OBJ file")
    parser.add_argument("--size", type=int, default=64, help="pixels of each image")
    parser.add_argument("--scale", type=float, default=0.01, help="tau of the distributions")
    parser.add_argument("--squared", action="store_true", help="squared distances")
    parser.add_argument("--elevation", type=float, default=40.0, help="of the camera, degrees")
    parser.add_argument("--azimuth", type=float, default=30.0, help="of the camera, degrees")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    mesh = solid(options.mesh, 0.6)
    eye = eye_from_angles(2.732, options.elevation, options.azimuth)
    seen = perspective(look_at(mesh.vertices, eye), 15.0)
    corners = face_vertices(seen, mesh.faces)
    rows = []
    for law, shape in progress(LAWS, "render"):
        row = []
        for t_conorm, p in T_CONORMS:
            settings = Settings(
                image_size=options.size,
                distribution=law,
                scale=options.scale,
                squared=options.squared,
                shape=shape,
                t_conorm=t_conorm,
                t_conorm_p=p,
            )
            row.append(_framed(silhouette(corners, settings)))
        rows.append(np.concatenate(row, axis=1))
    picture = np.concatenate(rows)
    write_png(results.path("gallery.png"), 1 - picture)
    return {
        "rows": [name for name, _ in LAWS],
        "columns": [name if p is None else f"{name} p={p:g}" for name, p in T_CONORMS],
        "mean_alpha": float(picture.mean()),
    }


def _framed(image: np.ndarray) -> np.ndarray:
    """The image with a light line to the right and below."""
    return np.pad(image, ((0, 1), (0, 1)), constant_values=0.2)
