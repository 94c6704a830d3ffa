"""Decision-focused learning end to end: scale models, several samples, other unknowns."""

import itertools

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import Generator, array_namespace, grad, value_and_grad
from refimpl.training import decision_instances as instances
from refimpl.training import decisions
from refimpl.training.decision_focused import (
    KINDS,
    decision_loss,
    scale_model,
    self_contrastive_regret,
)
from refimpl.training.optimizers import adam

RNG = np.random.default_rng(0)


def squares(x):
    return array_namespace(x).sum(x * x)


def regret_of_a_threshold(y):
    """1 where the parameter is positive: the decision flips at 0."""
    return (y[..., 0] > 0) - 0.5


@pytest.mark.parametrize("samples", [(), (7,)])
def test_one_and_several_samples_are_unbiased(samples):
    """E 1[y > 0] for y ~ N(mu, sigma^2): d/d mu = phi(mu/sigma)/sigma."""
    mu, sigma, found = 0.3, 0.8, []
    for _ in range(300):
        noise = RNG.normal(size=(*samples, 20, 1))

        def surrogate(mu, noise=noise):
            mean, log = mu * np.ones((20, 1)), np.full(1, np.log(sigma))
            return decision_loss(mean, log, noise, regret_of_a_threshold, standardisation="none")[0]

        found.append(grad(surrogate)(mu))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - stats.norm.pdf(mu / sigma) / sigma) < 4.5 * error


def test_regrets_are_asked_for_in_the_units_of_the_problem():
    asked = []

    def regret(y):
        asked.append(y)
        return y.sum(-1)

    noise = RNG.normal(size=(3, 2))
    mean, log = RNG.normal(size=(3, 2)), np.log([0.5, 2.0])
    _, losses = decision_loss(mean, log, noise, regret, centre=np.array([10.0, 20.0]), spread=3.0)
    wanted = 3.0 * (mean + np.exp(log) * noise) + [10.0, 20.0]
    np.testing.assert_allclose(asked[0], wanted)
    np.testing.assert_allclose(losses, wanted.sum(-1))
    _, variance = decision_loss(mean, 2 * log, noise, regret, centre=np.array([10.0, 20.0]),
                                spread=3.0, scale_is="variance")  # fmt: skip
    np.testing.assert_allclose(variance, losses)


@pytest.mark.parametrize("kind", KINDS)
def test_every_scale_model_gives_a_scale_for_every_output(kind):
    model = scale_model(kind, 3, features=5, initial=0.2, epochs=4)
    params = model.init(Generator(0))
    x = RNG.normal(size=(6, 5))
    found = model.log_scale(params, x, 0)
    assert found.shape == ((6, 3) if kind == "contextual" else (3,))
    if kind != "contextual":
        np.testing.assert_allclose(found, 0.2)
    gradients = grad(lambda p: squares(model.log_scale(p, x, 1)))(params)
    total = sum(np.abs(g).sum() for g in gradients.values())
    assert (total == 0) == (kind == "static")


def test_annealing_shrinks_the_scale_and_the_published_one_only_its_logarithm():
    for epoch, left in ((0, 1.0), (5, 0.5), (9, 0.25), (20, 0.25)):
        ours = scale_model("annealed", 2, initial=0.7, epochs=10, floor=0.25)
        params = ours.init(Generator(0))
        np.testing.assert_allclose(np.exp(ours.log_scale(params, None, epoch)), np.exp(0.7) * left)
        theirs = scale_model("annealed", 2, initial=0.7, epochs=10, floor=0.25, published=True)
        np.testing.assert_allclose(theirs.log_scale(params, None, epoch), 0.7 * left)
    stuck = scale_model("annealed", 2, epochs=10, published=True)
    np.testing.assert_array_equal(stuck.log_scale(stuck.init(Generator(0)), None, 8), 0.0)


def test_the_self_contrastive_term_adds_what_the_prediction_prefers():
    decisions_ = [np.array(z, float) for z in itertools.product((0, 1), repeat=3)][1:]
    for seed in range(20):
        y, t = np.random.default_rng(seed).normal(size=(2, 3))

        def value(z, parameters):
            return float(z @ parameters)

        for minimise in (False, True):
            pick = min if minimise else max
            decided, best = (pick(decisions_, key=lambda z, p=p: value(z, p)) for p in (y, t))
            both = self_contrastive_regret(value, decided, best, y, t, minimise=minimise)
            regret = abs(value(decided, t) - value(best, t))
            assert both >= regret - 1e-12
            sign = 1 if minimise else -1
            assert both == pytest.approx(sign * (t - y) @ (decided - best))


def test_training_a_predictor_of_weights_lowers_the_regret():
    x, weights = instances.knapsack_weight_instances(10, 6, seed=1)
    values = np.random.default_rng(2).uniform(1, 9, 6)
    problem = decisions.Knapsack(values, 20.0, 5.0)

    def value(decided_with, w):
        return decisions.knapsack_value(problem, decisions.solve_knapsack(problem, decided_with), w)

    best = [value(w, w) for w in weights]

    def regret(y):
        cases = zip(np.maximum(y, 0), weights, best, strict=True)
        return np.array([most - value(guess, w) for guess, w, most in cases])

    centre, spread, generator = weights.mean(0), weights.std(0), Generator(3)
    params = {"W": np.zeros((6, 5)), "b": np.full(6, -1.5), "log": np.zeros(6)}  # far too light

    def predicted(p):
        return x @ p["W"].mT + p["b"]

    def untrained(p):
        return regret(spread * predicted(p) + centre).mean()

    optimizer, before = adam(0.4), untrained(params)
    state = optimizer.init(params)
    for _ in range(12):
        noise = generator.normal((10, 6))

        def loss(p, noise=noise):
            return decision_loss(predicted(p), p["log"], noise, regret, centre=centre,
                                 spread=spread)  # fmt: skip

        _, gradients = value_and_grad(loss, has_aux=True)(params)
        params, state = optimizer.update(gradients, state, params)
    assert untrained(params) < 0.9 * before


