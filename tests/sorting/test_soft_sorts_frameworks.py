"""NeuralSort, SoftSort, Plackett-Luce and the top-k loss on torch, JAX and array-api-strict arrays:
one source, the same values and gradients.
"""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.sorting.neuralsort import neural_sort
from refimpl.sorting.plackett_luce import plackett_luce_log_likelihood, stochastic_neural_sort
from refimpl.sorting.softsort import soft_sort
from refimpl.sorting.topk_loss import OPERATORS, topk_cross_entropy

rng = np.random.default_rng(0)
X, G, NOISE = rng.normal(size=(2, 1, 6)), rng.normal(size=(2, 1, 6, 6)), rng.gumbel(size=(2, 1, 6))
LABELS = np.array([[3], [0]])
ORDER = np.argsort(NOISE, axis=-1)


def of_matrix(sort, **options):
    return lambda x, like: ag.array_namespace(x).sum(sort(x, **options) * like(G))


def of_loss(**options):
    return lambda x, like: topk_cross_entropy(x, like(LABELS), weights=(0.3, 0.2, 0.5), **options)


LOSSES = {
    "neural_sort": of_matrix(neural_sort, temperature=0.6),
    "neural_sort_hard": of_matrix(neural_sort, hard=True, descending=True),
    "soft_sort": of_matrix(soft_sort, temperature=0.6),
    "soft_sort_hard": of_matrix(soft_sort, hard=True, descending=True),
    **{f"power{p}": of_matrix(soft_sort, power=p) for p in (0.5, 1.5, 2.0)},
    "stochastic": lambda x, like: ag.array_namespace(x).sum(
        stochastic_neural_sort(x, like(NOISE)) * like(G)
    ),
    "log_likelihood": lambda x, like: ag.array_namespace(x).sum(
        plackett_luce_log_likelihood(x, like(ORDER))
    ),
    **{f"topk_{name}": of_loss(method=name) for name in OPERATORS},
    "topk_candidates": of_loss(candidates=4, top1="smce", distribution="logistic"),
}
# networks without compilation; topk_candidates has a small one
SLOW_TO_TRACE = [f"topk_{name}" for name in OPERATORS if not name.endswith("_sort")]
each = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def expected(loss):
    return ag.value_and_grad(lambda x: loss(x, np.asarray))(X)


@pytest.mark.framework("torch", "array_api_compat")
@each
def test_torch_differentiates_the_source_to_the_same_numbers(loss):
    torch = pytest.importorskip("torch", reason="needs torch")
    value, gradient = expected(loss)
    x = torch.tensor(X, requires_grad=True)
    result = loss(x, torch.tensor)
    result.backward()
    np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("name", [name for name in LOSSES if name not in SLOW_TO_TRACE])
def test_jax_differentiates_the_source_to_the_same_numbers(name):
    jax, loss = pytest.importorskip("jax", reason="needs jax"), LOSSES[name]
    value, gradient = expected(loss)
    with jax.enable_x64(True):
        result, slope = jax.value_and_grad(lambda x: loss(x, jax.numpy.asarray))(
            jax.numpy.asarray(X)
        )
        np.testing.assert_allclose(result, value, rtol=1e-9)
        np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.framework("array_api_strict")
@each
def test_the_source_keeps_to_the_array_api_standard(loss):
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    value, gradient = expected(loss)
    x = strict.asarray(X)
    np.testing.assert_allclose(float(loss(x, strict.asarray)), value, rtol=1e-9)
    _, slope = ag.value_and_grad(lambda x: loss(x, strict.asarray))(x)
    np.testing.assert_allclose(np.asarray(slope), gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.framework("jax")
def test_jax_compiles_the_source():
    jax = pytest.importorskip("jax", reason="needs jax")
    with jax.enable_x64(True):
        for name in ("neural_sort", "soft_sort", "stochastic", "neural_sort_hard"):
            slope = jax.jit(jax.grad(lambda x, f=LOSSES[name]: f(x, jax.numpy.asarray)))
            wanted = expected(LOSSES[name])[1]
            np.testing.assert_allclose(slope(jax.numpy.asarray(X)), wanted, rtol=1e-8, atol=1e-12)


@pytest.mark.gpu
@each
def test_cupy_computes_the_same_on_the_device(loss):
    cupy = pytest.importorskip("cupy", reason="needs cupy")
    value, gradient = expected(loss)
    result, slope = ag.value_and_grad(lambda x: loss(x, cupy.asarray))(cupy.asarray(X))
    np.testing.assert_allclose(float(result), value, rtol=1e-9)
    np.testing.assert_allclose(cupy.asnumpy(slope), gradient, rtol=1e-8, atol=1e-12)
