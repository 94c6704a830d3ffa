"""The convolutional network of the experiments, beside loops, differences and torch."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.experiments import cnn

RNG = np.random.default_rng(0)


def by_loops(x, filters, bias):
    B, H, W, _ = x.shape
    k, half = filters.shape[0], filters.shape[0] // 2
    around = np.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    y = np.zeros((B, H, W, filters.shape[-1]))
    for b, i, j in np.ndindex(B, H, W):
        y[b, i, j] = np.tensordot(around[b, i : i + k, j : j + k], filters, 3) + bias
    return y


@pytest.mark.parametrize("windows", [1, 700, 1 << 20])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_convolution_is_a_sum_over_the_window_however_many_are_made_at_a_time(
    k, windows, monkeypatch
):
    monkeypatch.setattr(cnn, "WINDOWS", windows)
    x, filters, bias = (
        RNG.normal(size=(5, 4, 6, 2)),
        RNG.normal(size=(k, k, 2, 3)),
        RNG.normal(size=3),
    )
    np.testing.assert_allclose(cnn.conv2d(x, filters, bias), by_loops(x, filters, bias), atol=1e-12)
    if windows == 700:
        check_grads(cnn.conv2d, (x, filters, bias))
    check_grads(lambda f, b: cnn.conv2d(x, f, b), (filters, bias))


def test_pooling_takes_the_largest_of_each_square():
    x = RNG.normal(size=(2, 4, 6, 3))
    y = cnn.max_pool(x)
    assert y.shape == (2, 2, 3, 3)
    assert y[1, 1, 2, 0] == x[1, 2:4, 4:6, 0].max()
    check_grads(cnn.max_pool, (x,))


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"conv2d: expected .*\(2, 4, 4\)"):
        cnn.conv2d(np.ones((2, 4, 4)), np.ones((3, 3, 1, 1)), np.ones(1))
    with pytest.raises(ValueError, match="odd square"):
        cnn.conv2d(np.ones((2, 4, 4, 1)), np.ones((2, 2, 1, 1)), np.ones(1))
    with pytest.raises(ValueError, match="multiples of 2"):
        cnn.max_pool(np.ones((1, 3, 4, 1)))


@pytest.mark.framework("torch")
def test_the_network_and_its_gradients_are_those_of_torch():
    import torch

    w = cnn.weights(RNG, (8, 16), (3, 4), 5, 2)
    x = RNG.random((6, 8, 16, 1), dtype=np.float32)

    def loss(w):
        y = cnn.network(w, x)
        return array_namespace(y).sum(y * y)

    theirs = [[torch.tensor(p, requires_grad=True) for p in layer] for layer in w]
    h = torch.tensor(x).permute(0, 3, 1, 2)
    for filters, bias in theirs[:2]:
        h = torch.conv2d(h, filters.permute(3, 2, 0, 1), bias, padding=2)
        h = torch.max_pool2d(torch.relu(h), 2)
    h = h.permute(0, 2, 3, 1).reshape(6, -1)
    h = torch.relu(h @ theirs[2][0] + theirs[2][1]) @ theirs[3][0] + theirs[3][1]
    total = (h * h).sum()
    total.backward()
    value, gradients = value_and_grad(loss)(w)
    np.testing.assert_allclose(value, total.item(), rtol=1e-5)
    for ours, layer in zip(gradients, theirs, strict=True):
        for g, p in zip(ours, layer, strict=True):
            np.testing.assert_allclose(g, p.grad.numpy(), atol=1e-4 * np.abs(g).max())
