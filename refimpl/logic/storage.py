"""Reading npz files that may be damaged, or something else altogether."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np


def read_npz(path: str | Path, kind: str) -> dict[str, np.ndarray]:
    """All arrays but `format`, which must be `kind`; no pickled objects.

    Raises ValueError that names the file when it is damaged or of another kind, and the usual
    OSError when it cannot be read.
    """
    try:
        with open(path, "rb") as stream, zipfile.ZipFile(stream):  # an npz file is a zip file
            stream.seek(0)
            stored = np.load(stream, allow_pickle=False)
            held = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path}: not a readable npz file: {error}") from error
    found = held.pop("format", None)
    if found is None or str(found) != kind:
        raise ValueError(f"{path}: expected a file of the kind {kind!r}, got {found!s:.60}")
    return held
