"""Cases of stochastic smoothing: functions without derivatives, laws, scales and covariates.

step      1 where v > 0, else 0, entry by entry
argmax    the one-hot vector of the largest entry
product   the product of all entries, one output
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, one_hot, plain
from ..distributions import distribution
from ..spec import BATCHES, Case, Note

LAWS = ("gaussian", "logistic", "gumbel", "cauchy", "laplace", "triangular")
S = 8
NOTES = {
    "antithetic": Note(
        "bias of a baseline",
        "Noise in pairs [eps; -eps]. A leave-one-out mean that keeps the mirror image is biased.",
        "A Jacobian that is too large by S / (S - 1).",
    ),
    "score": Note(
        "score of the noise",
        "The score -grad log mu is not the noise itself, except for the Gaussian.",
        "The estimate for Gaussian noise, whatever the noise is.",
    ),
    "matrix-scale": Note(
        "transpose",
        "The scale is a matrix L that is not symmetric.",
        "L^-1 s in place of L^-T s, or eps L for L eps.",
    ),
}
Estimator = Callable[..., Any]


def _step(v: Array) -> Array:
    xp = array_namespace(v)
    return xp.astype(v > 0, plain(v).dtype)


def _argmax(v: Array) -> Array:
    xp = array_namespace(plain(v))
    return one_hot(xp.argmax(plain(v), axis=-1), v.shape[-1], like=plain(v))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "step": _step,
    "argmax": _argmax,
    "product": lambda v: array_namespace(v).prod(v, axis=-1, keepdims=True),
}


def noise_of(
    rng: np.random.Generator, law: str, *shape: int, antithetic: bool = False
) -> np.ndarray:
    """Samples of a law; with `antithetic`, the second half mirrors the first."""
    half = (shape[0] // 2, *shape[1:]) if antithetic else shape
    drawn = distribution(law).sample(rng.uniform(0.02, 0.98, size=half))
    return np.concatenate([drawn, -drawn]) if antithetic else drawn


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every law, covariate, scale and batch."""
    scale = np.array(0.7)
    for law in LAWS:
        for f in FUNCTIONS:
            inputs = {"x": rng.normal(size=3), "noise": noise_of(rng, law, S, 3), "scale": scale}
            params = {"f": f, "distribution": law, "covariate": "loo"}
            yield _case(f"{law}-{f}", inputs, params, ("score",))
    for covariate in ("none", "f(x)", "loo", "loo_pair"):
        noise = noise_of(rng, "logistic", S, 3, antithetic=True)
        inputs = {"x": rng.normal(size=3), "noise": noise, "scale": scale}
        params = {"f": "product", "distribution": "logistic", "covariate": covariate}
        name = covariate.replace("(", "").replace(")", "")
        yield _case(f"antithetic-{name}", inputs, params, ("antithetic",))
    L = np.array([[0.7, 0.3, 0.0], [-0.2, 0.5, 0.1], [0.0, 0.4, 0.9]])
    for law in ("gaussian", "laplace"):
        inputs = {"x": rng.normal(size=3), "noise": noise_of(rng, law, S, 3), "scale": L}
        params = {"f": "product", "distribution": law}
        yield _case(f"matrix-{law}", inputs, params, ("matrix-scale",))
    for name, batch in BATCHES.items():
        for shape in ((S, 3), (S, *batch, 3)):
            noise = noise_of(rng, "gaussian", *shape)
            inputs = {"x": rng.normal(size=(*batch, 3)), "noise": noise, "scale": scale}
            if name == "single" and len(shape) == 2:
                continue
            own = "own" if len(shape) > 2 else "shared"
            yield _case(
                f"{name}-{own}", inputs, {"f": "product"}, (name,),
                "edge" if name == "batch0" else "smooth",
            )  # fmt: skip


def _case(
    name: str, inputs: Any, params: Any, flags: tuple[str, ...], kind: str = "smooth"
) -> Case:
    clause = "J = E[(f(v) - c) (L^-T s)^T], v = x + L eps"
    return Case(name, inputs, params, kind, flags, clause, checks=("values", "vjp"))


def on_named_function(method: Estimator) -> Estimator:
    """A method of smoothing with its function given by name."""

    def run(x: Array, noise: Array, scale: Array, *, f: str, **options: Any) -> Any:
        return method(FUNCTIONS[f], x, noise, scale, **options)

    return run


def covariance_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Values (S, m) with the noise that they were found with."""
    for law in ("gaussian", "gumbel"):
        for m, n in ((2, 3), (1, 1), (3, 2)):
            L = 0.6 * np.eye(n) + 0.2 * rng.normal(size=(n, n))
            for name, scale in (("number", np.array(0.6)), ("matrix", L)):
                inputs = {
                    "values": rng.normal(size=(S, m)), "noise": noise_of(rng, law, S, n),
                    "scale": scale,
                }  # fmt: skip
                yield Case(f"{law}-m{m}-n{n}-{name}", inputs, {"distribution": law})
    noise = noise_of(rng, "gaussian", S, 2, 4)
    inputs = {"values": rng.normal(size=(S, 2, 3)), "noise": noise, "scale": np.array(0.6)}
    yield Case("batch", inputs)


def median_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Groups of k values."""
    for k in (1, 3, 5):
        for covariate in ("none", "loo"):
            noise = noise_of(rng, "cauchy", 6, k, 2)
            inputs = {"values": rng.normal(size=(6, k)), "noise": noise}
            yield Case(f"k{k}-{covariate}", inputs, {"gamma": 0.5, "covariate": covariate})
