"""ISAAC and TrAct: the conditioned gradient against its definition, its limits and its promises."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import array_namespace, grad
from refimpl.training.isaac import isaac_direction, isaac_linear
from refimpl.training.optimizers import sgd
from refimpl.training.tract import tract_direction, tract_linear

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
dampings = st.sampled_from([1e-3, 0.1, 1.0, 30.0])


def batch(shape):
    b, n, d, seed = shape
    rng = np.random.default_rng(seed)
    return rng.normal(size=(b, n)), rng.normal(size=(b, d))


def by_definition(a, g, lambda_a, lambda_g=None):
    """Equation 17, with explicit inverses."""
    b, n = a.shape
    left = np.eye(g.shape[1])
    if lambda_g is not None:
        left = lambda_g * np.linalg.inv(g.T @ g / b + lambda_g * np.eye(g.shape[1]))
    return left @ (g.T @ a) @ (lambda_a * np.linalg.inv(a.T @ a / b + lambda_a * np.eye(n)))


@given(shapes, dampings)
@settings(max_examples=40)
def test_both_sizes_of_system_give_the_definition(shape, damping):
    a, g = batch(shape)
    wanted = by_definition(a, g, damping)
    for side in ("samples", "features", "auto"):
        found = isaac_direction(a, g, damping, side=side)
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


@given(shapes, dampings, dampings)
@settings(max_examples=30)
def test_the_full_direction_conditions_the_outputs_as_well(shape, lambda_a, lambda_g):
    a, g = batch(shape)
    found = isaac_direction(a, g, lambda_a, lambda_g=lambda_g)
    np.testing.assert_allclose(found, by_definition(a, g, lambda_a, lambda_g), rtol=1e-7, atol=1e-9)


def test_a_factor_replaces_the_gradients_in_the_output_metric():
    a, g = batch((5, 3, 2, 0))
    c = np.random.default_rng(1).normal(size=(4, 2))
    found = isaac_direction(a, g, 1.0, lambda_g=0.5, factor=c)
    left = 0.5 * np.linalg.inv(c.T @ c / 5 + 0.5 * np.eye(2))
    np.testing.assert_allclose(found, left @ by_definition(a, g, 1.0), rtol=1e-10)


@given(shapes, dampings)
@settings(max_examples=40)
def test_every_direction_of_the_inputs_is_shrunk_and_the_loss_still_descends(shape, damping):
    a, g = batch(shape)
    plain, found = g.T @ a, isaac_direction(a, g, damping)
    assert np.linalg.norm(found) <= np.linalg.norm(plain) * (1 + 1e-12)
    assert np.sum(found * plain) >= 0
    _, s, Vt = np.linalg.svd(a, full_matrices=False)
    shrunk = plain @ Vt.T * (damping / (damping + s**2 / len(a)))
    np.testing.assert_allclose(found @ Vt.T, shrunk, rtol=1e-7, atol=1e-10)


def test_large_damping_gives_the_gradient_within_the_derived_gap():
    a, g = batch((6, 4, 3, 2))
    plain = g.T @ a
    bound = np.linalg.norm(a.T @ a / 6, 2) / 1e6
    gap = np.linalg.norm(isaac_direction(a, g, 1e6) - plain)
    assert gap <= bound * np.linalg.norm(plain)


def test_small_damping_solves_least_squares_in_one_step():
    a, _ = batch((9, 4, 2, 3))
    target = np.random.default_rng(4).normal(size=(9, 2))
    W, la = np.zeros((2, 4)), 1e-9
    g = (a @ W.T - target) / len(a)
    W = W - isaac_direction(a, g, la) / la
    np.testing.assert_allclose(W, np.linalg.lstsq(a, target, rcond=None)[0].T, rtol=1e-5)


def test_duplicating_the_batch_of_a_mean_loss_changes_nothing():
    a, g = batch((3, 5, 2, 5))
    twice = isaac_direction(np.tile(a, (2, 1)), np.tile(g, (2, 1)) / 2, 0.5)
    np.testing.assert_allclose(twice, isaac_direction(a, g, 0.5), rtol=1e-12)


def test_the_order_of_the_samples_does_not_matter():
    a, g = batch((6, 4, 3, 8))
    order = np.random.default_rng(9).permutation(6)
    found = isaac_direction(a[order], g[order], 0.3)
    np.testing.assert_allclose(found, isaac_direction(a, g, 0.3), rtol=1e-10)


@pytest.mark.parametrize("side", ["samples", "features"])
def test_scaling_the_inputs_is_like_dividing_the_damping_by_the_square(side):
    a, g = batch((5, 7, 2, 10))
    scaled = isaac_direction(3.0 * a, g, 0.9, side=side)
    np.testing.assert_allclose(scaled, 3.0 * isaac_direction(a, g, 0.1, side=side), rtol=1e-10)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5)])
def test_inputs_of_low_rank_are_no_matter_with_damping(shape):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(shape[0], 2)) @ rng.normal(size=(2, shape[1]))
    g = rng.normal(size=(shape[0], 3))
    both = [isaac_direction(a, g, 1e-3, side=side) for side in ("samples", "features")]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("side", ["samples", "features"])
def test_without_bound_the_damping_leaves_the_gradient(side):
    for shape in ((6, 4, 3, 2), (4, 6, 3, 2), (1, 1, 1, 2)):
        a, g = batch(shape)
        for damping in (1e30, 1e300, np.inf):
            np.testing.assert_allclose(isaac_direction(a, g, damping, side=side), g.T @ a)


def test_the_last_layer_of_a_squared_error_takes_the_gauss_newton_step():
    """Theorem 4: the Hessian of the weights, H kron (a^T a/b) with H = I, damped, applied to the
    gradient.
    """
    a, _ = batch((7, 3, 2, 11))
    W, t, la = np.ones((2, 3)), np.random.default_rng(12).normal(size=(7, 2)), 0.2

    def loss(W, layer):
        y = layer(W)
        return 0.5 * array_namespace(y).sum((y - t) ** 2) / 7

    found = grad(loss)(W, lambda W: isaac_linear(a, W, lambda_a=la))
    plain = grad(loss)(W, lambda W: a @ array_namespace(W).matrix_transpose(W))
    curvature = np.kron(np.eye(2), a.T @ a / 7)
    newton = np.linalg.solve(curvature + la * np.eye(6), plain.ravel())
    np.testing.assert_allclose(found.ravel(), la * newton, rtol=1e-10)


@pytest.mark.parametrize("layers", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_layers_mix_each_conditioned_by_its_own_inputs_and_the_others_left_alone(layers):
    rng = np.random.default_rng(13)
    x, la = rng.normal(size=(6, 4)), 0.4
    weights = [rng.normal(size=s) for s in ((5, 4), (5, 5), (2, 5))]

    def network(weights, chosen, x):
        inputs = []
        for k, W in enumerate(weights):
            xp = array_namespace(x, W)
            x = xp.tanh(x) if k else x
            inputs.append(x)
            x = isaac_linear(x, W, lambda_a=la) if k in chosen else x @ xp.matrix_transpose(W)
        return x, inputs

    def loss(weights, chosen, x):
        y = network(weights, chosen, x)[0]
        return array_namespace(y).mean(array_namespace(y).cos(y))

    plain = grad(loss, argnums=(0, 2))(weights, (), x)
    mixed = grad(loss, argnums=(0, 2))(weights, layers, x)
    np.testing.assert_allclose(mixed[1], plain[1], rtol=1e-12)
    for k, a in enumerate(network(weights, (), x)[1]):
        wanted = plain[0][k]
        if k in layers:
            wanted = wanted @ (la * np.linalg.inv(a.T @ a / 6 + la * np.eye(a.shape[1])))
        np.testing.assert_allclose(mixed[0][k], wanted, rtol=1e-9)


def test_zero_inputs_give_a_zero_direction():
    assert not isaac_direction(np.zeros((3, 4)), np.ones((3, 2)), 1.0).any()


def ordinary(x, W, bias):
    return x @ array_namespace(W).matrix_transpose(W) + bias


def weight_gradient(layer, x, W, bias):
    """That of sum sin(layer), after the layer's values and other gradients are found ordinary."""

    def gradients(layer):
        def loss(x, W, bias):
            y = layer(x, W, bias)
            return array_namespace(y).sum(array_namespace(y).sin(y))

        return grad(loss, argnums=(0, 1, 2))(x, W, bias)

    ours, plain = gradients(layer), gradients(ordinary)
    np.testing.assert_allclose(layer(x, W, bias), ordinary(x, W, bias))
    np.testing.assert_allclose(ours[0], plain[0])
    np.testing.assert_allclose(ours[2], plain[2])
    return ours[1]


