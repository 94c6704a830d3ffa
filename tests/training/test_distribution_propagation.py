"""Stable distribution propagation: exact where it promises to be, linearised where it says so."""

import math

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import Generator, array_namespace, grad, jacobian, relu, sigmoid
from refimpl.autograd.numerics import check_grads
from refimpl.training import distribution_propagation as dp
from refimpl.training import propagated_outputs as outputs

RNG = np.random.default_rng(0)
W1, W2 = RNG.normal(size=(5, 3)), RNG.normal(size=(2, 5))
X = RNG.normal(size=(4, 3))


def network(x, phi=relu):
    xp = array_namespace(x)
    return phi(x @ xp.asarray(W1.T)) @ xp.asarray(W2.T)


def test_affine_maps_are_exact_for_gaussians():
    mean, std = RNG.normal(size=3), np.array([0.5, 1.0, 2.0])
    moved, scale = dp.affine(mean, std, W1, np.ones(5))
    full, covariance = dp.affine_full(mean, np.diag(std**2), W1, np.ones(5))
    np.testing.assert_allclose(moved, W1 @ mean + 1)
    np.testing.assert_allclose(full, moved)
    np.testing.assert_allclose(scale, np.sqrt(np.diag(covariance)))
    np.testing.assert_allclose(covariance, W1 @ np.diag(std**2) @ W1.T)


def test_affine_maps_are_exact_for_cauchy_laws():
    """The quartiles of a Cauchy law are location +- scale w, where its density is 1/(2 pi w); the
    deviation of a quartile of N samples is sqrt(3/16/N) over it.
    """
    location, scale = np.array([1.0, -2.0]), np.array([0.5, 0.2])
    W = np.array([[2.0, -3.0]])
    moved, width = dp.affine(location, scale, W, law="cauchy")
    u = Generator(0).uniform((200_000, 2))
    y = (location + scale * np.tan(np.pi * (u - 0.5))) @ W[0]
    low, high = np.quantile(y, [0.25, 0.75])
    error = float(width[0]) * 2 * np.pi * np.sqrt(3 / 16 / len(y))
    assert low == pytest.approx(float(moved[0] - width[0]), abs=4.5 * error)
    assert high == pytest.approx(float(moved[0] + width[0]), abs=4.5 * error)


def test_relu_keeps_or_kills():
    value, scale = dp.activation(np.array([2.0, -1.0, 0.0]), np.full(3, 0.5), relu)
    np.testing.assert_allclose(value, [2.0, 0.0, 0.0])
    np.testing.assert_allclose(scale, [0.5, 0.0, 0.0])


def test_layer_by_layer_with_full_covariance_equals_the_jacobian_of_the_network():
    mean, covariance = X, np.broadcast_to(0.09 * np.eye(3), (4, 3, 3))
    mean, covariance = dp.affine_full(mean, covariance, W1)
    mean, covariance = dp.activation_full(mean, covariance, sigmoid)
    mean, covariance = dp.affine_full(mean, covariance, W2)
    whole = dp.propagate(lambda x: network(x, sigmoid), X, 0.3)
    np.testing.assert_allclose(whole[0], mean, rtol=1e-12)
    np.testing.assert_allclose(whole[1], covariance, rtol=1e-10)


def test_marginal_propagation_drops_correlations():
    mean, std = dp.affine(X, np.full(X.shape, 0.3), W1)
    mean, std = dp.affine(*dp.activation(mean, std, sigmoid), W2)
    _, covariance = dp.propagate(lambda x: network(x, sigmoid), X, 0.3)
    assert not np.allclose(std**2, np.diagonal(covariance, axis1=1, axis2=2), rtol=0.01)
    J1 = np.array([jacobian(lambda x: sigmoid(x @ W1.T))(x) for x in X])
    squares = np.einsum("oh,bhi->bo", W2**2, (J1**2)) * 0.09
    np.testing.assert_allclose(std**2, squares, rtol=1e-10)


