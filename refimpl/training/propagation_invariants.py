"""What holds for propagated distributions, and for what they are used for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..promises import close, within
from ..spec import Invariant, Run
from .propagation_cases import ACTIVATIONS


def _complementary(run: Run, inputs: Any, params: Any) -> str | None:
    """P(i > j) + P(j > i) = 1."""
    p = run(inputs, params)["probability"]
    total = p + np.swapaxes(p, -1, -2)
    return None if close(total, np.ones_like(total)) else "P(i > j) + P(j > i) is not 1"


def _only_ratios_count(run: Run, inputs: Any, params: Any) -> str | None:
    """Of 2 y + 1, in Gaussian or in Cauchy noise."""
    moved = dict(inputs)
    if "mean" in inputs:
        moved |= {"mean": 2 * inputs["mean"] + 1, "covariance": 4 * inputs["covariance"]}
    else:
        moved |= {"location": 2 * inputs["location"] + 1, "gamma": 2 * inputs["gamma"]}
    before, after = run(inputs, params)["probability"], run(moved, params)["probability"]
    return None if close(after, before, scale=10) else "2 y + 1 has other probabilities"


def _rises_with_the_mean(run: Run, inputs: Any, params: Any) -> str | None:
    name = "mean" if "mean" in inputs else "location"
    first = np.eye(inputs[name].shape[-1], dtype=inputs[name].dtype)[0]
    before = run(inputs, params)["probability"]
    after = run({**inputs, name: inputs[name] + first}, params)["probability"]
    falls = np.any(after[..., 0, :] < before[..., 0, :] - 16 * np.finfo(after.dtype).eps)
    return "a larger first output is first less often" if falls else None


def _semidefinite(run: Run, inputs: Any, params: Any) -> str | None:
    """The covariance is symmetric and has no negative eigenvalue."""
    S = run(inputs, params)["covariance"]
    if not S.size:
        return None
    size = np.max(np.abs(S))
    if not close(S, np.swapaxes(S, -1, -2), scale=size):
        return "the covariance is not symmetric"
    least = np.linalg.eigvalsh(S).min()
    return None if least >= -100 * np.finfo(S.dtype).eps * size else f"negative eigenvalue {least}"


def _linear_in_scale(run: Run, inputs: Any, params: Any) -> str | None:
    """Twice the scale of the input gives twice the scale of the output."""
    once = run(inputs, params)["scale"]
    twice = run({**inputs, "scale": 2 * inputs["scale"]}, params)["scale"]
    return None if close(twice, 2 * once) else "not proportional"


def _quadratic_in_noise(run: Run, inputs: Any, params: Any) -> str | None:
    """Twice the deviation of the input: the same mean, 4 times the covariance."""
    if "std" in params:
        moved, given = inputs, {**params, "std": 2 * params["std"]}
    else:
        moved, given = {**inputs, "covariance": 4 * inputs["covariance"]}, params
    before, after = run(inputs, params), run(moved, given)
    same = close(after["mean"], before["mean"])
    same = same and close(after["covariance"], 4 * before["covariance"])
    return None if same else "twice the noise: another mean, or not 4 times the covariance"


def _linear_in_gamma(run: Run, inputs: Any, params: Any) -> str | None:
    before, after = run(inputs, params), run({**inputs, "gamma": 2 * inputs["gamma"]}, params)
    same = close(after["location"], before["location"])
    same = same and close(after["scale"], 2 * before["scale"])
    return None if same else "twice the width does not give the same location and twice the scale"


def _of_the_other_sign(run: Run, inputs: Any, params: Any) -> str | None:
    turned = {**inputs, "weight": -inputs["weight"], "bias": -inputs["bias"]}
    before, after = run(inputs, params), run(turned, params)
    same = close(after["location"], -before["location"])
    same = same and close(after["scale"], before["scale"])
    return None if same else "-W and -bias do not give the same scale around minus the location"


def _passes_phi(run: Run, inputs: Any, params: Any) -> str | None:
    name = "mean" if "mean" in inputs else "location"
    wanted = ACTIVATIONS[params["phi"]](inputs[name])
    same = close(run(inputs, params)[name], wanted)
    return None if same else f"the {name} is not phi of that of the input"


def _moments_of_both_halves(run: Run, inputs: Any, params: Any) -> str | None:
    """x = relu(x) - relu(-x) and x^2 = relu(x)^2 + relu(-x)^2."""
    mean, std = inputs["mean"], inputs["std"]
    above, below = run(inputs, params), run({**inputs, "mean": -mean}, params)
    if not close(above["mean"] - below["mean"], mean):
        return "E relu(x) - E relu(-x) is not E x"
    squares = sum(half["variance"] + half["mean"] ** 2 for half in (above, below))
    size = 1 + np.max(mean**2 + std**2, initial=0.0)
    same = close(squares, mean**2 + std**2, scale=size)
    return None if same else "E relu(x)^2 + E relu(-x)^2 is not E x^2"


def _moments_scale(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)
    after = run({name: 2 * value for name, value in inputs.items()}, params)
    same = close(after["mean"], 2 * before["mean"])
    same = same and close(after["variance"], 4 * before["variance"])
    return None if same else "of 2 x, the moments are not 2 and 4 times as large"


def _integral(run: Run, inputs: Any, params: Any) -> str | None:
    """Of the first number alone: the trapezoidal rule is exact for a Gaussian up to 1e-30."""
    if not inputs["covariance"].size:
        return None
    variance = np.reshape(inputs["covariance"], -1)[0]
    grid = np.linspace(-9, 9, 37, dtype=variance.dtype)[:, None] * np.sqrt(variance)
    given = {"targets": grid, "mean": 0 * grid, "covariance": np.full((37, 1, 1), variance)}
    total = np.sum(np.exp(-run(given, params)["loss"])) * np.sqrt(variance) / 2
    return None if close(total, 1.0) else f"the density of one number integrates to {total}"


def _even(run: Run, inputs: Any, params: Any) -> str | None:
    swapped = {**inputs, "targets": inputs["mean"], "mean": inputs["targets"]}
    before, after = run(inputs, params)["loss"], run(swapped, params)["loss"]
    return None if close(after, before) else "targets and mean may not change places"


def _change_of_variables(run: Run, inputs: Any, params: Any) -> str | None:
    """By A = I + 2 P, P a cyclic permutation: not orthogonal, not symmetric."""
    S = inputs["covariance"]
    A = np.eye(S.shape[-1], dtype=S.dtype)
    A = A + 2 * np.roll(A, 1, axis=1)
    moved = {name: inputs[name] @ A.T for name in ("targets", "mean")}
    after = run({**moved, "covariance": A @ S @ A.T}, params)["loss"]
    wanted = run(inputs, params)["loss"] + math.log(abs(np.linalg.det(A)))
    return None if close(after, wanted, scale=10) else "A y does not have log |det A| more"


LIKELIHOOD_INVARIANTS = (
    Invariant("integral", "the density of one number, exp(-loss), integrates to 1", _integral),
    Invariant("even", "targets and mean may change places", _even),
    Invariant(
        "variables",
        "for A y, of mean A mu and covariance A S A^T, log |det A| more",
        _change_of_variables,
    ),
)
PAIRWISE_INVARIANTS = (
    Invariant("complement", "P(i > j) + P(j > i) = 1", _complementary),
    Invariant("affine", "2 y + 1 has the same probabilities", _only_ratios_count),
    Invariant("rising", "P(i > j) rises with the mean of i", _rises_with_the_mean),
)
SEMIDEFINITE = Invariant("covariance", "symmetric and positive semidefinite", _semidefinite)
LINEAR = Invariant("scale", "proportional to the scale of the input", _linear_in_scale)
QUADRATIC = Invariant(
    "noise", "twice the noise gives the same mean and 4 times the covariance", _quadratic_in_noise
)
CAUCHY = Invariant("noise", "2 gamma gives the same location and twice the scale", _linear_in_gamma)
SIGN = Invariant(
    "sign", "-W and -bias give minus the location and the same scale", _of_the_other_sign
)
LOCATION = Invariant("location", "phi of that of the input", _passes_phi)
MOMENT_INVARIANTS = (
    within("mean"),
    within("variance"),
    Invariant(
        "halves",
        "E relu(x) - E relu(-x) = E x, E relu(x)^2 + E relu(-x)^2 = E x^2",
        _moments_of_both_halves,
    ),
    Invariant("scale", "2 x has twice the mean and 4 times the variance", _moments_scale),
)
