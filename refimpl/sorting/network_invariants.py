"""The invariants of `sorting.sorting_network`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refimpl.sorting.sigmoids import MONOTONE
from refimpl.spec import Arrays, Case, Invariant, Run

Params = Mapping[str, Any]


def _off(a: np.ndarray, b: np.ndarray, x: np.ndarray, scale: float = 1.0) -> bool:
    """Whether a and b differ by more than rounding in the dtype of x explains."""
    eps = float(np.finfo(x.dtype).eps)
    return bool(np.max(np.abs(a - b), initial=0.0) > 2000 * eps * max(scale, eps))


def _size(x: np.ndarray) -> float:
    return float(np.max(np.abs(x), initial=0.0))


def _product(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, out = inputs["x"], run(inputs, params)
    product = np.sum(x[..., :, None] * out["P"], axis=-2)
    return "sorted differs from x @ P" if _off(out["sorted"], product, x, _size(x)) else None


def _stochastic(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, P = inputs["x"], run(inputs, params)["P"]
    if np.min(P, initial=0.0) < 0:
        return f"P has a negative entry, {np.min(P):.6g}"
    for axis, name in ((-1, "row"), (-2, "column")):
        if _off(np.sum(P, axis=axis), np.ones(1), x):
            return f"a {name} of P does not sum to one"
    return None


def _sum(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, values = inputs["x"], run(inputs, params)["sorted"]
    off = _off(np.sum(x, axis=-1), np.sum(values, axis=-1), x, _size(x) * x.shape[-1])
    return "the sum of the values has changed" if off else None


def _range(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, values = inputs["x"], run(inputs, params)["sorted"]
    low, high = np.min(x, axis=-1, keepdims=True), np.max(x, axis=-1, keepdims=True)
    inside = np.clip(values, low, high)
    return "a value left [min x, max x]" if _off(values, inside, x, _size(x)) else None


def _hard_limit(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, P = inputs["x"], run(inputs, {**params, "steepness": 1e12})["P"]
    order = np.argsort(-x if params.get("descending") else x, axis=-1)
    hard = np.swapaxes(np.eye(x.shape[-1])[order], -1, -2)
    wrong = np.max(np.abs(P - hard), initial=0.0) > 1e-3
    return "at steepness 1e12, P is not the permutation matrix of the order" if wrong else None


def _flat_limit(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, flat = inputs["x"], {**params, "steepness": 0.0}
    P, other = run(inputs, flat)["P"], run({"x": -x * 3 + 1}, flat)["P"]
    return "at steepness 0, P depends on the input" if _off(P, other, x) else None


def _shift(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, before, after = inputs["x"], run(inputs, params), run({"x": inputs["x"] + 2}, params)
    slack = 1 + params["steepness"] * (_size(x) + 2)
    if _off(after["P"], before["P"], x, slack):
        return "x + 2 gives another P"
    off = _off(after["sorted"], before["sorted"] + 2, x, slack * (_size(x) + 2))
    return "x + 2 does not give sorted + 2" if off else None


def _scale(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, before = inputs["x"], run(inputs, params)
    after = run({"x": 4 * x}, {**params, "steepness": params["steepness"] / 4})
    if _off(after["P"], before["P"], x):
        return "4 x with steepness / 4 gives another P"
    off = _off(after["sorted"], 4 * before["sorted"], x, 4 * _size(x))
    return "4 x with steepness / 4 does not give 4 sorted" if off else None


def _mirror(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, P = inputs["x"], run(inputs, params)["P"]
    mirrored = run({"x": -x[..., ::-1].copy()}, params)["P"][..., ::-1, ::-1]
    slack = 1 + params["steepness"] * _size(x)
    return "P(-flip(x)) is not P(x), flipped" if _off(mirrored, P, x, slack) else None


def _monotone(run: Run, inputs: Arrays, params: Params) -> str | None:
    x, values = inputs["x"], run(inputs, params)["sorted"]
    for i in range(x.shape[-1]):
        moved = x.copy()
        moved[..., i] += 0.05
        drop = np.max(values - run({"x": moved}, params)["sorted"], initial=0.0)
        if drop > 2000 * np.finfo(x.dtype).eps * _size(x):
            return f"a larger input {i} lowers a sorted value by {drop:.6g}"
    return None


def _named(case: Case) -> bool:
    return isinstance(case.params["network"], str)


def _sorts(case: Case) -> bool:
    """Whether the hard limit is a permutation: a sorting network, and values that differ."""
    x = np.sort(case.inputs["x"], axis=-1)
    distinct = np.min(np.diff(x, axis=-1), initial=1.0) > 0.01
    return _named(case) and distinct and "published" not in case.params["network"]


def _symmetric(case: Case) -> bool:
    n, name = case.inputs["x"].shape[-1], case.params["network"]
    return not n % 2 if name == "odd_even" else _named(case) and not n & (n - 1)


def _no_art(case: Case) -> bool:
    return case.params["distribution"] != "logistic_phi"


def _is_monotone(case: Case) -> bool:
    return case.params["distribution"] in MONOTONE


def _moderate(case: Case) -> bool:
    return _size(case.inputs["x"]) < 100


INVARIANTS = (
    Invariant("sorted is x @ P", "values and P are mixed by the same alpha", _product),
    Invariant("P is doubly stochastic", "P >= 0, its rows and columns sum to one", _stochastic),
    Invariant("the sum is kept", "min + max = a + b in every swap", _sum),
    Invariant("values stay in range", "swaps are convex combinations", _range),
    Invariant("hard limit", "P is a permutation matrix as s grows", _hard_limit, _sorts),
    Invariant("flat limit", "alpha = 1/2 everywhere at s = 0", _flat_limit),
    Invariant("shift", "only differences are compared", _shift, _moderate),
    Invariant("scale", "only s d is looked at", _scale, _no_art),
    Invariant("mirror", "reversing order and wires is a symmetry", _mirror, _symmetric),
    Invariant("monotone", "d f'(d) <= f(-d): no output falls", _monotone, _is_monotone),
)
