"""The laws that tests of the table of distributions go through, and points to look at them."""

from __future__ import annotations

import numpy as np

from refimpl.distributions import DISTRIBUTIONS, Distribution, distribution

WITH_PARAMETERS = (
    distribution("exponential", shift=0.5),
    distribution("exponential_rev", shift=-1.0),
    distribution("gamma", shape=0.5),
    distribution("gamma", shape=2.5, shift=1.0),
    distribution("gamma_rev", shape=40.0),
    distribution("levy", shift=0.75),
    distribution("levy_rev", shift=0.75),
    distribution("logistic_phi", art_lambda=0.9, steepness=20.0),
    distribution("logistic_phi", art_lambda=0.0, steepness=3.0),
    distribution("cauchy").scaled(3.0),
    distribution("gumbel_min").normalised(),
)
SMOOTHING: tuple[Distribution, ...] = (
    *(law for name, law in DISTRIBUTIONS.items() if name != "heaviside"),
    *WITH_PARAMETERS,
)


def title(law: Distribution) -> str:
    """A test name."""
    return "-".join([law.name, *(f"{k}{v:g}" for k, v in law.parameters.items())])


def inside(law: Distribution, count: int = 41) -> np.ndarray:
    """Points where 0 < F < 1, off the kinks: quantiles from 1e-9 to 1 - 1e-9."""
    tail = np.geomspace(1e-9, 0.49, count)
    return np.concatenate([law.quantile(tail), law.upper_quantile(tail[::-1])])
