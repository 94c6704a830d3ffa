"""The renderer: what an image promises, whatever the distribution and the t-conorm."""

import tracemalloc

import numpy as np
import pytest
from spheres import ball

from refimpl.autograd import array_namespace, grad, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.rendering import camera, shapes
from refimpl.rendering.distance import signed_distance, signed_distance_plain
from refimpl.rendering.mesh import face_vertices
from refimpl.rendering.renderer import render, silhouette
from refimpl.rendering.settings import Settings, hard_rasteriser
from refimpl.rendering.specification_cases import LAWS, random_triangles

RNG = np.random.default_rng(0)
SYMMETRIC = [name for name, _ in LAWS[:9]]
TRIANGLES = random_triangles(RNG, 4)


def brute_force(triangles, height, width, law, scale, squared=False):
    """Alpha by a loop over pixels and faces, straight from the definition; probabilistic."""
    from refimpl.distributions import distribution

    image = np.zeros((height, width))
    for r in range(height):
        for c in range(width):
            p = np.array([2 * c + 1 - width, height - 1 - 2 * r]) / height
            rest = 1.0
            for corners in triangles[:, :, :2]:
                a, b, d = corners
                w = np.linalg.solve(np.vstack([corners.T, np.ones(3)]), [*p, 1.0])
                inside = ((w > 0) & (w < 1)).all()
                gaps = []
                for u, v in ((a, b), (b, d), (d, a)):
                    t = np.clip((p - u) @ (v - u) / ((v - u) @ (v - u)), 0, 1)
                    gaps.append(np.linalg.norm(u + t * (v - u) - p))
                x = min(gaps) ** (2 if squared else 1) * (1 if inside else -1)
                b_i = float(distribution(law).cdf(np.array(x / scale)))
                rest *= 1 - (b_i if b_i > 1e-6 else 0)
            image[r, c] = 1 - rest
    return image


@pytest.mark.parametrize("law", ["logistic", "uniform", "cauchy", "gumbel_min"])
@pytest.mark.parametrize("size", [(7, 7), (5, 9), (8, 3), (1, 1)])
def test_alpha_is_the_definition(law, size):
    for squared in (False, True):
        options = Settings(image_size=size, distribution=law, scale=0.15, squared=squared)
        found = silhouette(TRIANGLES, options)
        np.testing.assert_allclose(
            found, brute_force(TRIANGLES, *size, law, 0.15, squared), atol=1e-12
        )


@pytest.mark.parametrize("law", [name for name, _ in LAWS])
@pytest.mark.parametrize("squared", [False, True])
def test_gradients_are_right_for_every_distribution(law, squared):
    options = Settings(
        image_size=3, distribution=law, scale=0.4, squared=squared, **dict(LAWS)[law]
    )
    weights = np.random.default_rng(1).normal(size=(3, 3))

    def loss(xy):
        xp = array_namespace(xy)
        corners = xp.concat([xy, TRIANGLES[:2, :, 2:]], axis=-1)
        return xp.sum(silhouette(corners, options) * weights)

    report = check_grads(loss, TRIANGLES[:2, :, :2].copy())
    assert report.ok, report


def test_colour_gradients_are_right_with_barycentric_coordinates_differentiated():
    options = Settings(
        image_size=3, distribution="gaussian", scale=0.3, gamma=0.3, eps=0.1, far=6.0,
        double_side=True, texture_type="vertex", differentiate_barycentrics=True,
    )  # fmt: skip
    colours = RNG.uniform(size=(2, 3, 3))

    def loss(corners, colours):
        return array_namespace(corners).sum(render(corners, colours, options) ** 2)

    report = check_grads(loss, (TRIANGLES[:2], colours))
    assert report.ok, report


