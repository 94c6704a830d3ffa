"""Perturbed optimisers and black-box differentiation: formulas, limits, unbiasedness."""

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import Generator, array_namespace, grad, softmax, value_and_grad
from refimpl.sorting.perturbed import exact_argmax, exact_ranks
from refimpl.training.blackbox import blackbox, implicit_mle, negative_identity
from refimpl.training.grid_path import shortest_path
from refimpl.training.noise import draw_noise
from refimpl.training.perturbed import fenchel_young_loss, perturbed, perturbed_maximum

THETA = np.array([0.2, -0.4, 1.0])
W = np.array([1.0, -2.0, 0.5])


def samples(S, law="gaussian", seed=0):
    return draw_noise(S, 3, Generator(seed), distribution=law)


def weighted(f):
    return grad(lambda t: array_namespace(t).sum(f(t) * W))


@pytest.mark.parametrize("law", ["gaussian", "gumbel"])
def test_the_derivative_is_the_published_formula(law):
    noise = samples(11, law)
    found = weighted(lambda t: perturbed(exact_argmax, t, noise, 0.5, distribution=law))(THETA)
    score = noise if law == "gaussian" else 1 - np.exp(-noise)
    values = exact_argmax(THETA + 0.5 * noise)
    np.testing.assert_allclose(found, np.mean((values @ W)[:, None] * score, 0) / 0.5)


@pytest.mark.parametrize("covariate", ["none", "f(x)", "loo"])
def test_argmax_with_gumbel_noise_is_softmax_and_its_derivative(covariate):
    values, gradients = [], []
    for seed in range(300):
        noise = samples(20, "gumbel", seed)
        options = {"distribution": "gumbel", "covariate": covariate}
        values.append(perturbed(exact_argmax, THETA, noise, **options))
        gradients.append(weighted(lambda t: perturbed(exact_argmax, t, noise, **options))(THETA))  # noqa: B023
    p = softmax(THETA)
    for found, truth in ((np.array(values), p), (np.array(gradients), p * W - p * (p @ W))):
        error = found.std(0, ddof=1) / np.sqrt(len(found))
        assert (np.abs(found.mean(0) - truth) < 4.5 * error).all()


def test_control_variates_reduce_the_variance():
    """All values have the weight 5 in common, which has no derivative and much variance."""

    def spread(covariate):
        found = []
        for seed in range(100):
            noise = samples(10, seed=seed)

            def f(t, noise=noise):
                y = perturbed(exact_argmax, t, noise, covariate=covariate)
                return array_namespace(y).sum(y * (W + 5))

            found.append(grad(f)(THETA))
        return np.array(found).var(0).sum()

    assert spread("loo") < 0.3 * spread("none")
    assert spread("f(x)") < 0.3 * spread("none")


def test_the_maximum_has_the_mean_maximiser_as_gradient():
    noise = samples(50, "gumbel")

    def f(t):
        return perturbed_maximum(exact_argmax, t, noise, 0.3)

    value, g = value_and_grad(f)(THETA)
    moved = THETA + 0.3 * noise
    assert value == pytest.approx(moved.max(-1).mean())
    np.testing.assert_allclose(g, exact_argmax(moved).mean(0))
    many = [
        perturbed_maximum(exact_argmax, THETA, samples(500, "gumbel", s), 0.3) for s in range(40)
    ]
    truth = 0.3 * np.log(np.exp(THETA / 0.3).sum()) + 0.3 * np.euler_gamma
    assert abs(np.mean(many) - truth) < 4.5 * np.std(many) / np.sqrt(40)


@pytest.mark.parametrize("value", ["loss", "distance"])
@pytest.mark.parametrize("minimise", [False, True])
def test_the_fenchel_young_gradient_is_the_gap(value, minimise):
    noise, target = samples(20), np.array([0.0, 1.0, 0.0])

    def best(s):
        return exact_argmax(-s if minimise else s)

    def loss(t):
        return fenchel_young_loss(best, t, target, noise, 0.5, minimise=minimise, value=value)

    found, g = value_and_grad(loss)(THETA)
    gap = perturbed(best, THETA, noise, 0.5) - target
    np.testing.assert_allclose(g, -gap if minimise else gap)
    if value == "distance":
        assert found == pytest.approx(np.sum(gap**2))
    else:
        h = 1e-6
        up = np.array([h, 0, 0])
        shifted = (loss(THETA + up) - loss(THETA - up)) / (2 * h)
        assert shifted == pytest.approx(g[0], abs=1e-6)


