"""The same source on torch tensors and JAX arrays: values, and their own gradients."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace, grad
from refimpl.rendering import camera, lighting, losses, shapes
from refimpl.rendering.mesh import Mesh, vertex_normals
from refimpl.rendering.renderer import render, silhouette
from refimpl.rendering.settings import Settings, dib_r, hard_rasteriser, relaxed_silhouette
from refimpl.rendering.specification_cases import random_triangles

TRIANGLES = random_triangles(np.random.default_rng(0), 3)
COLOURS = np.random.default_rng(1).uniform(size=(3, 3, 3))
VERTEX = {"image_size": 4, "texture_type": "vertex", "scale": 0.2}
SETTINGS = {
    "logistic": Settings(distribution="logistic", gamma=0.2, **VERTEX),
    "gamma": Settings(
        distribution="gamma_rev", shape=2.0, t_conorm="yager", t_conorm_p=2, **VERTEX
    ),
    "hard": hard_rasteriser(image_size=4, texture_type="vertex"),
    "tiles": Settings(memory=1e4, anti_aliasing=True, **VERTEX),
    "DIB-R": dib_r(100.0, image_size=4),
    "edges": relaxed_silhouette(10.0, "any", image_size=4, texture_type="vertex"),
}


def torch_gradient(f, x):
    torch = pytest.importorskip("torch", reason="needs torch")
    leaf = torch.tensor(x, requires_grad=True)
    f(leaf).backward()
    return np.zeros_like(x) if leaf.grad is None else leaf.grad.numpy()


def compare(settings, convert, gradient):
    """The image, and the derivative of a number that is made of it."""
    colours = COLOURS if settings.texture_type == "vertex" else COLOURS[:, :1]
    given = convert(TRIANGLES)
    found = render(given, convert(colours), settings)
    assert type(found) is type(given)
    wanted = render(TRIANGLES, colours, settings)
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=1e-12)

    def total(v, c):
        return array_namespace(v).sum(render(v, c, settings) ** 2)

    derivative = grad(lambda v: total(v, colours))(TRIANGLES)
    if np.abs(derivative).max() > 0:
        got = gradient(lambda v: total(v, convert(colours)), TRIANGLES)
        np.testing.assert_allclose(got, derivative, atol=1e-9)


@pytest.mark.parametrize("name", SETTINGS)
def test_torch_tensors(name):
    torch = pytest.importorskip("torch", reason="needs torch")
    compare(SETTINGS[name], torch.tensor, torch_gradient)


@pytest.mark.slow  # JAX compiles every operation for every shape
def test_jax_arrays():
    jax = pytest.importorskip("jax", reason="needs jax")
    settings = Settings(image_size=2, distribution="logistic", scale=0.3)

    def total(v):
        return array_namespace(v).sum(silhouette(v, settings) ** 2)

    one = TRIANGLES[:1]
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(total)(jax.numpy.asarray(one))
    np.testing.assert_allclose(value, total(one), rtol=1e-12)
    np.testing.assert_allclose(gradient, grad(total)(one), atol=1e-12)


def test_scenes_are_those_on_numpy():
    convert = pytest.importorskip("torch", reason="needs torch").tensor
    solid, eye = shapes.icosphere(1), np.array([1.0, 2.0, -3.0])
    v = convert(solid.vertices)
    pairs = (
        (camera.look_at(v, convert(eye)), camera.look_at(solid.vertices, eye)),
        (camera.perspective(v + 3.0, 20.0), camera.perspective(solid.vertices + 3.0, 20.0)),
        (vertex_normals(v, solid.faces), solid.vertex_normals),
        (Mesh(v, solid.faces).face_vertices, solid.face_vertices),
        (losses.laplacian_loss(v, solid.faces), losses.laplacian_loss(solid.vertices, solid.faces)),
        (losses.flatten_loss(v, solid.faces), losses.flatten_loss(solid.vertices, solid.faces)),
        (
            lighting.Lighting()(v, solid.faces),
            lighting.Lighting()(solid.vertices, solid.faces),
        ),
    )
    for got, wanted in pairs:
        np.testing.assert_allclose(np.asarray(got), wanted, atol=1e-12)
