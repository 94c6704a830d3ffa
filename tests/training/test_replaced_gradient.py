"""Replaced gradients: the rule decides, in the engine and wherever else the source runs."""

import numpy as np
import pytest

from refimpl.autograd import grad, vjp
from refimpl.training.replaced_gradient import replaced_gradient

X = np.array([1.0, -2.0, 3.0])


@replaced_gradient
def clipped(x, bound, *, factor):
    """Its gradient is a factor, nothing that has to do with the values; none for the bound."""
    return x * (x < bound)


clipped.defvjp(
    lambda x, bound, *, factor: (x * (x < bound), ("kept", factor, x)),
    lambda residuals, g: (residuals[1] * g * residuals[2], None),
)


def test_the_engine_takes_the_rule():
    value, pull = vjp(lambda x: clipped(x, 2.0, factor=5.0), X)
    np.testing.assert_array_equal(value, [1.0, -2.0, 0.0])
    np.testing.assert_array_equal(pull(np.ones(3))[0], 5.0 * X)


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_takes_the_rule_once():
    torch = pytest.importorskip("torch", reason="needs torch")
    x = torch.tensor(X, requires_grad=True)
    value = clipped(x, 2.0, factor=5.0)
    np.testing.assert_array_equal(value.detach().numpy(), [1.0, -2.0, 0.0])
    (gradient,) = torch.autograd.grad((value**2).sum(), x, create_graph=True)
    np.testing.assert_array_equal(gradient.detach().numpy(), 10.0 * X * [1.0, -2.0, 0.0])
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.framework("torch", "array_api_compat")
def test_torch_tensors_without_gradient_stay_without():
    torch = pytest.importorskip("torch", reason="needs torch")
    assert not clipped(torch.tensor(X), 2.0, factor=5.0).requires_grad
    with torch.no_grad():
        x = torch.tensor(X, requires_grad=True)
        assert not clipped(x, 2.0, factor=5.0).requires_grad


@pytest.mark.framework("torch", "array_api_compat")
def test_no_cotangent_means_no_gradient_in_torch():
    torch = pytest.importorskip("torch", reason="needs torch")
    x, bound = torch.tensor(X, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    clipped(x, bound, factor=1.0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), X)
    assert bound.grad is None


@pytest.mark.framework("jax")
def test_jax_takes_the_rule_also_when_compiled():
    jax = pytest.importorskip("jax", reason="needs jax")
    jax.config.update("jax_enable_x64", True)

    def loss(x, bound):
        return clipped(x, bound, factor=5.0).sum()

    for transform in (jax.grad, lambda f, a: jax.jit(jax.grad(f, a))):
        by_x, by_bound = transform(loss, (0, 1))(jax.numpy.asarray(X), jax.numpy.asarray(2.0))
        np.testing.assert_array_equal(by_x, 5.0 * X)
        np.testing.assert_array_equal(by_bound, 0.0)


def test_without_a_rule_it_says_so():
    with pytest.raises((TypeError, ValueError, RuntimeError), match="defvjp"):
        grad(replaced_gradient(lambda x: x))(1.0)
