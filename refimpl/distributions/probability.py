"""F(z/tau) by the name of its law, and the cases of the whole table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from refimpl.autograd import Array
from refimpl.promises import close
from refimpl.spec import BATCHES, Case, Invariant, case_name, specification
from refimpl.validation import positive

from .table import DISTRIBUTIONS
from .table import distribution as find_distribution

PARAMETERS: dict[str, tuple[dict[str, float], ...]] = {  # besides the defaults
    "exponential": ({"shift": 0.5},),
    "gamma": ({"shape": 0.5}, {"shape": 2.0, "shift": 0.5}),
    "gamma_rev": ({"shape": 2.0},),
    "levy_rev": ({"shift": 0.5},),
    "logistic_phi": ({"art_lambda": 0.5, "steepness": 3.0},),
}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, default in DISTRIBUTIONS.items():
        for chosen in ({}, *PARAMETERS.get(name, ())):
            law = find_distribution(name, **chosen)
            params = {"distribution": name, "scale": 0.5, **chosen}
            title = case_name(name, **chosen)
            u = np.sort(rng.uniform(0.05, 0.45, 4))
            z = 0.5 * law.quantile(np.concatenate([u, 1 - u]))  # off the kinks
            if name == "heaviside":
                z = rng.uniform(0.1, 1.0, 8) * np.array([-1, 1] * 4)
            yield Case(title, {"z": z}, params, clause="F(z/scale)")
            far = {"z": np.array([-1e4, 1e4])}
            yield Case(f"{title}-far", far, params, kind="edge", flags=("saturated",))
        if default.symmetric and name != "logistic_phi":
            params, zero = {"distribution": name}, {"z": np.zeros((2, 1, 3))}
            checks = ("values", "vjp", "jvp")
            yield Case(f"{name}-zero", zero, params, kind="edge", checks=checks)
    for batch, shape in BATCHES.items():
        inputs = {"z": rng.normal(size=shape)}
        yield Case(batch, inputs, {"distribution": "logistic"}, flags=(batch,))


def _rises(run: Any, inputs: Any, params: Any) -> str | None:
    ends = np.asarray([-np.inf, np.inf], dtype=inputs["z"].dtype)
    F = run({"z": np.sort(np.append(inputs["z"], ends))}, params)["F"]
    rounding = 16 * np.finfo(F.dtype).eps
    rises = np.all(np.diff(F) >= -rounding) and F[0] == 0 and F[-1] == 1
    return None if rises else "F does not rise from 0 at -inf to 1 at inf"


def _mirrors(run: Any, inputs: Any, params: Any) -> str | None:
    name = params["distribution"]
    image = name if DISTRIBUTIONS[name].symmetric else f"{name}_rev"
    mirrored = run({"z": -inputs["z"]}, {**params, "distribution": image})["F"]
    total = run(inputs, params)["F"] + mirrored
    return None if close(total, np.ones_like(total)) else f"F(z) + F(-z) of {image} is not 1"


def _scales(run: Any, inputs: Any, params: Any) -> str | None:
    twice = {**params, "scale": 2 * params.get("scale", 1.0)}
    same = close(run({"z": 2 * inputs["z"]}, twice)["F"], run(inputs, params)["F"])
    return None if same else "2 z and twice the scale give another F"


def _has_image(case: Case) -> bool:
    name = case.params["distribution"]
    return DISTRIBUTIONS[name].symmetric or f"{name}_rev" in DISTRIBUTIONS


@specification(
    name="distributions.probability",
    source="Petersen et al., GenDR (CVPR 2022), section 3; Differentiable Sorting Networks (ICML "
    "2021) and Monotonic Differentiable Sorting Networks (ICLR 2022)",
    inputs=("z",),
    outputs=("F",),
    cases=_cases,
    invariants=(
        Invariant("rising", "F is non-decreasing, from 0 at -inf to 1 at inf", _rises),
        Invariant("scale", "only z/scale counts", _scales),
        Invariant(
            "mirrored", "F_rev(z) = 1 - F(-z), and F itself if symmetric", _mirrors, _has_image
        ),
    ),
    kinks="at the ends of a bounded support, where the derivative is the density's value there: 0, "
    "but 1/scale for exponential",
)
def probability(
    z: Array, *, distribution: str = "logistic", scale: float = 1.0, **parameters: float
) -> Array:
    """F(z/scale), the probability of a random number up to z, for the law called `distribution`.

    z: any shape; the result has the same shape and dtype. scale > 0. parameters: those of the law,
    see `refimpl.distributions.distribution`. The gradient is the density f(z/scale)/scale; its
    values at kinks, and the formulas, are in the tables of `symmetric`, `one_sided` and `gamma`.
    NaN gives NaN, +-inf the limits 0 and 1.

    Raises ValueError for unknown names (listing the known ones) and parameters that are unknown or
    out of range.

    >>> import numpy as np
    >>> probability(np.array([-0.5, 0.0, 0.5]), distribution="cauchy", scale=0.5)
    array([0.25, 0.5 , 0.75])
    """
    law = find_distribution(distribution, **parameters)
    return law.scaled(positive(scale, "scale")).cdf(z)
