"""`refimpl check DIR`: results of another language are compared, nothing is silently left out."""

import json
import shutil
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from printed import spaces

from refimpl.cli import main
from refimpl.conformance.json_report import schema_text

METHOD = "toy.soft_pool"


@pytest.fixture
def folders(toy, tmp_path):
    """Vectors of the toy method, and results made from them by `change(case name, arrays)`."""
    cases, results = tmp_path / "cases", tmp_path / "results"

    def make(change=lambda name, arrays: arrays, *, save=np.savez, options=(), manifest=True):
        assert main(["vectors", str(cases), METHOD, "--force", *options]) == 0
        (results / METHOD).mkdir(parents=True)
        for path in (cases / METHOD).glob("*.npz"):
            with np.load(path, allow_pickle=False) as stored:
                arrays = {k: v for k, v in stored.items() if k.startswith(("out_", "grad_"))}
            changed = change(path.stem, arrays)
            if changed is not None:
                save(results / METHOD / path.name, **changed)
        if manifest:
            shutil.copy(cases / "manifest.json", results)
        return results

    return make


@pytest.fixture
def check(capsys):
    """Check a folder; status, output, errors."""

    def run(folder, *arguments):
        capsys.readouterr()
        status = main(["check", str(folder), *arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return status, printed.out, printed.err

    return run


def _only(name, change):
    return lambda case, arrays: change(arrays) if case == name else arrays


def _turned(arrays):
    return {name: np.asfortranarray(array).astype(">f8") for name, array in arrays.items()}


def test_right_results_pass_and_what_they_lack_is_listed(folders, check):
    status, out, error = check(folders())
    assert (status, error) == (0, "")
    assert "FAIL" not in out
    assert "hold no arrays jvp_NAME" in spaces(out)
    assert "hold no arrays hvp_NAME" in spaces(out)
    rows = {line[:24].strip(): line[24:].split() for line in out.splitlines() if "   " in line}
    assert int(rows["vector-Jacobian products"][0]) > 3
    assert rows["vector-Jacobian products"][1] == "-"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("form", [dict, _turned], ids=["plain", "fortran-big-endian"])
def test_results_may_be_packed_and_in_any_order_of_bytes_and_axes(folders, check, save, form):
    def change(name, arrays):
        return form(arrays) if not name.endswith("float32") else arrays

    assert check(folders(change, save=save))[0] == 0


def test_the_vectors_themselves_are_right_results(folders, check, tmp_path):
    folders()
    status, out, _ = check(tmp_path / "cases")
    assert status == 0
    assert "Jacobian-vector products" in out


def test_safetensors_are_results_too(folders, check):
    package = pytest.importorskip("safetensors.numpy")

    def save(path, **arrays):
        package.save_file(
            {name: np.asarray(array, order="C") for name, array in arrays.items()},
            path.with_suffix(".safetensors"),
        )

    results = folders(save=save)
    assert not list(results.glob("*/*.npz"))
    assert check(results)[0] == 0


def test_two_results_of_one_case_are_a_finding_whichever_is_right(folders, check):
    results = folders()
    for path in (results / METHOD).glob("l2-*.npz"):
        path.with_suffix(".safetensors").write_bytes(b"of last week")
    status, out, _ = check(results)
    assert status == 1
    assert "there is one in safetensors as well: keep one" in spaces(out)
    assert "FAILED: 4 comparisons of" in out
    assert "in 1 kind" in out
    assert "vjp" not in out


def test_a_wrong_gradient_is_reported_as_it_is_for_a_function(folders, check, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    results = folders(lambda name, arrays: {**arrays, "grad_x": -arrays["grad_x"]})
    paths = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    options = [word for kind, path in paths.items() for word in (f"--{kind}", str(path))]
    status, out, _ = check(results, *options)
    assert status == 1
    assert "gradient with respect to x" in out
    assert "sign" in out
    assert f"refimpl check {results} --case {METHOD}/" in out
    data = json.loads(paths["json"].read_text("utf-8"))
    jsonschema.validate(data, json.loads(schema_text()))
    failed = [o for o in data["outcomes"] if o["status"] == "fail"]
    assert {o["check"] for o in failed} == {"vjp"}
    assert len(list(ET.parse(paths["junit"]).iter("failure"))) == len(failed)
    page = paths["html"].read_text("utf-8")
    assert 'aria-label="heat map: difference"' in page
    assert "Worst elements" in page


def test_the_command_of_a_finding_repeats_it_alone(folders, check):
    wrong = _only("l2-n4-steepness0.5", lambda a: {**a, "out_values": a["out_values"] + 1})
    results = folders(wrong, options=["--seed", "3"])
    _, out, _ = check(results)
    (command,) = {line.split("replay")[1] for line in out.splitlines() if "replay" in line}
    assert "--seed 3" in command
    status, again, _ = check(results, *command.split()[3:])
    assert status == 1
    assert "FAIL 1/1" in again
    assert "1 method, 1 case" in again


def test_promises_that_the_results_break_are_found(folders, check):
    _, out, _ = check(folders(lambda name, a: {**a, "out_weights": a["out_weights"] * 1.5}))
    assert "rows sum to one: a row of the weights sums to 1.5" in out


def test_a_missing_case_is_a_finding_unless_there_is_a_reason(folders, check):
    results = folders(lambda name, arrays: None if name.startswith("l1") else arrays)
    status, out, _ = check(results)
    assert status == 1
    assert "no result: " in spaces(out)
    assert "l1-n3-steepness2.0.npz is missing" in spaces(out)
    reasons = "# known\n\ntoy.soft_pool/l1-*  # squared distances only\n"
    (results / "unsupported.txt").write_text(reasons)
    status, out, _ = check(results)
    assert status == 0
    assert "squared distances only" in out


def test_results_that_are_missing_are_one_finding_beside_one_that_is_broken(folders, check):
    results = folders(lambda name, arrays: arrays if name == "single" else None)
    (results / METHOD / "n1.npz").write_bytes(b"no archive")
    status, out, _ = check(results)
    assert status == 1
    assert "more alike" in out
    assert "FAIL 2/2" in out
    words = spaces(out)
    assert words.count("is missing") == words.count("not a readable npz file") == 1


def test_a_method_without_a_folder_is_listed_as_not_run(folders, check, tmp_path):
    results = folders()
    assert main(["vectors", str(tmp_path / "cases"), METHOD, "sorting.ranks", "--force"]) == 0
    shutil.copy(tmp_path / "cases" / "manifest.json", results)
    status, out, _ = check(results)
    assert status == 0
    assert "Not run:\n  sorting.ranks: no results" in out


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda a: {"grad_x": a["grad_x"]}, "no array out_values, out_weights"),
        (lambda a: {k: v for k, v in a.items() if k != "grad_x"}, "no array grad_x"),
        (lambda a: {**a, "out_value": a["out_values"]}, "did you mean out_values"),
        (lambda a: {**a, "in_x": np.zeros((2, 3))}, "in_x is not the input of the case"),
        (lambda a: {**a, "out_values": a["out_values"].T}, "shape (3, 2) instead of (2, 3)"),
        (lambda a: {**a, "out_values": a["out_values"] * np.nan}, "nan instead of"),
        (lambda a: {**a, "grad_x": a["grad_x"] * np.nan}, "nan instead of"),
        (lambda a: {**a, "out_values": a["out_values"].astype("f4")}, "dtype float32, expected"),
        (lambda a: {**a, "hello": a["grad_x"]}, "expected names like out_NAME.npy"),
        (lambda a: {**a, "out_values": np.array([None])}, "nothing is unpickled"),
        (lambda a: {**a, "out_values": a["out_values"] + 0j}, "dtype '<c16'"),
    ],
)
def test_what_is_wrong_with_one_file_is_said_in_one_finding(folders, check, change, words):
    status, out, _ = check(folders(_only("l2-n3-steepness2.0", change)))
    assert status == 1
    assert words in spaces(out), out


