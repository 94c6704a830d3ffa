"""Bit-packed inference: equal to the definition for every size, class count and tuning."""

import importlib

import guarded_cupy
import numpy as np
import pytest
from guarded import synchronisations
from hypothesis import given, settings
from hypothesis import strategies as st
from places import find, places

from refimpl.logic import network as nets
from refimpl.logic.discretise import discretise
from refimpl.logic.inference import Engine, Tuning
from refimpl.logic.netlist import CONSTANT, evaluate, netlist, vote
from refimpl.logic.packing import pack, packed_bits, unpack
from refimpl.logic.rows import place
from refimpl.logic.simplify import simplify
from refimpl.logic.votes import binary

RNG = np.random.default_rng(0)


def random_circuit(rng, inputs, gates, outputs, classes):
    earlier = inputs + np.arange(gates)
    return netlist(
        inputs,
        rng.integers(0, 16, gates),
        rng.integers(0, earlier),
        rng.integers(0, earlier),
        rng.integers(CONSTANT, inputs + gates, outputs),
        inverted=rng.random(outputs) < 0.5,
        classes=classes,
    )


@settings(max_examples=40)
@given(
    st.integers(0, 2**32),
    st.integers(1, 20),
    st.integers(0, 80),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 150),
    st.sampled_from([Tuning(1, 3, 1), Tuning(2, 5, 2), Tuning(4)]),
)
def test_votes_and_outputs_equal_the_definition(seed, inputs, gates, share, classes, n, tuning):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, inputs, gates, share * classes, classes)
    bits = rng.integers(0, 2, (n, inputs)).astype(bool)
    engine, outputs = Engine(circuit, tuning=tuning), evaluate(circuit, bits)
    np.testing.assert_array_equal(engine.outputs(bits), outputs)
    np.testing.assert_array_equal(engine.counts(bits), vote(circuit, outputs))


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 2047, 2048, 5000])
def test_any_number_of_samples_goes_through(n):
    network = nets.build(24, [60, 60], classes=4, tau=3.0, seed=0)
    circuit = discretise(network, nets.initial_params(network, 0))
    bits = RNG.integers(0, 2, (n, 24)).astype(bool)
    expected = vote(circuit, evaluate(circuit, bits))
    engine = Engine(circuit)
    np.testing.assert_array_equal(engine.counts(bits), expected)
    np.testing.assert_allclose(engine.scores(bits), expected / 3.0)
    np.testing.assert_array_equal(engine.classify(bits), expected.argmax(axis=1))


def test_blocks_do_not_leak_into_each_other():
    network = nets.build(16, [40, 40], classes=2, seed=1)
    engine = Engine(discretise(network, nets.initial_params(network, 1)), tuning=Tuning(2))
    bits = RNG.integers(0, 2, (300, 16)).astype(bool)
    whole = engine.counts(bits)
    for start in range(0, 300, 37):
        np.testing.assert_array_equal(
            engine.counts(bits[start : start + 37]), whole[start : start + 37]
        )


def test_a_circuit_of_one_layer_works():
    """difflogic's compiled networks of one layer do not compile."""
    network = nets.build(6, [8], classes=2, seed=0)
    circuit = discretise(network, nets.initial_params(network, 0))
    bits = RNG.integers(0, 2, (5, 6)).astype(bool)
    np.testing.assert_array_equal(
        Engine(circuit).counts(bits), vote(circuit, evaluate(circuit, bits))
    )


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("share", [1, 2, 3, 7, 8, 255, 256, 257, 700])
def test_unanimous_votes_are_counted_exactly(share, inverted):
    circuit = netlist(1, [], [], [], [0] * share, inverted=np.full(share, inverted), classes=1)
    counts = Engine(circuit).counts(np.array([[True], [False]]))
    np.testing.assert_array_equal(counts[:, 0], [0, share] if inverted else [share, 0])


def test_constant_votes_are_counted():
    circuit = netlist(
        1, [], [], [], [CONSTANT, CONSTANT, 0, CONSTANT], inverted=np.array([1, 0, 1, 1], bool),
        classes=2,
    )  # fmt: skip
    np.testing.assert_array_equal(
        Engine(circuit).counts(np.array([[True], [False]])), [[1, 1], [1, 2]]
    )


def test_a_circuit_without_inputs_gives_its_constants():
    circuit = netlist(
        0, [], [], [], [CONSTANT, CONSTANT], inverted=np.array([True, False]), classes=2
    )
    engine, nothing = Engine(circuit), np.zeros((70, 0), bool)
    np.testing.assert_array_equal(engine.counts(nothing), [[1, 0]] * 70)
    np.testing.assert_array_equal(engine.outputs(nothing), [[True, False]] * 70)


@pytest.mark.parametrize("layout", [
    np.asfortranarray, lambda b: b[::-1][::-1], lambda b: b.astype(np.uint8), lambda b: b * 1.0,
    lambda b: np.concatenate([[False] * 3, b.ravel()])[3:].reshape(b.shape),
], ids=["columns", "reversed", "uint8", "float", "not aligned"])  # fmt: skip
def test_bits_may_lie_in_memory_as_they_like(layout):
    circuit = netlist(9, [6, 1], [0, 9], [8, 3], [9, 10], classes=2)
    bits = RNG.integers(0, 2, (130, 9)).astype(bool)
    expected = vote(circuit, evaluate(circuit, bits))
    np.testing.assert_array_equal(Engine(circuit).counts(layout(bits)), expected)


