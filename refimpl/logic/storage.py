"""Reading npz files that may be damaged, or something else altogether."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np


def read_npz(path: str | Path, kind: str) -> dict[str, np.ndarray]:
    """All arrays but `format`, which must be `kind`; no pickled objects.

    Raises ValueError that names the file when it is damaged or of another kind, and the usual
    OSError when it cannot be read.
    """
    content = io.BytesIO(Path(path).read_bytes())
    try:
        with zipfile.ZipFile(content):  # an npz file is a zip file
            content.seek(0)
            stored = np.load(content, allow_pickle=False)
            held = {name: stored[name] for name in stored.files}
    except Exception as error:  # damage shows as any of a dozen kinds, down to "encrypted" files
        raise ValueError(f"{path}: not a readable npz file: {error}") from error
    found = held.pop("format", None)
    if found is None or str(found) != kind:
        raise ValueError(f"{path}: expected a file of the kind {kind!r}, got {found!s:.60}")
    return held
