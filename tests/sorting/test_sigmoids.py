"""The soft comparisons: formulas, slopes, units, and the properties proved in the papers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf, lambertw

from refimpl import autograd as ag
from refimpl.sorting.sigmoids import MONOTONE, SIGMOIDS, make_sigmoid, soft_comparison

STEEP = st.floats(0.1, 50.0)
GRID = np.concatenate([-np.geomspace(20, 1e-3, 40), [0.0], np.geomspace(1e-3, 20, 40)])


def sigmoid(distribution, s=1.0, power=0.25, units="published"):
    return make_sigmoid(distribution, s, power, units)


def formula(distribution, d, s, power):
    """The sigmoids as tabulated in the papers' code, number by number."""
    v = s * d
    if distribution == "logistic_phi":
        v /= (abs(d) + 1e-10) ** power
    if distribution.startswith("logistic"):
        return 1 / (1 + math.exp(-v)) if v > -700 else 0.0
    if distribution == "gaussian":
        return 0.5 + erf(v / math.sqrt(2)) / 2
    if distribution == "reciprocal":
        return 0.5 * (v / (2 + abs(v)) + 1)
    if distribution == "cauchy":
        return math.atan(v) / math.pi + 0.5
    if abs(v) <= 0.25:
        return v + 0.5
    return 1 - 1 / (16 * v) if v > 0 else -1 / (16 * v)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@given(d=st.floats(-30, 30), s=STEEP, power=st.floats(0, 1))
