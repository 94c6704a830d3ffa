"""What `refimpl list` and `refimpl show` print."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from refimpl.spec import Case, Entry

from .notes import explained, note_of
from .points import expect
from .terminal import columns, wrapped

LEAST = 20  # columns of a summary, in terminals that are too narrow


def listing(entries: Iterable[Entry]) -> str:
    """One line per entry: name and the first sentence of its docstring."""
    rows = [(entry.name, summary(entry)) for entry in entries]
    if not rows:
        return "no methods are registered"
    width = max(len(name) for name, _ in rows)
    room = max(columns() - width - 2, LEAST)
    return "\n".join(
        f"{name:{width}}  {textwrap.shorten(text, room, placeholder=' ...')}" for name, text in rows
    )


def listing_json(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The entries as plain data."""
    return [
        {
            "name": entry.name,
            "summary": summary(entry),
            "source": entry.source,
            "inputs": list(entry.inputs),
            "differentiable": list(entry.differentiable),
            "outputs": list(entry.outputs),
            "parameters": {name: repr(value) for name, value in parameters(entry)},
            "gradient": entry.gradient,
            "second_order": entry.second_order,
            "invariants": [{"name": i.name, "clause": i.clause} for i in entry.invariants],
            "kinks": entry.kinks,
            "cases": len(entry.generate()),
        }
        for entry in entries
    ]


def summary(entry: Entry) -> str:
    """The first sentence of the docstring."""
    text = inspect.getdoc(entry.function) or ""
    return " ".join(text.partition("\n\n")[0].split())


def parameters(entry: Entry) -> Iterator[tuple[str, Any]]:
    """Names and defaults of the arguments that are not inputs."""
    for name, parameter in inspect.signature(entry.function).parameters.items():
        if name not in entry.inputs and parameter.kind is not parameter.VAR_KEYWORD:
            yield name, parameter.default


def show_entry(entry: Entry, *, seed: int = 0, all_cases: bool = False) -> str:
    """Everything about an entry."""
    cases = entry.generate(seed)
    lines = [entry.name, "=" * len(entry.name), ""]
    lines += (inspect.getdoc(entry.function) or "no description").splitlines()
    lines += ["", "Definition", "----------", ""]
    lines += textwrap.indent(definition(entry), "    ").splitlines()
    lines += ["", "Specification", "-------------", ""]
    lines += [line for label, text in _facts(entry) for line in _labelled(label, text)]
    lines += ["", f"Cases ({len(cases)})", "-----", ""]
    lines += _cases(entry, cases, all_cases)
    return "\n".join(lines)


def definition(entry: Entry) -> str:
    """The source text of the function without decorators and docstring, and where it is."""
    function = inspect.unwrap(entry.function)
    try:
        text = textwrap.dedent(inspect.getsource(function))
        where = inspect.getsourcefile(function)
    except (OSError, TypeError):
        return "(source text not available)"
    rows, node = text.splitlines(), ast.parse(text).body[0]
    if not isinstance(node, ast.FunctionDef):
        return f"# {where}\n{text}"
    first, body = node.lineno - 1, node.body
    described = ast.get_docstring(node) is not None
    start, end = (body[0].lineno - 1, body[0].end_lineno) if described else (0, 0)
    kept = [row for i, row in enumerate(rows) if i >= first and not start <= i < (end or 0)]
    return "\n".join([f"# {where}", *kept])


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    yield "source", entry.source
    yield "inputs", ", ".join(entry.inputs)
    yield "gradient", f"in {', '.join(entry.differentiable) or 'nothing'}: {entry.gradient}"
    yield "outputs", ", ".join(entry.outputs)
    for name, default in parameters(entry):
        required = default is inspect.Parameter.empty
        yield "parameter", name if required else f"{name} = {default!r}"
    if entry.kinks:
        yield "kinks", entry.kinks
    for invariant in entry.invariants:
        yield "promise", f"{invariant.name}: {invariant.clause}"
    for description in entry.variants:
        yield "variant", description


def _labelled(label: str, text: str) -> list[str]:
    words = " ".join(text.split())
    return wrapped(words, f"{label:11}", " " * 11) or [label]


def _cases(entry: Entry, cases: list[Case], everything: bool) -> Iterator[str]:
    kinds = Counter(case.kind for case in cases)
    yield from _labelled("kinds", ", ".join(f"{n} {kind}" for kind, n in kinds.items()))
    for flag, number in Counter(flag for case in cases for flag in case.flags).items():
        note = note_of(entry, flag)
        yield from _labelled("flag", f"{flag} ({number}): {note.description if note else ''}")
    shown = cases if everything else cases[:5]
    for case in shown:
        yield f"{'case':11}{entry.name}/{case.name}"
    if len(cases) > len(shown):
        yield f"{'':11}and {len(cases) - len(shown)} more: refimpl show {entry.name} --cases"


def show_case(entry: Entry, case: Case) -> str:
    """One case: its inputs, its parameters, and what the reference returns."""
    lines = [f"{entry.name}/{case.name}", "", *_labelled("kind", case.kind)]
    if case.clause:
        lines += _labelled("clause", case.clause)
    for flag in case.flags:
        lines += _labelled("flag", "".join(explained(entry, [flag])) or flag)
    for name, value in case.params.items():
        lines += _labelled("parameter", f"{name} = {value!r}")
    for name, array in case.inputs.items():
        lines += ["", *_array(f"input {name}", np.asarray(array))]
    for name, array in expect(entry, case).values.items():
        lines += ["", *_array(f"output {name}", array)]
    return "\n".join(lines)


def _array(title: str, array: np.ndarray) -> list[str]:
    width = min(75, columns() - 2)
    text = np.array2string(
        array, precision=17, floatmode="unique", threshold=200, max_line_width=width
    )
    return [f"{title}: {array.dtype}{list(array.shape)}", *textwrap.indent(text, "  ").splitlines()]
