"""The registry: entries, cases, tolerances, discovery."""

import subprocess
import sys

import numpy as np
import pytest

from refimpl import spec
from refimpl.conformance.notes import note_of
from refimpl.spec import BATCHES, Case, Entry, as_float32, case_name, find, grid, specification

ENTRIES = spec.all_entries()


def _entry(monkeypatch, cases, **options):
    monkeypatch.setattr(spec, "_entries", dict(spec._entries))
    fields = {"name": "toy.double", "source": "none", "inputs": ("x",), "outputs": ("y",)}

    @specification(cases=cases, **{**fields, **options})
    def double(x, *, times=2.0):
        return times * x

    return double


def test_the_decorator_returns_the_function_unchanged_and_registers_it(monkeypatch):
    double = _entry(monkeypatch, lambda rng: [Case("one", {"x": np.ones(2)})])
    assert double(3.0) == 6.0
    assert find("toy.double").function is double


def test_inputs_are_differentiable_unless_said_otherwise(monkeypatch):
    _entry(monkeypatch, lambda rng: [])
    assert find("toy.double").differentiable == ("x",)
    _entry(monkeypatch, lambda rng: [], differentiable=())
    assert find("toy.double").differentiable == ()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"name": "double"}, "package.function"),
        ({"differentiable": ("z",)}, "not among the inputs"),
    ],
)
def test_a_wrong_registration_is_refused_with_a_reason(monkeypatch, options, words):
    with pytest.raises(ValueError, match=words):
        _entry(monkeypatch, lambda rng: [], **options)


def test_a_name_cannot_be_registered_by_two_modules(monkeypatch):
    double = _entry(monkeypatch, lambda rng: [])
    monkeypatch.setattr(double, "__module__", "elsewhere")
    with pytest.raises(ValueError, match="registered twice: by elsewhere"):
        _entry(monkeypatch, lambda rng: [])


def test_the_same_seed_gives_the_same_cases_and_another_seed_others(monkeypatch):
    _entry(monkeypatch, lambda rng: [Case("random", {"x": rng.normal(size=3)})])
    entry = find("toy.double")
    first, again, other = (entry.generate(seed)[0].inputs["x"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_smooth_cases_get_float32_twins_unless_the_method_has_its_own(monkeypatch):
    both = {"x": np.arange(2.0)}
    _entry(monkeypatch, lambda rng: [Case("a", both), Case("b", both, kind="edge")])
    twins = [c for c in find("toy.double").generate() if c.dtype == "float32"]
    assert [c.name for c in twins] == ["a-float32"]
    assert twins[0].flags == ("float32",)
    _entry(monkeypatch, lambda rng: [Case("a", both), as_float32(Case("b", both))])
    assert [c.name for c in find("toy.double").generate()] == ["a", "b-float32"]


def test_case_names_must_be_unique_and_inputs_complete(monkeypatch):
    x = np.ones(1)
    _entry(monkeypatch, lambda rng: [Case("a", {"x": x}), Case("a", {"x": x})])
    with pytest.raises(ValueError, match="occur twice: a"):
        find("toy.double").generate()
    _entry(monkeypatch, lambda rng: [Case("a", {"z": x})])
    with pytest.raises(ValueError, match=r"inputs \['z'\], expected \['x'\]"):
        find("toy.double").generate()


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"name": "a b"}, "without spaces"),
        ({"name": "a*"}, "any of"),
        ({"name": "a", "kind": "odd"}, "known: smooth, kink, edge"),
        ({"name": "a", "checks": ("value",)}, "checks"),
    ],
)
def test_a_malformed_case_is_refused_with_a_reason(fields, words):
    with pytest.raises(ValueError, match=words):
        Case(inputs={}, **fields)


def test_the_tolerance_is_the_cases_then_the_entrys_then_that_of_the_dtype(monkeypatch):
    own, wide = spec.Tolerance(1, 1, 1), spec.Tolerance(2, 2, 2)
    _entry(monkeypatch, lambda rng: [], tolerances={"float32": wide})
    entry, x = find("toy.double"), np.ones(1)
    assert entry.tolerance(Case("a", {"x": x}, tolerance=own)) is own
    assert entry.tolerance(Case("a", {"x": x.astype(np.float32)})) is wide
    assert entry.tolerance(Case("a", {"x": x})) is spec.TOLERANCES["float64"]


@pytest.mark.parametrize(
    "result", [1.0, (1.0,), [1.0], {"y": 1.0}], ids=["alone", "tuple", "list", "dict"]
)
def test_outputs_are_named_whatever_container_they_come_in(monkeypatch, result):
    _entry(monkeypatch, lambda rng: [])
    assert find("toy.double").named(result) == {"y": 1.0}


@pytest.mark.parametrize("result", [(1.0, 2.0), (), {"z": 1.0}])
def test_outputs_that_do_not_fit_are_refused_with_a_count(monkeypatch, result):
    _entry(monkeypatch, lambda rng: [])
    with pytest.raises(ValueError, match="expected"):
        find("toy.double").named(result)


def test_an_unknown_name_is_answered_with_close_ones(monkeypatch):
    _entry(monkeypatch, lambda rng: [])
    for wrong in ("toy.duble", "double", "other.double"):
        with pytest.raises(KeyError, match=r"did you mean toy\.double"):
            find(wrong)


def test_every_method_imports():
    assert spec.import_errors == {}


def test_a_module_that_does_not_import_is_named_and_hides_no_other(monkeypatch):
    known = spec.all_entries()
    importing = spec.importlib.import_module

    def broken(name, package=None):
        if name == "refimpl.sorting.networks":
            raise RuntimeError("on purpose")
        return importing(name, package)

    monkeypatch.setattr(spec, "import_errors", {})
    monkeypatch.setattr(spec.importlib, "import_module", broken)
    assert spec.all_entries() == known
    assert spec.import_errors == {"refimpl.sorting.networks": "RuntimeError: on purpose"}


def test_grid_and_case_name_spell_out_combinations():
    names = [case_name(p["kind"], n=p["n"]) for p in grid(kind=("a", "b"), n=(1, 2))]
    assert names == ["a-n1", "a-n2", "b-n1", "b-n2"]


def test_importing_refimpl_and_the_registry_imports_no_method():
    code = "import sys, refimpl, refimpl.spec; print([m for m in sys.modules if 'refimpl.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['refimpl.spec']"


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
class TestEveryEntry:
    """What the registry promises about each method."""

    def test_the_function_is_documented_and_has_a_source(self, entry: Entry):
        assert entry.function.__doc__
        assert entry.source

    def test_every_flag_is_explained(self, entry: Entry):
        flags = {flag for case in entry.generate() for flag in case.flags}
        assert [flag for flag in flags if note_of(entry, flag) is None] == []

    def test_the_cases_cover_float32_and_edge_cases(self, entry: Entry):
        cases = entry.generate()
        assert {"float64", "float32"} <= {case.dtype for case in cases}
        assert any(case.kind != "smooth" or case.flags for case in cases)

    def test_another_seed_gives_valid_cases_too(self, entry: Entry):
        with np.errstate(divide="ignore"):  # infinite values at the ends of domains
            for case in entry.generate(seed=1):
                entry.evaluate(inputs=case.inputs, params=case.params)


def test_the_batch_shapes_to_try_have_every_rank():
    assert {len(shape) for shape in BATCHES.values()} == {0, 1, 3}
    assert any(0 in shape for shape in BATCHES.values())