def test_small_noise_agrees_with_monte_carlo():
    """Means within 4.5 standard errors and the second-order term, sigma^2/2 times the trace of the
    Hessian, where |sigmoid''| < 0.1; covariances within 4.5 standard errors of normal samples.
    """
    N, sigma = 50_000, 0.01
    y = network(X[0] + sigma * Generator(1).normal((N, 3)), sigmoid)
    (mean,), (S,) = dp.propagate(lambda x: network(x, sigmoid), X[:1], sigma)
    curved = 0.5 * sigma**2 * 0.1 * np.abs(W2) @ np.sum(W1**2, axis=1)
    assert (np.abs(y.mean(0) - mean) < 4.5 * np.sqrt(np.diag(S) / N) + curved).all()
    error = np.sqrt((np.outer(np.diag(S), np.diag(S)) + S**2) / N)
    assert (np.abs(np.cov(y.T) - S) < 4.5 * error).all()


def test_the_covariance_is_semidefinite_with_the_rank_of_the_input():
    _, covariance = dp.propagate(lambda x: network(x @ np.ones((1, 3))), X[:, :1])
    values = np.linalg.eigvalsh(covariance)
    assert (values >= -1e-12 * np.abs(values).max()).all()
    assert (values[:, 0] < 1e-9 * np.abs(values).max()).all()


def test_the_covariance_is_differentiable_in_weights_inputs_and_noise():
    def loss(w, x, std):
        xp = array_namespace(w, x, std)
        mean, covariance = dp.propagate(lambda x: sigmoid(x @ xp.matrix_transpose(w)), x, std)
        return xp.sum(xp.sin(mean)) + xp.sum(xp.cos(covariance))

    report = check_grads(loss, (W1[:2], X[:2], np.full((2, 3), 0.4)))
    assert report.ok, report


def test_pairs_are_complementary_and_right():
    mean = RNG.normal(size=(2, 3))
    A = RNG.normal(size=(2, 3, 3))
    S = A @ np.swapaxes(A, -1, -2)
    P = outputs.pairwise_probability(mean, S)
    np.testing.assert_allclose(P + np.swapaxes(P, -1, -2), 1.0)
    spread = math.sqrt(S[0, 0, 0] + S[0, 1, 1] - 2 * S[0, 0, 1])
    assert P[0, 0, 1] == pytest.approx(stats.norm.cdf((mean[0, 0] - mean[0, 1]) / spread))
    np.testing.assert_allclose(np.diagonal(P, axis1=1, axis2=2), 0.5)