def test_the_written_out_distance_equals_the_plain_one():
    faces = RNG.integers(0, 4, 200)
    px, py = RNG.uniform(-1, 1, size=(2, 200))
    g = RNG.normal(size=200)
    for squared in (False, True):

        def total(v, f, squared=squared):
            return array_namespace(v).sum(f(v, faces, px, py, squared=squared) * g)

        written = value_and_grad(total)(TRIANGLES, signed_distance)
        plain = value_and_grad(total)(TRIANGLES, signed_distance_plain)
        assert written[0] == pytest.approx(plain[0], rel=1e-12)
        np.testing.assert_allclose(written[1], plain[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("law", SYMMETRIC)
def test_little_noise_gives_the_hard_image_away_from_edges(law):
    hard = silhouette(TRIANGLES, hard_rasteriser(image_size=33))
    soft = silhouette(TRIANGLES, Settings(image_size=33, distribution=law, scale=1e-8))
    away = np.abs(soft - np.round(soft)) < 0.1
    assert away.mean() > 0.95
    np.testing.assert_array_equal(np.round(soft[away]), hard[away])


def test_moving_the_mesh_by_a_pixel_shifts_the_image():
    options = Settings(image_size=(10, 16), distribution="logistic", scale=0.05)
    moved = TRIANGLES + np.array([2 / 10, 0.0, 0.0])
    before, after = silhouette(TRIANGLES, options), silhouette(moved, options)
    np.testing.assert_allclose(after[:, 1:], before[:, :-1], atol=1e-12)


@pytest.mark.parametrize("law", ["logistic", "exponential_rev"])
def test_culling_loses_nothing(law):
    """Without culling (the cut of the definition is at coverage 1e-6) the image is the same."""
    corners = ball(level=1)[0]
    options = Settings(image_size=8, distribution=law, scale=0.02)
    np.testing.assert_allclose(
        silhouette(corners, options), brute_force(corners, 8, 8, law, 0.02), atol=1e-12
    )


@pytest.mark.parametrize("memory", [1e9, 2e6, 3e5, 1.0])
def test_the_memory_budget_changes_nothing_but_the_memory(memory):
    corners = ball(2, level=0)[:, ::3]
    weights = RNG.normal(size=(2, 4, 5, 5))

    def run(memory):
        options = Settings(image_size=5, distribution="logistic", scale=0.02, memory=memory)
        return value_and_grad(lambda v: array_namespace(v).sum(render(v, None, options) * weights))

    for got, wanted in zip(run(memory)(corners), run(1e12)(corners), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def peak_memory(f, *arguments):
    tracemalloc.start()
    f(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


COSTLY = (
    ("logistic", {}),
    ("cauchy", {"t_conorm": "aczel_alsina", "t_conorm_p": 2.0}),
    ("gamma_rev", {"shape": 2.0, "t_conorm": "schweizer_sklar", "t_conorm_p": -2.0}),
    ("logistic", {"distance": "edges", "t_conorm": "frank", "t_conorm_p": 2.0}),
    ("gumbel_min", {"distance": "barycentric"}),
)


@pytest.mark.parametrize(("law", "options"), COSTLY)
def test_memory_stays_within_the_budget(law, options):
    """Colour and all its derivatives included, for laws whose pairs cannot be culled too."""
    corners, budget = ball(2, level=0), 6e6
    settings = Settings(
        image_size=32, distribution=law, scale=0.05, memory=budget, texture_type="vertex",
        double_side=True, differentiate_barycentrics=True, **options,
    )  # fmt: skip
    colours = np.ones((*corners.shape[:-1], 3))
    step = grad(lambda v: array_namespace(v).sum(render(v, colours, settings)))
    assert peak_memory(step, corners) < budget


@pytest.mark.slow
def test_a_large_sphere_renders_and_differentiates_within_the_default_budget():
    solid = shapes.uv_sphere(radius=0.5)
    eye = camera.eye_from_angles(2.732, 30.0, 20.0)
    corners = face_vertices(
        camera.perspective(camera.look_at(solid.vertices, eye), 15.0), solid.faces
    )
    options = Settings(image_size=256, distribution="logistic", scale=5e-3)
    step = grad(lambda v: array_namespace(v).sum(silhouette(v, options)))
    assert peak_memory(step, corners) < 1e9


def test_a_batch_is_one_image_after_the_other():
    corners = random_triangles(RNG, 3, (2, 1, 2))
    options = Settings(image_size=6, distribution="gaussian", scale=0.1)
    found = render(corners, None, options)
    assert found.shape == (2, 1, 2, 4, 6, 6)
    for place in np.ndindex(2, 1, 2):
        np.testing.assert_array_equal(found[place], render(corners[place], None, options))
    np.testing.assert_array_equal(found[..., 3, :, :], silhouette(corners, options))


def test_the_nearest_face_wins_and_soft_colours_approach_it():
    low = np.array([[[-0.8, -0.8, 3.0], [0.0, 0.8, 3.0], [0.8, -0.8, 3.0]]])
    high = low - np.array([0.0, 0.0, 1.0])
    colours = np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]])
    both = np.concatenate([low, high])
    hard = render(both, colours, hard_rasteriser(image_size=9))
    soft = render(both, colours, Settings(image_size=9, distribution="heaviside", gamma=1e-3))
    np.testing.assert_allclose(hard[:3, 5, 4], [0, 1, 0])
    np.testing.assert_allclose(soft[:3], hard[:3], atol=1e-4)


def test_the_background_has_the_weight_of_the_definition():
    """One triangle at nearness zn: colour b e^(zn/gamma)/(e^(eps/gamma) + b e^(zn/gamma))."""
    triangle = np.array([[[-3.0, -3.0, 2.0], [0.0, 4.0, 2.0], [3.0, -3.0, 2.0]]])
    for compatible, factor in ((False, 1), (True, 2)):
        options = Settings(
            image_size=1, distribution="heaviside", gamma=0.5, eps=0.25, near=1.0, far=5.0,
            upstream_compatible=compatible,
        )  # fmt: skip
        image = render(triangle, None, options)
        near = np.exp((5 - 2) / 4 / 0.5)
        assert image[0, 0, 0] == pytest.approx(near / (np.exp(factor * 0.25 / 0.5) + near))


@pytest.mark.parametrize("resolution", [1, 2, 3, 4])
def test_each_texel_is_seen_at_its_place(resolution):
    from refimpl.rendering.shading import surface_colour
    from refimpl.rendering.texels import texel_positions

    positions = texel_positions(resolution)
    texels = np.random.default_rng(0).uniform(size=(2, resolution**2, 3))
    for face in (0, 1):
        faces = np.full(len(positions), face)
        weights = tuple(positions[:, k] for k in range(3))
        np.testing.assert_array_equal(surface_colour(texels, faces, weights), texels[face])
        corner = tuple(np.eye(3)[:, k] for k in range(3))  # clipped pixels: no other face's texel
        found = surface_colour(texels, np.full(3, face), corner)
        assert all(any(np.array_equal(f, t) for t in texels[face]) for f in found)


def test_textures_are_looked_up_by_barycentric_coordinates():
    triangle = np.array([[[-1.0, -1.0, 2.0], [-1.0, 1.0, 2.0], [1.0, -1.0, 2.0]]])
    corners = np.eye(3)[None]
    options = hard_rasteriser(image_size=8, texture_type="vertex")
    image = render(triangle, corners, options)
    np.testing.assert_allclose(image[:3].sum(0), image[3])
    assert image[0, -1, 0] > 0.8


def test_anti_aliasing_averages_an_image_of_twice_the_size():
    options = Settings(image_size=(6, 8), distribution="logistic", scale=0.05)
    large = render(TRIANGLES, None, options.with_options(image_size=(12, 16)))
    small = render(TRIANGLES, None, options.with_options(anti_aliasing=True))
    np.testing.assert_allclose(small, large.reshape(4, 6, 2, 8, 2).mean(axis=(2, 4)))
