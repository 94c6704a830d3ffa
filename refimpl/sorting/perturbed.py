"""Sorting, ranking and selection smoothed by noise on the values.

Each operator is the maximiser of a linear function over a polytope - ranks over the permutahedron,
one-hot vectors over the simplex, permutation matrices over the Birkhoff polytope - and its smoothed
form the mean of exact solutions for perturbed values, so it lies in that polytope: smoothed
permutation matrices are doubly stochastic. With Gumbel noise of scale 1 the smoothed argmax is
softmax in expectation.

Source: Berthet et al. 2020, "Learning with Differentiable Perturbed Optimizers", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, argsort, array_namespace, one_hot, plain, stop_gradient
from ..distributions import Distribution
from ..promises import close
from ..spec import Case, Invariant, specification
from ..training.perturbed import perturbed
from ..validation import float_array, whole
from .permutations import hard_permutation

Law = str | Distribution


def exact_ranks(x: Array) -> Array:
    """The rank of each value along the last axis, from 0 to n - 1; equal values in their order."""
    known = plain(stop_gradient(x))
    order = argsort(argsort(known, axis=-1), axis=-1)
    return array_namespace(known).astype(order, known.dtype)


def exact_argmax(x: Array) -> Array:
    """1 at the largest value along the last axis, the first of equals, else 0."""
    known = plain(stop_gradient(x))
    return one_hot(array_namespace(known).argmax(known, axis=-1), known.shape[-1], like=known)


def exact_topk(x: Array, k: int) -> Array:
    """1 at the k largest values along the last axis, else 0; of equals the first."""
    known = plain(stop_gradient(x))
    order = argsort(known, axis=-1, descending=True)[..., :k]
    return array_namespace(known).sum(one_hot(order, known.shape[-1], like=known), axis=-2)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, batch in ((1, ()), (4, ()), (5, (2,)), (3, (2, 1, 2)), (3, (0,))):
        for law in ("gaussian", "gumbel"):
            draw = rng.normal if law == "gaussian" else rng.gumbel
            inputs = {"x": rng.normal(size=(*batch, n)), "noise": draw(size=(9, *batch, n))}
            name = "x".join(map(str, (*batch, n)))
            yield Case(
                f"{name}-{law}",
                inputs,
                {"sigma": 0.7, "distribution": law},
                kind="edge" if 0 in batch or n == 1 else "smooth",
                checks=("values", "vjp"),
            )


def _cases_k(rng: np.random.Generator) -> Iterator[Case]:
    for case in _cases(rng):
        if case.inputs["x"].shape[-1] >= 3:
            params = {**case.params, "k": 2}
            yield Case(case.name, case.inputs, params, kind=case.kind, checks=case.checks)


def _promises(name: str, axis: int, total: Any) -> tuple[Invariant, ...]:
    def sums(run: Any, inputs: Any, params: Any) -> str | None:
        found = run(inputs, params)[name].sum(axis=axis)
        wanted = np.full(found.shape, total(inputs["x"].shape[-1], params))
        return None if close(found, wanted) else f"sums {found}, expected {wanted}"

    def counts(run: Any, inputs: Any, params: Any) -> str | None:
        many = run(inputs, params)[name] * len(inputs["noise"])
        whole = np.round(many)
        same = np.all(whole >= 0) and close(many, whole)
        return None if same else f"S times the {name} are not whole numbers"

    def affine(run: Any, inputs: Any, params: Any) -> str | None:
        moved = {**inputs, "x": 2 * inputs["x"] + 1}
        after = run(moved, {**params, "sigma": 2 * params["sigma"]})[name]
        return None if close(after, run(inputs, params)[name]) else f"2 x + 1 has other {name}"

    return (
        Invariant("sum", f"{name} sum to that of every exact solution", sums),
        Invariant("counts", "S times a mean of S exact solutions is whole", counts),
        Invariant("affine", "2 x + 1 and 2 sigma give the same", affine),
    )


def _columns(run: Any, inputs: Any, params: Any) -> str | None:
    sums = run(inputs, params)["permutation"].sum(axis=-2)
    return None if close(sums, np.ones_like(sums)) else "columns do not sum to one"


OPTIONS: dict[str, Any] = {
    "inputs": ("x", "noise"),
    "differentiable": ("x",),
    "source": "Berthet et al. 2020, proposition 3.1",
    "gradient": "mean of <y_s, g> nu(Z_s)/sigma over samples, nu the score of the noise",
    "second_order": False,
}


@specification(
    name="sorting.perturbed_ranks",
    outputs=("ranks",),
    cases=_cases,
    invariants=_promises("ranks", -1, lambda n, _: n * (n - 1) / 2),
    **OPTIONS,
)
def perturbed_ranks(
    x: Array,
    noise: Array,
    *,
    sigma: float = 0.05,
    distribution: Law = "gaussian",
    covariate: str = "none",
) -> Array:
    """The mean rank over perturbed values, (..., n), from 0 (smallest) to n - 1.

        r = mean_s rank(x + sigma Z_s);    gradient mean_s <rank_s, g> nu(Z_s) / sigma

    x             (..., n), n >= 1
    noise         Z, standardised, (S, ..., n) or what broadcasts to it, S >= 1
    sigma         > 0, the size of the noise in units of x. For sigma -> 0 the ranks are exact
    distribution  what the noise was drawn from: "gaussian", "gumbel", ..., or a `Distribution`;
                  nu is its score, - (log density)'
    covariate     what the solutions are reduced by in the gradient, for less variance: "none",
                  "f(x)" or "loo", see `training.perturbed.perturbed`

    The ranks sum to n (n - 1) / 2. The gradient is not the derivative, which is zero, but an
    unbiased estimate of the derivative of the expected ranks, from the same samples. Equal
    perturbed values keep their order. NaN is sorted as the largest value.

    Raises ValueError for n = 0, sigma <= 0, noise of another shape, unknown names.

    >>> perturbed_ranks([0.2, 0.0, 1.0], [[0.0, 0.0, 0.0], [0.0, 0.5, 0.0]], sigma=1.0)
    array([0.5, 0.5, 2. ])
    """
    return _smoothed(exact_ranks, x, noise, sigma, distribution, covariate)


@specification(
    name="sorting.perturbed_argmax",
    outputs=("weights",),
    cases=_cases,
    invariants=_promises("weights", -1, lambda n, _: 1.0),
    **OPTIONS,
)
def perturbed_argmax(
    x: Array,
    noise: Array,
    *,
    sigma: float = 0.05,
    distribution: Law = "gaussian",
    covariate: str = "none",
) -> Array:
    """How often each value is the largest, (..., n), a distribution.

    With Gumbel noise and sigma = 1 its expectation is softmax(x). Arguments, gradient and errors as
    for `perturbed_ranks`; of equal perturbed values the first is the largest.

    >>> perturbed_argmax([0.2, 0.0, 1.0], [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]], sigma=1.0)
    array([0. , 0.5, 0.5])
    """
    return _smoothed(exact_argmax, x, noise, sigma, distribution, covariate)


@specification(
    name="sorting.perturbed_topk",
    outputs=("weights",),
    cases=_cases_k,
    invariants=_promises("weights", -1, lambda n, params: params["k"]),
    **OPTIONS,
)
def perturbed_topk(
    x: Array,
    noise: Array,
    *,
    k: int,
    sigma: float = 0.05,
    distribution: Law = "gaussian",
    covariate: str = "none",
) -> Array:
    """How often each value is among the k largest, (..., n), with the sum k.

    Arguments, gradient and errors as for `perturbed_ranks`; of equal perturbed values the first are
    the larger. Raises ValueError unless 0 <= k <= n.

    >>> perturbed_topk([0.2, 0.0, 1.0], [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]], k=2, sigma=1.0)
    array([0.5, 0.5, 1. ])
    """
    x = float_array(x, "x", min_ndim=1)
    if whole(k, "k") > x.shape[-1]:
        raise ValueError(f"k: expected at most {x.shape[-1]}, got {k}")
    return _smoothed(lambda v: exact_topk(v, k), x, noise, sigma, distribution, covariate)


@specification(
    name="sorting.perturbed_permutation",
    outputs=("permutation",),
    cases=_cases,
    invariants=(
        *_promises("permutation", -1, lambda n, _: 1.0),
        Invariant("columns", "columns sum to one", _columns),
    ),
    **OPTIONS,
)
def perturbed_permutation(
    x: Array,
    noise: Array,
    *,
    sigma: float = 0.05,
    distribution: Law = "gaussian",
    covariate: str = "none",
) -> Array:
    """P[..., i, j]: how often input i is at sorted position j; doubly stochastic.

    Arguments, gradient and errors as for `perturbed_ranks`, which are P @ (0, ..., n - 1). Memory
    O(S n^2).

    >>> perturbed_permutation([0.2, 0.0], [[0.0, 0.0], [0.0, 0.5]], sigma=1.0)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    return _smoothed(
        lambda v: hard_permutation(plain(stop_gradient(v))),
        x,
        noise,
        sigma,
        distribution,
        covariate,
    )


def _smoothed(
    f: Any, x: Array, noise: Array, sigma: float, distribution: Law, covariate: str
) -> Array:
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value, got shape {tuple(x.shape)}")
    return perturbed(
        f,
        x,
        noise,
        sigma,
        distribution=distribution,
        covariate=covariate,
        batch_ndim=x.ndim - 1,
    )
