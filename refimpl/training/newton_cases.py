"""Cases of the Newton losses, and the losses that they name.

squared        1/2 |y - t|^2
cross_entropy  -sum_k t_k log softmax(y)_k, t a distribution
binary         sum_k softplus(y_k) - t_k y_k, t in [0, 1]
double_well    1/4 sum_k (y_k^2 - t_k)^2, whose Hessian 3 y^2 - t is indefinite between the wells
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, log_softmax, softplus
from ..promises import close, within
from ..spec import BATCHES, Case, Invariant, Note, Run

NamedLoss = Callable[[Array, Array], Array]


def _sum(x: Array) -> Array:
    return array_namespace(x).sum(x, axis=-1)


LOSSES: dict[str, NamedLoss] = {
    "squared": lambda y, t: 0.5 * _sum((y - t) ** 2),
    "cross_entropy": lambda y, t: -_sum(t * log_softmax(y)),
    "binary": lambda y, t: _sum(softplus(y) - t * y),
    "double_well": lambda y, t: 0.25 * _sum((y * y - t) ** 2),
}
"""One number per sample, (N,), of outputs and targets (N, m)."""

NOTES = {
    "indefinite": Note(
        "indefinite curvature",
        "The Hessian has a negative eigenvalue below -lambda.",
        "A solver for positive definite matrices fails, or clips eigenvalues in silence.",
    ),
    "few-samples": Note(
        "rank",
        "Fewer samples than outputs: the Fisher matrix is singular without damping.",
        "An inverse of the undamped matrix.",
    ),
    "reduction": Note(
        "missing factor",
        "The gradient that reaches the outputs is that of a mean over the N samples.",
        "A Fisher matrix that is N or N^2 times too large, as for a sum.",
    ),
    "softmax-null-space": Note(
        "singular Hessian",
        "The Hessian of cross-entropy maps the all-ones vector to 0.",
        "A solve without damping.",
    ),
}


def _targets(rng: np.random.Generator, loss: str, N: int, m: int) -> np.ndarray:
    if loss == "cross_entropy":
        return np.eye(m)[rng.integers(0, m, N)]
    if loss == "binary":
        return rng.integers(0, 2, (N, m)).astype(np.float64)
    return rng.uniform(0.5, 2, (N, m))


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every loss with both curvatures, averaged and per sample."""
    for loss in LOSSES:
        for N, m in ((6, 3), (1, 4), (3, 1), (2, 5)):
            if loss == "cross_entropy" and m == 1:
                continue
            inputs = {"outputs": rng.normal(size=(N, m)), "targets": _targets(rng, loss, N, m)}
            for curvature in ("hessian", "fisher"):
                flags = ["reduction"] + ["few-samples"] * (m > N and curvature == "fisher")
                flags += ["softmax-null-space"] * (loss == "cross_entropy")
                flags += ["indefinite"] * (loss == "double_well" and curvature == "hessian")
                yield Case(
                    f"{loss}-N{N}-m{m}-{curvature}",
                    inputs,
                    {"loss": loss, "lambda_": 0.7, "curvature": curvature},
                    flags=tuple(flags),
                    clause="z* = y - (C + lambda I)^-1 G, C averaged over the samples",
                    checks=("values", "vjp"),
                )
    inputs = {"outputs": rng.normal(size=(4, 3)), "targets": rng.uniform(0, 1, (4, 3))}
    for curvature in ("hessian", "fisher"):
        yield Case(
            f"per-sample-{curvature}", inputs,
            {"loss": "binary", "lambda_": 0.1, "curvature": curvature, "per_sample": True},
            clause="C_i of each sample", checks=("values", "vjp"),
        )  # fmt: skip
    inputs = {"outputs": rng.normal(size=(2, 1, 3, 3)), "targets": rng.uniform(0, 1, (2, 1, 3, 3))}
    for per_sample in (False, True):
        yield Case(
            f"batch2x1x3-{'each' if per_sample else 'mean'}", inputs,
            {"loss": "binary", "lambda_": 0.1, "per_sample": per_sample},
            clause="all leading axes are samples", checks=("values", "vjp"),
        )  # fmt: skip
    inputs = {"outputs": rng.normal(size=(4, 3)), "targets": rng.uniform(0, 1, (4, 3))}
    params = {"loss": "squared", "lambda_": 0.0}
    clause = "H = I: the target is reached, and the Newton loss is the loss"
    yield Case("quadratic-undamped", inputs, params, clause=clause, checks=("values", "vjp"))
    saturated = {"outputs": 40 * np.array([[1.0, -1.0, 0.0]]), "targets": np.eye(3)[:1]}
    params = {"loss": "cross_entropy", "lambda_": 0.1}
    yield Case("saturated", saturated, params, flags=("saturated",), checks=("values", "vjp"))


