"""Smooth interpretation of functions as they are written, beside the explicit paths."""

import numpy as np
import pytest
from scipy import stats

from refimpl.autograd import Generator, grad
from refimpl.autograd.numerics import check_grads
from refimpl.relaxation.decorator import relaxed
from refimpl.training.branching_cases import PATHS, THRESHOLDS
from refimpl.training.discograd import estimate_gradient
from refimpl.training.plain_paths import interpret_function
from refimpl.training.plain_programs import program
from refimpl.training.smooth_interpretation import interpret

X = np.array([0.35, -0.2, 0.6])


def sequence(x):
    y = x[0] * x[1]
    y = y + 2 * x[0] if x[0] - x[1] < 0.3 else y - 1
    return y * 0.5 if x[1] < 0 else y


def loop(x):
    v = x[0] / 2
    for threshold in THRESHOLDS:
        if v < threshold:
            v = v - threshold
    return v


def nested(x):
    if x[0] < 0.2:
        return x[2] if x[1] < 0 else 1.0
    return x[0] * x[0]


WRITTEN = {
    "step": lambda x: 0.0 if x[0] < 0 else 1.0,
    "sequence": sequence,
    "loop": loop,
    "nested": nested,
    "smooth": lambda x: x[0] * x[1] + x[2] * x[2],
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("keep_correlations", [False, True])
def test_the_written_function_is_the_explicit_program(name, keep_correlations):
    options = {"sigma": 0.4, "keep_correlations": keep_correlations}
    for x in (X, -X, 3 * X):
        ours = interpret_function(WRITTEN[name], x, **options)
        assert float(ours) == pytest.approx(float(interpret(PATHS[name], x, **options)), rel=1e-12)
        by_x = grad(lambda x: interpret_function(WRITTEN[name], x, **options))(x)
        np.testing.assert_allclose(
            by_x, grad(lambda x: interpret(PATHS[name], x, **options))(x), rtol=1e-10, atol=1e-13
        )


@pytest.mark.parametrize("max_paths", [1, 2, 4, 8])
def test_few_paths_are_the_heaviest_and_differentiated_exactly(max_paths):
    """The likeliest path is that of the means; three comparisons have at most eight paths."""

    def value(x):
        return interpret_function(loop, x, sigma=0.1, max_paths=max_paths)

    whole = float(interpret_function(loop, X, sigma=0.1))
    if max_paths in (1, 8):
        assert float(value(X)) == pytest.approx({1: loop(X), 8: whole}[max_paths], rel=1e-12)
    report = check_grads(value, X)
    assert report.ok, report


def test_comparisons_have_their_probabilities():
    x, sigma = np.array([0.3, 0.1]), 0.5
    greater = stats.norm.cdf(0.2 / (sigma * np.sqrt(2)))
    near = stats.norm.cdf((0.5 - 0.3) / sigma) - stats.norm.cdf((-0.5 - 0.3) / sigma)
    for function, wanted in (
        (lambda x: 1.0 if x[0] > x[1] else 0.0, greater),
        (lambda x: 1.0 if x[0] >= x[1] else 0.0, greater),
        (lambda x: 1.0 if x[0] < x[1] else 0.0, 1 - greater),
        (lambda x: 1.0 if x[0] <= x[1] else 0.0, 1 - greater),
        (lambda x: 1.0 if x[0] == 0.0 else 0.0, near),
        (lambda x: 1.0 if x[0] != 0.0 else 0.0, 1 - near),
        (lambda x: 1.0 if np.float64(0.1) < x[0] else 0.0, stats.norm.cdf(0.2 / sigma)),
        (lambda x: max(x[0], x[1]), greater * 0.3 + (1 - greater) * 0.1),
    ):
        found = float(interpret_function(function, x, sigma=sigma))
        assert found == pytest.approx(wanted, abs=1e-12)


def test_arithmetic_and_functions_are_those_of_the_numbers():
    def everything(x):
        return (
            (1 - x[0]) ** 2 / (2 + x[1]) + np.exp(x[2]) - 2 ** x[1] + abs(-x[0]) + 3 / (+x[0] + 2)
        )

    exact = float(everything(X))
    assert float(interpret_function(everything, X, sigma=0.4)) == pytest.approx(exact)
    report = check_grads(lambda x: interpret_function(everything, x, sigma=0.4), X)
    assert report.ok, report


def test_relaxed_functions_run_as_they_are_written():
    def largest(x):
        best = x[0]
        for i in range(1, len(x)):
            if x[i] > best:
                best = x[i]
        return best

    ours = interpret_function(relaxed(beta=20.0)(largest), X, sigma=0.2)
    assert float(ours) == float(interpret_function(largest, X, sigma=0.2))


def test_it_agrees_with_the_estimate_from_samples():
    """A sum of two steps: exact paths, and an unbiased estimate."""

    def steps(x):
        return (1.0 if x[0] > 0.2 else 0.0) + (2.0 if x[1] > 0 else 0.0)

    exact = grad(lambda x: interpret_function(steps, x, sigma=0.5))(X)
    generator = Generator(0)
    found = np.array(
        [
            estimate_gradient(
                program(steps), X, generator.normal((50, 3)), sigma=0.5, estimator="rloo"
            ).gradient
            for _ in range(60)
        ]
    )
    error = found.std(0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(0) - exact) < 4.5 * np.maximum(error, 1e-12)).all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"x: expected \(n,\)"):
        interpret_function(loop, X[None], sigma=0.1)
    with pytest.raises(ValueError, match="sigma"):
        interpret_function(loop, X, sigma=0.0)
    with pytest.raises(ValueError, match="max_paths"):
        interpret_function(loop, X, sigma=0.1, max_paths=0)
    with pytest.raises(TypeError, match="no single value"):
        interpret_function(lambda x: float(x[0]), X, sigma=0.1)
