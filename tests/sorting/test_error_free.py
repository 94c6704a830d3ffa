"""Error-free swaps: exact values, and the Jacobians of relaxed swaps at them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from refimpl import autograd as ag
from refimpl.sorting.error_free import error_free_sort, error_free_swap
from refimpl.sorting.layouts import bitonic, odd_even
from refimpl.sorting.networks import soft_swap, sorting_network
from refimpl.sorting.permutations import hard_permutation
from refimpl.sorting.sigmoids import SIGMOIDS, soft_comparison

RNG = np.random.default_rng(0)


@given(
    st.integers(1, 9).flatmap(
        lambda n: arrays(np.float64, (2, n), elements=st.floats(-1e6, 1e6, width=32))
    ),
    st.sampled_from(["odd_even", "bitonic"]),
)
def test_values_are_sorted_exactly_ties_included(x, network):
    values, Q = error_free_sort(x, network=network)
    np.testing.assert_array_equal(values, np.sort(x))
    assert np.all((Q == 0) | (Q == 1))
    assert np.all(Q.sum(-1) == 1)
    assert np.all(Q.sum(-2) == 1)
    np.testing.assert_array_equal(np.sum(x[..., None] * Q, axis=-2), values)


@pytest.mark.parametrize("distribution", SIGMOIDS)
@pytest.mark.parametrize("steepness", [0.0, 1.0, 1e6])
def test_no_sigmoid_changes_the_values(distribution, steepness):
    x = RNG.normal(size=(3, 6))
    values, Q = error_free_sort(x, distribution=distribution, steepness=steepness)
    np.testing.assert_array_equal(values, np.sort(x))
    np.testing.assert_array_equal(Q, hard_permutation(x))


def test_the_largest_first_with_descending():
    x = RNG.normal(size=(3, 5))
    values, Q = error_free_sort(x, descending=True)
    np.testing.assert_array_equal(values, np.sort(x)[:, ::-1])
    np.testing.assert_array_equal(Q, hard_permutation(x, descending=True))


def test_one_swap_has_the_gradient_of_the_soft_swap():
    x, c, C = RNG.normal(size=2), RNG.normal(size=2), RNG.normal(size=(2, 2))
    options = {"distribution": "cauchy", "steepness": 3.0}
    hard = ag.vjp(lambda x: error_free_sort(x, **options), x)[1]((c, C))[0]
    soft = ag.vjp(lambda x: sorting_network(x, **options), x)[1]((c, C))[0]
    np.testing.assert_allclose(hard, soft, rtol=1e-13)


@pytest.mark.parametrize("layout", [odd_even(5), bitonic(6)], ids=repr)
def test_the_jacobian_is_a_product_of_soft_jacobians_at_exact_values(layout):
    n = layout.size
    x = RNG.normal(size=n)

    def layer(values, comparators):
        """One relaxed layer, written wire by wire."""
        wires = ag.unstack(values, axis=0)
        wires = list(wires)
        for a, b, lo, hi in comparators:
            alpha = soft_comparison(wires[b] - wires[a], distribution="cauchy", steepness=2.0)
            wires[lo], wires[hi] = soft_swap(wires[a], wires[b], alpha)
        return ag.array_namespace(values).stack(wires, axis=0)

    J, at = np.eye(n), x
    for comparators in layout.as_lists():
        J = ag.jacobian(lambda v, c=comparators: layer(v, c))(at) @ J
        for a, b, lo, hi in comparators:
            at = at.copy()
            at[lo], at[hi] = min(at[a], at[b]), max(at[a], at[b])
    ours = ag.jacobian(
        lambda x: error_free_sort(x, network=layout, distribution="cauchy", steepness=2.0)[0]
    )(x)
    np.testing.assert_allclose(ours, J, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(at, np.sort(x))


def test_steep_swaps_have_the_derivative_of_the_sorted_values():
    x = np.array([0.3, -2.0, 1.5, 5.0])
    J = ag.jacobian(lambda x: error_free_sort(x, distribution="cauchy", steepness=1e9)[0])(x)
    np.testing.assert_allclose(J, hard_permutation(x).T, atol=1e-8)


def test_a_swap_returns_its_inputs_unrounded():
    a, b = np.array([0.1, 0.7]), np.array([0.3, 0.2])
    lo, hi = error_free_swap(a, b, np.array([0.6, 0.4]), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(lo, [0.1, 0.2])
    np.testing.assert_array_equal(hi, [0.3, 0.7])


@pytest.mark.parametrize("batch", [(), (0,), (2, 1, 3)])
def test_any_batch_axes(batch):
    x = RNG.normal(size=(*batch, 5))
    values, Q = error_free_sort(x)
    np.testing.assert_array_equal(values, np.sort(x))
    assert Q.shape == (*x.shape, 5)


def test_float32_stays_float32():
    x = RNG.normal(size=(2, 5)).astype(np.float32)
    (values, Q), pull = ag.vjp(error_free_sort, x)
    assert values.dtype == Q.dtype == pull((values, Q))[0].dtype == np.float32
    np.testing.assert_array_equal(values, np.sort(x))


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_differentiates_the_source_to_the_same_numbers():
    torch = pytest.importorskip("torch", reason="needs torch")
    x, c, C = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5, 5))
    tensor = torch.tensor(x, requires_grad=True)
    values, Q = error_free_sort(tensor)
    (values * torch.tensor(c)).sum().add((Q * torch.tensor(C)).sum()).backward()
    np.testing.assert_array_equal(values.detach().numpy(), np.sort(x))
    g = ag.vjp(error_free_sort, x)[1]((c, C))[0]
    np.testing.assert_allclose(tensor.grad.numpy(), g, rtol=1e-12, atol=1e-13)


@pytest.mark.framework("jax")
def test_jax_differentiates_the_source_to_the_same_numbers():
    jax = pytest.importorskip("jax", reason="needs jax")
    x, c, C = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5, 5))
    g = ag.vjp(error_free_sort, x)[1]((c, C))[0]
    with jax.enable_x64(True):
        _, pull = jax.vjp(jax.jit(error_free_sort), jax.numpy.asarray(x))
        of_jax = pull((jax.numpy.asarray(c), jax.numpy.asarray(C)))[0]
        np.testing.assert_allclose(of_jax, g, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: error_free_sort(np.zeros((2, 0))), r"x: expected at least one value.*\(2, 0\)"),
        (lambda: error_free_sort([1.0, 2.0], distribution="normal"), "distribution: .*'normal'"),
        (lambda: error_free_sort([1.0, 2.0], network="shell"), "network: expected one of"),
        (lambda: error_free_sort([1.0, 2.0], steepness=-1.0), "steepness: .*got -1.0"),
    ],
)
def test_errors_name_argument_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
