"""Circuits: discretised networks, simplification proved equivalent, saving, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.logic import netlist as circuits
from refimpl.logic import network as nets
from refimpl.logic.discretise import discretise, from_layers
from refimpl.logic.netlist import CONSTANT, evaluate, netlist, truth_table
from refimpl.logic.simplify import simplify

RNG = np.random.default_rng(0)


@st.composite
def any_circuit(draw, most_inputs=8, most_gates=60):
    """A circuit of random gates, with repeated, inverted and constant outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    inputs, gates = draw(st.integers(1, most_inputs)), draw(st.integers(0, most_gates))
    earlier = inputs + np.arange(gates)
    outputs = 2 * draw(st.integers(1, 6))
    return netlist(
        inputs,
        rng.integers(0, 16, gates),
        rng.integers(0, earlier),
        rng.integers(0, earlier),
        rng.integers(CONSTANT, inputs + gates, outputs),
        inverted=rng.random(outputs) < 0.5,
        classes=2,
    )


@settings(max_examples=50)
@given(any_circuit())
def test_a_simplified_circuit_has_the_same_truth_table(circuit):
    simple = simplify(circuit)
    np.testing.assert_array_equal(truth_table(simple), truth_table(circuit))
    assert set(simple.gates.tolist()) <= {1, 2, 6, 7}
    assert len(simple) <= len(circuit)


@settings(max_examples=20)
@given(any_circuit())
def test_simplifying_twice_changes_nothing_more(circuit):
    once = simplify(circuit)
    assert len(simplify(once)) == len(once)


@settings(max_examples=20)
@given(any_circuit())
def test_a_simplified_circuit_has_no_duplicate_and_no_dead_gate(circuit):
    simple = simplify(circuit)
    keys = set(zip(simple.gates.tolist(), simple.a.tolist(), simple.b.tolist(), strict=True))
    assert len(keys) == len(simple)
    read = {*simple.a.tolist(), *simple.b.tolist(), *simple.outputs.tolist()}
    assert set(range(simple.inputs, simple.inputs + len(simple))) <= read


@settings(max_examples=20)
@given(any_circuit())
def test_the_simplified_circuit_is_itself_a_valid_netlist(circuit):
    s = simplify(circuit)
    netlist(s.inputs, s.gates, s.a, s.b, s.outputs, inverted=s.inverted, classes=2)


@pytest.mark.parametrize("gate", range(16))
def test_every_gate_with_constant_equal_or_inverted_inputs_simplifies_rightly(gate):
    """Inputs: x, y, 0, 1, not x; all pairs of them feed the gate."""
    base = [0, 15, 12]  # false, true, not x: signals 2, 3, 4
    pairs = np.stack(np.meshgrid(range(5), range(5))).reshape(2, -1)
    circuit = netlist(
        2,
        base + [gate] * 25,
        [0, 0, 0, *pairs[0]],
        [0, 0, 0, *pairs[1]],
        np.arange(5, 30),
    )
    simple = simplify(circuit)
    np.testing.assert_array_equal(truth_table(simple), truth_table(circuit))
    assert len(simple) <= 4  # and, or, x and not y, y and not x


def test_a_large_network_is_the_same_after_simplifying_on_random_vectors():
    network = nets.build(60, [3000] * 5, classes=10, seed=0)
    circuit = discretise(network, nets.initial_params(network, 0))
    simple = simplify(circuit)
    words = RNG.integers(0, 2**63, (60, 20), dtype=np.int64)  # 1260 samples
    expected = circuits.evaluate_words(circuit, words)
    np.testing.assert_array_equal(circuits.evaluate_words(simple, words), expected)
    assert len(simple) < 0.45 * len(circuit)


@pytest.mark.parametrize("seed", range(4))
def test_a_discretised_network_votes_as_the_hard_network_scores(seed):
    network = nets.build(9, [14, 20, 30], classes=3, tau=2.0, beta=1.0, seed=seed)
    params = nets.initial_params(network, seed)
    bits = RNG.integers(0, 2, (100, 9)).astype(bool)
    circuit = discretise(network, params)
    votes = circuits.vote(circuit, evaluate(circuit, bits))
    scores = nets.apply(network, params, bits.astype(float), hard=True)
    np.testing.assert_allclose(votes / circuit.tau + circuit.beta, scores)


