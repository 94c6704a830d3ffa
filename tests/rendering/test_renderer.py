"""The renderer: what an image promises, whatever the distribution and the t-conorm."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.autograd import array_namespace, grad, value_and_grad
from refimpl.autograd.numerics import check_grads
from refimpl.rendering import camera, shapes
from refimpl.rendering.distance import signed_distance, signed_distance_plain
from refimpl.rendering.mesh import face_vertices
from refimpl.rendering.renderer import render, silhouette
from refimpl.rendering.settings import Settings, hard_rasteriser
from refimpl.rendering.specification_cases import LAWS, T_CONORMS, random_triangles

RNG = np.random.default_rng(0)
SYMMETRIC = [name for name, _ in LAWS[:9]]
TRIANGLES = random_triangles(RNG, 4)


def ball(views=1, level=2, angle=15.0):
    """An icosphere of radius 1/2 seen from a ring of cameras."""
    solid = shapes.icosphere(level, 0.5)
    eye = camera.eye_from_angles(
        np.full(views, 2.732), np.full(views, 30.0), 40.0 * np.arange(views)
    )
    vertices = np.broadcast_to(solid.vertices, (views, *solid.vertices.shape))
    return face_vertices(camera.perspective(camera.look_at(vertices, eye), angle), solid.faces)


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
        image_size=5, distribution=law, scale=0.4, squared=squared, **dict(LAWS)[law]
    )
    weights = np.random.default_rng(1).normal(size=(5, 5))

    def loss(xy):
        xp = array_namespace(xy)
        corners = xp.concat([xy, TRIANGLES[:, :, 2:]], axis=-1)
        return xp.sum(silhouette(corners, options) * weights)

    report = check_grads(loss, TRIANGLES[:, :, :2].copy())
    assert report.ok, report


@pytest.mark.parametrize(("t_conorm", "p"), T_CONORMS)
def test_gradients_are_right_for_every_t_conorm(t_conorm, p):
    options = Settings(
        image_size=4, distribution="logistic", scale=0.3, t_conorm=t_conorm, t_conorm_p=p
    )

    def loss(xy):
        xp = array_namespace(xy)
        corners = xp.concat([xy, TRIANGLES[:, :, 2:]], axis=-1)
        return xp.sum(xp.sin(3 * silhouette(corners, options)))

    report = check_grads(loss, TRIANGLES[:, :, :2].copy())
    assert report.ok, report


def test_colour_gradients_are_right_with_barycentric_coordinates_differentiated():
    options = Settings(
        image_size=3, distribution="gaussian", scale=0.3, gamma=0.3, eps=0.1, far=6.0,
        double_side=True, texture_type="vertex", differentiate_barycentrics=True,
    )  # fmt: skip
    colours = RNG.uniform(size=(4, 3, 3))

    def loss(corners, colours):
        return array_namespace(corners).sum(render(corners, colours, options) ** 2)

    report = check_grads(loss, (TRIANGLES, colours))
    assert report.ok, report


def test_the_gradient_of_a_saturated_coverage_is_the_join_of_the_others():
    """A triangle over the whole image saturates a uniform coverage; another lies partly over it."""
    large = np.array([[[-9.0, -9.0, 2.0], [9.0, -9.0, 2.0], [0.0, 9.0, 2.0]]])
    small = np.array([[[-0.3, -0.4, 2.0], [0.5, -0.2, 2.0], [0.1, 0.6, 2.0]]])
    options = Settings(image_size=8, distribution="uniform", scale=0.2)
    both = np.concatenate([large, small])
    alpha, pulled = value_and_grad(lambda v: array_namespace(v).sum(silhouette(v, options)))(both)
    assert alpha == 64
    np.testing.assert_array_equal(pulled[1], 0.0)  # behind a certain "or" nothing counts
    from refimpl.rendering.aggregation import join_by_pixel

    def join(b):
        return join_by_pixel((b, 1 - b), np.array([3]))[0][0]

    np.testing.assert_allclose(grad(join)(np.array([1.0, 0.3, 0.4])), [0.7 * 0.6, 0.0, 0.0])


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


@pytest.mark.parametrize("law", ["heaviside", "logistic"])
def test_scale_zero_is_the_hard_rasteriser(law):
    found = silhouette(TRIANGLES, Settings(image_size=9, distribution=law, scale=0.0))
    np.testing.assert_array_equal(found, silhouette(TRIANGLES, hard_rasteriser(image_size=9)))


def test_moving_the_mesh_by_a_pixel_shifts_the_image():
    options = Settings(image_size=(10, 16), distribution="logistic", scale=0.05)
    moved = TRIANGLES + np.array([2 / 10, 0.0, 0.0])
    before, after = silhouette(TRIANGLES, options), silhouette(moved, options)
    np.testing.assert_allclose(after[:, 1:], before[:, :-1], atol=1e-12)


def test_faces_in_any_order_and_orientation_give_the_same_alpha():
    options = Settings(image_size=9, distribution="cauchy", scale=0.05)
    before = silhouette(TRIANGLES, options)
    for changed in (TRIANGLES[::-1], TRIANGLES[:, ::-1], np.roll(TRIANGLES, 1, axis=1)):
        np.testing.assert_allclose(silhouette(changed, options), before, atol=1e-13)


@given(st.integers(0, 10_000), st.sampled_from(T_CONORMS), st.sampled_from(LAWS))
@settings(max_examples=40, deadline=None)
def test_alpha_is_a_probability_and_grows_with_faces(seed, t_conorm, law):
    triangles = random_triangles(np.random.default_rng(seed), 4)
    options = Settings(
        image_size=5, distribution=law[0], scale=0.3, t_conorm=t_conorm[0],
        t_conorm_p=t_conorm[1], **law[1],
    )  # fmt: skip
    all_of_them = silhouette(triangles, options)
    fewer = silhouette(triangles[:3], options)
    alone = [silhouette(triangles[i : i + 1], options) for i in range(4)]
    assert ((all_of_them >= 0) & (all_of_them <= 1 + 1e-12)).all()
    assert (all_of_them >= fewer - 1e-12).all()
    assert (all_of_them >= np.max(alone, axis=0) - 1e-12).all()


@pytest.mark.parametrize("law", ["logistic", "uniform", "gaussian", "exponential_rev"])
@pytest.mark.parametrize("squared", [False, True])
def test_culling_loses_nothing(law, squared):
    """Without culling (the cut of the definition is at coverage 1e-6) the image is the same."""
    corners = ball(level=1)[0]
    options = Settings(image_size=12, distribution=law, scale=0.02, squared=squared)
    np.testing.assert_allclose(
        silhouette(corners, options), brute_force(corners, 12, 12, law, 0.02, squared), atol=1e-12
    )


@pytest.mark.parametrize("memory", [1e9, 2e6, 3e5, 1.0])
def test_the_memory_budget_changes_nothing_but_the_memory(memory):
    corners = ball(2, level=0)
    weights = RNG.normal(size=(2, 4, 8, 8))

    def run(memory):
        options = Settings(image_size=8, distribution="logistic", scale=0.02, memory=memory)
        return value_and_grad(lambda v: array_namespace(v).sum(render(v, None, options) * weights))

    for got, wanted in zip(run(memory)(corners), run(1e12)(corners), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def test_memory_stays_within_the_budget():
    corners = ball(1, level=3)
    budget = 5e7
    options = Settings(image_size=96, distribution="logistic", scale=1e-2, memory=budget)
    tracemalloc.start()
    grad(lambda v: array_namespace(v).sum(silhouette(v, options)))(corners)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * budget


@pytest.mark.slow
def test_a_large_sphere_renders_and_differentiates_within_the_default_budget():
    solid = shapes.uv_sphere(radius=0.5)
    eye = camera.eye_from_angles(2.732, 30.0, 20.0)
    corners = face_vertices(
        camera.perspective(camera.look_at(solid.vertices, eye), 15.0), solid.faces
    )
    options = Settings(image_size=256, distribution="logistic", scale=1e-2)
    tracemalloc.start()
    grad(lambda v: array_namespace(v).sum(silhouette(v, options)))(corners)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e9


def test_a_batch_is_one_image_after_the_other():
    corners = random_triangles(RNG, 3, (2, 1, 2))
    options = Settings(image_size=6, distribution="gaussian", scale=0.1)
    found = render(corners, None, options)
    assert found.shape == (2, 1, 2, 4, 6, 6)
    for place in np.ndindex(2, 1, 2):
        np.testing.assert_array_equal(found[place], render(corners[place], None, options))
    np.testing.assert_array_equal(found[..., 3, :, :], silhouette(corners, options))


def test_batches_of_none_and_meshes_without_faces():
    options = Settings(image_size=4, background=(0.1, 0.2, 0.3))
    assert render(np.zeros((0, 2, 3, 3)), None, options).shape == (0, 4, 4, 4)
    empty = render(np.zeros((0, 3, 3)), None, options)
    np.testing.assert_allclose(empty[:, 0, 0], [0.1, 0.2, 0.3, 0.0])
    assert grad(lambda v: array_namespace(v).sum(render(v, None, options)))(
        np.zeros((0, 3, 3))
    ).shape == (0, 3, 3)


def test_triangles_without_area_have_a_soft_edge_and_no_inside():
    line = np.array([[[-0.5, 0.0, 2.0], [0.5, 0.0, 2.0], [0.1, 0.0, 2.0]]])
    point = np.full((1, 3, 3), 0.25)

    def total(v):
        options = Settings(image_size=9, distribution="logistic", scale=0.05)
        return array_namespace(v).sum(silhouette(v, options))

    for degenerate in (line, point):
        options = Settings(image_size=9, distribution="logistic", scale=0.05)
        alpha, g = value_and_grad(total)(degenerate)
        image = silhouette(degenerate, options)
        assert (image <= 0.5 + 1e-12).all()
        assert image.max() > 0.05
        assert np.isfinite(g).all()
        assert np.isfinite(alpha)
        assert not silhouette(degenerate, hard_rasteriser(image_size=9)).any() or image.max() == 0.5


def test_duplicates_count_as_their_t_conorm_says():
    one, two = TRIANGLES[:1], np.concatenate([TRIANGLES[:1]] * 2)
    options = Settings(image_size=9, distribution="logistic", scale=0.1)
    b = silhouette(one, options)
    np.testing.assert_allclose(silhouette(two, options), 1 - (1 - b) ** 2, atol=1e-12)
    largest = options.with_options(t_conorm="max")
    np.testing.assert_array_equal(silhouette(two, largest), silhouette(one, largest))


def test_meshes_behind_the_camera_are_not_drawn_and_behind_the_far_plane_have_no_colour():
    behind = TRIANGLES * np.array([1.0, 1.0, -1.0])
    assert not silhouette(behind, Settings(image_size=5)).any()
    distant = TRIANGLES + np.array([0.0, 0.0, 500.0])
    options = Settings(image_size=5, double_side=True, background=(0.5, 0.5, 0.5), scale=0.1)
    image = render(distant, None, options)
    np.testing.assert_allclose(image[:3], 0.5)
    assert image[3].max() > 0.5
    gradient = grad(lambda v: array_namespace(v).sum(silhouette(v, options)))(distant)
    assert np.abs(gradient).max() > 0


def test_back_faces_have_no_colour_unless_asked_and_always_have_alpha():
    back = np.array([[[-0.8, -0.8, 3.0], [0.8, -0.8, 3.0], [0.0, 0.8, 3.0]]])  # counter-clockwise
    options = Settings(image_size=9, distribution="heaviside", background=(0.2, 0.2, 0.2))
    for colour in ("hard", "softmax"):
        one = options.with_options(colour=colour)
        assert np.ptp(render(back, None, one)[:3]) == 0
        two = one.with_options(double_side=True)
        covered = render(back, None, two)
        assert covered[3].max() == 1
        np.testing.assert_allclose(covered[:3, covered[3] == 1], 1.0)


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


def test_textures_are_looked_up_by_barycentric_coordinates():
    triangle = np.array([[[-1.0, -1.0, 2.0], [-1.0, 1.0, 2.0], [1.0, -1.0, 2.0]]])
    texels = np.arange(12.0).reshape(1, 4, 3) / 12
    image = render(triangle, texels, hard_rasteriser(image_size=8))
    covered = image[:3, image[3] == 1]
    seen = {tuple(np.round(c, 6)) for c in covered.T}
    assert seen == {tuple(np.round(t, 6)) for t in texels[0]}
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


@pytest.mark.parametrize("law", ["logistic", "uniform", "cauchy"])
def test_float32_is_kept_and_accurate(law):
    corners = ball(1, level=2)[0]
    options = Settings(image_size=16, distribution=law, scale=0.03)

    def run(v):
        return value_and_grad(lambda v: array_namespace(v).sum(render(v, None, options)))(v)

    value, g = run(corners.astype(np.float32))
    wanted, exact = run(corners)
    assert render(corners.astype(np.float32), None, options).dtype == np.float32
    assert g.dtype == np.float32
    assert value == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(g, exact, atol=2e-3 * np.abs(exact).max())


def test_tiny_triangles_are_accurate_in_float32():
    """The Gram-matrix form of the distance loses everything here."""
    tiny = np.array([[[0.7, 0.6, 2.0], [0.7005, 0.6, 2.0], [0.7, 0.6005, 2.0]]])
    options = Settings(image_size=16, distribution="logistic", scale=0.125)
    single = silhouette(tiny.astype(np.float32), options)
    np.testing.assert_allclose(single, silhouette(tiny, options), atol=2e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: silhouette(np.ones((2, 3, 2))), r"face_vertices: expected \(..., F, 3, 3\)"),
        (
            lambda: silhouette(np.where(np.arange(18).reshape(2, 3, 3) == 13, np.nan, 1.0)),
            "face 1 has a coordinate that is not finite",
        ),
        (
            lambda: silhouette(np.full((2, 1, 3, 3), np.inf)),
            r"face 0 of mesh \(0,\) has a coordinate",
        ),
        (lambda: render(TRIANGLES, np.ones((4, 2, 3))), "face_textures: expected"),
        (lambda: render(TRIANGLES, np.ones((3, 1, 3))), "face_textures: expected"),
        (lambda: Settings(distribution="lgistic"), "did you mean 'logistic'"),
        (lambda: Settings(t_conorm="yager"), "needs a parameter"),
        (lambda: Settings(scale=-1.0), "scale"),
        (lambda: Settings(near=2.0, far=1.0), "near, far"),
        (lambda: Settings(dist_eps=0.5), "dist_eps"),
        (lambda: Settings(image_size=0), "image_size"),
        (lambda: Settings(colour="phong"), "colour"),
        (lambda: Settings(gamma=0.0), "gamma"),
        (lambda: Settings(background=(0.0,)), "background"),
        (lambda: Settings(distribution="gamma", shift=0.5, shape=-1.0), "shape"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
