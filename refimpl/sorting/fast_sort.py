"""Fast soft sort: the sorted values as a projection onto the permutahedron of the values.

The sorted values are the vertex of the permutahedron P(x) that has the largest inner product with
rho = (n, ..., 1). Regularised, they are the projection of rho / strength, which costs one sort and
one isotonic regression. No permutation matrix is made: memory is linear in n.

Source: Blondel et al. 2020, "Fast Differentiable Sorting and Ranking", equations 2 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, plain, stop_gradient
from ..promises import close
from ..spec import Case, Invariant, Note, specification
from ..validation import choose, float_array, non_negative
from .blocks import block_softmax, block_sum
from .isotonic import REGULARIZATIONS, find_blocks
from .permutahedron import project_falling
from .reorder import falling_order, reorder
from .soft_rank import NOTES, fast_cases, options_of_cases

WRONG_ARGUMENT = Note(
    bug_type="gradient",
    description="for kl and pooled values, the softmax in the gradient taken over rho / strength "
    "instead of over the sorted values",
    effect="wrong gradients with right values (fast-soft-sort, SoftSort)",
)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in fast_cases(rng):
        pooled = case.params["regularization"] == "kl" and case.params["strength"] >= 1
        flags = (*case.flags, "kl-argument") if pooled else case.flags
        yield Case(case.name, case.inputs, case.params, case.kind, flags, case.clause)
    for name, options in options_of_cases():
        tied = {"x": np.array([1.0, -0.2, 1.0, 3.0])}
        clause = "of equal values the first comes first"
        yield Case(f"ties-{name}", tied, {"strength": 0.1, **options}, "kink", ("ties",), clause)
        spread = {"x": np.array([3900.0, -1000.0, 20.0, 900.0])}
        yield Case(f"spread-{name}", spread, {"strength": 1e-3, **options}, flags=("spread",))
    exact = {"x": np.array([2.0, 1.0, 3.0])}
    yield Case("strength0", exact, {"strength": 0.0}, clause="the exact sort")


def _falls_or_rises(run: Any, inputs: Any, params: Any) -> str | None:
    y = run(inputs, params)["sorted"]
    steps = np.diff(y, axis=-1) * (-1 if params.get("descending") else 1)
    slack = 16 * np.finfo(y.dtype).eps * np.max(np.abs(y), initial=1.0)
    return "not in order" if np.any(steps < -slack) else None


def _keeps(run: Any, inputs: Any, params: Any) -> str | None:
    """l2 keeps the sum; kl keeps the sum of exp(x) if descending, of exp(-x) if ascending."""
    x, y = inputs["x"], run(inputs, params)["sorted"]
    scale = np.max(np.abs(x), initial=1.0)
    if params.get("regularization", "l2") == "kl":
        sign = 1 if params.get("descending") else -1
        x, y = (np.logaddexp.reduce(sign * a, axis=-1) for a in (x, y))
        return None if close(y, x, scale=scale) else "the sum of exp is not kept"
    same = close(np.sum(y, axis=-1), np.sum(x, axis=-1), scale=scale)
    return None if same else "the sum is not kept"


def _symmetric(run: Any, inputs: Any, params: Any) -> str | None:
    turned = run({"x": inputs["x"][..., ::-1]}, params)["sorted"]
    same = close(turned, run(inputs, params)["sorted"])
    return None if same else "permuting x changes the result"


def _limit(run: Any, inputs: Any, params: Any) -> str | None:
    x, sign = inputs["x"], -1 if params.get("descending") else 1
    found = run(inputs, {**params, "strength": 0.0})["sorted"]
    return None if close(found, sign * np.sort(sign * x, axis=-1)) else "strength 0: not the sort"


def _mirrored(run: Any, inputs: Any, params: Any) -> str | None:
    other = {**params, "descending": not params.get("descending", False)}
    mirror = -run({"x": -inputs["x"]}, other)["sorted"]
    same = close(mirror, run(inputs, params)["sorted"])
    return None if same else "-sort(-x) in the other direction differs"


def _softmax_of_positions(x: Array, **options: Any) -> Array:
    """The value of `fast_soft_sort` with the gradient for kl that fast-soft-sort computes."""
    y = fast_soft_sort(x, **options)
    if options.get("regularization", "l2") != "kl":
        return y
    sign, (s, w) = _problem(x, options.get("strength", 1.0), options.get("descending", False))
    blocks = find_blocks(w, s, "kl")
    wrong = sign * block_sum(block_softmax(w, blocks=blocks) * s, blocks=blocks)
    return stop_gradient(y) + (wrong - stop_gradient(wrong))


@specification(
    name="sorting.fast_soft_sort",
    source="Blondel et al. 2020, equations 2 and 5",
    inputs=("x",),
    outputs=("sorted",),
    cases=_cases,
    invariants=(
        Invariant("ordered", "the values are in order", _falls_or_rises),
        Invariant("keeps", "the sum of x, or of exp(x), is kept", _keeps),
        Invariant("symmetric", "the order of x does not matter", _symmetric),
        Invariant("limit", "at strength 0 the exact sort", _limit),
        Invariant("mirrored", "sort(x) = -sort(-x) in the other direction", _mirrored),
    ),
    kinks="ties of x that are not pooled, where the derivative follows the stable permutation, and "
    "where blocks of the isotonic regression meet, which are pooled there",
    notes={**NOTES, "kl-argument": WRONG_ARGUMENT},
    variants={"softmax over rho / strength (fast-soft-sort)": _softmax_of_positions},
)
def fast_soft_sort(
    x: Array,
    *,
    strength: float = 1.0,
    regularization: str = "l2",
    descending: bool = False,
) -> Array:
    """Softly sorted values by projection onto the permutahedron of x, along the last axis.

        descending: l2: Proj(z, s),  kl: Proj_kl(z, s),   z = (n, ..., 1) / strength, s = sorted x;
        ascending:  the negative of that of -x

    x               (..., n), n >= 1
    strength        >= 0. The l2 result is the exact sort where no gap between neighbours exceeds
                    1 / strength (the reverse of `fast_soft_rank`); for growing strength all values
                    approach mean(x) for l2, and for kl log mean exp(x), or -log mean exp(-x) if
                    ascending. 0 gives the exact sort
    regularization  "l2" or "kl", see `isotonic_regression`
    descending      the largest first
    returns         (..., n)

    The values are in order; l2 keeps their sum. The gradient is the derivative, of every order; see
    `isotonic_regression` for kinks, NaN and other libraries. Time O(n log n), memory O(n).

    fast-soft-sort (commit 6a52ce7) has a wrong gradient for kl: its softmax is over z, not over s.

    Raises ValueError for n = 0, a negative strength, an unknown regularization.

    >>> fast_soft_sort([3.0, 1.0, 2.5, 4.5], strength=0.8)
    array([1.125, 2.375, 3.125, 4.375])
    """
    x = float_array(x, "x", min_ndim=1)
    strength = non_negative(strength, "strength")
    choose(regularization, REGULARIZATIONS, "regularization")
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    sign, (s, w) = _problem(x, strength, descending)
    if strength == 0:
        return sign * s
    return sign * project_falling(w, s, regularization)


def _problem(x: Array, strength: float, descending: bool) -> tuple[float, tuple[Array, Array]]:
    """The sign, the falling values s of sign x, and w = (n, ..., 1) / strength, shaped like x."""
    sign = 1.0 if descending else -1.0
    z = x if descending else -x
    s = reorder(z, falling_order(z))
    positions = np.arange(x.shape[-1], 0.0, -1.0) / (strength or 1.0)
    return sign, (s, array_namespace(plain(x)).broadcast_to(constant(positions, like=x), x.shape))
