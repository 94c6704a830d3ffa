"""The Fenchel-Young loss of perturbed ranks, argmax and top-k: learning from solutions.

    L(x; y) = F(x) - <x, y>,    F(x) = E max_v <v, x + sigma Z>,    grad L = E y*(x + sigma Z) - y

v ranges over the solutions - vectors of ranks, one-hot vectors, indicators of k entries -, y* is
the best of them, y the solution that should come out. The solver is not differentiated, and the
loss is convex in x.

Source: Berthet et al. 2020, "Learning with Differentiable Perturbed Optimizers", NeurIPS, section
4; Blondel et al. 2020 for Fenchel-Young losses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..promises import close
from ..spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from ..training.perturbed import fenchel_young_loss
from ..validation import choose, float_array, whole
from .perturbed import exact_argmax, exact_ranks, exact_topk

OPERATORS: dict[str, Callable[..., Array]] = {
    "ranks": exact_ranks,
    "argmax": exact_argmax,
    "topk": exact_topk,
}
NOTES = {
    "value-and-gradient": Note(
        "gradient of another value",
        "A loss whose gradient is y_eps - y is not |y_eps - y|^2.",
        "A reported value that does not belong to the gradient: descent seems to fail.",
    )
}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    flags = ("value-and-gradient",)
    for operator, k in (("ranks", None), ("argmax", None), ("topk", 2)):
        given = {"operator": operator, "sigma": 1.5} | ({} if k is None else {"k": k})
        for name, batch in BATCHES.items():
            if name != "batch0":
                x, truth = rng.normal(size=(2, *batch, 4))
                target = OPERATORS[operator](truth, *([] if k is None else [k]))
                inputs = {"x": x, "target": target, "noise": rng.normal(size=(7, *batch, 4))}
                clause = "the gradient is the mean solution less the target"
                yield Case(f"{operator}-{name}", inputs, given, flags=flags, clause=clause)
    inputs = {
        "x": rng.normal(size=(3, 5)),
        "target": rng.dirichlet(np.ones(5), size=3),
        "noise": rng.gumbel(size=(9, 1, 5)),
    }
    clause = "targets may be means of solutions; noise may be shared by the batch"
    yield Case("mixed-target", inputs, {"operator": "argmax", "sigma": 1.0}, clause=clause)
    one = {"x": np.array([0.5]), "target": np.array([0.0]), "noise": rng.normal(size=(3, 1))}
    params = {"operator": "ranks", "sigma": 0.5}
    yield Case("n1", one, params, kind="edge", flags=("size-one",))


def _not_negative(run: Run, inputs: Arrays, params: Any) -> str | None:
    """No solution is better than the best: L >= sigma <mean Z, y>."""
    noise = np.broadcast_to(inputs["noise"], (len(inputs["noise"]), *inputs["x"].shape))
    least = params["sigma"] * np.mean(np.sum(noise.mean(0) * inputs["target"], axis=-1))
    loss = run(inputs, params)["loss"]
    slack = 100 * np.finfo(loss.dtype).eps * (1 + np.abs(least))
    return None if loss >= least - slack else f"the loss {loss} is below its minimum {least}"


def _convex(run: Run, inputs: Arrays, params: Any) -> str | None:
    a = inputs["x"]
    b = np.flip(a, axis=-1)
    first, middle, last = (run({**inputs, "x": x}, params)["loss"] for x in (a, (a + b) / 2, b))
    slack = 100 * np.finfo(middle.dtype).eps * (1 + np.abs(first) + np.abs(last))
    below = middle <= (first + last) / 2 + slack
    return None if below else "between two points it is above the line through them"


def _units(run: Run, inputs: Arrays, params: Any) -> str | None:
    after = run({**inputs, "x": 2 * inputs["x"]}, {**params, "sigma": 2 * params["sigma"]})["loss"]
    same = close(after, 2 * run(inputs, params)["loss"])
    return None if same else "of 2 x and 2 sigma, it is not twice as large"


@specification(
    name="sorting.fenchel_young_loss",
    source="Berthet et al. 2020, section 4",
    inputs=("x", "target", "noise"),
    differentiable=("x",),
    outputs=("loss",),
    cases=_cases,
    invariants=(
        Invariant("minimum", "the target is never better than the best", _not_negative),
        Invariant("convex", "the loss is convex in x", _convex),
        Invariant("units", "2 x and 2 sigma have twice the loss", _units),
    ),
    kinks="the loss is piecewise linear in x: kinks where two perturbed values are equal",
    notes=NOTES,
    second_order=False,
)
def perturbed_loss(
    x: Array,
    target: Array,
    noise: Array,
    *,
    operator: str = "ranks",
    k: int | None = None,
    sigma: float = 0.05,
    value: str = "loss",
) -> Array:
    """The mean over the batch of F(x) - <x, y>, for samples of the noise.

        L = mean_s <v_s, x + sigma Z_s> - <x, y>,    v_s = y*(x + sigma Z_s)

    x         (..., n), n >= 1, at least one sample
    target    y, (..., n): what the operator gives for the right order, or a mean of such solutions;
              data, without a gradient
    noise     Z, (S, ..., n) or what broadcasts to it
    operator  "ranks" from 0 (smallest) to n - 1, "argmax", or "topk" with its `k`
    sigma     > 0, the size of the noise in units of x
    value     "loss"; or "distance", which reports the mean of |mean_s v_s - y|^2 with the gradient
              of the loss, as published code does
    returns   a scalar

    The gradient, (mean_s v_s - y)/batch, is the derivative of this loss, which is convex: it
    vanishes where the perturbed ranks agree with the target.

    Raises ValueError for an unknown operator, k missing or out of range, shapes that do not fit.

    >>> noise = np.zeros((1, 3))
    >>> float(perturbed_loss([3.0, 1.0, 2.0], [0.0, 1.0, 2.0], noise, operator="ranks"))
    3.0
    """
    x = float_array(x, "x", min_ndim=1)
    best = OPERATORS[choose(operator, OPERATORS, "operator")]
    if operator == "topk":
        if k is None or whole(k, "k") > x.shape[-1]:
            raise ValueError(f"k: expected a number up to {x.shape[-1]} for 'topk', got {k}")
        best = functools.partial(exact_topk, k=k)
    if 0 in x.shape:
        raise ValueError(f"x: expected at least one value, got shape {tuple(x.shape)}")
    batch = x.ndim - 1
    losses = fenchel_young_loss(best, x, target, noise, sigma, batch_ndim=batch, value=value)
    if not batch:
        return losses
    return array_namespace(losses).mean(losses)
