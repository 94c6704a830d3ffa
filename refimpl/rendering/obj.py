"""Wavefront OBJ files: vertices, faces, vertex colours, and materials with texture images.

Polygons become fans of triangles. Texture images are sampled at the centres of the texels of each
face. Reading needs no further package; `load_mesh` takes other formats through trimesh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..validation import whole
from .atlas import texture_atlas
from .mesh import Mesh
from .texels import sample_image, texel_positions

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
    current: str = ""

    def read(self, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        if kind == "v":
            self.vertices.append([float(w) for w in rest])
            if len(rest) < 3:
                raise ValueError("a vertex needs 3 coordinates")
        elif kind == "vt":
            self.uv.append([float(w) for w in rest[:2]])
        elif kind == "usemtl":
            self.current = rest[0] if rest else ""
        elif kind == "mtllib":
            self.libraries.append(" ".join(rest))
        elif kind == "f":
            corners = [self._corner(w) for w in rest]
            if len(corners) < 3:
                raise ValueError("a face needs 3 corners")
            for j in range(1, len(corners) - 1):
                self.corners.append((corners[0], corners[j], corners[j + 1]))
                self.materials.append(self.current)

    def _corner(self, word: str) -> Corner:
        parts = word.split("/")
        uv = self._number(parts[1], len(self.uv)) if len(parts) > 1 and parts[1] else -1
        return self._number(parts[0], len(self.vertices)), uv

    @staticmethod
    def _number(word: str, known: int) -> int:
        """Numbers count from 1; negative ones from the end of what has been read."""
        number = int(word)
        index = number - 1 if number > 0 else known + number
        if number == 0 or not 0 <= index < known:
            raise ValueError(f"number {number} of {known}")
        return index


def parse_obj(text: str) -> ObjFile:
    """Read the text of an OBJ file. Lines that are not about triangles are skipped.

    Raises ValueError with the line number for what cannot be read, and for numbers out of range.

    >>> parse_obj("v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nv 1 1 0\\nf 1 2 4 3").faces
    array([[0, 1, 3],
           [0, 3, 2]])
    """
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            reader.read(words)
        except (ValueError, IndexError) as error:
            raise ValueError(f"line {number}, {line.strip()!r}: {error}") from None
    rows = reader.vertices
    points = np.array([row[:3] for row in rows], dtype=np.float64).reshape(-1, 3)
    coloured = bool(rows) and all(len(row) >= 6 for row in rows)
    colours = np.array([row[3:6] for row in rows]) if coloured else None
    uv = np.array(reader.uv, dtype=np.float64).reshape(-1, 2)
    return ObjFile(points, colours, uv, reader.corners, reader.materials, reader.libraries)


def parse_mtl(text: str) -> dict[str, Material]:
    """Materials by name: Kd and map_Kd of each newmtl."""
    found: dict[str, Material] = {}
    name = ""
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        known = found.get(name, Material())
        if words[0] == "newmtl":
            name = words[1] if len(words) > 1 else ""
            found[name] = Material()
        elif words[0] == "Kd":
            red, green, blue = (float(w) for w in words[1:4])
            found[name] = Material((red, green, blue), known.image)
        elif words[0] == "map_Kd":
            found[name] = Material(known.colour, words[-1])
    return found


def normalised_vertices(vertices: np.ndarray) -> np.ndarray:
    """Centred, with the longest side of the bounding box from -1 to 1."""
    if not len(vertices):
        return vertices
    moved = vertices - vertices.min(axis=0)
    largest = np.abs(moved).max()
    moved = moved / (largest if largest > 0 else 1.0) * 2
    return moved - moved.max(axis=0) / 2


def surface_textures(
    obj: ObjFile,
    materials: Mapping[str, Material],
    images: Mapping[str, np.ndarray],
    resolution: int,
) -> np.ndarray:
    """Texels (F, R^2, 3): white, the material's colour, or its image under the texture coordinates.

    images: by file name, (H, W, 3) in [0, 1], the first row on top.
    """
    R = whole(resolution, "resolution", minimum=1)
    textures = np.ones((len(obj.corners), R * R, 3))
    uv = obj.face_uv
    for face, name in enumerate(obj.materials):
        material = materials.get(name)
        if material is None:
            continue
        textures[face] = material.colour
        image = images.get(material.image) if material.image else None
        if image is not None and np.isfinite(uv[face]).all():
            textures[face] = sample_image(image, texel_positions(R) @ uv[face])
    return textures


def load_obj(
    path: str | Path,
    *,
    normalise: bool = False,
    textures: str | None = None,
    resolution: int = 4,
    read_image: Callable[[Path], np.ndarray] | None = None,
) -> Mesh:
    """A mesh from an OBJ file.

    normalise    centre it and scale its longest side to [-1, 1]
    textures     None, "vertex" (colours in the vertex lines) or "surface" (materials and images)
    resolution   R of surface textures
    read_image   reads an image file as (H, W, 3) in [0, 1]; Pillow by default

    Raises ValueError for files that cannot be read, naming file and line.
    """
    path = Path(path)
    try:
        obj = parse_obj(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    vertices = normalised_vertices(obj.vertices) if normalise else obj.vertices
    if textures is None:
        return Mesh(vertices, obj.faces)
    if textures == "vertex":
        if obj.colours is None:
            raise ValueError(f"{path}: the vertices have no colours")
        return Mesh(vertices, obj.faces, obj.colours, "vertex")
    materials: dict[str, Material] = {}
    for name in obj.libraries:
        materials.update(parse_mtl((path.parent / name).read_text(encoding="utf-8")))
    read = read_image or _read_with_pillow
    names = {m.image for m in materials.values() if m.image}
    images = {name: read(path.parent / name) for name in names}
    return Mesh(vertices, obj.faces, surface_textures(obj, materials, images, resolution))


def format_obj(
    name: str, vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray | None = None
) -> str:
    """The text of an OBJ file called `name`; with uv (F, 3, 2) it uses the material material_1."""
    lines = [f"# {name}", "#", ""]
    if uv is not None:
        lines += [f"mtllib {Path(name).with_suffix('.mtl').name}", ""]
    lines += ["v {:.8f} {:.8f} {:.8f}".format(*v) for v in vertices]
    lines.append("")
    if uv is None:
        lines += ["f {} {} {}".format(*(f + 1)) for f in np.asarray(faces)]
        return "\n".join(lines) + "\n"
    lines += ["vt {:.8f} {:.8f}".format(*t) for t in uv.reshape(-1, 2)]
    lines += ["", "usemtl material_1"]
    for i, face in enumerate(np.asarray(faces)):
        lines.append("f " + " ".join(f"{v + 1}/{3 * i + k + 1}" for k, v in enumerate(face)))
    return "\n".join(lines) + "\n\n"


def save_obj(path: str | Path, mesh: Mesh, *, tile: int = 16) -> None:
    """Write a mesh; with surface textures also a material file and a PNG atlas (Pillow needed).

    Vertex colours become three further numbers of the vertex lines.
    """
    path = Path(path)
    vertices, faces = np.asarray(mesh.vertices), mesh.faces
    if vertices.ndim != 2:
        raise ValueError(f"mesh: expected one mesh, vertices (V, 3), got {vertices.shape}")
    if mesh.textures is not None and mesh.texture_type == "vertex":
        vertices = np.concatenate([vertices, np.asarray(mesh.textures)], axis=1)
        lines = [f"# {path.name}", "#", ""]
        lines += ["v " + " ".join(f"{c:.8f}" for c in v) for v in vertices]
        lines += ["", *("f {} {} {}".format(*(f + 1)) for f in faces)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    if mesh.textures is None:
        path.write_text(format_obj(path.name, vertices, faces), encoding="utf-8")
        return
    image, uv = texture_atlas(np.asarray(mesh.textures), tile)
    path.write_text(format_obj(path.name, vertices, faces, uv), encoding="utf-8")
    picture = path.with_suffix(".png")
    path.with_suffix(".mtl").write_text(
        f"newmtl material_1\nmap_Kd {picture.name}\n", encoding="utf-8"
    )
    from .pictures import write_png

    write_png(picture, image)


def load_mesh(path: str | Path) -> Mesh:
    """A mesh without textures from any format that trimesh reads (PLY, STL, glTF, ...).

    Raises ImportError with what to install if trimesh is missing.
    """
    try:
        import trimesh
    except ImportError:
        raise ImportError(
            "load_mesh needs trimesh; install it with: pip install 'refimpl[meshes]'"
        ) from None
    found = trimesh.load(str(path), force="mesh", process=False)
    return Mesh(np.asarray(found.vertices, dtype=np.float64), np.asarray(found.faces))


def _read_with_pillow(path: Path) -> np.ndarray:
    from .pictures import read_image

    return read_image(path)
