"""Projections onto the probability simplex: softmax, sparsemax, and smoother kinds in between.

The distribution y that is largest in <x, y> less softness times a convex regulariser R(y). With
v = x / softness:

    mode      R(y)                       y                                    as a function of x
    smooth    sum y log y                softmax(v)                           smooth, never zero
    c0        1/2 sum y^2                max(v - theta, 0)                    continuous
    c1        2/3 sum y^(3/2)            max(v - theta, 0)^2                  C1
    c2        3/4 sum y^(4/3)            max(v - theta, 0)^3                  C2

theta is the number for which y sums to one. c0 is the Euclidean projection (sparsemax); all but
"smooth" give exact zeros.

Source: Martins and Astudillo 2016, "From Softmax to Sparsemax", for c0; Blondel et al. 2020,
"Learning with Fenchel-Young Losses", for the others (Tsallis entropies up to scale); the names of
the modes are those of softtorch 0.1.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, relu, softmax, stop_gradient
from ..autograd import sort as sort_along
from ..promises import close
from ..spec import BATCHES, CHECKS, Arrays, Case, Invariant, Run, specification
from ..validation import choose, float_array, positive

POWERS = {"c0": 1, "c1": 2, "c2": 3}
MODES = ("smooth", *POWERS)
STEPS = 30  # Newton's; enough for a million equal values


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for mode in MODES:
        for softness in (0.3, 1.0, 3.0):
            x = {"x": rng.normal(size=(2, 5))}
            params = {"mode": mode, "softness": softness}
            yield Case(f"{mode}-{softness}", x, params, clause="y = max(v - theta, 0)^p, sum 1")
        one = {"x": np.array([[2.5]])}
        yield Case(f"{mode}-n1", one, {"mode": mode}, kind="edge", flags=("size-one",))
        tied = {"x": np.array([1.0, 0.0, 1.0, 1.0])}
        yield Case(f"{mode}-ties", tied, {"mode": mode}, kind="edge", flags=("ties",))
        far = {"x": np.array([300.0, -1e6, 299.99])}
        yield Case(f"{mode}-far", far, {"mode": mode}, kind="edge", flags=("saturated",))
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        params = {"mode": "c0", "softness": 1.0}
        yield Case(name, {"x": rng.normal(size=(*batch, 4))}, params, kind=kind, flags=(name,))
    border = {"x": np.array([1.0, 0.0])}
    clause = "an entry that just becomes zero"
    for mode in POWERS:
        params = {"mode": mode, "softness": 1.0}
        kind, checks = ("kink", CHECKS) if mode == "c0" else ("edge", CHECKS[:3])
        flags = ("saturated",)
        yield Case(f"{mode}-border", border, params, kind, flags, clause, checks)


def _distribution(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    y = run(inputs, params)["y"]
    good = np.min(y, initial=0.0) >= 0 and close(y.sum(-1), np.ones(y.shape[:-1]))
    return None if good else "not a distribution"


def _same_order(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    order = np.argsort(inputs["x"], axis=-1, kind="stable")
    y = np.take_along_axis(run(inputs, params)["y"], order, axis=-1)
    rises = np.min(np.diff(y, axis=-1), initial=0.0) >= -16 * np.finfo(y.dtype).eps
    return None if rises else "the order is not kept"


def _shift(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    moved = run({"x": inputs["x"] + 2.0}, params)["y"]
    scale = (2 + np.max(np.abs(inputs["x"]), initial=0.0)) / params.get("softness", 0.1)
    same = close(moved, run(inputs, params)["y"], scale=scale)
    return None if same else "a constant added to x changes y"


def _scale(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    twice = {**params, "softness": 2 * params.get("softness", 0.1)}
    same = close(run({"x": 2 * inputs["x"]}, twice)["y"], run(inputs, params)["y"])
    return None if same else "2 x at twice the softness has another y"


def _limit(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"]
    y = run(inputs, {**params, "softness": 1e-7})["y"]
    largest = x == np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    others = y[~largest]
    return None if close(others, np.zeros_like(others)) else "softness 1e-7: not the largest"


def _equal(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    y = run({"x": 0 * inputs["x"]}, params)["y"]
    same = close(y, np.full_like(y, 1 / y.shape[-1]))
    return None if same else "equal entries do not have equal weights"


@specification(
    name="sorting.simplex_projection",
    source="Martins and Astudillo 2016, equation 2; softtorch 0.1.1, projections_simplex",
    inputs=("x",),
    outputs=("y",),
    cases=_cases,
    invariants=(
        Invariant("distribution", "y >= 0 with sum 1", _distribution),
        Invariant("order", "larger x, larger y", _same_order),
        Invariant("shift", "only differences count", _shift),
        Invariant("scale", "2 x at twice the softness has the same y", _scale),
        Invariant("limit", "for softness -> 0 only the largest x has weight", _limit),
        Invariant("equal", "equal entries have the weight 1/n each", _equal),
    ),
    kinks="c0: where an entry becomes zero; there it is taken as zero already. Second derivatives "
    "jump there for c1",
)
def simplex_projection(x: Array, *, mode: str = "smooth", softness: float = 0.1) -> Array:
    """The distribution over the last axis that x favours: a soft, possibly sparse, argmax.

        y_i = max(x_i / softness - theta, 0)^p,  theta such that sum y = 1;  p = 1, 2, 3

    x         (..., n), n >= 1
    mode      "c0", "c1", "c2" for p = 1, 2, 3, which are that many times differentiable;
              "smooth" is softmax(x / softness)
    softness  > 0. For softness -> 0 all weight is on the largest entry; for growing softness every
              weight becomes 1 / n
    returns   (..., n), y >= 0 with sum 1

    Equal entries have equal weights, a constant added to x changes nothing. The gradient is the
    derivative; with S the entries that are not zero and w_i = p y_i^((p-1)/p), the Jacobian is
    (diag(w) - w w^T / sum w) / softness on S. NaN or infinity in a sample makes it NaN.

    Raises ValueError for n = 0, an unknown mode, softness <= 0.

    >>> x = np.array([1.0, 0.9, 0.5, 0.0])
    >>> for mode in ("smooth", "c0", "c1", "c2"):
    ...     print(simplex_projection(x, mode=mode, softness=0.5).round(3))
    [0.431 0.353 0.158 0.058]
    [0.6 0.4 0.  0. ]
    [0.64 0.36 0.   0.  ]
    [0.684 0.316 0.    0.   ]
    """
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one entry, got shape {tuple(x.shape)}")
    mode, v = choose(mode, MODES, "mode"), x / positive(softness, "softness")
    return project(v, mode)


def project(v: Array, mode: str) -> Array:
    """The projection of v = x / softness, along the last axis."""
    if mode == "smooth":
        return softmax(v, axis=-1)
    p = POWERS[mode]
    xp = array_namespace(v)
    v = v - stop_gradient(xp.max(v, axis=-1, keepdims=True))
    theta = _threshold(stop_gradient(v), p)
    for _ in range(1 if p == 1 else 2):  # derivatives flow through these steps (implicitly exact)
        theta = _newton(theta, v, p)
    return relu(v - theta) ** p


def _threshold(v: Array, p: int) -> Array:
    """theta, (..., 1), of a plain array v whose largest entry is 0."""
    xp = array_namespace(v)
    if p > 1:  # from the left a convex falling function takes Newton's steps without overshooting
        theta = xp.full_like(v[..., :1], -1.0)
        for _ in range(STEPS):
            theta = _newton(theta, v, p)
        return theta
    falling = sort_along(v, axis=-1, descending=True)
    counts = xp.cumulative_sum(xp.ones_like(v), axis=-1)
    thetas = (xp.cumulative_sum(falling, axis=-1) - 1) / counts  # if the first 1, 2, ... stay
    return xp.max(thetas, axis=-1, keepdims=True)


def _newton(theta: Array, v: Array, p: int) -> Array:
    """theta after a Newton step on sum max(v - theta, 0)^p = 1."""
    xp = array_namespace(v)
    above = relu(v - theta)
    if p == 1:
        slope = xp.where(v > theta, xp.ones_like(v), xp.zeros_like(v))
    else:
        slope = p * above ** (p - 1)
    excess = xp.sum(above**p, axis=-1, keepdims=True) - 1
    return excess / xp.sum(slope, axis=-1, keepdims=True) + theta
