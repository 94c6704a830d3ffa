"""What holds for every estimate of stochastic smoothing, whatever the samples are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..promises import close
from ..spec import Invariant, Run
from .smoothing_cases import FUNCTIONS


def _values(inputs: Any, params: Any) -> np.ndarray:
    """f at x + L eps for all samples."""
    x, noise, scale = inputs["x"], inputs["noise"], inputs["scale"]
    middle = x.shape[:-1] if noise.ndim > 2 else (1,) * (x.ndim - 1)
    noise = noise.reshape(noise.shape[0], *middle, noise.shape[-1])
    moved = noise @ scale.T if np.ndim(scale) == 2 else scale * noise
    return np.asarray(FUNCTIONS[params["f"]](x + moved))


def _mean(run: Run, inputs: Any, params: Any) -> str | None:
    wanted = np.mean(_values(inputs, params), axis=0)
    return None if close(run(inputs, params)["value"], wanted) else "the value is another"


def _homogeneous(run: Run, inputs: Any, params: Any) -> str | None:
    twice = {**inputs, "x": 2 * inputs["x"], "scale": 2 * inputs["scale"]}
    return scales_like_f(run(inputs, params), run(twice, params), inputs, params)


def scales_like_f(before: Any, after: Any, inputs: Any, params: Any) -> str | None:
    """Compare results at points that are twice as far from 0, which is exact in binary numbers."""
    degree = inputs["x"].shape[-1] if params["f"] == "product" else 0
    for name, value in before.items():
        factor = 2.0 ** (degree if name == "value" else degree - 1)
        if not close(after[name], factor * value):
            return f"{name}: with f(2v) = {2**degree} f(v) it is not {factor:g} times as large"
    return None


def _number_or_matrix(run: Run, inputs: Any, params: Any) -> str | None:
    n, scale = inputs["x"].shape[-1], inputs["scale"]
    number = run(inputs, params)
    matrix = run({**inputs, "scale": scale * np.eye(n, dtype=scale.dtype)}, params)
    traces = np.trace(matrix["scale_gradient"], axis1=-2, axis2=-1)
    if not close(matrix["jacobian"], number["jacobian"]):
        return "gamma I gives another Jacobian than gamma"
    same = close(traces, number["scale_gradient"])
    return None if same else "the trace of the derivative by gamma I is not that by gamma"


def _stretched(run: Run, inputs: Any, params: Any) -> str | None:
    """The product is multiplied by the determinant of D."""
    D = np.asarray([2.0, 0.5, 4.0], dtype=inputs["x"].dtype)
    before = run(inputs, params)
    moved = {**inputs, "x": D * inputs["x"], "scale": D[:, None] * inputs["scale"]}
    after = run(moved, params)
    if not close(after["jacobian"], 4 * before["jacobian"] / D):
        return "the Jacobian at D x is not J D^-1 times det D"
    same = close(after["scale_gradient"], 4 * before["scale_gradient"] / D[:, None])
    return None if same else "the derivative by D L is not D^-1 that by L times det D"


def _exact(run: Run, inputs: Any, params: Any) -> str | None:
    x, scale = inputs["x"], inputs["scale"]
    given = {**params, "f": "product", "distribution": "gaussian"}
    found = run({"x": x, "noise": axis_noise(x), "scale": scale}, given)
    wanted = slopes_of_product(x, params.get("covariate", "loo") == "loo")
    same = close(found["jacobian"][..., 0, :], wanted)
    return None if same else "of noise +-sqrt(n) e_k, the Jacobian of the product is not exact"


def axis_noise(x: np.ndarray) -> np.ndarray:
    """+-sqrt(n) e_k: 2 n samples with the moments of the Gaussian up to the third."""
    root = math.sqrt(x.shape[-1]) * np.eye(x.shape[-1], dtype=x.dtype)
    return np.concatenate([root, -root])


def slopes_of_product(x: np.ndarray, biased: bool) -> np.ndarray:
    """The derivative of the product of all entries by each; times S/(S - 1) if `biased`."""
    n = x.shape[-1]
    others = [np.prod(np.delete(x, k, axis=-1), axis=-1) for k in range(n)]
    return np.stack(others, axis=-1) * (2 * n / (2 * n - 1) if biased else 1.0)


MEAN = Invariant("mean", "the value is the mean of f over the samples", _mean)
VALUE_INVARIANTS = (
    MEAN,
    Invariant(
        "homogeneous",
        "if f(2v) = 2^d f(v), at 2x and 2L the values are 2^d times as large",
        _homogeneous,
    ),
)
ESTIMATE_INVARIANTS = (
    MEAN,
    Invariant(
        "homogeneous",
        "if f(2v) = 2^d f(v), at 2x and 2L values are 2^d times as large, derivatives 2^(d - 1)",
        _homogeneous,
    ),
    Invariant(
        "exact",
        "S = 2n Gaussian samples +-sqrt(n) e_k give the Jacobian of a product, with loo S/(S - 1) "
        "of it",
        _exact,
        lambda case: np.ndim(case.inputs["scale"]) == 0,
    ),
    Invariant(
        "number or matrix",
        "gamma and gamma I are the same scale",
        _number_or_matrix,
        lambda case: np.ndim(case.inputs["scale"]) == 0,
    ),
    Invariant(
        "axes",
        "if f(D v) = det D f(v), at D x and D L the Jacobian is det D J D^-1",
        _stretched,
        lambda case: np.ndim(case.inputs["scale"]) == 2,
    ),
)


def _symmetric(run: Run, inputs: Any, params: Any) -> str | None:
    """covariance (..., m, m), by_x (..., m, m, n), by_scale (..., m, m) or (..., m, m, n, n)."""
    found = run(inputs, params)
    C, lead = found["covariance"], inputs["values"].ndim - 2
    if not C.size:
        return None
    for name, value in found.items():
        if not close(value, np.swapaxes(value, lead, lead + 1)):
            return f"{name} is not symmetric"
    rounding = 100 * np.finfo(C.dtype).eps * np.max(np.abs(C))
    least = np.min(np.linalg.eigvalsh(C))
    return None if least >= -rounding else f"the covariance has the eigenvalue {least:g}"


def _mixed(run: Run, inputs: Any, params: Any) -> str | None:
    """f_0 + 2 f_1, ..., f_(m-1) + 2 f_0 in place of f; the covariance forgets the constant 3."""
    v, lead = inputs["values"], inputs["values"].ndim - 2
    A = np.eye(v.shape[-1], dtype=v.dtype)
    A = A + 2 * np.roll(A, 1, axis=1)
    before, after = run(inputs, params), run({**inputs, "values": v @ A.T}, params)
    shifted = run({**inputs, "values": v @ A.T + 3}, params)
    for name, value in before.items():
        first = np.moveaxis(value, (lead, lead + 1), (-2, -1))
        wanted = np.moveaxis(A @ first @ A.T, (-2, -1), (lead, lead + 1))
        if not close(after[name], wanted, scale=10):
            return f"{name} of A f is not A C A^T"
    same = close(shifted["covariance"], after["covariance"], scale=100)
    return None if same else "the covariance of f + 3 is another"


def _unscaled(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)
    after = run({**inputs, "scale": 2 * inputs["scale"]}, params)
    halves = all(close(after[name], before[name] / 2) for name in ("by_x", "by_scale"))
    if not halves:
        return "twice the scale does not halve the derivatives"
    same = close(after["covariance"], before["covariance"])
    return None if same else "the covariance of given values depends on the scale"


def _quadrature(run: Run, inputs: Any, params: Any) -> str | None:
    """Polynomials up to degree 5 of one Gaussian number: v = x + g eps, and v^2.

    Var v = g^2, Cov(v, v^2) = 2 x g^2, Var v^2 = 4 x^2 g^2 + 2 g^4.
    """
    dtype, x, g = inputs["values"].dtype, 0.5, 0.75
    noise = math.sqrt(3) * np.asarray([[-1.0], [0.0], [0.0], [0.0], [0.0], [1.0]], dtype=dtype)
    v = x + g * noise
    scale = np.asarray(g if np.ndim(inputs["scale"]) == 0 else [[g]], dtype=dtype)
    given = {"values": np.concatenate([v, v * v], axis=-1), "noise": noise, "scale": scale}
    found = run(given, {**params, "distribution": "gaussian"})
    slopes = np.asarray([[0, 2 * g**2], [2 * g**2, 8 * x * g**2]])
    if not close(found["by_x"][..., 0], slopes):
        return "the slopes of the covariance of v and v^2 are not exact"
    by_scale = np.reshape(found["by_scale"], (2, 2))[0, 0]
    return None if close(by_scale, 2 * g) else "the slope of Var v = g^2 by g is not 2 g"


COVARIANCE_INVARIANTS = (
    Invariant("symmetric", "C, dC symmetric in i and j, and C positive semidefinite", _symmetric),
    Invariant("linear", "A f + c has A C A^T, whose derivatives are A dC A^T if c = 0", _mixed),
    Invariant("exact", "six samples give the slopes of quadratic functions exactly", _quadrature),
    Invariant("scale", "for given values, dC is inversely proportional to the scale", _unscaled),
)


def constants_have_no_slope(run: Run, inputs: Any, params: Any) -> str | None:
    """A covariate takes away constants: f and f + c have the same Jacobian."""
    found = run({**inputs, "values": np.ones_like(inputs["values"])}, params)
    return None if close(found["by_x"], 0 * found["by_x"]) else "a constant has a slope"


def medians_are_affine(run: Run, inputs: Any, params: Any) -> str | None:
    """-2 f, and -2 f + 1 where constants have no slope; with twice the width of the noise."""
    c = 1 if params["covariate"] == "loo" else 0
    before = run(inputs, params)
    moved = {**inputs, "values": c - 2 * inputs["values"]}
    after = run(moved, {**params, "gamma": 2 * params["gamma"]})
    if not close(after["value"], c - 2 * before["value"]):
        return f"the median of {c} - 2 f is not {c} - 2 times that of f"
    same = close(after["by_x"], -before["by_x"])
    return None if same else "at 2 gamma, its slope is not -2/2 times that of f"
