"""Arrays as the bytes of an npz or a safetensors file: the same bytes for the same arrays.

An npz file is a zip archive with one npy file per array. Here its members are stored, not
compressed, little-endian, in C order and with a fixed date, so that thirty lines of C read it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive can hold
_UNIX = 3


def npz(arrays: Arrays) -> bytes:
    """An npz file, its members stored in the order given."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", _DATE)
            member.create_system = _UNIX  # or it would depend on the machine
            archive.writestr(member, _npy(array))
    return stream.getvalue()


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, portable(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def portable(array: np.ndarray) -> np.ndarray:
    """The array in C order and little-endian. TypeError for anything but numbers and truth."""
    kept = np.asarray(array, order="C")
    if kept.dtype.kind not in "fiub":
        raise TypeError(f"an array of dtype {kept.dtype}: expected numbers")
    return kept.astype(kept.dtype.newbyteorder("<"), copy=False)


def safetensors(arrays: Arrays) -> bytes:
    """A safetensors file. ImportError, with what to install, when the package is missing."""
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise ImportError(
            "safetensors is not installed: pip install 'refimpl[safetensors]'"
        ) from error
    return save({name: portable(array) for name, array in arrays.items()})


WRITERS: dict[str, Callable[[Arrays], bytes]] = {"npz": npz, "safetensors": safetensors}
