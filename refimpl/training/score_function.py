"""Score-function gradients for decision-focused learning.

A model predicts a distribution over the unknown parameters of an optimisation problem. For each
instance a prediction is drawn, the problem is solved, and the decision's regret R is weighed
against the true parameters. No derivative of the solver is needed:

    grad E[R(y)] = E[R(y) grad log p_theta(y | x)]

is the gradient of the surrogate loss mean_i R_i log p(y_i | x_i) with R held constant. Unknown
parameters may sit in constraints, where recourse costs are part of the regret.

Source: Silvestri et al. 2023, "Score Function Gradient Estimation to Widen the Applicability of
Decision-Focused Learning" (arXiv 2307.05213); sfge-dfl and pydflt 0.1.1 for the conventions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, stop_gradient, vector_norm
from ..promises import close
from ..spec import BATCHES, Case, Invariant, Note, Run, specification
from ..validation import choose, float_array

STANDARDISATIONS = ("population", "sample", "none")


NOTES = {
    "log-variance": Note(
        "parametrisation",
        "sfge-dfl calls a parameter log_std and uses its exponential as the variance.",
        "A deviation that is the root of the one that is meant.",
    ),
    "batch-of-one": Note(
        "degenerate size",
        "Standardising a batch of one loss: it has no deviation.",
        "NaN, as pydflt 0.1.1 gives, in place of 0.",
    ),
}


def _density_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        for scale_is in ("std", "variance"):
            inputs = {
                "y": rng.normal(size=(*batch, 3)),
                "mean": rng.normal(size=(*batch, 3)),
                "log_scale": 0.5 * rng.normal(size=3),
            }
            kind = "edge" if name == "batch0" else "smooth"
            flags = (name, "log-variance")
            yield Case(f"{name}-{scale_is}", inputs, {"scale_is": scale_is}, kind, flags)


def _integral(run: Run, inputs: Any, params: Any) -> str | None:
    """Of the first number alone: the trapezoidal rule is exact for a Gaussian up to 1e-30."""
    log_scale = np.ravel(inputs["log_scale"])[:1]
    sigma = np.exp(log_scale if params["scale_is"] == "std" else log_scale / 2)
    grid = np.linspace(-9, 9, 37, dtype=sigma.dtype)[:, None]
    given = {"y": sigma * grid, "mean": 0 * grid, "log_scale": log_scale}
    total = np.sum(np.exp(run(given, params)["log_density"])) * sigma[0] / 2
    return None if close(total, 1.0) else f"the density of one number integrates to {total}"


def _even(run: Run, inputs: Any, params: Any) -> str | None:
    mirrored = {**inputs, "y": 2 * inputs["mean"] - inputs["y"]}
    before, after = run(inputs, params)["log_density"], run(mirrored, params)["log_density"]
    return None if close(after, before) else "y and its mirror image have other densities"


def _stretched(run: Run, inputs: Any, params: Any) -> str | None:
    n, step = inputs["y"].shape[-1], math.log(2) * (1 if params["scale_is"] == "std" else 2)
    wide = {"y": 2 * inputs["y"], "mean": 2 * inputs["mean"], "log_scale": inputs["log_scale"]}
    wide["log_scale"] = wide["log_scale"] + step
    before, after = run(inputs, params)["log_density"], run(wide, params)["log_density"]
    same = close(after, before - n * math.log(2))
    return None if same else "of twice the width, it is not less by n log 2"


@specification(
    name="training.gaussian_log_density",
    source="density of the normal distribution; conventions of sfge-dfl and pydflt 0.1.1",
    inputs=("y", "mean", "log_scale"),
    outputs=("log_density",),
    cases=_density_cases,
    invariants=(
        Invariant("integral", "the density of one number integrates to 1", _integral),
        Invariant("even", "y and 2 mean - y have the same density", _even),
        Invariant("width", "2y, 2 mean and 2 sigma: the logarithm falls by n log 2", _stretched),
    ),
    notes=NOTES,
)
def gaussian_log_density(
    y: Array, mean: Array, log_scale: Array, *, scale_is: str = "std"
) -> Array:
    """log N(y; mean, diag(sigma^2)), (...,).

    y, mean   (..., n); log_scale (..., n) or (n,)
    scale_is  "std": sigma = exp(log_scale); "variance": sigma^2 = exp(log_scale), which is what
              sfge-dfl computes although it calls the parameter log_std

    >>> import numpy as np
    >>> float(gaussian_log_density(np.zeros(2), np.zeros(2), np.zeros(2)).round(6))
    -1.837877
    """
    choose(scale_is, ("std", "variance"), "scale_is")
    y, mean = float_array(y, "y", min_ndim=1), float_array(mean, "mean", min_ndim=1)
    log_scale = float_array(log_scale, "log_scale")
    xp = array_namespace(y, mean, log_scale)
    log_std = log_scale if scale_is == "std" else 0.5 * log_scale
    z = (y - mean) * xp.exp(-log_std)
    return -xp.sum(0.5 * z * z + log_std + 0.5 * math.log(2 * math.pi), axis=-1)


def _loss_cases(rng: np.random.Generator) -> Iterator[Case]:
    for kind in STANDARDISATIONS:
        for shape in ((6,), (2, 5), (2, 1, 3)):
            name = "x".join(map(str, shape))
            yield Case(f"{kind}-{name}", {"losses": rng.exponential(size=shape)}, {"kind": kind})
        single = {"losses": rng.exponential(size=1)}
        given: dict[str, Any] = {"params": {"kind": kind}, "checks": ("values",)}
        yield Case(f"{kind}-one", single, kind="edge", flags=("batch-of-one",), **given)
        equal = {"losses": np.full(4, 2.5)}
        yield Case(f"{kind}-equal", equal, kind="edge", clause="equal losses give 0", **given)


def _affine_invariance(run: Run, inputs: Any, params: Any) -> str | None:
    """3 R + 1, of losses so large that the constants beside the deviation do not count."""
    large = 1e6 * inputs["losses"]
    before = run({"losses": large}, params)["standardised"]
    after = run({"losses": 3 * large + 1}, params)["standardised"]
    return None if close(after, before, scale=10) else f"{before} becomes {after}"


def _moments(run: Run, inputs: Any, params: Any) -> str | None:
    """Population: v/(v + 1e-8), sample: v/(std + 1e-5)^2, of losses with the variance v."""
    found, R = run(inputs, params)["standardised"], inputs["losses"]
    if not close(np.mean(found, axis=-1), np.zeros(R.shape[:-1])):
        return "the mean is not 0"
    ddof = 1 if params["kind"] == "sample" and R.shape[-1] > 1 else 0
    v = np.var(R, axis=-1, ddof=ddof)
    wanted = v / (np.sqrt(v) + 1e-5) ** 2 if params["kind"] == "sample" else v / (v + 1e-8)
    return None if close(np.var(found, axis=-1, ddof=ddof), wanted) else "the variance is not 1"


@specification(
    name="training.standardise",
    source="sfge-dfl (population) and pydflt 0.1.1 (sample)",
    inputs=("losses",),
    outputs=("standardised",),
    cases=_loss_cases,
    invariants=(
        Invariant(
            "affine",
            "invariant to scale and shift of the losses",
            _affine_invariance,
            lambda case: case.params["kind"] != "none",
        ),
        Invariant(
            "moments",
            "mean 0, and variance 1 but for the constant beside it",
            _moments,
            lambda case: case.params["kind"] != "none",
        ),
    ),
    notes=NOTES,
)
def standardise(losses: Array, kind: str = "population") -> Array:
    """Losses with mean 0 and variance 1 over the batch, the last axis.

    kind  "population": (R - mean)/sqrt(var + 1e-8), as sfge-dfl;
          "sample": (R - mean)/(std + 1e-5) with the unbiased std, as pydflt;
          "none": unchanged

    Equal losses, and a batch of one, give 0 (pydflt's unbiased std of one value is NaN). The
    gradient is the derivative, there too.

    >>> import numpy as np
    >>> standardise(np.array([1.0, 3.0])).round(6)
    array([-1.,  1.])
    """
    R = float_array(losses, "losses", min_ndim=1)
    if choose(kind, STANDARDISATIONS, "kind") == "none" or not math.prod(R.shape):
        return R
    xp = array_namespace(R)
    gap = R - xp.mean(R, axis=-1, keepdims=True)
    if kind == "population":
        return gap / xp.sqrt(xp.mean(gap * gap, axis=-1, keepdims=True) + 1e-8)
    norm = vector_norm(gap, axis=-1, keepdims=True)  # unlike a root, with a derivative at 0
    return gap / (norm / math.sqrt(max(R.shape[-1] - 1, 1)) + 1e-5)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((6,), (3, 5), (1,)):
        inputs = {"log_density": rng.normal(size=shape), "losses": rng.exponential(size=shape)}
        for kind in STANDARDISATIONS:
            name = "x".join(map(str, shape))
            yield Case(f"{name}-{kind}", inputs, {"standardisation": kind})


def _linear(run: Run, inputs: Any, params: Any) -> str | None:
    a = inputs["log_density"]
    b = a[..., ::-1] + 1
    one, other, both = (
        run({**inputs, "log_density": given}, params)["surrogate"] for given in (a, b, 2 * a + b)
    )
    return None if close(both, 2 * one + other) else "it is not linear in the log-densities"


def _with_losses(run: Run, inputs: Any, params: Any) -> str | None:
    """The gradient points where samples of large loss become more probable."""
    R = inputs["losses"]
    found = run({**inputs, "log_density": R}, params)["surrogate"]
    positive = found >= 0 if R.shape[-1] == 1 else found > 0
    return None if positive else f"for log-densities equal to the losses it is {found}"


def _baseline(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["surrogate"]
    moved = {name: array + 1 for name, array in inputs.items()}
    after = run(moved, params)["surrogate"]
    return None if close(after, before) else f"{before} becomes {after}"


@specification(
    name="training.score_function_loss",
    source="Silvestri et al. 2023; sfge-dfl and pydflt 0.1.1",
    inputs=("log_density", "losses"),
    differentiable=("log_density",),
    outputs=("surrogate",),
    cases=_cases,
    invariants=(
        Invariant("linear", "linear in the log-densities", _linear),
        Invariant("sign", "positive where the log-densities are the losses", _with_losses),
        Invariant(
            "baseline",
            "standardised, constants added to the losses or the log-densities change nothing",
            _baseline,
            lambda case: case.params["standardisation"] != "none",
        ),
    ),
    notes=NOTES,
)
def score_function_loss(
    log_density: Array, losses: Array, *, standardisation: str = "population"
) -> Array:
    """The surrogate mean_i R_i log p(y_i | x_i), whose gradient estimates that of E[R]; a scalar.

    log_density      (..., B): of the samples that were drawn, from `gaussian_log_density`
    losses           R, the same shape: regrets of the decisions, held constant
    standardisation  see `standardise`; with a leading axis of several samples per instance, each
                     sample is standardised over the batch

    The value itself means nothing. Raises ValueError if the shapes differ or the batch is empty.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> R = np.array([1.0, 3.0])
    >>> grad(lambda p: score_function_loss(p, R, standardisation="none"))(np.zeros(2))
    array([0.5, 1.5])
    """
    log_density = float_array(log_density, "log_density", min_ndim=1)
    R = float_array(losses, "losses", min_ndim=1)
    if tuple(R.shape) != tuple(log_density.shape) or not math.prod(R.shape):
        raise ValueError(
            f"log_density, losses: expected equal shapes with at least one entry, got "
            f"{tuple(log_density.shape)} and {tuple(R.shape)}"
        )
    weights = stop_gradient(standardise(R, standardisation))
    return array_namespace(log_density).mean(weights * log_density)


def regret(value: Array, best: Array, *, minimise: bool = False) -> Array:
    """How much worse a decision is than the best one: >= 0 for a correct solver.

    >>> regret(3.0, 5.0), regret(5.0, 3.0, minimise=True)
    (2.0, 2.0)
    """
    return value - best if minimise else best - value
