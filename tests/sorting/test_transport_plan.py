"""Entropic optimal transport: the solver, and derivatives of its result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.transport_plan import transport_plan
from refimpl.sorting.transport_solver import Problem, sinkhorn_step
from refimpl.sorting.transport_solver import plan as plan_of

RNG = np.random.default_rng(0)


def instance(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)) + 1e-3, rng.dirichlet(np.ones(m)) + 1e-3
    return rng.uniform(size=(n, m)), a / a.sum(), b / b.sum()


@settings(max_examples=40)
@given(
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5]),
)
def test_the_sums_are_right_to_rounding_for_every_epsilon(seed, n, m, eps):
    C, a, b = instance(seed, n, m)
    T = transport_plan(C, a, b, epsilon=eps)
    assert np.min(T) >= 0
    np.testing.assert_allclose(T.sum(-1), a, atol=1e-14)
    np.testing.assert_allclose(T.sum(-2), b, atol=1e-14 + 1e-15 / eps)


def test_a_plan_that_needs_small_steps_on_its_way_is_found():
    C, a, b = instance(1370, 11, 10)  # halving epsilon each time, the solver gets lost
    T = transport_plan(C, a, b, epsilon=1e-4)
    np.testing.assert_allclose(T.sum(-2), b, atol=1e-12)


def test_float32_reaches_its_own_rounding():
    C, a, b = (array.astype(np.float32) for array in instance(3, 30, 30))
    for eps in (1e-2, 1e-3, 1e-4):
        T = transport_plan(C, a, b, epsilon=eps)
        np.testing.assert_allclose(T.sum(-2), b / b.sum(), atol=1e-7 / eps)


def test_many_sinkhorn_steps_come_to_the_same_plan():
    C, a, b = instance(1, 5, 4)
    problem, g = Problem(C, a, b, 0.05), np.zeros(4)
    for _ in range(3000):
        g = sinkhorn_step(g, problem)
    np.testing.assert_allclose(
        transport_plan(C, a, b, epsilon=0.05), plan_of(g, problem), atol=1e-12
    )


def test_small_epsilon_is_the_linear_program():
    C, a, b = instance(2, 4, 5)
    sums = np.vstack([np.kron(np.eye(4), np.ones(5)), np.kron(np.ones(4), np.eye(5))])
    exact = linprog(C.ravel(), A_eq=sums, b_eq=np.concatenate([a, b])).fun
    assert np.isclose(np.sum(C * transport_plan(C, a, b, epsilon=1e-5)), exact, rtol=1e-4)


def test_large_epsilon_is_the_product_of_the_weights():
    C, a, b = instance(3, 4, 5)
    np.testing.assert_allclose(transport_plan(C, a, b, epsilon=1e9), np.outer(a, b), rtol=1e-8)


def test_samples_of_a_batch_do_not_touch_each_other():
    C = RNG.uniform(size=(3, 4, 4)) * np.array([1.0, 100.0, 1e-3])[:, None, None]
    w = np.full(4, 0.25)
    T = transport_plan(C, w, w, epsilon=0.1)
    for sample, alone in zip(T, C, strict=True):
        np.testing.assert_allclose(sample, transport_plan(alone, w, w, epsilon=0.1), atol=1e-12)
    C[1, 0, 0] = np.nan
    broken = transport_plan(C, w, w, epsilon=0.1)
    assert np.all(np.isnan(broken[1]))
    np.testing.assert_allclose(broken[[0, 2]], T[[0, 2]], atol=1e-12)


@pytest.mark.parametrize("eps", [1.0, 0.05])
def test_gradients_are_derivatives_to_second_order(eps):
    C, a, b = instance(4, 3, 3)
    assert check_grads(
        lambda C, a, b: transport_plan(C, a, b, epsilon=eps), (C, a, b), order=2, draws=1
    )


@pytest.mark.parametrize("eps", [1e-2, 1e-3, 1e-4])
def test_the_gradient_in_the_cost_survives_a_small_epsilon(eps):
    z = np.random.default_rng(5).uniform(size=6)

    def of_values(z):
        C = (z[:, None] - ag.constant(np.linspace(0, 1, 6), like=z)) ** 2
        return transport_plan(C, np.ones(6), np.ones(6), epsilon=eps)

    assert check_grads(of_values, (z,), draws=1)


def test_unrolled_iterations_have_the_same_gradient():
    C, a, b = instance(6, 4, 4)
    c = RNG.normal(size=(4, 4))

    def unrolled(C):
        g, problem = ag.array_namespace(C).zeros_like(C[0, :]), Problem(C, a, b, 0.1)
        for _ in range(400):
            g = sinkhorn_step(g, problem)
        return plan_of(g, problem)

    implicit = ag.vjp(lambda C: transport_plan(C, a, b, epsilon=0.1), C)[1](c)[0]
    np.testing.assert_allclose(ag.vjp(unrolled, C)[1](c)[0], implicit, rtol=1e-8, atol=1e-12)


def test_a_gradient_where_the_plan_is_a_permutation_is_zero_not_nan():
    C = 1e3 * (1 - np.eye(4)[[2, 0, 3, 1]])
    w = np.ones(4)
    T, pull = ag.vjp(lambda C: transport_plan(C, w, w, epsilon=0.1), C)
    np.testing.assert_allclose(4 * T, np.eye(4)[[2, 0, 3, 1]], atol=1e-12)
    np.testing.assert_allclose(pull(RNG.normal(size=(4, 4)))[0], 0, atol=1e-12)


def test_float32_stays_float32():
    C, a, b = (array.astype(np.float32) for array in instance(7, 5, 5))
    T = transport_plan(C, a, b, epsilon=0.05)
    assert T.dtype == np.float32
    right = transport_plan(*(array.astype(np.float64) for array in (C, a, b)), epsilon=0.05)
    np.testing.assert_allclose(T, right, atol=2e-6)


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_differentiates_the_source_to_the_same_numbers():
    torch = pytest.importorskip("torch", reason="needs torch")
    given_arrays, c = instance(8, 4, 3), RNG.normal(size=(4, 3))
    T, pull = ag.vjp(lambda *w: transport_plan(*w, epsilon=0.1), *given_arrays)
    tensors = [torch.tensor(array, requires_grad=True) for array in given_arrays]
    result = transport_plan(*tensors, epsilon=0.1)
    result.backward(torch.tensor(c))
    np.testing.assert_allclose(result.detach().numpy(), T, rtol=1e-9)
    for tensor, g in zip(tensors, pull(c), strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), g, rtol=1e-7, atol=1e-10)


@pytest.mark.slow
@pytest.mark.framework("jax")
def test_jax_differentiates_the_source_also_when_it_cannot_see_values():
    jax = pytest.importorskip("jax", reason="needs jax")
    C, a, b = instance(9, 4, 3)
    c = RNG.normal(size=(4, 3))
    T, pull = ag.vjp(lambda C: transport_plan(C, a, b, epsilon=0.1), C)
    with jax.enable_x64(True):
        w = jax.numpy.asarray(a), jax.numpy.asarray(b)

        def of_cost(C):
            return transport_plan(C, *w, epsilon=0.1)

        for run in (of_cost, jax.jit(of_cost)):
            result, of_jax = jax.vjp(run, jax.numpy.asarray(C))
            np.testing.assert_allclose(result, T, rtol=1e-8)
            np.testing.assert_allclose(of_jax(c)[0], pull(c)[0], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(2), [1.0, 0.0], [1.0, 1.0]), "a: expected positive weights"),
        ((np.eye(2), [1.0, 1.0], [1.0, -1.0]), "b: expected positive weights"),
        ((np.eye(2), np.ones(3), np.ones(2)), r"a: expected shape \(2,\).*got \(3,\)"),
        ((np.eye(2), np.ones(2), np.ones((5, 2))), r"b: expected shape \(2,\).*got \(5, 2\)"),
        ((np.zeros((0, 2)), np.ones(0), np.ones(2)), "cost: expected at least one row"),
        ((np.zeros(2), np.ones(2), np.ones(2)), "cost: expected at least 2 axes"),
    ],
)
def test_errors_name_argument_and_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        transport_plan(*arguments)


def test_epsilon_is_checked():
    with pytest.raises(ValueError, match="epsilon: expected a positive number, got 0"):
        transport_plan(np.eye(2), np.ones(2), np.ones(2), epsilon=0)
