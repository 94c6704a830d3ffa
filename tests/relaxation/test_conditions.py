"""Relaxed conditions: every law, ties, extremes, categories."""

import math

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.distributions import DISTRIBUTIONS, distribution
from refimpl.relaxation import conditions as c
from refimpl.tnorms import FAMILIES

ORDERED = {"less": c.less, "less_equal": c.less_equal, "greater": c.greater,
           "greater_equal": c.greater_equal}  # fmt: skip
a = np.array([-1.3, 0.2, 0.2, 2.0])
b = np.array([0.4, 0.2, -0.1, 0.5])


@pytest.mark.parametrize("law", DISTRIBUTIONS)
def test_a_comparison_and_its_opposite_sum_to_one_for_every_law(law):
    options = {"beta": 1.7, "distribution": law}
    np.testing.assert_allclose(c.less(a, b, **options) + c.greater_equal(a, b, **options), 1)
    np.testing.assert_allclose(c.greater(a, b, **options) + c.less_equal(a, b, **options), 1)
    np.testing.assert_allclose(c.equal(a, b, **options) + c.not_equal(a, b, **options), 1)


@pytest.mark.parametrize("law", DISTRIBUTIONS)
def test_equality_is_one_at_equal_values_and_falls_off(law):
    p = c.equal(np.array([0.0, 0.5, 4e3]), 0.0, beta=2.0, distribution=law)
    assert p[0] == pytest.approx(1)
    assert 0 <= p[2] <= p[1] <= 1
    assert p[2] < 0.05


@pytest.mark.parametrize("law", DISTRIBUTIONS)
@pytest.mark.parametrize("name", ORDERED)
def test_the_limit_is_the_discrete_comparison(name, law):
    wanted = {"less": a < b, "less_equal": a <= b, "greater": a > b, "greater_equal": a >= b}[name]
    found = ORDERED[name](a, b, beta=math.inf, distribution=law)
    np.testing.assert_array_equal(found, wanted)
    far = np.array([0, 2, 3])  # without the tie
    soft = ORDERED[name](a[far], b[far], beta=1e8, distribution=law)
    np.testing.assert_allclose(soft, wanted[far], atol=3e-4)  # levy's tail is beta^-1/2


@pytest.mark.parametrize("law", [n for n, d in DISTRIBUTIONS.items() if d.symmetric])
@pytest.mark.parametrize("name", ORDERED)
def test_a_tie_counts_half_and_margin_decides_it(name, law):
    tie = ORDERED[name](np.array(1.0), 1.0, beta=50.0, distribution=law)
    assert tie == pytest.approx(0.5)
    decided = ORDERED[name](np.array(1.0), 1.0, beta=1e6, distribution=law, margin=0.5)
    assert decided == pytest.approx(1.0 if "equal" in name else 0.0, abs=1e-5)


def test_gradients_of_equality_stay_finite_where_cosh_overflows():
    for dtype in (np.float32, np.float64):
        far = np.array([1e5, -1e5, 3e4], dtype=dtype)
        for f in (c.equal, c.not_equal):
            g = ag.grad(lambda x, f=f: ag.array_namespace(x).sum(f(x, 0.0, beta=10.0)))(far)
            assert g.dtype == dtype
            np.testing.assert_array_equal(g, 0)


def test_inequality_does_not_cancel_near_equality():
    z = np.array([1e-9, 1e-5])
    smooth = {"logistic": 0.25, "gaussian": 0.5, "cauchy": 1.0, "gudermannian": 0.5,
              "algebraic": 1.5, "cubic_hermite": 1.0, "wigner_semicircle": 0.5}  # fmt: skip
    for law, factor in smooth.items():
        found = c.not_equal(z, 0.0, beta=1.0, distribution=law)
        np.testing.assert_allclose(found, factor * z**2, rtol=1e-9, err_msg=law)
    for law, factor in {"laplace": 1.0, "triangular": 1.0, "reciprocal": 2.0}.items():
        found = c.not_equal(z, 0.0, beta=1.0, distribution=law)
        np.testing.assert_allclose(found, factor * z, rtol=2e-5, err_msg=law)


@pytest.mark.parametrize("law", ["logistic", "gaussian", "gudermannian", "algebraic"])
def test_the_slope_of_equality_does_not_cancel_near_equality(law):
    z = np.array([1e-9, 1e-5])
    slope = ag.grad(lambda z: ag.array_namespace(z).sum(c.equal(z, 0.0, distribution=law)))(z)
    np.testing.assert_allclose(slope / z, slope[1] / z[1], rtol=1e-6)


def test_equality_of_the_logistic_law_is_the_squared_sech():
    d = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(c.equal(d, 0.0, beta=2.0), 1 / np.cosh(d) ** 2, rtol=1e-12)


def test_categories():
    p, q = np.array([[0.2, 0.8], [0.0, 0.0]]), np.array([0.5, 0.5])
    cosine = c.cosine_similarity(p, q)
    assert cosine[1] == 0
    np.testing.assert_allclose(c.same_category(p, q, beta=3.0), 1 / np.cosh(3 * (1 - cosine)))
    assert c.coincidence(p, q)[0] == pytest.approx(0.5)


def test_truth_values_may_leave_the_interval_by_rounding_only():
    assert c.is_true(np.array(1 + 1e-7)) == 1
    assert c.is_false(np.array(-1e-7)) == 1
    with pytest.raises(ValueError, match=r"truth values from 0 to 1, got values from -0\.3 to 2"):
        c.is_true(np.array([0.5, 2.0, -0.3]))
    with pytest.raises(ValueError, match="truth values"):
        c.is_true(np.array(np.nan))


@pytest.mark.parametrize("norm", ["probabilistic", "max", "lukasiewicz", "einstein"])
def test_connectives_follow_de_morgan(norm):
    assert norm in FAMILIES or norm in ("max", "lukasiewicz", "probabilistic")
    p, q = np.array([0.3, 1.0, 0.0]), np.array([0.6, 0.2, 0.9])
    one = c.both(p, q, norm=norm)
    np.testing.assert_allclose(1 - c.either(1 - p, 1 - q, norm=norm), one, atol=1e-12)


@pytest.mark.parametrize("f", [c.less, c.greater, c.equal, c.not_equal])
def test_derivatives(f):
    check_grads(lambda x, y: f(x, y, beta=3.0), (a, b), order=2).raise_if_failed()


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="beta"):
        c.less(a, b, beta=0.0)
    with pytest.raises(ValueError, match="logistc"):
        c.less(a, b, distribution="logistc")
    with pytest.raises(ValueError, match="margin"):
        c.less(a, b, margin=-1.0)


def test_a_distribution_with_parameters_is_accepted():
    law = distribution("logistic").scaled(2.0)
    np.testing.assert_allclose(
        c.less(a, b, beta=3.0, distribution=law), c.less(a, b, beta=1.5), rtol=1e-12
    )
