"""SoftRas, DIB-R, relaxed silhouettes and the hard rasteriser are settings of the one renderer."""

import numpy as np
import pytest
from scipy.special import expit

from refimpl.autograd import array_namespace, grad
from refimpl.relaxation.programs.silhouette import silhouette as relaxed_program
from refimpl.rendering.renderer import render, silhouette
from refimpl.rendering.settings import (
    dib_r,
    hard_rasteriser,
    relaxed_silhouette,
    soft_rasteriser,
)
from refimpl.rendering.specification_cases import random_triangles

TRIANGLES = random_triangles(np.random.default_rng(3), 3)
SIZE = 8


def each_pixel():
    c = (2 * np.arange(SIZE) + 1 - SIZE) / SIZE
    return [(r, k, np.array([x, -y])) for r, y in enumerate(c) for k, x in enumerate(c)]


def parts(p, corners):
    """Barycentric coordinates and squared distance to the boundary, from the definition."""
    a, b, c = corners[:, :2]
    w = np.linalg.solve(np.vstack([corners[:, :2].T, np.ones(3)]), [*p, 1.0])
    gaps = []
    for u, v in ((a, b), (b, c), (c, a)):
        t = np.clip((p - u) @ (v - u) / ((v - u) @ (v - u)), 0, 1)
        gaps.append(np.sum((u + t * (v - u) - p) ** 2))
    return w, min(gaps)


def test_soft_rasteriser_alpha_is_one_minus_the_product_of_sigmoids():
    """Liu et al. 2019, equations 3 and 5, with SoftRas's cut at its dist_eps."""
    sigma, cut = 0.02, 1e-4
    found = silhouette(TRIANGLES, soft_rasteriser(sigma, image_size=SIZE, dist_eps=cut))
    for r, k, p in each_pixel():
        rest = 1.0
        for corners in TRIANGLES:
            w, square = parts(p, corners)
            inside = ((w > 0) & (w < 1)).all()
            sigmoid = 1 / (1 + np.exp(-(1 if inside else -1) * square / sigma))
            rest *= 1 - (sigmoid if inside or sigmoid > cut else 0)
        assert found[r, k] == pytest.approx(1 - rest, abs=1e-12)


def test_soft_rasteriser_colours_are_the_depth_softmax():
    """Liu et al. 2019, equation 4, at near 1 and far 100."""
    sigma, gamma, eps = 0.05, 0.1, 0.02
    colours = np.random.default_rng(0).uniform(size=(3, 3, 3))
    settings = soft_rasteriser(
        sigma, gamma, eps=eps, image_size=SIZE, dist_eps=1e-6, texture_type="vertex",
        double_side=True, background=(0.1, 0.5, 0.9),
    )  # fmt: skip
    found = render(TRIANGLES, colours, settings)
    for r, k, p in each_pixel():
        total, colour = np.exp(eps / gamma), np.exp(eps / gamma) * np.array([0.1, 0.5, 0.9])
        for corners, texture in zip(TRIANGLES, colours, strict=True):
            w, square = parts(p, corners)
            inside = ((w > 0) & (w < 1)).all()
            b = 1 / (1 + np.exp(-(1 if inside else -1) * square / sigma))
            w = np.clip(w, 0, 1)
            w = w / w.sum()
            z = 1 / np.sum(w / corners[:, 2])
            weight = b * np.exp((100 - z) / 99 / gamma) if inside or b > 1e-6 else 0.0
            total, colour = total + weight, colour + weight * (w @ texture)
        np.testing.assert_allclose(found[:3, r, k], colour / total, atol=1e-10)


@pytest.mark.parametrize("t_conorm", ["probabilistic", "sum"])
def test_soft_rasteriser_offers_barycentric_distances_and_sums(t_conorm):
    """sigmoid(sign min_k(w_k)^2/sigma), cut where it is below dist_eps; alpha may be their sum."""
    sigma, cut = 0.02, 1e-4
    options = {"distance": "barycentric", "t_conorm": t_conorm}
    found = silhouette(TRIANGLES, soft_rasteriser(sigma, image_size=SIZE, dist_eps=cut, **options))
    for r, k, p in each_pixel():
        b = []
        for corners in TRIANGLES:
            least = parts(p, corners)[0].min()
            sigmoid = expit(np.sign(least) * least**2 / sigma)
            b.append(sigmoid if sigmoid > cut else 0.0)
        wanted = sum(b) if t_conorm == "sum" else 1 - np.prod(1 - np.array(b))
        assert found[r, k] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("beta", [3.0, 40.0, 900.0])
