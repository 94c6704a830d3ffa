"""The text of Wavefront OBJ files and of their material libraries.

Polygons become fans of triangles; lines that are not about triangles are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

Corner = tuple[int, int]  # vertex and texture-coordinate numbers, from 0; -1 for none


@dataclass
class ObjFile:
    """What a file says: vertices (V, 3), colours (V, 3) or None, uv (T, 2), triangles of corners,
    and the material of each triangle.
    """

    vertices: np.ndarray
    colours: np.ndarray | None
    uv: np.ndarray
    corners: list[tuple[Corner, Corner, Corner]]
    materials: list[str]
    libraries: list[str]

    @property
    def faces(self) -> np.ndarray:
        return np.array([[v for v, _ in c] for c in self.corners], dtype=np.int64).reshape(-1, 3)

    @property
    def face_uv(self) -> np.ndarray:
        """(F, 3, 2); faces without texture coordinates have NaN."""
        padded = np.concatenate([self.uv.reshape(-1, 2), np.full((1, 2), np.nan)])
        rows = [[t for _, t in c] for c in self.corners]
        return padded[np.array(rows, dtype=np.int64).reshape(-1, 3)]


@dataclass(frozen=True)
class Material:
    """A colour, and the file name of an image or None."""

    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    image: str | None = None


@dataclass
class _Reader:
    vertices: list[list[float]] = field(default_factory=list)
    uv: list[list[float]] = field(default_factory=list)
    corners: list[tuple[Corner, Corner, Corner]] = field(default_factory=list)
    materials: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    current: str = ""

    def read(self, words: list[str], line: int) -> None:
        kind, rest = words[0], words[1:]
        if kind == "v":
            self.vertices.append(_numbers(rest, 3))
        elif kind == "vt":
            self.uv.append(_numbers(rest, 2)[:2])
        elif kind == "usemtl":
            self.current = " ".join(rest)
        elif kind == "mtllib":
            self.libraries.append(" ".join(rest))
        elif kind == "f":
            corners = [self._corner(w) for w in rest]
            if len(corners) < 3:
                raise ValueError("a face needs 3 corners")
            for j in range(1, len(corners) - 1):
                self.corners.append((corners[0], corners[j], corners[j + 1]))
                self.materials.append(self.current)
                self.lines.append(line)

    def _corner(self, word: str) -> Corner:
        parts = word.split("/")
        uv = self._number(parts[1], len(self.uv)) if len(parts) > 1 and parts[1] else -1
        return self._number(parts[0], len(self.vertices)), uv

    @staticmethod
    def _number(word: str, known: int) -> int:
        """Numbers count from 1; negative ones from the end of what has been read."""
        number = int(word)
        index = number - 1 if number > 0 else known + number
        if number == 0 or index < 0:
            raise ValueError(f"number {number} of {known}")
        return index

    def check(self) -> None:
        """Whether what the faces name exists; a face may stand before its vertices."""
        for line, corners in zip(self.lines, self.corners, strict=True):
            for v, t in corners:
                if v >= len(self.vertices):
                    raise ValueError(f"line {line}: vertex {v + 1} of {len(self.vertices)}")
                if t >= len(self.uv):
                    raise ValueError(f"line {line}: texture coordinate {t + 1} of {len(self.uv)}")


def _numbers(words: Sequence[str], count: int) -> list[float]:
    found = [float(w) for w in words]
    if len(found) < count:
        raise ValueError(f"expected {count} coordinates, got {len(found)}")
    if not np.isfinite(found).all():
        raise ValueError("expected finite numbers")
    return found


def _statements(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Line number, words and line of each statement; a backslash at the end joins two lines."""
    start, joined = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        joined += line.split("#")[0].rstrip()
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        if joined.split():
            yield start, joined.split(), joined.strip()
        start, joined = 0, ""


def parse_obj(text: str) -> ObjFile:
    """Read the text of an OBJ file. Lines that are not about triangles are skipped.

    Raises ValueError with the line number for what cannot be read, numbers that are not finite, and
    faces whose vertices do not exist.

    >>> parse_obj("v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nv 1 1 0\\nf 1 2 4 3").faces
    array([[0, 1, 3],
           [0, 3, 2]])
    """
    if "\0" in text:
        raise ValueError("not a text file")
    reader = _Reader()
    for number, words, line in _statements(text):
        try:
            reader.read(words, number)
        except ValueError as error:
            raise ValueError(f"line {number}, {line!r:.80}: {error}") from None
    reader.check()
    rows = reader.vertices
    points = np.array([row[:3] for row in rows], dtype=np.float64).reshape(-1, 3)
    coloured = bool(rows) and all(len(row) >= 6 for row in rows)
    colours = np.array([row[3:6] for row in rows]) if coloured else None
    uv = np.array(reader.uv, dtype=np.float64).reshape(-1, 2)
    return ObjFile(points, colours, uv, reader.corners, reader.materials, reader.libraries)


def parse_mtl(text: str) -> dict[str, Material]:
    """Materials by name: Kd and map_Kd of each newmtl.

    Raises ValueError with the line number for what cannot be read.

    >>> parse_mtl("newmtl red\\nKd 1 0 0")
    {'red': Material(colour=(1.0, 0.0, 0.0), image=None)}
    """
    found: dict[str, Material] = {}
    name = None
    for number, words, line in _statements(text):
        if words[0] == "newmtl":
            name = " ".join(words[1:])
            found[name] = Material()
        if words[0] not in ("Kd", "map_Kd"):
            continue
        try:
            if name is None:
                raise ValueError("there is no newmtl before it")
            known = found[name]
            if words[0] == "Kd":
                red, green, blue = _numbers(words[1:4], 3)
                found[name] = Material((red, green, blue), known.image)
            elif len(words) < 2:
                raise ValueError("expected the name of an image")
            else:
                image = " ".join(words[1:]) if words[1][0] != "-" else words[-1]
                found[name] = Material(known.colour, image)
        except ValueError as error:
            raise ValueError(f"line {number}, {line!r:.80}: {error}") from None
    return found
