"""What the monotone families promise for whole networks, and what the others do not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import lambertw

from refimpl import autograd as ag
from refimpl.sorting.layouts import apply_hard, bitonic, find_layout
from refimpl.sorting.network_values import network_values
from refimpl.sorting.networks import sorting_network, suggested_steepness
from refimpl.sorting.sigmoids import MONOTONE, SIGMOIDS, make_sigmoid

NOT_MONOTONE = sorted(set(SIGMOIDS) - set(MONOTONE))
BOUND = {  # sup of d f(-d) at steepness 1: the error of one soft minimum
    "logistic": float(lambertw(math.exp(-1)).real),
    "gaussian": 0.16997121,
    "reciprocal": 1.0,
    "cauchy": 1 / math.pi,
    "optimal": 1 / 16,
    "logistic_phi": 0.31436211,
}
ART = 0.25
VALUES = arrays(np.float64, 8, elements=st.floats(-20, 20, allow_subnormal=False))


def bound(distribution, s):
    """Of one swap. Activation replacement looks at s |d|^(1 - lambda)."""
    return BOUND[distribution] * s ** -(1 / (1 - ART) if distribution == "logistic_phi" else 1)


def jacobian(x, **options):
    return ag.jacobian(lambda x: sorting_network(x, **options)[0])(x)


@pytest.mark.parametrize("network", ["odd_even", "bitonic", "bitonic_published"])
@pytest.mark.parametrize("distribution", SIGMOIDS)
@settings(max_examples=25)
@given(x=VALUES, s=st.floats(0.5, 200))
def test_the_error_of_a_network_is_at_most_its_depth_times_that_of_a_swap(
    network, distribution, x, s
):
    """Minimum and maximum do not widen a distance in the largest norm, so errors only add."""
    layout = find_layout(network, 8)
    values = sorting_network(x, network=network, distribution=distribution, steepness=s)[0]
    error = np.max(np.abs(values - apply_hard(layout, x)))
    assert error <= len(layout.layers) * bound(distribution, s) * (1 + 1e-6) + 1e-12


@pytest.mark.parametrize("distribution", MONOTONE)
@settings(max_examples=25)
@given(x=VALUES, s=st.floats(0.1, 100), weights=arrays(np.float64, 8, elements=st.floats(0, 5)))
def test_no_rising_loss_of_the_sorted_values_has_a_falling_gradient(distribution, x, s, weights):
    for network in ("odd_even", "bitonic"):
        g = ag.grad(
            lambda x: ag.vecdot(
                sorting_network(x, network=network, distribution=distribution, steepness=s)[0],  # noqa: B023
                weights,
            )
        )(x)
        assert np.min(g) >= -1e-11 * (1 + s * np.max(np.abs(x)))


def test_a_logistic_network_is_not_monotone():
    """Beyond s d = 1 + W(1/e) = 1.278 the soft minimum falls when the larger input grows."""
    s, edge = 8.0, 1 + BOUND["logistic"]
    for v, sign in ((0.99 * edge, 1), (1.01 * edge, -1)):
        J = jacobian(np.array([0.0, v / s]), distribution="logistic", steepness=s)
        assert np.sign(J[0, 1]) == sign
    x, larger = np.array([0.0, 0.3]), np.array([0.0, 0.31])
    low, lower = (
        sorting_network(v, distribution="logistic", steepness=s)[0][0] for v in (x, larger)
    )
    assert lower < low


@pytest.mark.parametrize("distribution", NOT_MONOTONE)
@pytest.mark.parametrize("network", ["odd_even", "bitonic"])
@pytest.mark.parametrize("n", [2, 5, 16])
def test_the_other_families_fall_in_networks_of_every_size(distribution, network, n):
    x = np.random.default_rng(n).permutation(np.arange(float(n)))
    options = {"network": network, "distribution": distribution}
    lowest = min(np.min(jacobian(x, steepness=s, **options)) for s in (1.5, 2.0, 3.0))
    assert lowest < -0.01


def test_beyond_its_linear_part_the_optimal_family_passes_all_of_the_gradient_to_the_smaller():
    """Equality in d f'(d) <= f(-d): the best error that monotone families allow."""
    J = jacobian(np.array([0.0, 0.3, 0.9]), distribution="optimal", steepness=10.0)
    np.testing.assert_allclose(J, np.eye(3), atol=1e-13)


def test_at_equal_lipschitz_constant_the_optimal_family_has_the_least_error():
    """The errors 0.0625, 0.0678, 0.0696, 0.1013, 0.25 at Lipschitz constant 1."""
    d, errors = np.geomspace(1e-4, 1e7, 100_001), {}
    for name in sorted(set(SIGMOIDS) - {"logistic_phi"}):
        f = make_sigmoid(name, 1.0, ART, "lipschitz")
        assert np.max(f.slope(d)) <= 1 + 1e-12
        errors[name] = np.max(d * f.alpha(-d))
    wanted = {
        "optimal": 1 / 16,
        "gaussian": BOUND["gaussian"] / math.sqrt(2 * math.pi),
        "logistic": BOUND["logistic"] / 4,
        "cauchy": math.pi**-2,
        "reciprocal": 1 / 4,
    }
    for name, error in wanted.items():
        np.testing.assert_allclose(errors[name], error, rtol=1e-6)
    assert sorted(errors, key=errors.get) == list(wanted)