@pytest.mark.parametrize("orientation", ["counter_clockwise", "any"])
def test_relaxed_silhouettes_are_those_of_the_relaxed_program(beta, orientation):
    """Petersen et al. 2021, in the unit square with y downwards; values and gradients."""
    weights = np.random.default_rng(0).normal(size=(SIZE, SIZE))
    settings = relaxed_silhouette(beta, orientation, image_size=SIZE)
    both_ways = np.concatenate([TRIANGLES, TRIANGLES[:, ::-1] * [0.7, 0.8, 1.0]])

    def program(v):
        xp = array_namespace(v)
        unit = xp.stack([(v[..., 0] + 1) / 2, (1 - v[..., 1]) / 2], axis=-1)
        return relaxed_program(unit, height=SIZE, width=SIZE, beta=beta, orientation=orientation)

    def total(f):
        return lambda v: array_namespace(v).sum(f(v) * weights)

    found = silhouette(both_ways, settings)
    np.testing.assert_allclose(found, program(both_ways), atol=1e-12)
    assert found.max() > 0.4
    got = grad(total(lambda v: silhouette(v, settings)))(both_ways)
    np.testing.assert_allclose(got, grad(total(program))(both_ways), atol=1e-9)


def test_dib_r_colours_are_differentiated_through_the_barycentric_coordinates():
    """Inside a triangle colour is sum_k w_k c_k, here with colours that are linear in x: its
    derivative by a shift in x is then minus the slope."""
    triangle = np.array([[[-3.0, -3.0, 2.0], [0.0, 4.0, 2.0], [3.0, -3.0, 2.0]]])
    colours = np.broadcast_to(0.1 * triangle[..., :1], (1, 3, 3))
    settings = dib_r(image_size=5)
    x = (2 * np.arange(5) - 4) / 5
    image = render(triangle, colours, settings)
    np.testing.assert_allclose(image[0], np.broadcast_to(0.1 * x, (5, 5)), atol=1e-12)
    g = grad(lambda v: array_namespace(v).sum(render(v, colours, settings)[0, ...]))(triangle)
    assert g[..., 0].sum() == pytest.approx(-0.1 * 25)
    behind = render(triangle[:, ::-1], colours, settings)
    np.testing.assert_array_equal(behind[:3], 0.0)
    np.testing.assert_array_equal(behind[3], 1.0)


def test_dib_r_alpha_is_full_inside_and_falls_off_exponentially_outside():
    """Chen et al. 2019: 1 - prod(1 - exp(-delta d^2))."""
    delta = 64.0
    found = silhouette(TRIANGLES, dib_r(delta, image_size=SIZE))
    for r, k, p in each_pixel():
        rest = 1.0
        for corners in TRIANGLES:
            w, square = parts(p, corners)
            b = 1.0 if ((w > 0) & (w < 1)).all() else np.exp(-delta * square)
            rest *= 1 - (b if b > 1e-6 else 0)
        assert found[r, k] == pytest.approx(1 - rest, abs=1e-12)


def test_the_hard_rasteriser_has_no_gradient():
    g = grad(lambda v: array_namespace(v).sum(silhouette(v, hard_rasteriser(image_size=SIZE))))
    np.testing.assert_array_equal(g(TRIANGLES), 0.0)


def test_options_may_replace_those_of_a_published_renderer():
    assert soft_rasteriser(1e-3, t_conorm="max").t_conorm == "max"
    assert dib_r(100.0).scale == 0.01
    with pytest.raises(ValueError, match=r"dist_eps: expected a number from 0 to 0\.2689"):
        soft_rasteriser(dist_eps=0.7)
    with pytest.raises(ValueError, match="delta"):
        dib_r(0.0)