@pytest.mark.parametrize("shape", [(7,), (2, 7), (2, 3, 7), (0, 7)])
def test_the_layer_takes_batches_of_any_rank_and_changes_the_weight_gradient_alone(shape):
    rng = np.random.default_rng(0)
    x, W, bias = rng.normal(size=shape), rng.normal(size=(3, 7)), rng.normal(size=3)
    found = weight_gradient(functools.partial(isaac_linear, lambda_a=0.3), x, W, bias)
    rows = x.reshape(-1, 7)
    g = np.cos(ordinary(rows, W, bias))
    np.testing.assert_allclose(found, by_definition(rows, g, 0.3) if len(rows) else 0 * W)


def test_float32_is_kept():
    a, g = (v.astype(np.float32) for v in batch((6, 4, 3, 2)))
    found = isaac_direction(a, g, 0.5)
    assert found.dtype == np.float32
    wanted = isaac_direction(a.astype(float), g.astype(float), 0.5)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_tract_is_isaac_over_the_damping():
    x, g = batch((8, 3, 4, 6))
    np.testing.assert_allclose(tract_direction(x, g, 0.1), isaac_direction(x, g, 0.1) / 0.1)
    W = np.random.default_rng(7).normal(size=(4, 3))

    def loss(W):
        return array_namespace(W).sum(tract_linear(x, W, lambda_=0.1) * g)

    np.testing.assert_allclose(grad(loss)(W), tract_direction(x, g, 0.1), rtol=1e-12)


