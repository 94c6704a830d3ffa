"""Fast soft ranks: the ranks as the vertex of a permutahedron, moved into its interior.

The ranks of x are the permutation of rho = (n, ..., 1) that has the largest inner product with x, a
linear programme over the permutahedron P(rho). A quadratic or entropic regularisation makes it a
projection of x / strength, which is differentiable, in O(n log n) time.

Source: Blondel et al. 2020, "Fast Differentiable Sorting and Ranking", equations 3 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, plain
from ..promises import close
from ..spec import BATCHES, Case, Invariant, Note, specification
from ..validation import choose, float_array, non_negative
from .blocks import block_mean, blocks_from_marks
from .isotonic import REGULARIZATIONS
from .permutahedron import project
from .reorder import falling_order, reorder

NOTES = {
    "spread": Note(
        bug_type="overflow",
        description="exp of x / strength without subtracting the largest, in the gradient for kl",
        effect="NaN gradients (torchsort 0.1.10)",
    ),
}


def options_of_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """The options that every fast operator is tried with, by name."""
    for regularization in REGULARIZATIONS:
        for descending in (False, True):
            name = f"{regularization}-{'descending' if descending else 'ascending'}"
            yield name, {"regularization": regularization, "descending": descending}


def fast_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Cases for operators on x (..., n) with a strength, a regularization and a direction."""
    for name, options in options_of_cases():
        for batch_name, batch in BATCHES.items():
            inputs, params = {"x": rng.normal(size=(*batch, 5))}, {"strength": 1.0, **options}
            yield Case(f"{batch_name}-{name}", inputs, params, flags=(batch_name,))
        for n, strength in ((2, 0.1), (8, 0.1), (8, 1.0), (8, 10.0), (33, 0.3)):
            inputs, params = {"x": rng.normal(size=(2, n))}, {"strength": strength, **options}
            yield Case(f"n{n}-strength{strength}-{name}", inputs, params)
        hard = {"x": rng.permutation(np.arange(5.0)) * 1.5}
        clause = "hard where all gaps are large"
        yield Case(f"hard-{name}", hard, {"strength": 0.1, **options}, clause=clause)
        params = {"strength": 1.0, **options}
        one = {"x": np.array([[0.7]])}
        yield Case(f"n1-{name}", one, params, kind="edge", flags=("size-one",))


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from fast_cases(rng)
    for name, options in options_of_cases():
        tied = {"x": np.array([1.0, -0.2, 1.0, 1.0, -0.2])}
        clause = "equal values have equal ranks, smoothly"
        yield Case(f"ties-{name}", tied, {"strength": 0.5, **options}, "smooth", ("ties",), clause)
        spread = {"x": np.array([-900.0, 1800.0, 1800.0625, 900.0, 900.03125])}
        yield Case(f"spread-{name}", spread, {"strength": 1.0, **options}, flags=("spread",))
    tied = {"x": np.array([2.0, 1.0, 2.0])}
    yield Case("strength0", tied, {"strength": 0.0}, "edge", ("ties",), "the mean of tied ranks")


def _sum(run: Any, inputs: Any, params: Any) -> str | None:
    n = inputs["x"].shape[-1]
    total = np.sum(run(inputs, params)["ranks"], axis=-1)
    same = close(total, np.full_like(total, n * (n + 1) / 2))
    return None if same else "not the sum of 1..n"


def _monotone(run: Any, inputs: Any, params: Any) -> str | None:
    ranks = run(inputs, params)["ranks"]
    ordered = np.take_along_axis(ranks, np.argsort(inputs["x"], axis=-1), axis=-1)
    steps = np.diff(ordered, axis=-1) * (-1 if params.get("descending") else 1)
    falls = np.any(steps < -_rounding(inputs, params))
    return "a larger value has a lower rank" if falls else None


def _rounding(inputs: Any, params: Any) -> float:
    """What differences of x / strength lose, which are as large as the spread of x."""
    x = inputs["x"]
    size = np.max(np.abs(x), initial=1.0) / (params.get("strength", 1.0) or 1.0)
    return float(100 * np.finfo(x.dtype).eps * (size + x.shape[-1]))


