"""Planted mistakes: each has to be found, placed and named."""

import functools

import numpy as np
import pytest
from checked_functions import W, X, only, softmax, waves, waves_gradient

from refimpl.autograd import array_namespace
from refimpl.autograd.numerics import check_grads

MISTAKES = {
    "sign": ("sign", lambda g: -g),
    "factor 2": ("factor", lambda g: 2 * g),
    "mean instead of sum": ("factor", lambda g: g / 16),
    "transposed": ("transposed", lambda g: g.T),
    "detached": ("zero", lambda g: 0 * g),
    "detached in one row": ("zero_slices", lambda g: g * np.array([[1.0], [1.0], [0.0], [1.0]])),
    "permuted": ("permuted", lambda g: g[[2, 0, 1, 3]]),
    "flipped": ("flipped", lambda g: g[:, ::-1]),
    "shifted": ("rolled", lambda g: np.roll(g, 1, axis=0)),
    "missing constant": ("offset", lambda g: g + 0.25),
    "missing mean": ("offset", lambda g: g - g.mean(axis=0)),
    "NaN": ("not_a_number", lambda g: np.where(g > 0, np.nan, g)),
    "shape": ("reshaped", lambda g: g.ravel()),
}


@pytest.mark.parametrize("full", [64, 0])
@pytest.mark.parametrize("name", MISTAKES)
def test_each_planted_mistake_is_found_and_named(name, full):
    kind, mistake = MISTAKES[name]
    report = check_grads(waves, X, grad=lambda x: mistake(waves_gradient(x)), full=full)
    assert not report.ok
    finding = report.findings[0]
    if name == "shape":
        assert finding.check == "form"
        expected_hints = [kind] if full else []
        assert [hint.kind for hint in finding.hints] == expected_hints
        return
    assert (finding.check, finding.input, finding.output) == ("vjp", "x", "output")
    assert [hint.kind for hint in finding.hints] == [kind]
    right, wrong = waves_gradient(X), mistake(waves_gradient(X))
    where = finding.comparison.index
    assert finding.comparison.expected == pytest.approx(right[where], rel=1e-6)
    np.testing.assert_equal(finding.comparison.actual, wrong[where])
    assert "differences: smooth, derivative" in finding.verdict
    assert "the engine agrees" in finding.verdict
    assert "the grad given disagrees" in finding.verdict


def test_a_sum_over_the_wrong_axis_of_a_broadcast_is_named():
    def f(x, b):
        return array_namespace(x).sum(x * b)

    def vjp(args, g):
        x, b = args
        return g * b * np.ones_like(x), g * x

    finding = check_grads(f, (X, W[0]), vjp=vjp).findings[0]
    assert finding.check == "form"
    assert "shape (4, 4) instead of shape (4,)" in finding.message
    assert [hint.kind for hint in finding.hints] == ["not_reduced"]


def test_one_wrong_element_among_thousands_is_located():
    x = np.random.default_rng(0).normal(size=(50, 60))

    def gradient(x):
        g = 2 * x
        g[17, 23] += 0.5
        return g

    finding = only(check_grads(lambda x: array_namespace(x).sum(x * x), x, grad=gradient))
    assert finding.comparison.index == (17, 23)
    assert finding.comparison.exceeding == 1
    assert finding.comparison.absolute == pytest.approx(0.5)


@pytest.mark.parametrize("full", [64, 0])
def test_ulp_errors_are_counted_in_the_precision_of_the_gradient(full):
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0], np.float32)

    def gradient(x):
        return 2 * x + np.array([0, 0, 0, 0, 2**-6], x.dtype)

    finding = only(
        check_grads(lambda x: array_namespace(x).sum(x * x), x, grad=gradient, full=full)
    )
    assert finding.comparison.ulp == pytest.approx(2.0**-6 / 2.0**-20, rel=1e-6)


def test_large_arrays_get_the_hints_that_need_no_shape():
    x = np.random.default_rng(0).normal(size=(40, 40))

    def f(x):
        return array_namespace(x).sum(x * x)

    for kind, factor in {"sign": -2, "zero": 0, "factor": 1}.items():
        finding = only(check_grads(f, x, grad=lambda x, c=factor: c * x))
        assert [hint.kind for hint in finding.hints] == [kind]
    assert only(check_grads(f, x, grad=lambda x: 2 * x[::-1])).hints == ()


def test_a_factor_is_named_after_the_parameter_that_it_equals():
    def f(x, steepness):
        return array_namespace(x).sum(array_namespace(x).tanh(steepness * x))

    def gradient(x, steepness):
        return 1 - np.tanh(steepness * x) ** 2

    for call in (
        lambda: check_grads(f, (X, 3), grad=gradient),
        lambda: check_grads(
            functools.partial(f, steepness=3),
            X,
            grad=functools.partial(gradient, steepness=3),
        ),
        lambda: check_grads(
            lambda x: f(x, 3), X, grad=lambda x: gradient(x, 3), parameters={"steepness": 3}
        ),
    ):
        (hint,) = only(call()).hints
        assert hint.text.endswith("one over steepness")


def test_the_mistake_is_placed_in_the_right_output_and_input():
    def f(a, b):
        return {"first": a * b, "second": [a + b]}

    def vjp(args, g):
        a, b = args
        return g["first"] * b + g["second"][0], g["first"] * a + 2 * g["second"][0]

    finding = only(check_grads(f, ({"p": X[0]}["p"], W[0]), vjp=vjp))
    assert (finding.output, finding.input) == ("output['second'][0]", "b")


def test_wrong_forward_mode_is_found_beside_a_right_backward_mode():
    report = check_grads(
        softmax,
        X,
        vjp=lambda args, g: softmax(args[0]) * (g - (g * softmax(args[0])).sum(-1, keepdims=True)),
        jvp=lambda args, v: softmax(args[0]) * v[0],
    )
    finding = only(report)
    assert finding.check == "jvp"
    assert "the engine agrees" in finding.verdict


def test_derivatives_of_inexact_functions_still_have_to_be_adjoint():
    def f(x):  # rounds to float32, so that differences cannot see one part in a thousand
        return np.sum(x**3).astype(np.float32)

    def jvp(args, tangents):
        return np.sum(3 * args[0] ** 2 * tangents[0]).astype(np.float32)

    exact = check_grads(f, X, grad=lambda x: 3 * x**2, jvp=jvp)
    assert exact.ok, exact
    assert "inexact" in exact.tolerance
    finding = only(check_grads(f, X, grad=lambda x: 3.003 * x**2, jvp=jvp))
    assert finding.check == "adjoint"


def test_a_function_that_hides_float32_is_noticed():
    def f(x):
        return np.sum(np.asarray(x, np.float32) ** 3).astype(np.float64)

    report = check_grads(f, X, grad=lambda x: 3 * x**2)
    assert report.ok, report
    assert any("relative precision" in note for note in report.notes)
    assert not check_grads(f, X, grad=lambda x: 3.3 * x**2)


def test_a_wrong_second_derivative_is_found():
    def hvp(args, g, tangents):
        return np.cos(args[0]) * W * tangents[0]  # of the gradient it should be -sin

    report = check_grads(waves, X, grad=waves_gradient, hvp=hvp, order=2)
    assert [finding.check for finding in report.findings] == ["second"]

    def skew(args, g, tangents):
        return -np.sin(args[0]) * W * tangents[0] + np.roll(tangents[0], 1)

    report = check_grads(waves, X, grad=waves_gradient, hvp=skew, order=2)
    assert {finding.check for finding in report.findings} == {"second", "symmetry"}
