"""Isotonic regression with falling values: the least squares, and the Kullback-Leibler problem.

    l2:  min over v_1 >= ... >= v_n of  1/2 |v - (s - w)|^2
    kl:  min over v_1 >= ... >= v_n of  sum_i exp(s_i - v_i) + sum_i exp(w_i) v_i

The solution is constant on blocks B of neighbours, with the value mean(s_B) - mean(w_B), or
LSE(s_B) - LSE(w_B) for KL. `by_min_max` is the definition as a formula; `isotonic_regression` finds
the same blocks in linear time. The derivative follows from the block values, because the blocks
change only at kinks.

Source: Blondel et al. 2020, "Fast Differentiable Sorting and Ranking", section 5 and proposition 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    constant,
    indices_like,
    plain,
    to_numpy,
)
from ..autograd.libraries import library_of
from ..promises import close
from ..spec import BATCHES, Case, Invariant, Note, specification
from ..validation import choose, float_array
from .blocks import (
    Blocks,
    block_logsumexp,
    block_mean,
    blocks_from_marks,
    blocks_from_starts,
    scan,
)
from .pooling import kl_starts, l2_starts

REGULARIZATIONS = ("l2", "kl")


def by_min_max(s: Array, w: Array, regularization: str = "l2") -> Array:
    """The definition, as a formula that needs no search; O(n^2) memory and O(n^2 log n) time.

        v_i = min over j <= i, max over k >= i, of value(j..k)

    with the value of the block j..k as in `isotonic_regression`, whose arguments these are.

    >>> by_min_max(np.array([1.0, 3.0, 0.0]), np.zeros(3))
    array([2., 2., 0.])
    """
    xp = array_namespace(s, w)
    s, w = xp.broadcast_arrays(s, w)
    n = s.shape[-1]
    j, k = indices_like(n, s)[:, None], indices_like(n, s)[None, :]
    inside = k >= j
    if regularization == "l2":
        y = xp.where(inside, (s - w)[..., None, :], constant(0.0, like=s))
        total = scan(lambda a, b: (a[0] + b[0],), y)[0]  # of the block j..k
        length = xp.astype(xp.where(inside, k - j + 1, 1), s.dtype)
        value = total / length
    else:
        empty = constant(-math.inf, like=s)
        parts = [xp.where(inside, x[..., None, :], empty) for x in (s, w)]
        value = _logaddexp_scan(parts[0]) - xp.where(inside, _logaddexp_scan(parts[1]), 0.0)
    value = xp.where(inside, value, constant(-math.inf, like=s))
    best_end = xp.flip(_scan_of(xp.maximum, xp.flip(value, axis=-1)), axis=-1)  # over k >= i
    best_end = xp.where(inside, best_end, constant(math.inf, like=s))
    return xp.min(best_end, axis=-2)


def _scan_of(operation: Any, x: Array) -> Array:
    return scan(lambda a, b: (operation(a[0], b[0]),), x)[0]


def _logaddexp_scan(x: Array) -> Array:
    return _scan_of(array_namespace(x).logaddexp, x)


def find_blocks(s: Array, w: Array, regularization: str) -> Blocks:
    """The blocks of the solution, for plain or traced arrays s and w of the same shape."""
    s, w = _detached(s), _detached(w)
    if math.prod(s.shape) == 0:
        return blocks_from_starts(np.zeros(0, dtype=np.int64), s)
    first, second = _on_host(s), _on_host(w)
    if first is None or second is None:
        return _blocks_without_values(s, w, regularization)
    with np.errstate(all="ignore"):
        if regularization == "l2":
            starts = l2_starts(first - second)
        else:
            starts = kl_starts(first, second)
    return blocks_from_starts(starts, s)


def _detached(x: Array) -> Array:
    x = plain(x)
    return library_of(x).detach(x)


def _on_host(x: Array) -> np.ndarray | None:
    """(rows, n) in float64 on the host; None inside jit and vmap, where there are no values."""
    try:
        return np.asarray(to_numpy(x), dtype=np.float64).reshape(-1, x.shape[-1])
    except (TypeError, RuntimeError):
        if library_of(x).name not in ("jax", "torch"):
            raise
        return None


def _blocks_without_values(s: Array, w: Array, regularization: str) -> Blocks:
    xp = array_namespace(s)
    v = by_min_max(s, w, regularization)
    largest = xp.max(xp.abs(s) + xp.abs(w), axis=-1, keepdims=True)
    same = v[..., :-1] - v[..., 1:] <= 16 * xp.finfo(v.dtype).eps * largest  # but for rounding
    return blocks_from_marks(xp.concat([xp.ones_like(v[..., :1], dtype=xp.bool), ~same], axis=-1))


def block_values(s: Array, w: Array, blocks: Blocks, regularization: str) -> Array:
    """The value of the block of every element: what the solution is, given its blocks."""
    if regularization == "l2":
        return block_mean(s - w, blocks=blocks)
    return block_logsumexp(s, blocks=blocks) - block_logsumexp(w, blocks=blocks)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for regularization in REGULARIZATIONS:
        options = {"regularization": regularization}
        for name, batch in BATCHES.items():
            inputs = {"s": rng.normal(size=(*batch, 6)), "w": rng.normal(size=(*batch, 6))}
            yield Case(f"{name}-{regularization}", inputs, options, flags=(name,))
        for n in (1, 2, 17):
            falling = -np.sort(-rng.normal(size=(2, n)) * 5, axis=-1)
            inputs = {"s": rng.normal(size=(2, n)), "w": falling}
            kind = "edge" if n == 1 else "smooth"
            flags = ("size-one",) if n == 1 else ()
            yield Case(f"n{n}-{regularization}", inputs, options, kind=kind, flags=flags)
        inputs = {"s": np.arange(7.0) / 10, "w": -np.arange(7.0)}
        yield Case(f"one-block-{regularization}", inputs, options, clause="everything pooled")
        inputs = {"s": np.array([1.0, 1.0, 0.0]), "w": np.zeros(3)}
        clause = "blocks of equal values may be pooled or not"
        yield Case(f"equal-{regularization}", inputs, options, "kink", ("ties",), clause)
    inputs = {"s": np.array([900.0, 2000.0, -3000.0, 1e4]), "w": np.array([800.0, 0.0, -1e4, 1.0])}
    yield Case("large-kl", inputs, {"regularization": "kl"}, flags=("overflow",))


def _falls(run: Any, inputs: Any, params: Any) -> str | None:
    v = run(inputs, params)["v"]
    slack = 16 * np.finfo(v.dtype).eps * np.max(np.abs(v), initial=1.0)
    return "v rises somewhere" if np.any(np.diff(v, axis=-1) > slack) else None


def _keeps_sum(run: Any, inputs: Any, params: Any) -> str | None:
    v, total = run(inputs, params)["v"], np.sum(inputs["s"] - inputs["w"], axis=-1)
    kept = close(np.sum(v, axis=-1), total, scale=np.max(np.abs(v), initial=1.0))
    return None if kept else "sum v is not sum (s - w)"


def _keeps_exp(run: Any, inputs: Any, params: Any) -> str | None:
    """sum exp(w + v) = sum exp(s), as logarithms."""
    v = run(inputs, params)["v"]
    found, wanted = (np.logaddexp.reduce(a, axis=-1) for a in (inputs["w"] + v, inputs["s"]))
    kept = close(found, wanted, scale=np.max(np.abs(inputs["s"]), initial=1.0))
    return None if kept else "sum exp(w + v) is not sum exp(s)"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["v"]
    after = run({"s": inputs["s"] + inputs["s"].dtype.type(2.5), "w": inputs["w"]}, params)["v"]
    same = close(after, before + 2.5, scale=np.max(np.abs(before), initial=1.0))
    return None if same else "v moves otherwise"


@specification(
    name="sorting.isotonic_regression",
    source="Blondel et al. 2020, section 5 and proposition 4",
    inputs=("s", "w"),
    outputs=("v",),
    cases=_cases,
    invariants=(
        Invariant("falls", "v_1 >= ... >= v_n", _falls),
        Invariant(
            "sum",
            "the residuals of l2 sum to zero",
            _keeps_sum,
            when=lambda case: case.params["regularization"] == "l2",
        ),
        Invariant(
            "sum of exp",
            "kl: sum exp(w + v) = sum exp(s)",
            _keeps_exp,
            when=lambda case: case.params["regularization"] == "kl",
        ),
        Invariant("shift", "adding c to s adds c to v", _shift),
    ),
    kinks="where neighbouring blocks have the same value; they are pooled there",
    notes={
        "overflow": Note(
            bug_type="overflow",
            description="exp of s or w without subtracting the largest of its block",
            effect="infinity or NaN in values or gradients for kl",
        )
    },
)
def isotonic_regression(s: Array, w: Array, *, regularization: str = "l2") -> Array:
    """Isotonic regression with falling values, along the last axis.

        l2: argmin 1/2 |v - (s - w)|^2,    kl: argmin sum_i exp(s_i - v_i) + sum_i exp(w_i) v_i

    over v_1 >= v_2 >= ... >= v_n. v is constant on blocks B of neighbours, of the value
    mean(s_B - w_B), or log sum exp(s_B) - log sum exp(w_B).

    s, w            (..., n), or shapes that broadcast to it; n >= 1
    regularization  "l2" or "kl"
    returns         (..., n)

    The gradient is the derivative, of every order: for l2, each element of a block receives the
    mean of the block's cotangents; for kl, the block's sum of cotangents times softmax(s_B). Blocks
    of equal value are pooled, which at these kinks is one of the one-sided derivatives. Time and
    memory are linear in n for plain arrays, whose blocks are found on the host, in float64. Inside
    jax.jit, jax.vmap and torch.func, where arrays have no values, `by_min_max` finds the blocks, in
    O(n^2) memory. NaN or infinity spoils its own row only.

    Raises ValueError for n = 0 and an unknown regularization.

    >>> isotonic_regression([1.0, 3.0, 0.0], [0.0, 0.0, 0.0])
    array([2., 2., 0.])
    """
    s, w = float_array(s, "s", min_ndim=1), float_array(w, "w", min_ndim=1)
    choose(regularization, REGULARIZATIONS, "regularization")
    xp = array_namespace(s, w)
    shape = np.broadcast_shapes(tuple(s.shape), tuple(w.shape))
    if shape[-1] == 0:
        raise ValueError(f"s: expected at least one value, got shape {tuple(s.shape)}")
    s, w = xp.broadcast_to(s, shape), xp.broadcast_to(w, shape)
    return block_values(s, w, find_blocks(s, w, regularization), regularization)
