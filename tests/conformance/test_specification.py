"""`refimpl check` without a target: it passes, and it finds what is wrong with a reference."""

import json
import re
import shutil

import numpy as np
import pytest
from printed import spaces

from refimpl import autograd as ag
from refimpl import spec
from refimpl.cli import main
from refimpl.conformance import recorded, vectors
from refimpl.conformance.at_case import quiet
from refimpl.conformance.invariants import check_invariants
from refimpl.conformance.selection import Options
from refimpl.conformance.selfcheck import check_reference
from refimpl.conformance.specification import check_specification
from refimpl.conformance.target import Implementation
from refimpl.spec import CHECKS, Case, Invariant, specification

ENTRIES = spec.all_entries()


def outcomes(entry, case):
    with quiet():
        claim = Implementation(entry.name, entry.call or entry.function, "refimpl")
        yield from check_reference(entry, case, CHECKS)
        yield from check_invariants(claim, entry, case)


@pytest.mark.parametrize("name", list(ENTRIES))
def test_the_entry_agrees_with_differences_invariants_and_float32(name):
    options = Options(cases=name)
    wrong = [
        f"{o.name} {o.check} {o.subject}: {o.message}"
        for case in options.select(ENTRIES[name])
        for o in outcomes(ENTRIES[name], case)
        if o.status != "pass"
    ]
    assert wrong == []


