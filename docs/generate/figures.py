"""The figures of the pages that are written by hand, each drawn from the methods themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.autograd import Generator, grad

from .style import figure, save

FIGURES: dict[str, Callable[[], Any]] = {}


def drawing(function: Callable[[], Any]) -> Callable[[], Any]:
    """Make a function available to pages by its name; it returns a Matplotlib figure."""
    FIGURES[function.__name__] = function
    return function


def draw(name: str, folder: Path) -> Path:
    """Draw a figure by name into a folder. KeyError that lists the names if there is none."""
    if name not in FIGURES:
        raise KeyError(f"no figure is named {name!r}; there are {', '.join(FIGURES)}")
    return save(FIGURES[name](), folder / f"{name}.svg")


@drawing
def tape() -> Any:
    """The program x exp(-x) as a row of operations, with values and cotangents."""
    names, values = ("x", "a = -x", "b = $e^a$", "L = x b"), [2.0, -2.0]
    values += [np.exp(values[1]), values[0] * np.exp(values[1])]
    slopes = {(1, 0): -1.0, (2, 1): values[2], (3, 2): values[0], (3, 0): values[2]}
    cotangents = [0.0, 0.0, 0.0, 1.0]
    for (y, x), slope in sorted(slopes.items(), reverse=True):
        cotangents[x] += cotangents[y] * slope
    picture, (axis,) = figure(1, 1)
    picture.set_size_inches(6.0, 2.6)
    picture.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.98)
    box = {"boxstyle": "round,pad=0.5", "facecolor": "#eef3f9", "edgecolor": "#0b5cad"}
    for k, name in enumerate(names):
        axis.text(k, 0, name, ha="center", va="center", bbox=box, fontsize=11)
        axis.text(k, 0.34, f"{values[k]:.4g}", ha="center", color="#0b5cad", fontsize=11)
        axis.text(k, -0.45, f"{cotangents[k]:.4g}", ha="center", color="#d1495b", fontsize=11)
    for (y, x), slope in slopes.items():
        bend = 0.0 if y == x + 1 else 0.34
        for start, end, color, up in ((x, y, "#0b5cad", 0.07), (y, x, "#d1495b", -0.07)):
            _arrow(axis, start, end, color, up, -bend)
        high = -0.22 if not bend else -0.68
        axis.text((x + y) / 2, high, f"times {slope:.4g}", ha="center", color="#d1495b", size=8.5)
    axis.set(xlim=(-0.4, 3.5), ylim=(-1.05, 1.05))
    axis.axis("off")
    return picture


def _arrow(axis: Any, start: int, end: int, color: str, up: float, bend: float) -> None:
    """An arrow between two boxes of a row; one that passes others is bent around them."""
    style = {"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0, "lw": 1.2}
    gap = 0.32 if end > start else -0.32
    if bend:
        style["connectionstyle"] = f"arc3,rad={bend}"
        gap, up = gap / 3, 2.4 * up
    axis.annotate("", (end - gap, up), (start + gap, up), arrowprops=style)


@drawing
def overview() -> Any:
    """Four decisions and their relaxations: a comparison, an order, a coverage, a gate."""
    from refimpl.logic.gates import gates
    from refimpl.relaxation.conditions import greater
    from refimpl.rendering.renderer import silhouette
    from refimpl.rendering.settings import Settings
    from refimpl.sorting import sorting_network

    picture, axes = figure(1, 4)
    picture.set_size_inches(6.0, 1.9)
    picture.subplots_adjust(left=0.03, right=0.99, bottom=0.13, top=0.86, wspace=0.16)
    a = np.linspace(-2, 2, 201)
    for beta in (1.5, 4.0, np.inf):
        axes[0].plot(a, greater(a, 0.0, beta=beta))
    axes[0].set(title="is a > 0?", xlabel="a")
    _, P = sorting_network(np.array([0.3, -1.2, 2.0, 0.9, -0.4]), steepness=4.0)
    axes[1].imshow(P, vmin=0, vmax=1)
    axes[1].set(title="who comes where?", xlabel="place", ylabel="input")
    corners = np.array([[[-0.7, -0.6, 2.0], [0.1, 0.8, 2.0], [0.7, -0.4, 2.0]]])
    soft = Settings(image_size=64, distribution="logistic", scale=0.06)
    axes[2].imshow(1 - silhouette(corners, soft), cmap="gray", vmin=0, vmax=1)
    axes[2].set(title="what is covered?")
    p = np.linspace(0, 1, 65)
    axes[3].imshow(gates(*np.meshgrid(p, p))[6], vmin=0, vmax=1, origin="lower")
    axes[3].set(title="is a xor b?", xlabel="a", ylabel="b")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.xaxis.labelpad = axis.yaxis.labelpad = 2
        axis.title.set_fontsize(9.5)
    return picture


@drawing
def shape_fit() -> Any:
    """A star found from silhouettes: two of its views, and the course of the fit."""
    from refimpl.experiments.scenes import star
    from refimpl.rendering.fitting import fit_shape, orbit
    from refimpl.rendering.renderer import silhouette
    from refimpl.rendering.settings import Settings, hard_rasteriser
    from refimpl.rendering.shapes import icosphere

    def views(vertices: Any, faces: Any, azimuths: list[float], size: int) -> Any:
        turned = orbit(vertices, faces, azimuths, elevation=30.0)
        return silhouette(turned, hard_rasteriser(image_size=size))

    target, sphere, turn = star(), icosphere(2, 0.5), np.linalg.qr(np.vander([1.0, 2.0, 4.0]))[0]
    corners, template = np.asarray(target.vertices) * 0.6, np.asarray(sphere.vertices) @ turn
    azimuths, shown = [45.0 * k for k in range(8)], [0.0, 60.0]
    goal = views(corners, target.faces, azimuths, 32)
    soft = Settings(
        image_size=32, distribution="logistic", scale=1e-4, squared=True, dist_eps=100.0
    )
    run = fit_shape(template, sphere.faces, goal, azimuths, soft, steps=61, elevation=30.0)
    seen = {"target": views(corners, target.faces, shown, 96)}
    for step, report in enumerate(run):
        if step in (0, 10, 25, 60):
            seen[f"step {step}"] = views(report.vertices, sphere.faces, shown, 96)
    picture, axes = figure(2, len(seen))
    picture.set_size_inches(6.8, 2.9)
    picture.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.9, hspace=0.05, wspace=0.05)
    for k, (name, images) in enumerate(seen.items()):
        for axis, image in zip(axes[k :: len(seen)], images, strict=True):
            axis.imshow(1 - image, cmap="gray", vmin=0, vmax=1)
            axis.axis("off")
        axes[k].set_title(name)
    return picture


@drawing
def render_gallery() -> Any:
    """A letter by four distributions and three t-conorms."""
    from docs.examples.render_gallery import COLUMNS, ROWS, pictures

    picture, axes = figure(len(ROWS), len(COLUMNS), height=1.5)
    picture.set_size_inches(5.0, 6.4)
    picture.subplots_adjust(left=0.12, right=0.99, bottom=0.01, top=0.96, hspace=0.06, wspace=0.04)
    for axis, image in zip(axes, np.concatenate(pictures(48)), strict=True):
        axis.imshow(1 - image, cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    for axis, (name, p) in zip(axes, COLUMNS, strict=False):
        axis.set_title(name if p is None else f"{name}, p = {p:g}")
    for axis, name in zip(axes[:: len(COLUMNS)], ROWS, strict=True):
        axis.set_ylabel(name)
    return picture


@drawing
def relaxed_comparison() -> Any:
    """A relaxed comparison by temperature, and slopes by distribution."""
    from refimpl.relaxation.conditions import greater

    picture, (left, right) = figure()
    a = np.linspace(-1.5, 1.5, 301)
    for beta in (1.0, 4.0, 16.0, np.inf):
        left.plot(a, greater(a, 0.0, beta=beta), label=f"beta = {beta:g}")
    left.set(title="P(a > 0), logistic", xlabel="a")
    left.legend()
    for law in ("logistic", "gaussian", "laplace", "cauchy"):
        slope = grad(lambda a, law=law: greater(a, 0.0, beta=5.0, distribution=law))
        right.semilogy(a, [max(float(slope(t)), 1e-9) for t in a], label=law)
    right.set(title="its slope, beta = 5", xlabel="a")
    right.legend()
    return picture


@drawing
def sorting_by_steepness() -> Any:
    """Permutation matrices of one input at four steepnesses."""
    from refimpl.sorting import sorting_network

    picture, axes = figure(1, 4)
    picture.set_size_inches(6.8, 2.0)
    picture.subplots_adjust(left=0.05, right=0.99, bottom=0.1, top=0.86, wspace=0.12)
    x = np.array([0.3, -1.2, 2.0, 0.9, -0.4, 0.1])
    for axis, steepness in zip(axes, (1.0, 3.0, 10.0, 100.0), strict=True):
        axis.imshow(sorting_network(x, steepness=steepness)[1], vmin=0, vmax=1)
        axis.set(title=f"steepness {steepness:g}", xticks=[], yticks=[], xlabel="position")
    axes[0].set_ylabel("input")
    return picture


@drawing
def monotone_swaps() -> Any:
    """The smaller output of a comparator of 0 and b, for several sigmoids."""
    from refimpl.sorting import soft_comparison, soft_swap

    picture, axes = figure()
    b = np.linspace(-0.3, 2.5, 301)
    laws = (("logistic", "gaussian"), ("reciprocal", "cauchy", "optimal"))
    for axis, names in zip(axes, laws, strict=True):
        axis.plot(b, np.minimum(0.0, b), color="0.6", linestyle="--", label="min(0, b)")
        for name in names:
            alpha = soft_comparison(b, distribution=name, steepness=2.0, units="lipschitz")
            axis.plot(b, soft_swap(0.0 * b, b, alpha)[0], label=name)
        axis.set(xlabel="b", ylim=(-0.3, 0.15))
        axis.legend()
    axes[0].set_title("not monotone")
    axes[1].set_title("monotone")
    return picture


@drawing
def smoothing_variance() -> Any:
    """Errors of an estimated derivative by samples, baseline and kind of noise."""
    from refimpl.training.noise import draw_noise
    from refimpl.training.smoothing import smooth

    def spread(samples: int, covariate: str, method: str) -> float:
        found = []
        for seed in range(30):
            noise = draw_noise(samples, 4, Generator(seed), method=method)
            f = grad(lambda x, e=noise: smooth(_high_step, x, e, covariate=covariate)[0])
            found.append(f(np.full(4, 0.25))[0])
        return float(np.std(found))

    picture, (axis,) = figure(1, 1)
    picture.set_size_inches(5.0, 3.0)
    sizes = (8, 16, 32, 64, 128, 256, 512)
    for covariate, method in (("none", "mc"), ("f(x)", "mc"), ("loo", "mc"), ("loo", "latin")):
        rows = [spread(samples, covariate, method) for samples in sizes]
        axis.loglog(sizes, rows, marker="o", markersize=3, label=f"{covariate}, {method}")
    axis.set(title="standard deviation of the derivative", xlabel="samples")
    axis.legend()
    return picture


def _high_step(v: np.ndarray) -> np.ndarray:
    return 1.0 + np.where(np.sum(v, axis=-1, keepdims=True) > 0, 1.0, 0.0)


@drawing
def propagated_relu() -> Any:
    """A Gaussian through a ReLU: samples and two Gaussians for them."""
    from refimpl.autograd import relu
    from refimpl.distributions import distribution
    from refimpl.training.distribution_propagation import activation
    from refimpl.training.propagated_outputs import relu_moments

    picture, (left, right) = figure()
    location, scale = np.array([0.7]), np.array([0.8])
    law, z = distribution("gaussian"), np.linspace(-2.5, 4.0, 400)
    before = location + scale * Generator(0).normal((20_000,))
    after = [("linearised", activation(location, scale, relu))]
    mean, variance = relu_moments(location, scale)
    after.append(("equal moments", (mean, np.sqrt(variance))))
    left.hist(before, 80, (-2.5, 4), density=True, color="0.85")
    left.plot(z, law.pdf((z - location) / scale) / scale)
    right.hist(np.maximum(before, 0), 80, (-2.5, 4), density=True, color="0.85")
    for name, (m, s) in after:
        right.plot(z, law.pdf((z - m) / s) / s, label=name)
    left.set_title("before the ReLU")
    right.set(title="after the ReLU", ylim=(0, 1.0))
    right.legend()
    return picture
