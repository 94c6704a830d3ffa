"""Files of strangers: whatever is in them, one line that names the file, and no more memory."""

import io
import json
import os
import shutil
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from case_arrays import ARRAYS
from printed import spaces

from refimpl.conformance.exported.containers import npz
from refimpl.conformance.exported.limits import (
    FILE,
    MIB,
    NESTING,
    BrokenFile,
    parse_json,
    read_limited,
)
from refimpl.conformance.exported.manifest import read_manifest
from refimpl.conformance.exported.npz import parse_npy, read_npz
from refimpl.conformance.exported.packed import read_safetensors


def _archive(members, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def _npy(header, data=b"", version=1):
    text = header.encode() if isinstance(header, str) else header
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data


def _head(descr="<f8", shape="(2,)", fortran="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def _saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def _refused(read, data):
    """The one line of the error; the memory that it took is within the limit."""
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFile) as caught:
            read(data, "folder/case.npz")
        assert tracemalloc.get_traced_memory()[1] < 4 * FILE
    finally:
        tracemalloc.stop()
    text = str(caught.value)
    assert text.startswith("folder/case.npz")
    assert len(text.splitlines()) == 1
    assert len(text) < 450
    return text


def test_what_is_written_is_read_again():
    for read, data in ((read_npz, npz(ARRAYS)), (parse_one, _saved(ARRAYS["in_x"]))):
        found = read(data, "file")
        for name, array in found.items():
            assert array.dtype == ARRAYS[name].dtype
            np.testing.assert_array_equal(array, ARRAYS[name])
    assert read_npz(npz(ARRAYS), "file").keys() == ARRAYS.keys()


def parse_one(data, path):
    return {"in_x": parse_npy(data, path)}


class Evil:
    """Creates a file when it is unpickled."""

    def __reduce__(self):
        return (open, ("unpickled", "w"))


GOOD = _saved(np.zeros(2))
BOMB = zipfile.ZIP_DEFLATED


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "not a readable npz file"),
        (b"PK\x05\x06" + bytes(18), None),
        (npz(ARRAYS)[:-30], "not a readable npz file"),
        (npz(ARRAYS)[40:], "not a readable npz file"),
        (b"\x00" * 1000, "not a readable npz file"),
        (_archive([("out_x.npy", GOOD[:-1])]), "needs 16 bytes, not 15"),
        (_archive([("out_x.npy", GOOD + b"more")]), "needs 16 bytes, not 20"),
        (_archive([("out_x.npy", GOOD[:20])]), "a header of"),
        (_archive([("out_x.npy", b"")]), "not an npy file"),
        (_archive([("../../out_x.npy", GOOD)]), "expected names like out_NAME.npy"),
        (_archive([("/etc/out_x.npy", GOOD)]), "expected names like out_NAME.npy"),
        (_archive([("out_x\n.npy", GOOD)]), "expected names like out_NAME.npy"),
        (_archive([("out_x.txt", GOOD)]), "expected names like out_NAME.npy"),
        (_archive([(f"out_{'x' * 200}.npy", GOOD)]), "expected names like out_NAME.npy"),
        (_archive([(f"out_{i}.npy", GOOD) for i in range(257)]), "257 members"),
        (_archive([("out_x.npy", bytes(MIB))], compression=BOMB), "that claim to hold 1048576"),
        (
            _archive([(f"out_{i}.npy", os.urandom(MIB)) for i in range(5)]),
            "5242880 bytes when unpacked",
        ),
        (_archive([("out_x.npy", GOOD)], compression=zipfile.ZIP_LZMA), "stored or deflated"),
        (_archive([("out_x.npy", GOOD)], compression=zipfile.ZIP_BZIP2), "stored or deflated"),
        (
            _archive([("out_x.npy", _saved(np.array([Evil()]), allow_pickle=True))]),
            "dtype '|O': expected floating, whole or truth values",
        ),
    ],
)
def test_archives_that_are_refused(data, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if words is None:
        assert read_npz(data, "file") == {}  # an empty archive has no arrays, and that is all
        return
    assert words in _refused(read_npz, data)
    assert not (tmp_path / "unpickled").exists()


def _patched(data, signature, offset, value):
    """The archive with two or four bytes changed in the first record of that kind."""
    at = data.index(signature) + offset
    return data[:at] + value + data[at + len(value) :]


CENTRAL = b"PK\x01\x02"


@pytest.mark.parametrize(
    "offset, value, words",
    [
        (8, b"\x01\x00", "is encrypted"),
        (10, b"\x63\x00", "stored or deflated"),
        (16, b"abcd", "Bad CRC-32"),
        (24, b"\xff\xff\xff\x7f", "that claim to hold 2147483647"),
        (24, b"\x00\x10\x00\x00", "out"),
        (42, b"\xff\xff\xff\x7f", "not a readable npz file"),
    ],
)
def test_directories_that_lie_are_refused(offset, value, words):
    data = _archive([("out_x.npy", GOOD)])
    assert words in _refused(read_npz, _patched(data, CENTRAL, offset, value))


def test_members_that_occur_twice_are_refused():
    data = _archive([("out_x.npy", GOOD), ("out_y.npy", GOOD)]).replace(b"out_y", b"out_x")
    assert "member out_x.npy occurs twice" in _refused(read_npz, data)


def test_a_directory_of_very_many_members_is_refused():
    one = _archive([("out_x.npy", b"")])
    local, record, end = one[:40], one[one.index(CENTRAL) : -22], one[-22:]
    count = (FILE - 1000) // len(record)
    data = local + record * count + end[:8] + struct.pack("<HH", 65535, 65535)
    data += struct.pack("<II", len(record) * count, len(local)) + b"\0\0"
    with pytest.raises(BrokenFile, match="members; at most 256 are read"):
        read_npz(data, "file")


@pytest.mark.parametrize(
    "data, words",
    [
        (_npy(_head(descr="|O")), "nothing is unpickled"),
        (_npy(_head(descr="<U4")), "dtype '<U4'"),
        (_npy(_head(descr="|V8")), "dtype '|V8'"),
        (_npy(_head(descr="<c16")), "dtype '<c16'"),
        (_npy(_head(descr="<f16")), "dtype '<f16'"),
        (_npy(_head().replace("'<f8'", "[('a', '<f8')]")), "a header without"),
        (_npy(_head(shape="(-1,)")), "a header without"),
        (_npy(_head(shape="(2.0,)")), "a header without"),
        (_npy(_head(shape="(1 2,)")), "shape"),
        (_npy(_head(shape="(99999999999999999999,)")), "shape"),
        (_npy(_head(shape="(4294967296, 4294967296, 2)")), "not 0"),
        (_npy(_head(shape="(0, 999999999999999999)")), "shape"),
        (_npy(_head(shape="(" + "1," * 33 + ")"), bytes(8)), "shape"),
        (_npy(_head(shape="(1,)", descr="|b1"), b"\x02"), "truth values other than 0 and 1"),
        (_npy(_head(fortran="__import__('os')")), "a header without"),
        (_npy("(" * 9000), "a header without"),
        (_npy(" " * 9999), "a header without"),
        (_npy("{'descr'" * 1200), "a header without"),
        (_npy(" " * 20000), "a header of 20000 bytes"),
        (_npy(b"\xff\xfe\x00" * 100), "a header without"),
        (_npy(_head(), bytes(16), version=9), "version 1, 2 or 3"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "a header of"),
        (b"\x93NUMPY", "not an npy file"),
    ],
)
def test_arrays_that_are_refused(data, words):
    assert words in _refused(parse_npy, data)


def _packed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _one(**changes):
    return {"out_x": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]} | changes}


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "cut off"),
        (b"\xff" * 8, "cut off"),
        (struct.pack("<Q", 100) + b"{}", "cut off"),
        (_packed(b"[" * 1000), "nested deeper"),
        (_packed(b'{"out_x": NaN}'), "NaN is not a number"),
        (_packed(b'{"out_x": 1, "out_x": 2}'), "occurs twice"),
        (_packed([]), "expected a header"),
        (_packed({"../x": {"dtype": "F64"}}), "expected names like out_NAME"),
        (_packed(_one(dtype="O")), "dtype 'O'"),
        (_packed(_one(dtype=["F64"])), "dtype ['F64']"),
        (_packed({"out_x": 3}), "dtype None"),
        (_packed(_one(shape=[2**62, 2**62]), bytes(16)), "not a readable safetensors file"),
        (_packed(_one(shape=[-2]), bytes(16)), "not a readable safetensors file"),
        (_packed(_one(data_offsets=[0, 2**40]), bytes(16)), "not a readable safetensors file"),
        (_packed(_one(data_offsets=[8, 24]), bytes(24)), "not a readable safetensors file"),
        (_packed(_one(), bytes(15)), "not a readable safetensors file"),
        (_packed({f"out_{i}": {} for i in range(300)}), "at most 256 arrays"),
    ],
)
def test_safetensors_that_are_refused(data, words):
    pytest.importorskip("safetensors")
    assert words in _refused(read_safetensors, data)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"\xff{}", "not UTF-8 at byte 0"),
        (b"{", "not valid JSON"),
        (b"[" * 100_000, f"nested deeper than {NESTING}"),
        (b'{"a":' * 100_000, f"nested deeper than {NESTING}"),
        (b'["\\\\\\"", ' + b"[" * 50, "nested deeper"),
        (b'{"a": 1, "a": 2}', "occurs twice"),
        (b"[NaN]", "NaN is not a number"),
        (b"[-Infinity]", "is not a number"),
        (b"[1e999]", "too large"),
        (b"[1e" + b"9" * 1000 + b"]", "too large"),
        (b"[" + b"9" * 100_000 + b"]", "a whole number of 100000 digits"),
        (b'["\x00"]', "not valid JSON"),
    ],
)
def test_json_that_is_refused(data, words):
    assert words in _refused(parse_json, data)


