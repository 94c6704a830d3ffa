"""Differentiable top-k selection: the last k columns of a network's permutation matrix.

Sorting n values to find the k largest carries n columns of P through every layer. Multiplying the
layers from the other end, starting with the last k columns of the identity, carries k. With the
splitter selection network the layers also compare only what can still be among the k largest.

Source: Petersen et al., "Differentiable Top-k Classification Learning" (ICML 2022), section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, plain
from ..autograd.backend import like_array
from ..autograd.libraries import library_of
from ..promises import close
from ..spec import Case, Invariant, specification
from ..validation import float_array, whole
from .fused_topk import fused_columns
from .layouts import NETWORKS, Layout, find_layout
from .networks import soft_swap
from .sigmoids import Sigmoid, make_sigmoid
from .splitter import splitter_selection

SPLITTER = "splitter_selection"


def selection(x: Array, k: int, layout: Layout, sigmoid: Sigmoid) -> Array:
    """The last k columns of P, (..., n, k), for x: (..., n)."""
    return _times(x, np.eye(layout.size)[:, layout.size - k :], layout, sigmoid)


def weighted_selection(
    x: Array, weights: Sequence[float], layout: Layout, sigmoid: Sigmoid
) -> Array:
    """The last k columns of P times k weights, (..., n): one column is carried instead of k."""
    last = np.concatenate([np.zeros(layout.size - len(weights)), weights])[:, None]
    return _times(x, last, layout, sigmoid)[..., 0]


def _times(x: Array, last: np.ndarray, layout: Layout, sigmoid: Sigmoid) -> Array:
    columns = constant(last, like=x)
    if library_of(plain(x)).name in ("numpy", "cupy"):
        return fused_columns(definition, x, columns, layout, sigmoid)
    return definition(x, columns, layout, sigmoid)


def definition(x: Array, last: Array, layout: Layout, sigmoid: Sigmoid) -> Array:
    """The network's matrix times `last`, (n, m). x: (..., n); returns (..., n, m)."""
    xp = array_namespace(x)
    (n, m), batch = last.shape, x.shape[:-1]
    alphas = _comparisons(xp.moveaxis(x, -1, 0), layout, sigmoid)
    columns = xp.broadcast_to(xp.reshape(last, (n, m, *[1] * len(batch))), (n, m, *batch))
    for (_, back, c), alpha in zip(layout.steps[::-1], alphas[::-1], strict=True):
        lo, hi, rest = columns[:c, ...], columns[c : 2 * c, ...], columns[2 * c :, ...]
        a, b = soft_swap(lo, hi, alpha[:, None, ...])  # a layer's matrix is its own transpose
        columns = xp.take(xp.concat([a, b, rest], axis=0), like_array(back, x), axis=0)
    return xp.moveaxis(columns, (0, 1), (-2, -1))


def _comparisons(wires: Array, layout: Layout, sigmoid: Sigmoid) -> list[Array]:
    """Each layer's alpha, (comparators, ...), from the relaxed values that reach it."""
    xp = array_namespace(wires)
    alphas = []
    for order, _, c in layout.steps:
        wires = xp.take(wires, like_array(order, wires), axis=0)
        a, b, rest = wires[:c, ...], wires[c : 2 * c, ...], wires[2 * c :, ...]
        alphas.append(sigmoid.alpha(b - a))
        wires = xp.concat([*soft_swap(a, b, alphas[-1]), rest], axis=0)
    return alphas


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    sizes = ((1, 1), (2, 1), (5, 2), (8, 3), (16, 5), (9, 9))
    for n, k in sizes:
        x = rng.permutation(n) + rng.uniform(-0.3, 0.3, (2, n))
        for network in (SPLITTER, "bitonic", "odd_even"):
            yield Case(
                f"{network}-n{n}-k{k}",
                {"x": x},
                {"k": k, "network": network, "steepness": 2.0},
                kind="edge" if n == 1 else "smooth",
                clause="the last k columns of the product of the layers' matrices",
            )
    x = rng.normal(size=(2, 1, 3, 6))
    yield Case("batch2x1x3", {"x": x}, {"k": 2, "distribution": "optimal"})
    yield Case("single", {"x": x[0, 0, 0]}, {"k": 2, "distribution": "logistic"})
    yield Case("batch0", {"x": x[:0, 0, 0]}, {"k": 2}, kind="edge")


