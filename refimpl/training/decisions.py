"""Decision problems with unknown parameters: knapsacks and a set cover, with recourse.

A decision is made with predicted parameters and pays for what the true ones then demand. These are
host-side solvers in NumPy and SciPy: decision-focused learning treats them as black boxes.

Source: Silvestri et al. 2023 (arXiv 2307.05213); generators as in sfge-dfl.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import LinearConstraint, milp

from ..autograd import to_numpy
from ..validation import non_negative, positive

MOST_QUADRATIC = 16


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

    >>> solve_knapsack(Knapsack(np.array([3.0, 2.0]), 2.0, 5.0), np.array([3.0, 2.0]))
    array([0., 1.])
    """
    w = np.round(_vector(weights, "weights", len(problem.values)))
    return _integers(
        -problem.values, LinearConstraint(w[None, :], -np.inf, problem.capacity), upper=1.0
    )


def knapsack_value(problem: Knapsack, x: np.ndarray, weights: np.ndarray) -> float:
    """The value of the decision x once the true weights (n,) are known.

    max v.x + v.u_add/penalty - penalty v.u_remove subject to w.(x + u_add - u_remove) <= C,
    u_remove <= x, u_add <= 1 - x, both of 0 and 1.

    >>> problem = Knapsack(
    ...     np.array([3.0, 2.0]), 2.0, 5.0
    ... )  # the first item is too heavy: 3 - 15 + 2/5
    >>> round(knapsack_value(problem, np.array([1.0, 0.0]), np.array([3.0, 2.0])), 6)
    -11.6
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
    """The cheapest x (sets,) that meets the demands (items,).

    Raises ValueError for demands of another shape or below 0, RuntimeError where no set has an item
    that is demanded.

    >>> solve_set_cover(
    ...     SetCover(np.array([[1.0, 1.0]]), np.array([3.0, 2.0]), 5.0), np.array([2.0])
    ... )
    array([0., 2.])
    """
    A = np.asarray(problem.availability, dtype=np.float64)
    d = _vector(demands, "demands", A.shape[0])
    return _integers(problem.costs, LinearConstraint(A, d, np.inf), upper=np.inf)


def set_cover_cost(problem: SetCover, x: np.ndarray, demands: np.ndarray) -> float:
    """c.x plus the penalties for what x leaves unmet of the true demands.

    >>> problem = SetCover(np.array([[1.0, 1.0]]), np.array([3.0, 2.0]), 5.0)
    >>> set_cover_cost(problem, np.array([0.0, 1.0]), np.array([2.0]))  # 2 + 5 * 3
    17.0
    """
    return float(problem.costs @ x + unmet_penalties(problem) @ unmet(problem, x, demands))


def set_cover_regret(problem: SetCover, predicted: np.ndarray, demands: np.ndarray) -> float:
    """Cost added by deciding with predicted instead of true demands, both (items,); >= 0 where
    unmet demand costs as much as meeting it, which penalty_factor >= 1 ensures.

    >>> problem = SetCover(np.array([[1.0, 1.0]]), np.array([3.0, 2.0]), 5.0)
    >>> set_cover_regret(problem, np.array([1.0]), np.array([2.0]))  # 2 + 5 * 3, not 2 + 2
    13.0
    """
    best = set_cover_cost(problem, solve_set_cover(problem, demands), demands)
    return set_cover_cost(problem, solve_set_cover(problem, predicted), demands) - best


def unmet(problem: SetCover, x: np.ndarray, demands: np.ndarray) -> np.ndarray:
    """max(d - A x, 0), (items,)."""
    return np.maximum(np.asarray(demands) - problem.availability @ x, 0.0)


def unmet_penalties(problem: SetCover) -> np.ndarray:
    """penalty_factor times the largest cost of the sets that cover each item, (items,)."""
    covering = np.where(np.asarray(problem.availability) > 0, problem.costs, -np.inf)
    return problem.penalty_factor * covering.max(axis=1)


def capacity_regret(problem: Knapsack, predicted: float, weights: np.ndarray) -> float:
    """Value lost by deciding with a predicted capacity, weights known; >= 0.

    `problem` has the true capacity and the penalty. predicted >= 0.
    """
    guessed = problem._replace(capacity=non_negative(predicted, "predicted"))
    best = knapsack_value(problem, solve_knapsack(problem, weights), weights)
    return best - knapsack_value(problem, solve_knapsack(guessed, weights), weights)


def value_regret(problem: Knapsack, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Value lost by deciding with predicted values (n,), weights and capacity known; >= 0.

    `problem` has the true values; negative predictions are allowed, such items are left out.
    """
    guess = np.asarray(to_numpy(predicted), dtype=np.float64)
    if guess.shape != np.shape(problem.values):
        raise ValueError(f"predicted: expected {np.shape(problem.values)}, got {guess.shape}")
    decided = solve_knapsack(problem._replace(values=guess), weights)
    return float(problem.values @ (solve_knapsack(problem, weights) - decided))


def solve_quadratic_knapsack(
    values: np.ndarray, weights: np.ndarray, capacity: float
) -> np.ndarray:
    """max x^T V x subject to w.x <= C, x in {0, 1}^n, by trying all; V (n, n), n <= 16.

    >>> solve_quadratic_knapsack(np.array([[1.0, 3.0], [0.0, 1.0]]), np.array([1.0, 1.0]), 2.0)
    array([1., 1.])
    """
    V = np.asarray(to_numpy(values), dtype=np.float64)
    n = len(V)
    if V.shape != (n, n) or n > MOST_QUADRATIC:
        raise ValueError(f"values: expected (n, n) with n <= {MOST_QUADRATIC}, got {V.shape}")
    w = _vector(weights, "weights", n)
    every = (np.arange(2**n)[:, None] >> np.arange(n)) % 2
    gains = np.einsum("ki,ij,kj->k", every, V, every)
    gains[every @ w > non_negative(capacity, "capacity")] = -np.inf
    return every[np.argmax(gains)].astype(np.float64)


def quadratic_regret(
    values: np.ndarray, predicted: np.ndarray, weights: np.ndarray, capacity: float
) -> float:
    """Value lost in a quadratic knapsack by deciding with predicted values, both (n, n); >= 0.

    >>> V, w = np.array([[1.0, 3.0], [0.0, 1.0]]), np.array([1.0, 1.0])
    >>> quadratic_regret(V, -V, w, 2.0)
    5.0
    """
    V = np.asarray(to_numpy(values), dtype=np.float64)
    best, x = (solve_quadratic_knapsack(v, weights, capacity) for v in (V, predicted))
    return float(best @ V @ best - x @ V @ x)


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
