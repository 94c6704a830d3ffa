"""Recorded OBJ files of gendr; texts are arrays of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.autograd import to_numpy
from refimpl.rendering import obj as obj_files
from refimpl.rendering.atlas import texture_atlas
from refimpl.rendering.obj_text import parse_mtl, parse_obj

from . import recorded
from .rendering_images import moved
from .sorting_networks import Inputs, Record


def _text(array: Any) -> str:
    return bytes(to_numpy(array)).decode()


@recorded("gendr", "gendr.functional.load_obj")
def _load(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    text = inputs.get("text", inputs.get("obj"))
    found = parse_obj(_text(text))
    vertices = found.vertices
    if params.get("normalization"):
        vertices = obj_files.normalised_vertices(vertices)
    textures = found.colours if params["load_texture"] else None
    if params.get("texture_type") == "surface":
        materials = parse_mtl(_text(inputs["mtl"]))
        image = to_numpy(inputs["image"])
        image = image / 255 if image.dtype.kind in "iu" else image
        images = {m.image: image for m in materials.values() if m.image}
        resolution = params["texture_res"]
        textures = obj_files.surface_textures(found, materials, images, resolution)
    result = {"vertices": vertices, "faces": found.faces}
    return moved(result if textures is None else {**result, "textures": textures}, text)


@recorded("gendr", "gendr.functional.save_obj")
def _save(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    found: Inputs = {}
    uv = None
    if "textures" in inputs:
        image, uv = texture_atlas(to_numpy(inputs["textures"]), params["texture_res"])
        found = {"texture_image": image, "uv": uv}
    vertices, faces = to_numpy(inputs["vertices"]), to_numpy(inputs["faces"])
    text = obj_files.format_obj(params["filename"], vertices, faces, uv)
    found["text"] = np.frombuffer(text.encode(), dtype=np.uint8)
    return moved(found, inputs["vertices"])
