"""Every law against its closed form in SciPy or in the papers, and its facts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import SMOOTHING, inside, title
from scipy import stats

from refimpl.distributions import DISTRIBUTIONS, distribution

every_law = pytest.mark.parametrize("law", SMOOTHING, ids=title)
SCIPY = {
    "uniform": stats.uniform(-1, 2),
    "triangular": stats.triang(0.5, -1, 2),
    "cubic_hermite": stats.beta(2, 2, -1, 2),
    "wigner_semicircle": stats.semicircular(),
    "gaussian": stats.norm(),
    "laplace": stats.laplace(),
    "logistic": stats.logistic(),
    "gudermannian": stats.hypsecant(),
    "algebraic": stats.t(2, scale=math.sqrt(0.5)),
    "cauchy": stats.cauchy(),
    "gumbel_max": stats.gumbel_r(),
    "gumbel_min": stats.gumbel_l(),
    "exponential": stats.expon(),
    "levy": stats.levy(),
    "levy_rev": stats.levy_l(),
}
numbers = st.floats(-30, 30)


def agree(law, reference, z):
    """Where SciPy's own tails are not used up: it computes some of them by 1 - F."""
    z = np.asarray(z, dtype=np.float64)
    with np.errstate(all="ignore"):
        pairs = [(law.cdf(z), reference.cdf(z)), (law.survival(z), reference.sf(z))]
        density = reference.pdf(z)
    for found, right in pairs:
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-15)
    at_kink = ~np.isfinite(density) | (np.abs(z) == 1)
    np.testing.assert_allclose(law.pdf(z)[~at_kink], density[~at_kink], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", SCIPY)
@settings(max_examples=30)
@given(z=st.lists(numbers, min_size=1, max_size=20))
def test_probabilities_and_density_are_those_of_scipy(name, z):
    agree(distribution(name), SCIPY[name], z)


@pytest.mark.parametrize("name", SCIPY)
def test_logarithms_and_quantiles_are_those_of_scipy(name):
    law, reference, u = distribution(name), SCIPY[name], np.linspace(0.01, 0.99, 50)
    z = reference.ppf(u)
    np.testing.assert_allclose(law.quantile(u), z, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(law.upper_quantile(u), reference.isf(u), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(law.log_cdf(z), reference.logcdf(z), rtol=1e-9)
    np.testing.assert_allclose(law.log_survival(z), reference.logsf(z), rtol=1e-9)
    np.testing.assert_allclose(law.log_pdf(z), reference.logpdf(z), rtol=1e-9, atol=1e-12)


@settings(max_examples=40)
@given(
    shape=st.floats(0.05, 60), shift=st.floats(-2, 2), z=st.lists(numbers, min_size=1, max_size=20)
)
def test_gamma_laws_are_those_of_scipy_for_every_shape_and_shift(shape, shift, z):
    z = np.array([v for v in z if abs(v + shift) > 1e-12 and abs(v - shift) > 1e-12])
    agree(distribution("gamma", shape=shape, shift=shift), stats.gamma(shape, -shift), z)
    law = distribution("gamma_rev", shape=shape, shift=shift)
    reference = stats.gamma(shape, -shift)
    np.testing.assert_allclose(law.cdf(z), reference.sf(-z), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(law.pdf(z), reference.pdf(-z), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", ["exponential", "levy"])
@settings(max_examples=20)
@given(shift=st.floats(-2, 2), z=st.lists(numbers, min_size=1, max_size=20))
def test_a_shift_moves_the_start_to_minus_the_shift(name, shift, z):
    z = np.array([v for v in z if abs(v + shift) > 1e-12])
    family = {"exponential": stats.expon, "levy": stats.levy}[name]
    agree(distribution(name, shift=shift), family(-shift), z)
    reverse = distribution(f"{name}_rev", shift=shift)
    plain = distribution(name, shift=shift)
    np.testing.assert_array_equal(reverse.cdf(-z), plain.survival(z))


@settings(max_examples=30)
@given(z=st.floats(-1e6, 1e6))
def test_the_laws_without_a_namesake_are_the_published_formulas(z):
    size = abs(z)
    right = {
        "reciprocal": (0.5 + z / (2 * (1 + size)), 1 / (2 * (1 + size) ** 2)),
        "optimal": (0.5 + z, 1.0) if size <= 0.25
        else (1 - 1 / (16 * z) if z > 0 else -1 / (16 * z), 1 / (16 * z * z)),
    }  # fmt: skip
    for name, (F, f) in right.items():
        np.testing.assert_allclose(distribution(name).cdf(z), F, rtol=1e-9, atol=1e-16)
        np.testing.assert_allclose(distribution(name).pdf(z), f, rtol=1e-12)


@settings(max_examples=30)
@given(z=st.floats(-50, 50), s=st.floats(0.1, 40), power=st.floats(0, 0.95))
def test_logistic_phi_is_the_logistic_law_of_the_replaced_argument(z, s, power):
    law = distribution("logistic_phi", art_lambda=power, steepness=s)
    w, e = s * z / (abs(z) + 1e-10) ** power, 1e-10
    F = 1 / (1 + math.exp(-w)) if w > -700 else 0.0
    slope = s * (abs(z) + e) ** -power * (1 - power * abs(z) / (abs(z) + e))
    np.testing.assert_allclose(law.cdf(z), F, rtol=1e-11, atol=1e-300)
    if abs(w) < 700:
        f = slope / (2 + math.exp(w) + math.exp(-w))
        np.testing.assert_allclose(law.pdf(z), f, rtol=1e-11)


def test_reciprocal_in_the_units_of_sorting_networks_is_scaled_by_two():
    v = np.linspace(-9, 9, 31)
    np.testing.assert_allclose(
        distribution("reciprocal").scaled(2).cdf(v), (v / (2 + np.abs(v)) + 1) / 2, rtol=1e-15
    )


@every_law
def test_probability_and_survival_add_up_and_the_logarithms_are_theirs(law):
    z = inside(law)
    F, S = law.cdf(z), law.survival(z)
    np.testing.assert_allclose(F + S, 1.0, rtol=0, atol=1e-14)
    assert np.all((F > 0) & (F < 1) & (S > 0) & (S < 1))
    for found, right in ((law.log_cdf(z), F), (law.log_survival(z), S), (law.log_pdf(z), None)):
        right = law.pdf(z) if right is None else right
        np.testing.assert_allclose(np.exp(found), right, rtol=1e-10)


@every_law
def test_the_distribution_function_rises_and_has_the_stated_limits(law):
    z = np.linspace(*np.clip(law.support, -60, 60), 400)
    assert np.all(np.diff(law.cdf(z)) >= 0)
    assert np.all(np.diff(law.survival(z)) <= 0)
    assert np.all(law.pdf(z) >= 0)
    ends = np.array([-math.inf, math.inf])
    np.testing.assert_array_equal(law.cdf(ends), [0, 1])
    np.testing.assert_array_equal(law.survival(ends), [1, 0])
    np.testing.assert_array_equal(law.pdf(ends), [0, 0])
    np.testing.assert_array_equal(law.log_cdf(ends), [-math.inf, 0])
    np.testing.assert_array_equal(law.log_survival(ends), [0, -math.inf])
    np.testing.assert_array_equal(law.log_pdf(ends), [-math.inf, -math.inf])


@every_law
def test_outside_the_support_nothing_is_left(law):
    low, high = law.support
    below, above = np.array([low - 1e-3, low - 1e9]), np.array([high + 1e-3, high + 1e9])
    for z, F in ((below, 0.0), (above, 1.0)):
        if np.all(np.isfinite(z)):
            np.testing.assert_array_equal(law.cdf(z), [F, F])
            np.testing.assert_array_equal(law.survival(z), [1 - F, 1 - F])
            np.testing.assert_array_equal(law.pdf(z), [0, 0])
            np.testing.assert_array_equal(law.log_pdf(z), [-math.inf] * 2)
            np.testing.assert_array_equal(law.score(z), [0, 0])


@every_law
def test_symmetric_laws_are_symmetric_to_the_bit_and_the_others_are_not(law):
    z = np.concatenate([inside(law), [0.0]])
    if not law.symmetric:
        assert np.max(np.abs(law.cdf(-z) - law.survival(z))) > 0.01
        return
    np.testing.assert_array_equal(law.cdf(-z), law.survival(z))
    np.testing.assert_array_equal(law.log_cdf(-z), law.log_survival(z))
    np.testing.assert_array_equal(law.pdf(-z), law.pdf(z))
    np.testing.assert_array_equal(law.score(-z), -law.score(z))
    np.testing.assert_allclose(law.cdf(np.zeros(1)), 0.5, rtol=3e-16)


@every_law
def test_the_lipschitz_constant_is_the_largest_density(law):
    z = np.concatenate([inside(law, 4001), np.linspace(*np.clip(law.support, -60, 60), 4001)])
    if math.isinf(law.lipschitz):
        assert np.max(law.pdf(z)) > 1e3
        return
    largest = np.max(law.pdf(np.concatenate([z, [0.0]])))
    assert law.lipschitz * (1 - 1e-5) <= largest <= law.lipschitz * (1 + 1e-12)


@every_law
def test_a_law_is_called_monotone_exactly_if_its_swap_never_decreases(law):
    z = inside(law, 2001)
    F, S, slope = law.cdf(z), law.survival(z), z * law.pdf(z)
    holds = np.all(slope >= -F - 1e-14) and np.all(slope <= S + 1e-14)
    assert law.monotone == holds


def test_heaviside_is_the_limit_of_every_law_as_its_scale_vanishes():
    z = np.array([-2.0, -0.5, 0.5, 2.0])
    step = DISTRIBUTIONS["heaviside"]
    np.testing.assert_array_equal(step.cdf(np.array([-1e-300, 0.0, 1e-300])), [0, 1, 1])
    for law in DISTRIBUTIONS.values():
        if law.name != "logistic_phi":
            tiny = 1e-30 if law.name.startswith("levy") else 1e-12
            np.testing.assert_allclose(law.scaled(tiny).cdf(z), step.cdf(z), atol=1e-11)
    replaced = distribution("logistic_phi", steepness=1e4)  # no scale family
    np.testing.assert_allclose(replaced.cdf(z), step.cdf(z), atol=1e-11)


def test_special_shapes_of_the_gamma_law():
    u = np.array([-1.0, 0.0, 1e-9, 0.5, 3.0, 40.0])
    one, exponential = distribution("gamma", shape=1.0), distribution("exponential")
    np.testing.assert_allclose(one.cdf(u), exponential.cdf(u), rtol=1e-14)
    zero = distribution("gamma", shape=0.0)  # everything at 0, from above
    np.testing.assert_array_equal(zero.cdf(u), u > 0)
    np.testing.assert_array_equal(zero.survival(u), u <= 0)
    np.testing.assert_array_equal(zero.pdf(u), np.zeros(6))


@pytest.mark.parametrize(
    "name, radius",
    [
        ("uniform", 1.0), ("cubic_hermite", 0.99885), ("wigner_semicircle", 0.99986),
        ("gaussian", 4.7534), ("laplace", 13.1224), ("logistic", 13.8155),
        ("gudermannian", 13.3639), ("cauchy", 3.18e5), ("reciprocal", 5.0e5),
        ("gumbel_max", 2.6258), ("gumbel_min", 13.8155), ("exponential", 0.0),
        ("exponential_rev", 13.8155), ("gamma", 0.0), ("levy", 0.0), ("levy_rev", 6.4e11),
        ("heaviside", 0.0),
    ],
)  # fmt: skip
def test_the_cut_radius_leaves_one_in_a_million_outside(name, radius):
    law = distribution(name)
    found = law.cut_radius()
    np.testing.assert_allclose(found, radius, rtol=6e-3 if radius > 1e3 else 1e-4)
    assert law.cdf(np.array(-found * (1 + 1e-9) - 1e-9)) <= 1e-6 * (1 + 1e-6)


@pytest.mark.parametrize("shape, radius", [(0.5, 11.964), (1, 13.816), (1.5, 15.332), (2, 16.688)])
def test_the_cut_radius_of_gamma_grows_with_its_shape(shape, radius):
    found = distribution("gamma_rev", shape=shape).cut_radius()
    np.testing.assert_allclose(found, radius, atol=6e-4)


@every_law
def test_scaling_is_that_of_the_random_number(law):
    z, twice = inside(law), law.scaled(2.0)
    np.testing.assert_allclose(twice.cdf(2 * z), law.cdf(z), rtol=1e-13)
    np.testing.assert_allclose(twice.pdf(2 * z), law.pdf(z) / 2, rtol=1e-12)
    np.testing.assert_allclose(twice.log_pdf(2 * z), law.log_pdf(z) - math.log(2), atol=1e-12)
    np.testing.assert_allclose(twice.score(2 * z), law.score(z) / 2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(twice.quantile(np.array([0.3])), 2 * law.quantile(np.array([0.3])))
    assert twice.support == (2 * law.support[0], 2 * law.support[1])
    assert twice.scaled(0.5).parameters["scale"] == law.parameters.get("scale", 1.0)


@pytest.mark.parametrize("name", [n for n, d in DISTRIBUTIONS.items() if d.lipschitz < math.inf])
def test_normalised_laws_have_the_lipschitz_constant_one(name):
    law = distribution(name).normalised()
    assert law.lipschitz == 1.0
    z = np.concatenate([inside(law, 2001), [0.0]])
    np.testing.assert_allclose(np.max(law.pdf(z)), 1.0, rtol=1e-4)
