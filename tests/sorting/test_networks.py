"""The relaxed network: properties for any input, one swap by hand, limits, symmetries."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from refimpl import autograd as ag
from refimpl.sorting.layouts import NETWORKS, apply_hard, bitonic_published, find_layout, odd_even
from refimpl.sorting.networks import soft_swap, sorting_network, suggested_steepness
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.sigmoids import MONOTONE, SIGMOIDS, make_sigmoid

NUMBERS = st.floats(-20, 20, allow_subnormal=False)
SIZES = st.integers(1, 9)
NO_ART = [d for d in SIGMOIDS if d != "logistic_phi"]


@st.composite
def problems(draw, distributions=SIGMOIDS, networks=tuple(NETWORKS), sizes=SIZES):
    """A batch of any shape, and options."""
    n = draw(sizes)
    batch = draw(st.sampled_from([(), (3,), (2, 1, 2)]))
    x = draw(arrays(np.float64, (*batch, n), elements=NUMBERS))
    options = {
        "network": draw(st.sampled_from(networks)),
        "distribution": draw(st.sampled_from(distributions)),
        "steepness": draw(st.floats(0, 60)),
    }
    return x, options


def largest(x):
    return np.max(np.abs(x), initial=1.0)


@given(problems())
def test_values_and_matrix_belong_together(problem):
    x, options = problem
    values, P = sorting_network(x, **options)
    assert values.shape == x.shape
    assert P.shape == (*x.shape, x.shape[-1])
    close = {"rtol": 0, "atol": 1e-12 * largest(x)}
    np.testing.assert_allclose(values, np.squeeze(x[..., None, :] @ P, axis=-2), **close)
    np.testing.assert_allclose(np.sum(values, axis=-1), np.sum(x, axis=-1), **close)
    assert np.all(P >= 0)
    np.testing.assert_allclose(np.sum(P, axis=-1), 1.0, atol=1e-13)
    np.testing.assert_allclose(np.sum(P, axis=-2), 1.0, atol=1e-13)
    assert np.all(values >= np.min(x, axis=-1, keepdims=True) - 1e-13 * largest(x))
    assert np.all(values <= np.max(x, axis=-1, keepdims=True) + 1e-13 * largest(x))


@given(problems(sizes=st.integers(2, 22)), st.randoms(use_true_random=False))
def test_steep_networks_sort_distinct_values(problem, random):
    x, options = problem
    x = np.argsort(x, axis=-1) + random.uniform(-0.2, 0.2)
    values, P = sorting_network(x, **options | {"steepness": 1e13, "network": "bitonic"})
    np.testing.assert_allclose(values, np.sort(x, axis=-1), atol=1e-9)
    np.testing.assert_allclose(P, hard_permutation(x), atol=1e-9)


def test_the_published_layout_leaves_22_values_unsorted_at_any_steepness():
    x = np.random.default_rng(0).permuted(np.tile(np.arange(22.0), (20, 1)), axis=1)
    options = {"distribution": "logistic", "steepness": 1e4}
    published, _ = sorting_network(x, network="bitonic_published", **options)
    np.testing.assert_allclose(published, apply_hard(bitonic_published(22), x))
    assert not np.array_equal(published, np.sort(x))
    np.testing.assert_array_equal(sorting_network(x, network="bitonic", **options)[0], np.sort(x))


@given(problems())
def test_steepness_zero_mixes_the_same_whatever_the_input(problem):
    x, options = problem
    _, P = sorting_network(x, **options | {"steepness": 0.0})
    _, other = sorting_network(np.flip(x, axis=-1) * 2 + 1, **options | {"steepness": 0.0})
    np.testing.assert_array_equal(P, other)


@given(problems(NO_ART), st.floats(-5, 5))
def test_a_shift_of_the_input_is_a_shift_of_the_values(problem, c):
    x, options = problem
    values, P = sorting_network(x, **options)
    moved, moved_P = sorting_network(x + c, **options)
    slack = 1e-11 * largest(x) * (1 + options["steepness"])
    np.testing.assert_allclose(moved, values + c, rtol=0, atol=slack * largest(x))
    np.testing.assert_allclose(moved_P, P, rtol=0, atol=slack)


@given(problems(NO_ART), st.sampled_from([0.25, 8.0]))
def test_a_scale_of_the_input_is_a_scale_of_steepness(problem, c):
    x, options = problem
    values, P = sorting_network(x, **options)
    scaled, scaled_P = sorting_network(c * x, **options | {"steepness": options["steepness"] / c})
    np.testing.assert_allclose(scaled, c * values, rtol=1e-12, atol=1e-12 * c * largest(x))
    np.testing.assert_allclose(scaled_P, P, rtol=1e-12, atol=1e-14)


@given(st.floats(0.5, 20), st.floats(0, 0.9), st.sampled_from([0.25, 8.0]))
def test_activation_replacement_scales_with_a_power_of_the_steepness(s, power, c):
    x = np.array([0.3, -1.2, 2.0, 0.9, -0.4])
    options = {"distribution": "logistic_phi", "art_lambda": power}
    values, _ = sorting_network(x, steepness=s, **options)
    scaled, _ = sorting_network(c * x, steepness=s / c ** (1 - power), **options)
    np.testing.assert_allclose(scaled, c * values, rtol=1e-6)


@given(problems(["cauchy", "logistic"], ["odd_even"], st.sampled_from([2, 4, 6])))
def test_reversed_order_and_sign_mirror_the_matrix_for_even_odd_even(problem):
    x, options = problem
    _, P = sorting_network(x, **options)
    _, mirrored = sorting_network(-np.flip(x, axis=-1), **options)
    np.testing.assert_allclose(mirrored, np.flip(P, axis=(-1, -2)), atol=1e-12)


@given(problems(["cauchy"], ["bitonic", "bitonic_published"], st.sampled_from([2, 4, 8])))
def test_reversed_order_and_sign_mirror_the_matrix_for_bitonic_powers_of_two(problem):
    x, options = problem
    _, P = sorting_network(x, **options)
    _, mirrored = sorting_network(-np.flip(x, axis=-1), **options)
    np.testing.assert_allclose(mirrored, np.flip(P, axis=(-1, -2)), atol=1e-12)


@given(problems(["cauchy"], ["bitonic_published"], st.sampled_from([2, 4, 8])))
def test_the_sign_alone_reverses_the_columns_for_the_published_layout(problem):
    x, options = problem
    _, P = sorting_network(x, **options)
    np.testing.assert_allclose(sorting_network(-x, **options)[1], np.flip(P, axis=-1), atol=1e-12)


@given(problems())
def test_descending_is_ascending_in_reverse(problem):
    x, options = problem
    up, down = sorting_network(x, **options), sorting_network(x, **options, descending=True)
    np.testing.assert_array_equal(down[0], np.flip(up[0], axis=-1))
    np.testing.assert_array_equal(down[1], np.flip(up[1], axis=-1))


@pytest.mark.parametrize("distribution", MONOTONE)
@given(st.data())
def test_monotone_sigmoids_make_the_jacobian_doubly_stochastic(distribution, data):
    x, options = data.draw(problems([distribution], sizes=st.integers(1, 6)))
    x = x.reshape(-1, x.shape[-1])[0]
    J = ag.jacobian(lambda x: sorting_network(x, **options)[0])(x)
    slack = 1e-12 * (1 + options["steepness"] * largest(x))
    assert np.all(-slack <= J)
    np.testing.assert_allclose(np.sum(J, axis=0), 1.0, atol=10 * slack)
    np.testing.assert_allclose(np.sum(J, axis=1), 1.0, atol=10 * slack)


@pytest.mark.parametrize("distribution", sorted(set(SIGMOIDS) - set(MONOTONE)))
def test_the_other_sigmoids_let_a_value_fall(distribution):
    x = np.array([0.0, 0.3, 1.1, 0.7])
    J = ag.jacobian(lambda x: sorting_network(x, distribution=distribution, steepness=8.0)[0])(x)
    assert np.min(J) < -0.005
    np.testing.assert_allclose(np.sum(J, axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@given(a=NUMBERS, b=NUMBERS, s=st.floats(0.1, 30))
def test_one_swap_has_the_jacobian_computed_by_hand(distribution, a, b, s):
    options = {"distribution": distribution, "steepness": s}
    J, JP = ag.jacobian(lambda x: sorting_network(x, **options))(np.array([a, b]))
    f, d = make_sigmoid(distribution, s, 0.25, "published"), np.float64(b - a)
    alpha, slope = f.alpha(d), f.slope(d)
    by_a, by_b = alpha + d * slope, 1 - alpha - d * slope
    close = {"rtol": 1e-6, "atol": 1e-9}
    np.testing.assert_allclose(J, [[by_a, by_b], [by_b, by_a]], **close)
    by_b_of_P = np.array([[slope, -slope], [-slope, slope]])  # P = [[alpha, beta], [beta, alpha]]
    np.testing.assert_allclose(JP, np.stack([-by_b_of_P, by_b_of_P], axis=-1), **close)


BOUNDS = {"logistic": 0.2784645, "gaussian": 0.1699712, "reciprocal": 1.0,
          "cauchy": 1 / math.pi, "optimal": 1 / 16}  # fmt: skip


@pytest.mark.parametrize("distribution", BOUNDS)
@given(a=NUMBERS, b=NUMBERS, s=st.floats(0.1, 100))
def test_one_swap_is_off_by_no_more_than_its_bound(distribution, a, b, s):
    values, _ = sorting_network([a, b], distribution=distribution, steepness=s)
    error = max(a, b) - values[1]
    assert -1e-12 <= error <= BOUNDS[distribution] / s + 1e-12


def test_a_soft_swap_is_exact_at_the_ends_and_stays_between():
    a, b = np.array([1e-20, 3.0]), np.array([1.0, -7.0])
    for alpha, expected in ((1.0, (a, b)), (0.0, (b, a))):
        np.testing.assert_array_equal(soft_swap(a, b, alpha), expected)


def test_a_network_of_one_wire_is_the_identity():
    for network in NETWORKS:
        values, P = sorting_network([[3.0], [-2.0]], network=network)
        assert values.tolist() == [[3.0], [-2.0]]
        assert P.tolist() == [[[1.0]], [[1.0]]]


def test_a_batch_of_nothing_gives_nothing_and_a_gradient_of_its_shape():
    x = np.zeros((0, 5))
    (values, P), pull = ag.vjp(lambda x: sorting_network(x, network="bitonic"), x)
    assert (values.shape, P.shape) == ((0, 5), (0, 5, 5))
    assert pull((values, P))[0].shape == (0, 5)


@pytest.mark.parametrize("n, batch", [(5, (3, 1, 2)), (5, ()), (9, (4,)), (3, (200,))])
def test_samples_do_not_see_each_other(n, batch):
    x = np.random.default_rng(0).normal(size=(*batch, n))
    values, P = sorting_network(x, network="bitonic")
    for i in np.ndindex(*batch):
        alone, alone_P = sorting_network(x[i], network="bitonic")
        np.testing.assert_allclose(values[i], alone, rtol=1e-14)
        np.testing.assert_allclose(P[i], alone_P, rtol=1e-13)


@pytest.mark.parametrize("distribution", SIGMOIDS)
def test_float32_stays_float32(distribution):
    x = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    out, pull = ag.vjp(lambda x: sorting_network(x, distribution=distribution), x)
    assert {a.dtype for a in (*out, *pull(out))} == {np.dtype(np.float32)}


def test_equal_values_share_their_positions_by_the_halves_of_each_swap():
    values, P = sorting_network([2.0, 2.0, 2.0, 2.0], network="odd_even")
    np.testing.assert_array_equal(values, np.full(4, 2.0))
    early, late = [0.375, 0.25, 0.25, 0.125], [0.125, 0.25, 0.25, 0.375]
    np.testing.assert_array_equal(P, [early, early, late, late])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_value_that_is_no_number_spoils_its_own_sample_alone(network, bad):
    x = np.random.default_rng(0).normal(size=(3, 6))
    clean, clean_P = sorting_network(x, network=network)
    x[1, 2] = bad
    values, P = sorting_network(x, network=network)
    assert np.isnan(values[1]).all()
    assert np.isnan(P[1]).all()
    np.testing.assert_array_equal(values[[0, 2]], clean[[0, 2]])
    np.testing.assert_array_equal(P[[0, 2]], clean_P[[0, 2]])


@pytest.mark.parametrize(
    "x, error, message",
    [
        ([], ValueError, r"x: expected at least one value to sort, got shape \(0,\)"),
        (np.zeros((3, 0)), ValueError, r"at least one value to sort, got shape \(3, 0\)"),
        (1.5, ValueError, r"x: expected at least 1 axes, got shape \(\)"),
        ([[1.0, 2.0], [3.0]], ValueError, "x: got a ragged list"),
        ([True, False], TypeError, "x: expected"),
        ([1j, 2.0], TypeError, "x: expected"),
        ("321", TypeError, "x: expected an array of real numbers, got str"),
        (None, TypeError, "x: expected an array of real numbers, got NoneType"),
    ],
)
def test_bad_values_are_refused_by_name(x, error, message):
    with pytest.raises(error, match=message):
        sorting_network(x)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (
            {"network": "bubble"},
            ValueError,
            "network: expected one of odd_even, bitonic, .*'bubble'",
        ),
        ({"network": [[(0, 3)]]}, ValueError, r"network: layer 0, comparator \(0, 3\)"),
        (
            {"network": odd_even(4)},
            ValueError,
            "network: got a layout for 4 values, expected one for 3",
        ),
        ({"steepness": -2.0}, ValueError, "steepness: expected a number >= 0, got -2.0"),
        ({"distribution": "normal"}, ValueError, "distribution: expected one of logistic"),
    ],
)
def test_bad_options_are_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        sorting_network([3.0, 1.0, 2.0], **options)


def test_whole_numbers_are_sorted_as_float64():
    for x in ([3, 1, 2], np.array([3, 1, 2], dtype=np.int32)):
        values, P = sorting_network(x, steepness=1e9)
        assert values.dtype == P.dtype == np.float64
        np.testing.assert_allclose(values, [1.0, 2.0, 3.0])


def test_a_listed_network_and_its_layout_give_the_same():
    x = np.array([0.3, -0.2, 0.1, 0.9])
    listed, P = sorting_network(x, network=odd_even(4).as_lists())
    np.testing.assert_array_equal(listed, sorting_network(x, network=odd_even(4))[0])
    np.testing.assert_array_equal(P, sorting_network(x, network="odd_even")[1])


@pytest.mark.parametrize("network, n", [("odd_even", 7), ("bitonic", 16), ("bitonic", 5)])
def test_the_suggested_steepness_is_twice_the_depth(network, n):
    assert suggested_steepness(network, n) == 2 * len(find_layout(network, n).layers)
