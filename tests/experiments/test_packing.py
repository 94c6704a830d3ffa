"""Knapsacks by tables, beside the integer programs that define them."""

import numpy as np
import pytest

from refimpl.experiments import knapsack
from refimpl.experiments.packing import best_packing, repaired_values
from refimpl.training import decisions

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("capacity", [0.0, 7.9, 30.0])
def test_the_packing_is_as_good_as_the_best_and_fits(capacity):
    gains, weights = RNG.normal(1, 2, (12, 6)), RNG.integers(0, 9, (12, 6)).astype(float)
    x = best_packing(gains, weights, capacity)
    assert ((weights * x).sum(-1) <= capacity).all()
    for g, w, found in zip(gains, weights, x, strict=True):
        best = decisions.solve_knapsack(decisions.Knapsack(g, capacity, 2.0), w)
        assert g @ found == pytest.approx(g @ best)


@pytest.mark.parametrize("penalty", [1.5, 10.0])
def test_repaired_decisions_have_the_value_of_the_definition(penalty):
    problem = decisions.Knapsack(RNG.uniform(1, 9, 6), 15.0, penalty)
    x = RNG.integers(0, 2, (12, 6)).astype(float)
    weights = RNG.integers(0, 9, (12, 6)).astype(float)
    wanted = [decisions.knapsack_value(problem, *pair) for pair in zip(x, weights, strict=True)]
    np.testing.assert_allclose(repaired_values(problem, x, weights), wanted)


@pytest.mark.parametrize("unknown", ["weights", "values"])
def test_regrets_are_not_negative_and_zero_for_the_truth(unknown):
    from argparse import Namespace

    options = Namespace(unknown=unknown, items=8, instances=30, penalty=5.0)
    problem = knapsack._problem(options, 0)
    everyone = np.arange(30)
    np.testing.assert_allclose(
        knapsack._regret(problem, problem.parameters, everyone), 0, atol=1e-9
    )
    guesses = RNG.uniform(0, 20, (3, 30, 8))
    regrets = knapsack._regret(problem, guesses, everyone)
    assert regrets.shape == (3, 30)
    assert (regrets >= -1e-9).all()
    assert regrets.mean() > 1