def test_multiplicative_noise_keeps_signs_and_is_unbiased():
    """E 1[t exp(s Z - s^2/2) > c] = Phi(z), z = (log(t/c) - s^2/2)/s, derivative phi(z)/(s t)."""
    t, c, s = np.array([1.5]), 1.2, 0.4
    seen, values, gradients = [], [], []

    def above(v):
        seen.append(v)
        return np.where(v > c, 1.0, 0.0)

    for seed in range(300):
        noise = draw_noise(20, 1, Generator(seed))

        def f(t, noise=noise):
            y = perturbed(above, t, noise, s, covariate="loo", multiplicative=True)
            return array_namespace(y).sum(y)

        value, g = value_and_grad(f)(t)
        values.append(value)
        gradients.append(g[0])
    z = (np.log(1.5 / c) - s**2 / 2) / s
    for found, truth in ((values, stats.norm.cdf(z)), (gradients, stats.norm.pdf(z) / (s * 1.5))):
        error = np.std(found, ddof=1) / np.sqrt(300)
        assert abs(np.mean(found) - truth) < 4.5 * error
    assert all((v > 0).all() for v in seen)
    perturbed(above, -t, noise, s, multiplicative=True)
    assert (seen[-1] < 0).all()


def test_training_on_the_fenchel_young_loss_recovers_the_scores():
    """Targets are the probabilities of a softmax model: the minimum is at its scores."""
    target = softmax(np.array([1.0, 0.0, -1.0]))
    t = np.zeros(3)
    for step in range(300):
        noise = samples(200, "gumbel", step)
        t = t - 0.5 * grad(lambda t: fenchel_young_loss(exact_argmax, t, target, noise))(t)  # noqa: B023
    np.testing.assert_allclose(t - t[1], [1.0, 0.0, -1.0], atol=0.15)


def test_batches_are_taken_one_by_one():
    theta = np.random.default_rng(1).normal(size=(2, 1, 3))
    noise = np.random.default_rng(2).normal(size=(7, 2, 1, 3))
    g = grad(lambda t: array_namespace(t).sum(perturbed(exact_ranks, t, noise, batch_ndim=2) * W))(
        theta
    )
    for i in range(2):
        one = weighted(lambda t: perturbed(exact_ranks, t, noise[:, i, 0]))(theta[i, 0])  # noqa: B023
        np.testing.assert_allclose(g[i, 0], one)


def cheapest(w):
    return np.eye(w.shape[-1])[np.argmin(w, axis=-1)]


def test_the_black_box_gradient_is_the_slope_of_the_interpolation():
    w, lambda_ = np.array([1.0, 1.5, 3.0]), 2.0
    found = weighted(lambda v: blackbox(cheapest, v, lambda_))(w)
    np.testing.assert_allclose(found, (cheapest(w + lambda_ * W) - cheapest(w)) / lambda_)
    tiny = grad(lambda v: array_namespace(v).sum(blackbox(cheapest, v, 2.0) * 1e-3 * W))(w)
    np.testing.assert_array_equal(tiny, 0.0)


def test_maximisers_move_the_other_way():
    s = np.array([1.0, 1.5, 3.0])
    largest = weighted(lambda v: blackbox(lambda u: cheapest(-u), v, 2.0, minimise=False))(s)
    smallest = weighted(lambda v: blackbox(cheapest, v, 2.0))(-s)
    np.testing.assert_allclose(largest, -smallest)


def test_black_box_descent_finds_costs_whose_path_is_the_target():
    rng = np.random.default_rng(0)
    target = shortest_path(rng.uniform(0.1, 1.0, size=(5, 5)))
    w = rng.uniform(0.5, 1.0, size=(5, 5))
    for _ in range(200):

        def hamming(v):
            y = blackbox(shortest_path, v, 20.0, least=0.0)
            return array_namespace(y).sum(y * (1 - target) + (1 - y) * target)

        w = np.maximum(w - grad(hamming)(w), 0.01)
        if (shortest_path(w) == target).all():
            break
    np.testing.assert_array_equal(shortest_path(w), target)


