"""Writing a folder of vectors: the files of all cases, an index per method, and the manifest.

The manifest is written last, so that a folder without one is known to be incomplete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from refimpl import __version__
from refimpl.spec import Entry

from ..at_case import quiet
from ..loading import UsageError
from ..selection import Progress
from .containers import WRITERS
from .layout import FORMAT, INDEX, MANIFEST, SCHEMA, file_of, schema_text
from .limits import FILE, BrokenFile
from .manifest import read_manifest
from .tensors import case_record, method_record, tensors

Put = Callable[[str, bytes], None]


def write_vectors(
    folder: Path,
    entries: Iterable[Entry],
    *,
    seed: int = 0,
    container: str = "npz",
    force: bool = False,
    progress: Progress = lambda items, label: items,
) -> dict[str, Any]:
    """Write the cases of the entries; the manifest.

    UsageError when the folder holds something already, unless `force` is set; then the files that
    its manifest lists are replaced, and what is not of ours is left alone.
    """
    chosen, files = list(entries), {}
    stale = _prepare(folder, force)

    def put(path: str, data: bytes) -> None:
        target = folder / path
        if target.parent.is_symlink() or target.is_symlink():
            raise UsageError(f"{target}: a link; nothing is written through links")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        files[path] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    put(SCHEMA, schema_text().encode())
    ids: list[str] = []
    with quiet():
        for entry in progress(chosen, "vectors"):
            ids += _write_method(put, entry, seed, container)
    manifest = {
        "format": FORMAT,
        "refimpl": __version__,
        "seed": seed,
        "container": container,
        "methods": [entry.name for entry in chosen],
        "cases": ids,
        "files": dict(sorted(files.items())),
    }
    (folder / MANIFEST).write_bytes(as_json(manifest))
    for path in stale - set(files):
        (folder / path).unlink(missing_ok=True)
    return manifest


def _write_method(put: Put, entry: Entry, seed: int, container: str) -> list[str]:
    """One method: its cases, then its index; the ids of the cases."""
    cases, records = entry.generate(seed), []
    for case in cases:
        arrays, checks = tensors(entry, case, seed)
        path = file_of(entry.name, case.name, container)
        data = WRITERS[container](arrays)
        if len(data) > FILE:
            raise ValueError(f"{path}: {len(data)} bytes; at most {FILE} would be read again")
        put(path, data)
        records.append(case_record(entry, case, seed, path, arrays, checks))
    index = {"format": FORMAT, **method_record(entry, cases), "cases": records}
    put(f"{entry.name}/{INDEX}", as_json(index))
    return [record["id"] for record in records]


def as_json(value: dict[str, Any]) -> bytes:
    """JSON in ASCII, one line for each key, and for each item of lists and objects below it."""
    lines = [f"{_dumps(key)}: {_spread(item)}" for key, item in value.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def _spread(item: Any) -> str:
    if isinstance(item, dict) and item:
        return "{\n " + ",\n ".join(f"{_dumps(k)}: {_dumps(v)}" for k, v in item.items()) + "\n}"
    if isinstance(item, list) and item:
        return "[\n " + ",\n ".join(map(_dumps, item)) + "\n]"
    return _dumps(item)


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _prepare(folder: Path, force: bool) -> set[str]:
    """Make the folder; the files of an earlier run in it, when they may be replaced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    if not used:
        return set()
    if not force:
        raise UsageError(f"{folder} is not empty: choose another folder, or replace with --force")
    try:
        stale = set(read_manifest(folder).files)
    except BrokenFile:  # an earlier run that was interrupted, or none
        return set()
    (folder / MANIFEST).unlink()
    return stale
