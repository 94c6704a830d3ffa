"""Points of the unit cube that cover it more evenly than independent ones.

Latin: in every axis, one point in each of S equal slices. Cartesian: one point in each of the k^n
cells of a grid. With jitter 1/2 the points are the centres (quasi Monte Carlo), with uniform jitter
each point is uniform in the cube (randomised quasi Monte Carlo), so estimates are unbiased.
A distribution's `sample` turns points into noise.

Source: McKay, Beckman, Conover 1979 for Latin hypercubes; Petersen, Borgelt, Mishra, Ermon 2024,
"Generalizing Stochastic Smoothing for Differentiation and Gradient Estimation" (arXiv 2410.08125),
for both in gradient estimates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, Generator, array_namespace, constant, indices_like
from ..spec import Case, Invariant, Run, case_name, specification
from ..validation import choose, float_array, whole

METHODS = ("mc", "latin", "latin_rqmc", "cartesian", "cartesian_rqmc")


def _latin_cases(rng: np.random.Generator) -> Iterator[Case]:
    for S, n in ((8, 3), (5, 1), (1, 2)):
        order = np.stack([rng.permutation(S) for _ in range(n)], axis=-1).astype(np.float64)
        for name, jitter in (("centres", np.full((S, n), 0.5)), ("random", rng.random((S, n)))):
            inputs = {"permutations": order, "jitter": jitter}
            yield Case(case_name(name, s=S, n=n), inputs, clause="(permutation + jitter)/S")


def _cartesian_cases(rng: np.random.Generator) -> Iterator[Case]:
    for k, n in ((3, 2), (2, 3), (5, 1), (1, 4)):
        for name, jitter in (
            ("centres", np.full((k**n, n), 0.5)),
            ("random", rng.random((k**n, n))),
        ):
            params = {"per_axis": k}
            yield Case(
                case_name(name, k=k, n=n), {"jitter": jitter}, params, clause="(cell + jitter)/k"
            )


def _one_in_each_slice(run: Run, inputs: Any, params: Any) -> str | None:
    points = run(inputs, params)["points"]
    found = np.sort(np.floor(points * len(points)), axis=0)
    same = (found == np.arange(len(points))[:, None]).all()
    return None if same else "two points share a slice"


def _one_in_each_cell(run: Run, inputs: Any, params: Any) -> str | None:
    k, points = params["per_axis"], run(inputs, params)["points"]
    cells = np.floor(points * k) @ float(k) ** np.arange(points.shape[1])[::-1]
    return (
        None if (cells == np.arange(len(points))).all() else "not one point in each cell, in order"
    )


def _all_cells(jitter: Array, *, per_axis: int) -> Array:
    cells = cartesian_cells(per_axis, jitter.shape[-1], jitter)
    return cartesian_points(cells, per_axis, jitter)


@specification(
    name="training.latin_points",
    source="McKay, Beckman, Conover 1979",
    inputs=("permutations", "jitter"),
    differentiable=(),
    outputs=("points",),
    cases=_latin_cases,
    gradient="none: points are constants",
    invariants=(Invariant("slices", "one point in each slice", _one_in_each_slice),),
)
def latin_points(permutations: Array, jitter: Array | float = 0.5) -> Array:
    """(permutation + jitter)/S in every axis.

    permutations (S, n), each column a permutation of 0..S-1; jitter in [0, 1], (S, n) or a number

    >>> import numpy as np
    >>> latin_points(np.array([[0.0], [1.0]]))
    array([[0.25],
           [0.75]])
    """
    order = float_array(permutations, "permutations", min_ndim=1)
    return (order + jitter) / order.shape[0]


@specification(
    name="training.cartesian_points",
    source="stratified sampling on a grid; Petersen et al. 2024, Generalizing Stochastic Smoothing",
    inputs=("jitter",),
    differentiable=(),
    outputs=("points",),
    cases=_cartesian_cases,
    gradient="none: points are constants",
    invariants=(Invariant("cells", "one point in each cell, C order", _one_in_each_cell),),
    call=_all_cells,
)
def cartesian_points(cells: Array, per_axis: int, jitter: Array | float = 0.5) -> Array:
    """(cell + jitter)/k: one point in each cell of a grid with k cells per axis.

    cells (k^n, n), from `cartesian_cells`; jitter in [0, 1], (k^n, n) or a number

    >>> import numpy as np
    >>> cartesian_points(cartesian_cells(2, 1, np.zeros(1)), 2)
    array([[0.25],
           [0.75]])
    """
    return (cells + jitter) / whole(per_axis, "per_axis", minimum=1)


def cartesian_cells(per_axis: int, n: int, like: Array) -> Array:
    """The indices of all k^n cells, (k^n, n), the last axis running fastest.

    >>> import numpy as np
    >>> cartesian_cells(2, 2, np.zeros(1))
    array([[0., 0.],
           [0., 1.],
           [1., 0.],
           [1., 1.]])
    """
    k, n = whole(per_axis, "per_axis", minimum=1), whole(n, "n", minimum=1)
    xp = array_namespace(like)
    index = indices_like(k**n, like)
    digits = [(index // k ** (n - 1 - axis)) % k for axis in range(n)]
    return xp.astype(xp.stack(digits, axis=-1), constant(0.0, like=like).dtype)


def unit_points(samples: int, n: int, method: str, generator: Generator) -> Array:
    """Points (S, n) of the unit cube: "mc" (independent), "latin", "cartesian", or these two with
    "_rqmc" (randomised).

    Raises ValueError for an unknown method, and if S is not k^n for a Cartesian one.

    >>> unit_points(4, 2, "cartesian", Generator(0))
    array([[0.25, 0.25],
           [0.25, 0.75],
           [0.75, 0.25],
           [0.75, 0.75]])
    """
    choose(method, METHODS, "method")
    S, n = whole(samples, "samples", minimum=1), whole(n, "n", minimum=1)
    uniform = generator.uniform((S, n))
    if method == "mc":
        return uniform
    jitter: Any = uniform if method.endswith("rqmc") else 0.5
    xp = array_namespace(uniform)
    if method.startswith("latin"):
        columns = [xp.astype(generator.permutation(S), uniform.dtype) for _ in range(n)]
        return latin_points(xp.stack(columns, axis=-1), jitter)
    k = round(S ** (1 / n))
    if k**n != S:
        raise ValueError(
            f"samples: the Cartesian methods need k**{n} points, such as {max(k, 1) ** n}; got {S}"
        )
    return cartesian_points(cartesian_cells(k, n, uniform), k, jitter)
