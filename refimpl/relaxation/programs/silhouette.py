"""The silhouette of a set of triangles, relaxed.

    img = 0                                             discrete     relaxed
    for each triangle:                                  e > 0        F(beta e)
        if e_0 > 0: if e_1 > 0: if e_2 > 0: img = 1     nested if    product
                                                        in sequence  1 - (1 - img)(1 - p)

e_k is the signed distance of a pixel's centre to the k-th edge's line, positive on the inner side
of counter-clockwise triangles. So img = 1 - prod_t (1 - prod_k F(beta e_k)).

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021, where it supervises 3-D reconstruction by silhouettes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ...promises import close, inside
from ...spec import Case, Invariant, specification
from ...tnorms import t_conorm_reduce
from ...validation import choose, float_array, whole
from ..conditions import Law, either, greater, less

PLAIN = {"height": 3, "width": 4, "beta": 12.0, "orientation": "counter_clockwise"}


def triangles(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random counter-clockwise triangles with centres in the unit square, (..., 3, 2)."""
    angle = np.sort(rng.uniform(0, 1, size=(*shape, 3)), axis=-1) * 0.8
    angle = 2 * np.pi * (angle + np.arange(3) / 3) / 1.6
    around = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return rng.uniform(0.2, 0.8, size=(*shape, 1, 2)) + 0.4 * around


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for orientation in ("counter_clockwise", "any"):
        params = PLAIN | {"orientation": orientation}
        yield Case(orientation, {"triangles": triangles(rng, 3)}, params)
    for name, batch in {"batch2": (2,), "batch2x1": (2, 1), "batch0": (0,)}.items():
        yield Case(name, {"triangles": triangles(rng, *batch, 2)}, PLAIN, kind="edge")
    for law in ("gaussian", "cauchy"):
        yield Case(law, {"triangles": triangles(rng, 2)}, PLAIN | {"distribution": law})
    yield Case("none", {"triangles": np.zeros((0, 3, 2))}, PLAIN, kind="edge")


def _cyclic(run: Any, inputs: Any, params: Any) -> str | None:
    t, before = inputs["triangles"], run(inputs, params)["image"]
    if not close(run({"triangles": np.roll(t, 1, axis=-2)}, params)["image"], before):
        return "another first vertex changes the image"
    turned = run({"triangles": t[..., ::-1, :, :].copy()}, params)["image"]
    return None if close(turned, before) else "the order of triangles matters"


@specification(
    name="relaxation.silhouette",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021), silhouettes",
    inputs=("triangles",),
    outputs=("image",),
    cases=_cases,
    invariants=(
        Invariant("order", "vertices in cyclic order, triangles in any", _cyclic),
        Invariant("range", "a degree of coverage", inside("image", 0, 1)),
    ),
    kinks="none for smooth laws; triangles with an edge of length 0 are not differentiable",
)
def silhouette(
    triangles: Array,
    *,
    height: int,
    width: int,
    beta: float = 100.0,
    distribution: Law = "logistic",
    orientation: str = "counter_clockwise",
) -> Array:
    """The covered part of an image, in [0, 1]: (..., T, 3, 2) -> (..., height, width).

    triangles: vertices (x, y) in the unit square, whose pixel centres are ((j + 1/2)/width,
    (i + 1/2)/height). beta: inverse temperature; inf gives the half-plane test, in which points on
    an edge are outside. orientation: "counter_clockwise" triangles only (others cover nothing), or
    "any": e_k > 0 for all k, or e_k < 0 for all k. An edge of length 0 has e_k = 0, degree F(0).

    >>> import numpy as np
    >>> lower = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> silhouette(lower, height=3, width=3, beta=200.0).round(2)
    array([[1. , 1. , 0.5],
           [1. , 0.5, 0. ],
           [0.5, 0. , 0. ]])
    """
    v = float_array(triangles, "triangles", min_ndim=3)
    if tuple(v.shape[-2:]) != (3, 2):
        raise ValueError(f"triangles: expected shape (..., T, 3, 2), got {tuple(v.shape)}")
    choose(orientation, ("counter_clockwise", "any"), "orientation")
    e = edge_distances(v, whole(height, "height", 1), whole(width, "width", 1))
    inside = _all_edges(greater(e, 0.0, beta=beta, distribution=distribution))
    if orientation == "any":
        inside = either(inside, _all_edges(less(e, 0.0, beta=beta, distribution=distribution)))
    return t_conorm_reduce(inside, axis=-3)


def edge_distances(v: Array, height: int, width: int) -> Array:
    """Signed distances of pixel centres to edge lines, (3, ..., T, height, width); 0 for edges of
    length 0.
    """
    xp = array_namespace(v)
    rows = ag.constant([[(i + 0.5) / height] for i in range(height)], like=v)
    columns = ag.constant([[(j + 0.5) / width for j in range(width)]], like=v)
    distances = []
    for k in range(3):
        start, edge = v[..., k, :], v[..., (k + 1) % 3, :] - v[..., k, :]
        x, y = (start[..., c][..., None, None] for c in (0, 1))
        length = ag.vector_norm(edge, axis=-1)
        length = xp.where(length > 0, length, 1.0)
        dx, dy = ((edge[..., c] / length)[..., None, None] for c in (0, 1))
        distances.append(dx * (rows - y) - dy * (columns - x))
    return xp.stack(distances, axis=0)


def _all_edges(p: Array) -> Array:
    return p[0, ...] * p[1, ...] * p[2, ...]
