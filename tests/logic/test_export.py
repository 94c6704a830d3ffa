"""Exports: each format evaluated again, by a compiler, a simulator or a reader of this file."""

import ctypes
import itertools
import shutil
import subprocess

import numpy as np
import pytest

from refimpl.logic import network as nets
from refimpl.logic.aiger import from_aiger, to_aiger
from refimpl.logic.discretise import discretise
from refimpl.logic.export import export_text, to_blif, to_c, to_table, to_verilog
from refimpl.logic.netlist import CONSTANT, evaluate, netlist, truth_table, vote
from refimpl.logic.simplify import simplify

RNG = np.random.default_rng(0)
ALL_GATES = netlist(
    2, range(16), [0] * 16, [1] * 16, [*range(2, 18), 0, CONSTANT, CONSTANT, 1],
    inverted=np.array([0] * 16 + [1, 0, 1, 0], bool), classes=2,
)  # fmt: skip


def trained(inputs=7):
    network = nets.build(inputs, [20, 30, 30], classes=3, seed=2)
    return discretise(network, nets.initial_params(network, 2))


CIRCUITS = {"all gates": ALL_GATES, "network": trained(), "simplified": simplify(trained())}


@pytest.fixture(params=CIRCUITS, ids=str)
def circuit(request):
    return CIRCUITS[request.param]


gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def compiled(circuit, folder, width=64):
    source, library = folder / "net.c", folder / f"net{width}.so"
    source.write_text(to_c(circuit, "net", width))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wno-unused-variable", "-Werror", "-O1", "-fPIC"]
    subprocess.run(["gcc", *flags, "-shared", "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


@gcc
@pytest.mark.parametrize("n", [1, 5, 64, 200])
def test_compiled_c_counts_the_votes_of_any_number_of_samples(circuit, tmp_path, n):
    library = compiled(circuit, tmp_path)
    bits = RNG.integers(0, 2, (n, circuit.inputs)).astype(np.uint8)
    counts = np.full((n, circuit.classes), -1, dtype=np.intc)
    library.net(bits.ctypes.data_as(ctypes.c_void_p), counts.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_size_t(n))  # fmt: skip
    np.testing.assert_array_equal(counts, vote(circuit, evaluate(circuit, bits.astype(bool))))


@gcc
@pytest.mark.parametrize("width", [8, 16, 32])
def test_compiled_c_of_other_word_sizes(tmp_path, width):
    library = compiled(ALL_GATES, tmp_path, width)
    bits = RNG.integers(0, 2, (50, 2)).astype(np.uint8)
    counts = np.full((50, 2), -1, dtype=np.intc)
    library.net(bits.ctypes.data_as(ctypes.c_void_p), counts.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_size_t(50))  # fmt: skip
    np.testing.assert_array_equal(counts, vote(ALL_GATES, evaluate(ALL_GATES, bits.astype(bool))))


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
def test_simulated_verilog_counts_the_votes(circuit, tmp_path):
    n, k = circuit.inputs, circuit.classes
    width = (len(circuit.outputs) // k).bit_length()
    bench = f"""
module bench; reg [{n - 1}:0] x; wire [{k * width - 1}:0] counts;
  wire [{len(circuit.outputs) - 1}:0] y; integer i; net dut(x, y, counts);
  initial for (i = 0; i < {1 << n}; i = i + 1) begin x = i; #1 $display("%b %b", y, counts); end
endmodule"""
    (tmp_path / "net.v").write_text(to_verilog(circuit, "net") + bench)
    subprocess.run(["iverilog", "-o", tmp_path / "net", tmp_path / "net.v"], check=True)
    lines = subprocess.run(["vvp", tmp_path / "net"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in lines.stdout.splitlines() if line[:1] in "01"]
    table = truth_table(circuit)
    found = np.array([[c == "1" for c in row[0][::-1]] for row in rows])
    np.testing.assert_array_equal(found, table)
    votes = [
        [int(row[1][::-1][c * width : (c + 1) * width][::-1], 2) for c in range(k)] for row in rows
    ]
    np.testing.assert_array_equal(votes, vote(circuit, table))


def evaluated_verilog(text, inputs, outputs):
    """The assignments of a module without votes, read as Python expressions on truth values."""
    values = {f"x[{i}]": column for i, column in enumerate(all_inputs(inputs).T)}
    rows = len(all_inputs(inputs))
    for line in text.splitlines():
        words = line.strip().rstrip(";").split(" = ")
        if not line.lstrip().startswith(("wire g", "assign y")):
            continue
        name = words[0].split()[-1]
        expression = words[1].replace("1'b0", "zero").replace("1'b1", "one")
        known = {"zero": np.zeros(rows, bool), "one": np.ones(rows, bool)}
        for token in {t.strip("~()") for t in expression.split()} - set("&|^") - set(known):
            key = f"v{len(known)}"
            known[key] = values[token]
            expression = " ".join(
                part.replace(token, key) if part.strip("~()") == token else part
                for part in expression.split()
            )
        values[name] = eval(expression, {}, known)
    return np.stack([values[f"y[{i}]"] for i in range(outputs)], axis=1)


def all_inputs(n):
    return ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(bool)


def test_verilog_assignments_have_the_truth_table(circuit):
    text = to_verilog(circuit, "net")
    assert text.startswith("module net(")
    found = evaluated_verilog(text, circuit.inputs, len(circuit.outputs))
    np.testing.assert_array_equal(found, truth_table(circuit))


def evaluated_blif(text, inputs, outputs):
    """Each `.names` table, its rows joined by or."""
    x = all_inputs(inputs)
    values = {f"x{i}": x[:, i] for i in range(inputs)}
    blocks = text.split(".names ")[1:]
    for block in blocks:
        names, *rows = [line for line in block.splitlines() if not line.startswith(".end")]
        *sources, target = names.split()
        total = np.zeros(len(x), bool)
        for row in rows:
            cube = row.split()[0] if sources else ""
            total |= np.logical_and.reduce(
                [values[s] == (bit == "1") for s, bit in zip(sources, cube, strict=True)]
                + [np.ones(len(x), bool)]
            )
        values[target] = total
    return np.stack([values[f"y{i}"] for i in range(outputs)], axis=1)


def test_blif_tables_have_the_truth_table(circuit):
    found = evaluated_blif(to_blif(circuit), circuit.inputs, len(circuit.outputs))
    np.testing.assert_array_equal(found, truth_table(circuit))


def test_aiger_files_read_again_have_the_truth_table(circuit):
    np.testing.assert_array_equal(truth_table(from_aiger(to_aiger(circuit))), truth_table(circuit))


def test_an_aiger_file_by_hand():
    """One and: literals 2 and 4 are the inputs, 6 the gate; the differences are 6 - 4 and 4 - 2."""
    assert to_aiger(netlist(2, [1], [0], [1], [2])) == b"aig 3 2 0 1 1\n6\n\x02\x02"


def test_aiger_writes_large_differences_in_seven_bit_pieces():
    far = netlist(200, [1], [0], [1], [200])
    # literals 402 = and(4, 2): 402 - 4 = 398 = 14 + 3 * 128, then 4 - 2
    assert to_aiger(far).endswith(bytes([14 | 128, 3, 2]))
    again = from_aiger(to_aiger(far))
    bits = RNG.integers(0, 2, (50, 200)).astype(bool)
    np.testing.assert_array_equal(evaluate(again, bits), evaluate(far, bits))


@pytest.mark.parametrize("content", [
    b"", b"aag 1 1 0 1 0\n2\n", b"aig 3 2 1 1 0\n2\n", b"aig 3 2 0 1 1\n6\n\x02",
    b"aig 3 2 0 1 1\n9\n\x02\x02", b"aig 3 2 0 1 1\n6\n\x00\x02", b"aig 4 2 0 1 1\n6\n\x02\x02",
    b"aig 3 2 0 1 1\n6\n" + b"\xff" * 12, b"aig 3 2 0 2 1\n6\n",
])  # fmt: skip
def test_damaged_aiger_files_are_refused(content):
    with pytest.raises(ValueError, match=r"expected|ends|exceeds|bits"):
        from_aiger(content)


def test_text_tables_list_all_rows():
    lines = to_table(netlist(2, [6], [0], [1], [2])).splitlines()
    assert lines[0] == "x0 x1 | y0"
    rows = [tuple(int(v) for v in line.replace("|", "").split()) for line in lines[1:]]
    assert sorted(rows) == [(a, b, a ^ b) for a, b in itertools.product((0, 1), repeat=2)]


def test_unknown_formats_and_names_are_refused():
    with pytest.raises(ValueError, match="did you mean 'verilog'"):
        export_text(ALL_GATES, "verilo")
    with pytest.raises(ValueError, match="letters, digits"):
        to_c(ALL_GATES, "a b")
    with pytest.raises(ValueError, match="at most 20 inputs"):
        to_table(netlist(21, [], [], [], [0]))
