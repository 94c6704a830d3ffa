"""Wavefront OBJ files: vertices, faces, vertex colours, and materials with texture images.

Polygons become fans of triangles. Texture images are sampled at the centres of the texels of each
face. Reading needs no further package; `load_mesh` takes other formats through trimesh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..autograd import to_numpy
from ..validation import choose, whole
from .atlas import texture_atlas
from .mesh import Mesh
from .obj_text import Material, ObjFile, parse_mtl, parse_obj
from .texels import sample_image, texel_positions


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

    Raises ValueError for files that cannot be read, naming file and line, and FileNotFoundError for
    the file, its material libraries and their images.
    """
    path = Path(path)
    if textures is not None:
        choose(textures, ("vertex", "surface"), "textures")
    with _named(path):
        obj = parse_obj(path.read_text(encoding="utf-8", errors="replace"))
    vertices = normalised_vertices(obj.vertices) if normalise else obj.vertices
    if textures is None:
        return Mesh(vertices, obj.faces)
    if textures == "vertex":
        if obj.colours is None:
            raise ValueError(f"{path}: there are vertices that have no colours")
        return Mesh(vertices, obj.faces, obj.colours, "vertex")
    materials: dict[str, Material] = {}
    for name in obj.libraries:
        library = _existing(path.parent / name, f"{path}: its material library")
        with _named(library):
            materials.update(parse_mtl(library.read_text(encoding="utf-8", errors="replace")))
    images = {}
    for name in {m.image for m in materials.values() if m.image}:
        image = _existing(path.parent / name, f"{path}: its texture image")
        images[name] = (read_image or _read_with_pillow)(image)
    return Mesh(vertices, obj.faces, surface_textures(obj, materials, images, resolution))


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{what} {path.name!r} is not in {path.parent}")
    return path


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors about what a file says name the file."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


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
    vertices, faces = to_numpy(mesh.vertices), mesh.faces
    if vertices.ndim != 2:
        raise ValueError(
            f"mesh: expected one mesh, vertices (V, 3), got {vertices.shape}; save the meshes of a "
            "batch one by one"
        )
    if mesh.textures is not None and mesh.texture_type == "vertex":
        vertices = np.concatenate([vertices, to_numpy(mesh.textures)], axis=1)
        lines = [f"# {path.name}", "#", ""]
        lines += ["v " + " ".join(f"{c:.8f}" for c in v) for v in vertices]
        lines += ["", *("f {} {} {}".format(*(f + 1)) for f in faces)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    if mesh.textures is None:
        path.write_text(format_obj(path.name, vertices, faces), encoding="utf-8")
        return
    image, uv = texture_atlas(to_numpy(mesh.textures), tile)
    path.write_text(format_obj(path.name, vertices, faces, uv), encoding="utf-8")
    picture = path.with_suffix(".png")
    path.with_suffix(".mtl").write_text(
        f"newmtl material_1\nmap_Kd {picture.name}\n", encoding="utf-8"
    )
    from .pictures import write_png

    write_png(picture, image)


def load_mesh(path: str | Path) -> Mesh:
    """A mesh without textures from any format that trimesh reads (PLY, STL, glTF, ...).

    Raises ImportError with what to install if trimesh is missing, FileNotFoundError, and ValueError
    for what trimesh cannot read or what holds no triangles.
    """
    try:
        import trimesh
    except ImportError:
        raise ImportError(
            "load_mesh needs trimesh; install it with: pip install 'refimpl[meshes]'"
        ) from None
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    try:
        found = trimesh.load(str(path), force="mesh", process=False)
        vertices, faces = np.asarray(found.vertices, dtype=np.float64), np.asarray(found.faces)
    except Exception as error:  # each of its readers has errors of its own
        raise ValueError(f"{path}: trimesh cannot read it as triangles: {error}") from error
    return Mesh(vertices.reshape(-1, 3), faces.reshape(-1, 3).astype(np.int64))


def _read_with_pillow(path: Path) -> np.ndarray:
    from .pictures import read_image

    return read_image(path)