def test_brackets_in_strings_are_text():
    assert parse_json(b'{"a": "[[[[[[[[[[[[[[[[[[[[\\"[[[[[", "b": [1.5, 2]}', "file")["b"] == [
        1.5,
        2,
    ]


def test_only_regular_files_inside_of_the_folder_are_opened(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "sub").mkdir()
    (folder / "large").write_bytes(bytes(11))
    os.mkfifo(folder / "pipe")
    for name, words in (
        ("link", "leads out of the folder"),
        ("../outside", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("loop", ""),
        ("sub", "not a regular file"),
        ("pipe", "not a regular file"),
        ("none", "No such file"),
        ("nul\0", "null"),
        ("x" * 5000, "too long"),
        ("large", "11 bytes; at most 10 are read"),
    ):
        with pytest.raises(BrokenFile) as caught:
            read_limited(folder, name, 10)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"files": {"../../x.npz": {"bytes": 1, "sha256": "0" * 64}}}, "not '../../x.npz'"),
        ({"files": {"/etc/passwd": {"bytes": 1, "sha256": "0" * 64}}}, "not '/etc/passwd'"),
        ({"files": {"a.b/../x": {"bytes": 1, "sha256": "0" * 64}}}, "not 'a.b/../x'"),
        ({"files": {"a.b/..": {"bytes": 1, "sha256": "0" * 64}}}, "not 'a.b/..'"),
        ({"files": {"a.b/x.npz": {"bytes": -1, "sha256": "0" * 64}}}, '"bytes" and "sha256"'),
        ({"files": {"a.b/x.npz": {"bytes": 1, "sha256": "x"}}}, '"bytes" and "sha256"'),
        ({"files": {"a.b/x.npz": []}}, '"bytes" and "sha256"'),
        ({"files": []}, '"files": an object'),
        ({"methods": ["a/b"]}, '"methods"'),
        ({"methods": 3}, '"methods"'),
        ({"cases": [[1]]}, '"cases"'),
        ({"cases": ["a.b/../../c@0~00000000"]}, '"cases"'),
        ({"seed": True}, '"seed"'),
        ({"seed": -1}, '"seed"'),
        ({"seed": 2**64}, '"seed"'),
        ({"seed": 1.5}, '"seed"'),
        ({"refimpl": "x" * 1000}, '"refimpl"'),
        ({"container": "pickle"}, '"container"'),
        ({"format": "refimpl-vectors/2"}, '"format"'),
    ],
)
def test_manifests_that_are_refused(tmp_path, changes, words):
    good = {
        "format": "refimpl-vectors/1",
        "refimpl": "0.1.0",
        "seed": 0,
        "container": "npz",
        "methods": ["a.b"],
        "cases": ["a.b/c@0~00000000"],
        "files": {"a.b/c.npz": {"bytes": 1, "sha256": "0" * 64}},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(good))
    assert read_manifest(tmp_path).files["a.b/c.npz"].bytes == 1
    path.write_text(json.dumps(good | changes))
    with pytest.raises(BrokenFile) as caught:
        read_manifest(tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hostile_file_among_good_ones_is_one_finding_that_names_it(folder):
    path, run = folder
    case = path / "toy.soft_pool" / "n1.npz"
    os.remove(case)
    os.mkfifo(case)
    status, out, _ = run("check", str(path), "--level", "values,edge")
    assert status == 1
    assert "n1.npz: not a regular file" in spaces(out)
    assert "FAIL 1/1" in out


def test_a_manifest_that_is_a_link_to_elsewhere_is_refused(folder, tmp_path):
    path, run = folder
    shutil.move(path / "manifest.json", tmp_path / "moved.json")
    (path / "manifest.json").symlink_to(tmp_path / "moved.json")
    status, out, _ = run("check", str(path))
    assert status == 1
    assert "manifest.json: leads out of the folder" in spaces(out)


def test_names_of_files_cannot_break_lines_or_the_terminal(folder):
    path, run = folder
    for name in ("a\nb.npz", "\x1b[31m.npz", "\udcff.npz"):
        (path / "toy.soft_pool" / name).write_bytes(b"")
    for command in (("check", str(path), "--level", "edge"), ("vectors", str(path), "--verify")):
        status, out, _ = run(*command)
        assert status == 1
        assert "\x1b" not in out
        assert "a\nb" not in out
        assert "a b.npz" in out
        out.encode("utf-8")


def test_very_many_strays_are_counted_and_not_listed(folder):
    path, run = folder
    for number in range(300):
        (path / f"stray{number}.npz").write_bytes(b"")
    status, out, _ = run("check", str(path), "--level", "edge")
    assert status == 1
    assert "and 280 more files without a meaning" in out


def test_broken_links_in_place_of_lists_are_findings(folder):
    path, run = folder
    for name in ("manifest.json", "unsupported.txt"):
        (path / name).unlink()
        (path / name).symlink_to(path / "nowhere")
        status, out, _ = run("check", str(path))
        assert status == 1
        assert f"{name}: " in spaces(out)