@pytest.mark.parametrize(
    "distribution, factor",
    [("logistic", 4.0), ("reciprocal", 4.0), ("cauchy", math.pi), ("optimal", 1.0),
     ("gaussian", math.sqrt(2 * math.pi))],
)  # fmt: skip
def test_the_steepness_of_one_paper_is_a_multiple_of_the_others(distribution, factor):
    """The code of 2021 multiplies differences; the paper of 2022 fixes the Lipschitz constant."""
    x = np.random.default_rng(0).normal(size=(3, 7))
    published = sorting_network(x, distribution=distribution, steepness=2.5 * factor)
    lipschitz = sorting_network(x, distribution=distribution, steepness=2.5, units="lipschitz")
    for a, b in zip(published, lipschitz, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def art(x, power, s=4.0):
    return sorting_network(x, distribution="logistic_phi", art_lambda=power, steepness=s)


def test_activation_replacement_of_power_zero_is_the_logistic_and_of_one_takes_two_values():
    x = np.array([0.3, -1.2, 2.0, 0.9])
    for plain, replaced in zip(
        sorting_network(x, distribution="logistic", steepness=4.0), art(x, 0.0), strict=True
    ):
        np.testing.assert_allclose(replaced, plain, rtol=1e-12)
    high = 1 / (1 + math.exp(-4.0))
    for d in (-3.0, -0.01, 0.02, 50.0):
        P = art(np.array([0.0, d]), 1.0)[1]
        np.testing.assert_allclose(P[0, 0], high if d > 0 else 1 - high, rtol=1e-6)


def test_activation_replacement_sharpens_close_values_and_softens_far_ones():
    near, far = np.array([0.0, 0.01]), np.array([0.0, 100.0])
    P = [[art(x, power, s=1.0)[1][0, 0] for power in (0.0, 0.25, 0.5)] for x in (near, far)]
    assert P[0][0] < P[0][1] < P[0][2]
    assert P[1][0] > P[1][1] > P[1][2]


def test_activation_replacement_blurs_less_and_keeps_the_gradient_of_far_values():
    x = np.linspace(0, 1, 16)[np.random.default_rng(1).permutation(16)]
    blur = [np.abs(v - np.sort(x)).mean() for v in (art(x, 0.0, 20.0)[0], art(x, 0.25, 20.0)[0])]
    assert blur[1] < 0.5 * blur[0]
    pair = np.array([0.0, 3.0])
    slopes = [
        abs(ag.grad(lambda x: sorting_network(x, steepness=10.0, **options)[1][0, 0])(pair)[0])  # noqa: B023
        for options in ({"distribution": "logistic"}, {"distribution": "logistic_phi"})
    ]
    ratio = 0.75 * 3**-0.25 * math.exp(30 - 10 * 3**0.75)  # of the slopes' exponential tails
    np.testing.assert_allclose(slopes[1] / slopes[0], ratio, rtol=1e-6)


@pytest.mark.parametrize("distribution", [*MONOTONE, "logistic", "logistic_phi"])
def test_a_thousand_and_twenty_four_values_pass_the_bitonic_network(distribution):
    """55 layers: values within 55 errors of a swap, which the optimal family reaches."""
    x = np.random.default_rng(2).permutation(1024) / 50.0
    s, weights = suggested_steepness("bitonic", 1024), np.eye(1024)[512]
    assert len(bitonic(1024).layers) == 55
    assert s == 110

    def loss(x):
        values = network_values(x, distribution=distribution, steepness=s)
        return ag.vecdot(values, weights), values

    (_, values), g = ag.value_and_grad(loss, has_aux=True)(x)
    assert np.max(np.abs(values - np.sort(x))) <= 55 * bound(distribution, s) * (1 + 1e-9)
    np.testing.assert_allclose(np.sum(values), np.sum(x), rtol=1e-12)
    np.testing.assert_allclose(np.sum(g), 1.0, rtol=1e-9)
    assert (np.min(g) >= -1e-12) == (distribution in MONOTONE)


def test_the_matrix_of_a_thousand_and_twenty_four_values_is_doubly_stochastic():
    x = np.random.default_rng(3).permutation(1024) / 4.0
    values, P = sorting_network(x, network="bitonic", distribution="optimal", steepness=110.0)
    np.testing.assert_allclose(P.sum(0), 1, atol=1e-12)
    np.testing.assert_allclose(P.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(values, x @ P, atol=1e-10)