def test_pairs_without_spread_are_steps_with_no_gradient():
    mean = np.array([1.0, 0.0, 0.0])

    def total(mean):
        P = outputs.pairwise_probability(mean, np.zeros((3, 3)))
        return array_namespace(P).sum(P * np.arange(9.0).reshape(3, 3))

    P = outputs.pairwise_probability(mean, np.zeros((3, 3)))
    np.testing.assert_array_equal(P, [[0.5, 1, 1], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    np.testing.assert_array_equal(grad(total)(mean), 0.0)


def test_cauchy_pairs():
    location, J = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.0, 2.0]])
    P = outputs.pairwise_probability_cauchy(location, J, np.array([0.5, 0.25]))
    assert P[0, 1] == pytest.approx(stats.cauchy.cdf(1.0))
    assert P[0, 1] + P[1, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("mu", [-8.0, -2.0, 0.0, 0.5, 3.0])
def test_relu_moments_are_those_of_the_rectified_gaussian(mu):
    grid = np.linspace(mu - 14, mu + 14, 2_000_001)
    density, y = stats.norm.pdf(grid, mu), np.maximum(grid, 0)
    mean = np.trapezoid(y * density, grid)
    variance = np.trapezoid((y - mean) ** 2 * density, grid)
    found = outputs.relu_moments(np.array(mu), np.array(1.0))
    assert found[0] == pytest.approx(mean, rel=1e-6, abs=0)
    assert found[1] == pytest.approx(variance, rel=1e-6, abs=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_above_zero_the_relu_leaves_mean_and_variance_as_they_are(dtype):
    mean, std = np.array([3e3, 1e8, 1.0, 1e30], dtype), np.array([1.0, 2.0, 1e-8, 1e-8], dtype)
    found = outputs.relu_moments(mean, std)
    np.testing.assert_array_equal(found[0], mean)
    np.testing.assert_allclose(found[1], std**2, rtol=1e-6)
    below = outputs.relu_moments(-mean, std)
    np.testing.assert_array_equal(below, 0.0)


def test_relu_moments_keep_their_digits_far_below_zero():
    """From 60-digit evaluations of std (phi + z Phi) and (z^2 + 1) Phi + z phi - mean^2."""
    mean, variance = outputs.relu_moments(np.array([-5.0, -20.0]), np.ones(2))
    np.testing.assert_allclose(mean, [5.346165533832815e-8, 1.3700124947295800e-90], rtol=1e-10)
    np.testing.assert_allclose(variance, [1.934329232940457e-8, 1.3599129147073811e-91], rtol=1e-8)


@pytest.mark.parametrize("mu", [-6.0, -0.5, 0.0, 0.7, 5.0])
def test_relu_moments_have_their_derivatives_at_zero_too(mu):
    """d mean/d mu = Phi, d variance/d mu = 2 mean (1 - Phi), at std = 1."""
    mean = float(outputs.relu_moments(np.array(mu), np.array(1.0))[0])
    Phi, tail = stats.norm.cdf(mu), stats.norm.sf(mu)
    for k, wanted in enumerate((Phi, 2 * mean * tail)):
        slope = grad(lambda mu, k=k: outputs.relu_moments(mu, np.array(1.0))[k])(np.array(mu))
        assert slope == pytest.approx(wanted, rel=1e-11)


def test_small_cauchy_probabilities_keep_their_digits():
    y, J, gamma = np.array([0.0, 1e9]), np.array([[1.0], [0.0]]), np.array([1.0])
    p = outputs.pairwise_probability_cauchy(y, J, gamma)
    assert p[0, 1] == pytest.approx(1e-9 / math.pi, rel=1e-12)


def test_without_deviation_the_moments_are_those_of_a_constant():
    mean = np.array([-1.0, 0.0, 2.0])
    value, variance = outputs.relu_moments(mean, np.zeros(3))
    np.testing.assert_array_equal(value, [0.0, 0.0, 2.0])
    np.testing.assert_array_equal(variance, 0.0)
    for k in range(2):
        g = grad(lambda s: array_namespace(s).sum(outputs.relu_moments(mean, s)[k]))(np.zeros(3))  # noqa: B023
        np.testing.assert_array_equal(g, 0.0)


def test_the_linearisation_is_the_nearest_gaussian_in_total_variation():
    """The mass that no Gaussian has, at 0 for mu > 0; others are farther away."""
    mu, sigma = 0.6, 1.0
    claimed = float(outputs.relu_total_variation(np.array(mu), np.array(sigma)))
    grid = np.linspace(-12, 12, 400_001)
    rectified = np.where(grid > 0, stats.norm.pdf(grid, mu, sigma), 0.0)

    def distance(m, s):
        overlap = np.trapezoid(np.minimum(rectified, stats.norm.pdf(grid, m, s)), grid)
        return 1 - overlap

    assert distance(mu, sigma) == pytest.approx(claimed, abs=1e-4)
    for m, s in ((mu + 0.1, sigma), (mu - 0.1, sigma), (mu, 0.9), (mu, 1.1)):
        assert distance(m, s) > claimed
    moments = outputs.relu_moments(np.array(mu), np.array(sigma))
    assert distance(float(moments[0]), math.sqrt(float(moments[1]))) > claimed


def test_the_likelihood_is_scipys():
    A = RNG.normal(size=(3, 3))
    S, mean, t = A @ A.T + np.eye(3), RNG.normal(size=3), RNG.normal(size=3)
    found = outputs.gaussian_negative_log_likelihood(t, mean, S)
    assert found == pytest.approx(-stats.multivariate_normal.logpdf(t, mean, S))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="element-wise"):
        dp.activation(X, X, lambda x: array_namespace(x).sum(x, axis=-1))
    with pytest.raises(ValueError, match=r"network: expected outputs \(4, m\)"):
        dp.propagate(lambda x: array_namespace(x).sum(x, axis=-1), X)
    with pytest.raises(ValueError, match="std"):
        dp.propagate(network, X, -1.0)
    with pytest.raises(ValueError, match="law"):
        dp.affine(X, X, W1, law="levy")
    with pytest.raises(ValueError, match=r"weight: expected \(m, 3\)"):
        dp.affine(X, X, W2)
    with pytest.raises(ValueError, match=r"scale: expected \(\.\.\., 3\)"):
        dp.affine(X, X[:, :2], W1)
    with pytest.raises(ValueError, match=r"covariance: expected \(\.\.\., 3, 3\)"):
        dp.affine_full(X, np.eye(2), W1)
    with pytest.raises(ValueError, match=r"covariance: expected \(\.\.\., 3, 3\)"):
        outputs.pairwise_probability(X, np.eye(2))


def test_lists_are_arrays_and_float32_is_kept():
    moved, scale = dp.affine([1.0, 2.0], [1.0, 1.0], [[3.0, 4.0]])
    np.testing.assert_allclose([moved[0], scale[0]], [11.0, 5.0])
    x, W, S = (v.astype(np.float32) for v in (X, W1, np.broadcast_to(np.eye(3), (4, 3, 3))))
    found = [
        *dp.affine(x, abs(x), W), *dp.affine(x, abs(x), W, law="cauchy"),
        *dp.affine_full(x, S, W), *dp.activation(x, abs(x), relu),
        *dp.activation_full(x, S, sigmoid), *dp.propagate(lambda x: relu(x @ W.T), x, 0.3),
        *dp.propagate_cauchy(lambda x: relu(x @ W.T), x, abs(x)),
        *dp.propagate_marginal([(W, None), relu], x, abs(x)), *outputs.relu_moments(x, abs(x)),
        outputs.pairwise_probability(x, S), outputs.gaussian_negative_log_likelihood(x, x, S),
    ]  # fmt: skip
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


def test_marginal_propagation_is_exact_up_to_the_first_hidden_layer_and_then_differs():
    rng = np.random.default_rng(0)
    W, V, x, s = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=3), 0.3
    layers = [(W, None), relu]
    _, marginal = dp.propagate_marginal(layers, x, np.full(3, s))
    _, full = dp.propagate(lambda x: relu(x @ W.T), x[None], s)
    np.testing.assert_allclose(marginal, np.sqrt(np.diagonal(full[0])), rtol=1e-12)
    _, marginal = dp.propagate_marginal([*layers, (V, None)], x, np.full(3, s))
    np.testing.assert_allclose(marginal**2, (V**2) @ np.diagonal(full[0]), rtol=1e-12)


def test_marginal_cauchy_scales_are_at_least_those_of_the_whole_jacobian():
    """|V| |W| >= |V W|: dropping the correlations never narrows a Cauchy law."""
    rng = np.random.default_rng(1)
    W, V, x, gamma = *rng.normal(size=(2, 3, 3)), rng.normal(size=3), rng.uniform(0.1, 1, 3)
    _, marginal = dp.propagate_marginal([(W, None), (V, None)], x, gamma, law="cauchy")
    _, exact, _ = dp.propagate_cauchy(lambda x: x @ W.T @ V.T, x[None], gamma[None])
    assert (marginal >= exact[0] - 1e-12).all()


def test_output_noise_adds_to_the_variances_only():
    S = outputs.with_output_noise(np.ones((2, 3, 3)), np.array([[1.0, 2.0, 0.0], [0.0] * 3]))
    np.testing.assert_array_equal(S[0] - 1, np.diag([1.0, 4.0, 0.0]))
    np.testing.assert_array_equal(S[1], 1)
