"""The arrays of an npz file that somebody else wrote.

A zip archive of npy members, stored or deflated, each named `PREFIX_NAME.npy` (see `layout`), once.
Numbers and truth values only: nothing is unpickled, and no header is evaluated as Python.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .layout import ARRAY
from .limits import ARRAYS, FILE, RATIO, SMALL, BrokenFile

_DTYPE = re.compile("[<>|=]?(f[248]|[iu][1248]|b1)")
_HEADER = re.compile(
    r"""\s*\{\s*
    (?=[^}]*['"]descr['"]\s*:\s*['"](?P<descr>[^'"]{1,20})['"])
    (?=[^}]*['"]fortran_order['"]\s*:\s*(?P<fortran>True|False))
    (?=[^}]*['"]shape['"]\s*:\s*\((?P<shape>[0-9,\s]*)\))
    [^{}]*\}\s*""",
    re.VERBOSE,
)
_MAGIC = b"\x93NUMPY"
_DIMENSIONS = 32
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def read_npz(data: bytes, path: Path | str) -> dict[str, np.ndarray]:
    """The arrays by name, in the machine's byte order. BrokenFile for anything that is not one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, path)
            return {m.filename[:-4]: _array(archive, m, path) for m in members}
    except _DAMAGE as error:
        raise BrokenFile(path, f"not a readable npz file: {error}") from error
    except (KeyError, IndexError, AttributeError, zipfile.LargeZipFile) as error:
        raise BrokenFile(path, "not a readable npz file") from error


def _check_members(members: list[zipfile.ZipInfo], path: Path | str) -> None:
    """BrokenFile for what the directory of the archive alone shows to be wrong."""
    if len(members) > ARRAYS:
        raise BrokenFile(path, f"{len(members)} members; at most {ARRAYS} are read")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if not (name.endswith(".npy") and ARRAY.fullmatch(name[:-4])):
            raise BrokenFile(path, f"member {name[:80]!r}: expected names like out_NAME.npy")
        if name in seen:
            raise BrokenFile(path, f"member {name} occurs twice")
        seen.add(name)
        if member.flag_bits & 1:
            raise BrokenFile(path, f"member {name} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BrokenFile(path, f"member {name}: expected it to be stored or deflated")
        size, packed = member.file_size, member.compress_size
        if size > SMALL and size > RATIO * packed:
            raise BrokenFile(path, f"member {name}: {packed} bytes that claim to hold {size}")
    total = sum(member.file_size for member in members)
    if total > FILE:
        raise BrokenFile(path, f"{total} bytes when unpacked; at most {FILE} are read")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path | str) -> np.ndarray:
    with archive.open(member) as stream:
        data = stream.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise BrokenFile(path, f"member {member.filename} is cut off")
    return parse_npy(data, f"{path}, {member.filename}")


def parse_npy(data: bytes, path: Path | str) -> np.ndarray:
    """The array of an npy file."""
    if not data.startswith(_MAGIC) or len(data) < 12 or data[6] not in (1, 2, 3):
        raise BrokenFile(path, "not an npy file of version 1, 2 or 3")
    width = 2 if data[6] == 1 else 4
    start = 8 + width
    end = start + int.from_bytes(data[8:start], "little")
    if end > len(data) or end - start > 10_000:
        raise BrokenFile(path, f"a header of {end - start} bytes in {len(data)}")
    found = _HEADER.fullmatch(data[start:end].decode("latin-1"))
    if not found:
        raise BrokenFile(path, "a header without descr, fortran_order and shape")
    if not _DTYPE.fullmatch(found["descr"]):
        why = "expected floating, whole or truth values of a fixed size; nothing is unpickled"
        raise BrokenFile(path, f"dtype {found['descr']!r}: {why}")
    shape = _shape(found["shape"], path)
    return as_array(data[end:], found["descr"], shape, found["fortran"] == "True", path)


def _shape(text: str, path: Path | str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    sizes = [part for part in parts if part]
    if len(sizes) > _DIMENSIONS or not all(s.isdigit() and len(s) <= 18 for s in sizes):
        raise BrokenFile(path, f"shape ({text[:60]})")
    return tuple(map(int, sizes))


def as_array(
    data: bytes, descr: str, shape: tuple[int, ...], fortran: bool, path: Path | str
) -> np.ndarray:
    """The numbers in the machine's byte order; their count must be that of the shape."""
    dtype = np.dtype(descr)
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != len(data):
        raise BrokenFile(path, f"shape {shape} of {dtype} needs {wanted} bytes, not {len(data)}")
    if dtype.kind == "b" and data.translate(None, b"\0\1"):
        raise BrokenFile(path, "truth values other than 0 and 1")
    if math.prod(size for size in shape if size) > FILE:  # of an empty array
        raise BrokenFile(path, f"shape {shape}")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
