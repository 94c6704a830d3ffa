"""Quantiles undo probabilities, and samples have the distribution that they are samples of."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import SMOOTHING, title

from refimpl import autograd as ag
from refimpl.distributions import DISTRIBUTIONS, distribution

every_law = pytest.mark.parametrize("law", SMOOTHING, ids=title)
TAIL = np.geomspace(1e-14, 0.5, 50)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_law
def test_the_probability_of_a_quantile_is_the_number_it_was_asked_for(law, dtype):
    """Up to what rounding the quantile itself changes, which is f(z) ulp(z)."""
    eps = float(np.finfo(dtype).eps)
    u = (TAIL if dtype == np.float64 else np.geomspace(1e-6, 0.5, 50)).astype(dtype)
    for quantile, probability in ((law.quantile, law.cdf), (law.upper_quantile, law.survival)):
        z = quantile(u)
        assert z.dtype == dtype
        room = 32 * eps * (u + (np.abs(z) + abs(law.parameters.get("shift", 0.0))) * law.pdf(z))
        if not math.isinf(law.support[0] + law.support[1]):  # at an end, a number is that coarse
            room = room + 8 * eps
        assert np.all(np.abs(probability(z) - u) <= room)


@every_law
@settings(max_examples=25)
@given(u=st.floats(0.01, 0.99))
def test_the_quantile_of_a_probability_is_the_number_it_belongs_to(law, u):
    z = law.quantile(u)
    np.testing.assert_allclose(law.quantile(law.cdf(z)), z, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(law.upper_quantile(law.survival(z)), z, rtol=1e-8, atol=1e-9)
    assert law.support[0] <= z <= law.support[1]


@every_law
def test_quantiles_rise_from_one_end_of_the_support_to_the_other(law):
    u = np.concatenate([[0.0], TAIL, 1 - TAIL[::-1][1:], [1.0]])
    z = law.quantile(u)
    assert np.all(np.diff(z) >= -1e-12 * np.abs(z[1:]))
    assert (z[0], z[-1]) == law.support
    assert tuple(law.upper_quantile(np.array([1.0, 0.0]))) == law.support
    assert np.isnan(law.quantile(np.array([-0.1, 1.1, math.nan]))).all()


@every_law
def test_the_derivative_of_a_quantile_is_one_over_the_density(law):
    u = np.linspace(0.03, 0.97, 48)
    for function, sign in ((law.quantile, 1), (law.upper_quantile, -1)):
        z, pull = ag.vjp(function, u)
        np.testing.assert_allclose(pull(np.ones(48))[0], sign / law.pdf(z), rtol=1e-7)
        ends = ag.vjp(function, np.array([0.0, 1.0]))[1](np.ones(2))[0]
        np.testing.assert_array_equal(ends, [0.0, 0.0])


def test_second_derivatives_of_quantiles_that_are_solved_for():
    for law in (distribution("gamma", shape=2.5), distribution("wigner_semicircle")):
        z = law.quantile(0.3)
        slope = ag.grad(ag.grad(law.quantile))(0.3)  # d/du 1/f(z) = score(z)/f(z)^2
        np.testing.assert_allclose(slope, law.score(z) / law.pdf(z) ** 2, rtol=1e-6)


@every_law
def test_evenly_spread_uniforms_give_samples_with_that_distribution(law):
    """The k-th of n samples from (k + 1/2)/n has that probability: the empirical distribution is
    off by 1/(2n) everywhere.
    """
    n = 2000
    samples = law.sample((np.arange(n) + 0.5) / n)
    F = law.cdf(samples)
    np.testing.assert_allclose(F, (np.arange(n) + 0.5) / n, atol=1e-7)


@every_law
def test_samples_pass_the_dvoretzky_kiefer_wolfowitz_bound(law):
    """sup |F_n - F| <= sqrt(log(2/delta)/(2n)) but for a chance of delta = 1e-9."""
    n = 20_000
    uniforms = ag.Generator(7).uniform((n,))
    F = np.sort(law.cdf(law.sample(uniforms)))
    k = np.arange(1, n + 1)
    distance = max(np.max(k / n - F), np.max(F - (k - 1) / n))
    assert distance <= math.sqrt(math.log(2e9) / (2 * n))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_law
def test_samples_are_finite_numbers_even_from_zero_and_one(law, dtype):
    samples = law.sample(np.array([0.0, 0.5, 1.0], dtype))
    assert samples.dtype == dtype
    if law.parameters.get("art_lambda", 0.0) < 0.5:
        assert np.isfinite(samples).all()
    assert samples[0] < samples[1] < samples[2]


@pytest.mark.parametrize("name", [n for n, law in DISTRIBUTIONS.items() if law.symmetric])
def test_mirrored_uniforms_give_mirrored_samples(name):
    law, u = distribution(name), np.linspace(0.0, 0.5, 33)  # 1 - u is exact
    np.testing.assert_allclose(law.sample(1 - u), -law.sample(u), rtol=1e-13, atol=1e-15)


def test_all_samples_of_the_step_are_zero():
    np.testing.assert_array_equal(DISTRIBUTIONS["heaviside"].sample(TAIL), np.zeros(50))


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 1, 3)])
def test_shapes_are_kept(shape):
    u = np.full(shape, 0.3)
    for law in DISTRIBUTIONS.values():
        for function in ("cdf", "survival", "pdf", "log_cdf", "log_pdf", "score"):
            assert getattr(law, function)(u).shape == shape
        for function in ("quantile", "upper_quantile", "sample"):
            assert getattr(law, function)(u).shape == shape
