"""Convolutions of gate trees, pooling, LogicTreeNet, and their circuits."""

import itertools

import numpy as np
import pytest

from refimpl.autograd import grad, value_and_grad
from refimpl.logic import tree_net
from refimpl.logic.convolution import draw_leaves, logic_convolution, or_pool
from refimpl.logic.gates import gate_mixture
from refimpl.logic.inference import Engine
from refimpl.logic.layers import probabilities
from refimpl.logic.network import cross_entropy
from refimpl.logic.simplify import simplify
from refimpl.logic.unroll import unroll
from refimpl.training.optimizers import adam

RNG = np.random.default_rng(0)


def by_hand(x, weights, leaves, size, stride, padding):
    """One tree after the other, one placement after the other."""
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    kernels = leaves.shape[1]
    rows, columns = ((n - size) // stride + 1 for n in x.shape[1:])
    y = np.empty((kernels, rows, columns))
    for k, i, j in itertools.product(range(kernels), range(rows), range(columns)):
        field = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
        a, b = (np.array([field[c, r, s] for r, s, c in side]) for side in leaves[:, k])
        first = 0
        while True:
            p = probabilities(weights[first : first + len(a), k], False)
            values = gate_mixture(a, b, p)
            if len(values) == 1:
                break
            first += len(values)
            a, b = values[0::2], values[1::2]
        y[k, i, j] = values[0]
    return y


@pytest.mark.parametrize("depth, stride, padding", [(1, 1, 0), (2, 2, 1), (3, 1, 1)])
def test_the_convolution_is_one_tree_per_placement(depth, stride, padding):
    leaves = draw_leaves(RNG, channels=3, kernels=4, depth=depth, size=3)
    weights = RNG.normal(size=(2**depth - 1, 4, 16))
    x = RNG.uniform(size=(2, 3, 6, 5))
    y = logic_convolution(x, weights, leaves, size=3, stride=stride, padding=padding)
    for image, found in zip(x, y, strict=True):
        expected = by_hand(image, weights, leaves, 3, stride, padding)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_leaves_with_a_group_read_neighbouring_channels_evenly():
    leaves = draw_leaves(RNG, channels=6, kernels=10, depth=3, size=3, group=2)
    for k in range(10):
        start = k % 5
        counts = np.bincount(leaves[:, k, :, 2].ravel(), minlength=6)
        np.testing.assert_array_equal(counts[start : start + 2], 4)
        assert counts.sum() == 8


def test_distinct_leaves_do_not_repeat_while_there_are_entries_left():
    leaves = draw_leaves(RNG, channels=2, kernels=6, depth=3, size=3)
    for k in range(6):
        assert len({tuple(entry) for entry in leaves[:, k].reshape(-1, 3)}) == 8


def test_pooling_sends_the_gradient_to_the_first_of_tied_values():
    slope = grad(lambda x: or_pool(x)[0, 0, 0])(np.full((1, 2, 2), 0.5))
    np.testing.assert_array_equal(slope, [[[1, 0], [0, 0]]])


def test_pooling_of_bits_is_or():
    x = RNG.integers(0, 2, (3, 4, 6)).astype(float)
    windows = x.reshape(3, 2, 2, 3, 2).max(axis=(2, 4))
    np.testing.assert_array_equal(or_pool(x), windows)


@pytest.mark.parametrize(
    "name, k, twice", [("S", 32, 1), ("M", 256, 1), ("B", 512, 2), ("L", 1024, 2)]
)
def test_gate_counts_follow_the_formulas_in_the_width(name, k, twice):
    found = tree_net.gate_counts(tree_net.CIFAR10[name])
    expected = {"trees": 25088 * k, "pooling": 2688 * k, "dense": 2240 * k * twice}
    assert found == expected


def test_the_largest_network_has_the_published_number_of_gates():
    assert sum(tree_net.gate_counts(tree_net.CIFAR10["G"]).values()) == pytest.approx(
        61e6, rel=0.01
    )


def test_mnist_shapes():
    assert tree_net.sizes(tree_net.MNIST["S"]) == [(12, 12), (6, 6), (3, 3)]


SMALL = tree_net.Config(
    channels=2, height=8, width=8,
    stages=(tree_net.Stage(4, 3, 2, 1), tree_net.Stage(6, 3, 3, 0, 1)),
    dense=(40, 40), tau=3.0, classes=4,
)  # fmt: skip


def test_the_unrolled_circuit_votes_as_the_hard_network_scores():
    net = tree_net.build(SMALL, seed=1)
    params = tree_net.initial_params(net, 1, init="normal")
    bits = RNG.integers(0, 2, (70, 2, 8, 8)).astype(bool)
    scores = tree_net.apply(net, params, bits.astype(float), hard=True)
    circuit = unroll(net, params)
    counts = Engine(circuit).counts(bits.reshape(70, -1))
    np.testing.assert_allclose(counts / 3.0, scores, rtol=1e-6)
    assert len(simplify(circuit)) < len(circuit)


def test_a_small_tree_network_learns_which_quarter_of_an_image_is_bright():
    config = SMALL._replace(tau=2.0)
    net = tree_net.build(config, seed=0)
    params = tree_net.initial_params(net, 0)
    labels = np.arange(60) % 4
    corners = np.kron(np.eye(4).reshape(4, 1, 2, 2), np.ones((1, 1, 4, 4)))
    x = (corners[labels] * RNG.integers(0, 2, (60, 2, 8, 8))).astype(np.float32)
    loss = value_and_grad(lambda p: cross_entropy(tree_net.apply(net, p, x), labels))
    optimizer = adam(0.05)
    state, losses = optimizer.init(params), []
    for _ in range(60):
        value, grads = loss(params)
        losses.append(float(value))
        params, state = optimizer.update(grads, state, params)
    assert losses[-1] < 0.5 * losses[0]


def test_images_of_another_shape_are_refused():
    net = tree_net.build(SMALL, seed=1)
    with pytest.raises(ValueError, match=r"expected shape \(..., 2, 8, 8\)"):
        tree_net.apply(net, tree_net.initial_params(net), np.ones((1, 8, 8)))


LEAVES = draw_leaves(RNG, channels=2, kernels=3, depth=2, size=3)
CONVOLVE = {"weights": np.zeros((3, 3, 16)), "leaves": LEAVES, "size": 3}


@pytest.mark.parametrize("change, message", [
    ({"x": np.ones((1, 5, 5))}, r"below \[3, 3, 1\]"),
    ({"x": np.ones((2, 2, 5))}, "a window of 3 does not fit 2 entries"),
    ({"weights": np.zeros((2, 3, 16))}, "weights: expected shape"),
    ({"leaves": LEAVES.astype(float)}, "leaves: expected whole numbers"),
    ({"stride": 0}, "stride"), ({"padding": -1}, "padding"),
    ({"sampling": "bogus"}, "sampling: expected one of soft, straight_through, hard"),
    ({"temperature": 0.0}, "temperature: expected a positive number"),
    ({"parametrisation": "wlash"}, "did you mean 'walsh'"),
])  # fmt: skip
def test_convolutions_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        logic_convolution(**{"x": np.ones((2, 5, 5)), **CONVOLVE, **change})


def test_windows_of_nothing_but_padding_are_refused():
    with pytest.raises(ValueError, match="padding: expected at most half of the size, 1, got 2"):
        or_pool(np.ones((1, 4, 4)), size=2, padding=2)
    assert np.all(np.isfinite(or_pool(np.ones((1, 4, 4)), size=2, padding=1)))


def test_leaves_without_channels_are_refused():
    with pytest.raises(ValueError, match="channels: expected a whole number >= 1"):
        draw_leaves(RNG, channels=0, kernels=1, depth=2, size=3)
