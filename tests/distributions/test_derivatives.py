"""The engine's derivatives of the laws: densities, hazards and scores, their values at kinks, and
nothing but numbers far out.
"""

import math

import numpy as np
import pytest
from laws import SMOOTHING, inside, title

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.distributions import DISTRIBUTIONS, distribution

every_law = pytest.mark.parametrize("law", SMOOTHING, ids=title)
FUNCTIONS = ("cdf", "survival", "pdf", "log_cdf", "log_survival", "log_pdf", "score")


def slope(function, z):
    y, pull = ag.vjp(function, z)
    return pull(np.ones(y.shape, y.dtype))[0]


@every_law
def test_derivatives_are_the_density_its_quotients_and_the_score(law):
    z = inside(law)
    f, F, S = law.pdf(z), law.cdf(z), law.survival(z)
    exact = {
        "cdf": f, "survival": -f, "log_cdf": f / F, "log_survival": -f / S,
        "log_pdf": -law.score(z), "pdf": -f * law.score(z),
    }  # fmt: skip
    for function, right in exact.items():
        scale = 1e-9 * np.max(np.abs(right)) if function in ("log_pdf", "pdf") else 0.0
        found = slope(getattr(law, function), z)
        np.testing.assert_allclose(found, right, rtol=1e-8, atol=scale, err_msg=function)


@every_law
def test_differences_agree_with_derivatives_of_first_and_second_order(law):
    z = law.quantile(np.array([0.07, 0.21, 0.4, 0.63, 0.82, 0.95]))
    if law.name == "logistic_phi" and law.parameters["art_lambda"] > 0.5:
        z = 0.05 * np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])  # where differences resolve it
    for function in ("cdf", "log_survival", "log_pdf"):
        report = check_grads(getattr(law, function), (z,), order=2)
        assert report, str(report)


@pytest.mark.parametrize(
    "law", [law for law in SMOOTHING if not law.parameters.get("art_lambda")], ids=title
)
def test_the_density_integrates_to_the_distribution_function(law):
    """By Gauss-Legendre quadrature between quantiles, which are no kinks."""
    x, weights = np.polynomial.legendre.leggauss(40)
    u = np.array([0.02, 0.11, 0.23, 0.31, 0.47]) if law.symmetric else np.linspace(0.05, 0.9, 9)
    ends = law.quantile(u)
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    area = half * np.sum(weights * law.pdf(middle[:, None] + half[:, None] * x), axis=-1)
    tolerance = 1e-5 if law.name == "optimal" else 1e-8  # its second derivative jumps
    np.testing.assert_allclose(area, np.diff(law.cdf(ends)), rtol=tolerance)


