"""Newton losses: one Newton step on the outputs of a network, any optimiser for its weights.

A training step on l(f(x; theta)) is split into a step on the outputs, z* = y - C^-1 grad l(y), and
a step on the weights for the regression loss 1/2 |z* - f(x; theta)|^2 with z* constant. If both are
gradient steps this is gradient descent. With a damped Newton step for the first, losses that are
hard to optimise - those of differentiable algorithms - become well conditioned at little cost,
because C is only m x m.

Symbols: y outputs (..., m) of N samples, G_i gradient of sample i, C = H + lambda I (or F instead),
H the Hessian averaged over the samples, F = (1/N) sum G_i G_i^T the empirical Fisher matrix.

`fisher_injection` has the variant that needs no change of the loss.

Source: Petersen et al. 2024, "Newton Losses: Using Curvature Information for Learning with
Differentiable Algorithms", NeurIPS.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from ..autograd import Array, array_namespace, is_traced, stop_gradient
from ..spec import Invariant, specification
from ..validation import choose, float_array, non_negative
from .curvature import (
    Loss,
    empirical_fisher,
    mean_hessian,
    sample_gradients,
    sample_hessians,
    smallest_eigenvalue,
)
from .gram import solve_damped
from .newton_cases import (
    INJECTED_INVARIANTS,
    LOSS_INVARIANTS,
    LOSSES,
    NOTES,
    TWICE,
    cases,
    definition,
    fisher_descends,
    large_damping,
)

CURVATURES = ("hessian", "fisher")
REACTIONS = ("warn", "raise", "allow")


class NewtonStep(NamedTuple):
    """A damped Newton step on the outputs of a network.

    target     z*, (..., m)
    losses     l_i(y_i), (...,)
    gradients  G, (..., m)
    direction  (C + lambda I)^-1 G_i, (..., m): the gradient of the Newton loss of each sample
    curvature  C without damping: (m, m), or (..., m, m) per sample
    """

    target: Array
    losses: Array
    gradients: Array
    direction: Array
    curvature: Array

    @property
    def smallest_eigenvalue(self) -> float:
        """Of C. If it is below -lambda, some samples may be moved uphill."""
        return smallest_eigenvalue(self.curvature)


def _on_named_loss(
    outputs: Array, targets: Array, *, loss: str, lambda_: float, **options: Any
) -> tuple[Array, Array, Array]:
    chosen = LOSSES[choose(loss, LOSSES, "loss")]
    step = newton_step(
        lambda y: chosen(y, targets), outputs, lambda_, indefinite="allow", **options
    )
    return step.target, step.direction, step.gradients


@specification(
    name="training.newton_step",
    source="Petersen et al. 2024, Newton Losses, Hessian and empirical Fisher variants",
    inputs=("outputs", "targets"),
    differentiable=(),
    outputs=("target", "direction", "gradient"),
    cases=cases,
    gradient="none: z* is a constant",
    invariants=(
        Invariant("target", "z* = y - direction", definition),
        Invariant(
            "descent",
            "with the Fisher matrix, no direction has a negative product with the gradient",
            fisher_descends,
            lambda case: case.params.get("curvature") == "fisher",
        ),
        Invariant("large damping", "lambda times the direction is the gradient", large_damping),
        TWICE,
    ),
    notes=NOTES,
    call=_on_named_loss,
)
def newton_step(
    loss: Loss,
    outputs: Array,
    lambda_: float,
    *,
    curvature: str = "hessian",
    per_sample: bool = False,
    indefinite: str = "warn",
) -> NewtonStep:
    """z*_i = y_i - (C + lambda I)^-1 G_i for every sample i.

    loss        function of outputs (..., m) that returns one number per sample, (...,)
    outputs     y, (..., m): the leading axes, one or more, are the batch of N >= 1 samples
    lambda_     damping >= 0. It is required (> 0) where C is singular: for the Fisher matrix of
                fewer than m samples, and for losses of differences, such as ranking losses and
                cross-entropy, whose Hessian has the all-ones vector in its null space.
    curvature   "hessian" or "fisher"
    per_sample  the element-wise variant: C_i of each sample in place of the average, which tames
                single steps

    indefinite  what to do if H + lambda I is not positive definite: "warn" (RuntimeWarning),
                "raise" (ValueError) or "allow". The Hessians of ranking losses are indefinite in
                places, and the step then ascends in some directions. Raise lambda above minus the
                smallest eigenvalue, or use the Fisher matrix, which is never negative. Looking
                needs numbers: in functions that JAX compiles, use "allow".

    Raises ValueError for other shapes, for unknown names, and, unless "allow", for a singular C
    without damping.

    >>> import numpy as np
    >>> from refimpl.autograd import array_namespace
    >>> step = newton_step(
    ...     lambda y: 0.5 * array_namespace(y).sum((y - 3.0) ** 2, axis=-1),
    ...     np.array([[1.0, 7.0]]),
    ...     0.0,
    ... )
    >>> step.target
    array([[3., 3.]])
    """
    y = float_array(outputs, "outputs")
    if y.ndim < 2 or math.prod(y.shape[:-1]) == 0:
        raise ValueError(f"outputs: expected (..., m) with N >= 1 samples, got {tuple(y.shape)}")
    lambda_ = non_negative(lambda_, "lambda_")
    choose(curvature, CURVATURES, "curvature")
    choose(indefinite, REACTIONS, "indefinite")
    losses, G = sample_gradients(loss, y)
    if curvature == "fisher":
        C = G[..., :, None] * G[..., None, :] if per_sample else empirical_fisher(G)
    else:
        C = sample_hessians(loss, y) if per_sample else mean_hessian(loss, y)
    _report_curvature(C, lambda_, indefinite)
    direction = _solve_rows(C, G, lambda_)
    return NewtonStep(y - direction, losses, G, direction, C)


def _named(method: Callable[..., Array]) -> Callable[..., Array]:
    def run(outputs: Array, targets: Array, *, loss: str, lambda_: float, **options: Any) -> Array:
        chosen = LOSSES[choose(loss, LOSSES, "loss")]
        fixed = stop_gradient(targets)
        return method(lambda y: chosen(y, fixed), outputs, lambda_, indefinite="allow", **options)

    return run


def _newton_loss(*arguments: Any, **options: Any) -> Array:
    return _named(newton_loss)(*arguments, **options)


def _inject_hessian(*arguments: Any, **options: Any) -> Array:
    return _named(inject_hessian)(*arguments, **options)


@specification(
    name="training.newton_loss",
    source="Petersen et al. 2024, Newton Losses, Hessian and empirical Fisher variants",
    inputs=("outputs", "targets"),
    differentiable=("outputs",),
    outputs=("loss",),
    cases=cases,
    gradient="(1/N) (C + lambda I)^-1 G_i: z* is a constant",
    second_order=False,
    invariants=LOSS_INVARIANTS,
    notes=NOTES,
    call=_newton_loss,
)
def newton_loss(loss: Loss, outputs: Array, lambda_: float, **options: Any) -> Array:
    """The mean over samples of 1/2 |z*_i - y_i|^2, z* constant; a scalar.

    Its gradient, (1/N) (C + lambda I)^-1 G_i, flows into the network in place of the gradient of
    the mean loss. Arguments and errors are those of `newton_step`.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> steep = lambda y: 50.0 * (y[..., 0] - 1.0) ** 2
    >>> grad(lambda y: newton_loss(steep, y, 0.0))(np.array([[3.0]]))  # 200 without the curvature
    array([[2.]])
    """
    y = float_array(outputs, "outputs")
    xp = array_namespace(y)
    step = newton_step(loss, stop_gradient(y), lambda_, **options)
    return xp.mean(0.5 * xp.sum((y - stop_gradient(step.target)) ** 2, axis=-1))


@specification(
    name="training.inject_hessian",
    source="Petersen et al. 2024, Newton Losses, Hessian and empirical Fisher variants",
    inputs=("outputs", "targets"),
    differentiable=("outputs",),
    outputs=("loss",),
    cases=cases,
    gradient="that of training.newton_loss, while the value is the mean loss itself",
    second_order=False,
    invariants=INJECTED_INVARIANTS,
    notes=NOTES,
    call=_inject_hessian,
)
def inject_hessian(loss: Loss, outputs: Array, lambda_: float, **options: Any) -> Array:
    """The mean of the losses themselves, with the gradient of `newton_loss`; a scalar.

    For logging the loss that is meant while training by the other one. Arguments and errors are
    those of `newton_step`.

    >>> import numpy as np
    >>> from refimpl.autograd import value_and_grad
    >>> steep = lambda y: 50.0 * (y[..., 0] - 1.0) ** 2
    >>> value_and_grad(lambda y: inject_hessian(steep, y, 0.0))(np.array([[3.0]]))
    (np.float64(200.0), array([[2.]]))
    """
    y = float_array(outputs, "outputs")
    xp = array_namespace(y)
    step = newton_step(loss, stop_gradient(y), lambda_, **options)
    direction = stop_gradient(step.direction) / math.prod(y.shape[:-1])
    moved = xp.sum(direction * y)
    return moved + stop_gradient(xp.mean(step.losses) - moved)


def _solve_rows(C: Array, G: Array, lambda_: float) -> Array:
    """(C + lambda I)^-1 G_i for every row G_i, C shared or one per row."""
    xp = array_namespace(C, G)
    if C.ndim > 2:
        return solve_damped(C, G[..., None], lambda_)[..., 0]
    rows = xp.reshape(G, (math.prod(G.shape[:-1]), G.shape[-1]))
    solved = solve_damped(C, xp.matrix_transpose(rows), lambda_)
    return xp.reshape(xp.matrix_transpose(solved), tuple(G.shape))


def _report_curvature(C: Array, lambda_: float, reaction: str) -> None:
    """Say so where C + lambda I is not positive definite."""
    if reaction == "allow" or is_traced(C):
        return
    least, xp = smallest_eigenvalue(C), array_namespace(C)
    rounding = max(1e-9, 50 * float(xp.finfo(C.dtype).eps)) * float(xp.max(abs(C)))
    if lambda_ == 0 and abs(least) <= rounding:
        raise ValueError(
            "lambda_: the curvature is singular, as it is for losses of differences and for the "
            "Fisher matrix of few samples, so the step needs lambda > 0"
        )
    if least + lambda_ >= -rounding:
        return
    message = (
        f"newton_step: the Hessian has the eigenvalue {least:.3g} and lambda is {lambda_:.3g}, so "
        f"the step ascends in some directions; use lambda > {-least:.3g} or curvature='fisher'"
    )
    if reaction == "raise":
        raise ValueError(message)
    warnings.warn(message, RuntimeWarning, stacklevel=3)
