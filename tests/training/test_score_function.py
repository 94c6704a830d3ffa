"""Score-function gradients and the decision problems they are for."""

import itertools

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import grad, jacobian
from refimpl.training import decisions
from refimpl.training.decision_instances import knapsack_weight_instances
from refimpl.training.score_function import gaussian_log_density, score_function_loss, standardise

RNG = np.random.default_rng(0)


def test_the_density_is_scipys_in_both_readings_of_the_scale():
    y, mean, log = RNG.normal(size=(3, 2, 4))
    std = stats.norm.logpdf(y, mean, np.exp(log)).sum(-1)
    variance = stats.norm.logpdf(y, mean, np.exp(log / 2)).sum(-1)
    np.testing.assert_allclose(gaussian_log_density(y, mean, log), std)
    found = gaussian_log_density(y, mean, log, scale_is="variance")
    np.testing.assert_allclose(found, variance)


def test_the_gradient_is_unbiased_on_a_step():
    """R = 1[y > 0], y ~ N(mu, 1): d E R/d mu = phi(mu)."""
    mu, found = 0.4, []
    for _ in range(200):
        y = mu + RNG.normal(size=(50, 1))
        R = (y[:, 0] > 0) - 0.5  # any constant may be subtracted

        def surrogate(mu, y=y, R=R):
            density = gaussian_log_density(y, mu * np.ones_like(y), np.zeros(1))
            return score_function_loss(density, R, standardisation="none")

        found.append(grad(surrogate)(mu))
    found = np.array(found)
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - stats.norm.pdf(mu)) < 4.5 * error


@pytest.mark.parametrize(("kind", "ddof"), [("population", 0), ("sample", 1)])
def test_standardised_losses_have_mean_zero_and_variance_one(kind, ddof):
    R = RNG.exponential(size=(3, 9))
    found = standardise(R, kind)
    np.testing.assert_allclose(found.mean(-1), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(-1, ddof=ddof), 1, rtol=1e-4)
    np.testing.assert_allclose(standardise(5 * R - 2, kind), found, rtol=1e-4)


@pytest.mark.parametrize("kind", ["population", "sample"])
def test_equal_losses_and_a_batch_of_one_give_no_update(kind):
    np.testing.assert_array_equal(standardise(np.full(4, 3.0), kind), 0)
    np.testing.assert_array_equal(standardise(np.array([3.0]), kind), 0)
    assert standardise(np.ones((2, 0)), kind).shape == (2, 0)


@pytest.mark.parametrize(("kind", "deviation"), [("population", 1e-4), ("sample", 1e-5)])
def test_the_gradient_at_equal_losses_is_the_derivative(kind, deviation):
    wanted = (np.eye(3) - 1 / 3) / deviation
    np.testing.assert_allclose(jacobian(lambda R: standardise(R, kind))(np.full(3, 2.5)), wanted)
    assert grad(lambda R: standardise(R, kind)[0])(np.array([3.0])) == 0


def brute_force(n, allowed, value):
    best = max(
        (np.array(x, float) for x in itertools.product((0, 1), repeat=n) if allowed(np.array(x))),
        key=value,
    )
    return value(best)


@pytest.mark.parametrize("seed", range(4))
def test_knapsacks_are_solved_exactly(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.uniform(1, 9, 6), rng.integers(1, 9, 6).astype(float)
    problem = decisions.Knapsack(values, weights.sum() / 2, 5.0)
    x = decisions.solve_knapsack(problem, weights)
    best = brute_force(6, lambda x: weights @ x <= problem.capacity, lambda x: values @ x)
    assert values @ x == pytest.approx(best)
    assert weights @ x <= problem.capacity


@pytest.mark.parametrize("seed", range(4))
def test_recourse_is_optimal_and_regret_not_negative(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.uniform(1, 9, 5), rng.integers(1, 9, 5).astype(float)
    problem = decisions.Knapsack(values, weights.sum() / 3, 4.0)
    x = rng.integers(0, 2, 5).astype(float)

    def worth(final):
        added, removed = np.maximum(final - x, 0), np.maximum(x - final, 0)
        return values @ x + values @ added / 4.0 - 4.0 * values @ removed

    best = brute_force(5, lambda f: weights @ f <= problem.capacity, worth)
    assert decisions.knapsack_value(problem, x, weights) == pytest.approx(best)
    assert decisions.knapsack_regret(problem, weights, weights) == 0
    assert decisions.knapsack_regret(problem, rng.permutation(weights), weights) >= -1e-9


def test_set_covers_meet_demand_and_pay_for_what_they_miss():
    A = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    problem = decisions.SetCover(A, np.array([2.0, 5.0, 3.0]), 5.0)
    x = decisions.solve_set_cover(problem, np.array([2.0, 1.0]))
    assert (A @ x >= [2, 1]).all()
    assert problem.costs @ x == 7.0
    np.testing.assert_array_equal(decisions.unmet_penalties(problem), [25.0, 25.0])
    assert decisions.set_cover_cost(problem, x, np.array([4.0, 1.0])) == 7 + 25 * (4 - A[0] @ x)


def test_instances_are_reproducible_and_their_weights_follow_the_features():
    features, weights = knapsack_weight_instances(500, 10, seed=3)
    again = knapsack_weight_instances(500, 10, seed=3)
    np.testing.assert_array_equal(weights, again[1])
    assert features.shape == (500, 5)
    assert weights.mean() == pytest.approx(10, rel=0.1)
    design = np.column_stack([np.ones(500), features])
    residual = weights - design @ np.linalg.lstsq(design, weights, rcond=None)[0]
    assert residual.var() < 0.6 * weights.var()


def test_bad_arguments_are_named():
    problem = decisions.Knapsack(np.ones(3), 2.0, 5.0)
    with pytest.raises(ValueError, match="weights: expected 3 finite"):
        decisions.solve_knapsack(problem, np.array([1.0, np.nan, 1.0]))
    with pytest.raises(ValueError, match="equal shapes"):
        score_function_loss(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="kind"):
        standardise(np.ones(3), "zscore")
