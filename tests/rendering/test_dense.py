"""The culled renderer beside the definition that looks at every pixel with every triangle."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace, hvp, value_and_grad
from refimpl.rendering import shapes
from refimpl.rendering.dense import dense_render
from refimpl.rendering.mesh import face_vertices
from refimpl.rendering.renderer import render
from refimpl.rendering.settings import Settings, dib_r, hard_rasteriser, relaxed_silhouette
from refimpl.rendering.settings import soft_rasteriser as soft
from refimpl.rendering.specification_cases import LAWS, T_CONORMS, random_triangles

RNG = np.random.default_rng(0)
SIZE = (4, 6)
SMOOTH = {"distribution": "logistic", "scale": 0.05}
CASES = {
    **{f"{law}{'^2' * squared}": Settings(distribution=law, scale=0.05, squared=squared, **options)
       for law, options in LAWS for squared in (False, True)},
    **{name: Settings(t_conorm=name, t_conorm_p=p, **SMOOTH) for name, p in T_CONORMS},
    "sum": Settings(t_conorm="sum", **SMOOTH),
    "hard": hard_rasteriser(double_side=True),
    "hard colour": Settings(colour="hard", **SMOOTH),
    "soft colour": Settings(gamma=0.2, eps=0.1, far=6.0, background=(0.2, 0.3, 0.9), **SMOOTH),
    "near, far": Settings(gamma=0.2, near=2.6, far=3.2, double_side=True, **SMOOTH),
    "all derivatives": Settings(gamma=0.2, far=6.0, differentiate_barycentrics=True, **SMOOTH),
    "anti-aliasing": Settings(anti_aliasing=True, **SMOOTH),
    "dist_eps": Settings(dist_eps=3.0, **SMOOTH),
    "threshold": Settings(threshold=0.1, **SMOOTH),
    "no threshold": Settings(threshold=0.0, **SMOOTH),
    "edges": Settings(distance="edges", **SMOOTH),
    "edges^2": Settings(distance="edges", squared=True, distribution="uniform", scale=0.01),
    "front edges": Settings(distance="front_edges", **SMOOTH),
    "barycentric": Settings(distance="barycentric", **SMOOTH),
    "barycentric^2": Settings(distance="barycentric", squared=True, distribution="gaussian"),
    "SoftRas": soft(1e-3, 0.1), "DIB-R": dib_r(500.0), "relaxed": relaxed_silhouette(60.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_image_and_gradients_are_those_of_every_pixel_with_every_triangle(name):
    settings = CASES[name].with_options(image_size=SIZE)
    triangles = random_triangles(np.random.default_rng(5), 6)
    triangles[:3, :, :2] *= 0.3  # small ones, that culling leaves out of most pixels
    texels = 3 if settings.texture_type == "vertex" else 4
    colours = np.random.default_rng(6).uniform(size=(6, texels, 3))
    weights = np.random.default_rng(7).normal(size=(4, *SIZE))

    def total(renderer):
        def f(v, c):
            return array_namespace(v).sum(renderer(v, c, settings) * weights)

        return value_and_grad(f, argnums=(0, 1))(triangles, colours)

    found = render(triangles, colours, settings)
    np.testing.assert_allclose(found, dense_render(triangles, colours, settings), atol=1e-12)
    for got, wanted in zip(total(render)[1], total(dense_render)[1], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-10)


def test_culling_keeps_the_second_derivative():
    settings = Settings(image_size=3, distribution="logistic", scale=0.2, gamma=0.3)
    triangles = random_triangles(np.random.default_rng(8), 2)
    direction = np.random.default_rng(9).normal(size=triangles.shape)

    def total(renderer):
        return hvp(
            lambda v: array_namespace(v).sum(renderer(v, None, settings) ** 2), triangles, direction
        )

    np.testing.assert_allclose(total(render), total(dense_render), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("distance", ["boundary", "barycentric", "edges", "front_edges"])
def test_thin_triangles_are_not_cut_short(distance):
    """Far from a sharp corner the distances to its edges' lines stay small."""
    needle = np.array([[[-0.9, 0.0, 2.0], [0.0, 0.02, 2.0], [0.0, 0.0, 2.0]]])
    settings = Settings(
        image_size=(5, 21), distribution="logistic", scale=0.02, distance=distance, double_side=True
    )
    for triangles in (needle, needle[:, ::-1].copy()):
        found = render(triangles, None, settings)
        np.testing.assert_allclose(found, dense_render(triangles, None, settings), atol=1e-12)
    assert found[3].max() > 0.05


def test_pairs_are_few_where_triangles_are_small():
    """The cost is that of the culled pairs: a sphere's triangles reach few of the pixels."""
    from refimpl.rendering.pairs import Tile, bounding_boxes, candidates

    solid = shapes.icosphere(3, 0.5)
    corners = face_vertices(solid.vertices + np.array([0.0, 0.0, 2.0]), solid.faces)
    counts = []
    for size in (64, 128):
        boxes = bounding_boxes(corners, 0.01, size, size)
        counts.append(len(candidates(boxes, Tile(0, size, 0, size))[0]))
    assert counts[0] < 0.01 * 1280 * 64**2
    assert 3 < counts[1] / counts[0] < 4.5
    away = bounding_boxes(corners + np.array([5.0, 0.0, 0.0]), 0.01, 64, 64)
    assert len(candidates(away, Tile(0, 64, 0, 64))[0]) == 0
