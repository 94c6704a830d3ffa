"""Stochastic smoothing: unbiased within derived bounds, exact identities, variance reduction."""

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import Generator, array_namespace, grad, softmax, value_and_grad
from refimpl.distributions import distribution
from refimpl.training.noise import draw_noise
from refimpl.training.quasi_monte_carlo import METHODS, unit_points
from refimpl.training.smoothed_moments import k_sample_median, smoothed_covariance
from refimpl.training.smoothing import centred, estimate, smooth

LAWS = ("gaussian", "logistic", "gumbel", "cauchy", "laplace", "triangular")
SYMMETRIC = tuple(name for name in LAWS if name != "gumbel")


def step(v):
    return np.where(v > 0, 1.0, 0.0)


def one_hot_argmax(v):
    return np.eye(v.shape[-1])[np.argmax(v, axis=-1)]


def z_score(samples, truth):
    """How many standard errors the mean of independent samples is from the truth."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    return np.abs(samples.mean(axis=0) - truth) / np.maximum(error, 1e-300)


def repetitions(law, covariate, *, x, gamma, f=step, S=16, count=400, antithetic=False):
    generator = Generator(1)
    found = []
    for _ in range(count):
        noise = draw_noise(S, len(x), generator, distribution=law, antithetic=antithetic)
        found.append(estimate(f, x, noise, gamma, distribution=law, covariate=covariate))
    return [np.array([e[i] for e in found]) for i in range(3)]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("covariate", ["none", "f(x)", "loo"])
def test_estimates_of_a_step_are_unbiased(law, covariate):
    """E 1[x + gamma eps > 0] = 1 - F(-x/gamma), with derivatives f/gamma and x f/gamma^2 by x and
    -x f/gamma^2 by gamma.
    """
    x, gamma = np.array([0.3]), 0.7
    value, jacobian, by_gamma = repetitions(law, covariate, x=x, gamma=gamma)
    truth, z = distribution(law), -x / gamma
    assert z_score(value[:, 0], truth.survival(z)) < 4.5
    assert z_score(jacobian[:, 0, 0], truth.pdf(z) / gamma) < 4.5
    assert z_score(by_gamma[:, 0], -x * truth.pdf(z) / gamma**2) < 4.5


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("method", ["latin_rqmc", "cartesian_rqmc"])
@pytest.mark.parametrize("covariate", ["none", "f(x)"])
def test_randomised_even_points_are_unbiased_too(law, method, covariate):
    x, gamma, generator, found = np.array([0.3, -0.2]), 0.7, Generator(8), []
    for _ in range(200):
        noise = draw_noise(16, 2, generator, distribution=law, method=method)
        found.append(estimate(step, x, noise, gamma, distribution=law, covariate=covariate))
    truth = distribution(law)
    assert (z_score(np.array([e.value for e in found]), truth.survival(-x / gamma)) < 4.5).all()
    slopes = np.diag(truth.pdf(-x / gamma) / gamma)
    assert (z_score(np.array([e.jacobian for e in found]), slopes) < 4.5).all()


@pytest.mark.parametrize("law", LAWS)
def test_every_sampler_goes_with_every_covariate(law):
    """Samplers, covariates and, for symmetric laws, antithetic pairs in all combinations."""
    x, generator = np.array([0.3, -0.2]), Generator(9)
    for method in METHODS:
        for antithetic in (False, True)[: 1 + distribution(law).symmetric]:
            samples = 18 if antithetic else 9
            noise = draw_noise(
                samples, 2, generator, distribution=law, method=method, antithetic=antithetic
            )
            assert noise.shape == (samples, 2)
            for covariate in ("none", "f(x)", "loo_pair" if antithetic else "loo"):
                found = estimate(step, x, noise, distribution=law, covariate=covariate)
                assert all(np.isfinite(part).all() for part in found)


@pytest.mark.parametrize("law", SYMMETRIC)
def test_antithetic_pairs_are_unbiased_with_the_mirror_left_out_and_biased_with_it(law):
    x, gamma, S = np.array([0.3]), 0.7, 4
    truth = distribution(law).pdf(-x / gamma) / gamma
    options = {"x": x, "gamma": gamma, "S": S, "count": 1500, "antithetic": True}
    _, right, _ = repetitions(law, "loo_pair", **options)
    assert z_score(right[:, 0, 0], truth) < 4.5
    _, biased, _ = repetitions(law, "loo", **options)
    assert z_score(biased[:, 0, 0], truth * S / (S - 1)) < 4.5
    assert z_score(biased[:, 0, 0], truth) > 4.5


def test_argmax_with_gumbel_noise_is_softmax():
    x, gamma = np.array([0.2, -0.4, 1.0]), 0.5
    value, jacobian, _ = repetitions("gumbel", "loo", x=x, gamma=gamma, f=one_hot_argmax)
    p = softmax(x / gamma)
    assert (z_score(value, p) < 4.5).all()
    assert (z_score(jacobian, (np.diag(p) - np.outer(p, p)) / gamma) < 4.5).all()


def test_a_matrix_scale_is_unbiased():
    """For f(v) = v_0 v_1 and v = x + L eps: E f = x_0 x_1 + (L L^T)_01, with exact derivatives."""
    x, L = np.array([0.3, -0.5]), np.array([[0.7, 0.2], [-0.1, 0.5]])
    generator, found = Generator(2), []
    for _ in range(500):
        noise = draw_noise(20, 2, generator)
        found.append(estimate(lambda v: v[..., :1] * v[..., 1:], x, noise, L))
    assert (z_score(np.array([e.jacobian[0] for e in found]), x[::-1]) < 4.5).all()
    by_L = np.array([e.scale_gradient[0] for e in found])
    assert (z_score(by_L, np.array([L[1], L[0]])) < 4.5).all()


@pytest.mark.parametrize("law", LAWS)
def test_scores_have_mean_zero_and_product_one(law):
    noise = draw_noise(200_000, 1, Generator(3), distribution=law)[:, 0]
    score = distribution(law).score(noise)
    for found, truth in ((score, 0.0), (score * noise, 1.0)):
        if law == "triangular":  # its score has no variance: leave out |e| > 1 - delta
            delta, e = 0.01, np.abs(noise)  # E[s], E[s e] of the rest: 0, (1 - delta)^2
            found, truth = np.where(e < 1 - delta, found, 0.0), truth * (1 - delta) ** 2
        assert z_score(found[:, None], truth) < 4.5


def test_the_jacobian_of_a_constant_is_exactly_zero_with_a_covariate():
    noise = draw_noise(10, 3, Generator(0))
    for covariate, zero in (("f(x)", True), ("loo", True), ("loo_pair", True), ("none", False)):
        found = estimate(lambda v: 0 * v[..., :1] + 3.0, np.zeros(3), noise, covariate=covariate)
        assert (np.abs(found.jacobian).max() < 1e-14) == zero


def test_linear_functions_get_the_sample_covariance_as_their_slope():
    noise = draw_noise(12, 3, Generator(1), antithetic=True)
    slope = np.array([[1.0, -2.0, 0.5]])
    found = estimate(lambda v: v @ slope.T, np.ones(3), noise, 0.4, covariate="none")
    np.testing.assert_allclose(found.jacobian, slope @ (noise.T @ noise) / 12, rtol=1e-10)


@pytest.mark.parametrize("law", ["gaussian", "logistic"])
def test_covariates_and_even_points_reduce_the_variance(law):
    """Equal variances would give a ratio of mean squares below `bound` in one of 10^4 trials."""
    x, generator, count = np.array([0.3]), Generator(4), 300
    truth = distribution(law).pdf(-x / 0.7) / 0.7
    bound = stats.f.ppf(1e-4, count, count)

    def error(method, covariate, antithetic=False, shift=0.0):
        found = []
        for _ in range(count):
            noise = draw_noise(
                64, 1, generator, distribution=law, method=method, antithetic=antithetic
            )
            options = {"distribution": law, "covariate": covariate}
            found.append(estimate(lambda v: step(v) + shift, x, noise, 0.7, **options)[1])
        return np.mean((np.array(found) - truth) ** 2)

    plain, loo = error("mc", "none"), error("mc", "loo")
    assert loo < bound * plain
    assert error("mc", "f(x)", shift=3.0) < bound * error("mc", "none", shift=3.0)
    assert error("mc", "none", antithetic=True) < bound * plain
    for method in ("latin_rqmc", "cartesian_rqmc"):
        assert error(method, "none") < bound * plain
        assert error(method, "loo") < bound * loo


@pytest.mark.parametrize("method", METHODS)
def test_points_lie_in_the_cube_and_one_in_each_slice(method):
    points = unit_points(16, 2, method, Generator(0))
    assert points.shape == (16, 2)
    assert ((points >= 0) & (points < 1)).all()
    if method.startswith("latin"):
        assert (np.sort((points * 16).astype(int), axis=0) == np.arange(16)[:, None]).all()
    if method.startswith("cartesian"):
        cells = (points * 4).astype(int)
        assert len(np.unique(cells[:, 0] * 4 + cells[:, 1])) == 16


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (0, 3)])
@pytest.mark.parametrize("own", [False, True])
def test_batches_of_any_rank_equal_one_by_one(shape, own):
    x = np.random.default_rng(0).normal(size=shape)
    noise = np.random.default_rng(1).normal(size=(8, *shape) if own else (8, 3))
    W = np.random.default_rng(2).normal(size=(3, 2))

    def f(v):
        return step(v) @ W

    value, g = value_and_grad(lambda x: array_namespace(x).sum(smooth(f, x, noise, 0.5) ** 2))(x)
    assert g.shape == shape
    assert value.shape == ()
    for place in np.ndindex(shape[:-1]):
        one = noise[(slice(None), *place)] if own else noise
        found = estimate(f, x[place], one, 0.5)
        np.testing.assert_allclose(g[place], 2 * found.value @ found.jacobian, rtol=1e-10)


def test_the_scale_gets_its_gradient():
    x, noise = np.array([0.3, -0.2]), draw_noise(9, 2, Generator(0))
    found = estimate(step, x, noise, 0.7)
    g = grad(lambda gamma: array_namespace(gamma).sum(smooth(step, x, noise, gamma)))(0.7)
    np.testing.assert_allclose(g, found.scale_gradient.sum())
    L = np.array([[0.7, 0.1], [0.0, 0.4]])
    g = grad(lambda L: array_namespace(L).sum(smooth(step, x, noise, L)))(L)
    np.testing.assert_allclose(g, estimate(step, x, noise, L).scale_gradient.sum(0))


def test_float32_is_kept():
    x = np.array([0.3, -0.2], np.float32)
    noise = draw_noise(9, 2, Generator(0)).astype(np.float32)
    found = estimate(lambda v: step(v).astype(v.dtype), x, noise, 0.7)
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


def test_the_covariance_and_its_derivatives():
    """Two step functions f, g of the same input, with means p > q: E[f g] = q, and all moments are
    known. Means over S samples in place of expectations change E[f] E[g t] to
    E[f g t]/S + (1 - 1/S) E[f] E[g t], likewise for the covariance.
    """
    x, gamma, generator, S = np.array([0.2]), 0.6, Generator(5), 50

    def f(v):
        return np.concatenate([step(v), step(v - 0.3)], axis=-1)

    law, found = distribution("gaussian"), []
    for _ in range(800):
        noise = draw_noise(S, 1, generator)
        found.append(smoothed_covariance(f(x + gamma * noise), noise, gamma))
    z, w = -x / gamma, (0.3 - x) / gamma
    p, q = law.survival(z), law.survival(w)

    def expected(dp, dq):
        return (1 - 2 / S) * dq - (1 - 1 / S) * (p * dq + q * dp)

    covariance, by_x, by_gamma = (np.array(part) for part in zip(*found, strict=True))
    assert z_score(covariance[:, 0, 1], (1 - 1 / S) * (q - p * q)) < 4.5
    slopes = law.pdf(z) / gamma, law.pdf(w) / gamma
    assert z_score(by_x[:, 0, 1, 0], expected(*slopes)) < 4.5
    slopes = law.pdf(z) * z / gamma, law.pdf(w) * w / gamma
    assert z_score(by_gamma[:, 0, 1], expected(*slopes)) < 4.5


def test_the_covariance_by_a_matrix_scale_is_that_by_a_number_along_it():
    rng = np.random.default_rng(0)
    values, noise = rng.normal(size=(9, 2, 3)), rng.normal(size=(9, 2, 4))
    number = smoothed_covariance(values, noise, 0.6)
    matrix = smoothed_covariance(values, noise, 0.6 * np.eye(4))
    np.testing.assert_allclose(matrix.by_x, number.by_x, rtol=1e-12)
    traces = np.trace(matrix.by_scale, axis1=-2, axis2=-1)
    np.testing.assert_allclose(traces, number.by_scale, rtol=1e-10)


def test_smoothing_the_algorithm_is_biased_for_a_nonlinear_loss_and_smoothing_the_loss_is_not():
    """h a step with the mean p, l(h) = h^2: d p^2 = 2 p dp for the one, and d E h^2 = dp for the
    other. Of S samples, l of their mean has the derivative 2 p dp + O(1/S).
    """
    gamma, S, count = 0.7, 4, 3000
    x, noise = np.full((count, 1), 0.3), Generator(7).normal((S, count, 1))
    law, z = distribution("gaussian"), -0.3 / gamma
    p, dp = law.survival(np.array(z)), law.pdf(np.array(z)) / gamma
    algorithm = grad(lambda x: array_namespace(x).sum(smooth(step, x, noise, gamma) ** 2))(x)
    objective = grad(
        lambda x: array_namespace(x).sum(smooth(lambda v: step(v) ** 2, x, noise, gamma))
    )(x)
    assert z_score(objective, dp) < 4.5
    assert z_score(algorithm, 2 * p * dp) > 4.5


def test_the_median_of_cauchy_noise_has_a_gradient():
    generator, found = Generator(6), []
    x, gamma, law = np.array([0.4]), 0.5, distribution("cauchy")
    for _ in range(400):
        noise = law.sample(generator.uniform((20, 5, 1)))
        values = 2 * (x + gamma * noise)[..., 0]
        found.append(k_sample_median(values, noise, gamma))
    assert z_score(np.array([v for v, _ in found]), 0.8) < 4.5  # symmetric about 2 x
    assert z_score(np.array([g for _, g in found])[:, 0], 2.0) < 4.5


def test_leave_one_out_is_a_scaled_deviation_from_the_mean():
    values = np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(centred(values, "loo"), 7 / 6 * (values - values.mean(0)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: draw_noise(4, 1, Generator(0), distribution="uniform"), "jumps"),
        (lambda: draw_noise(4, 1, Generator(0), distribution="exponential"), "jumps"),
        (lambda: draw_noise(5, 1, Generator(0), antithetic=True), "even number"),
        (
            lambda: draw_noise(4, 1, Generator(0), distribution="gumbel", antithetic=True),
            "symmetric",
        ),
        (lambda: draw_noise(5, 2, Generator(0), method="cartesian"), r"k\*\*2 points"),
        (lambda: draw_noise(5, 2, Generator(0), method="sobol"), "method"),
        (lambda: estimate(step, np.ones(2), np.ones((3, 3))), "noise"),
        (lambda: estimate(step, np.ones(2), np.ones((3, 2)), 0.0), "scale"),
        (lambda: estimate(step, np.ones(2), np.ones((3, 2)), covariate="mean"), "covariate"),
        (lambda: estimate(step, np.ones(2), np.ones((1, 2))), "at least 2 samples"),
        (lambda: k_sample_median(np.ones((2, 4)), np.ones((2, 4, 1)), 1.0), "odd k"),
        (lambda: k_sample_median(np.ones((2, 3)), np.ones((2, 5, 1)), 1.0), "noise"),
        (lambda: k_sample_median(np.ones((2, 3)), np.ones((2, 3, 1)), 0.0), "gamma"),
        (lambda: estimate(step, np.ones(2), np.ones((3, 2)), np.ones(2)), "diagonal matrix"),
        (lambda: estimate(step, np.ones(2), np.ones((3, 2)), np.eye(3)), r"matrix \(2, 2\)"),
        (lambda: estimate(step, np.ones(2), np.ones((0, 2))), "S >= 1"),
        (lambda: estimate(step, np.ones((4, 2)), np.ones((3, 5, 2))), "noise"),
        (lambda: estimate(lambda v: v[..., 0], np.ones(2), np.ones((3, 2))), "axis of length 1"),
        (lambda: smooth(lambda v: v[..., 0], np.ones((3, 2)), np.ones((3, 2))), "f: expected"),
        (lambda: smoothed_covariance(np.ones((4, 3)), np.ones((5, 2)), 1.0), "values, noise"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
