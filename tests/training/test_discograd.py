"""DiscoGrad and smooth interpretation: what is exact, what converges, and to what."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from refimpl.autograd import Generator, array_namespace, grad
from refimpl.autograd.numerics import check_grads
from refimpl.training.branches import run, run_crisp
from refimpl.training.discograd import ESTIMATORS, estimate_gradient
from refimpl.training.smooth_interpretation import RESTRICTIONS, interpret, interpreted_gradient


def heaviside(x, branch):
    return 0.0 if branch(x[0]) else 1.0


def smooth_only(x, branch):
    return array_namespace(x).sin(x[0]) * x[1]


def kinked(x, branch):
    """|x0|, continuous: no jump."""
    return -x[0] if branch(x[0]) else x[0]


def step_paths(paths):
    paths.branch(
        lambda v: v["x0"],
        lambda p: p.assign("y", lambda v: 0.0),
        lambda p: p.assign("y", lambda v: 1.0),
    )


def chained_paths(paths):
    paths.assign("y", lambda v: v["x0"] * v["x1"])
    for threshold in (0.3, -0.2, 0.1):
        paths.branch(
            lambda v, t=threshold: v["y"] - t,
            lambda p: p.assign("y", lambda v: v["y"] + 0.5 * v["x0"]),
            lambda p: p.assign("y", lambda v: v["y"] * v["x1"]),
        )


def test_without_branches_the_oracles_are_the_exact_pathwise_derivative():
    x, u = np.array([0.3, -0.5]), Generator(0).normal((20, 2))
    points = x + 0.4 * u
    exact = np.mean(np.stack([np.cos(points[:, 0]) * points[:, 1], np.sin(points[:, 0])], -1), 0)
    for estimator in ("oracle", "oracle_2023", "ipa"):
        found = estimate_gradient(smooth_only, x, u, sigma=0.4, estimator=estimator)
        np.testing.assert_allclose(found.gradient, exact, rtol=1e-12)


def test_a_branch_without_a_jump_adds_little():
    """The density is below 1/(h sqrt(2 pi)), the jump of |x| below the reach of the carriers."""
    x, sigma, carriers, u = np.array([0.1]), 0.5, 10, Generator(0).normal((400, 1))
    oracle = estimate_gradient(kinked, x, u, sigma=sigma, carriers=carriers)
    pathwise = estimate_gradient(kinked, x, u, sigma=sigma, estimator="ipa")
    points = (x + sigma * u)[:, 0]
    reach = max(np.sort(side)[carriers - 1] for side in (-points[points < 0], points[points > 0]))
    h = 400**-0.2 * points.std(ddof=1)
    assert abs(oracle.gradient - pathwise.gradient) < reach / (h * np.sqrt(2 * np.pi))


@pytest.mark.parametrize("estimator", ["pgo", "reinforce", "rloo"])
def test_estimators_from_values_are_unbiased(estimator):
    x, sigma, generator = np.array([0.2]), 0.5, Generator(1)
    found = np.array(
        [
            estimate_gradient(
                heaviside, x, generator.normal((20, 1)), sigma=sigma, estimator=estimator
            ).gradient
            for _ in range(300)
        ]
    )
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - stats.norm.pdf(0.2 / sigma) / sigma) < 4.5 * error


def test_the_oracle_has_the_bias_of_its_density_estimate():
    """The kernel widens a normal condition to the deviation sqrt(1 + N^(-2/5)) sigma."""
    sigma, N, generator = 0.5, 200, Generator(2)
    found = np.array(
        [
            estimate_gradient(heaviside, np.zeros(1), generator.normal((N, 1)), sigma=sigma)[1]
            for _ in range(80)
        ]
    )
    biased = stats.norm.pdf(0) / (sigma * np.sqrt(1 + N**-0.4))
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - biased) < max(4.5 * error, 0.01 * biased)
    assert found.mean() < 0.98 * stats.norm.pdf(0) / sigma


def test_pathwise_derivatives_alone_miss_the_jump():
    u = Generator(0).normal((50, 1))
    assert estimate_gradient(heaviside, np.zeros(1), u, sigma=0.5, estimator="ipa").gradient == 0


def test_equal_sides_add_nothing():
    def same(x, branch):
        branch(x[1])
        return 2.0

    u = Generator(0).normal((60, 2))
    found = estimate_gradient(same, np.array([0.3, 0.1]), u, sigma=0.5)
    np.testing.assert_array_equal(found.gradient, 0.0)


def loop(x, branch):
    y = x[0]
    for threshold in (-1.0, 0.0, 1.0):
        if branch(y - threshold):
            y = y + 1.0
    return y


def test_visits_of_a_loop_are_branches_of_their_own():
    found = run(loop, np.array([-0.5]))
    values = {key: c.value for key, c in found.conditions.items()}
    assert values == {("", 1): 0.5, ("", 2): -0.5, ("", 3): -0.5}
    assert found.output == 1.5


def test_a_loop_is_estimated_without_bias_from_values_and_nearly_so_by_the_oracle():
    """The smoothed gradient is E[P(x + sigma u) u]/sigma, by quadrature between the jumps. Kernels
    lower the density of a normal condition, hence a jump's share, by 1 - 1/sqrt(1 + N^(-2/5)).
    """
    sigma, N, generator = 0.5, 200, Generator(3)

    def integrand(u):
        return run_crisp(loop, np.array([sigma * u])) * u * stats.norm.pdf(u) / sigma

    edges = [-8.0, *(np.array([-2.0, -1.0, 0.0, 1.0]) / sigma), 8.0]
    exact = sum(quad(integrand, *pair)[0] for pair in itertools.pairwise(edges))
    for estimator, count, share in (("rloo", 100, 0.0), ("oracle", 10, 1.0)):
        found = [
            estimate_gradient(
                loop, np.zeros(1), generator.normal((N, 1)), sigma=sigma, estimator=estimator
            ).gradient
            for _ in range(count)
        ]
        error = np.std(found, ddof=1) / np.sqrt(count)
        bias = share * (1 - 1 / np.sqrt(1 + N**-0.4)) * abs(exact - 1)  # 1 is the pathwise part
        assert abs(np.mean(found) - exact) < 4.5 * error + bias


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_a_step_is_interpreted_exactly(restriction):
    """Phi(x/sigma) and its derivative."""
    for x in (-0.4, 0.0, 0.7):
        found = interpreted_gradient(
            step_paths, np.array([x]), sigma=0.5, max_paths=4, restriction=restriction
        )
        assert found.value == pytest.approx(stats.norm.cdf(x / 0.5), rel=1e-12)
        assert found.gradient[0] == pytest.approx(stats.norm.pdf(x / 0.5) / 0.5, rel=1e-12)


@pytest.mark.parametrize("restriction", RESTRICTIONS)
@pytest.mark.parametrize("max_paths", [2, 4, 64])
def test_the_interpretation_is_differentiated_exactly(restriction, max_paths):
    def value(x):
        return interpret(chained_paths, x, sigma=0.4, max_paths=max_paths, restriction=restriction)

    report = check_grads(value, np.array([0.7, 0.45]))
    assert report.ok, report


def test_the_published_gradient_has_the_same_value_and_drops_tangents_of_weights_at_merges():
    x = np.array([0.7, 0.45])
    for max_paths, same in ((2, False), (64, False)):
        options = {"sigma": 0.4, "max_paths": max_paths}
        ours = interpreted_gradient(chained_paths, x, **options)
        published = interpreted_gradient(chained_paths, x, published_gradient=True, **options)
        assert ours.value == published.value
        assert np.allclose(ours.gradient, published.gradient) == same


def test_powers_are_functions_of_one_variable_and_products_of_two_independent_ones():
    """(m^2, 4 m^2 v) for x^2, (m^2, 2 m^2 v) for x x, of which a branch knows the deviation."""

    def paths(p, expression):
        p.assign("z", expression)
        p.branch(
            lambda v: v["z"] - 0.2,
            lambda q: q.assign("y", lambda v: 0.0),
            lambda q: q.assign("y", lambda v: 1.0),
        )

    x, sigma = np.array([0.5]), 0.3
    for expression, variance in (
        (lambda v: v["x0"] ** 2, 4 * 0.25 * 0.09),
        (lambda v: v["x0"] * v["x0"], 2 * 0.25 * 0.09),
    ):
        found = interpret(lambda p, e=expression: paths(p, e), x, sigma=sigma)
        assert float(found) == pytest.approx(stats.norm.cdf(0.05 / np.sqrt(variance)))


def test_little_noise_is_the_crisp_program():
    for x in (np.array([0.9, 0.8]), np.array([-0.6, 0.7])):
        y = x[0] * x[1]
        for threshold in (0.3, -0.2, 0.1):
            y = y + 0.5 * x[0] if y < threshold else y * x[1]
        assert float(interpret(chained_paths, x, sigma=1e-6)) == pytest.approx(y, abs=1e-5)


def test_known_correlations_sharpen_a_branch_on_a_difference_of_equal_inputs():
    """x - x/2 has the deviation sigma/2, and sqrt(1.25) sigma for operands taken as independent."""

    def paths(p):
        p.assign("z", lambda v: v["x0"] - v["x0"] / 2)
        p.branch(
            lambda v: v["z"],
            lambda q: q.assign("y", lambda v: 0.0),
            lambda q: q.assign("y", lambda v: 1.0),
        )

    x = np.array([0.3])
    known = interpret(paths, x, sigma=0.5, keep_correlations=True)
    assert float(known) == pytest.approx(stats.norm.cdf(0.15 / 0.25))
    independent = interpret(paths, x, sigma=0.5)
    assert float(independent) == pytest.approx(stats.norm.cdf(0.15 / (0.5 * np.sqrt(1.25))))


def test_equality_is_a_window_of_width_one():
    def paths(p):
        p.assign("y", lambda v: 0.0)
        p.branch(lambda v: v["x0"] - 2, lambda q: q.assign("y", lambda v: 1.0), test="==")

    x = np.array([2.1])
    wanted = stats.norm.cdf(0.4 / 0.3) - stats.norm.cdf(-0.6 / 0.3)
    assert float(interpret(paths, x, sigma=0.3)) == pytest.approx(wanted)
    assert grad(lambda x: interpret(paths, x, sigma=0.3))(x)[0] < 0


def test_float32_is_kept():
    x, u = np.array([0.2, 0.4], np.float32), Generator(0).normal((30, 2)).astype(np.float32)
    for estimator in ESTIMATORS:
        found = estimate_gradient(smooth_only, x, u, sigma=0.5, estimator=estimator)
        assert found.gradient.dtype == np.float32
    for restriction in RESTRICTIONS:
        found = interpreted_gradient(
            chained_paths, x, sigma=0.4, max_paths=2, restriction=restriction
        )
        assert found.gradient.dtype == np.float32


def test_bad_arguments_are_named():
    u = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"noise: expected \(S, 1\)"):
        estimate_gradient(heaviside, np.zeros(1), u, sigma=1.0)
    with pytest.raises(ValueError, match="estimator: expected one of oracle"):
        estimate_gradient(heaviside, np.zeros(2), u, sigma=1.0, estimator="dgo")
    with pytest.raises(ValueError, match="at least 2 samples"):
        estimate_gradient(heaviside, np.zeros(2), u[:1], sigma=1.0, estimator="rloo")
    with pytest.raises(ValueError, match="sigma"):
        interpret(step_paths, np.zeros(1), sigma=0.0)
    with pytest.raises(ValueError, match="restriction"):
        interpret(step_paths, np.zeros(1), sigma=1.0, restriction="Ch")
    with pytest.raises(ValueError, match="scalar"):
        estimate_gradient(lambda x, b: x, np.zeros(2), u, sigma=1.0)
    for estimator in ESTIMATORS:
        with pytest.raises(ValueError, match="scalar"):
            estimate_gradient(lambda x, b: x, np.zeros(2), u, sigma=1.0, estimator=estimator)
        with pytest.raises(ValueError, match=r"x: expected \(n,\)"):
            estimate_gradient(heaviside, np.zeros((1, 2)), u, sigma=1.0, estimator=estimator)
    with pytest.raises(ValueError, match="output: 'y' is not set on 1 of 2 paths"):
        interpret(lambda p: p.branch(lambda v: v["x0"], lambda q: q.assign("y", lambda v: 1.0)),
                  np.zeros(1), sigma=1.0)  # fmt: skip