def target_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Outputs and targets of every batch."""
    for name, batch in BATCHES.items():
        inputs = {"outputs": rng.normal(size=(*batch, 3)), "target": rng.normal(size=(*batch, 3))}
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, inputs, kind=kind, flags=(name,), clause="1/2 |z* - y|^2, z* constant")


def definition(run: Run, inputs: Any, params: Any) -> str | None:
    """target = y - direction."""
    found = run(inputs, params)
    same = close(found["target"], inputs["outputs"] - found["direction"])
    return None if same else "the target is not y - direction"


def fisher_descends(run: Run, inputs: Any, params: Any) -> str | None:
    """The direction of the Fisher variant has no negative product with the gradient."""
    found = run(inputs, params)
    products = np.sum(found["direction"] * found["gradient"], axis=-1)
    sizes = np.sum(np.abs(found["direction"] * found["gradient"]), axis=-1)
    rounding = 100 * np.finfo(products.dtype).eps * sizes
    return None if (products >= -rounding).all() else f"product {products.min()} with the gradient"


def large_damping(run: Run, inputs: Any, params: Any) -> str | None:
    """lambda (C + lambda I)^-1 G -> G."""
    found = run(inputs, {**params, "lambda_": 1e15})
    size = np.max(np.abs(found["gradient"]), initial=1.0)
    same = close(1e15 * found["direction"], found["gradient"], scale=size)
    return None if same else "lambda times the direction does not tend to the gradient"


def _mean_loss(inputs: Any, params: Any) -> np.ndarray:
    return np.mean(np.asarray(LOSSES[params["loss"]](inputs["outputs"], inputs["targets"])))


def _twice_over(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)
    after = run({name: np.concatenate([a, a]) for name, a in inputs.items()}, params)
    for name, value in after.items():
        wanted = before[name] if value.ndim == 0 else np.concatenate([before[name]] * 2)
        if not close(value, wanted):
            return f"{name}: twice the same samples give another one"
    return None


def _squared(run: Run, inputs: Any, params: Any) -> str | None:
    """H = I: z* - y = (t - y)/(1 + lambda)."""
    wanted = _mean_loss(inputs, params) / (1 + params["lambda_"]) ** 2
    found = run(inputs, params)["loss"]
    return None if close(found, wanted) else f"{found}, not {wanted}"


def _less_with_damping(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["loss"]
    after = run(inputs, {**params, "lambda_": 2 * params["lambda_"] + 0.1})["loss"]
    falls = after <= before * (1 + 100 * np.finfo(before.dtype).eps)
    return None if falls else f"with more damping {before} becomes {after}"


def _value_kept(run: Run, inputs: Any, params: Any) -> str | None:
    found, wanted = run(inputs, params)["loss"], _mean_loss(inputs, params)
    return None if close(found, wanted) else f"{found}, but the mean of the losses is {wanted}"


def _semidefinite(case: Case) -> bool:
    return case.params.get("curvature") == "fisher" or case.params["loss"] != "double_well"


TWICE = Invariant(
    "twice over", "giving every sample twice changes nothing: it is a mean over them", _twice_over
)
LOSS_INVARIANTS = (
    within("loss"),
    TWICE,
    Invariant(
        "squared error",
        "for 1/2 |y - t|^2 and its Hessian, the mean loss over (1 + lambda)^2",
        _squared,
        lambda case: case.params["loss"] == "squared" and case.params.get("curvature") != "fisher",
    ),
    Invariant(
        "damping",
        "with a semidefinite curvature, more damping does not raise it",
        _less_with_damping,
        _semidefinite,
    ),
)
INJECTED_INVARIANTS = (
    Invariant("value", "the mean of the losses themselves", _value_kept),
    TWICE,
)
