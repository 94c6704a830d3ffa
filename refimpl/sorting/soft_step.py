"""A step from 0 to 1, softened: smooth, or a polynomial that is constant outside of an interval.

With v = x / softness and t = v / 5, kept in [-1, 1]:

    smooth    1 / (1 + exp(-v))
    c0        (1 + t) / 2
    c1        1/2 + 3 t / 4 - t^3 / 4
    c2        1/2 + 15 t / 16 - 5 t^3 / 8 + 3 t^5 / 16

The number is how often it is differentiable. The interval |v| < 5 is that in which the logistic
function is not yet nearly 0 or 1. Softened signs and absolute values are built on it.

Source: softtorch 0.1.1 (`sigmoidal`); the polynomials are known as smoothstep and smootherstep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, clip, sigmoid
from ..promises import close
from ..spec import BATCHES, CHECKS, Arrays, Case, Invariant, Run, specification
from ..validation import choose, float_array, positive

MODES = ("smooth", "c0", "c1", "c2")
HALF_WIDTH = 5.0  # of the interval in which the polynomials rise, in units of the softness


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for mode in MODES:
        for softness in (0.1, 1.0):
            params = {"mode": mode, "softness": softness}
            x = softness * np.concatenate([rng.uniform(-4.5, 4.5, 7), [6.0, -7.0, 0.0]])
            yield Case(f"{mode}-{softness}", {"x": x}, params, clause="t = clip(v / 5, -1, 1)")
        far = {"x": np.array([-1e6, 1e6])}
        yield Case(f"{mode}-far", far, {"mode": mode}, kind="edge", flags=("saturated",))
        for end in (-5.0, 5.0):  # one at a time: kinks at two entries admit less than each alone
            ends, params = {"x": np.array([end])}, {"mode": mode, "softness": 1.0}
            kind = "kink" if mode == "c0" else "edge"
            checks = CHECKS[:3] if mode == "c1" else CHECKS
            name = f"{mode}-{'lower' if end < 0 else 'upper'}-end"
            yield Case(name, ends, params, kind, ("saturated",), "the ends", checks)
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        inputs = {"x": rng.uniform(-0.4, 0.4, size=(*batch, 2))}
        yield Case(name, inputs, {"mode": "c1"}, kind=kind, flags=(name,))


def _symmetric(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    total = run(inputs, params)["y"] + run({"x": -inputs["x"]}, params)["y"]
    return None if close(total, np.ones_like(total)) else "f(-x) is not 1 - f(x)"


def _scale(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    twice = {**params, "softness": 2 * params.get("softness", 0.1)}
    same = close(run({"x": 2 * inputs["x"]}, twice)["y"], run(inputs, params)["y"])
    return None if same else "2 x at twice the softness has another y"


def _rising(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    y = run({"x": np.sort(inputs["x"], axis=-1)}, params)["y"]
    inside = np.all((y >= 0) & (y <= 1))
    rises = np.min(np.diff(y, axis=-1), initial=0.0) >= -16 * np.finfo(y.dtype).eps
    return None if inside and rises else "f does not rise from 0 to 1"


@specification(
    name="sorting.soft_step",
    source="softtorch 0.1.1, sigmoidal",
    inputs=("x",),
    outputs=("y",),
    cases=_cases,
    invariants=(
        Invariant("symmetric", "f(-x) = 1 - f(x)", _symmetric),
        Invariant("rising", "f rises from 0 to 1", _rising),
        Invariant("scale", "only x/softness counts", _scale),
    ),
    kinks="c0 at |x| = 5 softness, where any slope from 0 to 1 / (10 softness) is a derivative; "
    "second derivatives of c1 jump there",
)
def soft_step(x: Array, *, mode: str = "smooth", softness: float = 0.1) -> Array:
    """The soft step of x, element by element: to what degree x is positive.

    x         any shape; the result has the same
    mode      "smooth" (logistic), "c0", "c1" or "c2" (piecewise polynomials, exactly 0 or 1 where
              |x| >= 5 softness), see the head of this file
    softness  > 0; for softness -> 0 the result is 0, 1/2 or 1

    f(-x) = 1 - f(x), f rises. The gradient is the derivative. NaN gives NaN, infinity 0 or 1.

    Raises ValueError for an unknown mode and softness <= 0.

    >>> soft_step(np.array([-0.6, -0.25, 0.0, 0.25, 0.6]), mode="c1", softness=0.1)
    array([0.     , 0.15625, 0.5    , 0.84375, 1.     ])
    """
    x = float_array(x, "x")
    mode, v = choose(mode, MODES, "mode"), x / positive(softness, "softness")
    if mode == "smooth":
        return sigmoid(v)
    t = clip(v / HALF_WIDTH, -1.0, 1.0)
    if mode == "c0":
        return (1 + t) / 2
    if mode == "c1":
        return 0.5 + t * (0.75 - t * t / 4)
    return 0.5 + t * (15 / 16 - t * t * (5 / 8 - t * t * 3 / 16))


def soft_absolute(x: Array, *, mode: str = "smooth", softness: float = 0.1) -> Array:
    """|x|, softened: x (2 f(x) - 1), f the soft step. Below |x|, and at least 0.

    >>> soft_absolute(np.array([-1.0, -0.1, 0.0]), mode="c1", softness=0.1).round(4)
    array([1.    , 0.0296, 0.    ])
    """
    x = float_array(x, "x")
    return x * (2 * soft_step(x, mode=mode, softness=softness) - 1)
