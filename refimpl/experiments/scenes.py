"""What the rendering experiments share: meshes, and the names of renderers.

Meshes are generated ones by name, or OBJ files. Distributions and t-conorms are written as NAME, or
as NAME:NUMBER with the shape of the distribution or the parameter of the t-conorm.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..rendering import shapes
from ..rendering.mesh import Mesh
from ..rendering.obj import load_obj
from ..rendering.settings import Settings
from ..validation import choose
from .command import Sized

SOLIDS: dict[str, Callable[[], Mesh]] = {
    "torus": shapes.torus,
    "cube": shapes.cube,
    "tetrahedron": shapes.tetrahedron,
    "cylinder": shapes.cylinder,
    "cone": shapes.cone,
    "capsule": shapes.capsule,
    "superquadric": lambda: shapes.superquadric(vertical=0.4, horizontal=0.4),
    "letter": lambda: shapes.extruded(["###", "#..", "##.", "#..", "#.."]),
    "sphere": lambda: shapes.icosphere(3),
    "star": lambda: star(),
}
LAWS = (
    "heaviside", "uniform", "cubic_hermite", "wigner_semicircle", "gaussian", "laplace", "logistic",
    "gudermannian", "cauchy", "reciprocal", "gumbel_max", "gumbel_min", "exponential",
    "exponential_rev", "gamma:0.5", "gamma_rev:0.5", "levy", "levy_rev",
)  # fmt: skip
T_CONORMS = (
    "max", "probabilistic", "einstein", "hamacher:0", "frank:2", "yager:2", "aczel_alsina:2",
    "dombi:2", "schweizer_sklar:-2",
)  # fmt: skip


def settings_of(law: str, t_conorm: str, **options: Any) -> Settings:
    """The settings of a distribution and a t-conorm; ValueError for what is unknown.

    >>> settings_of("gamma:0.5", "yager:2").shape
    0.5
    """
    (law, shape), (t_conorm, p) = _with_number(law), _with_number(t_conorm)
    return Settings(distribution=law, shape=shape, t_conorm=t_conorm, t_conorm_p=p, **options)


def add_renderers(parser: argparse.ArgumentParser) -> None:
    """The options that say by which renderers something is fitted."""
    add = parser.add_argument
    add("--distributions", nargs="+", default=Sized(("logistic",), LAWS[1:]), metavar="NAME",
        help="distributions of GenDR, as NAME or NAME:SHAPE")  # fmt: skip
    add("--t-conorms", nargs="+", default=Sized(("probabilistic",), T_CONORMS), metavar="NAME",
        help="t-conorms, which join coverages, as NAME or NAME:P")  # fmt: skip
    add("--plain", action="store_true", help="use distances, not squared distances")


def renderers(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Every pair of a distribution and a t-conorm; ValueError for what is unknown."""
    pairs = list(itertools.product(options.distributions, options.t_conorms))
    for pair in pairs:
        settings_of(*pair)
    return pairs


def _with_number(text: str) -> tuple[str, float | None]:
    name, colon, number = text.partition(":")
    try:
        return name, float(number) if colon else None
    except ValueError:
        raise ValueError(f"expected NAME or NAME:NUMBER, got {text!r}") from None


def star(points: int = 5) -> Mesh:
    """A sphere drawn out to points around the z axis."""
    solid = shapes.icosphere(3)
    v = np.asarray(solid.vertices)
    turn = np.arctan2(v[:, 1], v[:, 0])
    reach = 0.6 + 0.4 * np.cos(points * turn) * (1 - v[:, 2] ** 2)
    return solid.with_vertices(v * reach[:, None] * np.array([1.0, 1.0, 0.5]))


def solid(name: str, size: float = 1.0) -> Mesh:
    """A mesh by name or from an OBJ file, centred, with the longest side 2 size."""
    if name.endswith(".obj"):
        if not Path(name).is_file():
            raise ValueError(f"mesh: there is no file {name}")
        found = load_obj(Path(name), normalise=True)
        return found.with_vertices(size * np.asarray(found.vertices))
    found = SOLIDS[choose(name, SOLIDS, "mesh")]()
    v = np.asarray(found.vertices)
    centre = (v.max(axis=0) + v.min(axis=0)) / 2
    return found.with_vertices(size * (v - centre) / np.abs(v - centre).max())
