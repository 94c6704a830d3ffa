"""A folder of vectors against its manifest: what is missing, changed, or not listed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..selection import Progress
from .layout import MANIFEST
from .limits import JSON, BrokenFile, parse_json, read_limited
from .manifest import Listed, read_manifest
from .npz import read_npz
from .packed import read_safetensors

LISTING = 100_000  # files of a folder that are looked at
READERS = {".npz": read_npz, ".safetensors": read_safetensors}


def verify(folder: Path, progress: Progress = lambda items, label: items) -> list[str]:
    """One line for everything that is wrong; none for a folder that is as it was written."""
    try:
        files = read_manifest(folder).files
    except BrokenFile as error:
        return [str(error)]
    wrong = []
    for name, listed in progress(list(files.items()), "verify"):
        try:
            _check(folder, name, listed)
        except BrokenFile as error:
            wrong.append(str(error))
    known = {MANIFEST, *files}
    strays = (BrokenFile(folder / name, "not in the manifest") for name in walk(folder, known))
    return wrong + [str(stray) for stray in strays]


def _check(folder: Path, name: str, listed: Listed) -> None:
    """BrokenFile when a listed file is not the one that was written, or cannot be read."""
    path, reader = folder / name, READERS.get(Path(name).suffix)
    data = read_limited(folder, name) if reader else read_limited(folder, name, JSON)
    if len(data) != listed.bytes:
        raise BrokenFile(path, f"{len(data)} bytes, {listed.bytes} in the manifest")
    if hashlib.sha256(data).hexdigest() != listed.sha256:
        raise BrokenFile(path, "its SHA-256 is not that of the manifest")
    if reader:
        reader(data, path)
    else:
        parse_json(data, path)


def read_arrays(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of one case file, npz or safetensors by its ending."""
    return READERS[Path(name).suffix](read_limited(folder, name), folder / name)


def walk(folder: Path, known: set[str]) -> Iterator[str]:
    """Paths of files in the folder and its subfolders that are not known; hidden ones are left."""
    seen = 0
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(top, name), folder).replace(os.sep, "/")
            seen += 1
            if seen > LISTING:
                return
            if path not in known and not name.startswith("."):
                yield path
