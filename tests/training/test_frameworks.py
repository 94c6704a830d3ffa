"""The training methods on torch, JAX and array-api-strict arrays: one source, the same numbers."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd import array_namespace
from refimpl.training import distribution_propagation as dp
from refimpl.training import optimizers
from refimpl.training import propagated_outputs as outputs
from refimpl.training.blackbox import blackbox, implicit_mle, negative_identity
from refimpl.training.fisher_injection import inject_fisher
from refimpl.training.gem import self_self_attention
from refimpl.training.gem_block import layer_norm, similarity_maps
from refimpl.training.isaac import isaac_linear
from refimpl.training.newton_losses import newton_loss
from refimpl.training.perturbed import perturbed
from refimpl.training.quasi_monte_carlo import cartesian_cells, cartesian_points, latin_points
from refimpl.training.sampled_gradient import sampled_gradient
from refimpl.training.score_function import gaussian_log_density, score_function_loss
from refimpl.training.smoothed_moments import k_sample_median, smoothed_covariance
from refimpl.training.smoothing import estimate, smooth
from refimpl.training.tract import tract_linear

rng = np.random.default_rng(0)
X, W, V = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), rng.normal(size=(2, 5))
B, S, NOISE = rng.normal(size=5), rng.uniform(0.1, 1, (4, 3)), rng.normal(size=(8, 3))
PERTURBED = rng.normal(size=(6, 4, 3))
QKV, TOKENS = rng.normal(size=(12, 4)), rng.normal(size=(5, 2, 4))


def total(*parts):
    return sum(array_namespace(p).sum(p * p) for p in parts)


def step(v):
    xp = array_namespace(ag.plain(v))
    return xp.astype(ag.plain(v) > 0, ag.plain(v).dtype)


def cheapest(costs):
    """The cheapest of the last axis, one-hot."""
    xp = array_namespace(ag.plain(costs))
    values = ag.plain(costs)
    return xp.astype(values == xp.min(values, axis=-1, keepdims=True), values.dtype)


def squared(y):
    return 0.5 * array_namespace(y).sum((y * y - 1.0) ** 2, axis=-1)


METHODS = {
    "isaac": lambda x, a: total(isaac_linear(x, a(W), a(B), lambda_a=0.5)),
    "isaac_features": lambda x, a: total(
        isaac_linear(x, a(W), a(B), lambda_a=0.5, side="features")
    ),
    "tract": lambda x, a: total(tract_linear(x, a(W), a(B))),
    "inject_fisher": lambda x, a: total(squared(inject_fisher(x, lambda_=0.3))),
    "newton_hessian": lambda x, a: newton_loss(squared, x, 5.0),
    "newton_fisher": lambda x, a: newton_loss(squared, x, 0.1, curvature="fisher"),
    "smooth": lambda x, a: total(smooth(step, x, a(NOISE), 0.7)),
    "smooth_logistic": lambda x, a: total(
        smooth(step, x, a(NOISE), 0.7, distribution="logistic", covariate="f(x)")
    ),
    "affine": lambda x, a: total(*dp.affine(x, a(S), a(W), a(B))),
    "affine_cauchy": lambda x, a: total(*dp.affine(x, a(S), a(W), law="cauchy")),
    "activation": lambda x, a: total(*dp.activation(x, a(S), ag.sigmoid)),
    "relu_moments": lambda x, a: total(*outputs.relu_moments(x, a(S))),
    "log_density": lambda x, a: score_function_loss(
        gaussian_log_density(a(S), x, a(W[0])), a(X[:, 0] ** 2)
    ),
    "blackbox": lambda x, a: total(x * blackbox(cheapest, x, lambda_=2.0)),
    "negative_identity": lambda x, a: total(x * negative_identity(cheapest, x)),
    "implicit_mle": lambda x, a: total(x * implicit_mle(cheapest, x, a(PERTURBED))),
    "perturbed": lambda x, a: total(x * perturbed(cheapest, x, a(PERTURBED), sigma=0.5)),
    "implicit_mle_adaptive": lambda x, a: total(
        x * implicit_mle(cheapest, x, a(PERTURBED), adaptive=True, batch_ndim=1)
    ),
    "perturbed_multiplicative": lambda x, a: total(
        x * perturbed(cheapest, x, a(PERTURBED), sigma=0.5, multiplicative=True)
    ),
    "layer_norm": lambda x, a: total(layer_norm(x)),
}
VALUES = {
    "estimate": lambda x, a: estimate(step, x, a(NOISE), a(np.diag([0.5, 1.0, 2.0])))[:3],
    "covariance": lambda x, a: smoothed_covariance(x, a(NOISE[:4]), 0.5),
    "median": lambda x, a: k_sample_median(x, a(np.ones((4, 3, 2)) * S[..., None]), 0.5),
    "sampled_gradient": lambda x, a: sampled_gradient(
        lambda v: array_namespace(v).sum(v * v, axis=-1), x, a(NOISE), sigma=0.3
    ),
    "latin": lambda x, a: (latin_points(x, 0.5),),
    "cartesian": lambda x, a: (cartesian_points(cartesian_cells(3, 2, x), 3),),
    "attention": lambda x, a: self_self_attention(
        a(TOKENS), a(QKV), a(QKV[:, 0]), a(QKV[:4]), a(QKV[0]), heads=2
    ),
    "maps": lambda x, a: (similarity_maps(a(TOKENS), a(QKV), (2, 2), (3, 4)),),
}
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
values = pytest.mark.parametrize("method", VALUES.values(), ids=VALUES)


def expected(method):
    return ag.value_and_grad(lambda x: method(x, np.asarray))(X)


@pytest.mark.framework("torch", "array_api_compat")
@methods
def test_torch_differentiates_the_source_to_the_same_numbers(method):
    torch = pytest.importorskip("torch", reason="needs torch")
    value, gradient = expected(method)
    x = torch.tensor(X, requires_grad=True)
    result = method(x, torch.tensor)
    result.backward()
    np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.framework("jax")
@methods
def test_jax_differentiates_the_source_to_the_same_numbers(method):
    jax = pytest.importorskip("jax", reason="needs jax")
    jax.config.update("jax_enable_x64", True)
    value, gradient = expected(method)
    found = jax.value_and_grad(lambda x: method(x, jax.numpy.asarray))(jax.numpy.asarray(X))
    np.testing.assert_allclose(found[0], value, rtol=1e-9)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.framework("torch", "array_api_compat")
@values
def test_values_on_torch_tensors_are_tensors(method):
    torch = pytest.importorskip("torch", reason="needs torch")
    for ours, theirs in zip(
        method(X, np.asarray), method(torch.tensor(X), torch.tensor), strict=True
    ):
        assert isinstance(theirs, torch.Tensor)
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-9, atol=1e-12)


# Hessians take a traced backward pass, in which plain and traced arrays meet. array-api-strict's
# operators raise there, where Python's data model wants NotImplemented and the traced one's turn.
ONCE = [name for name in METHODS if name != "newton_hessian"]


@pytest.mark.framework("array_api_strict")
@pytest.mark.parametrize("name", [*ONCE, *VALUES])
def test_the_source_keeps_to_the_array_api(name):
    strict = pytest.importorskip("array_api_strict", reason="needs array-api-strict")
    method = {**METHODS, **VALUES}[name]
    wanted, found = method(X, np.asarray), method(strict.asarray(X), strict.asarray)
    if name in METHODS:
        wanted, found = (wanted,), (found,)
    for ours, theirs in zip(wanted, found, strict=True):
        np.testing.assert_allclose(ag.to_numpy(theirs), ours, rtol=1e-9, atol=1e-12)


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
def test_optimizers_update_torch_tensors_in_their_own_dtype(name):
    torch = pytest.importorskip("torch", reason="needs torch")
    optimizer = getattr(optimizers, name)(0.1)
    found = []
    for array in (np.asarray, torch.tensor):
        params = {"w": array(W.astype(np.float32))}
        state = optimizer.init(params)
        for _ in range(3):
            params, state = optimizer.update({"w": params["w"] * 0.5}, state, params)
        found.append(params["w"])
    assert found[1].dtype == torch.float32
    np.testing.assert_allclose(found[1].numpy(), found[0], rtol=1e-5)
