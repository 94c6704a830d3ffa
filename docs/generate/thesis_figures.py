"""More figures of the thesis pages, each drawn from the methods themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.autograd import Generator, grad

from .figures import drawing
from .style import figure


@drawing
def topk_losses() -> Any:
    """The loss of a class by its score, for three distributions over k."""
    from refimpl.sorting.topk_loss import topk_cross_entropy

    others, places = np.array([0.1, 2.0, -0.3, 0.8, 1.1]), np.linspace(-1, 3.5, 181)
    scores = np.concatenate([np.tile(others, (181, 1)), places[:, None]], axis=1)
    picture, (axis,) = figure(1, 1)
    picture.set_size_inches(5.0, 2.8)
    for weights in ((1.0,), (0.5, 0.5), (0.0, 1.0)):
        losses = [topk_cross_entropy(row[None], [5], weights=weights, steepness=20.0)
                  for row in scores]  # fmt: skip
        axis.plot(places, losses, label="p = " + ", ".join(f"{w:g}" for w in weights))
    for score in others:
        axis.axvline(score, color="0.85", linewidth=0.8, zorder=0)
    axis.set(xlabel="score of the true class", title="loss")
    axis.legend()
    return picture


@drawing
def relaxed_gates() -> Any:
    """The sixteen gates on the unit square."""
    from refimpl.logic.gates import gates

    names = ("0", "a and b", "a and not b", "a", "not a and b", "b", "a xor b", "a or b",
             "nor", "xnor", "not b", "a or not b", "not a", "not a or b", "nand", "1")  # fmt: skip
    values = gates(*np.meshgrid(np.linspace(0, 1, 33), np.linspace(0, 1, 33)))
    picture, axes = figure(4, 4)
    picture.set_size_inches(4.4, 4.9)
    picture.subplots_adjust(left=0.05, right=0.99, bottom=0.05, top=0.95, hspace=0.28, wspace=0.1)
    for axis, name, value in zip(axes, names, values, strict=True):
        axis.imshow(value, vmin=0, vmax=1, origin="lower")
        axis.set(xticks=[], yticks=[])
        axis.set_title(name, fontsize=9, pad=3)
    axes[12].set_xlabel("a", labelpad=1)
    axes[12].set_ylabel("b", labelpad=1)
    return picture


@drawing
def newton_paths() -> Any:
    """Gradient descent in a narrow valley, with the plain loss and with its Newton loss."""
    from refimpl.training.newton_losses import newton_loss

    def valley(y: Any) -> Any:
        return 0.5 * (y[..., 0] - 1.0) ** 2 + 10.0 * (y[..., 1] - 1.0) ** 2

    picture, axes = figure(1, 2)
    x, z = np.meshgrid(np.linspace(-0.3, 3.5, 200), np.linspace(0.2, 1.8, 200))
    plain, newton = (lambda y: valley(y)[0]), (lambda y: newton_loss(valley, y, 0.0))
    for axis, loss, rate, name in (
        (axes[0], plain, 0.09, "plain loss"), (axes[1], newton, 0.4, "Newton loss")
    ):  # fmt: skip
        y = np.array([[3.0, 1.5]])
        path = [y[0]]
        for _ in range(12):
            y = y - rate * grad(loss)(y)
            path.append(y[0])
        axis.contour(x, z, valley(np.stack([x, z], axis=-1)), 12, colors="0.8", linewidths=0.8)
        axis.plot(*np.array(path).T, marker="o", markersize=3, linewidth=1)
        axis.set(title=f"{name}, 12 steps", xticks=[], yticks=[], xlabel="y[0]", ylabel="y[1]")
        axis.plot([1], [1], marker="x", color="#d1495b")
    return picture


@drawing
def perturbed_choice() -> Any:
    """Which of three scores is the largest, as one of them moves: hard, and under noise."""
    from refimpl.training.perturbed import perturbed

    def best(scores: Any) -> Any:
        return np.eye(3)[np.argmax(scores, axis=-1)]

    noise, places = Generator(0).normal((4000, 3)), np.linspace(-2, 3, 101)
    picture, axes = figure(1, 3)
    picture.set_size_inches(6.8, 2.2)
    picture.subplots_adjust(left=0.06, right=0.99, bottom=0.2, top=0.86)
    for axis, sigma in zip(axes, (0.0, 0.25, 1.0), strict=True):
        thetas = np.stack([places, 0 * places + 0.5, 0 * places - 0.5], axis=-1)
        rows = [perturbed(best, t, noise, sigma=sigma) if sigma else best(t) for t in thetas]
        for name, row in zip(("moving", "0.5", "-0.5"), np.array(rows).T, strict=True):
            axis.plot(places, row, label=name)
        axis.set(
            title=f"sigma = {sigma:g}" if sigma else "the argmax itself", xlabel="moving score"
        )
    axes[0].legend(loc="center left")
    return picture


@drawing
def possible_places() -> Any:
    """What is known of an order, and what soft sorts of scores say, before and after training."""
    from refimpl.sorting import sorting_network
    from refimpl.sorting.diffsurv import diffsurv_loss, possible_permutations

    possible = possible_permutations(np.array([2.0, 5.0, 3.0, 7.0]), np.array([1, 1, 0, 1]))

    def order(scores: Any) -> Any:
        return sorting_network(scores, network="bitonic", steepness=10.0)[1]

    before = after = np.array([0.3, 0.1, 0.0, -0.2])
    for _ in range(60):
        after = after - 0.1 * grad(lambda scores: diffsurv_loss(order(scores), possible))(after)
    picture, axes = figure(1, 3)
    picture.set_size_inches(6.0, 2.3)
    picture.subplots_adjust(left=0.06, right=0.99, bottom=0.1, top=0.88, wspace=0.15)
    for axis, matrix, name in zip(
        axes, (possible, order(before), order(after)), ("possible", "at first", "after training"),
        strict=True,
    ):  # fmt: skip
        axis.imshow(matrix, vmin=0, vmax=1)
        axis.set(title=name, xticks=[], yticks=[], xlabel="position")
    axes[0].set_ylabel("subject")
    return picture
