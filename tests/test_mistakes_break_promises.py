"""The promises of methods find the mistakes that they are there to find."""

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

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
