"""Two decision problems with uncertain constraints: a knapsack and a set cover, with recourse.

A decision is made with predicted parameters and pays for what the true ones then demand. These are
host-side solvers in NumPy and SciPy: decision-focused learning treats them as black boxes.

Source: Silvestri et al. 2023 (arXiv 2307.05213); generators as in sfge-dfl.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import LinearConstraint, milp

from ..autograd import to_numpy
from ..validation import positive, whole


class Knapsack(NamedTuple):
    """max v.x subject to w.x <= C, x in {0, 1}^n, where the weights w are unknown beforehand.

    values (n,), capacity > 0. penalty > 1: after the weights are known, items may be added at
    value/penalty and removed at penalty times their value.
    """

    values: np.ndarray
    capacity: float
    penalty: float


class SetCover(NamedTuple):
    """min c.x subject to A x >= d, x >= 0 integer, where the demands d are unknown beforehand.

    availability A (items, sets) of 0 and 1, costs c (sets,). Each unit of unmet demand of item i
    costs penalty_factor times the largest cost among the sets that cover it.
    """

    availability: np.ndarray
    costs: np.ndarray
    penalty_factor: float


def solve_knapsack(problem: Knapsack, weights: np.ndarray) -> np.ndarray:
    """The best x (n,) for the weights, rounded to whole numbers first.

    Raises ValueError for weights of another shape, negative or not finite, and RuntimeError if the
    solver fails.
    """
    w = np.round(_vector(weights, "weights", len(problem.values)))
    return _integers(
        -problem.values, LinearConstraint(w[None, :], -np.inf, problem.capacity), upper=1.0
    )


def knapsack_value(problem: Knapsack, x: np.ndarray, weights: np.ndarray) -> float:
    """The value of the decision x once the true weights (n,) are known.

    max v.x + v.u_add/penalty - penalty v.u_remove subject to w.(x + u_add - u_remove) <= C,
    u_remove <= x, u_add <= 1 - x, both of 0 and 1.
    """
    v, w = problem.values, _vector(weights, "weights", len(problem.values))
    penalty = positive(problem.penalty, "penalty")
    gain = np.concatenate([-v / penalty, penalty * v])
    room = problem.capacity - w @ x
    fits = LinearConstraint(np.concatenate([w, -w])[None, :], -np.inf, room)
    u = _integers(gain, fits, upper=np.concatenate([1.0 - x, x]))
    return float(v @ x - gain @ u)


def knapsack_regret(problem: Knapsack, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Value lost by deciding with predicted instead of true weights; >= 0.

    >>> problem = Knapsack(np.array([3.0, 2.0]), 2.0, 5.0)
    >>> knapsack_regret(problem, np.array([9.0, 2.0]), np.array([2.0, 2.0]))
    1.0
    """
    best = knapsack_value(problem, solve_knapsack(problem, weights), weights)
    return best - knapsack_value(problem, solve_knapsack(problem, predicted), weights)


def solve_set_cover(problem: SetCover, demands: np.ndarray) -> np.ndarray:
    """The cheapest x (sets,) that meets the demands (items,)."""
    A = np.asarray(problem.availability, dtype=np.float64)
    d = _vector(demands, "demands", A.shape[0])
    return _integers(problem.costs, LinearConstraint(A, d, np.inf), upper=np.inf)


def set_cover_cost(problem: SetCover, x: np.ndarray, demands: np.ndarray) -> float:
    """c.x plus the penalties for what x leaves unmet of the true demands."""
    return float(problem.costs @ x + unmet_penalties(problem) @ unmet(problem, x, demands))


def unmet(problem: SetCover, x: np.ndarray, demands: np.ndarray) -> np.ndarray:
    """max(d - A x, 0), (items,)."""
    return np.maximum(np.asarray(demands) - problem.availability @ x, 0.0)


def unmet_penalties(problem: SetCover) -> np.ndarray:
    """penalty_factor times the largest cost of the sets that cover each item, (items,)."""
    covering = np.where(np.asarray(problem.availability) > 0, problem.costs, -np.inf)
    return problem.penalty_factor * covering.max(axis=1)


def generate_knapsack_instances(
    count: int, items: int, seed: int, *, features: int = 5, noise: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Features (count, features) and Poisson weights (count, items) that depend on them.

    The rates are (1 + ((B x)_j/sqrt(features) + 3)^5) U(1 - noise, 1 + noise) + 0.03 with a random
    0/1 matrix B, scaled to a mean of 10.
    """
    rng = np.random.default_rng(seed)
    count, items = whole(count, "count", minimum=1), whole(items, "items", minimum=1)
    x = rng.normal(size=(count, features)).round(3)
    B = rng.integers(0, 2, size=(items, features))
    rates = 1 + (x @ B.T / np.sqrt(features) + 3) ** 5
    rates = np.maximum(rates * rng.uniform(1 - noise, 1 + noise, size=rates.shape) + 0.03, 0.03)
    return x, rng.poisson(rates * (10 / rates.mean())).astype(np.float64)


def _integers(
    costs: np.ndarray, constraint: LinearConstraint, upper: float | np.ndarray
) -> np.ndarray:
    found = milp(
        np.asarray(costs, dtype=np.float64),
        constraints=constraint,
        integrality=np.ones(len(costs)),
        bounds=(0.0, upper),
    )
    if not found.success:
        raise RuntimeError(f"no decision found: {found.message}")
    return np.round(found.x)


def _vector(x: np.ndarray, name: str, length: int) -> np.ndarray:
    x = np.asarray(to_numpy(x), dtype=np.float64)
    if x.shape != (length,) or not np.isfinite(x).all() or (x < 0).any():
        raise ValueError(
            f"{name}: expected {length} finite numbers >= 0, got shape {x.shape}"
            + ("" if x.shape != (length,) else f" with {x[~(np.isfinite(x) & (x >= 0))]}")
        )
    return x
