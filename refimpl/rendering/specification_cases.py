"""Cases of the renderer: every distribution and t-conorm, colours, sizes and edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array
from ..promises import close, within
from ..spec import Case, Invariant, Note, case_name, specification
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
    return None if close(after, before) else "alpha changes"


specification(
    name="rendering.silhouette",
    source="Petersen et al. 2022, GenDR, section 3",
    inputs=("face_vertices",),
    outputs=("alpha",),
    cases=_silhouettes,
    kinks="where two edges are equally near; where a coverage crosses 1e-6",
    invariants=(
        within("alpha", 0, 1),
        Invariant("order", "faces in any order, from any corner", _face_order),
    ),
    notes=NOTES,
    call=_silhouette,
)(silhouette)


def _alpha(run: Any, inputs: Any, params: Any) -> str | None:
    alpha = silhouette(inputs["face_vertices"], Settings(**params))
    same = close(run(inputs, params)["image"][..., 3, :, :], alpha)
    return None if same else "the last channel is not the silhouette"


def _textures(run: Any, inputs: Any, params: Any) -> str | None:
    """Half of the texture is half way to black."""
    full, half, black = (
        run({**inputs, "face_textures": share * inputs["face_textures"]}, params)["image"]
        for share in (1.0, 0.5, 0.0)
    )
    return None if close(half, 0.5 * (full + black)) else "half of a texture is not half way"


def _render_order(run: Any, inputs: Any, params: Any) -> str | None:
    turned = {name: np.flip(array, axis=-3) for name, array in inputs.items()}
    before, after = run(inputs, params)["image"], run(turned, params)["image"]
    return None if close(after, before) else "the image changes"


specification(
    name="rendering.render",
    source="Petersen et al. 2022, GenDR, section 3; Liu et al. 2019, SoftRas, equation 4",
    inputs=("face_vertices", "face_textures"),
    outputs=("image",),
    invariants=(
        within("image", 0, 1),
        Invariant("alpha", "the last channel is the silhouette of the faces", _alpha),
        Invariant("textures", "colours are linear in the textures, up to a constant", _textures),
        Invariant("order", "faces in any order", _render_order),
    ),
    cases=_images,
    gradient="derivative with the clipped barycentric coordinates held constant",
    kinks="where two edges are equally near; where a texel or the nearest face changes",
    notes=NOTES,
    call=_image,
)(render)
