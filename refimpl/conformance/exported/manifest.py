"""The manifest of a folder: read without trusting it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .layout import CONTAINERS, FILE, FORMAT, MANIFEST, METHOD, SCHEMA
from .limits import JSON, BrokenFile, parse_json, read_limited

_ID = re.compile(rf"{METHOD.pattern}/[^/@~]{{1,150}}@[0-9]{{1,19}}~[0-9a-f]{{8}}")
_SUM = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Listed:
    """A file that the manifest lists."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Who wrote the vectors and from which seed, which cases there are, and all files.

    cases  METHOD/CASE@SEED~DIGEST, the digest that of the inputs and parameters
    """

    refimpl: str
    seed: int
    container: str
    methods: tuple[str, ...]
    cases: tuple[str, ...]
    files: dict[str, Listed]


def read_manifest(folder: Path) -> Manifest:
    """The manifest. BrokenFile where it is none, or names files that it must not."""
    path = folder / MANIFEST
    data = parse_json(read_limited(folder, MANIFEST, JSON), path)

    def wanted(condition: object, what: str) -> None:
        if not condition:
            raise BrokenFile(path, f"expected {what}")

    wanted(isinstance(data, dict), "an object")
    wanted(data.get("format") == FORMAT, f'"format": "{FORMAT}"')
    version, seed, container = (data.get(key) for key in ("refimpl", "seed", "container"))
    wanted(isinstance(version, str) and len(version) < 100, '"refimpl": a version')
    wanted(type(seed) is int and 0 <= seed < 2**63, '"seed": a whole number from 0')
    wanted(container in CONTAINERS, f'"container": one of {", ".join(CONTAINERS)}')
    methods, cases, files = (data.get(key) for key in ("methods", "cases", "files"))
    wanted(_texts(methods, METHOD), '"methods": a list of names')
    wanted(_texts(cases, _ID), '"cases": a list of METHOD/CASE@SEED~DIGEST')
    wanted(isinstance(files, dict), '"files": an object')
    listed = {}
    for name, about in files.items():
        wanted(name == SCHEMA or FILE.fullmatch(name), f"paths like METHOD/CASE.npz, not {name!r}")
        wanted(_is_listed(about), f'"bytes" and "sha256" of {name}')
        listed[name] = Listed(about["bytes"], about["sha256"])
    return Manifest(version, seed, container, tuple(methods), tuple(cases), listed)


def _texts(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, str) and pattern.fullmatch(item) for item in value
    )


def _is_listed(about: Any) -> bool:
    if not isinstance(about, dict) or set(about) != {"bytes", "sha256"}:
        return False
    size, digest = about["bytes"], about["sha256"]
    whole = type(size) is int and size >= 0
    return whole and isinstance(digest, str) and _SUM.fullmatch(digest) is not None