@pytest.mark.parametrize("features", [1, 3, 8, 784])
@pytest.mark.parametrize("w", [1, 2, 5])
def test_packing_puts_sample_s_into_bit_s_div_8w_of_byte_s_mod_8w(features, w):
    bits = RNG.integers(0, 2, (64 * w, features)).astype(bool)
    words = np.empty((features, w), dtype=np.uint64)
    pack(bits, words)
    s = np.arange(64 * w)
    found = (words.view(np.uint8)[:, s % (8 * w)] >> (s // (8 * w)).astype(np.uint8)) & 1
    np.testing.assert_array_equal(found.T, bits)
    np.testing.assert_array_equal(unpack(words).T, bits)


@pytest.mark.parametrize("width", [8, 16, 32, 64])
@pytest.mark.parametrize("n", [1, 8, 70, 130])
def test_signed_words_have_the_layout_of_difflogic(width, n):
    bits = RNG.integers(0, 2, (n, 3)).astype(bool)
    words = packed_bits(bits, width)
    assert words.shape == (3, -(-n // width))
    for s in range(n):
        word = words[:, s // width].astype(object)
        np.testing.assert_array_equal([(int(v) >> (s % width)) & 1 for v in word], bits[s])


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_digits_are_read_as_numbers(digits, seed):
    numbers = np.random.default_rng(seed).integers(0, 2**digits, (3, 128))
    bits = (numbers >> np.arange(digits)[:, None, None]) & 1
    words = [np.empty((3, 2), np.uint64) for _ in range(digits)]
    for bit, word in zip(bits, words, strict=True):
        pack(np.ascontiguousarray(bit.T.astype(bool)), word)
    np.testing.assert_array_equal(binary(words, np), numbers.T)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 30), min_size=2, max_size=4))
def test_votes_for_signals_and_for_inverses_may_be_in_any_proportion(seed, negative):
    """30 votes per class, so many of them by inverses."""
    rng = np.random.default_rng(seed)
    inverted = np.concatenate([rng.permutation(np.arange(30) < n) for n in negative])
    signals = rng.integers(CONSTANT, 9, len(inverted))
    circuit = netlist(9, [], [], [], signals, inverted=inverted, classes=len(negative))
    bits = rng.integers(0, 2, (130, 9)).astype(bool)
    found = Engine(circuit, tuning=Tuning(1, 8, 2)).counts(bits)
    np.testing.assert_array_equal(found, vote(circuit, evaluate(circuit, bits)))


def test_other_inputs_than_bits_and_other_shapes_are_refused():
    engine = Engine(netlist(2, [6], [0], [1], [2], classes=1))
    with pytest.raises(ValueError, match="numbers 0 and 1"):
        engine.counts(np.array([[0.2, 1.0]]))
    with pytest.raises(ValueError, match=r"expected shape \(n, 2\)"):
        engine.counts(np.ones((3, 3), bool))
    with pytest.raises(ValueError, match="does not vote"):
        Engine(netlist(2, [6], [0], [1], [2])).counts(np.ones((3, 2), bool))


def test_a_wide_network_reuses_rows_and_counts_the_same():
    network = nets.build(100, [2000] * 5, classes=10, seed=0)
    circuit = discretise(network, nets.initial_params(network, 0))
    engine = Engine(circuit)
    signals = engine.circuit.inputs + len(engine.circuit)
    assert len(engine.state) < 0.8 * signals
    bits = RNG.integers(0, 2, (700, 100)).astype(bool)
    np.testing.assert_array_equal(engine.counts(bits), vote(circuit, evaluate(circuit, bits)))


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 10), st.integers(1, 300))
def test_no_row_is_taken_while_its_signal_is_still_read(seed, inputs, gates):
    circuit = random_circuit(np.random.default_rng(seed), inputs, gates, 6, 2)
    simple = simplify(circuit)
    placed = place(simple)
    holder = np.full(placed.total, -1)
    holder[: simple.inputs] = np.arange(simple.inputs)
    for piece in placed.pieces:
        for gate in piece.gates:
            for read in (simple.a[gate], simple.b[gate]):
                assert holder[placed.rows[read]] == read
        signals = simple.inputs + piece.gates
        np.testing.assert_array_equal(placed.rows[signals], piece.row + np.arange(len(signals)))
        holder[placed.rows[signals]] = signals
    voting = simple.outputs[simple.outputs != CONSTANT]
    np.testing.assert_array_equal(holder[placed.rows[voting]], voting)


@places("guarded", "cupy")
def test_the_engine_runs_on_the_device_as_on_the_host(place):
    """The same source; bits go in and votes come out there, and the host waits for nothing."""
    device = find(place)
    xp = guarded_cupy.cupy if place == "guarded" else importlib.import_module("cupy")
    network = nets.build(24, [60, 60], classes=4, tau=3.0, seed=0)
    circuit = discretise(network, nets.initial_params(network, 0))
    bits = RNG.integers(0, 2, (300, 24)).astype(bool)
    host, engine = Engine(circuit), Engine(circuit, tuning=Tuning(2, 8, 2), xp=xp)
    with synchronisations() as waits:
        counts = engine.counts(device.put(bits))
    assert waits == []
    np.testing.assert_array_equal(device.get(counts), host.counts(bits))
    np.testing.assert_array_equal(device.get(engine.outputs(device.put(bits))), host.outputs(bits))
    np.testing.assert_allclose(device.get(engine.scores(device.put(bits))), host.scores(bits))
    np.testing.assert_array_equal(
        device.get(engine.classify(device.put(bits))), host.classify(bits)
    )