# name, parameters, point, slope of F there, slope of f there
KINKS = [
    ("heaviside", {}, 0.0, 0.0, 0.0),
    ("uniform", {}, 1.0, 0.0, 0.0), ("uniform", {}, -1.0, 0.0, 0.0),
    ("cubic_hermite", {}, -1.0, 0.0, 0.0), ("wigner_semicircle", {}, 1.0, 0.0, 0.0),
    ("triangular", {}, 0.0, 1.0, 0.0), ("triangular", {}, -1.0, 0.0, 0.0),
    ("laplace", {}, 0.0, 0.5, 0.0), ("reciprocal", {}, 0.0, 0.5, 0.0),
    ("optimal", {}, 0.25, 1.0, 0.0), ("optimal", {}, -0.25, 1.0, 0.0),
    ("exponential", {}, 0.0, 1.0, -1.0), ("exponential_rev", {}, 0.0, 1.0, 1.0),
    ("exponential", {"shift": 0.5}, -0.5, 1.0, -1.0),
    ("gamma", {"shape": 0.5}, 0.0, 0.0, 0.0), ("gamma", {"shape": 1.0}, 0.0, 0.0, 0.0),
    ("gamma_rev", {"shape": 0.5}, 0.0, 0.0, 0.0), ("levy", {}, 0.0, 0.0, 0.0),
    ("levy_rev", {"shift": 1.0}, 1.0, 0.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("name, parameters, z, F_slope, f_slope", KINKS)
def test_the_derivative_at_a_kink_is_the_stated_density(name, parameters, z, F_slope, f_slope):
    law = distribution(name, **parameters)
    assert law.pdf(np.array(z)) == F_slope
    assert ag.grad(law.cdf)(z) == F_slope
    assert ag.grad(law.survival)(z) == -F_slope
    assert ag.grad(law.pdf)(z) == f_slope


@pytest.mark.parametrize(("name", "power"), [("cauchy", 2.0), ("algebraic", 3.0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_score_of_heavy_tails_is_power_over_z_however_far(name, power, dtype):
    z = np.array([-1e30, 1e12, 3e19], dtype)
    score, pull = ag.vjp(DISTRIBUTIONS[name].score, z)
    np.testing.assert_allclose(score, power / z, rtol=1e-6)
    slope = pull(np.ones_like(z))[0]
    np.testing.assert_allclose(slope[1], -power / z[1] ** 2, rtol=1e-6)


def test_the_score_of_a_symmetric_kink_is_zero():
    for name in ("laplace", "reciprocal", "triangular"):
        assert distribution(name).score(np.zeros(1)) == 0.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("law", [*SMOOTHING, DISTRIBUTIONS["heaviside"]], ids=title)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # of numbers that are infinite
def test_far_out_every_value_and_derivative_is_a_number(law, dtype):
    largest = float(np.finfo(dtype).max)
    size = np.concatenate([np.geomspace(1e-30, 1e30, 61), [largest / 2, largest]])
    z = np.concatenate([-size[::-1], [-0.0, 0.0], size]).astype(dtype)
    for function in FUNCTIONS:
        found, pull = ag.vjp(getattr(law, function), z)
        derivative = pull(np.ones(z.shape, dtype))[0]
        assert (found.dtype, derivative.dtype) == (dtype, dtype)
        assert not np.isnan(found).any(), function
        assert not np.isnan(derivative).any(), function
        if function in ("cdf", "survival"):
            assert np.all((found >= 0) & (found <= 1))
            assert np.isfinite(derivative).all()


@pytest.mark.parametrize("law", [*SMOOTHING, DISTRIBUTIONS["heaviside"]], ids=title)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_nan_gives_nan_next_to_numbers_that_it_does_not_touch(law):
    z = np.array([math.nan, 0.125])
    for function in FUNCTIONS:
        found = getattr(law, function)(z)
        assert np.isnan(found[0]), function
        assert found[1] == getattr(law, function)(z[1:])[0]


@every_law
def test_float32_values_and_derivatives_are_those_of_float64_rounded(law):
    z = law.quantile(np.array([1e-3, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99])).astype(np.float32)
    for function in FUNCTIONS[:6]:
        F = getattr(law, function)
        single, double = F(z), F(z.astype(np.float64))
        assert single.dtype == np.float32
        atol = 3e-6 * np.max(np.abs(double))
        np.testing.assert_allclose(single, double, rtol=2e-5, atol=atol, err_msg=function)
        right = slope(F, z.astype(np.float64))
        found = slope(F, z)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, right, rtol=0, atol=2e-4 * np.max(np.abs(right)))


@pytest.mark.parametrize("z", [-20.0, 20.0, 80.0])
def test_tails_of_float32_keep_the_gradient_that_saturation_would_lose(z):
    for name in ("logistic", "laplace", "gudermannian", "gumbel_max", "exponential"):
        law = distribution(name)
        single = slope(law.cdf, np.array([z], np.float32))
        right = law.pdf(np.array([z]))
        np.testing.assert_allclose(single, right, rtol=1e-4, atol=1e-38, err_msg=name)


# --- other libraries ----------------------------------------------------------------------------

Z = np.array([-7.3, -2.0, -1.0, -0.9, -0.3, -0.25, -0.1, 0.1, 0.25, 0.3, 0.6, 1.0, 1.5, 3.0, 20.0])
ALL = [*SMOOTHING, DISTRIBUTIONS["heaviside"], distribution("gamma", shape=0.0)]


def expected(law, function):
    x = np.linspace(0.0, 1.0, 9) if "quantile" in function else Z
    return x, getattr(law, function)(x), slope(getattr(law, function), x)


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("law", ALL, ids=title)
def test_torch_computes_the_same_values_and_derivatives(law):
    torch = pytest.importorskip("torch", reason="needs torch")
    for function in (*FUNCTIONS, "quantile", "upper_quantile"):
        numbers, value, derivative = expected(law, function)
        x = torch.tensor(numbers, requires_grad=True)
        y = getattr(law, function)(x)
        y.sum().backward()
        np.testing.assert_allclose(y.detach().numpy(), value, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(x.grad.numpy(), derivative, rtol=1e-8, atol=1e-14)


@pytest.mark.framework("jax")
@pytest.mark.parametrize(
    "law", [law for name, law in DISTRIBUTIONS.items() if not name.endswith("_rev")], ids=title
)
def test_jax_computes_the_same_values_and_derivatives(law):
    jax = pytest.importorskip("jax", reason="needs jax")
    numbers, value, derivative = expected(law, "cdf")
    with jax.enable_x64(True):
        y, pull = jax.vjp(law.cdf, jax.numpy.asarray(numbers))
        np.testing.assert_allclose(y, value, rtol=1e-9, atol=1e-15)
        found = pull(jax.numpy.ones_like(y))[0]
        np.testing.assert_allclose(found, derivative, rtol=1e-8, atol=1e-14)


@pytest.mark.framework("array_api_strict")
@pytest.mark.parametrize("law", ALL, ids=title)
def test_the_source_keeps_to_the_array_api_standard(law):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    for function in (*FUNCTIONS, "quantile", "upper_quantile"):
        numbers, value, derivative = expected(law, function)
        y, pull = ag.vjp(getattr(law, function), strict.asarray(numbers))
        np.testing.assert_allclose(np.asarray(y), value, rtol=1e-12)
        found = np.asarray(pull(strict.ones(y.shape, dtype=y.dtype))[0])
        np.testing.assert_allclose(found, derivative, rtol=1e-12)