def test_files_that_belong_to_no_case_are_findings(folders, check):
    results = folders()
    some = next((results / METHOD).glob("*.npz"))
    shutil.copy(some, results / METHOD / "batch33.npz")
    (results / "toy.softpool").mkdir()
    shutil.copy(some, results / "toy.softpool")
    (results / METHOD / "notes.txt").write_text("these are left alone")
    status, out, _ = check(results)
    assert status == 1
    assert "did you mean batch3" in out
    assert "no method is called 'toy.softpool'; did you mean toy.soft_pool" in out
    assert "notes.txt" not in out


def test_results_of_other_inputs_are_noticed_by_the_manifest(folders, check):
    results = folders()
    path = results / "manifest.json"
    text = path.read_text("ascii")
    manifest = json.loads(text)
    old = next(i for i in manifest["cases"] if "/single@" in i)
    text = text.replace(old, old[:-8] + "00000000").replace('"0.1.0"', '"0.0.9"')
    path.write_text(text.replace('"toy.soft_pool/n1@', '"toy.soft_pool/n1-of-old@'))
    status, out, _ = check(results)
    assert status == 1
    words = spaces(out)
    assert "the case has other inputs in refimpl 0.1.0; the vectors are of 0.0.9" in words
    assert "there is no such case in refimpl 0.1.0" in words


def test_without_a_manifest_the_seed_is_an_option(folders, check):
    results = folders(options=["--seed", "5"], manifest=False)
    assert check(results, "--seed", "5")[0] == 0
    assert check(results)[0] == 1


def test_known_failures_are_expected_and_strict(folders, check, tmp_path):
    results = folders(lambda name, a: {**a, "grad_x": a["grad_x"] * 2})
    known = tmp_path / "known.txt"
    known.write_text(f"{METHOD}/*:vjp  # a factor of two\n")
    assert check(results, "--xfail", str(known))[0] == 0
    known.write_text(f"{METHOD}/*:vjp  # a factor of two\n{METHOD}/n1:values  # none\n")
    status, out, _ = check(results, "--xfail", str(known))
    assert status == 1
    assert "remove it" in out


@pytest.mark.parametrize(
    "options, words",
    [
        (["--jobs", "2"], "--jobs: not for a folder of results"),
        (["--seed", "4"], "the vectors have seed 0"),
        (["--case", "toy.soft_pool/nothing"], "nothing in"),
    ],
)
def test_options_that_make_no_sense_are_refused(folders, check, options, words):
    status, out, error = check(folders(), *options)
    assert (status, out) == (2, "")
    assert words in error


def test_a_folder_without_results_is_a_usage_error(toy, check, tmp_path):
    status, _, error = check(tmp_path)
    assert status == 2
    assert "holds no results: expected a Python file, or a folder with files like" in error


def test_a_broken_list_of_reasons_is_an_error_of_one_line(folders, check):
    results = folders()
    (results / "unsupported.txt").write_text("toy.soft_pool/l1-* no reason\n")
    status, out, _ = check(results)
    assert status == 1
    assert "unsupported.txt: line 1: expected METHOD/CASE # REASON" in spaces(out)