def test_unknown_values_and_capacities_have_no_regret_if_predicted_right():
    rng = np.random.default_rng(0)
    weights, values = rng.integers(1, 9, 6).astype(float), rng.uniform(1, 9, 6)
    problem = decisions.Knapsack(values, weights.sum() / 2, 5.0)
    assert decisions.value_regret(problem, values, weights) == 0
    assert decisions.value_regret(problem, values[::-1], weights) >= 0
    assert decisions.value_regret(problem, -values, weights) > 0  # nothing is packed
    assert decisions.capacity_regret(problem, problem.capacity, weights) == 0
    for predicted in (0.0, 3.0, 100.0):
        assert decisions.capacity_regret(problem, predicted, weights) >= -1e-9


def test_quadratic_knapsacks_are_solved_exactly():
    rng = np.random.default_rng(0)
    V, w = rng.normal(size=(8, 8)), rng.integers(1, 9, 8).astype(float)
    x = decisions.solve_quadratic_knapsack(V, w, 15.0)
    every = [np.array(z, float) for z in itertools.product((0, 1), repeat=8)]
    assert w @ x <= 15
    assert x @ V @ x == pytest.approx(max(z @ V @ z for z in every if w @ z <= 15))
    with pytest.raises(ValueError, match="n <= 16"):
        decisions.solve_quadratic_knapsack(np.zeros((17, 17)), np.ones(17), 1.0)


def test_covers_and_quadratic_knapsacks_have_no_regret_if_predicted_right():
    problem = instances.random_set_cover(5, 12, 0)
    _, demands = instances.demand_instances(6, 5, 1)
    for d, other in itertools.pairwise(demands):
        assert decisions.set_cover_regret(problem, d, d) == 0
        assert decisions.set_cover_regret(problem, other, d) >= 0
        found = decisions.set_cover_cost(problem, decisions.solve_set_cover(problem, other), d)
        assert decisions.set_cover_regret(problem, other, d) == pytest.approx(
            found - problem.costs @ decisions.solve_set_cover(problem, d)
        )
    rng = np.random.default_rng(0)
    V, U, w = rng.normal(size=(6, 6)), rng.normal(size=(6, 6)), rng.integers(1, 9, 6).astype(float)
    assert decisions.quadratic_regret(V, V, w, 12.0) == 0
    assert decisions.quadratic_regret(V, U, w, 12.0) >= 0


def test_training_a_predictor_of_demands_lowers_the_regret_of_the_cover():
    problem = instances.random_set_cover(4, 8, 0)
    x, demands = instances.demand_instances(8, 4, seed=1)

    def regret(y):
        pairs = zip(np.maximum(y, 0), demands, strict=True)
        return np.array([decisions.set_cover_regret(problem, guess, d) for guess, d in pairs])

    centre, spread, generator = demands.mean(0), demands.std(0), Generator(3)
    params = {"W": np.zeros((4, 5)), "b": np.full(4, -1.0), "log": np.full(4, -1.0)}  # too little
    optimizer = adam(0.3)
    state, before = (
        optimizer.init(params),
        regret(spread * params["b"] + centre + 0 * demands).mean(),
    )
    for _ in range(12):
        noise = generator.normal((8, 4))

        def loss(p, noise=noise):
            mean = x @ p["W"].mT + p["b"]
            return decision_loss(mean, p["log"], noise, regret, centre=centre, spread=spread)

        _, gradients = value_and_grad(loss, has_aux=True)(params)
        params, state = optimizer.update(gradients, state, params)
    assert regret(spread * (x @ params["W"].mT + params["b"]) + centre).mean() < 0.7 * before


@pytest.mark.parametrize(("items", "sets"), [(5, 25), (10, 50), (1, 2), (40, 3)])
def test_random_covers_have_every_item_twice_and_no_empty_set(items, sets):
    problem = instances.random_set_cover(items, sets, 7)
    A = problem.availability
    assert set(np.unique(A)) <= {0.0, 1.0}
    assert (A.sum(1) >= 2).all()
    assert (A.sum(0) >= 1).all()
    assert ((problem.costs >= 1) & (problem.costs <= 99)).all()
    again = instances.random_set_cover(items, sets, 7)
    np.testing.assert_array_equal(A, again.availability)
    _, demands = instances.demand_instances(3, items, 1)
    x = decisions.solve_set_cover(problem, demands[0])
    assert (A @ x >= demands[0]).all()


def test_values_are_rates_in_proportion_to_the_weights():
    w = np.array([1.0, 2.0, 4.0])
    x, values = instances.knapsack_value_instances(5, w, seed=0)
    rates = instances.feature_rates(5, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(x, rates.features)
    np.testing.assert_allclose(values / w, rates.parameters)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="kind"):
        scale_model("fixed", 2)
    with pytest.raises(ValueError, match="features"):
        scale_model("contextual", 2)
    with pytest.raises(ValueError, match="floor"):
        scale_model("annealed", 2, floor=0.0)
    with pytest.raises(ValueError, match=r"regret: expected shape \(3,\)"):
        decision_loss(np.zeros((3, 2)), np.zeros(2), np.zeros((3, 2)), lambda y: y)
    with pytest.raises(ValueError, match=r"noise: expected \(3, 2\) or \(K, 3, 2\)"):
        decision_loss(np.zeros((3, 2)), np.zeros(2), np.zeros((4, 2)), lambda y: y[..., 0])
