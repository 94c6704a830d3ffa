"""`refimpl vectors`: what the files hold, that they are the same every time, who replaces them."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.conformance.exported.layout import FILE, file_of, schema_text
from refimpl.conformance.exported.tensors import plain
from refimpl.conformance.frameworks import on_engine
from refimpl.conformance.points import expect
from refimpl.spec import all_entries


@pytest.fixture
def write(toy, tmp_path, capsys):
    """Write vectors of the toy method, or of others, to a folder; status, output, errors."""

    def run(*arguments, to="cases"):
        methods = [] if any("." in word for word in arguments) else ["toy.soft_pool"]
        status = main(["vectors", str(tmp_path / to), *methods, *arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return status, printed.out, printed.err

    return run


def _index(folder, method="toy.soft_pool"):
    return json.loads((folder / method / "index.json").read_text("ascii"))


def _bytes(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _load(path):
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def test_every_case_is_written_with_what_the_reference_computes(write, tmp_path, toy):
    status, out, error = write()
    assert (status, error) == (0, "")
    cases = {case.name: case for case in toy.generate(0)}
    assert f"{len(cases)} cases of 1 method" in out
    records = _index(tmp_path / "cases")["cases"]
    assert [record["case"] for record in records] == list(cases)
    for record in records:
        case = cases[record["case"]]
        arrays = _load(tmp_path / "cases" / "toy.soft_pool" / record["file"])
        expected = expect(toy, case, 0)
        right = {"in_x": case.inputs["x"]}
        right |= {f"out_{name}": array for name, array in expected.values.items()}
        if "vjp" in record["checks"]:
            gradients = on_engine.vjp(expected.problem, expected.cotangents)
            right |= {f"cot_{name}": array for name, array in expected.cotangents.items()}
            right |= {f"grad_{name}": array for name, array in gradients.items()}
        for name, array in right.items():
            assert arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(arrays[name], array)


def test_derivatives_are_there_exactly_where_they_are_checked(write, tmp_path):
    write()
    for record in _index(tmp_path / "cases")["cases"]:
        prefixes = {name.partition("_")[0] for name in record["arrays"]}
        for check, prefix in (("vjp", "grad"), ("jvp", "jvp"), ("second_order", "hvp")):
            assert (check in record["checks"]) == (prefix in prefixes), record["case"]
        assert ("vjp" in record["checks"]) == ("cot" in prefixes)


def test_the_index_describes_the_arrays_of_every_file(write, tmp_path):
    write()
    for record in _index(tmp_path / "cases")["cases"]:
        arrays = _load(tmp_path / "cases" / "toy.soft_pool" / record["file"])
        described = {
            name: {"dtype": array.dtype.name, "shape": list(array.shape)}
            for name, array in arrays.items()
        }
        assert record["arrays"] == described


def test_the_json_files_are_valid_under_the_published_schema(write, tmp_path, capsys):
    jsonschema = pytest.importorskip("jsonschema")
    write("toy.*", "relaxation.equal", "rendering.lighting")
    assert main(["vectors", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    files = [*(tmp_path / "cases").glob("*/index.json"), tmp_path / "cases" / "manifest.json"]
    assert len(files) == 4
    for path in files:
        validator.validate(json.loads(path.read_text("ascii")))
    assert (tmp_path / "cases" / "schema.json").read_text("utf-8") == schema_text()
    wrong = _index(tmp_path / "cases")
    wrong["cases"][0]["kind"] = "round"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(wrong)


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_inputs(write, tmp_path):
    write(to="one")
    write(to="two")
    write("--seed", "1", to="three")
    one, two, three = (_bytes(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert set(one) == set(three)
    case = "toy.soft_pool/l1-n3-steepness2.0.npz"
    assert one[case] != three[case]


def test_the_manifest_has_the_version_and_the_sums_of_all_other_files(write, tmp_path):
    from refimpl import __version__

    write("--seed", "3")
    manifest = json.loads((tmp_path / "cases" / "manifest.json").read_text("ascii"))
    files = _bytes(tmp_path / "cases")
    files.pop("manifest.json")
    assert (manifest["refimpl"], manifest["seed"]) == (__version__, 3)
    assert manifest["files"] == {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(files.items())
    }


def test_members_are_stored_in_order_with_their_sizes_before_them(write, tmp_path):
    """So that a program finds them from the front, without the directory at the end."""
    write()
    data = (tmp_path / "cases" / "toy.soft_pool" / "single.npz").read_bytes()
    at, names = 0, []
    while data[at : at + 4] == b"PK\x03\x04":
        method, packed, size = (
            int.from_bytes(data[at + i : at + i + w], "little")
            for i, w in ((8, 2), (18, 4), (22, 4))
        )
        name, extra = (int.from_bytes(data[at + i : at + i + 2], "little") for i in (26, 28))
        assert (method, packed) == (0, size)
        names.append(data[at + 30 : at + 30 + name].decode())
        at += 30 + name + extra
        array = np.load(io.BytesIO(data[at : at + size]), allow_pickle=False)
        assert array.dtype.str[0] in "<|"
        assert array.flags.c_contiguous
        at += size
    assert names == zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert names[:2] == ["in_x.npy", "param_steepness.npy"]


def test_parameters_are_in_the_index_and_as_arrays_with_their_defaults(write, tmp_path):
    write("sorting.soft_sort", "relaxation.equal", "rendering.lighting")
    record = _index(tmp_path / "cases", "sorting.soft_sort")["cases"][0]
    assert record["params"].keys() == {"temperature", "power", "hard", "descending"}
    arrays = _load(tmp_path / "cases" / "sorting.soft_sort" / record["file"])
    assert arrays["param_power"] == record["params"]["power"] == 1.0
    assert arrays["param_hard"].dtype == bool
    equal = _index(tmp_path / "cases", "relaxation.equal")["cases"]
    assert {"number": "inf"} in [record["params"]["beta"] for record in equal]
    text = next(record for record in equal if "distribution" in record["params"])
    arrays = _load(tmp_path / "cases" / "relaxation.equal" / text["file"])
    assert arrays["param_distribution"].tobytes().decode() == text["params"]["distribution"]
    lit = _index(tmp_path / "cases", "rendering.lighting")["cases"][0]
    assert lit["params"]["faces"] == {"array": "param_faces"}
    assert "param_faces" in lit["arrays"]


def test_parameters_become_plain_json():
    assert plain((1, (2.5, None)), "p") == [1, [2.5, None]]
    assert plain(float("-inf"), "p") == {"number": "-inf"}
    assert plain(np.float64(0.5), "p") == 0.5
    assert plain(np.arange(3), "p") == {"array": "param_p"}


def test_flags_are_explained_and_packages_that_fail_at_a_case_are_named(write, tmp_path):
    write("toy.soft_pool", "sorting.soft_sort")
    toy = _index(tmp_path / "cases")
    flags = {flag for record in toy["cases"] for flag in record["flags"]}
    assert flags == set(toy["notes"])
    assert toy["notes"]["own"]["description"] == "A flag of this entry alone."
    sort = {r["case"]: r for r in _index(tmp_path / "cases", "sorting.soft_sort")["cases"]}
    known = sort["power0.5"]["known_deviations"]
    assert {"difftopk"} == {deviation["package"] for deviation in known}
    assert {"vjp", "jvp", "second_order"} == {deviation["check"] for deviation in known}
    assert sort["single"]["known_deviations"] == []


def test_a_folder_that_holds_something_is_not_written_to_without_force(write, tmp_path):
    write()
    before = _bytes(tmp_path / "cases")
    status, out, error = write("--seed", "1")
    assert (status, out) == (2, "")
    assert "is not empty" in error
    assert "--force" in error
    assert _bytes(tmp_path / "cases") == before


def test_force_replaces_the_files_of_the_manifest_and_no_others(write, tmp_path):
    folder = tmp_path / "cases"
    write("toy.soft_pool", "sorting.ranks")
    (folder / "sorting.ranks" / "mine.txt").write_text("kept")
    assert write("--force")[0] == 0
    assert [path.name for path in (folder / "sorting.ranks").iterdir()] == ["mine.txt"]
    (folder / "sorting.ranks" / "mine.txt").unlink()
    write(to="fresh")
    assert _bytes(folder) == _bytes(tmp_path / "fresh")


def test_force_never_deletes_what_a_forged_manifest_names(write, tmp_path):
    write()
    (tmp_path / "precious.npz").write_text("kept")
    path = tmp_path / "cases" / "manifest.json"
    manifest = json.loads(path.read_text("ascii"))
    manifest["files"]["../precious.npz"] = {"bytes": 4, "sha256": "0" * 64}
    path.write_text(json.dumps(manifest), "ascii")
    assert write("--force")[0] == 0
    assert (tmp_path / "precious.npz").read_text() == "kept"


def test_nothing_is_written_through_links(write, tmp_path):
    write()
    outside = tmp_path / "outside"
    (tmp_path / "cases" / "toy.soft_pool").rename(outside)
    (tmp_path / "cases" / "toy.soft_pool").symlink_to(outside)
    before = _bytes(outside)
    status, _, error = write("--force", "--seed", "1")
    assert status == 2
    assert "a link" in error
    assert _bytes(outside) == before


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["toy.soft_pol"], "did you mean toy.soft_pool"),
        (["nothing.*"], "no method 'nothing.*'"),
        (["--format", "hdf5"], "invalid choice"),
        (["--seed", "x"], "expected a whole number from 0 to 2^63 - 1, got 'x'"),
        (["--seed", "-1"], "expected a whole number from 0 to 2^63 - 1, got '-1'"),
    ],
)
def test_what_is_not_understood_is_said(write, arguments, words):
    status, _, error = write(*arguments)
    assert status == 2
    assert words in error


def test_a_folder_that_cannot_be_made_is_a_usage_error(write, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, error = write(to="file")
    assert status == 2
    assert "file: " in error
    assert main(["vectors"]) == 2


def test_safetensors_hold_the_same_arrays(write, tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    write()
    write("--format", "safetensors", to="packed")
    for record in _index(tmp_path / "packed")["cases"]:
        packed = package.load_file(tmp_path / "packed" / "toy.soft_pool" / record["file"])
        stored = _load(tmp_path / "cases" / "toy.soft_pool" / f"{record['case']}.npz")
        assert packed.keys() == stored.keys()
        for name, array in stored.items():
            assert packed[name].dtype == array.dtype
            np.testing.assert_array_equal(packed[name], array)
    write("--format", "safetensors", to="again")
    assert _bytes(tmp_path / "packed") == _bytes(tmp_path / "again")
    assert main(["vectors", str(tmp_path / "packed"), "--verify"]) == 0


def test_verify_names_what_is_missing_changed_or_added(write, tmp_path):
    write()
    folder = tmp_path / "cases" / "toy.soft_pool"
    status, out, _ = write("--verify")
    assert (status, out) == (0, f"{tmp_path / 'cases'}: as it was written\n")
    (folder / "single.npz").unlink()
    (folder / "n1.npz").write_bytes((folder / "batch3.npz").read_bytes())
    data = bytearray((folder / "ties.npz").read_bytes())
    data[200] ^= 1
    (folder / "ties.npz").write_bytes(data)
    (folder / "more.npz").write_bytes(b"")
    status, out, _ = write("--verify")
    assert status == 1
    lines = out.splitlines()
    assert len(lines) == 5
    for name, words in (
        ("single", "No such file"),
        ("n1", "in the manifest"),
        ("ties", "SHA-256"),
        ("more", "not in the manifest"),
    ):
        assert any(f"{name}.npz: " in line and words in line for line in lines)


def test_every_case_there_is_has_a_file_name_that_is_valid_everywhere():
    for entry in all_entries().values():
        names = [file_of(entry.name, case.name, "safetensors") for case in entry.generate(0)]
        assert len({name.lower() for name in names}) == len(names)
        assert all(FILE.fullmatch(name) and len(name) < 150 for name in names)
    with pytest.raises(ValueError, match="cannot be a file name"):
        file_of("a.b", "über\\alles", "npz")


@pytest.mark.slow
def test_all_methods_are_written_and_verified(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    assert main(["vectors", str(tmp_path)]) == 0
    assert main(["vectors", str(tmp_path), "--verify"]) == 0
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    for path in [tmp_path / "manifest.json", *tmp_path.glob("*/index.json")]:
        validator.validate(json.loads(path.read_text("ascii")))
