"""Choosing a law by name and parameters, and what is refused."""

import math

import numpy as np
import pytest

from refimpl.distributions import (
    ALIASES,
    DISTRIBUTIONS,
    Distribution,
    distribution,
    probability,
)

# The names in the order of the numbers of GenDR's code, then the others.
GENDR = [
    "heaviside", "uniform", "cubic_hermite", "wigner_semicircle", "gaussian", "laplace", "logistic",
    "gudermannian", "cauchy", "reciprocal", "gumbel_max", "gumbel_min", "exponential",
    "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev",
]  # fmt: skip


def test_the_first_names_are_those_of_gendr_in_its_order():
    assert list(DISTRIBUTIONS)[: len(GENDR)] == GENDR
    assert set(DISTRIBUTIONS) == {
        *GENDR, "triangular", "algebraic", "optimal", "logistic_phi"
    }  # fmt: skip


def test_names_are_those_of_the_table_and_aliases_lead_to_them():
    assert all(law.name == name for name, law in DISTRIBUTIONS.items())
    for alias, name in ALIASES.items():
        assert distribution(alias) is DISTRIBUTIONS[name]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError, match="assignment"):
        DISTRIBUTIONS["mine"] = DISTRIBUTIONS["cauchy"]
    with pytest.raises(TypeError, match="assignment"):
        DISTRIBUTIONS["gamma"].parameters["shape"] = 2.0
    with pytest.raises(AttributeError):
        DISTRIBUTIONS["cauchy"].symmetric = False


def test_parameters_are_kept_with_the_law():
    assert dict(distribution("gamma", shape=2).parameters) == {"shape": 2.0, "shift": 0.0}
    assert dict(distribution("levy_rev", shift=0.5).parameters) == {"shift": 0.5}
    assert distribution("levy_rev", shift=0.5).support == (-math.inf, 0.5)
    assert distribution("exponential", shift=0.5).support == (-0.5, math.inf)
    assert dict(distribution("logistic_phi").parameters) == {"art_lambda": 0.25, "steepness": 1.0}


@pytest.mark.parametrize(
    "name, parameters, error, message",
    [
        ("gausian", {}, ValueError, "heaviside, uniform, .*'gausian'.*did you mean 'gaussian'"),
        ("", {}, ValueError, "name: expected one of .*, hyperbolic_secant, .*; got ''"),
        (None, {}, ValueError, "name: expected one of .* got None"),
        (3, {}, ValueError, "name: expected one of .* got 3"),
        ("cauchy", {"shape": 1}, ValueError, r"shape: cauchy has no such parameter .*: none"),
        ("levy", {"shape": 1}, ValueError, r"shape: levy has no such .*\(it has: shift\)"),
        ("normal", {"scale": 1}, ValueError, "scale: gaussian has no such parameter"),
        ("gamma", {"shape": -1}, ValueError, "shape: expected a number >= 0, got -1"),
        ("gamma", {"shape": math.nan}, ValueError, "shape: expected a number, got nan"),
        ("gamma", {"shape": math.inf}, ValueError, "shape: expected a finite number, got inf"),
        ("gamma", {"shape": "2"}, TypeError, "shape: expected a number, got '2'"),
        ("gamma", {"shape": [2.0, 3.0]}, TypeError, r"shape: expected a number, got \[2"),
        ("levy", {"shift": math.inf}, ValueError, "shift: expected a finite number, got inf"),
        ("exponential", {"shift": None}, TypeError, "shift: expected a number, got None"),
        ("logistic_phi", {"art_lambda": 1.0}, ValueError, "art_lambda: expected .* below 1"),
        ("logistic_phi", {"art_lambda": -0.1}, ValueError, "art_lambda: .*got -0.1"),
        ("logistic_phi", {"steepness": 0}, ValueError, "steepness: expected a positive number"),
        ("logistic_phi", {"steepness": math.inf}, ValueError, "steepness: expected a finite"),
    ],
)
def test_bad_choices_are_refused_by_name(name, parameters, error, message):
    with pytest.raises(error, match=message):
        distribution(name, **parameters)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_is_a_positive_number(scale):
    with pytest.raises(ValueError, match="scale"):
        distribution("cauchy").scaled(scale)


@pytest.mark.parametrize("law", [distribution("heaviside"), distribution("gamma", shape=0.5)])
def test_a_law_without_lipschitz_constant_cannot_be_normalised(law):
    with pytest.raises(ValueError, match=f"{law.name} .*no Lipschitz constant"):
        law.normalised()


@pytest.mark.parametrize("method", ["cdf", "survival", "pdf", "log_cdf", "score", "quantile"])
@pytest.mark.parametrize(
    "z, error, message",
    [
        (1j, TypeError, "[zu]: expected an array of real numbers"),
        (np.array([True]), TypeError, "[zu]: expected real numbers, got .* bool"),
        ("0.5", TypeError, "[zu]: expected an array of real numbers, got str"),
        ([[0.1], [0.2, 0.3]], ValueError, "[zu]: got a ragged list"),
        (None, TypeError, "[zu]: expected an array"),
    ],
)
def test_bad_arguments_are_refused_by_name(method, z, error, message):
    with pytest.raises(error, match=message):
        getattr(distribution("logistic"), method)(z)


def test_lists_and_whole_numbers_become_float64():
    law: Distribution = distribution("logistic")
    for z in ([0, 1], np.array([0, 1]), (0.0, 1.0)):
        np.testing.assert_allclose(law.cdf(z), [0.5, 0.7310585786300049], rtol=1e-15)
        assert law.cdf(z).dtype == np.float64


def test_the_threshold_of_a_cut_radius_is_a_probability():
    with pytest.raises(ValueError, match=r"threshold: expected a number from 0.0 to 1.0, got -1"):
        distribution("cauchy").cut_radius(-1)
    assert distribution("cauchy").cut_radius(0.0) == math.inf
    assert distribution("uniform").cut_radius(0.0) == 1.0


def test_a_probability_by_name_is_that_of_the_scaled_law():
    z = np.linspace(-2.0, 2.0, 9)
    for name, law in DISTRIBUTIONS.items():
        found = probability(z, distribution=name, scale=0.5)
        np.testing.assert_array_equal(found, law.scaled(0.5).cdf(z))
    right = distribution("gamma", shape=2.0, shift=1.0).cdf(z)
    found = probability(z, distribution="gamma", shape=2.0, shift=1.0)
    np.testing.assert_array_equal(found, right)
    with pytest.raises(ValueError, match="scale: expected a positive number, got 0"):
        probability(z, scale=0)