def _equivariant(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["ranks"]
    after = run({"x": inputs["x"][..., ::-1]}, params)["ranks"]
    off = np.max(np.abs(before[..., ::-1] - after), initial=0.0)
    same = off <= _rounding(inputs, params)
    return None if same else "permuting x does not permute the ranks"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    off = run({"x": inputs["x"] + 2}, params)["ranks"] - run(inputs, params)["ranks"]
    same = np.max(np.abs(off), initial=0.0) <= 4 * _rounding(inputs, params)
    return None if same else "a constant added to x changes the ranks"


def _limit(run: Any, inputs: Any, params: Any) -> str | None:
    """Exact ranks, from 1; equal values share the mean of theirs."""
    x = inputs["x"]
    found = run(inputs, {**params, "strength": 0.0})["ranks"]
    below = (x[..., None, :] < x[..., :, None]).sum(-1)
    equal = (x[..., None, :] == x[..., :, None]).sum(-1)
    ranks = below + (equal + 1) / 2
    wanted = x.shape[-1] + 1 - ranks if params.get("descending") else ranks
    return None if close(found, wanted.astype(x.dtype)) else "strength 0: not the exact ranks"


@specification(
    name="sorting.fast_soft_rank",
    source="Blondel et al. 2020, equations 3 and 6",
    inputs=("x",),
    outputs=("ranks",),
    cases=_cases,
    invariants=(
        Invariant("sum", "the ranks sum to n (n + 1) / 2", _sum),
        Invariant("monotone", "ranks are ordered like the values", _monotone),
        Invariant("equivariant", "permuting x permutes the ranks", _equivariant),
        Invariant("shift", "a constant added to x changes nothing", _shift),
        Invariant("limit", "at strength 0 the exact ranks, the mean of tied ones", _limit),
    ),
    kinks="where blocks of the isotonic regression meet; they are pooled there. None at ties",
    notes=NOTES,
)
def fast_soft_rank(
    x: Array,
    *,
    strength: float = 1.0,
    regularization: str = "l2",
    descending: bool = False,
) -> Array:
    """Soft ranks from 1 to n by projection onto the permutahedron, along the last axis.

        l2: Proj(z, rho),  kl: exp(Proj_kl(z, log rho)),   z = x / strength, rho = (n, ..., 1)

    x               (..., n), n >= 1
    strength        >= 0. The l2 ranks are exact where all values differ by at least `strength`; for
                    growing strength every rank approaches (n + 1) / 2. 0 gives the exact ranks,
                    the mean rank for equal values, and no gradient
    regularization  "l2": piecewise linear. "kl": ranks in proportion to exp(z) where they are
                    pooled; the lowest ranks are the first to become exact
    descending      the largest value has rank 1 instead of n
    returns         (..., n)

    The ranks sum to n (n + 1) / 2 and are ordered like the values; equal values have equal ranks.
    Adding a constant to x changes nothing. The gradient is the derivative, of every order, zero
    where the ranks are exact. See `isotonic_regression` for kinks, NaN and other libraries.
    Time O(n log n), memory O(n).

    Raises ValueError for n = 0, a negative strength, an unknown regularization.

    >>> fast_soft_rank([1.0, -2.0, 2.0, 3.0, 0.5, -1.0])
    array([3.875, 1.   , 4.875, 5.875, 3.375, 2.   ])
    """
    x = float_array(x, "x", min_ndim=1)
    n, strength = x.shape[-1], non_negative(strength, "strength")
    choose(regularization, REGULARIZATIONS, "regularization")
    if n == 0:
        raise ValueError(f"x: expected at least one value to rank, got shape {tuple(x.shape)}")
    rho = constant(np.arange(n, 0.0, -1.0), like=x)
    if strength == 0:
        return _mean_ranks(-plain(x) if descending else plain(x), rho)
    xp = array_namespace(x)
    z = x * (-1 / strength if descending else 1 / strength)
    if regularization == "l2":
        return project(z, rho, "l2")
    return xp.exp(project(z, array_namespace(rho).log(rho), "kl"))


def _mean_ranks(x: Array, rho: Array) -> Array:
    """Exact ranks; equal values share the mean of theirs."""
    xp = array_namespace(x)
    order = falling_order(x)
    s = reorder(x, order)
    first = xp.concat([xp.ones_like(s[..., :1], dtype=xp.bool), s[..., 1:] != s[..., :-1]], axis=-1)
    ranks = block_mean(xp.broadcast_to(rho, s.shape), blocks=blocks_from_marks(first))
    return reorder(ranks, order.inverse)
