"""Gates: truth tables, symmetries, ranges, probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.autograd import grad, vjp
from refimpl.logic import gates as logic

unit = st.floats(0.0, 1.0)
NUMBERS = np.arange(16)
CORNERS = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])


def test_at_the_corners_every_gate_is_its_truth_table():
    np.testing.assert_array_equal(logic.gates(*CORNERS), logic.TRUTH)


def test_the_number_of_a_gate_is_its_truth_table_read_in_binary():
    rows = logic.gates(*CORNERS).astype(int)
    np.testing.assert_array_equal(rows @ [8, 4, 2, 1], NUMBERS)


@given(unit, unit)
def test_gates_of_probabilities_are_expectations_of_gates(a, b):
    weights = np.array([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b])
    np.testing.assert_allclose(logic.gates([a], [b])[:, 0], logic.TRUTH @ weights, atol=1e-12)


@given(unit, unit)
def test_gates_stay_between_0_and_1(a, b):
    values = logic.gates([a], [b])
    assert values.min() >= -1e-15
    assert values.max() <= 1 + 1e-15


@pytest.mark.parametrize("tnorm", [None, "product", "einstein", "lukasiewicz", "max"])
def test_the_second_half_are_complements_of_the_first(tnorm):
    a, b = np.random.default_rng(0).uniform(size=(2, 7))
    values = logic.gates(a, b, tnorm=tnorm)
    np.testing.assert_allclose(values[::-1], 1 - values, atol=1e-15)


@pytest.mark.parametrize("tnorm", ["product", "einstein", "lukasiewicz", "max", "hamacher"])
def test_gates_composed_of_t_norms_have_the_same_corners(tnorm):
    p = 0.5 if tnorm == "hamacher" else None
    np.testing.assert_allclose(logic.gates(*CORNERS, tnorm=tnorm, p=p), logic.TRUTH, atol=1e-15)


def test_composed_of_the_product_only_xor_and_its_inverse_differ_from_the_polynomials():
    a, b = np.random.default_rng(1).uniform(0.1, 0.9, size=(2, 5))
    differs = np.abs(logic.gates(a, b, tnorm="product") - logic.gates(a, b)).max(axis=1) > 1e-9
    np.testing.assert_array_equal(np.flatnonzero(differs), [6, 9])
    gap = logic.gates(a, b)[6] - logic.gates(a, b, tnorm="product")[6]
    np.testing.assert_allclose(gap, a * (1 - b) * b * (1 - a))


@given(unit, unit)
def test_renumbered_gates_are_gates_of_changed_inputs(a, b):
    f = logic.gates([a], [b])[:, 0]
    same = {"atol": 1e-12}
    np.testing.assert_allclose(f[logic.swapped(NUMBERS)], logic.gates([b], [a])[:, 0], **same)
    np.testing.assert_allclose(
        f[logic.negated_first(NUMBERS)], logic.gates([1 - a], [b])[:, 0], **same
    )
    np.testing.assert_allclose(
        f[logic.negated_second(NUMBERS)], logic.gates([a], [1 - b])[:, 0], **same
    )


def test_an_even_mixture_is_one_half_and_passes_no_gradient_to_its_inputs():
    a, b = np.random.default_rng(2).uniform(size=(2, 4))
    even = np.full((4, 16), 1 / 16)
    y, pull = vjp(lambda a, b, p: logic.gate_mixture(a, b, p), a, b, even)
    to_a, to_b, to_p = pull(np.ones(4))
    np.testing.assert_allclose(y, 0.5)
    np.testing.assert_allclose([to_a, to_b], 0, atol=1e-15)
    assert np.abs(to_p).max() > 0.1


def test_four_coefficients_say_what_sixteen_terms_say():
    rng = np.random.default_rng(3)
    p, a, b = rng.dirichlet(np.ones(16), size=9), rng.normal(size=9), rng.normal(size=9)
    short = logic.evaluate_polynomial(logic.mixture_polynomial(p), a, b)
    np.testing.assert_allclose(short, logic.gate_mixture(a, b, p), rtol=1e-12)


def test_the_residual_logit_gives_that_agreement_with_the_first_input():
    for q in (0.6, 0.9, 0.951):
        z = np.zeros(16)
        z[3] = logic.residual_logit(q)
        p = np.exp(z) / np.exp(z).sum()
        agreement = p @ (np.array([0, 0, 1, 1]) == logic.TRUTH).mean(axis=1)
        assert agreement == pytest.approx(q)


@pytest.mark.parametrize("call", [
    lambda: logic.gates([0.1], [0.1, 0.2]),
    lambda: logic.gates([0.1], [0.1], tnorm="produkt"),
    lambda: logic.gate_mixture([0.1], [0.1], np.ones((1, 15))),
    lambda: logic.residual_logit(0.4),
])  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()


def test_gradient_of_xor_is_that_of_its_polynomial():
    slope = grad(lambda a: logic.gates(a, np.array([0.3]))[6, 0])
    np.testing.assert_allclose(slope(np.array([0.8])), 1 - 2 * 0.3)
