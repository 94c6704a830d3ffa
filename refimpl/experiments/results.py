"""The folder of an experiment: options, results, pictures, and the state of an unfinished run.

The state is written beside its place and moved there, so that an interrupted run can go on from a
whole one.
"""

from __future__ import annotations

import json
import os
import platform
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__

STATE, RESULTS = "state.npz", "results.json"


class Results:
    """Where an experiment writes. `state()` is what an interrupted run with the same options left.

    Raises ValueError if the folder holds an unfinished run with other options, or a damaged one.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any], *, restart: bool = False) -> None:
        self.folder, self._options = Path(folder), dict(options)
        self.folder.mkdir(parents=True, exist_ok=True)
        if restart:
            (self.folder / STATE).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """A file in the folder."""
        return self.folder / name

    def has_state(self) -> bool:
        """Whether an unfinished run has left something to go on from."""
        return (self.folder / STATE).exists()

    def state(self) -> dict[str, np.ndarray] | None:
        """The arrays that `keep` stored last, or None."""
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            options = json.loads(str(arrays.pop("options")))
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: not a whole state of a run ({error}); forget it with --restart"
            ) from error
        ours = json.loads(json.dumps(self._options))
        if options != ours:
            differing = sorted(k for k in {*ours, *options} if options.get(k) != ours.get(k))
            raise ValueError(
                f"{path}: an unfinished run with other options ({', '.join(differing)}); "
                "finish it, choose another --out, or forget it with --restart"
            )
        print(f"going on from {path}")
        return arrays

    def keep(self, **arrays: Any) -> None:
        """Store arrays for `state`."""
        path, fresh = self.folder / STATE, self.folder / f"{STATE}.new.npz"
        np.savez(fresh, options=np.asarray(json.dumps(self._options)), **arrays)
        os.replace(fresh, path)

    def finish(self, found: Mapping[str, Any], seconds: float) -> None:
        """Write the results with what they were made with, and drop the state."""
        record = {
            "options": self._options,
            "results": dict(found),
            "seconds": round(seconds, 2),
            "date": time.strftime("%Y-%m-%d"),
            "versions": {
                "refimpl": __version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }
        (self.folder / RESULTS).write_text(json.dumps(record, indent=1, default=float) + "\n")
        (self.folder / STATE).unlink(missing_ok=True)
