"""Files that others wrote: what is refused, before memory is taken for it.

Only regular files inside the folder are opened, at most so many bytes of them are read, and JSON
has limits on its size, its nesting, its numbers and its keys. What breaks a limit raises
`BrokenFile`, whose text is one line that names the file.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from ..faults import printable

MIB = 2**20
FILE = 4 * MIB  # of one case, in the file and unpacked
JSON = 8 * MIB
HEADER = 256 * 1024  # of a safetensors file
ARRAYS = 256  # of one case
NESTING = 16  # of JSON
RATIO = 100  # of packed members, where they are larger than SMALL
SMALL = 64 * 1024


class BrokenFile(Exception):  # noqa: N818
    """A file that is not what it should be; the text names it and says why, in one line."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(f"{printable(str(path))}: {printable(why)}")


def read_limited(root: Path, name: str, limit: int = FILE) -> bytes:
    """The bytes of the file `name` in the folder `root`. BrokenFile for anything but that."""
    path = root / name
    try:
        if root.resolve() not in path.resolve().parents:
            raise BrokenFile(path, "leads out of the folder")
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise BrokenFile(path, "not a regular file")
        if found.st_size > limit:
            raise BrokenFile(path, f"{found.st_size} bytes; at most {limit} are read")
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
        why = getattr(error, "strerror", None) or str(error)
        raise BrokenFile(path, why) from error
    if len(data) > limit:
        raise BrokenFile(path, f"more than {limit} bytes")
    return data


def parse_json(data: bytes, path: Path | str) -> Any:
    """JSON within the limits: no duplicate keys, no NaN, no number that a float cannot hold."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenFile(path, f"not UTF-8 at byte {error.start}") from error
    _check_nesting(text, path)
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise BrokenFile(path, f"not valid JSON: {error}") from error


def _check_nesting(text: str, path: Path | str) -> None:
    """BrokenFile when brackets nest deeper than NESTING. Those in strings do not count."""
    depth, inside = 0, False
    plain = text.replace("\\\\", "").replace('\\"', "")
    for part in plain.split('"'):
        if not inside:
            for character in part:
                if character in "[{":
                    depth += 1
                    if depth > NESTING:
                        raise BrokenFile(path, f"JSON nested deeper than {NESTING} levels")
                elif character in "]}":
                    depth -= 1
        inside = not inside


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:60]!r} occurs twice")
        found[key] = value
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text) if len(text) <= 400 else float("inf")
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:30]} is too large a number")
    return number
