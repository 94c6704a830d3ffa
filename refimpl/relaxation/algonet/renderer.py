"""A smooth renderer of coloured triangles.

    coverage of pixel p by triangle t       c_t = prod_k F(beta e_k)           e_k: signed distance
    weight of t in the soft depth buffer    w_t = c_t exp(-gamma z_t) / sum over triangles
    colour                                  (1 - prod_t (1 - c_t)) sum_t w_t colour_t

Smooth in the vertices, also where one triangle begins to hide another: the depth buffer's minimum
is a softmin. `silhouette` is the same coverage without depths and colours.

Source: Petersen, Borgelt, Deussen, "AlgoNet", 2019 (and "Pix2Vex", arXiv 1903.11149): product of
three sigmoids of edge distances, softmin over depth. That the background shows where no triangle
covers a pixel, by the silhouette, is ours.
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
from ...validation import float_array, positive, whole
from ..conditions import Law, greater
from ..programs.silhouette import edge_distances, triangles

PLAIN = {"height": 3, "width": 3, "beta": 15.0, "gamma": 3.0}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch, count in (("one", (), 1), ("three", (), 3), ("batch", (2,), 2)):
        inputs = {
            "triangles": triangles(rng, *batch, count),
            "depth": rng.uniform(0.5, 1.5, size=(*batch, count)),
            "colour": rng.uniform(0, 1, size=(*batch, count, 3)),
        }
        yield Case(name, inputs, PLAIN)


def _order(run: Any, inputs: Any, params: Any) -> str | None:
    turned = {
        "triangles": inputs["triangles"][..., ::-1, :, :].copy(),
        "depth": inputs["depth"][..., ::-1].copy(),
        "colour": inputs["colour"][..., ::-1, :].copy(),
    }
    same = close(run(turned, params)["image"], run(inputs, params)["image"])
    return None if same else "the order of the triangles matters"


@specification(
    name="relaxation.smooth_renderer",
    source="Petersen et al., AlgoNet (2019), smooth renderer",
    inputs=("triangles", "depth", "colour"),
    outputs=("image",),
    cases=_cases,
    invariants=(
        Invariant("range", "a mixture of colours", inside("image", 0, 1)),
        Invariant("order", "triangles in any order", _order),
    ),
    kinks="none for smooth laws; triangles with an edge of length 0 are not differentiable",
)
def smooth_renderer(
    triangles: Array,
    depth: Array,
    colour: Array,
    *,
    height: int,
    width: int,
    beta: float = 100.0,
    gamma: float = 10.0,
    distribution: Law = "logistic",
) -> Array:
    """An image (..., height, width, C) on a black background.

    triangles: (..., T, 3, 2), counter-clockwise, in the unit square; depth: (..., T), smaller is
    nearer; colour: (..., T, C). beta: inverse temperature of the coverage; gamma: of the depth
    buffer.

    >>> import numpy as np
    >>> t = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> image = smooth_renderer(t, np.ones(1), np.ones((1, 1)), height=2, width=2, gamma=20.0)
    >>> image[..., 0].round(2)
    array([[1. , 0.5],
           [0.5, 0. ]])
    """
    v = float_array(triangles, "triangles", min_ndim=3)
    z, rgb = float_array(depth, "depth", min_ndim=1), float_array(colour, "colour", min_ndim=2)
    gamma = positive(gamma, "gamma")
    e = edge_distances(v, whole(height, "height", 1), whole(width, "width", 1))
    p = greater(e, 0.0, beta=beta, distribution=distribution)
    coverage = p[0, ...] * p[1, ...] * p[2, ...]  # (..., T, H, W)
    xp = array_namespace(v, z, rgb)
    none = coverage <= 0
    # on logarithms, as the weights of all triangles that cover a pixel may underflow
    log_coverage = xp.where(none, -1e30, xp.log(xp.where(none, 1.0, coverage)))
    share = ag.softmax(log_coverage - gamma * z[..., None, None], axis=-3)
    mixed = xp.sum(share[..., None] * rgb[..., None, None, :], axis=-4)
    return t_conorm_reduce(coverage, axis=-3)[..., None] * mixed
