"""Fast soft sort and rank on torch, JAX, array-api-strict and CuPy arrays."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.sorting.fast_sort import fast_soft_sort
from refimpl.sorting.isotonic import isotonic_regression
from refimpl.sorting.soft_rank import fast_soft_rank

X = np.random.default_rng(0).normal(size=(2, 1, 7))
OPTIONS = [
    {"regularization": regularization, "descending": descending, "strength": strength}
    for regularization in ("l2", "kl")
    for descending in (False, True)
    for strength in (0.1, 1.5)
]
every = pytest.mark.parametrize("options", OPTIONS, ids=str)


def loss(x, options):
    """Something that uses sorted values, ranks and an isotonic regression."""
    xp = ag.array_namespace(x)
    mixed = fast_soft_sort(x, **options) * fast_soft_rank(x, **options)
    v = isotonic_regression(x, xp.sin(x), regularization=options["regularization"])
    return xp.sum(mixed * mixed) + xp.sum(xp.exp(v))


def expected(options):
    return ag.value_and_grad(lambda x: loss(x, options))(X)


def close(a, b, rtol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)))


@pytest.mark.framework("torch", "array_api_compat")
@every
def test_torch_differentiates_the_source_to_the_same_numbers(options):
    torch = pytest.importorskip("torch", reason="needs torch")
    value, gradient = expected(options)
    x = torch.tensor(X, requires_grad=True)
    result = loss(x, options)
    result.backward()
    close(result.detach().numpy(), value)
    close(x.grad.numpy(), gradient)
    value, slope = ag.value_and_grad(lambda x: loss(x, options))(torch.tensor(X))
    close(slope.numpy(), gradient)


@pytest.mark.framework("torch", "array_api_compat")
@every
def test_torch_agrees_on_second_derivatives(options):
    torch = pytest.importorskip("torch", reason="needs torch")
    H = torch.autograd.functional.hessian(lambda x: loss(x, options), torch.tensor(X))
    close(H.numpy(), ag.hessian(lambda x: loss(x, options))(X), rtol=1e-9)


@pytest.mark.framework("torch", "array_api_compat")
@every
def test_torch_transforms_find_the_blocks_without_values(options):
    torch = pytest.importorskip("torch", reason="needs torch")
    x = torch.tensor(X[:, 0])
    rows = torch.func.vmap(lambda x: fast_soft_rank(x, **options))(x)
    close(rows.numpy(), fast_soft_rank(X[:, 0], **options))
    close(torch.func.grad(lambda x: loss(x, options))(torch.tensor(X)), expected(options)[1])


@pytest.mark.framework("jax")
def test_jax_differentiates_the_source_to_the_same_numbers():
    jax = pytest.importorskip("jax", reason="needs jax")
    value, gradient = expected(OPTIONS[6])
    with jax.enable_x64(True):
        result, slope = jax.value_and_grad(lambda x: loss(x, OPTIONS[6]))(jax.numpy.asarray(X))
    close(result, value)
    close(slope, gradient)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("operator", [fast_soft_sort, fast_soft_rank])
@pytest.mark.parametrize("options", [OPTIONS[1], OPTIONS[5]], ids=str)
def test_jax_compiles_a_program_that_finds_the_blocks(operator, options):
    jax = pytest.importorskip("jax", reason="needs jax")
    x = X[:, 0, :5]

    def pulled(x):
        y, pull = jax.vjp(lambda x: operator(x, **options), x)
        return y, pull(y)[0]

    y, pull = ag.vjp(lambda x: operator(x, **options), x)
    with jax.enable_x64(True):
        result, slope = jax.jit(jax.vmap(pulled))(jax.numpy.asarray(x))
    close(result, y)
    close(slope, pull(y)[0])


@pytest.mark.framework("array_api_strict")
@every
def test_the_source_keeps_to_the_array_api_standard(options):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    value, gradient = expected(options)
    result, slope = ag.value_and_grad(lambda x: loss(x, options))(strict.asarray(X))
    close(float(result), value)
    close(np.asarray(slope), gradient)


@pytest.mark.framework("array_api_strict")
def test_exact_ranks_keep_to_the_array_api_standard():
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    x = np.array([[3.0, 1.0, 3.0, 0.0]])
    ranks = fast_soft_rank(strict.asarray(x), strength=0.0)
    np.testing.assert_array_equal(np.asarray(ranks), fast_soft_rank(x, strength=0.0))


@pytest.mark.gpu
@every
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cupy_computes_the_same_on_the_device(options, dtype):
    cupy = pytest.importorskip("cupy", reason="needs cupy")
    x = X.astype(dtype)
    result, slope = ag.value_and_grad(lambda x: loss(x, options))(cupy.asarray(x))
    assert slope.dtype == dtype
    value, gradient = expected(options)
    rtol = 1e-11 if dtype == np.float64 else 2e-5
    close(float(result), value, rtol)
    close(cupy.asnumpy(slope), gradient, rtol)