def test_alpha_is_the_tabulated_formula(distribution, d, s, power):
    alpha = sigmoid(distribution, s, power).alpha(np.asarray(d))
    np.testing.assert_allclose(alpha, formula(distribution, d, s, power), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@given(s=STEEP, power=st.floats(0, 0.9))
def test_the_slope_is_the_derivative_of_alpha(distribution, s, power):
    f = sigmoid(distribution, s, power)
    _, pull = ag.vjp(f.alpha, GRID)
    slope = f.slope(GRID)
    np.testing.assert_allclose(pull(np.ones_like(GRID))[0], slope, rtol=1e-6, atol=1e-12 * s)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@given(s=STEEP)
def test_alpha_is_a_sigmoid_symmetric_and_non_decreasing(distribution, s):
    alpha = sigmoid(distribution, s).alpha(GRID)
    np.testing.assert_allclose(alpha + alpha[::-1], 1.0, atol=1e-15)
    assert np.all(np.diff(alpha) >= 0)
    far = sigmoid(distribution, s).alpha(np.array([-1e12, 0.0, 1e12]))
    np.testing.assert_allclose(far, [0.0, 0.5, 1.0], atol=1e-10)


@pytest.mark.parametrize(
    "distribution, slope",
    [
        ("logistic", 1 / 4), ("gaussian", 1 / math.sqrt(2 * math.pi)), ("reciprocal", 1 / 4),
        ("cauchy", 1 / math.pi), ("optimal", 1.0), ("logistic_phi", 316.227766 / 4),
    ],
)  # fmt: skip
def test_published_units_have_the_published_slope_at_zero(distribution, slope):
    np.testing.assert_allclose(sigmoid(distribution, 3.0).slope(np.zeros(1)), 3 * slope)


@pytest.mark.parametrize("distribution", [d for d in SIGMOIDS if d != "logistic_phi"])
@given(s=STEEP)
def test_lipschitz_units_have_the_steepness_as_slope_at_zero_and_nowhere_more(distribution, s):
    f = sigmoid(distribution, s, units="lipschitz")
    np.testing.assert_allclose(f.slope(np.zeros(1)), s, rtol=1e-14)
    assert np.max(f.slope(GRID)) <= s * (1 + 1e-14)


def test_lipschitz_units_are_the_normalised_functions_of_the_monotonic_paper():
    np.testing.assert_allclose(
        sigmoid("reciprocal", units="lipschitz").alpha(GRID),
        0.5 * 2 * GRID / (1 + 2 * np.abs(GRID)) + 0.5,
    )
    optimal = sigmoid("optimal", units="lipschitz").alpha(GRID)
    np.testing.assert_allclose(optimal, sigmoid("optimal").alpha(GRID))


@pytest.mark.parametrize("distribution", MONOTONE)
@given(s=STEEP)
def test_a_monotone_sigmoid_keeps_both_derivatives_of_the_minimum_non_negative(distribution, s):
    f, d = sigmoid(distribution, s), np.geomspace(1e-4, 1e4, 400)
    assert np.all(d * f.slope(d) <= f.alpha(-d) * (1 + 1e-9) + 1e-12)


@pytest.mark.parametrize(
    "distribution, power, u, lowest",
    [
        ("logistic", 0.25, 2.3994, -0.09984),
        ("gaussian", 0.25, math.sqrt(2), -0.12890),
        ("logistic_phi", 0.25, None, -0.0565),
        ("logistic_phi", 0.5, None, -0.0211),
        ("logistic_phi", 0.75, None, -0.0016),
    ],
)
def test_the_others_let_the_minimum_fall_with_the_larger_input(distribution, power, u, lowest):
    f, d = sigmoid(distribution, 1.0, power), np.geomspace(1e-2, 1e6, 400_001)
    derivative = f.alpha(-d) - d * f.slope(d)  # of the soft minimum, by the larger input
    np.testing.assert_allclose(np.min(derivative), lowest, atol=6e-5)
    if u is not None:
        np.testing.assert_allclose(d[np.argmin(derivative)], u, atol=2e-3)


W = float(lambertw(math.exp(-1)).real)


@pytest.mark.parametrize(
    "distribution, power, bound",
    [
        ("logistic", 0.25, W), ("gaussian", 0.25, 0.1699712), ("reciprocal", 0.25, 1.0),
        ("cauchy", 0.25, 1 / math.pi), ("optimal", 0.25, 1 / 16),
        ("logistic_phi", 0.25, 0.31436), ("logistic_phi", 0.5, 0.48283),
        ("logistic_phi", 0.1, 0.28751),
    ],
)  # fmt: skip
@pytest.mark.parametrize("s", [1.0, 7.0])
def test_the_error_of_a_soft_minimum_is_bounded_as_tabulated(distribution, power, bound, s):
    exponent = 1 / (1 - power) if distribution == "logistic_phi" else 1.0
    d = np.geomspace(1e-6, 1e9, 200_001)
    error = np.max(d * sigmoid(distribution, s, power).alpha(-d)) * s**exponent
    assert error <= bound * (1 + 2e-5)
    assert error >= bound * (1 - 1e-3)


def test_equal_values_are_half_and_half_under_activation_replacement_with_a_huge_slope():
    f = sigmoid("logistic_phi", 10.0)
    assert f.alpha(np.zeros(1))[0] == 0.5
    np.testing.assert_allclose(f.slope(np.zeros(1)), 790.569415, rtol=1e-8)


@pytest.mark.parametrize("distribution", SIGMOIDS)
def test_steepness_zero_is_one_half_everywhere(distribution):
    f = sigmoid(distribution, 0.0)
    np.testing.assert_array_equal(f.alpha(GRID), np.full_like(GRID, 0.5))
    np.testing.assert_array_equal(f.slope(GRID), np.zeros_like(GRID))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("distribution", SIGMOIDS)
def test_the_dtype_is_kept_and_large_arguments_give_no_warning(distribution, dtype):
    f, d = sigmoid(distribution, 100.0), np.array([-1e30, -1e4, 0.0, 1e4, 1e30], dtype)
    assert f.alpha(d).dtype == dtype
    assert np.isfinite(f.alpha(d)).all()
    assert f.slope(d / 1e20).dtype == dtype


def test_the_public_function_compares_two_arrays():
    d = np.array([[0.5, -0.5]])
    np.testing.assert_allclose(
        soft_comparison(d, distribution="cauchy", steepness=2.0), [[0.75, 0.25]]
    )
    assert soft_comparison([1, -1], distribution="optimal", steepness=1).dtype == np.float64


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"distribution": "cauchi"}, ValueError, "logistic, logistic_phi, .*'cauchi'.*'cauchy'"),
        ({"distribution": None}, ValueError, "distribution: expected one of .* got None"),
        ({"steepness": -1.0}, ValueError, r"steepness: .*-1.0.*descending=True"),
        ({"steepness": math.inf}, ValueError, "steepness: expected a finite number.*hard_sort"),
        ({"steepness": math.nan}, ValueError, "steepness: expected a number, got nan"),
        ({"steepness": "10"}, TypeError, "steepness: expected a number, got '10'"),
        ({"steepness": [1.0]}, TypeError, r"steepness: expected a number, got \[1.0\]"),
        ({"art_lambda": 1.5}, ValueError, "art_lambda: expected a number from 0.0 to 1.0, got 1.5"),
        ({"units": "si"}, ValueError, "units: expected one of published, lipschitz; got 'si'"),
        (
            {"units": "lipschitz", "distribution": "logistic_phi"},
            ValueError,
            "units: expected 'published' for the distribution 'logistic_phi'",
        ),
    ],
)
def test_bad_options_are_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        soft_comparison(np.zeros(2), **options)
