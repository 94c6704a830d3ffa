"""Cases of perturbed and black-box differentiation, with the solver given by name.

argmax   the one-hot vector of the largest entry;  argmin  of the smallest
path     the cheapest path over a grid of costs (`grid_path`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array
from ..spec import BATCHES, Case, Note
from .grid_path import shortest_path
from .smoothing_cases import FUNCTIONS, noise_of

S = 8
SOLVERS: dict[str, Callable[[Array], Array]] = {
    "argmax": FUNCTIONS["argmax"],
    "argmin": lambda w: FUNCTIONS["argmax"](-w),
    "path": shortest_path,
}
NOTES = {
    "score": Note(
        "score of the noise",
        "The score of the Gumbel law is 1 - exp(-z), not z.",
        "The estimate for Gaussian noise, whatever the noise is.",
    ),
    "baseline": Note(
        "control variate",
        "What is subtracted from the solutions in the derivative only.",
        "A smoothed value that is shifted too, or a derivative of another baseline.",
    ),
    "batched": Note(
        "batch axes",
        "Samples of a batch with their own noise.",
        "Products of one sample's noise with another's solution.",
    ),
    "clamped": Note(
        "admissible costs",
        "The moved costs would fall below those that the solver accepts.",
        "An error of the solver, or a path through negative costs.",
    ),
    "maximiser": Note(
        "sign", "The solver maximises.", "Costs moved away from the better solution."
    ),
}
CHECKS = ("values", "vjp")


def run_named(method: Callable[..., Any], solver: str, *arrays: Array, **options: Any) -> Any:
    """A method on arrays, with its solver given by name."""
    return method(SOLVERS[solver], *arrays, **options)


def perturbed_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Laws, covariates, batches."""
    clause = "(1/(S sigma)) sum_s <y_s - c_s, g> nu(Z_s)"
    for law in ("gaussian", "gumbel", "logistic"):
        for covariate in ("none", "f(x)", "loo"):
            inputs = {"theta": rng.normal(size=4), "noise": noise_of(rng, law, S, 4)}
            params = {
                "solver": "argmax", "sigma": 0.6, "distribution": law, "covariate": covariate,
            }  # fmt: skip
            flags = (("score",) if law != "gaussian" else ()) + (
                ("baseline",) if covariate != "none" else ()
            )
            name = f"{law}-{covariate}".replace("(", "").replace(")", "")
            yield Case(name, inputs, params, "smooth", flags, clause, CHECKS)
    for name, batch in BATCHES.items():
        inputs = {
            "theta": rng.normal(size=(*batch, 3)),
            "noise": noise_of(rng, "gaussian", S, *batch, 3),
        }
        params = {"solver": "argmax", "sigma": 0.5, "batch_ndim": len(batch)}
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, inputs, params, kind, (name, "batched"), clause, CHECKS)
    costs = {"theta": rng.uniform(2, 3, (3, 4)), "noise": noise_of(rng, "logistic", S, 3, 4)}
    params = {"solver": "path", "sigma": 0.2, "distribution": "logistic"}
    yield Case("path", costs, params, "smooth", ("score",), clause, CHECKS)
    one = {"theta": np.array([0.3]), "noise": noise_of(rng, "gaussian", S, 1)}
    params = {"solver": "argmax", "sigma": 0.5}
    yield Case("n1", one, params, "edge", ("size-one",), "one choice is no choice", CHECKS)

    for law in ("gaussian", "gumbel"):
        signs = rng.choice([-1.0, 1.0], 4)
        inputs = {"theta": signs * rng.uniform(0.5, 2, 4), "noise": noise_of(rng, law, S, 4)}
        params = {"solver": "argmax", "sigma": 0.6, "distribution": law, "multiplicative": True}
        scaled = "f(theta exp(sigma Z - sigma^2/2)), the derivative by sigma theta"
        yield Case(f"multiplicative-{law}", inputs, params, "smooth", ("score",), scaled, CHECKS)


def maximum_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Perturbed maxima of every batch."""
    clause = "mean of <theta + sigma Z, y(theta + sigma Z)>"
    for name, batch in BATCHES.items():
        noise = noise_of(rng, "gumbel", S, *batch, 3)
        inputs = {"theta": rng.normal(size=(*batch, 3)), "noise": noise}
        params = {"solver": "argmax", "sigma": 0.5, "batch_ndim": len(batch)}
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, inputs, params, kind, (name, "batched"), clause, CHECKS)
    one = {"theta": np.array([0.3]), "noise": noise_of(rng, "gaussian", S, 1)}
    params = {"solver": "argmax", "sigma": 0.5}
    yield Case("n1", one, params, "edge", ("size-one",), clause, CHECKS)


def fenchel_young_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Both directions and both values."""
    clause = "F(theta) - <theta, y>, with the gradient y_eps - y"
    for case in maximum_cases(rng):
        target = rng.uniform(size=case.inputs["theta"].shape)
        for solver, minimise in (("argmax", False), ("argmin", True)):
            for value in ("loss", "distance"):
                flags = case.flags + (() if minimise else ("maximiser",))
                yield Case(
                    f"{case.name}-{solver}-{value}", {**case.inputs, "target": target},
                    {**case.params, "solver": solver, "minimise": minimise, "value": value},
                    case.kind, flags, clause, CHECKS,
                )  # fmt: skip


def identity_cases(rng: np.random.Generator) -> Iterator[Case]:
    """The cases of black-box differentiation, without its lambda."""
    for case in blackbox_cases(rng):
        if case.params["solver"] != "path":
            params = {k: v for k, v in case.params.items() if k != "lambda_"}
            yield Case(case.name, case.inputs, params, case.kind, case.flags, "-g", CHECKS)


def blackbox_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Solvers, both directions, batches, costs at their least."""
    clause = "(y(w + lambda g) - y(w)) / lambda"
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        for solver, down in (("argmin", True), ("argmax", False)):
            inputs = {"weights": rng.normal(size=(*batch, 4))}
            params = {"solver": solver, "lambda_": 3.0, "minimise": down}
            flags = (name,) if down else (name, "maximiser")
            yield Case(f"{solver}-{name}", inputs, params, kind, flags, clause, CHECKS)
    for shape, lambda_ in (((3, 3), 2.0), ((2, 4, 5), 20.0)):
        inputs = {"weights": rng.uniform(0.1, 1, shape)}
        params = {"solver": "path", "lambda_": lambda_, "least": 0.0}
        clamped = "w + lambda g, no smaller than 0"
        yield Case(f"path-lambda{lambda_}", inputs, params, "smooth", ("clamped",), clamped, CHECKS)
    one = {"weights": np.array([0.3])}
    params = {"solver": "argmin", "lambda_": 1.0}
    yield Case("n1", one, params, "edge", ("size-one",), clause, CHECKS)


def implicit_cases(rng: np.random.Generator) -> Iterator[Case]:
    """I-MLE: the same with noise."""
    for case in blackbox_cases(rng):
        if case.params["solver"] != "path":
            noise = noise_of(rng, "gumbel", S, *case.inputs["weights"].shape)
            inputs = {**case.inputs, "noise": noise}
            params = {**case.params, "sigma": 0.5}
            clause = "mean of (y(w + sigma Z + lambda g) - y(w + sigma Z)) / lambda"
            yield Case(case.name, inputs, params, case.kind, case.flags, clause, CHECKS)
            params = {**params, "adaptive": True, "batch_ndim": case.inputs["weights"].ndim - 1}
            clause = "lambda = alpha |w| / |g|"
            name = f"adaptive-{case.name}"
            yield Case(name, inputs, params, case.kind, case.flags, clause, CHECKS)
