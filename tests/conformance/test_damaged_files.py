"""Fuzzing: files with damaged bytes are read or refused in one line; no traceback."""

import io
import json
import struct
import tracemalloc

import numpy as np
import pytest
from case_arrays import ARRAYS
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.conformance.exported.containers import npz, safetensors
from refimpl.conformance.exported.limits import FILE, BrokenFile, parse_json
from refimpl.conformance.exported.manifest import read_manifest
from refimpl.conformance.exported.npz import parse_npy, read_npz
from refimpl.conformance.exported.packed import read_safetensors


def _mutated(data, rng):
    """Some bytes changed, cut out, doubled, or set to what numbers overflow at."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at, length = int(rng.integers(0, max(1, len(changed)))), int(rng.integers(1, 40))
        kind = rng.integers(0, 6)
        if kind == 0:
            changed[at : at + 1] = bytes([int(rng.integers(0, 256))])
        elif kind == 1:
            changed[at : at + 4] = rng.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"]
            )
        elif kind == 2:
            del changed[at : at + length]
        elif kind == 3:
            changed[at:at] = changed[at : at + length]
        elif kind == 4:
            del changed[at:]
        elif changed:
            changed[at % len(changed)] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def _survives(read, data, name="file"):
    refused, found = "", {}
    try:
        found = read(data, name)
    except BrokenFile as error:
        refused = str(error)
    assert refused.startswith(name) == bool(refused)
    assert "\n" not in refused
    arrays = found.values() if isinstance(found, dict) else [found]
    assert all(a.nbytes <= FILE for a in arrays if isinstance(a, np.ndarray))
    return not refused


def _fuzz(read, data, seeds):
    tracemalloc.start()
    try:
        passed = sum(_survives(read, _mutated(data, np.random.default_rng(s))) for s in seeds)
        assert tracemalloc.get_traced_memory()[1] < 4 * FILE
    finally:
        tracemalloc.stop()
    assert passed < len(seeds)


def _deflated(arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


FORMS = {
    "stored": npz(ARRAYS),
    "deflated": _deflated(ARRAYS),
}


@pytest.mark.parametrize("form", FORMS)
def test_damaged_archives_are_read_or_refused(form):
    _fuzz(read_npz, FORMS[form], range(400))


def test_damaged_safetensors_are_read_or_refused():
    pytest.importorskip("safetensors")
    _fuzz(read_safetensors, safetensors(ARRAYS), range(400))


ODD = [None, True, -1, 1.5, 2**63, "", "x" * 1000, "../..", "a\nb", [], [[]], {}, {"a": 1}, [None]]


def _replaced(value, rng):
    """JSON with one value somewhere, or one key, replaced by something odd."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = list(value)[int(rng.integers(0, len(value)))]
        if rng.random() < 0.1:
            odd = str(ODD[int(rng.integers(0, len(ODD)))])
            return {odd if k == key else k: v for k, v in value.items()}
        return {**value, key: _replaced(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = int(rng.integers(0, len(value)))
        return [*value[:at], _replaced(value[at], rng), *value[at + 1 :]]
    return ODD[int(rng.integers(0, len(ODD)))]


def test_odd_values_in_headers_of_safetensors_are_refused_or_harmless():
    pytest.importorskip("safetensors")
    data = safetensors(ARRAYS)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    for seed in range(1000):
        text = json.dumps(_replaced(header, np.random.default_rng(seed))).encode()
        _survives(read_safetensors, struct.pack("<Q", len(text)) + text + data[8 + length :])


def test_odd_values_in_manifests_are_refused_or_harmless(folder):
    path, _ = folder
    manifest = json.loads((path / "manifest.json").read_text("ascii"))
    read = 0
    for seed in range(400):
        changed = _replaced(manifest, np.random.default_rng(seed))
        (path / "manifest.json").write_text(json.dumps(changed), "ascii")
        read += _survives(lambda _, __: vars(read_manifest(path)), b"", str(path))
    assert read < 100


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_very_many_damaged_archives_are_read_or_refused(form):
    _fuzz(read_npz, FORMS[form], range(1000, 40_000))


@pytest.mark.slow
def test_very_many_damaged_safetensors_are_read_or_refused():
    pytest.importorskip("safetensors")
    _fuzz(read_safetensors, safetensors(ARRAYS), range(1000, 40_000))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    _survives(read_npz, data)
    _survives(parse_json, data)
    _survives(parse_npy, b"\x93NUMPY\x01\x00" + data)


def _damage(path, run, seeds):
    whole = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    chosen = sorted(file for file in whole if file.suffix != ".npz" or "n3" in file.name)
    statuses = set()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        file = chosen[int(rng.integers(0, len(chosen)))]
        file.write_bytes(_mutated(whole[file], rng))
        status, out, _ = run("vectors", str(path), "--verify")
        assert (status, file.name in out) == (1, True) or file.name in (
            "manifest.json",
            "unsupported.txt",
        )
        statuses.add(run("check", str(path), "--case", "toy.soft_pool/*n3*")[0])
        file.write_bytes(whole[file])
    return statuses


def test_no_damage_to_a_folder_stops_the_commands(folder):
    assert _damage(*folder, range(40)) >= {0, 1}


@pytest.mark.slow
def test_no_damage_of_very_many_stops_the_commands(folder):
    assert _damage(*folder, range(1000, 2000)) >= {0, 1}
