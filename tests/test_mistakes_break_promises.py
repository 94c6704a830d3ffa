"""The promises of methods find the mistakes that they are there to find."""

import importlib
import zlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from refimpl import spec

ENTRIES = {name: entry for name, entry in spec.all_entries().items() if entry.invariants}

_, *PARAGRAPHS = (Path(__file__).parent / "mistakes.txt").read_text("utf-8").strip().split("\n\n")
MISTAKES = [
    (*title.split(": "), right[2:], wrong[2:])
    for title, right, wrong in (paragraph.splitlines() for paragraph in PARAGRAPHS)
]


def check(promise, run, cases):
    """What the promise finds wrong at some case, or nothing."""
    for case in filter(promise.when, cases):
        if wrong := promise.check(run, case.inputs, case.params):
            return wrong
    return None


@pytest.mark.parametrize(
    "name, promise, right, wrong", MISTAKES, ids=[f"{m[0]}-{m[1]}" for m in MISTAKES]
)
def test_a_mistake_in_a_method_breaks_its_promise(monkeypatch, name, promise, right, wrong):
    entry = ENTRIES[name]
    faulty = with_mistake(monkeypatch, entry, right, wrong)
    (broken,) = (invariant for invariant in entry.invariants if invariant.name == promise)

    def run(inputs, params):
        return faulty.evaluate(inputs=inputs, params=params)

    assert check(broken, run, entry.generate()) is not None


def dependent(run):
    """Results that depend a little on where a number stands, and on how large it is."""

    def faulty(inputs, params):
        numbers = np.concatenate([np.ravel(a) for a in inputs.values()] or [[]])
        finite = np.where(np.isfinite(numbers), numbers, 0.0)
        places = np.sqrt(np.arange(1, len(finite) + 1))
        phase = np.sum(finite * places) + zlib.crc32(str(params).encode())
        return {
            name: (value * (1 + 1e-3 * np.sin(phase + np.arange(value.size).reshape(value.shape))))
            for name, value in run(inputs, params).items()
        }

    return faulty


def changed(change):
    return lambda run: (
        lambda inputs, params: {
            name: change(np.asarray(value)) for name, value in run(inputs, params).items()
        }
    )


KINDS = (
    dependent,
    changed(lambda y: -y),
    changed(lambda y: 2 * y),
    changed(lambda y: y + 1),
    changed(lambda y: np.flip(y, -1) if y.ndim else y),
    changed(lambda y: np.swapaxes(y, -1, -2) if y.ndim > 1 else y),
)


@pytest.mark.parametrize("name", list(ENTRIES))
def test_every_promise_is_broken_by_a_mistake_of_some_kind(name):
    """By another sign, factor, origin, order or axis, or by results that depend on too much."""
    entry = ENTRIES[name]
    cases = [case for case in entry.generate() if case.dtype == "float64"]

    def run(inputs, params):
        return entry.evaluate(inputs=inputs, params=params)

    kept = [
        promise.name
        for promise in entry.invariants
        if not any(noticed(promise, kind(run), cases) for kind in KINDS)
    ]
    assert kept == []


def noticed(promise, run, cases):
    try:
        return check(promise, run, cases) is not None
    except (ValueError, IndexError):  # numbers that a check cannot use, such as an index of -1
        return True


def with_mistake(monkeypatch, entry, right, wrong):
    """The entry as its module registers it with the mistake in place."""
    module = importlib.import_module(entry.function.__module__)
    source = Path(module.__file__).read_text("utf-8")
    assert right in source, "the line that the mistake replaces is gone"
    changed = ModuleType(module.__name__)
    changed.__file__, changed.__package__ = module.__file__, module.__package__
    monkeypatch.setattr(spec, "_entries", dict(spec._entries))
    exec(compile(source.replace(right, wrong), module.__file__, "exec"), changed.__dict__)
    found = spec._entries[entry.name]
    if found is entry:  # which another module registers
        return replace(entry, function=changed.__dict__[entry.function.__name__])
    return found
