"""Recorded numbers of published systems: reading the folders, and holding refimpl against them.

A folder holds one subfolder per topic, each with an `index.json` and one npz file per record. A
record is a dictionary with `case, file, system, source, function, params, dtype, rtol, atol, note`
(and, in some topics, `op, checks, kind, differentiated, atol_out`). Its arrays:

    in_NAME, out_NAME      inputs and outputs
    cot_NAME, grad_NAME    cotangents of outputs, and the gradient of sum <output, cotangent>
    tan_NAME, jvp_NAME     tangents of inputs, and the derivative of the outputs along them
    vec_NAME, hvp_NAME     a direction, and the gradient of <gradient, direction>

Which function of refimpl a record is about is said by an adapter: see `recorded/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import refimpl
from refimpl.autograd.compare import Comparison, compare

from .frameworks import Problem, on_engine
from .loading import UsageError

Arrays = dict[str, np.ndarray]
PREFIXES = ("in", "out", "cot", "grad", "tan", "jvp", "vec", "hvp")


def vectors_folder() -> Path | None:
    """Where the recorded numbers are: REFIMPL_VECTORS, else those that come with the package.

    None when there are none. UsageError when REFIMPL_VECTORS names no folder.
    """
    named = os.environ.get("REFIMPL_VECTORS")
    if named:
        if not Path(named).is_dir():
            raise UsageError(f"REFIMPL_VECTORS={named}: expected a folder")
        return Path(named)
    package = Path(refimpl.__path__[0])
    for folder in (package / "vectors", package.parent / "tests" / "vectors"):
        if folder.is_dir():
            return folder
    return None


def topics(folder: Path) -> list[str]:
    """The topics that a folder has an index for."""
    return sorted(index.parent.name for index in folder.glob("*/index.json"))


@dataclass(frozen=True)
class Record:
    """One recorded case: its line of the index, and where its arrays are."""

    topic: str
    folder: Path
    fields: Mapping[str, Any] = field(repr=False)

    @property
    def case(self) -> str:
        """Name of the case, unique in its topic."""
        return str(self.fields["case"])

    @property
    def key(self) -> tuple[str, str]:
        """System and function: what an adapter is chosen by."""
        return str(self.fields["system"]), str(self.fields["function"])

    def arrays(self) -> dict[str, Arrays]:
        """The arrays by prefix, then by name. ValueError for a prefix that has no meaning."""
        groups: dict[str, Arrays] = {}
        with np.load(self.folder / str(self.fields["file"])) as stored:
            for key in stored.files:
                prefix, _, name = key.partition("_")
                groups.setdefault(prefix, {})[name] = stored[key]
        return groups


def records(folder: Path, topic: str) -> list[Record]:
    """All records of a topic."""
    index = json.loads((folder / topic / "index.json").read_text(encoding="utf-8"))
    return [Record(topic, folder / topic, fields) for fields in index]


@dataclass(frozen=True)
class Adapter:
    """How refimpl computes what a record holds.

    function   `function(inputs, record)` -> outputs by the names of the record, from inputs by name
               that may be traced; `record` gives params, op and the rest of the index line
    canonical  functions by output name, applied to both sides before they are compared
    ignored    prefixes or whole array names that are recorded but have no counterpart
    parts      gradients that are recorded of a part of an input: their name -> (input, cut)
    """

    function: Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any]]
    canonical: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, Callable[[Any], Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """One recorded array against refimpl: which check, what it is, and the result."""

    check: str
    subject: str
    result: Comparison


def compare_record(record: Record, adapter: Adapter) -> Iterator[Compared]:
    """Compare every recorded array. ValueError for arrays that nobody reads."""
    arrays = record.arrays()
    unread = [p for p in arrays if p not in PREFIXES and p not in adapter.ignored]
    if unread:
        raise ValueError(f"{record.case}: arrays with prefixes {unread} are not understood")
    inputs, expected = arrays.get("in", {}), arrays.get("out", {})
    names = tuple(arrays.get("grad", {}) or arrays.get("tan", {}) or arrays.get("vec", {}))
    problem = Problem(
        call=lambda **given: adapter.function({k: given[k] for k in inputs}, record.fields),
        named=lambda outputs: dict(outputs),
        inputs=inputs,
        params={},
        differentiable=tuple(adapter.parts.get(n, (n,))[0] for n in names),
    )
    values = on_engine.values(problem)
    yield from _all("value", "output", values, expected, record, adapter)
    wanted = record.fields.get("checks", ("vjp", "jvp", "hvp"))
    if "grad" in arrays and "vjp" in wanted:
        gradients = dict(on_engine.vjp(problem, _cotangents(arrays)))
        for name, (whole, cut) in adapter.parts.items():
            gradients[name] = cut(gradients[whole])
        yield from _all("vjp", "gradient of", gradients, arrays["grad"], record, adapter)
    if "jvp" in arrays and "jvp" in wanted:
        pushed = on_engine.jvp(problem, arrays["tan"])
        yield from _all("jvp", "tangent of", pushed, arrays["jvp"], record, adapter)
    if "hvp" in arrays and "hvp" in wanted:
        second = on_engine.hvp(problem, _cotangents(arrays), arrays["vec"])
        yield from _all("hvp", "second derivative of", second, arrays["hvp"], record, adapter)


def _cotangents(arrays: Mapping[str, Arrays]) -> Arrays:
    """The recorded cotangents; without any, 1 for outputs that are single numbers."""
    ones = {k: np.ones_like(v) for k, v in arrays.get("out", {}).items() if np.ndim(v) == 0}
    return arrays.get("cot", ones)


def _all(
    check: str, what: str, got: Arrays, expected: Arrays, record: Record, adapter: Adapter
) -> Iterator[Compared]:
    fields = record.fields
    atol = fields.get("atol_out", fields["atol"]) if check == "value" else fields["atol"]
    for name, array in expected.items():
        if name in adapter.ignored:
            continue
        if name not in got:
            raise ValueError(f"{record.case}: the adapter returns no {what} {name}")
        same = adapter.canonical.get(name, np.asarray) if check == "value" else np.asarray
        pair = same(got[name]), same(array)
        result = compare(*pair, rtol=fields["rtol"], atol=atol, by="element")
        yield Compared(check, f"{what} {name}", result)