def test_words_of_any_width_hold_independent_samples():
    circuit = from_layers(3, [[6, 14], [11]], [[[0, 1], [1, 2]], [[0], [1]]])
    bits = RNG.integers(0, 2, (64, 3)).astype(bool)
    expected = evaluate(circuit, bits)[:, 0]
    for dtype in (np.uint8, np.int16, np.uint32, np.int64):
        width = np.dtype(dtype).itemsize * 8
        octets = np.packbits(bits.T.copy(), axis=1, bitorder="little")
        words = circuits.evaluate_words(circuit, np.ascontiguousarray(octets).view(dtype))
        found = np.unpackbits(words.view(np.uint8), bitorder="little")
        np.testing.assert_array_equal(found, expected, err_msg=f"{width} bits")


def test_a_saved_netlist_is_the_same(tmp_path):
    circuit = simplify(discretise_small())
    circuits.save(tmp_path / "net.npz", circuit)
    again = circuits.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(truth_table(again), truth_table(circuit))
    assert (again.tau, again.classes) == (circuit.tau, circuit.classes)


def discretise_small():
    network = nets.build(6, [12, 12], classes=3, tau=2.5, seed=0)
    return discretise(network, nets.initial_params(network, 0))


@pytest.mark.parametrize("name, change", [
    ("cycle", lambda held: held["a"].__setitem__(0, 6)),
    ("later signal", lambda held: held["b"].__setitem__(3, 20)),
    ("negative signal", lambda held: held["a"].__setitem__(3, -1)),
    ("no such gate", lambda held: held["gates"].__setitem__(0, 16)),
    ("no such output", lambda held: held["outputs"].__setitem__(0, 1000)),
    ("lengths", lambda held: held.update(a=held["a"][:-1])),
    ("classes", lambda held: held["sizes"].__setitem__(1, 5)),
    ("more inputs than numbers", lambda held: held.update(sizes=np.array([1e300, 3]))),
    ("missing", lambda held: held.pop("inverted")),
    ("dtype", lambda held: held.update(a=held["a"].astype(float))),
    ("kind", lambda held: held.update(format="refimpl logic network 1")),
])  # fmt: skip
def test_corrupt_netlists_are_refused_by_name(tmp_path, name, change):
    path = tmp_path / "net.npz"
    circuits.save(path, discretise_small())
    with np.load(path) as stored:
        held = {k: v.copy() for k, v in stored.items()}
    change(held)
    np.savez(path, **held)
    with pytest.raises(ValueError, match=r"net\.npz"):
        circuits.load(path)


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(tmp_path, cut):
    path = tmp_path / "net.npz"
    circuits.save(path, discretise_small())
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(ValueError, match=r"net\.npz: not a readable npz file"):
        circuits.load(path)


def test_files_that_claim_to_be_encrypted_or_of_another_compression_are_refused(tmp_path):
    path = tmp_path / "net.npz"
    circuits.save(path, discretise_small())
    content = path.read_bytes()
    entry = content.index(b"PK\x01\x02")  # the directory: flags at 8, compression at 10
    for place, value in ((8, 1), (10, 99), (10, 14)):
        changed = bytearray(content)
        changed[entry + place] = value
        path.write_bytes(bytes(changed))
        with pytest.raises(ValueError, match=r"net\.npz: not a readable npz file"):
            circuits.load(path)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leaves_a_valid_circuit(tmp_path_factory, place, change):
    path = tmp_path_factory.mktemp("bytes") / "net.npz"
    circuits.save(path, discretise_small())
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= change
    path.write_bytes(bytes(content))
    try:
        circuit = circuits.load(path)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = "net.npz"
        truth_table(circuit)
    assert "net.npz" in refusal


def test_inputs_that_are_no_bits_are_refused():
    circuit = discretise_small()
    with pytest.raises(ValueError, match="truth values, or numbers 0 and 1"):
        evaluate(circuit, np.full((2, 6), 0.5))
    with pytest.raises(ValueError, match=r"expected shape \(n, 6\)"):
        evaluate(circuit, np.ones((2, 5)))
