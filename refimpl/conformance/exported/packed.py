"""The arrays of a safetensors file that somebody else wrote, read by the package of that name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .layout import ARRAY
from .limits import ARRAYS, HEADER, BrokenFile, parse_json
from .npz import as_array

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}


def read_safetensors(data: bytes, path: Path | str) -> dict[str, np.ndarray]:
    """The arrays by name. BrokenFile for anything else; ImportError without the package."""
    try:
        from safetensors import SafetensorError, deserialize
    except ImportError as error:
        why = "safetensors is not installed: pip install 'refimpl[safetensors]'"
        raise ImportError(why) from error
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(HEADER, len(data) - 8):
        raise BrokenFile(path, "not a safetensors file: its header is cut off or too long")
    header = parse_json(data[8 : 8 + length], path)  # within our limits before it is parsed again
    if not isinstance(header, dict) or len(header) > ARRAYS:
        raise BrokenFile(path, f"expected a header with at most {ARRAYS} arrays")
    for name, about in header.items():
        if name != "__metadata__" and not ARRAY.fullmatch(name):
            raise BrokenFile(path, f"array {name[:80]!r}: expected names like out_NAME")
        dtype = about.get("dtype") if isinstance(about, dict) else None
        if name != "__metadata__" and not (isinstance(dtype, str) and dtype in _DTYPES):
            raise BrokenFile(path, f"dtype {dtype!r} of {name}")
    try:
        found = deserialize(data)
    except (SafetensorError, OverflowError, ValueError) as error:
        raise BrokenFile(path, f"not a readable safetensors file: {error}") from error
    return {
        name: as_array(bytes(t["data"]), _DTYPES[t["dtype"]], tuple(t["shape"]), False, path)
        for name, t in found
    }
