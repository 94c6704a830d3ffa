"""Sorting, ranks and quantiles by optimal transport onto points that are in order.

The cheapest transport of n values to the targets y_1 < ... < y_m sends small values to small
targets: for as many targets of equal weight, it is the sorting permutation. With entropy the plan T
is smooth in the values, and what is read off it is a relaxation (x values, a = 1/n their weights,
b the weights of the targets, C_ij = (z_i - y_j)^2, z the values squashed to (0, 1)):

    sorted values     s_j = sum_i T_ij x_i / b_j
    ranks             r_i = sum_j T_ij j / a_i
    distribution      F_i = sum_j T_ij (b_1 + ... + b_j) / a_i, the share of values up to x_i

Source: Cuturi, Teboul and Vert 2019, "Differentiable Ranks and Sorting using Optimal Transport".
The squashing and the rule for ranks are those of ott-jax 0.6.0 (`ott.tools.soft_sort`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, sigmoid, vector_norm
from ..promises import close
from ..spec import BATCHES, Arrays, Case, Invariant, Run, specification
from ..validation import float_array, whole
from .transport_plan import transport_plan

KINKS = "with squash, where all values are equal (n > 1): the standard deviation has none there"


def squashed(x: Array) -> Array:
    """The values brought to (0, 1): logistic((x - mean) / std), each row for itself.

    std is the population standard deviation, to which ott-jax adds 1e-10. Where all values are
    equal the result is 1/2, and the standard deviation is taken as the constant 1.
    """
    xp = array_namespace(x)
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    std = vector_norm(centred, axis=-1, keepdims=True) / x.shape[-1] ** 0.5
    # the mean of equal values may miss them by rounding, and std is not 0 then
    apart = xp.max(x, axis=-1, keepdims=True) > xp.min(x, axis=-1, keepdims=True)
    return sigmoid(centred / xp.where(apart & (std > 0), std, xp.ones_like(std)))


def transport_permutation(
    x: Array,
    *,
    weights: Sequence[float] | None = None,
    epsilon: float = 1e-2,
    squash: bool = True,
) -> Array:
    """Where each value goes: P[..., i, j] = T_ij / b_j, the share of input i in target j.

    x        (..., n), n >= 1
    weights  of the m targets, b > 0, divided by their sum; n equal ones by default. The targets
             are m points from 0 to 1, equally far apart
    epsilon  the weight of the entropy > 0, in units of the squared distance of targets. For
             eps -> 0 and equal weights P is `hard_permutation(x)`; for growing eps every entry
             is 1/n
    squash   bring each row to (0, 1) first (`squashed`), so that eps means the same for every x,
             and nothing depends on the location and scale of x. Without it the values should be
             about as far apart as the targets
    returns  (..., n, m). Columns sum to one, to rounding; rows to n b_j in the mean: with n equal
             weights P is doubly stochastic

    The gradient is the derivative of the exact plan, see `transport_plan`. Equal values have equal
    rows. Time O(n m + m^3) for each of about ten to forty steps.

    Raises ValueError for n = 0, eps <= 0 and weights that are not positive.

    >>> transport_permutation([3.0, 1.0, 2.0], epsilon=0.05).round(3)
    array([[0.   , 0.059, 0.941],
           [0.941, 0.059, 0.   ],
           [0.059, 0.881, 0.059]])
    """
    x = values_of(x)
    b = np.full(x.shape[-1], 1.0) if weights is None else np.asarray(weights, dtype=np.float64)
    if b.ndim != 1 or not b.size or not np.all(b > 0) or not np.all(np.isfinite(b)):
        raise ValueError(f"weights: expected positive numbers, one per target, got {weights!r:.60}")
    b = b / b.sum()
    z = squashed(x) if squash else x
    targets = constant(np.linspace(0.0, 1.0, b.size), like=x)
    C = (z[..., :, None] - targets) ** 2
    a, b = constant(np.full(x.shape[-1], 1.0 / x.shape[-1]), like=x), constant(b, like=x)
    return transport_plan(C, a, b, epsilon=epsilon) / b


def values_of(x: Array) -> Array:
    """`x` as an array (..., n) with n >= 1; otherwise a ValueError."""
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value, got shape {tuple(x.shape)}")
    return x


def _cases(rng: np.random.Generator, **options: Any) -> Iterator[Case]:
    def values(*shape: int) -> np.ndarray:
        places = rng.permuted(np.broadcast_to(np.arange(float(shape[-1])), shape), axis=-1)
        return 0.7 * places + rng.uniform(-0.2, 0.2, shape)

    for n, eps in ((3, 0.1), (5, 0.03)):
        for squash in (True, False):
            scale = 1.0 if squash else 0.2
            params = {"epsilon": eps, "squash": squash, **options}
            name = f"n{n}-eps{eps}{'' if squash else '-unsquashed'}"
            yield Case(
                name, {"x": scale * values(2, n)}, params, clause="squared cost, entropy eps"
            )
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        x = {"x": values(*batch, 4)}
        yield Case(name, x, {"epsilon": 0.1, **options}, kind=kind, flags=(name,))
    tied = {"x": np.array([1.0, 0.0, 1.0, 2.0])}
    yield Case("ties", tied, {"epsilon": 0.1, **options}, kind="edge", flags=("ties",))
    large = {"x": 1e5 * values(3)}
    yield Case("large", large, {"epsilon": 0.1, **options}, kind="edge", flags=("large-values",))


def _sort_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _cases(rng)
    one = {"x": np.array([[2.5], [-1.0]])}
    yield Case("n1", one, {}, kind="edge", flags=("size-one",))
    down = {"x": rng.normal(size=(2, 4))}
    yield Case("descending", down, {"epsilon": 0.1, "descending": True})


def _sum(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x, out = inputs["x"], run(inputs, params)
    scale = np.max(np.abs(x), initial=1.0)
    same = close(out["sorted"].sum(-1), x.sum(-1), scale=scale)
    product = np.sum(x[..., :, None] * out["P"], axis=-2)
    same = same and close(out["sorted"], product, scale=scale)
    return None if same else "sorted is not x @ P, or its sum is not that of x"


def _stochastic(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    P = run(inputs, params)["P"]
    sums = np.concatenate([P.sum(-1).ravel(), P.sum(-2).ravel()])
    good = np.min(P, initial=0.0) >= 0 and close(sums, np.ones_like(sums))
    return None if good else "P is not doubly stochastic"


def _sorts(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"].astype(np.float64)
    down = bool(params.get("descending"))
    values = run({"x": x}, {**params, "epsilon": 1e-5, "squash": True})["sorted"]
    hard = np.sort(x, axis=-1)[..., ::-1] if down else np.sort(x, axis=-1)
    off = np.max(np.abs(values - hard), initial=0.0)
    return None if off < 1e-4 * (1 + np.max(np.abs(x), initial=0.0)) else "eps 1e-5: not sorted"


def affine(name: str, moves: bool) -> Invariant:
    """2 x + 1 changes nothing, or the values alike; where x is standardised first."""

    def check(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
        before = run(inputs, params)[name]
        after = run({"x": 2 * inputs["x"] + 1}, params)[name]
        scale = 100 * np.max(np.abs(inputs["x"]), initial=1.0)
        same = close(after, 2 * before + 1 if moves else before, scale=scale)
        return None if same else f"2 x + 1 gives other {name}"

    clause = f"squashed: 2 x + 1 gives 2 {name} + 1" if moves else "squashed: 2 x + 1 is like x"
    return Invariant("affine", clause, check, lambda case: case.params.get("squash", True))


SORT_INVARIANTS = (
    Invariant("sum", "sorted = x @ P, and keeps the sum of x", _sum),
    Invariant("doubly stochastic", "rows and columns of P sum to one", _stochastic),
    Invariant("limit", "for eps -> 0 the values are sorted", _sorts),
    affine("sorted", moves=True),
)


@specification(
    name="sorting.transport_sort",
    source="Cuturi, Teboul and Vert 2019, definition 1",
    inputs=("x",),
    outputs=("sorted", "P"),
    cases=_sort_cases,
    invariants=SORT_INVARIANTS,
    kinks=KINKS,
)
def transport_sort(
    x: Array, *, epsilon: float = 1e-2, squash: bool = True, descending: bool = False
) -> tuple[Array, Array]:
    """Sort by optimal transport: the soft sorted values, and the soft permutation matrix.

        sorted_j = n sum_i T_ij x_i = (x @ P)_j

    x, epsilon, squash as for `transport_permutation`; `descending` puts the largest first.
    Returns sorted (..., n) and P (..., n, n), P[..., i, j] the weight of input i at position j. P
    is doubly stochastic, so the sum of x is kept; for eps -> 0 it is the hard permutation, for
    growing eps every sorted value is the mean of x. The gradient is the derivative.

    >>> values, P = transport_sort([3.0, 1.0, 2.0], epsilon=0.1)
    >>> values.round(4)
    array([1.1903, 2.    , 2.8097])
    """
    x = values_of(x)
    P = transport_permutation(x, epsilon=epsilon, squash=squash)
    xp = array_namespace(x)
    P = xp.flip(P, axis=-1) if descending else P
    return xp.matmul(x[..., None, :], P)[..., 0, :], P


def _rank_limit(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"].astype(np.float64)
    n = x.shape[-1]
    options = {**params, "epsilon": 1e-6, "squash": True, "targets": None}
    order = np.argsort(np.argsort(x, axis=-1), axis=-1)
    off = np.max(np.abs(run({"x": x}, options)["ranks"] - order), initial=0.0)
    return None if off < 1e-3 * n else f"at eps 1e-6 a rank is off by {off:.3g}"


def _rank_sum(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    r = run(inputs, params)["ranks"]
    n = r.shape[-1]
    same = close(r.mean(-1), np.full(r.shape[:-1], (n - 1) / 2), scale=n)
    return None if same else "the mean rank moved"


def _rank_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _cases(rng)
    few = {"x": rng.normal(size=(2, 5))}
    yield Case("targets3", few, {"epsilon": 0.1, "targets": 3}, clause="fewer targets than values")
    yield Case("n1", {"x": np.array([[2.5]])}, {}, kind="edge", flags=("size-one",))


def _distinct(case: Case) -> bool:
    return "ties" not in case.flags


@specification(
    name="sorting.transport_ranks",
    source="Cuturi, Teboul and Vert 2019, definition 1; ott-jax 0.6.0, soft_sort.ranks",
    inputs=("x",),
    outputs=("ranks",),
    cases=_rank_cases,
    invariants=(
        Invariant("limit", "for eps -> 0 the exact ranks", _rank_limit, when=_distinct),
        Invariant("mean", "the mean rank is (n - 1) / 2", _rank_sum),
        affine("ranks", moves=False),
    ),
    kinks=KINKS,
    variants={"ranks from 1": lambda *given, **options: _ranks_from_1(*given, **options)},
)
def transport_ranks(
    x: Array, *, epsilon: float = 1e-2, squash: bool = True, targets: int | None = None
) -> Array:
    """The soft rank of every value, from 0 for the smallest to n - 1 for the largest.

        r_i = n sum_j T_ij j (n - 1) / (m - 1),    j = 0..m-1

    x, epsilon, squash as for `transport_permutation`; `targets` is m, n by default (fewer are
    cheaper and coarser). Returns (..., n). Their mean is (n - 1) / 2 always; for eps -> 0 and m = n
    they are the exact ranks, and tied values share the mean of theirs. n = 1 has rank 0. The
    gradient is the derivative.

    Raises ValueError for n = 0, eps <= 0 and fewer than two targets (n > 1).

    >>> transport_ranks([3.0, 1.0, 2.0], epsilon=0.1).round(4)
    array([1.8097, 0.1903, 1.    ])
    """
    x = values_of(x)
    n = x.shape[-1]
    m = n if targets is None else whole(targets, "targets", minimum=2)
    P = transport_permutation(x, weights=[1.0] * m, epsilon=epsilon, squash=squash)
    place = constant(np.linspace(0.0, n - 1.0, m), like=x) * (n / m)  # T / a = P n / m
    return array_namespace(x).matmul(P, place)


def _ranks_from_1(x: Array, **options: Any) -> Array:
    return transport_ranks(x, **options) + 1


def transport_cdf(x: Array, *, epsilon: float = 1e-2, squash: bool = True) -> Array:
    """The soft share of values that are at most x_i: F_i = n sum_j T_ij (b_1 + ... + b_j).

    With n equal weights it is (r_i + 1) / n, r the soft rank: from 1/n for the smallest value to 1
    for the largest. x: (..., n), options as for `transport_permutation`. Returns (..., n).

    >>> transport_cdf([3.0, 1.0, 2.0, 0.0], epsilon=1e-4).round(4)
    array([1.  , 0.5 , 0.75, 0.25])
    """
    x = values_of(x)
    return (transport_ranks(x, epsilon=epsilon, squash=squash) + 1) / x.shape[-1]