def test_tract_is_the_plain_gradient_of_a_layer_fed_with_whitened_inputs():
    """The equivalent trick: the value of W x, the gradient of W x (x^T x/b + lambda I)^-1."""
    x, g = batch((8, 3, 4, 6))
    W = np.random.default_rng(7).normal(size=(4, 3))
    whitened = x @ np.linalg.inv(x.T @ x / 8 + 0.1 * np.eye(3))

    def trick(W):
        xp = array_namespace(W)
        return xp.sum((whitened @ xp.matrix_transpose(W)) * g)

    found = grad(lambda W: array_namespace(W).sum(tract_linear(x, W, lambda_=0.1) * g))(W)
    np.testing.assert_allclose(found, grad(trick)(W), rtol=1e-10)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (0, 3)])
def test_tract_takes_batches_of_any_rank_and_leaves_inputs_and_bias_alone(shape):
    rng = np.random.default_rng(0)
    x, W, bias = rng.normal(size=shape), rng.normal(size=(2, 3)), rng.normal(size=2)
    rows = x.reshape(-1, 3)
    wanted = tract_direction(rows, np.cos(ordinary(rows, W, bias)))
    np.testing.assert_allclose(weight_gradient(tract_linear, x, W, bias), wanted, atol=1e-15)


def test_badly_scaled_inputs_cost_fewer_steps():
    """Least squares with inputs of scales 0.03 to 3, each method at its largest stable step."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8)) * np.logspace(-1.5, 0.5, 8)
    t = x @ (rng.normal(size=(8, 1)) / np.logspace(-1.5, 0.5, 8)[:, None])

    def loss(W, lambda_a):
        y = isaac_linear(x, W, lambda_a=lambda_a) if lambda_a else x @ W[0, :, None]
        return array_namespace(y).sum((y - t) ** 2) / (2 * len(x))

    curvature = np.linalg.norm(x.T @ x / len(x), 2)
    reached = {}
    for lambda_a, lr in ((None, 1 / curvature), (0.01, 1 / 0.01)):
        W, optimizer = np.zeros((1, 8)), sgd(lr)
        state = optimizer.init(W)
        for _ in range(50):
            W, state = optimizer.update(grad(loss)(W, lambda_a), state, W)
        reached[lambda_a] = loss(W, None)
    assert reached[0.01] < 1e-3 * reached[None]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: isaac_linear(np.ones((2, 3)), np.ones((2, 4)), lambda_a=1.0), "weight"),
        (lambda: isaac_linear(np.ones((2, 3)), np.ones((2, 3)), lambda_a=0.0), "lambda_a"),
        (lambda: isaac_linear(np.ones((2, 3)), np.ones((2, 3)), np.ones(3), lambda_a=1.0), "bias"),
        (lambda: isaac_direction(np.ones((2, 3)), np.ones((3, 3)), 1.0), "inputs, gradients"),
        (
            lambda: isaac_direction(
                np.ones((2, 3)), np.ones((2, 3)), 1.0, lambda_g=1.0, factor=np.ones((4, 2))
            ),
            r"factor: expected \(m, 3\)",
        ),
        (lambda: isaac_direction(np.ones((2, 3)), np.ones((2, 3)), 1.0, side="x"), "side"),
        (lambda: tract_linear(np.ones((2, 3)), np.ones((2, 3)), lambda_=-1), "lambda_"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
