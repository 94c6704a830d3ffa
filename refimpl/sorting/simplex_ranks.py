"""Soft ranks read off the soft permutations of `simplex_sort`: the mean position of each input.

Source: softtorch 0.1.1 (`rank`), which counts from 1 and from the largest value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd import Array, argsort, array_namespace, indices_like, stop_gradient
from ..spec import Arrays, Invariant, Run, specification
from .simplex import project
from .simplex_sort import NOTES, columns, distinct, generate, prepared, shifted, softsort_fit


def _rank_limit(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"].astype(np.float64)
    found = run({"x": x}, {**params, "softness": 1e-7, "standardize": True})["ranks"]
    key = -x if params.get("descending") else x
    right = np.argsort(np.argsort(key, axis=-1), axis=-1)
    return None if np.allclose(found, right, rtol=0, atol=1e-3) else "softness 1e-7: not the ranks"


def _range(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    r = run(inputs, params)["ranks"]
    slack = 64 * np.finfo(r.dtype).eps * r.shape[-1]
    inside = np.all((r >= -slack) & (r <= r.shape[-1] - 1 + slack))
    return None if inside else "a rank is not between 0 and n - 1"


def _from_1(x: Array, **options: Any) -> Array:
    return simplex_ranks(x, **options) + 1


@specification(
    name="sorting.simplex_ranks",
    source="softtorch 0.1.1, rank",
    inputs=("x",),
    outputs=("ranks",),
    cases=generate,
    invariants=(
        Invariant("limit", "for softness -> 0 the exact ranks", _rank_limit, when=distinct),
        Invariant("range", "between 0 and n - 1", _range),
        shifted("ranks", moves=False),
    ),
    kinks="as for sorting.simplex_argsort",
    notes=NOTES,
    variants={"ranks from 1": _from_1},
)
def simplex_ranks(
    x: Array,
    *,
    method: str = "neuralsort",
    mode: str = "smooth",
    softness: float = 0.1,
    standardize: bool = True,
    descending: bool = False,
) -> Array:
    """Soft ranks: the mean position of each input, from 0 to n - 1.

        r_i = sum_j j W[i, j],    W[i, :] a distribution over positions

    Arguments as for `simplex_argsort`; returns (..., n). W is P of `simplex_argsort` with its rows
    divided by their sums, which changes nothing where P is doubly stochastic; for "softsort" it is
    the projection over positions instead, W[i, :] = proj(-|x_i - s|). With `descending` the
    largest input has rank 0. The gradient is the derivative.

    In the modes "c0" and "c1" NeuralSort can leave an input without a position: its row of P is
    zero. Its rank is then the exact one, with gradient 0 (softtorch 0.1.1 gives -1 in these units,
    a rank that does not exist).

    Raises ValueError as `simplex_argsort` does.

    >>> simplex_ranks([3.0, 1.0, 2.0], softness=0.05).round(3)
    array([1.996, 0.004, 1.   ])
    """
    z, softness = prepared(x, method, mode, softness, standardize)
    xp = array_namespace(z)
    if method == "softsort":
        W = project(softsort_fit(z) / softness, mode)
    else:
        W = columns(z, method, mode, softness, standardize)
    place = xp.astype(indices_like(z.shape[-1], z), z.dtype)
    place = xp.flip(place, axis=-1) if descending else place
    total = xp.sum(W, axis=-1)
    picked = total > 0
    soft = xp.matmul(W, place) / xp.where(picked, total, xp.ones_like(total))
    exact = argsort(argsort(stop_gradient(z), axis=-1, descending=descending), axis=-1)
    return xp.where(picked | xp.isnan(total), soft, xp.astype(exact, z.dtype))