def _columns(run: Any, inputs: Any, params: Any) -> str | None:
    P = run(inputs, params)["P"]
    sums = P.sum(-2)
    off = np.abs(sums - 1).max(initial=0)
    return None if close(sums, np.ones_like(sums)) else f"a column sums to 1 +- {off:.1e}"


def _rows(run: Any, inputs: Any, params: Any) -> str | None:
    P = run(inputs, params)["P"]
    if P.min(initial=0) < 0:
        return f"a weight is negative: {P.min():.3g}"
    over = (P.sum(-1) - 1).max(initial=0)
    fits = over <= 64 * np.finfo(P.dtype).eps
    return None if fits else f"a row sums to 1 + {over:.1e}"


def _hard(run: Any, inputs: Any, params: Any) -> str | None:
    x = inputs["x"]
    P = run(inputs, {**params, "steepness": 1e12})["P"]
    largest = np.argsort(x, axis=-1)[..., x.shape[-1] - params["k"] :]
    wanted = np.swapaxes(np.eye(x.shape[-1])[largest], -1, -2)
    hard = np.max(np.abs(P - wanted), initial=0.0) < 1e-3
    return None if hard else "not the hard top-k at steepness 1e12"


def _scale(run: Any, inputs: Any, params: Any) -> str | None:
    half = {**params, "steepness": params.get("steepness", 10.0) / 2}
    steep = {**params, "steepness": params.get("steepness", 10.0)}
    same = close(run({"x": 2 * inputs["x"]}, half)["P"], run(inputs, steep)["P"])
    return None if same else "2 x at half the steepness has another P"


@specification(
    name="sorting.topk_permutation",
    source="Petersen et al., Differentiable Top-k Classification Learning (ICML 2022), section 3",
    inputs=("x",),
    outputs=("P",),
    cases=_cases,
    invariants=(
        Invariant("columns", "each column of P is a distribution over the inputs", _columns),
        Invariant("rows", "no input has more than one place", _rows),
        Invariant("limit", "as s grows, P is zeros and ones for the hard top-k", _hard),
        Invariant("scale", "only s x counts", _scale),
    ),
    kinks="those of `sorting_network`",
)
def topk_permutation(
    x: Array,
    *,
    k: int,
    network: str | Layout | Sequence = SPLITTER,
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
) -> Array:
    """The soft permutation matrix of the k largest values.

    P[..., i, j] is the weight of input i at the j-th place among the k largest, in rising order:
    the last column is the largest value's. It equals the last k columns of `sorting_network` with
    the same layout. The k values themselves are x @ P, and sum_j P[..., i, j] is the probability
    that input i is among them.

    x        (..., n) real numbers, n >= 1
    k        from 1 to n
    network  "splitter_selection" (fewest comparators), or a name, Layout or list of layers as for
             `sorting_network`
    returns  (..., n, k); columns sum to 1, rows to at most 1

    The other arguments, the gradient and the behaviour for NaN and infinities are those of
    `sorting_network`. Raises ValueError for k outside of 1..n and for unknown names.

    >>> topk_permutation([0.0, 2.0, 1.0], k=1, steepness=1.0).ravel()
    array([0.05369418, 0.78522329, 0.16108253])
    """
    x = float_array(x, "x", min_ndim=1)
    n, k = x.shape[-1], whole(k, "k", minimum=1)
    if k > n:
        raise ValueError(f"k: expected a number from 1 to n = {n}, got {k}")
    if isinstance(network, str) and network == SPLITTER:
        layout = splitter_selection(n, k)
    elif isinstance(network, str) and network not in NETWORKS:
        known = ", ".join((SPLITTER, *NETWORKS))
        raise ValueError(f"network: expected one of {known}; got {network!r}")
    else:
        layout = find_layout(network, n)
    return selection(x, k, layout, make_sigmoid(distribution, steepness, art_lambda, units))
