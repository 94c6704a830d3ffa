"""The same source on torch, JAX and array-api-strict arrays: values, gradients, Hessians."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.sorting.losses import permutation_cross_entropy, ranking_accuracy
from refimpl.sorting.networks import sorting_network
from refimpl.sorting.permutations import apply_permutation, hard_permutation, hard_sort, ranks
from refimpl.sorting.sigmoids import SIGMOIDS

X = np.random.default_rng(0).normal(size=(2, 1, 6))
Q = hard_permutation(-X)
OPTIONS = [
    *({"network": "odd_even", "distribution": name, "steepness": 1.0} for name in SIGMOIDS),
    {"network": "bitonic", "units": "lipschitz"},
    {"network": "bitonic_published", "descending": True},
    {"network": [[(0, 5, 5, 0)], [(1, 2), (0, 3)]]},
]


def loss(x, target, options):
    """Something that uses the values, the matrix, the ranks and a payload."""
    values, P = sorting_network(x, **options)
    xp = ag.array_namespace(x)
    moved = apply_permutation(P, x * x)
    mixed = xp.sum(values * moved) + xp.sum(ranks(P) * x)
    return permutation_cross_entropy(P, target) + 0.1 * mixed


def expected(options):
    return ag.value_and_grad(lambda x: loss(x, Q, options))(X)


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_torch_differentiates_the_source_to_the_same_numbers(options):
    torch = pytest.importorskip("torch", reason="needs torch")
    value, gradient = expected(options)
    x = torch.tensor(X, requires_grad=True)
    result = loss(x, torch.tensor(Q), options)
    result.backward()
    np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_agrees_on_second_derivatives_and_its_batching():
    torch = pytest.importorskip("torch", reason="needs torch")
    options = OPTIONS[1]
    H = torch.autograd.functional.hessian(
        lambda x: loss(x, torch.tensor(Q), options), torch.tensor(X)
    )
    ours = ag.hessian(lambda x: loss(x, Q, options))(X)
    np.testing.assert_allclose(H.numpy(), ours, rtol=1e-7, atol=1e-9 * np.max(np.abs(ours)))
    one = torch.func.vmap(lambda x: sorting_network(x, **options)[1])(torch.tensor(X[:, 0]))
    np.testing.assert_allclose(one.numpy(), sorting_network(X, **options)[1][:, 0], rtol=1e-12)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_jax_differentiates_the_source_to_the_same_numbers(options):
    jax = pytest.importorskip("jax", reason="needs jax")
    value, gradient = expected(options)
    with jax.enable_x64(True):
        of_x = jax.value_and_grad(lambda x: loss(x, jax.numpy.asarray(Q), options))
        for run in (of_x, jax.jit(of_x)):
            result, slope = run(jax.numpy.asarray(X))
            np.testing.assert_allclose(result, value, rtol=1e-12)
            np.testing.assert_allclose(slope, gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.framework("array_api_strict")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_source_keeps_to_the_array_api_standard(options):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    value, gradient = expected(options)
    x, target = strict.asarray(X), strict.asarray(Q)
    np.testing.assert_allclose(float(loss(x, target, options)), value, rtol=1e-12)
    result, slope = ag.value_and_grad(lambda x: loss(x, target, options))(x)
    np.testing.assert_allclose(float(result), value, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(slope), gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.framework("array_api_strict")
def test_hard_results_keep_to_the_array_api_standard():
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    x = strict.asarray(X)
    for got, right in zip(hard_sort(x), hard_sort(X), strict=True):
        np.testing.assert_array_equal(np.asarray(got), right)
    got = ranking_accuracy(x, strict.asarray(-X))
    np.testing.assert_allclose([float(a) for a in got], ranking_accuracy(X, -X))


@pytest.mark.gpu
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cupy_computes_the_same_on_the_device(options, dtype):
    cupy = pytest.importorskip("cupy", reason="needs cupy")
    x, target = cupy.asarray(X.astype(dtype)), cupy.asarray(Q.astype(dtype))
    result, slope = ag.value_and_grad(lambda x: loss(x, target, options))(x)
    assert slope.dtype == dtype
    value, gradient = expected(options)
    rtol = 1e-11 if dtype == np.float64 else 2e-4
    np.testing.assert_allclose(float(result), value, rtol=rtol)
    atol = rtol * np.max(np.abs(gradient))
    np.testing.assert_allclose(cupy.asnumpy(slope), gradient, rtol=0, atol=atol)