@pytest.fixture
def faulty(monkeypatch, capsys):
    """Register `toy.cube` = x^3 with a fault, check the specification; status and report."""

    def run(function, *arguments, **options):
        monkeypatch.setattr(spec, "_entries", dict(spec._entries))

        def cases(rng):
            yield Case("plain", {"x": rng.normal(size=3)}, clause="y = x^3")
            yield Case("zero", {"x": np.zeros(2)}, kind="edge")

        fields = {"source": "none", "inputs": ("x",), "outputs": ("y",), "cases": cases}
        specification(name="toy.cube", **{**fields, **options})(function)
        status = main(["check", "--case", "toy.cube/*", *arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return status, " ".join(printed.out.split())

    return run


def test_a_right_entry_passes(faulty):
    status, out = faulty(lambda x: x * x * x)
    assert status == 0, out


def with_backward(factor):
    cube = ag.custom_vjp(lambda x: x * x * x)
    cube.defvjp(lambda x: (x * x * x, x), lambda x, g: (factor(x) * g,))
    return lambda x: cube(x)


def test_a_wrong_derivative_is_found_by_differences(faulty):
    status, out = faulty(with_backward(lambda x: 3.001 * x * x))
    assert status == 1
    assert "gradient with respect to x: along a random direction the derivative is" in out
    assert "differences: smooth, derivative" in out
    assert "clause y = x^3 [none]" in out


def test_a_wrong_second_derivative_is_found_by_differences(faulty):
    factor = ag.custom_vjp(lambda x: 3 * x * x)
    factor.defvjp(lambda x: (3 * x * x, x), lambda x, g: (5 * x * g,))
    status, out = faulty(with_backward(lambda x: factor(x)))
    assert status == 1
    assert "second derivative with respect to x: along a random direction" in out
    assert "vector-Jacobian products 1 -" in out


def test_a_replaced_gradient_is_not_held_against_differences(faulty):
    wrong = with_backward(lambda x: 0 * x + 1)
    status, out = faulty(wrong, gradient="the identity")
    assert status == 0, out
    assert "Jacobian-vector" not in out


def test_nan_for_finite_inputs_is_found(faulty):
    status, out = faulty(lambda x: x * x * x * (x / x))
    assert status == 1
    assert "output y: NaN at [0] for finite inputs" in out


def test_a_function_that_gives_other_numbers_each_time_is_found(faulty):
    draw = iter(np.linspace(0.0, 1.0, 10000))
    status, out = faulty(lambda x: x * x * x + next(draw), "--level", "values")
    assert status == 1
    assert "a second call gives other numbers" in out


def test_a_change_of_dtype_is_found_at_the_dtypes_level(faulty):
    status, out = faulty(lambda x: x * x * x + np.zeros(()).astype(np.float64) * np.ones(x.shape))
    assert status == 1
    assert "dtype float64, expected float32" in out
    assert re.search(r"dtypes \S+ [1-9]", out)


def test_a_loss_of_precision_in_float32_is_found(faulty):
    status, out = faulty(lambda x: (x * x * x + 1e6) - 1e6)
    assert status == 1
    assert "against float64:" in out


def test_a_broken_invariant_is_found(faulty):
    odd = Invariant("even", "f(-x) = f(x)", lambda run, i, p: "it is odd")
    status, out = faulty(lambda x: x * x * x, invariants=(odd,))
    assert status == 1
    assert "even: it is odd promise f(-x) = f(x)" in out


def test_an_entry_that_raises_is_a_finding(faulty):
    status, out = faulty(lambda x: x.no_such_attribute)
    assert status == 1
    assert "call: raised AttributeError" in out


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Three recorded cases in a folder of their own, which REFIMPL_VECTORS names."""
    source = vectors.vectors_folder() / "autodiff"
    index = json.loads((source / "index.json").read_text())[:3]
    folder = tmp_path / "autodiff"
    folder.mkdir()
    for fields in index:
        shutil.copy(source / fields["file"], folder)
    (folder / "index.json").write_text(json.dumps(index))
    monkeypatch.setenv("REFIMPL_VECTORS", str(tmp_path))
    return folder


def change(folder, **arrays):
    """Rewrite arrays of the first record; its name."""
    fields = json.loads((folder / "index.json").read_text())[0]
    with np.load(folder / fields["file"]) as stored:
        content = dict(stored)
    np.savez(folder / fields["file"], **{**content, **arrays})
    return fields["case"], content


def test_recorded_numbers_are_read_from_the_folder_in_the_environment(copied, capsys):
    assert main(["check", "--level", "recorded"]) == 0
    assert "3 cases" in capsys.readouterr().out


def test_records_of_functions_of_text_are_compared():
    report = check_specification(Options(cases="recorded.logic/breast_cancer"))
    assert {outcome.status for outcome in report.outcomes} == {"pass"}


@pytest.mark.parametrize("array", ["out_y", "grad_x", "jvp_y", "hvp_x"])
def test_a_recorded_number_that_differs_is_a_finding(copied, capsys, array):
    case, content = change(copied)
    change(copied, **{array: content[array] * (1 + 1e-6)})
    assert main(["check", "--level", "recorded"]) == 1
    out = capsys.readouterr().out
    assert f"refimpl check --case recorded.autodiff/{case}" in out
    assert "exceed the tolerance" in out
    assert out.count("FAIL ") == 1


def test_an_array_that_nobody_reads_is_a_finding(copied, capsys):
    change(copied, other_x=np.ones(1))
    assert main(["check", "--level", "recorded"]) == 1
    out = spaces(capsys.readouterr().out)
    assert "arrays with prefixes ['other'] are not understood" in out


def test_a_record_without_an_adapter_fails_in_a_resolved_topic_and_is_listed_elsewhere(
    copied, capsys, monkeypatch
):
    index = json.loads((copied / "index.json").read_text())
    index[0]["system"] = "another"
    (copied / "index.json").write_text(json.dumps(index))
    assert main(["check", "--level", "recorded"]) == 1
    assert "no adapter for another" in capsys.readouterr().out
    monkeypatch.setattr("refimpl.conformance.specification.RESOLVED_TOPICS", ())
    assert main(["check", "--level", "recorded"]) == 0
    assert "Not run:\n  recorded.autodiff: no adapter for another yet" in capsys.readouterr().out


def test_a_folder_that_does_not_exist_is_a_usage_error(monkeypatch, capsys):
    monkeypatch.setenv("REFIMPL_VECTORS", "/not/a/folder")
    assert main(["check", "--level", "recorded"]) == 2
    assert "REFIMPL_VECTORS=/not/a/folder: expected a folder" in capsys.readouterr().err


def test_every_resolved_topic_is_recorded_and_understood():
    folder = vectors.vectors_folder()
    for topic in recorded.RESOLVED_TOPICS:
        records = vectors.records(folder, topic)
        assert records
        assert [r.case for r in records if recorded.adapter_for(r) is None] == []
