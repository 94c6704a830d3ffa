"""Lookup gates: parametrisations, sampling, inits, learnable connections; other array libraries."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace, grad, jacobian, vjp
from refimpl.logic import lookup as look
from refimpl.logic.discretise import from_tables
from refimpl.logic.gates import GATES, TRUTH
from refimpl.logic.inference import Engine
from refimpl.logic.layers import logic_layer
from refimpl.logic.learned_connections import chosen_inputs, learned_inputs
from refimpl.logic.netlist import evaluate
from refimpl.logic.simplify import simplify

RNG = np.random.default_rng(0)
KINDS = [("raw", 2), ("light", 2), ("light", 4), ("walsh", 1), ("walsh", 2), ("walsh", 4)]


def layer(kind, rank, m=6):
    weights = RNG.normal(size=(m, look.entries(kind, rank)))
    return RNG.uniform(size=(5, 7)), weights, RNG.integers(0, 7, (rank, m))


def test_raw_lookup_is_the_logic_layer():
    x, w, wiring = layer("raw", 2)
    np.testing.assert_allclose(look.lookup_layer(x, w, wiring), logic_layer(x, w, wiring))


@pytest.mark.parametrize("kind, rank", KINDS)
def test_hard_gates_of_bits_are_their_truth_tables(kind, rank):
    _, w, wiring = layer(kind, rank)
    bits = ((np.arange(128)[:, None] >> np.arange(7)) & 1).astype(float)
    y = look.lookup_layer(bits, w, wiring, parametrisation=kind, sampling="hard")
    rows = sum(bits[:, i].astype(int) << (rank - 1 - n) for n, i in enumerate(wiring))
    tables = look.truth_tables(w, kind)
    np.testing.assert_array_equal(y, np.take_along_axis(tables.T, rows, axis=0))


@pytest.mark.parametrize("kind, rank", KINDS)
def test_straight_through_has_the_value_of_hard_and_a_gradient_of_soft(kind, rank):
    x, w, wiring = layer(kind, rank)

    def run(sampling):
        return vjp(
            lambda w: look.lookup_layer(
                x, w, wiring, parametrisation=kind, sampling=sampling, temperature=0.7
            ),
            w,
        )

    (hard, _), (through, pull), (_, soft_pull) = map(run, ("hard", "straight_through", "soft"))
    np.testing.assert_allclose(through, hard, atol=1e-15)
    g = RNG.normal(size=hard.shape)
    if kind != "walsh":  # there the sampled number is the result itself
        assert np.abs(pull(g)[0]).max() > 1e-6
    np.testing.assert_allclose(pull(g)[0], soft_pull(g)[0], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("kind, rank", KINDS)
def test_a_low_temperature_tends_to_hard_gates_on_bits(kind, rank):
    _, w, wiring = layer(kind, rank)
    x = RNG.integers(0, 2, (5, 7)).astype(float)
    options = {"parametrisation": kind}
    cold = look.lookup_layer(x, w, wiring, temperature=1e-4, **options)
    hard = look.lookup_layer(x, w, wiring, sampling="hard", **options)
    np.testing.assert_allclose(cold, hard, atol=1e-3)


@pytest.mark.parametrize("kind, rank", KINDS)
def test_circuits_of_hard_gates_are_those_gates(kind, rank):
    """Two layers and votes, for every input."""
    rng = np.random.default_rng(rank)
    wirings = [rng.integers(0, n, (rank, m)) for n, m in ((8, 9), (9, 6))]
    weights = [rng.normal(size=(m, look.entries(kind, rank))) for m in (9, 6)]
    y = bits = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(float)
    for w, wiring in zip(weights, wirings, strict=True):
        y = look.lookup_layer(y, w, wiring, parametrisation=kind, sampling="hard")
    circuit = from_tables(8, [look.truth_tables(w, kind) for w in weights], wirings, classes=2)
    np.testing.assert_array_equal(evaluate(circuit, bits), y)
    simple = simplify(circuit)
    np.testing.assert_array_equal(evaluate(simple, bits), y)
    np.testing.assert_array_equal(Engine(circuit).counts(bits), y.reshape(256, 2, 3).sum(axis=-1))


def test_tables_and_wirings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(m, 2\^n\) and \(n, m\)"):
        from_tables(3, [np.zeros((1, 4), bool)], [np.array([[0], [1], [2]])])
    with pytest.raises(ValueError, match="below 3"):
        from_tables(3, [np.zeros((1, 4), bool)], [np.array([[0], [3]])])


def test_walsh_coefficients_of_a_gate_give_its_truth_table():
    signs = 1.0 - 2 * TRUTH
    coefficients = look.walsh_transform(signs) / 4
    np.testing.assert_array_equal(look.truth_tables(coefficients, "walsh"), TRUTH)
    np.testing.assert_allclose(look.walsh_transform(coefficients), signs)
    assert GATES[6].name == "a xor b"
    np.testing.assert_array_equal(coefficients[6], [0, 0, 0, 1])


@pytest.mark.parametrize("kind, rank", [("raw", 2), ("light", 2), ("light", 4), ("walsh", 2)])
def test_residual_weights_are_gates_that_pass_the_first_input_on(kind, rank):
    w = look.initial_weights(
        50, np.random.default_rng(0), parametrisation=kind, rank=rank, init="residual"
    )
    first = np.arange(2**rank) >= 2 ** (rank - 1)
    assert (look.truth_tables(w, kind) == first).mean() > 0.98
    assert w.dtype == np.float32


def test_gumbel_noise_samples_gates_by_their_probabilities():
    rng = np.random.default_rng(0)
    w = np.log(np.array([0.5, 0.3, 0.2]))
    noise = look.gumbel_noise(rng.uniform(size=(20000, 3)))
    shares = np.bincount(np.argmax(w + noise, axis=-1), minlength=3) / 20000
    np.testing.assert_allclose(shares, np.exp(w), atol=0.015)


def test_logistic_noise_samples_rows_by_their_probabilities():
    noise = look.logistic_noise(np.random.default_rng(0).uniform(size=20000))
    assert (1.2 + noise > 0).mean() == pytest.approx(1 / (1 + np.exp(-1.2)), abs=0.01)


def test_learned_connections_read_the_best_candidate_and_have_their_own_gradient():
    x, g = RNG.uniform(size=(3, 5)), RNG.normal(size=(3, 2, 4))
    candidates, scores = RNG.integers(0, 5, (3, 2, 4)), RNG.normal(size=(3, 2, 4))
    y, pull = vjp(lambda x, s: learned_inputs(x, s, candidates, temperature=0.5), x, scores)
    best = chosen_inputs(scores, candidates)
    np.testing.assert_array_equal(y, x[:, best])
    to_x, to_scores = pull(g)
    wanted = np.zeros_like(x)
    p = np.exp(scores / 0.5) / np.exp(scores / 0.5).sum(axis=0)
    for c, r, m in np.ndindex(3, 2, 4):
        i = candidates[c, r, m]
        wanted[:, i] += p[c, r, m] * g[:, r, m]
        assert to_scores[c, r, m] == pytest.approx(np.sum((2 * x[:, i] - 1) * g[:, r, m]))
    np.testing.assert_allclose(to_x, wanted)


@pytest.mark.parametrize("call", [
    lambda x, w, i: look.lookup_layer(x, w, i, parametrisation="warp"),
    lambda x, w, i: look.lookup_layer(x, w, i, sampling="gumbel"),
    lambda x, w, i: look.lookup_layer(x, w, i, temperature=0.0),
    lambda x, w, i: look.lookup_layer(x, w[:, :4], i),
    lambda x, w, i: look.lookup_layer(x, w, i + 7),
    lambda x, w, i: look.lookup_layer(x, w, np.concatenate([i, i])),
    lambda x, w, i: look.entries("raw", 3),
])  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match=r"expected|inputs"):
        call(*layer("raw", 2))


@pytest.mark.framework("torch")
def test_layers_run_on_torch_with_torch_gradients():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, w, wiring = layer("raw", 2)
    tx, tw = (torch.tensor(v, requires_grad=True) for v in (x, w))
    y = logic_layer(tx, tw, wiring, grad_factor=2.0)
    y.sum().backward()
    ours = grad(lambda x, w: _total(logic_layer(x, w, wiring, grad_factor=2.0)), (0, 1))(x, w)
    np.testing.assert_allclose(tx.grad.numpy(), ours[0], rtol=1e-9)
    np.testing.assert_allclose(tw.grad.numpy(), ours[1], rtol=1e-9, atol=1e-15)


def _total(y):
    return array_namespace(y).sum(y)


@pytest.mark.framework("jax")
def test_layers_run_on_jax_with_jax_gradients():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    x, w, wiring = (np.float32(v) if v.dtype.kind == "f" else v for v in layer("raw", 2))
    theirs = jax.grad(lambda x, w: logic_layer(x, w, wiring).sum(), (0, 1))(
        jax.numpy.asarray(x), jax.numpy.asarray(w)
    )
    ours = grad(lambda x, w: _total(logic_layer(x, w, wiring)), (0, 1))(x, w)
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_jacobian_of_a_light_gate_in_its_input_is_the_difference_of_its_rows():
    w = np.array([[-1.0, 2.0, 0.5, -0.3]])
    s = 1 / (1 + np.exp(-w[0]))
    J = jacobian(lambda x: look.lookup_layer(x, w, np.array([[0], [1]]), parametrisation="light"))(
        np.array([0.4, 0.0])
    )
    np.testing.assert_allclose(J[0, 0], s[2] - s[0])
