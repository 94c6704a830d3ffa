"""check_grads where there is no derivative, or more than one."""

import re

import numpy as np
import pytest
from checked_functions import only
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import array_namespace, relu, sort, vector_norm
from refimpl.autograd.numerics import check_grads


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_at_a_kink_any_admissible_gradient_is_accepted_and_noted(share):
    def top(x):
        return np.max(x)

    def gradient(x):
        return np.array([0.0, share, 1 - share])

    report = check_grads(top, np.array([1.0, 3.0, 3.0]), grad=gradient)
    assert report.ok, report
    (note,) = report.notes
    assert note.startswith("kink: derivatives of output with respect to x that lie between")
    assert note.endswith("accepted; x[1] and x[2] are both 3")


def test_at_a_kink_other_gradients_are_refused_with_the_interval():
    x = np.array([1.0, 3.0, 3.0])
    report = check_grads(np.max, x, grad=lambda x: np.array([0.0, 0.5, 1.5]))
    finding = only(report)
    assert finding.comparison.index == (2,)
    assert "kink, admissible [0, 1]" in re.sub(r"\S*e-\d+", "0", finding.verdict)
    assert finding.ties


def test_elements_that_are_admissible_alone_but_not_together_are_refused():
    x = np.array([1.0, 3.0, 3.0])
    finding = only(check_grads(np.max, x, grad=lambda x: np.array([0.0, 1.0, 1.0])))
    assert "no single element" in finding.message
    assert finding.comparison.actual == pytest.approx(2.0)
    assert finding.comparison.expected == pytest.approx(1.0)
    assert finding.draw == "kinks (1, 2)"


TIED = {
    "sort": sort,
    "maximum": lambda x: array_namespace(x).max(x),
    "weighted sort": lambda x: array_namespace(x).sum(sort(x) * np.arange(1.0, x.size + 1) ** 2),
    "differences": lambda x: array_namespace(x).abs(x[1:] - x[:-1]),
    "clip": lambda x: array_namespace(x).clip(x, 0.0, 1.0),
}


@pytest.mark.parametrize("name", TIED)
@given(x=st.lists(st.integers(0, 2), min_size=2, max_size=6), full=st.sampled_from([0, 64]))
@settings(max_examples=20)
def test_ties_of_any_number_of_elements_are_no_reason_for_a_finding(name, x, full):
    report = check_grads(TIED[name], np.array(x, dtype=float), full=full)
    assert report.ok, report


def test_the_gradient_of_a_piece_that_no_step_along_an_axis_shows_is_admissible():
    weights = np.array([0.0, 10.0, 1.0])
    orders = {"first": [0, 1, 2], "last": [2, 1, 0], "other": [1, 2, 0]}
    for order in orders.values():
        gradient = weights[order]
        report = check_grads(
            lambda x: np.sort(x) @ weights, np.ones(3), grad=lambda x, g=gradient: g
        )
        assert report.ok, report
    outside = np.array([11.0, 0.0, 0.0])
    assert not check_grads(lambda x: np.sort(x) @ weights, np.ones(3), grad=lambda x: outside)


@pytest.mark.parametrize("value, right", [(0.0, True), (0.7, True), (1.5, False)])
def test_kinks_in_large_arrays_are_judged_by_element(value, right):
    x = np.random.default_rng(0).normal(size=(30, 30))
    x[4, 5] = x[20, 7] = 0.0

    def gradient(x):
        g = (x > 0).astype(float)
        g[20, 7] = value
        return g

    report = check_grads(lambda x: array_namespace(x).sum(relu(x)), x, grad=gradient)
    assert report.ok is right
    if right:
        assert any(note.startswith("kink") for note in report.notes)
    else:
        assert only(report).comparison.index == (20, 7)
        assert "kink" in only(report).verdict


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: sort(x), [1.0, 2.0, 1.0, 0.5]),
        (lambda x: relu(x), [0.0, -1.0, 2.0]),
        (lambda x: array_namespace(x).abs(x), [0.0, -1.0, 2.0]),
        (lambda x: vector_norm(x), [0.0, 0.0]),
        (lambda x: array_namespace(x).max(x, axis=-1), [[1.0, 1.0], [2.0, 3.0]]),
    ],
)
def test_the_conventions_of_the_engine_at_kinks_are_admissible(f, x):
    report = check_grads(f, np.array(x))
    assert report.ok, report
    assert any(note.startswith("kink") for note in report.notes)


@pytest.mark.parametrize("f", [np.sqrt, np.cbrt, np.floor])
def test_at_a_singular_point_nothing_is_decided_and_that_is_noted(f):
    def vjp(args, g):
        return g * 123.0 * np.array([1.0, 0.0])

    report = check_grads(lambda x: f(x) * np.array([1.0, 0.0]), np.array([0.0, 1.0]), vjp=vjp)
    assert report.ok, report
    assert any(note.startswith("singular") for note in report.notes)


def test_an_infinite_slope_times_zero_is_not_a_finding():
    assert check_grads(lambda x: array_namespace(x).sqrt(x), np.array([0.0, 2.0]))


def test_the_trap_of_where_is_a_finding():
    def f(x):
        xp = array_namespace(x)
        return xp.where(x > 0, xp.sqrt(x), 0 * x)

    finding = check_grads(f, np.array([-1.0, 2.0])).findings[0]
    assert np.isnan(finding.comparison.actual)
    assert finding.comparison.expected == pytest.approx(0.0, abs=1e-9)
    assert [hint.kind for hint in finding.hints] == ["not_a_number"]


def test_an_infinite_output_does_not_hide_the_others():
    def f(x):
        return np.stack([np.log(x[0]), x[0] * x[1]])

    def vjp(args, g):
        x = args[0]
        assert g[0] == 0.0
        return np.array([g[1] * x[1], 2 * g[1] * x[0]])

    x = np.array([0.0, 2.0])
    assert check_grads(f, x, vjp=vjp)
    finding = only(check_grads(f, x, vjp=lambda args, g: 2 * vjp(args, g)))
    assert finding.comparison.index == (0,)


def test_outputs_that_are_not_finite_are_left_out_and_noted():
    report = check_grads(lambda x: array_namespace(x).log(x), np.array([0.0, 2.0]))
    assert report.ok, report
    assert "1 elements of the output are not finite and are left out" in report.notes
