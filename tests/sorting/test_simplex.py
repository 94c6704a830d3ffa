"""Projections onto the simplex, soft steps, and the soft permutations made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.permutations import hard_permutation, ranks
from refimpl.sorting.simplex import MODES, POWERS, simplex_projection
from refimpl.sorting.simplex_ranks import simplex_ranks
from refimpl.sorting.simplex_selection import simplex_quantile, simplex_topk
from refimpl.sorting.simplex_sort import DOUBLY_STOCHASTIC, METHODS, simplex_argsort
from refimpl.sorting.soft_step import soft_absolute, soft_step
from refimpl.sorting.softsort import soft_sort

RNG = np.random.default_rng(0)
CHOICES = [(method, mode) for method in METHODS for mode in MODES if method != "ot"]
CHOICES.append(("ot", "smooth"))
finite = st.floats(-1e3, 1e3, width=32)


def apart(*shape):
    places = RNG.permuted(np.broadcast_to(np.arange(float(shape[-1])), shape), axis=-1)
    return places + RNG.uniform(-0.2, 0.2, shape)


@settings(max_examples=50)
@given(arrays(np.float64, st.integers(1, 12), elements=finite), st.sampled_from(MODES))
def test_a_projection_is_a_distribution_in_the_order_of_x(x, mode):
    y = simplex_projection(x, mode=mode, softness=3.0)
    assert np.min(y) >= 0
    assert np.isclose(y.sum(), 1, rtol=0, atol=1e-12)
    order = np.argsort(x)
    assert np.all(np.diff(y[order]) >= -1e-15)


@pytest.mark.parametrize("mode", POWERS)
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_theta_is_the_root_that_bisection_finds(mode, n):
    v, p = RNG.normal(size=n) * 2, POWERS[mode]
    excess = lambda theta: np.sum(np.maximum(v - theta, 0) ** p) - 1  # noqa: E731
    theta = brentq(excess, v.max() - 1 - 1e-9, v.max(), xtol=1e-15, rtol=1e-15)
    right = np.maximum(v - theta, 0) ** p
    np.testing.assert_allclose(simplex_projection(v, mode=mode, softness=1.0), right, atol=1e-12)


@pytest.mark.parametrize("mode", POWERS)
def test_the_jacobian_is_the_closed_form(mode):
    x, p = RNG.normal(size=6), POWERS[mode]
    y = simplex_projection(x, mode=mode, softness=0.7)
    w = np.where(y > 0, p * y ** ((p - 1) / p), 0.0)
    J = ag.jacobian(lambda x: simplex_projection(x, mode=mode, softness=0.7))(x)
    np.testing.assert_allclose(J, (np.diag(w) - np.outer(w, w) / w.sum()) / 0.7, atol=1e-12)


def test_c0_is_the_nearest_distribution():
    x = RNG.normal(size=5)
    y = simplex_projection(x, mode="c0", softness=1.0)
    others = RNG.dirichlet(np.ones(5), size=200)
    assert np.all(np.sum((others - x) ** 2, -1) >= np.sum((y - x) ** 2))


@pytest.mark.parametrize("mode", MODES)
def test_a_million_equal_entries_and_huge_ones_converge(mode):
    y = simplex_projection(np.zeros(10**6), mode=mode, softness=1.0)
    np.testing.assert_allclose(y, 1e-6, rtol=1e-9)
    sharp = simplex_projection(np.array([1e300, 0.0, -1e300]), mode=mode)
    np.testing.assert_array_equal(sharp, [1.0, 0.0, 0.0])


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_projections_and_steps_are_derivatives(mode):
    x = np.array([0.4, 1.0, -0.3, 0.75])
    assert check_grads(lambda x: simplex_projection(x, mode=mode, softness=0.6), (x,), order=2)
    assert check_grads(lambda x: soft_step(x, mode=mode, softness=0.3), (x,), order=2)
    assert check_grads(lambda x: soft_absolute(x, mode=mode, softness=0.3), (x,), order=2)


@pytest.mark.parametrize("mode", MODES)
def test_a_step_is_symmetric_and_ends_where_it_should(mode):
    x = np.linspace(-1, 1, 101)
    y = soft_step(x, mode=mode, softness=0.1)
    np.testing.assert_allclose(y + y[::-1], 1, atol=1e-15)
    assert np.all(np.diff(y) >= 0)
    if mode != "smooth":
        assert np.all(y[x <= -0.5] == 0)
        assert np.all(y[x >= 0.5] == 1)
    assert np.all(soft_absolute(x, mode=mode) <= np.abs(x))
    np.testing.assert_allclose(soft_step(np.array([-1e9, 0, 1e9]), mode=mode), [0, 0.5, 1])


@pytest.mark.parametrize(("method", "mode"), CHOICES)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_small_softness_is_the_hard_permutation_and_the_exact_ranks(method, mode, n):
    x = apart(3, n)
    options = {"method": method, "mode": mode, "softness": 1e-6}
    np.testing.assert_allclose(simplex_argsort(x, **options), hard_permutation(x), atol=1e-4)
    down = simplex_argsort(x, descending=True, **options)
    np.testing.assert_allclose(down, hard_permutation(x, descending=True), atol=1e-4)
    right = np.argsort(np.argsort(x))
    np.testing.assert_allclose(simplex_ranks(x, **options), right, atol=1e-4)
    backwards = simplex_ranks(x, descending=True, **options)
    np.testing.assert_allclose(backwards, n - 1 - right, atol=1e-4)
    for k in range(1, n + 1):
        largest = simplex_topk(x, k=k, **options)[0]
        np.testing.assert_allclose(largest, np.sort(x)[:, ::-1][:, :k], atol=1e-3)
    for q in (0.0, 0.3, 0.5, 1.0):
        found = simplex_quantile(x, q=q, **options)
        np.testing.assert_allclose(found, np.quantile(x, q, axis=-1), atol=1e-3)


@pytest.mark.parametrize(("method", "mode"), CHOICES)
def test_p_is_doubly_stochastic_where_promised_and_only_there(method, mode):
    x = RNG.normal(size=(20, 5))
    P = simplex_argsort(x, method=method, mode=mode, softness=0.3)
    np.testing.assert_allclose(P.sum(-2), 1, atol=1e-12)
    off = np.max(np.abs(P.sum(-1) - 1))
    assert off < 1e-12 if method in DOUBLY_STOCHASTIC else off > 1e-2


@pytest.mark.parametrize("method", ["softsort", "neuralsort", "ot"])
def test_permuting_the_inputs_permutes_the_rows(method):
    x, order = apart(6), RNG.permutation(6)
    P = simplex_argsort(x, method=method)
    np.testing.assert_allclose(simplex_argsort(x[order], method=method), P[order], atol=1e-10)
    r = simplex_ranks(x, method=method)
    np.testing.assert_allclose(simplex_ranks(x[order], method=method), r[order], atol=1e-10)


def test_smooth_methods_are_their_originals():
    x = apart(2, 5)
    options = {"softness": 0.4, "standardize": False}
    P = simplex_argsort(x, method="softsort", **options)
    np.testing.assert_allclose(P, soft_sort(x, temperature=0.4), rtol=1e-12)


def test_neuralsort_has_absolute_values_of_its_mode():
    x, s, n = apart(4), 0.4, 4
    apart_by = x[:, None] - x[None, :]
    A = np.sum(apart_by * np.tanh(apart_by / (2 * s)), axis=1)  # 2 logistic(v) - 1 = tanh(v / 2)
    z = ((2 * np.arange(n) + 1 - n) * x[:, None] - A[:, None]) / s
    right = np.exp(z) / np.exp(z).sum(0)
    P = simplex_argsort(x, method="neuralsort", softness=s, standardize=False)
    np.testing.assert_allclose(P, right, rtol=1e-12)
    assert np.max(np.abs(P - neural_sort(x, temperature=s))) > 1e-2


def test_doubly_stochastic_ranks_are_mean_positions():
    x = apart(2, 5)
    for method in DOUBLY_STOCHASTIC:
        P = simplex_argsort(x, method=method)
        np.testing.assert_allclose(simplex_ranks(x, method=method), ranks(P), atol=1e-12)


def test_padding_lets_samples_of_a_batch_touch_each_other_and_the_right_network_does_not():
    x = np.array([[0.3, 0.1, 0.2], [5.0, 9.0, 7.0]])
    options = {"standardize": False, "softness": 1.0}
    for method, touched in (("padded_network", True), ("sorting_network", False)):
        together = simplex_argsort(x, method=method, **options)[0]
        alone = simplex_argsort(x[0], method=method, **options)
        assert (np.max(np.abs(together - alone)) > 1e-3) == touched


def test_an_input_without_a_position_has_its_exact_rank():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        x, softness = rng.normal(size=6), 10 ** rng.uniform(-2, 1)
        options = {"mode": "c0", "softness": softness, "standardize": False}
        empty = simplex_argsort(x, **options).sum(-1) == 0
        found += np.count_nonzero(empty)
        right = np.argsort(np.argsort(x))
        np.testing.assert_array_equal(simplex_ranks(x, **options)[empty], right[empty])
    assert found > 0


@pytest.mark.parametrize(("method", "mode"), CHOICES)
def test_gradients_are_derivatives(method, mode):
    x = np.array([0.3, -0.45, 0.9, 0.0])
    options = {"method": method, "mode": mode, "softness": 0.3}
    assert check_grads(lambda x: simplex_argsort(x, **options), (x,), draws=1)
    assert check_grads(lambda x: simplex_ranks(x, **options), (x,), draws=1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch", [(), (0,), (2, 1, 3)])
def test_any_batch_axes_and_float32(method, batch):
    x = RNG.normal(size=(*batch, 5)).astype(np.float32)
    P = simplex_argsort(x, method=method)
    assert P.shape == (*x.shape, 5)
    assert P.dtype == simplex_ranks(x, method=method).dtype == np.float32
    assert simplex_topk(x, k=2, method=method)[0].shape == (*batch, 2)
    assert simplex_quantile(x, method=method).shape == batch
    right = simplex_argsort(x.astype(np.float64), method=method)
    np.testing.assert_allclose(P, right, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_ties_share_their_ranks(method):
    x = np.array([1.0, 3.0, 1.0])
    r = simplex_ranks(x, method=method, softness=1e-3)
    np.testing.assert_allclose(r, [0.5, 2, 0.5], atol=1e-6)


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize(("method", "mode"), CHOICES[::3])
def test_torch_differentiates_the_source_to_the_same_numbers(method, mode):
    torch = pytest.importorskip("torch", reason="needs torch")
    x, c = apart(2, 5), RNG.normal(size=(2, 5))
    options = {"method": method, "mode": mode, "softness": 0.3}
    value, pull = ag.vjp(lambda x: simplex_ranks(x, **options), x)
    tensor = torch.tensor(x, requires_grad=True)
    result = simplex_ranks(tensor, **options)
    result.backward(torch.tensor(c))
    np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9)
    np.testing.assert_allclose(tensor.grad.numpy(), pull(c)[0], rtol=1e-7, atol=1e-10)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("mode", MODES)
def test_jax_differentiates_the_source_to_the_same_numbers(mode):
    jax = pytest.importorskip("jax", reason="needs jax")
    x, c = apart(2, 4), RNG.normal(size=(2, 4))

    def f(x):
        return simplex_ranks(x, method="softsort", mode=mode, softness=0.3)

    with jax.enable_x64(True):
        _, pull = jax.vjp(f, jax.numpy.asarray(x))
        np.testing.assert_allclose(pull(c)[0], ag.vjp(f, x)[1](c)[0], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simplex_projection(np.zeros((2, 0))), r"x: expected at least one.*\(2, 0\)"),
        (lambda: simplex_projection([1.0], mode="c3"), "mode: expected one of.*got 'c3'"),
        (lambda: simplex_projection([1.0], softness=0), "softness: expected a positive.*got 0"),
        (lambda: soft_step([1.0], mode="hard"), "mode: expected one of.*got 'hard'"),
        (lambda: soft_step([1.0], softness=-2), "softness: .*got -2"),
        (lambda: simplex_argsort([1.0], method="bubble"), "method: expected one of.*'bubble'"),
        (lambda: simplex_argsort(np.zeros(0)), r"x: expected at least one value.*\(0,\)"),
        (lambda: simplex_ranks([1.0], method="ot", mode="c1"), "mode: expected 'smooth'.*'c1'"),
        (lambda: simplex_topk([1.0, 2.0], k=3), "k: expected at most the 2 values, got 3"),
        (lambda: simplex_quantile([1.0], q=-0.1), "q: expected a number from 0.*got -0.1"),
    ],
)
def test_errors_name_argument_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
