"""Cases of what surrounds the renderer: cameras, normals, light, losses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array
from ..promises import close
from ..spec import Case, Invariant, case_name, specification
from . import camera, lighting, losses, mesh, shapes


def _views(rng: np.random.Generator) -> Iterator[Case]:
    for batch in ((), (2,)):
        inputs = {
            "vertices": rng.normal(size=(*batch, 5, 3)),
            "eye": rng.normal(size=(*batch, 3)) - np.array([0.0, 0.0, 4.0]),
        }
        yield Case(f"batch{len(batch)}", inputs)


def _rigid(run: Any, inputs: Any, params: Any) -> str | None:
    before, after = (
        points[..., 1:, :] - points[..., :1, :]
        for points in (inputs["vertices"], run(inputs, params)["seen"])
    )
    products = [d @ np.swapaxes(d, -1, -2) for d in (before, after)]
    if not close(products[1], products[0], scale=np.max(np.abs(products[0]), initial=1.0)):
        return "lengths or angles change"
    volumes = [np.linalg.det(d[..., :3, :]) for d in (before, after)]
    same = close(volumes[1], volumes[0], scale=np.max(np.abs(volumes[0]), initial=1.0))
    return None if same else "the orientation changes"


def _aimed(run: Any, inputs: Any, params: Any) -> str | None:
    """The eye, the point that it looks at, and a point above that one."""
    eye = inputs["eye"]
    above = eye * 0 + np.asarray([0.0, 1.0, 0.0], dtype=eye.dtype)
    points = {"vertices": np.stack([eye, 0 * eye, above], axis=-2), "eye": eye}
    seen = run(points, params)["seen"]
    wanted = np.zeros_like(seen)
    wanted[..., 1, 2] = np.linalg.norm(eye, axis=-1)
    if not close(seen[..., :2, :], wanted[..., :2, :], scale=10):
        return "the eye is not at 0, or the origin not before it, at its distance"
    upright = close(seen[..., 2, 0], wanted[..., 2, 0], scale=10) and np.all(seen[..., 2, 1] > 0)
    return None if upright else "up is not up"


specification(
    name="rendering.look_at",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices", "eye"),
    outputs=("seen",),
    cases=_views,
    invariants=(
        Invariant("rigid", "lengths, angles and the orientation are kept", _rigid),
        Invariant("aim", "the eye is seen at 0, the origin at (0, 0, |eye|), above is up", _aimed),
    ),
)(camera.look_at)


def _meshes(rng: np.random.Generator) -> Iterator[Case]:
    for name, solid in (("cube", shapes.cube()), ("icosphere", shapes.icosphere(1))):
        for batch in ((), (2,)):
            moved = solid.vertices + 0.1 * rng.normal(size=(*batch, *solid.vertices.shape))
            yield Case(f"{name}-batch{len(batch)}", {"vertices": moved}, {"faces": solid.faces})


def _moved(run: Any, inputs: Any, params: Any) -> str | None:
    """By a quarter of a turn and a shift, whose numbers are exact in every precision."""
    v = inputs["vertices"]
    moved = {"vertices": np.stack([2 - v[..., 1], v[..., 0] - 1, v[..., 2] + 0.5], axis=-1)}
    before, after = run(inputs, params)["loss"], run(moved, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _face_order(run: Any, inputs: Any, params: Any) -> str | None:
    turned = {**params, "faces": np.roll(params["faces"][::-1], 1, axis=1)}
    before, after = run(inputs, params)["loss"], run(inputs, turned)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _area(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["loss"]
    after = run({"vertices": 2 * inputs["vertices"]}, params)["loss"]
    return None if close(after, 4 * before) else f"{before} becomes {after}, not 4 times as much"


RIGID = Invariant("rigid", "moving and turning the mesh changes nothing", _moved)
ORDER = Invariant("order", "faces in any order, from any corner", _face_order)
SCALE = Invariant("scale", "a mesh of twice the size has 4 times the loss", _area)
for _name, _loss, _source, _promises in (
    (
        "laplacian_loss",
        losses.laplacian_loss,
        "Liu et al. 2019, SoftRas, equation 7",
        (RIGID, ORDER, SCALE),
    ),
    ("flatten_loss", losses.flatten_loss, "Kato et al. 2018, equation 12", (RIGID, ORDER)),
):
    specification(
        name=f"rendering.{_name}",
        source=_source,
        inputs=("vertices",),
        outputs=("loss",),
        cases=_meshes,
        invariants=_promises,
    )(_loss)


def _unit(run: Any, inputs: Any, params: Any) -> str | None:
    n = run(inputs, params)["normals"][..., np.unique(params["faces"]), :]
    return None if close(np.sum(n * n, axis=-1), np.ones(n.shape[:-1])) else "a length is not 1"


def _turned(run: Any, inputs: Any, params: Any) -> str | None:
    """By a rotation whose numbers are exact in every precision."""
    v, normals = inputs["vertices"], run(inputs, params)["normals"]
    moved = {"vertices": np.stack([2 - v[..., 1], v[..., 0], v[..., 2]], axis=-1)}
    wanted = np.stack([-normals[..., 1], normals[..., 0], normals[..., 2]], axis=-1)
    return None if close(run(moved, params)["normals"], wanted) else "they do not turn along"


def _towards(run: Any, inputs: Any, params: Any) -> str | None:
    triangle = np.asarray([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=inputs["vertices"].dtype)
    for faces, z in ((np.asarray([[0, 1, 2]]), 1), (np.asarray([[2, 1, 0]]), -1)):
        found = run({"vertices": triangle}, {**params, "faces": faces})["normals"]
        if not close(found, np.broadcast_to([0, 0, z], (3, 3))):
            return f"around (0, 0, 0), (1, 0, 0), (0, 1, 0) in the order {faces[0]}: {found[0]}"
    return None


def _cut(run: Any, inputs: Any, params: Any) -> str | None:
    """Areas add up: the parts of a face weigh as much as the whole, at the corner of the cut."""
    v, faces = inputs["vertices"], params["faces"]
    a, b, c = faces[0]
    new = v.shape[-2]
    middle = (0.75 * v[..., b, :] + 0.25 * v[..., c, :])[..., None, :]
    parts = np.concatenate([faces[1:], [[a, b, new], [a, new, c]]])
    cut = {"vertices": np.concatenate([v, middle], axis=-2)}
    after = run(cut, {**params, "faces": parts})["normals"][..., a, :]
    same = close(after, run(inputs, params)["normals"][..., a, :])
    return None if same else f"cutting a face at vertex {a} turns its normal"


specification(
    name="rendering.vertex_normals",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices",),
    outputs=("normals",),
    cases=_meshes,
    invariants=(
        Invariant("length", "every vertex of a face has a normal of length 1", _unit),
        Invariant("rigid", "normals turn with the mesh, and do not move with it", _turned),
        Invariant("orientation", "counter-clockwise faces look at the viewer", _towards),
        Invariant("area", "a cut from a vertex through a face keeps its normal", _cut),
    ),
)(mesh.vertex_normals)


def _points(rng: np.random.Generator) -> Iterator[Case]:
    for batch in ((), (2,)):
        points = rng.normal(size=(*batch, 5, 3)) + np.array([0.0, 0.0, 4.0])
        for angle in (15.0, 30.0):
            name = case_name(f"batch{len(batch)}", angle=angle)
            yield Case(name, {"vertices": points}, {"angle": angle})


def _ray(run: Any, inputs: Any, params: Any) -> str | None:
    near = run(inputs, params)["seen"]
    far = run({"vertices": 2 * inputs["vertices"]}, params)["seen"]
    if not close(far[..., :2], near[..., :2]):
        return "a point twice as far on the ray of another is seen at another place"
    return None if close(far[..., 2], 2 * near[..., 2]) else "its depth is not twice as large"


def _border(run: Any, inputs: Any, params: Any) -> str | None:
    z = inputs["vertices"][..., 2]
    x = z * math.tan(math.radians(params["angle"]))
    seen = run({"vertices": np.stack([x, -0.5 * x, z], axis=-1)}, params)["seen"]
    wanted = np.stack([np.ones_like(z), np.full_like(z, -0.5), z], axis=-1)
    return None if close(seen, wanted) else "x = z tan(angle) is not seen at 1"


specification(
    name="rendering.perspective",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices",),
    outputs=("seen",),
    cases=_points,
    invariants=(
        Invariant("rays", "points on a ray from the eye are seen at one place", _ray),
        Invariant("opening", "x = z tan(angle) is the border: it is seen at 1", _border),
    ),
)(camera.perspective)


def _silhouette_pairs(rng: np.random.Generator) -> Iterator[Case]:
    for reduction in ("mean", "sum", "none"):
        given = {name: rng.uniform(size=(2, 4, 5)) for name in ("predicted", "target")}
        yield Case(case_name(reduction), given, {"reduction": reduction})


def _swapped(run: Any, inputs: Any, params: Any) -> str | None:
    swapped = {"predicted": inputs["target"], "target": inputs["predicted"]}
    before, after = run(inputs, params)["loss"], run(swapped, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _extremes(run: Any, inputs: Any, params: Any) -> str | None:
    """The denominator has 1e-6 beside the pixels of the union, of which there are all."""
    p = np.round(inputs["predicted"])
    count = p[..., 0, 0].size if params["reduction"] == "sum" else 1
    apart = run({"predicted": p, "target": 1 - p}, params)["loss"]
    same = run({"predicted": np.ones_like(p), "target": np.ones_like(p)}, params)["loss"]
    if not close(apart, np.full_like(apart, count)):
        return f"masks without common pixels have the loss {apart}"
    return None if np.all(np.abs(same) <= 1e-6 * count) else f"equal masks have the loss {same}"


specification(
    name="rendering.iou_loss",
    source="Liu et al. 2019, SoftRas, equation 6; gendr 0.1.0",
    inputs=("predicted", "target"),
    outputs=("loss",),
    cases=_silhouette_pairs,
    invariants=(
        Invariant("symmetry", "the two may change places", _swapped),
        Invariant("extremes", "1 for disjoint masks, at most 1e-6 for equal ones", _extremes),
    ),
)(losses.iou_loss)


def _lit(rng: np.random.Generator) -> Iterator[Case]:
    solid = shapes.icosphere(1)
    for kind, shape in (("surface", (80, 1, 3)), ("vertex", (42, 3))):
        moved = solid.vertices + 0.05 * rng.normal(size=solid.vertices.shape)
        inputs = {"vertices": moved, "textures": rng.uniform(size=shape)}
        params = {"faces": solid.faces, "texture_type": kind, "direction": (0.3, 0.9, -0.2)}
        yield Case(case_name(kind), inputs, params)


def _light(
    vertices: Array, textures: Array, *, faces: Any, texture_type: str, direction: Any
) -> Array:
    return lighting.Lighting(direction=direction)(vertices, faces, textures, texture_type)


def _brightness(run: Any, inputs: Any, params: Any) -> str | None:
    """Ambient light of intensity 1/2 and direct light of up to 1/2 |direction|."""
    T, lit = inputs["textures"], run(inputs, params)["lit"]
    most = 0.5 + 0.5 * math.dist(params["direction"], (0, 0, 0))
    slack = 16 * np.finfo(lit.dtype).eps
    if not np.all(lit >= 0.5 * T - slack):
        return "darker than in the ambient light alone"
    return None if np.all(lit <= most * T + slack) else "brighter than where light falls straight"


def _from_behind(run: Any, inputs: Any, params: Any) -> str | None:
    """What a light adds to the faces that it meets is lost by none of the others."""
    behind = {**params, "direction": tuple(-c for c in params["direction"])}
    dark = {**params, "direction": (0.0, 0.0, 0.0)}
    one, other, none = (run(inputs, given)["lit"] for given in (params, behind, dark))
    if not close(none, 0.5 * inputs["textures"]):
        return "without direct light it is not half of the texture"
    met = close(np.minimum(one, other), none)
    return None if met else "one place is lit by a light and by the opposite one"


specification(
    name="rendering.lighting",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices", "textures"),
    outputs=("lit",),
    invariants=(
        Invariant(
            "range",
            "with the default intensities, between T/2 and T (1 + |direction|)/2",
            _brightness,
        ),
        Invariant("sides", "a light and the opposite one light no place both", _from_behind),
    ),
    cases=_lit,
    kinks="where light grazes a face",
    call=_light,
)(lighting.Lighting)
