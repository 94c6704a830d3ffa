"""Layers and networks: the fast forms equal the plain ones, gradients, grad factor, saving."""

import numpy as np
import pytest

from refimpl.autograd import grad, hvp, jacobian, vjp
from refimpl.logic import network as nets
from refimpl.logic.connections import connections
from refimpl.logic.fused import Wiring, fused_layer, plain_layer
from refimpl.logic.group_sum import group_sum
from refimpl.logic.layers import logic_layer, logic_layer_sum, scale_gradient

RNG = np.random.default_rng(0)


def layer(n=7, m=11, batch=(5,)):
    wiring = connections("random", n, m, RNG)
    return RNG.uniform(size=(*batch, n)), RNG.normal(size=(m, 16)), wiring


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (0,)])
def test_the_layer_equals_the_plain_sum_over_sixteen_gates(batch, hard):
    x, w, wiring = layer(batch=batch)
    fast = logic_layer(x, w, wiring, hard=hard)
    np.testing.assert_allclose(fast, logic_layer_sum(x, w, wiring, hard=hard), rtol=1e-12)
    assert fast.shape == (*batch, 11)


def test_the_gradients_of_both_forms_are_equal():
    x, w, wiring = layer()
    g = RNG.normal(size=(5, 11))
    fast = vjp(lambda x, w: logic_layer(x, w, wiring), x, w)[1](g)
    plain = vjp(lambda x, w: logic_layer_sum(x, w, wiring), x, w)[1](g)
    for ours, theirs in zip(fast, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n, m, samples", [(5, 9, 4), (40, 3000, 50), (3, 2, 1), (6, 8, 0)])
def test_the_fused_layer_equals_its_definition_in_value_and_gradients(n, m, samples, dtype):
    wiring = Wiring(RNG.integers(0, n, (2, m)), n)
    x, c = RNG.uniform(size=(n, samples)).astype(dtype), RNG.normal(size=(m, 4)).astype(dtype)
    g = RNG.normal(size=(m, samples)).astype(dtype)
    y, pull = vjp(lambda x, c: fused_layer(x, c, wiring), x, c)
    wanted, plain_pull = vjp(lambda x, c: plain_layer(x, c, wiring), x, c)
    scale = 1e-4 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(y, wanted, rtol=scale, atol=scale)
    for ours, theirs in zip(pull(g), plain_pull(g), strict=True):
        assert ours.dtype == dtype
        largest = np.abs(theirs).max(initial=1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale * largest)


def test_the_fused_layer_has_second_derivatives():
    wiring = Wiring(np.array([[0, 1, 1], [2, 2, 1]]), 3)
    x, c, v = RNG.uniform(size=(3, 2)), RNG.normal(size=(3, 4)), RNG.normal(size=(3, 2))

    def loss(layer):
        return lambda x: (layer(x, c, wiring) ** 3)[0, 0] + layer(x, c, wiring)[2, 1] ** 2

    np.testing.assert_allclose(hvp(loss(fused_layer), x, v), hvp(loss(plain_layer), x, v))


def test_both_inputs_of_a_gate_may_be_the_same_and_their_gradients_add_up():
    w = np.full((1, 16), -900.0)
    w[0, 1] = 0  # a and b
    J = jacobian(lambda x: logic_layer(x, w, np.array([[0], [0]])))(np.array([0.3]))
    np.testing.assert_allclose(J, [[2 * 0.3]])


def test_saturated_logits_give_a_gate_and_no_nan():
    x, w, wiring = layer()
    hot = np.where(np.arange(16) == 6, 800.0, -800.0) + 0 * w
    y = logic_layer(x, hot, wiring)
    a, b = x[:, wiring[0]], x[:, wiring[1]]
    np.testing.assert_allclose(y, a + b - 2 * a * b, atol=1e-12)


def test_tied_logits_choose_the_lowest_gate():
    y = logic_layer([1.0, 1.0], np.eye(16)[[7]] + np.eye(16)[[9]], np.array([[0], [1]]), hard=True)
    assert float(y[0]) == 1.0  # or (7) comes before xnor (9): both are true here
    y = logic_layer([0.0, 0.0], np.eye(16)[[7]] + np.eye(16)[[9]], np.array([[0], [1]]), hard=True)
    assert float(y[0]) == 0.0


def test_hard_layers_of_real_numbers_are_polynomials_not_rounded():
    y = logic_layer([0.5, 0.5], np.eye(16)[[1]], np.array([[0], [1]]), hard=True)
    assert float(y[0]) == 0.25


def test_hard_layers_have_a_gradient_in_x_and_none_in_the_weights():
    x, w, wiring = layer()
    to_x, to_w = vjp(lambda x, w: logic_layer(x, w, wiring, hard=True), x, w)[1](np.ones((5, 11)))
    assert np.abs(to_x).max() > 0
    np.testing.assert_array_equal(to_w, 0)


def test_the_grad_factor_multiplies_gradients_once_for_each_layer_above():
    plain = nets.build(6, [8, 8, 8], classes=2, seed=1)
    params = [p.astype(float) for p in nets.initial_params(plain, 1)]
    x = RNG.uniform(size=(4, 6))

    def gradients(network):
        return grad(lambda p: nets.apply(network, p, x)[0, 0] ** 2)(params)

    doubled = gradients(plain._replace(grad_factor=2.0))
    for layers_above, (ours, once) in enumerate(
        zip(doubled[::-1], gradients(plain)[::-1], strict=True)
    ):
        np.testing.assert_allclose(ours, 2.0**layers_above * once, rtol=1e-9)
    assert scale_gradient(x, 3.0) is not None
    np.testing.assert_array_equal(scale_gradient(x, 3.0), x)


@pytest.mark.parametrize("hard", [False, True])
def test_a_network_equals_its_layers_one_after_the_other(hard):
    network = nets.build(9, [12, 20, 15], classes=3, tau=2.0, beta=0.5, seed=3)
    params = [p.astype(float) for p in nets.initial_params(network, 3)]
    x = RNG.uniform(size=(2, 5, 9))
    fast = nets.apply(network, params, x, hard=hard)
    np.testing.assert_allclose(fast, nets.apply_layers(network, params, x, hard=hard), rtol=1e-10)


def test_hard_networks_of_bits_give_exact_bits():
    network = nets.build(9, [30, 30], classes=3, seed=3)
    x = RNG.integers(0, 2, (50, 9)).astype(float)
    y = nets.activations(network, nets.initial_params(network, 4), x, hard=True)[-1]
    assert set(np.unique(y)) <= {0.0, 1.0}


def test_group_sums_by_hand():
    x = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(group_sum(x, k=2, tau=2.0, beta=1.0), [2.5, 4.5])
    np.testing.assert_allclose(group_sum(x, k=2, tau=2.0, beta=1.0, offset="before"), [2.0, 4.0])
    with pytest.raises(ValueError, match="cannot be divided among 3 groups"):
        group_sum(x, k=3)


def test_a_saved_network_computes_the_same(tmp_path):
    network = nets.build(9, [12, 15], classes=3, tau=2.0, grad_factor=1.5, seed=3)
    params = nets.initial_params(network, 3, init="residual")
    nets.save(tmp_path / "net.npz", network, params, note=np.array("digits"))
    same, weights, more = nets.load(tmp_path / "net.npz")
    x = RNG.uniform(size=(4, 9))
    np.testing.assert_array_equal(nets.apply(same, weights, x), nets.apply(network, params, x))
    assert same.grad_factor == 1.5
    assert str(more["note"]) == "digits"


def damaged(name, change):
    return pytest.param(change, id=name)


@pytest.mark.parametrize("change", [
    damaged("wiring too large", lambda held: held["wiring0"].__setitem__((0, 0), 99)),
    damaged("negative wiring", lambda held: held["wiring1"].__setitem__((0, 0), -1)),
    damaged("weights missing", lambda held: held.pop("weights1")),
    damaged("nan", lambda held: held["weights0"].__setitem__((0, 0), np.nan)),
    damaged("classes", lambda held: held["sizes"].__setitem__(1, 4)),
    damaged("tau", lambda held: held["numbers"].__setitem__(0, -1.0)),
    damaged("shape", lambda held: held.update(weights0=held["weights0"][:, :15])),
    damaged("kind", lambda held: held.update(format="something else")),
    damaged("complex", lambda held: held.update(weights0=held["weights0"].astype(complex))),
    damaged("text", lambda held: held.update(weights1=held["weights1"].astype("S9"))),
    damaged("no layers", lambda held: held["sizes"].__setitem__(2, 0)),
])  # fmt: skip
def test_damaged_networks_are_refused_by_name(tmp_path, change):
    path = tmp_path / "net.npz"
    network = nets.build(9, [12, 15], classes=3, seed=3)
    nets.save(path, network, nets.initial_params(network, 3))
    with np.load(path) as stored:
        held = dict(stored)
    change(held)
    np.savez(path, **held)
    with pytest.raises(ValueError, match=r"net\.npz"):
        nets.load(path)


@pytest.mark.parametrize("call", [
    lambda: logic_layer(np.ones(3), np.ones((2, 16)), np.array([[0, 1], [1, 3]])),
    lambda: logic_layer(np.ones(3), np.ones((2, 15)), np.array([[0, 1], [1, 2]])),
    lambda: nets.build(9, [], classes=2),
    lambda: nets.build(9, [5], classes=2),
    lambda: nets.apply(nets.build(4, [4], classes=2), [], np.ones(4)),
    lambda: nets.apply(nets.build(4, [4], classes=2), [np.ones((4, 16))], np.ones(5)),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match=r"expected|divide|layers"):
        call()
