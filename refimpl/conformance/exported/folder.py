"""A folder of results: what they are results of, and what in it has no meaning."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from refimpl import __version__
from refimpl.spec import Case, Entry, all_entries

from ..faults import printable
from ..loading import UsageError
from ..names import suggestion
from ..selection import Options
from .layout import CONTAINERS, MANIFEST
from .limits import MIB, BrokenFile, read_limited
from .manifest import read_manifest
from .verify import walk

UNSUPPORTED = "unsupported.txt"
SHOWN = 20  # files without a meaning that are named


@dataclass(frozen=True)
class Folder:
    """The results in a folder, and what they are results of.

    digests  of the cases that the vectors had, by METHOD/CASE; None without a manifest
    reasons  why results are missing, by pattern
    """

    path: Path
    seed: int
    digests: Mapping[str, str] | None = None
    writer: str = __version__
    reasons: Mapping[str, str] = field(default_factory=dict)

    def file(self, entry: Entry, case: Case) -> str | None:
        """The path of a result in the folder, if there is one. BrokenFile when there are two."""
        names = [f"{entry.name}/{case.name}.{container}" for container in CONTAINERS]
        found = [name for name in names if os.path.exists(self.path / name)]
        if len(found) > 1:
            other = found[1].rpartition(".")[2]
            raise BrokenFile(self.path / found[0], f"there is one in {other} as well: keep one")
        return found[0] if found else None

    def expects(self, entry: str, case: str) -> bool:
        """Whether the vectors had the case."""
        return self.digests is None or f"{entry}/{case}" in self.digests

    def reason(self, entry: str, case: str) -> str | None:
        """Why there is no result."""
        name = f"{entry}/{case}"
        return next((r for p, r in self.reasons.items() if fnmatch.fnmatchcase(name, p)), None)


def open_results(path: Path, options: Options) -> Folder:
    """The folder. UsageError when it holds no results, BrokenFile when its lists are broken."""
    for name in ("time_limit", "jobs", "function", "dtype", "device"):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')}: not for a folder of results")
    reasons = _reasons(path)
    if os.path.lexists(path / MANIFEST):
        manifest = read_manifest(path)
        if options.seed not in (0, manifest.seed):
            raise UsageError(f"--seed {options.seed}: the vectors have seed {manifest.seed}")
        digests = dict(identity.rpartition("~")[::2] for identity in manifest.cases)
        cases = {name.rpartition("@")[0]: value for name, value in digests.items()}
        return Folder(path, manifest.seed, cases, manifest.refimpl, reasons)
    if not any(os.path.isdir(path / name) for name in all_entries()):
        raise UsageError(
            f"{path} holds no results: expected a Python file, or a folder with files like "
            "sorting.soft_sort/single.npz (`refimpl vectors --help` says how to write them)"
        )
    return Folder(path, options.seed, reasons=reasons)


def _reasons(path: Path) -> dict[str, str]:
    """The patterns of `unsupported.txt` with their reasons. BrokenFile for a line without one."""
    file = path / UNSUPPORTED
    if not os.path.lexists(file):
        return {}
    try:
        lines = read_limited(path, UNSUPPORTED, MIB).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BrokenFile(file, f"not UTF-8 at byte {error.start}") from error
    found = {}
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = (part.strip() for part in line.partition(" #"))
            if not reason or "/" not in pattern:
                raise BrokenFile(file, f"line {number}: expected METHOD/CASE # REASON")
            found[pattern] = printable(reason)
    return found


def strays(folder: Folder) -> list[str]:
    """Results that belong to no method and no case: a name with a slip, or of another version."""
    entries = all_entries()
    cases = {
        name: [case.name for case in entry.generate(folder.seed)]
        for name, entry in entries.items()
        if os.path.isdir(folder.path / name)
    }
    known = {f"{m}/{case}.{c}" for m, names in cases.items() for case in names for c in CONTAINERS}
    endings = tuple(f".{container}" for container in CONTAINERS)
    found = [name for name in walk(folder.path, known) if name.endswith(endings)]
    lines = [str(BrokenFile(folder.path / name, _stray(name, cases))) for name in found[:SHOWN]]
    more = len(found) - SHOWN
    return lines + ([f"and {more} more files without a meaning"] if more > 0 else [])


def _stray(name: str, cases: Mapping[str, list[str]]) -> str:
    """Why a file has no meaning, and what may have been meant."""
    method, _, file = name.rpartition("/")
    case = file.rpartition(".")[0]
    if method not in cases:
        return f"no method is called {method!r}; {suggestion(method, all_entries())}"
    return f"{method} has no case {case!r}; {suggestion(case, cases[method])}"
