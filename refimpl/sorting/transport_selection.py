"""The largest values and quantiles by optimal transport onto a few targets.

A target of weight k/n takes in k values, so a few unequal weights are enough to single some out:

    the k largest, sorted    weights (n-k)/n, 1/n, ..., 1/n, of which the first is dropped
    which are the k largest  weights (n-k)/n, k/n: the share of each value that goes to the second
    a quantile               weights before, w, behind: the mean of what the middle one takes in

Source: Cuturi, Teboul and Vert 2019, "Differentiable Ranks and Sorting using Optimal Transport";
Xie et al. 2020, "Differentiable Top-k with Optimal Transport", for the mask; ott-jax 0.6.0
(`ott.tools.soft_sort`) for the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..promises import close
from ..spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from ..validation import in_range, positive, whole
from .optimal_transport import KINKS, affine, transport_permutation, values_of

NOTES = {
    "k-is-n": Note(
        "degenerate size",
        "All values are selected (k = n).",
        "A target of weight 0, or a slice [-0:] that is everything or nothing.",
    ),
}


def _cases(rng: np.random.Generator, **options: Any) -> Iterator[Case]:
    for n, eps in ((3, 0.1), (6, 0.03)):
        places = rng.permuted(np.tile(np.arange(float(n)), (2, 1)), axis=-1)
        inputs = {"x": places + rng.uniform(-0.2, 0.2, places.shape)}
        yield Case(f"n{n}-eps{eps}", inputs, {"epsilon": eps, **options})
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        x = {"x": rng.normal(size=(*batch, 4))}
        yield Case(name, x, {"epsilon": 0.1, **options}, kind=kind, flags=(name,))
    tied = {"x": np.array([1.0, 0.0, 1.0, 2.0])}
    yield Case("ties", tied, {"epsilon": 0.1, **options}, kind="edge", flags=("ties",))
    unit = {"x": rng.uniform(size=(2, 5))}
    yield Case("unsquashed", unit, {"epsilon": 0.1, "squash": False, **options})


def _k_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _cases(rng, k=2)
    all_of_them = {"x": rng.normal(size=(2, 3))}
    yield Case("k-is-n", all_of_them, {"k": 3, "epsilon": 0.1}, kind="edge", flags=("k-is-n",))
    yield Case("n1", {"x": np.array([[2.5]])}, {"k": 1}, kind="edge", flags=("size-one",))


def _q_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _cases(rng, q=0.5)
    x = {"x": rng.normal(size=(2, 5))}
    for q, width in ((0.25, None), (0.8, 0.3), (0.0, None), (1.0, 0.5), (0.4, 1.0)):
        params = {"q": q, "epsilon": 0.1} | ({} if width is None else {"width": width})
        yield Case(f"q{q}-width{width}", x, params, clause="the mean of a share w around q")
    yield Case("n1", {"x": np.array([[2.5]])}, {"q": 0.3}, kind="edge", flags=("size-one",))


def _hard(run: Run, inputs: Arrays, params: Mapping[str, Any], name: str) -> tuple:
    x = inputs["x"].astype(np.float64)
    found = run({"x": x}, {**params, "epsilon": 1e-6, "squash": True})[name]
    return x, np.sort(x, axis=-1), found


def _finds_largest(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    _, ordered, found = _hard(run, inputs, params, "largest")
    right = ordered[..., ordered.shape[-1] - params["k"] :]
    return None if np.allclose(found, right, atol=1e-2) else "eps 1e-6: not the k largest"


def _marks_largest(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x, ordered, found = _hard(run, inputs, params, "mask")
    right = x >= ordered[..., [-params["k"]]]
    return None if np.allclose(found, right, atol=1e-2) else "eps 1e-6: not the k largest"


def _counts(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    mask = run(inputs, params)["mask"]
    slack = 1e4 * np.finfo(mask.dtype).eps
    if np.min(mask, initial=0.0) < 0 or np.max(mask, initial=0.0) > 1 + slack:
        return "an entry is not between 0 and 1"
    same = close(mask.sum(-1), np.full(mask.shape[:-1], params["k"]), scale=10)
    return None if same else "the sum is not k"


def _is_quantile(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    _, ordered, found = _hard(run, inputs, params, "quantile")
    low, high = _interval(params["q"], params.get("width"), ordered.shape[-1])
    n = ordered.shape[-1]
    shares = np.clip(np.minimum(high * n, np.arange(1, n + 1)) - np.maximum(low * n, np.arange(n)),
                     0, None)  # fmt: skip
    right = ordered @ (shares / shares.sum())
    return None if np.allclose(found, right, atol=1e-2) else "eps 1e-6: not the mean around q"


def _distinct(case: Case) -> bool:
    return "ties" not in case.flags


@specification(
    name="sorting.transport_topk",
    source="Cuturi, Teboul and Vert 2019; ott-jax 0.6.0, soft_sort.sort(topk=k)",
    inputs=("x",),
    outputs=("largest",),
    cases=_k_cases,
    invariants=(
        Invariant("limit", "for eps -> 0 the k largest", _finds_largest, _distinct),
        affine("largest", moves=True),
    ),
    kinks=KINKS,
    notes=NOTES,
)
def transport_topk(x: Array, *, k: int, epsilon: float = 1e-2, squash: bool = True) -> Array:
    """The k largest values, ascending, as soft means: (..., n) -> (..., k).

    k from 1 to n; x, epsilon, squash as for `transport_permutation`, with targets of the weights
    (n-k)/n, 1/n, ..., 1/n. For k = n these are the values of `transport_sort`. Every result is a
    mean of x. The gradient is the derivative.

    Raises ValueError for k out of range.

    >>> transport_topk([3.0, 1.0, 2.0, 0.0], k=2, epsilon=1e-3).round(3)
    array([2., 3.])
    """
    x = values_of(x)
    k, n = _k(k, x), x.shape[-1]
    weights = [1.0] * n if k == n else [float(n - k)] + [1.0] * k
    P = transport_permutation(x, weights=weights, epsilon=epsilon, squash=squash)
    return array_namespace(x).matmul(x[..., None, :], P[..., len(weights) - k :])[..., 0, :]


@specification(
    name="sorting.transport_topk_mask",
    source="Xie et al. 2020; ott-jax 0.6.0, soft_sort.topk_mask",
    inputs=("x",),
    outputs=("mask",),
    cases=_k_cases,
    invariants=(
        Invariant("limit", "for eps -> 0 ones for the k largest", _marks_largest, when=_distinct),
        Invariant("count", "between 0 and 1, with the sum k", _counts),
        affine("mask", moves=False),
    ),
    kinks=KINKS,
    notes=NOTES,
)
def transport_topk_mask(x: Array, *, k: int, epsilon: float = 1e-2, squash: bool = True) -> Array:
    """To what degree each value is one of the k largest: (..., n) -> (..., n), from 0 to 1.

    The share of a value that goes to the second of two targets, of the weights (n-k)/n and k/n. It
    sums to k. k from 1 to n (k = n: all ones); x, epsilon, squash as for `transport_permutation`.
    The gradient is the derivative.

    Raises ValueError for k out of range.

    >>> transport_topk_mask([3.0, 1.0, 2.0, 0.0], k=2, epsilon=0.1).round(3)
    array([0.997, 0.1  , 0.9  , 0.003])
    """
    x = values_of(x)
    k, n = _k(k, x), x.shape[-1]
    if k == n:
        return 1.0 + 0.0 * x
    P = transport_permutation(x, weights=[n - k, k], epsilon=epsilon, squash=squash)
    return P[..., 1] * k


@specification(
    name="sorting.transport_quantile",
    source="Cuturi, Teboul and Vert 2019, on soft quantiles",
    inputs=("x",),
    outputs=("quantile",),
    cases=_q_cases,
    invariants=(
        Invariant("limit", "for eps -> 0 a mean around q", _is_quantile, when=_distinct),
        affine("quantile", moves=True),
    ),
    kinks=KINKS,
)
def transport_quantile(
    x: Array,
    *,
    q: float = 0.5,
    width: float | None = None,
    epsilon: float = 1e-2,
    squash: bool = True,
) -> Array:
    """A soft quantile: the mean of the share `width` of the values around the quantile q.

    x, epsilon, squash as for `transport_permutation`; (..., n) -> (...). The targets have the
    weights q - w/2, w and 1 - q - w/2; near 0 and 1 the interval is moved inside. `width` is w,
    above 0 and at most 1; 1/n by default, for which the limit eps -> 0 interpolates linearly
    between the sorted values, placed at (k - 1/2)/n (`numpy.quantile` with method="hazen"); q = 1/2
    is the median. The gradient is the derivative.

    Raises ValueError for q outside of [0, 1] and a width outside of (0, 1].

    >>> float(transport_quantile([3.0, 1.0, 2.0, 0.0, 10.0], q=0.5, epsilon=1e-4).round(4))
    2.0
    """
    x = values_of(x)
    low, high = _interval(q, width, x.shape[-1])
    weights = [weight for weight in (low, high - low, 1.0 - high) if weight > 1e-12]
    P = transport_permutation(x, weights=weights, epsilon=epsilon, squash=squash)
    return array_namespace(x).sum(x * P[..., 0 if low <= 1e-12 else 1], axis=-1)


def _interval(q: float, width: float | None, n: int) -> tuple[float, float]:
    q, w = in_range(q, "q", 0.0, 1.0), 1.0 / n if width is None else positive(width, "width")
    w = in_range(w, "width", 0.0, 1.0)
    low = min(max(q - w / 2, 0.0), 1.0 - w)
    return low, low + w


def _k(k: int, x: Array) -> int:
    k, n = whole(k, "k", minimum=1), x.shape[-1]
    if k > n:
        raise ValueError(f"k: expected at most the {n} values, got {k}")
    return k
