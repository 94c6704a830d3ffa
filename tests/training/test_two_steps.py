"""The split of a training step: when it is the ordinary step, and where it rests."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace, grad
from refimpl.training.newton_losses import newton_loss, newton_step
from refimpl.training.optimizers import adam, sgd
from refimpl.training.two_steps import stepped_outputs, target_loss

RNG = np.random.default_rng(0)
X, W, T = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=(6, 3))


def network(w):
    return array_namespace(w).tanh(X @ w)


def loss(y):
    return array_namespace(y).sum((y - T) ** 4)


def test_gradient_steps_for_outputs_and_weights_are_gradient_descent():
    target, _ = stepped_outputs(loss, network(W), sgd(1.0))
    split = grad(lambda w: target_loss(network(w), target))(W)
    np.testing.assert_allclose(split, grad(lambda w: loss(network(w)))(W), rtol=1e-10)


def test_a_newton_step_for_the_outputs_is_a_newton_loss():
    def each(y):
        return array_namespace(y).sum((y - T) ** 4, axis=-1)

    target = newton_step(each, network(W), 0.3).target
    split = grad(lambda w: target_loss(network(w), target) / 6)(W)
    found = grad(lambda w: newton_loss(each, network(w), 0.3))(W)
    np.testing.assert_allclose(split, found, rtol=1e-10)


def test_the_split_rests_where_the_loss_does():
    y = network(W)
    for step in (sgd(0.7), adam(0.1)):
        np.testing.assert_array_equal(stepped_outputs(lambda v: loss(v - y + T), y, step)[0], y)


def test_the_state_goes_on():
    optimizer = sgd(0.1, momentum=0.9)
    first, state = stepped_outputs(loss, T + 1.0, optimizer)
    second, _ = stepped_outputs(loss, first, optimizer, state)
    alone, _ = stepped_outputs(loss, first, optimizer)
    np.testing.assert_allclose(second, alone - 0.1 * 0.9 * 4.0)


def test_the_target_is_constant():
    g = grad(lambda y: target_loss(y, 2.0 * y))(T)
    np.testing.assert_allclose(g, -T)
    with pytest.raises(ValueError, match="equal shapes"):
        target_loss(T, T[:2])
