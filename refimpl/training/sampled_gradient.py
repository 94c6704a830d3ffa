"""Gradients from values alone, for whole arrays of samples, and for stochastic programs.

Source: Polyak 1987 and Nesterov and Spokoiny 2017 for the differences to f(x); Williams 1992 for
REINFORCE; as in Kreikemeyer and Andelfinger 2023 (see `discograd`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import Array
from ..promises import close
from ..spec import BATCHES, Case, Invariant, Run, specification
from ..validation import choose, positive
from .branches import Program
from .discograd import Gradient, estimate_gradient
from .smoothing import estimate
from .smoothing_cases import FUNCTIONS
from .smoothing_invariants import axis_noise, scales_like_f, slopes_of_product


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every estimator; every batch, with noise of its own and shared."""
    for estimator in ("pgo", "reinforce", "rloo"):
        for f in ("step", "product"):
            inputs = {"x": rng.normal(size=3), "noise": rng.normal(size=(8, 3))}
            params = {"f": f, "sigma": 0.7, "estimator": estimator}
            yield Case(
                f"{f}-{estimator}", inputs, params, clause="mean of (f(x + sigma u) - c) u/sigma"
            )
    for name, batch in BATCHES.items():
        for own, shape in (("own", (8, *batch, 3)), ("shared", (8, 3))):
            inputs = {"x": rng.normal(size=(*batch, 3)), "noise": rng.normal(size=shape)}
            kind = "edge" if name == "batch0" else "smooth"
            params = {"f": "product", "sigma": 0.5}
            yield Case(f"{name}-{own}", inputs, params, kind, (name,))


def _of_named_function(x: Array, noise: Array, *, f: str, **options: Any) -> tuple[Array, Array]:
    chosen = FUNCTIONS[choose(f, ("step", "product"), "f")]
    return sampled_gradient(lambda v: chosen(v)[..., 0], x, noise, **options)


def _mean(run: Run, inputs: Any, params: Any) -> str | None:
    x, noise = inputs["x"], inputs["noise"]
    middle = x.shape[:-1] if noise.ndim > 2 else (1,) * (x.ndim - 1)
    points = x + params["sigma"] * noise.reshape(noise.shape[0], *middle, x.shape[-1])
    wanted = np.mean(np.asarray(FUNCTIONS[params["f"]](points))[..., 0], axis=0)
    return None if close(run(inputs, params)["value"], wanted) else "the value is another"


def _homogeneous(run: Run, inputs: Any, params: Any) -> str | None:
    twice = {**params, "sigma": 2 * params["sigma"]}
    after = run({**inputs, "x": 2 * inputs["x"]}, twice)
    return scales_like_f(run(inputs, params), after, inputs, params)


def _order(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["gradient"]
    after = run({**inputs, "noise": inputs["noise"][::-1]}, params)["gradient"]
    return None if close(after, before) else "the samples in another order give another gradient"


def _exact(run: Run, inputs: Any, params: Any) -> str | None:
    x = inputs["x"]
    found = run({"x": x, "noise": axis_noise(x)}, {**params, "f": "product"})["gradient"]
    same = close(found, slopes_of_product(x, params.get("estimator") == "rloo"))
    return None if same else "of noise +-sqrt(n) e_k, the gradient of the product is not exact"


@specification(
    name="training.sampled_gradient",
    source="Polyak 1987; Nesterov and Spokoiny 2017; Williams 1992",
    inputs=("x", "noise"),
    differentiable=(),
    outputs=("value", "gradient"),
    cases=_cases,
    gradient="none: the gradient is an output",
    invariants=(
        Invariant("mean", "the value is the mean of f over the samples", _mean),
        Invariant(
            "homogeneous",
            "if f(2v) = 2^d f(v), at 2x and 2 sigma the value is 2^d times as large, the gradient "
            "2^(d - 1)",
            _homogeneous,
        ),
        Invariant(
            "exact",
            "S = 2n samples +-sqrt(n) e_k give the gradient of a product, with rloo S/(S - 1) of "
            "it",
            _exact,
        ),
        Invariant("order", "the samples have no order", _order),
    ),
    call=_of_named_function,
)
def sampled_gradient(
    f: Callable[[Array], Array],
    x: Array,
    noise: Array,
    *,
    sigma: float,
    estimator: str = "pgo",
) -> tuple[Array, Array]:
    """Value and gradient of the smoothed f from its values alone, for all samples at once.

    f      (S, ..., n) -> (S, ...), on arrays of any library; its branches are its own affair
    x      (..., n); noise standard normal, (S, n) or (S, ..., n); sigma > 0
    estimator  "pgo", "reinforce", "rloo", as in `estimate_gradient`
    returns    (...) and (..., n)

    These are the estimates of `smoothing` for Gaussian noise with the covariates f(x), none and
    leave-one-out.

    >>> from refimpl.autograd import Generator
    >>> u = Generator(0).normal((10000, 2))
    >>> value, g = sampled_gradient(
    ...     lambda x: x[..., 0] * x[..., 1], np.array([1.0, 2.0]), u, sigma=0.1
    ... )
    >>> g.round(0)
    array([2., 1.])
    """
    covariate = {"pgo": "f(x)", "reinforce": "none", "rloo": "loo"}
    chosen = covariate[choose(estimator, tuple(covariate), "estimator")]
    sigma = positive(sigma, "sigma")
    found = estimate(lambda v: f(v)[..., None], x, noise, sigma, covariate=chosen)
    return found.value[..., 0], found.jacobian[..., 0, :]


def replicated_gradient(
    program: Callable[[np.random.Generator], Program],
    x: np.ndarray,
    noise: np.ndarray,
    seeds: Sequence[int],
    **options: Any,
) -> Gradient:
    """The mean of `estimate_gradient` over replications of a stochastic program.

    program  random numbers -> the program that uses them. It is called anew, with the same seed,
             for every sample of a replication: common random numbers, so that samples differ by
             their inputs only.
    noise    (replications, S, n), one set of samples for each of the seeds
    options  those of `estimate_gradient`

    Raises ValueError if there are not as many sets of samples as seeds.
    """
    if len(noise) != len(seeds) or not len(seeds):
        raise ValueError(f"noise: expected {len(seeds)} >= 1 sets of samples, got {len(noise)}")

    def replication(seed: int) -> Program:
        return lambda x, branch: program(np.random.default_rng(seed))(x, branch)

    found = [
        estimate_gradient(replication(seed), x, u, **options)
        for seed, u in zip(seeds, noise, strict=True)
    ]
    gradient = sum((g.gradient for g in found[1:]), found[0].gradient) / len(found)
    return Gradient(float(np.mean([g.value for g in found])), gradient)
