"""DiscoGrad on functions as they are written, on relaxed ones, and on values of whole arrays."""

import math

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import Generator, array_namespace
from refimpl.relaxation.decorator import relaxed
from refimpl.training.branches import Branch
from refimpl.training.discograd import estimate_gradient
from refimpl.training.plain_programs import program
from refimpl.training.sampled_gradient import replicated_gradient, sampled_gradient

X, SIGMA = np.array([0.4, -0.3, 0.9]), 0.5
U = Generator(0).normal((300, 3))


def insertion_sort_cost(x):
    """The smallest number, by insertion sort, times its place."""
    y = x.copy()
    moves = 0.0
    for i in range(1, len(y)):
        j = i
        while j > 0 and y[j] < y[j - 1]:
            y[j], y[j - 1] = y[j - 1], y[j]
            moves = moves + 1.0
            j -= 1
    return y[0] + 0.3 * moves


def all_kinds(x):
    total = abs(x[0]) + 2 * x[1] / 4 - (1 - x[2]) ** 2 + 2 ** x[0] + max(x[0], x[1])
    if x[0] <= 0.2:
        total = total + 1
    if x[1] <= 0.1:
        total = total - np.exp(x[2]) * np.float64(0.5)
    if x[1] > -1 and x[2] < 3:
        total += min(x)
    return total


def largest(x):
    best = x[0]
    for i in range(1, len(x)):
        if x[i] > best:
            best = x[i]
    return best


@pytest.mark.parametrize("function", [insertion_sort_cost, all_kinds, largest])
def test_the_program_computes_what_the_function_does(function):
    for u in U[:20]:
        assert float(program(function)(u, Branch())) == pytest.approx(float(function(u)))


def test_comparisons_are_branches_with_their_differences():
    branch = Branch()
    program(all_kinds)(X, branch)
    values = [float(c) for c in branch.conditions.values()]
    # max(x0, x1); 0.2 < x0; 0.1 < x1; -1 - x1; x2 - 3; then min of three numbers
    assert values[0] in (pytest.approx(0.7), pytest.approx(-0.7))
    np.testing.assert_allclose(values[1:5], [0.2 - 0.4, 0.1 + 0.3, -1 + 0.3, 0.9 - 3])
    assert len(values) == 7


def test_the_sides_of_a_branch_are_those_of_the_comparison_at_equality():
    x = np.array([0.5])
    for function, holds in (
        (lambda x: 1.0 if x[0] < 0.5 else 0.0, 0.0),
        (lambda x: 1.0 if x[0] <= 0.5 else 0.0, 1.0),
        (lambda x: 1.0 if x[0] > 0.5 else 0.0, 0.0),
        (lambda x: 1.0 if x[0] >= 0.5 else 0.0, 1.0),
        (lambda x: 1.0 if x[0] == 0.5 else 0.0, 1.0),
        (lambda x: 1.0 if x[0] != 0.5 else 0.0, 0.0),
    ):
        assert float(program(function)(x, Branch())) == holds


def test_functions_that_would_lose_the_derivative_are_refused():
    for function in (lambda x: math.exp(x[0]), lambda x: float(x[0]) + x[1]):
        with pytest.raises(TypeError, match=r"lose its derivative: use NumPy"):
            program(function)(X, Branch())
    found = estimate_gradient(program(lambda x: np.exp(x[0])), X, U, sigma=SIGMA, estimator="ipa")
    np.testing.assert_allclose(found.gradient[0], found.value)


def test_two_comparisons_in_a_line_are_two_branches():
    branch = Branch()
    program(lambda x: 1.0 if x[0] < 2 and x[1] < 2 else 0.0)(X, branch)
    assert len({name for name, _ in branch.conditions}) == 2


