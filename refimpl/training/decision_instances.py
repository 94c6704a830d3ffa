"""Random instances of the decision problems, whose unknown parameters depend on features.

    x ~ N(0, 1)^features, rounded to three digits; B a random 0/1 matrix
    r_j = (1 + ((B x)_j/sqrt(features) + 3)^5) U(1 - noise, 1 + noise) + 0.03

Values are r times the weights; counts (weights, demands) are Poisson with rates r, which are scaled
to a given mean.

Source: Silvestri et al. 2023 (arXiv 2307.05213); generators as in sfge-dfl, where the last term
is called additive noise and is a constant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..validation import in_range, positive, whole
from .decisions import SetCover


class Instances(NamedTuple):
    """Features (count, features) and the parameters that depend on them, (count, outputs)."""

    features: np.ndarray
    parameters: np.ndarray


def feature_rates(
    count: int, outputs: int, rng: np.random.Generator, *, features: int = 5, noise: float = 0.1
) -> Instances:
    """Features and the rates r, all >= 0.03."""
    count, outputs = whole(count, "count", minimum=1), whole(outputs, "outputs", minimum=1)
    noise = in_range(noise, "noise", 0.0, 1.0)
    x = rng.normal(size=(count, whole(features, "features", minimum=1))).round(3)
    B = rng.integers(0, 2, size=(outputs, x.shape[1]))
    rates = 1 + (x @ B.T / np.sqrt(x.shape[1]) + 3) ** 5
    rates = rates * rng.uniform(1 - noise, 1 + noise, size=rates.shape) + 0.03
    return Instances(x, np.maximum(rates, 0.03))


def knapsack_weight_instances(
    count: int, items: int, seed: int, *, features: int = 5, noise: float = 0.1, mean: float = 10.0
) -> Instances:
    """Unknown weights: Poisson counts."""
    rng = np.random.default_rng(seed)
    found = feature_rates(count, items, rng, features=features, noise=noise)
    return Instances(found.features, _counts(found.parameters, mean, rng))


def knapsack_value_instances(
    count: int, weights: np.ndarray, seed: int, *, features: int = 5, noise: float = 0.1
) -> Instances:
    """Unknown values, in proportion to the known weights (items,)."""
    w = np.asarray(weights, dtype=np.float64)
    rng = np.random.default_rng(seed)
    found = feature_rates(count, len(w), rng, features=features, noise=noise)
    return Instances(found.features, found.parameters * w)


def demand_instances(
    count: int, items: int, seed: int, *, features: int = 5, noise: float = 0.1, mean: float = 10.0
) -> Instances:
    """Unknown demands of a set cover: Poisson counts."""
    return knapsack_weight_instances(count, items, seed, features=features, noise=noise, mean=mean)


def random_set_cover(
    items: int, sets: int, seed: int, *, density: float = 0.02, penalty_factor: float = 5.0
) -> SetCover:
    """A set cover in which every item is in two sets or more and every set has an item.

    Each entry of the availability is 1 with probability `density`; what is missing is added at
    random. Costs are whole numbers from 1 to 99. sets >= 2.

    >>> problem = random_set_cover(5, 25, 0)
    >>> problem.availability.shape, bool((problem.availability.sum(1) >= 2).all())
    ((5, 25), True)
    """
    items, sets = whole(items, "items", minimum=1), whole(sets, "sets", minimum=2)
    rng = np.random.default_rng(seed)
    A = (rng.random((items, sets)) < in_range(density, "density", 0.0, 1.0)).astype(np.float64)
    for row in A:
        absent = rng.permutation(np.flatnonzero(row == 0))
        row[absent[: max(2 - int(row.sum()), 0)]] = 1.0
    for j in np.flatnonzero(A.sum(axis=0) == 0):
        A[rng.integers(items), j] = 1.0
    costs = rng.integers(1, 100, size=sets).astype(np.float64)
    return SetCover(A, costs, positive(penalty_factor, "penalty_factor"))


def _counts(rates: np.ndarray, mean: float, rng: np.random.Generator) -> np.ndarray:
    scaled = rates * (positive(mean, "mean") / rates.mean())
    return rng.poisson(scaled).astype(np.float64)
