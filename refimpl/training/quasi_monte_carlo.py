"""Points of the unit cube that cover it more evenly than independent ones.

Latin: in every axis, one point in each of S equal slices. Cartesian: one point in each of the k^n
cells of a grid. With jitter 1/2 the points are the centres (quasi Monte Carlo), with uniform jitter
each point is uniform in the cube (randomised quasi Monte Carlo), so estimates are unbiased.
A distribution's `sample` turns points into noise.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Array, Generator, array_namespace, constant, indices_like
from ..validation import choose, whole

METHODS = ("mc", "latin", "latin_rqmc", "cartesian", "cartesian_rqmc")


def latin_points(permutations: Array, jitter: Array | float = 0.5) -> Array:
    """(permutation + jitter)/S in every axis.

    permutations (S, n), each column a permutation of 0..S-1; jitter in [0, 1], (S, n) or a number

    >>> import numpy as np
    >>> latin_points(np.array([[0.0], [1.0]]))
    array([[0.25],
           [0.75]])
    """
    return (permutations + jitter) / permutations.shape[0]


def cartesian_points(cells: Array, per_axis: int, jitter: Array | float = 0.5) -> Array:
    """(cell + jitter)/k: one point in each cell of a grid with k cells per axis.

    cells (k^n, n), from `cartesian_cells`; jitter in [0, 1], (k^n, n) or a number
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