def test_costs_do_not_fall_below_their_least():
    seen = []

    def solver(w):
        seen.append(w)
        return cheapest(w)

    weighted(lambda v: blackbox(solver, v, 5.0, least=0.0))(np.array([0.5, 0.1, 2.0]))
    assert (seen[-1] >= 0).all()


def test_the_negative_identity_and_implicit_mle():
    w = np.array([1.0, 1.5, 3.0])
    np.testing.assert_array_equal(weighted(lambda v: negative_identity(cheapest, v))(w), -W)
    np.testing.assert_array_equal(
        weighted(lambda v: negative_identity(cheapest, v, minimise=False))(w), W
    )
    noise = samples(9)
    found = weighted(lambda v: implicit_mle(cheapest, v, noise, sigma=0.5, lambda_=2.0))(w)
    moved = w + 0.5 * noise
    np.testing.assert_allclose(found, np.mean(cheapest(moved + 2 * W) - cheapest(moved), 0) / 2)


def test_the_adaptive_step_moves_costs_in_proportion_to_their_size():
    w, noise = np.array([[1.0, 1.5, 3.0], [2.0, 1.0, 0.5]]), Generator(0).normal((6, 2, 3))
    c = np.stack([W, 5 * W])

    def f(v, size=1.0):
        y = implicit_mle(cheapest, v, noise, sigma=0.5, lambda_=1.5, adaptive=True, batch_ndim=1)
        return array_namespace(y).sum(y * size * c)

    found = grad(f)(w)
    for k in range(2):
        step = 1.5 * np.linalg.norm(w[k]) / np.linalg.norm(c[k])
        one = implicit_mle_gradient(w[k], c[k], noise[:, k], step)
        np.testing.assert_allclose(found[k], one, rtol=1e-12)
    # costs move as far for any size of the gradient, which is then in proportion to it
    np.testing.assert_allclose(grad(f)(w, 100.0), 100.0 * found, rtol=1e-12)
    np.testing.assert_array_equal(grad(f)(w, 0.0), 0.0)


def implicit_mle_gradient(w, c, noise, lambda_):
    moved = w + 0.5 * noise
    return np.mean(cheapest(moved + lambda_ * c) - cheapest(moved), 0) / lambda_


@pytest.mark.parametrize("neighbours", ["4", "8"])
def test_paths_are_those_of_scipy(neighbours):
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    costs = np.random.default_rng(3).uniform(0.1, 1, size=(4, 6))
    reach = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
    reach = [s for s in reach if neighbours == "8" or 0 in s]
    graph = np.zeros((24, 24))
    for r, c in np.ndindex(4, 6):
        for dr, dc in reach:
            if 0 <= r + dr < 4 and 0 <= c + dc < 6:
                graph[6 * r + c, 6 * (r + dr) + c + dc] = costs[r + dr, c + dc]
    best = dijkstra(csr_matrix(graph), indices=0)[23] + costs[0, 0]
    path = shortest_path(costs, neighbours=neighbours)
    assert np.sum(path * costs) == pytest.approx(best)
    assert path[0, 0] == path[-1, -1] == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: perturbed(exact_argmax, THETA, np.ones((2, 4))), "noise: expected"),
        (lambda: perturbed(exact_argmax, THETA, samples(2), 0.0), "sigma"),
        (lambda: perturbed(exact_argmax, THETA, samples(2), covariate="x"), "covariate"),
        (lambda: perturbed(exact_argmax, THETA, samples(2), batch_ndim=2), "batch_ndim"),
        (lambda: perturbed(lambda s: s.sum(), THETA, samples(2)), "f: expected values"),
        (lambda: implicit_mle(cheapest, THETA, samples(2), batch_ndim=1), "batch_ndim"),
        (lambda: fenchel_young_loss(exact_argmax, THETA, W[:2], samples(2)), "theta, target"),
        (lambda: blackbox(cheapest, THETA, 0.0), "lambda_"),
        (lambda: blackbox(lambda w: w[:2], THETA, 1.0), "solver: expected a solution"),
        (lambda: shortest_path(-np.ones((2, 2))), "costs"),
        (lambda: shortest_path(np.full((2, 2), np.inf)), "costs: expected finite"),
        (lambda: shortest_path(np.ones((0, 2))), "with cells"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
