"""Circuits as C, Verilog, BLIF, AIGER and text tables.

All writers number signals alike: inputs x0, x1, ...; gates g0, g1, ... in the order of the netlist;
outputs y0, y1, .... C and Verilog count votes as well, where there are
classes. AIGER is in `aiger`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from string import Template

from ..validation import choose
from .netlist import CONSTANT, Netlist, truth_table

C_TYPES = {8: "uint8_t", 16: "uint16_t", 32: "uint32_t", 64: "uint64_t"}
_EXPRESSIONS = (
    "0", "{a} & {b}", "{a} & ~{b}", "{a}", "{b} & ~{a}", "{b}", "{a} ^ {b}", "{a} | {b}",
    "~({a} | {b})", "~({a} ^ {b})", "~{b}", "{a} | ~{b}", "~{a}", "~{a} | {b}", "~({a} & {b})",
    "~0",
)  # fmt: skip
# An array of C has at least one element, hence x and y.
_C = Template("""\
#include <stddef.h>
#include <stdint.h>

typedef $word word;
enum { INPUTS = $inputs, OUTPUTS = $outputs, COLUMNS = $columns,
       WIDTH = $width };

void ${name}_words(const word *x, word *y) {
    (void)x; (void)y;
$body}

void $name(const unsigned char *bits, int *counts, size_t n) {
    word x[$x], y[$y];
    for (size_t start = 0; start < n; start += WIDTH) {
        const size_t m = n - start < WIDTH ? n - start : WIDTH;
        for (size_t i = 0; i < INPUTS; i++) {
            x[i] = 0;
            for (size_t s = 0; s < m; s++)
                x[i] |= (word)((word)(bits[(start + s) * INPUTS + i] != 0) << s);
        }
        ${name}_words(x, y);
        for (size_t s = 0; s < m; s++)
            for (size_t c = 0; c < COLUMNS; c++) {
                int count = 0;
                for (size_t j = 0; j < OUTPUTS / COLUMNS; j++)
                    count += (int)((y[c * (OUTPUTS / COLUMNS) + j] >> s) & 1);
                counts[(start + s) * COLUMNS + c] = count;
            }
    }
}
""")


def expression(gate: int, a: str, b: str) -> str:
    """A gate as a bitwise expression of C and of Verilog.

    >>> expression(2, "x0", "x1")
    'x0 & ~x1'
    """
    return _EXPRESSIONS[gate].format(a=a, b=b)


def _signal(circuit: Netlist, number: int, input_name: str = "x[{}]") -> str:
    n = circuit.inputs
    return input_name.format(number) if number < n else f"g{number - n}"


def _output(circuit: Netlist, i: int, input_name: str, zero: str, one: str) -> str:
    signal, inverted = int(circuit.outputs[i]), bool(circuit.inverted[i])
    if signal == CONSTANT:
        return one if inverted else zero
    return f"{'~' if inverted else ''}{_signal(circuit, signal, input_name)}"


def _gates(circuit: Netlist, input_name: str) -> Iterator[tuple[int, str]]:
    rows = zip(circuit.gates.tolist(), circuit.a.tolist(), circuit.b.tolist(), strict=True)
    for g, (gate, a, b) in enumerate(rows):
        names = (_signal(circuit, signal, input_name) for signal in (a, b))
        yield g, expression(gate, *names)


def to_c(circuit: Netlist, name: str = "circuit", width: int = 64) -> str:
    """C99 without dependencies, `width` samples per word (8, 16, 32, 64).

    void NAME_words(const word *x, word *y)      outputs of inputs, words of packed samples
    void NAME(const unsigned char *bits, int *counts, size_t n)
        with classes: votes (n, classes) of bits (n, inputs), any n; without: outputs (n, O) 0 or 1

    Sample s of a block is bit s of its words.
    """
    _identifier(name)
    if width not in C_TYPES:
        raise ValueError(f"width: expected one of {', '.join(map(str, C_TYPES))}, got {width}")
    outputs = len(circuit.outputs)
    columns = circuit.classes or outputs
    if not columns:
        raise ValueError("outputs: a circuit without outputs has no C")
    gates = [f"    const word g{g} = {text};\n" for g, text in _gates(circuit, "x[{}]")]
    results = [
        f"    y[{i}] = {_output(circuit, i, 'x[{}]', '0', '~(word)0')};\n" for i in range(outputs)
    ]
    return _C.substitute(
        word=C_TYPES[width], width=width, name=name, inputs=circuit.inputs, outputs=outputs,
        columns=columns, body="".join(gates + results),
        x=max(circuit.inputs, 1), y=max(outputs, 1),
    )  # fmt: skip


def to_verilog(circuit: Netlist, name: str = "circuit") -> str:
    """A Verilog-2001 module without a clock: input x, output y; with classes, also the votes of
    class c in bits [c W +: W] of `counts`, W bits each.
    """
    _identifier(name)
    outputs, k = len(circuit.outputs), circuit.classes
    if not outputs or not circuit.inputs:
        raise ValueError("inputs, outputs: Verilog has no ports of no bits")
    ports = [f"input [{circuit.inputs - 1}:0] x", f"output [{outputs - 1}:0] y"]
    votes = []
    if k:
        share = outputs // k
        width = max(share, 1).bit_length()
        ports.append(f"output [{k * width - 1}:0] counts")
        for c in range(k):
            bits = " + ".join(f"y[{c * share + j}]" for j in range(share))
            wide = f"{{{width}{{1'b0}}}} + {bits}"
            votes.append(f"  assign counts[{(c + 1) * width - 1}:{c * width}] = {wide};")
    lines = [f"module {name}({', '.join(ports)});"]
    for g, text in _gates(circuit, "x[{}]"):
        text = {"0": "1'b0", "~0": "1'b1"}.get(text, text)
        lines.append(f"  wire g{g} = {text};")
    for i in range(outputs):
        text = _output(circuit, i, "x[{}]", "1'b0", "1'b1")
        lines.append(f"  assign y[{i}] = {text};")
    return "\n".join([*lines, *votes, "endmodule"]) + "\n"


def to_blif(circuit: Netlist, name: str = "circuit") -> str:
    """The Berkeley Logic Interchange Format: one `.names` table per gate, the rows of the on-set.

    >>> from .netlist import netlist
    >>> print(to_blif(netlist(2, [1], [0], [1], [2])).replace(chr(10), "; "))
    .model circuit; .inputs x0 x1; .outputs y0; .names x0 x1 g0; 11 1; .names g0 y0; 1 1; .end;
    """
    _identifier(name)
    lines = [
        f".model {name}",
        " ".join([".inputs", *(f"x{i}" for i in range(circuit.inputs))]),
        " ".join([".outputs", *(f"y{i}" for i in range(len(circuit.outputs)))]),
    ]
    rows = zip(circuit.gates.tolist(), circuit.a.tolist(), circuit.b.tolist(), strict=True)
    for g, (gate, a, b) in enumerate(rows):
        if gate in (0, 15):
            lines += [f".names g{g}", *(["1"] if gate else [])]
            continue
        names = " ".join(_signal(circuit, signal, "x{}") for signal in (a, b))
        lines.append(f".names {names} g{g}")
        for row, (u, v) in enumerate(itertools.product("01", repeat=2)):
            if (gate >> (3 - row)) & 1:
                lines.append(f"{u}{v} 1")
    for i, (signal, inverted) in enumerate(
        zip(circuit.outputs.tolist(), circuit.inverted.tolist(), strict=True)
    ):
        if signal == CONSTANT:
            lines += [f".names y{i}", *(["1"] if inverted else [])]
        else:
            source = _signal(circuit, signal, "x{}")
            lines += [f".names {source} y{i}", "0 1" if inverted else "1 1"]
    return "\n".join([*lines, ".end"]) + "\n"


def to_table(circuit: Netlist) -> str:
    """A text table of all inputs and outputs, input 0 first; at most 20 inputs."""
    table = truth_table(circuit)
    heads = [f"x{i}" for i in range(circuit.inputs)], [f"y{i}" for i in range(table.shape[1])]
    lines = [f"{' '.join(heads[0])} | {' '.join(heads[1])}"]
    for r, row in enumerate(table.astype(int).tolist()):
        bits = " ".join(str((r >> i) & 1).rjust(len(h)) for i, h in enumerate(heads[0]))
        found = " ".join(str(v).rjust(len(h)) for v, h in zip(row, heads[1], strict=True))
        lines.append(f"{bits} | {found}")
    return "\n".join(lines) + "\n"


def _identifier(name: str) -> None:
    if not name.isidentifier() or not name.isascii():
        raise ValueError(f"name: expected letters, digits and underscores, got {name!r}")


WRITERS: dict[str, Callable[[Netlist, str], str]] = {
    "c": to_c,
    "verilog": to_verilog,
    "blif": to_blif,
    "table": lambda circuit, name: to_table(circuit),
}


def export_text(circuit: Netlist, form: str, name: str = "circuit") -> str:
    """The circuit in one of the text formats: c, verilog, blif, table."""
    choose(form, WRITERS, "format")
    return WRITERS[form](circuit, name)
