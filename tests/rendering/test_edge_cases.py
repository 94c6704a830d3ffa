"""What is degenerate, empty, far away, behind the camera, small in precision, or wrong."""

import numpy as np
import pytest
from spheres import ball

from refimpl.autograd import array_namespace, grad, value_and_grad
from refimpl.rendering import camera, shapes
from refimpl.rendering.mesh import face_vertices
from refimpl.rendering.renderer import render, silhouette
from refimpl.rendering.settings import Settings, hard_rasteriser
from refimpl.rendering.specification_cases import random_triangles

TRIANGLES = random_triangles(np.random.default_rng(0), 4)


@pytest.mark.parametrize("law", ["heaviside", "logistic"])
def test_scale_zero_is_the_hard_rasteriser(law):
    found = silhouette(TRIANGLES, Settings(image_size=9, distribution=law, scale=0.0))
    np.testing.assert_array_equal(found, silhouette(TRIANGLES, hard_rasteriser(image_size=9)))


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


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-25, 1e-160, 1e-300])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("colour", ["softmax", "hard"])
def test_triangles_of_little_or_no_area_have_finite_colours_and_gradients(size, dtype, colour):
    corners = TRIANGLES * np.array([size, size, 1.0]) + np.array([0.3, 0.2, 0.0])
    corners[0, :, 0] = [-0.5, 0.5, 0.1]  # or a line
    for texture_type, texels in (("surface", 4), ("vertex", 3)):
        settings = Settings(
            image_size=5, distribution="logistic", scale=0.05, colour=colour, double_side=True,
            texture_type=texture_type, differentiate_barycentrics=True, gamma=0.3,
        )  # fmt: skip
        colours = np.linspace(0, 1, 12 * texels, dtype=dtype).reshape(4, texels, 3)
        image, g = value_and_grad(
            lambda v, c=colours, s=settings: array_namespace(v).sum(render(v, c, s)) * 1.0
        )(corners.astype(dtype))
        assert np.isfinite(image)
        assert np.isfinite(g).all()
        found = render(corners.astype(dtype), colours, settings)
        assert (found[:3] >= 0).all()
        assert (found[:3] <= 1 + 1e-6).all()


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e250)])
def test_triangles_whose_products_overflow_are_not_drawn(dtype, size):
    far = (TRIANGLES * np.array([size, size, 1.0])).astype(dtype)
    settings = Settings(image_size=5, distribution="logistic", scale=0.1)
    both = np.concatenate([far, TRIANGLES.astype(dtype)])
    np.testing.assert_array_equal(
        render(both, None, settings), render(TRIANGLES.astype(dtype), None, settings)
    )
    g = grad(lambda v: array_namespace(v).sum(render(v, None, settings)))(both)
    assert np.isfinite(g).all()


def test_a_camera_inside_a_mesh_sees_what_is_before_it():
    solid = shapes.icosphere(1)
    seen = camera.perspective(solid.vertices, 30.0)  # the eye is the centre: some z are 0
    corners = face_vertices(seen, solid.faces)
    settings = Settings(image_size=9, distribution="logistic", scale=0.01, near=0.1)
    alpha, g = value_and_grad(lambda v: array_namespace(v).sum(silhouette(v, settings)))(corners)
    assert alpha > 40
    assert np.isfinite(g).all()
    behind = solid.vertices[solid.faces][..., 2].min(axis=1) <= 0
    np.testing.assert_array_equal(g[behind], 0.0)
    assert np.abs(g[~behind]).max() > 0


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
        (lambda: Settings(image_size=(3, 4, 5)), "image_size: expected a number or"),
        (lambda: Settings(background=(np.nan, 0.0, 0.0)), "background: expected 3 finite"),
        (lambda: Settings(t_conorm="yagr"), "t_conorm: .*did you mean 'yager'"),
        (lambda: Settings(t_conorm="yager", t_conorm_p=-1.0), "t_conorm_p: "),
        (lambda: Settings(t_conorm="sum", t_conorm_p=1.0), "t_conorm_p: "),
        (lambda: Settings(distance="edge"), "distance: .*did you mean 'edges'"),
        (lambda: Settings(threshold=0.7), "threshold"),
        (lambda: Settings(near=0.0), "near"),
        (lambda: Settings(memory=0.0), "memory"),
        (lambda: Settings(colour="phong"), "colour"),
        (lambda: Settings(gamma=0.0), "gamma"),
        (lambda: Settings(background=(0.0,)), "background"),
        (lambda: Settings(distribution="gamma", shift=0.5, shape=-1.0), "shape"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_arguments_of_the_wrong_kind_are_named():
    with pytest.raises(TypeError, match="distribution: expected a name or a Distribution"):
        Settings(distribution=None)
    with pytest.raises(TypeError, match="settings: expected a Settings, got dict"):
        silhouette(TRIANGLES, {"image_size": 4})
    with pytest.raises(TypeError, match="memory: expected a number"):
        Settings(memory="1GB")
    with pytest.raises(TypeError, match="face_vertices: expected real numbers"):
        silhouette(TRIANGLES + 0j)
    assert silhouette(TRIANGLES, Settings(image_size=[2, 3], memory=np.inf)).shape == (2, 3)