def test_the_oracle_agrees_with_the_same_program_in_explicit_branches():
    def explicit(x, branch):
        return x[1] * 2 if branch(x[0] - x[1], "a") else x[0] - 1.0

    def written(x):
        if x[0] < x[1]:
            return x[1] * 2
        return x[0] - 1.0

    for estimator in ("oracle", "oracle_2023", "ipa", "rloo"):
        options = {"sigma": SIGMA, "estimator": estimator}
        ours = estimate_gradient(program(written), X, U, **options)
        theirs = estimate_gradient(explicit, X, U, **options)
        np.testing.assert_allclose(ours.gradient, theirs.gradient)
        assert ours.value == pytest.approx(theirs.value)


def test_a_step_gets_the_density_of_the_noise():
    """A kernel estimate of the width h = N^(-1/5) s: the density of variance s^2 + h^2, with the
    variance density/(2 sqrt(pi) N h) to first order.
    """
    step = program(lambda x: 1.0 if x[0] + x[1] > 0.2 else 0.0)
    N, s = 2000, SIGMA * math.sqrt(2)
    found = estimate_gradient(step, X, Generator(1).normal((N, 3)), sigma=SIGMA)
    h = N**-0.2 * s
    expected = stats.norm.pdf(0.2 - 0.1, scale=math.hypot(s, h))
    error = math.sqrt(expected / (2 * math.sqrt(math.pi) * N * h))
    np.testing.assert_allclose(found.gradient[:2], expected, atol=4.5 * error)
    assert found.gradient[2] == 0


def test_relaxed_functions_run_as_they_are_written():
    relaxation = relaxed(beta=20.0)(largest)
    ours = estimate_gradient(program(relaxation), X, U, sigma=SIGMA)
    theirs = estimate_gradient(program(largest), X, U, sigma=SIGMA)
    np.testing.assert_array_equal(ours.gradient, theirs.gradient)
    assert float(relaxation(X)) == pytest.approx(float(largest(X)), abs=1e-3)


def smooth_product(x):
    xp = array_namespace(x)
    return x[..., 0] * x[..., 1] + xp.astype(x[..., 2] > 0.5, x.dtype)


@pytest.mark.parametrize("estimator", ["pgo", "reinforce", "rloo"])
def test_all_samples_at_once_equal_sample_by_sample(estimator):
    def one_by_one(x, branch):
        return float(smooth_product(x))

    slow = estimate_gradient(one_by_one, X, U, sigma=SIGMA, estimator=estimator)
    value, fast = sampled_gradient(smooth_product, X, U, sigma=SIGMA, estimator=estimator)
    np.testing.assert_allclose(fast, slow.gradient, rtol=1e-10)
    assert value == pytest.approx(slow.value)


def test_batches_are_estimated_one_by_one():
    x = Generator(2).normal((2, 1, 3))
    value, gradient = sampled_gradient(smooth_product, x, U, sigma=SIGMA)
    assert value.shape == (2, 1)
    for place in np.ndindex(2, 1):
        one = sampled_gradient(smooth_product, x[place], U, sigma=SIGMA)
        np.testing.assert_allclose(gradient[place], one[1], rtol=1e-10)


def test_replications_share_their_random_numbers_between_samples():
    def noisy(rng):
        shift = rng.normal()
        return lambda x, branch: 1.0 if branch(shift - x[0]) else 0.0

    noise = Generator(3).normal((4, 50, 1))
    found = replicated_gradient(noisy, X[:1], noise, range(4), sigma=SIGMA)
    each = []
    for seed in range(4):
        shift = np.random.default_rng(seed).normal()
        fixed = program(lambda x, s=shift: 1.0 if x[0] > s else 0.0)
        each.append(estimate_gradient(fixed, X[:1], noise[seed], sigma=SIGMA))
    np.testing.assert_allclose(found.gradient, np.mean([e.gradient for e in each], axis=0))
    assert found.value == pytest.approx(np.mean([e.value for e in each]))
    with pytest.raises(ValueError, match="sets of samples"):
        replicated_gradient(noisy, X[:1], noise, range(3), sigma=SIGMA)
