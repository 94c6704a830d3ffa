"""The k largest values, and quantiles, read off the soft permutations of `simplex_sort`.

Source: softtorch 0.1.1 (`topk`, `quantile`, `median`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..promises import close
from ..spec import Arrays, Case, Invariant, Note, Run, specification
from ..validation import float_array, in_range, whole
from .simplex_sort import NOTES, distinct, generate, shifted, simplex_argsort

SELECTION_NOTES = {
    "k-is-n": Note(
        "degenerate size",
        "All values are selected (k = n).",
        "A target of weight 0, or a slice [-0:] that is everything or nothing.",
    ),
    **NOTES,
}


def _few(rng: np.random.Generator, **options: Any) -> Iterator[Case]:
    for case in generate(rng):
        if case.inputs["x"].shape[-1] > 1 and "descending" not in case.params:
            params = {**case.params, **options}
            yield Case(case.name, case.inputs, params, case.kind, case.flags, "", case.checks)


def _topk_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _few(rng, k=2)
    yield Case("k-is-n", {"x": rng.normal(size=(2, 3))}, {"k": 3}, flags=("k-is-n",))


def _quantile_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _few(rng, q=0.3)
    for q in (0.0, 0.5, 1.0):
        yield Case(f"q{q}", {"x": rng.normal(size=(2, 5))}, {"q": q}, clause="linear in between")
    yield Case("n1", {"x": np.array([[2.5]])}, {"q": 0.3}, kind="edge", flags=("size-one",))


def _largest(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"].astype(np.float64)
    found = run({"x": x}, {**params, "softness": 1e-7, "standardize": True})["largest"]
    right = np.sort(x, axis=-1)[..., ::-1][..., : params["k"]]
    return None if np.allclose(found, right, atol=1e-3) else "softness 1e-7: not the k largest"


def _product(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x, found = inputs["x"], run(inputs, params)
    P = found["P"]
    if np.min(P, initial=0.0) < 0 or not close(P.sum(-2), np.ones((*P.shape[:-2], P.shape[-1]))):
        return "a column of P is not a distribution"
    same = close(found["largest"], np.sum(x[..., :, None] * P, axis=-2))
    return None if same else "the values are not x @ P"


def _between(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x, found = inputs["x"], run(inputs, params)["quantile"]
    slack = 64 * np.finfo(found.dtype).eps * np.max(np.abs(x), initial=1.0)
    low, high = np.min(x, axis=-1) - slack, np.max(x, axis=-1) + slack
    inside = np.all((found >= low) & (found <= high))
    return None if inside else "it is not between the smallest and the largest value"


def _quantile(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"].astype(np.float64)
    found = run({"x": x}, {**params, "softness": 1e-7, "standardize": True})["quantile"]
    right = np.quantile(x, params["q"], axis=-1) if x.size else found
    return None if np.allclose(found, right, atol=1e-3) else "softness 1e-7: not the quantile"


@specification(
    name="sorting.simplex_topk",
    source="softtorch 0.1.1, topk",
    inputs=("x",),
    outputs=("largest", "P"),
    cases=_topk_cases,
    invariants=(
        Invariant("limit", "for softness -> 0 the k largest", _largest, when=distinct),
        Invariant("product", "the values are x @ P, whose columns are distributions", _product),
        shifted("largest", moves=True),
    ),
    kinks="as for sorting.simplex_argsort",
    notes=SELECTION_NOTES,
)
def simplex_topk(x: Array, *, k: int, **options: Any) -> tuple[Array, Array]:
    """The k largest values, the largest first: (..., n) -> (..., k), and the columns of P.

    The first k positions of `simplex_argsort` in descending order, whose options are the same
    here: values = x @ P with P (..., n, k). The gradient is the derivative.

    Raises ValueError for k < 1 or k > n, and as `simplex_argsort` does.

    >>> simplex_topk([3.0, 1.0, 2.0, 0.0], k=2, softness=0.01)[0].round(4)
    array([3., 2.])
    """
    x = float_array(x, "x", min_ndim=1)
    if whole(k, "k", minimum=1) > x.shape[-1]:
        raise ValueError(f"k: expected at most the {x.shape[-1]} values, got {k}")
    P = simplex_argsort(x, descending=True, **options)[..., :k]
    return array_namespace(x).matmul(x[..., None, :], P)[..., 0, :], P


@specification(
    name="sorting.simplex_quantile",
    source="softtorch 0.1.1, quantile and median",
    inputs=("x",),
    outputs=("quantile",),
    cases=_quantile_cases,
    invariants=(
        Invariant("limit", "for softness -> 0 the quantile", _quantile, when=distinct),
        Invariant("range", "between the smallest and the largest value", _between),
        shifted("quantile", moves=True),
    ),
    kinks="as for sorting.simplex_argsort",
    notes=SELECTION_NOTES,
)
def simplex_quantile(x: Array, *, q: float = 0.5, **options: Any) -> Array:
    """A soft quantile, with linear interpolation; q = 1/2 is the soft median: (..., n) -> (...).

    With p = q (n - 1), the soft sorted values at the positions below and above p, mixed by its
    fraction; `numpy.quantile(x, q)` is the limit for softness -> 0. Options as for
    `simplex_argsort` (without `descending`). The gradient is the derivative.

    Raises ValueError for q outside of [0, 1], and as `simplex_argsort` does.

    >>> float(simplex_quantile([3.0, 1.0, 2.0, 0.0], q=0.5, softness=0.01).round(4))
    1.5
    """
    x = float_array(x, "x", min_ndim=1)
    P = simplex_argsort(x, descending=False, **options)
    place = in_range(q, "q", 0.0, 1.0) * (x.shape[-1] - 1)
    low, high = math.floor(place), math.ceil(place)
    weights = (1 - (place - low)) * P[..., low] + (place - low) * P[..., high]
    return array_namespace(x).sum(x * weights, axis=-1)
