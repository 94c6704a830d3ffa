"""Cases of the renderer: every distribution and t-conorm, colours, sizes and edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array
from ..promises import within
from ..spec import Case, Invariant, Note, case_name, specification
from . import camera, lighting, losses, mesh, shapes
from .renderer import render, silhouette
from .settings import Settings

LAWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("uniform", {}),
    ("cubic_hermite", {}),
    ("wigner_semicircle", {}),
    ("gaussian", {}),
    ("laplace", {}),
    ("logistic", {}),
    ("gudermannian", {}),
    ("cauchy", {}),
    ("reciprocal", {}),
    ("gumbel_max", {}),
    ("gumbel_min", {}),
    ("exponential", {"shift": 0.5}),
    ("exponential_rev", {}),
    ("gamma", {"shape": 1.5}),
    ("gamma_rev", {"shape": 2.0}),
    ("levy", {}),
    ("levy_rev", {}),
)
T_CONORMS = (
    ("probabilistic", None),
    ("einstein", None),
    ("hamacher", 0.5),
    ("frank", 2.0),
    ("yager", 2.0),
    ("aczel_alsina", 2.0),
    ("dombi", 2.0),
    ("schweizer_sklar", -1.0),
)
SIZE = 6
NOTES = {
    "degenerate": Note(
        "edge case",
        "triangles without area have a soft edge and no inside; gendr 0.1.0 computes a veil of 0.5 "
        "over large parts of the image",
        "the image",
    ),
    "saturated-coverage": Note(
        "lost derivative",
        "where a coverage is 1 the derivative of alpha is the t-conorm of the others; closed forms "
        "in the final alpha divide 0 by 0, and gendr 0.1.0 returns 0",
        "the gradient of saturated pixels",
    ),
    "background-weight": Note(
        "wrong factor",
        "SoftRas and gendr start the running maximum and the sum with the background, so that its "
        "weight is e^(2 eps/gamma)",
        "colours where the background shows through",
    ),
    "near-far": Note(
        "detached",
        "gendr counts triangles outside near and far in alpha, but gives them no gradient",
        "the gradient of alpha",
    ),
}


def random_triangles(rng: np.random.Generator, count: int, batch: tuple[int, ...] = ()) -> Any:
    """Triangles around the image plane, away from ties and kinks, (*batch, count, 3, 3)."""
    centre = rng.uniform(-0.6, 0.6, size=(*batch, count, 1, 2))
    corners = centre + rng.uniform(-0.7, 0.7, size=(*batch, count, 3, 2))
    depth = rng.uniform(2.0, 4.0, size=(*batch, count, 3, 1))
    return np.concatenate([corners, depth], axis=-1)


def _silhouettes(rng: np.random.Generator) -> Iterator[Case]:
    base = {"image_size": SIZE, "scale": 0.3}
    for law, options in LAWS:
        for squared in (False, True):
            params = {**base, "distribution": law, "squared": squared, **options}
            name = case_name(law, squared=squared)
            inputs = {"face_vertices": random_triangles(rng, 3)}
            checks = ("values", "vjp", "jvp")
            yield Case(name, inputs, params, checks=checks, clause="b = F(x/tau)")
    for t_conorm, p in T_CONORMS:
        params = {**base, "distribution": "logistic", "t_conorm": t_conorm, "t_conorm_p": p}
        inputs = {"face_vertices": random_triangles(rng, 5)}
        yield Case(case_name("join", t_conorm), inputs, params)
    for batch in ((2,), (2, 1)):
        name = "x".join(map(str, batch))
        inputs = {"face_vertices": random_triangles(rng, 2, batch)}
        params = {**base, "distribution": "gaussian"}
        yield Case(f"batch{name}", inputs, params)
    for distance in ("edges", "front_edges", "barycentric"):
        params = {**base, "distribution": "logistic", "distance": distance, "threshold": 0.0}
        inputs = {"face_vertices": random_triangles(rng, 3)}
        yield Case(
            case_name("distance", distance), inputs, params, checks=("values", "vjp"),
            clause="b = prod_k F(x_k/tau)",
        )  # fmt: skip
    yield from _edges(rng, base)


def _edges(rng: np.random.Generator, base: dict[str, Any]) -> Iterator[Case]:
    uniform = {**base, "distribution": "uniform", "scale": 0.1}
    large = np.array([[[-3.0, -2.5, 2.0], [3.1, -2.7, 2.0], [0.1, 3.3, 2.0]]])
    inputs = {"face_vertices": np.concatenate([large, random_triangles(rng, 2)])}
    yield Case(
        "saturated", inputs, uniform, kind="edge", flags=("saturated-coverage",),
        checks=("values", "vjp"), clause="d alpha/d b_i is the t-conorm of the others",
    )  # fmt: skip
    flat = random_triangles(rng, 2)
    flat[0, 2] = 0.3 * flat[0, 0] + 0.7 * flat[0, 1]
    flat[1, 1] = flat[1, 0]
    logistic = {**base, "distribution": "logistic"}
    yield Case(
        "degenerate", {"face_vertices": flat}, logistic, kind="edge", flags=("degenerate",),
        checks=("values",),
    )  # fmt: skip
    none = {"face_vertices": np.zeros((0, 3, 3))}
    yield Case("no-faces", none, logistic, kind="edge", checks=("values",))
    one = {"face_vertices": random_triangles(rng, 2)}
    yield Case("one-pixel", one, {**logistic, "image_size": 1}, checks=("values", "vjp"))


def _images(rng: np.random.Generator) -> Iterator[Case]:
    base = {"image_size": SIZE, "distribution": "logistic", "scale": 0.2, "double_side": True}
    for gamma, eps in ((0.25, 0.125), (1e-3, 1e-3)):
        for texture_type, texels in (("vertex", 3), ("surface", 1)):
            inputs = {
                "face_vertices": random_triangles(rng, 3),
                "face_textures": rng.uniform(size=(3, texels, 3)),
            }
            params = {**base, "gamma": gamma, "eps": eps, "texture_type": texture_type, "far": 6.0}
            name = case_name(texture_type, gamma=gamma, eps=eps)
            flags = ("background-weight",) if gamma > 0.1 else ()
            yield Case(name, inputs, params, checks=("values", "vjp"), flags=flags)
    inputs = {
        "face_vertices": random_triangles(rng, 4),
        "face_textures": rng.uniform(size=(4, 3, 3)),
    }
    hard = {**base, "colour": "hard", "texture_type": "vertex", "background": (0.2, 0.4, 0.6)}
    yield Case("z-buffer", inputs, hard, checks=("values", "vjp"))
    clipped = {**base, "texture_type": "vertex", "near": 2.5, "far": 3.0, "gamma": 0.25}
    yield Case("near-far", inputs, clipped, checks=("values", "vjp"), flags=("near-far",))


def _silhouette(face_vertices: Array, **options: Any) -> Array:
    return silhouette(face_vertices, Settings(**options))


def _image(face_vertices: Array, face_textures: Array, **options: Any) -> Array:
    return render(face_vertices, face_textures, Settings(**options))


def _face_order(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["alpha"]
    turned = np.roll(np.flip(inputs["face_vertices"], axis=-3), 1, axis=-2)
    after = run({"face_vertices": turned}, params)["alpha"]
    return None if np.allclose(before, after, rtol=1e-4, atol=1e-5) else "alpha changes"


def _in_range(run: Any, inputs: Any, params: Any) -> str | None:
    alpha = run(inputs, params)["alpha"]
    return None if ((alpha >= -1e-6) & (alpha <= 1 + 1e-6)).all() else "alpha leaves [0, 1]"


specification(
    name="rendering.silhouette",
    source="Petersen et al. 2022, GenDR, section 3",
    inputs=("face_vertices",),
    outputs=("alpha",),
    cases=_silhouettes,
    kinks="where two edges are equally near; where a coverage crosses 1e-6",
    invariants=(
        Invariant("range", "alpha is in [0, 1]", _in_range),
        Invariant("order", "faces in any order, from any corner", _face_order),
    ),
    notes=NOTES,
    call=_silhouette,
)(silhouette)

specification(
    name="rendering.render",
    source="Petersen et al. 2022, GenDR, section 3; Liu et al. 2019, SoftRas, equation 4",
    inputs=("face_vertices", "face_textures"),
    outputs=("image",),
    invariants=(within("image", 0, 1),),
    cases=_images,
    gradient="derivative with the clipped barycentric coordinates held constant",
    kinks="where two edges are equally near; where a texel or the nearest face changes",
    notes=NOTES,
    call=_image,
)(render)


def _views(rng: np.random.Generator) -> Iterator[Case]:
    for batch in ((), (2,)):
        inputs = {
            "vertices": rng.normal(size=(*batch, 5, 3)),
            "eye": rng.normal(size=(*batch, 3)) - np.array([0.0, 0.0, 4.0]),
        }
        yield Case(f"batch{len(batch)}", inputs)


def _distances(run: Any, inputs: Any, params: Any) -> str | None:
    found, given = run(inputs, params)["seen"], inputs["vertices"]
    before = np.linalg.norm(given[..., 1:, :] - given[..., :1, :], axis=-1)
    after = np.linalg.norm(found[..., 1:, :] - found[..., :1, :], axis=-1)
    return None if np.allclose(before, after, rtol=1e-4) else "distances change"


specification(
    name="rendering.look_at",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices", "eye"),
    outputs=("seen",),
    cases=_views,
    invariants=(Invariant("rigid", "distances between points are kept", _distances),),
)(camera.look_at)


def _meshes(rng: np.random.Generator) -> Iterator[Case]:
    for name, solid in (("cube", shapes.cube()), ("icosphere", shapes.icosphere(1))):
        for batch in ((), (2,)):
            moved = solid.vertices + 0.1 * rng.normal(size=(*batch, *solid.vertices.shape))
            yield Case(f"{name}-batch{len(batch)}", {"vertices": moved}, {"faces": solid.faces})


def _shifted(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {"vertices": inputs["vertices"] + np.array([1.0, -2.0, 0.5])}
    before, after = run(inputs, params)["loss"], run(moved, params)["loss"]
    return None if np.allclose(before, after, rtol=1e-3) else f"{before} becomes {after}"


for _name, _loss, _source in (
    ("laplacian_loss", losses.laplacian_loss, "Liu et al. 2019, SoftRas, equation 7"),
    ("flatten_loss", losses.flatten_loss, "Kato et al. 2018, equation 12"),
):
    specification(
        name=f"rendering.{_name}",
        source=_source,
        inputs=("vertices",),
        outputs=("loss",),
        cases=_meshes,
        invariants=(Invariant("translation", "moving the mesh changes nothing", _shifted),),
    )(_loss)

specification(
    name="rendering.vertex_normals",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices",),
    outputs=("normals",),
    cases=_meshes,
)(mesh.vertex_normals)


def _points(rng: np.random.Generator) -> Iterator[Case]:
    for batch in ((), (2,)):
        points = rng.normal(size=(*batch, 5, 3)) + np.array([0.0, 0.0, 4.0])
        for angle in (15.0, 30.0):
            name = case_name(f"batch{len(batch)}", angle=angle)
            yield Case(name, {"vertices": points}, {"angle": angle})


specification(
    name="rendering.perspective",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices",),
    outputs=("seen",),
    cases=_points,
)(camera.perspective)


def _silhouette_pairs(rng: np.random.Generator) -> Iterator[Case]:
    for reduction in ("mean", "sum", "none"):
        given = {name: rng.uniform(size=(2, 4, 5)) for name in ("predicted", "target")}
        yield Case(case_name(reduction), given, {"reduction": reduction})


def _swapped(run: Any, inputs: Any, params: Any) -> str | None:
    swapped = {"predicted": inputs["target"], "target": inputs["predicted"]}
    before, after = run(inputs, params)["loss"], run(swapped, params)["loss"]
    return None if np.allclose(before, after, rtol=1e-4) else f"{before} becomes {after}"


specification(
    name="rendering.iou_loss",
    source="Liu et al. 2019, SoftRas, equation 6; gendr 0.1.0",
    inputs=("predicted", "target"),
    outputs=("loss",),
    cases=_silhouette_pairs,
    invariants=(Invariant("symmetry", "the two may change places", _swapped),),
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


specification(
    name="rendering.lighting",
    source="gendr 0.1.0; SoftRas",
    inputs=("vertices", "textures"),
    outputs=("lit",),
    invariants=(within("lit"),),
    cases=_lit,
    kinks="where light grazes a face",
    call=_light,
)(lighting.Lighting)
