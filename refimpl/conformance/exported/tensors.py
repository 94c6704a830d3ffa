"""A case as arrays by name, and as a record of its method's index."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from refimpl.spec import Case, Entry

from ..cases import applicable
from ..frameworks import on_engine
from ..identity import digest
from ..loading import adapters
from ..notes import note_of
from ..points import expect
from ..target import implementations_in
from .containers import portable

Arrays = dict[str, np.ndarray]


def tensors(entry: Entry, case: Case, seed: int) -> tuple[Arrays, list[str]]:
    """The arrays of a case, with its derivatives where they are defined, and its checks."""
    expected = expect(entry, case, seed)
    problem, checks = expected.problem, applicable(entry, case, expected)
    groups: dict[str, Mapping[str, Any]] = {
        "in": case.inputs,
        "param": _numeric(parameters(entry, case)),
        "out": expected.values,
    }
    if "vjp" in checks or "second_order" in checks:
        groups["cot"] = expected.cotangents
    if "vjp" in checks:
        groups["grad"] = on_engine.vjp(problem, expected.cotangents)
    if "jvp" in checks:
        groups["tan"] = expected.tangents
        groups["jvp"] = on_engine.jvp(problem, expected.tangents)
    if "second_order" in checks:
        groups["vec"] = expected.vector
        groups["hvp"] = on_engine.hvp(problem, expected.cotangents, expected.vector)
    named = {f"{p}_{name}": a for p, arrays in groups.items() for name, a in arrays.items()}
    return {name: portable(np.asarray(array)) for name, array in named.items()}, checks


def parameters(entry: Entry, case: Case) -> dict[str, Any]:
    """All parameters of a case by name, with the defaults of those that it leaves out.

    A default that is a function is left out; the definition says what it is.
    """
    known = inspect.signature(entry.call or entry.function).parameters.values()
    defaults = {
        p.name: p.default
        for p in known
        if p.default is not p.empty and p.name not in entry.inputs and not callable(p.default)
    }
    return {**defaults, **case.params}


def _numeric(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The parameters that an array can hold: numbers, truth values, text as bytes, lists of these.

    None has no array, and neither has a list of lists of different lengths.
    """
    found = {}
    for name, value in params.items():
        if isinstance(value, str):
            found[name] = np.frombuffer(value.encode(), np.uint8)
        elif value is not None:
            try:
                array = np.asarray(value)
            except ValueError:  # ragged
                continue
            if array.dtype.kind in "fiub":
                found[name] = array
    return found


def plain(value: Any, name: str) -> Any:
    """A parameter as JSON; an array by its name in the case file, and inf and nan as text."""
    if isinstance(value, np.ndarray):
        return {"array": f"param_{name}"}
    if isinstance(value, (list, tuple)):
        return [plain(item, name) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    return value.item() if isinstance(value, np.generic) else value


def case_record(
    entry: Entry, case: Case, seed: int, file: str, arrays: Arrays, checks: list[str]
) -> dict[str, Any]:
    """What the index says about a case."""
    return {
        "case": case.name,
        "id": f"{entry.name}/{case.name}@{seed}~{digest(case)}",
        "file": file.rpartition("/")[2],
        "kind": case.kind,
        "dtype": case.dtype,
        "clause": case.clause,
        "flags": list(case.flags),
        "params": {n: plain(value, n) for n, value in parameters(entry, case).items()},
        "checks": checks,
        "tolerance": asdict(entry.tolerance(case)),
        "known_deviations": known_deviations(entry.name, case.name),
        "arrays": {
            name: {"dtype": array.dtype.name, "shape": list(array.shape)}
            for name, array in arrays.items()
        },
    }


def method_record(entry: Entry, cases: list[Case]) -> dict[str, Any]:
    """What the index says about a method."""
    flags = dict.fromkeys(flag for case in cases for flag in case.flags)
    notes = {flag: note for flag in flags if (note := note_of(entry, flag)) is not None}
    return {
        "method": entry.name,
        "source": entry.source,
        "definition": inspect.getdoc(entry.function) or "",
        "inputs": list(entry.inputs),
        "outputs": list(entry.outputs),
        "differentiable": list(entry.differentiable),
        "gradient": entry.gradient,
        "kinks": entry.kinks,
        "invariants": [{"name": i.name, "clause": i.clause} for i in entry.invariants],
        "notes": {flag: asdict(note) for flag, note in notes.items()},
    }


def known_deviations(method: str, case: str) -> list[dict[str, str]]:
    """The published packages that are known to fail at a case, where, and why."""
    return [
        {"package": package, "check": check or "all", "reason": reason}
        for package, entry, pattern, reason in _deviations()
        for name, _, check in [pattern.partition(":")]
        if entry == method and fnmatch.fnmatchcase(case, name)
    ]


@functools.cache
def _deviations() -> tuple[tuple[str, str, str, str], ...]:
    """Package, method, pattern and reason of all failures that the adapters announce."""
    found: dict[tuple[str, str, str, str], None] = {}
    for package in adapters():
        module = importlib.import_module(f"..adapters.{package}", __package__)
        for claim in implementations_in(vars(module)):
            for pattern, reason in claim.expected_failures.items():
                found[package, claim.entry, pattern, reason] = None
    return tuple(found)
