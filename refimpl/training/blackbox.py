"""Black-box differentiation of combinatorial solvers with linear costs.

For a solver y(w) = argmin_y <w, y>, the loss as a function of w is piecewise constant. Its
replacement is the gradient of a continuous interpolation: move the costs along the incoming
gradient c, solve again, and compare the solutions,

    w' = w + lambda c,   grad_w = (y(w') - y(w))/lambda

Source: Vlastelica et al. 2020, "Differentiation of Blackbox Combinatorial Solvers", ICLR,
algorithm 1; Niepert, Minervini, Franceschi 2021 for I-MLE; Minervini, Franceschi, Niepert 2023 for
its adaptive step; Sahoo et al. 2023 for the negative identity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import Array, array_namespace, constant, stop_gradient
from ..spec import specification
from ..validation import float_array, positive, whole
from .perturbed import _spread
from .replaced_gradient import replaced_gradient
from .solver_cases import (
    NOTES,
    blackbox_cases,
    identity_cases,
    implicit_cases,
    run_named,
)
from .solver_invariants import MEAN_OF_SOLUTIONS

Solver = Callable[[Array], Array]
JUMPS = "the solution jumps where two are equally good"


def _named(weights: Array, *, solver: str, **options: Any) -> Array:
    return run_named(blackbox, solver, weights, **options)


def _named_implicit(weights: Array, noise: Array, *, solver: str, **options: Any) -> Array:
    return run_named(implicit_mle, solver, weights, noise, **options)


@specification(
    name="training.blackbox",
    source="Vlastelica et al. 2020, algorithm 1",
    inputs=("weights",),
    outputs=("solution",),
    cases=blackbox_cases,
    invariants=MEAN_OF_SOLUTIONS,
    gradient="(y(w + lambda g) - y(w))/lambda; (y(w) - y(w - lambda g))/lambda for a maximiser",
    second_order=False,
    kinks=JUMPS,
    notes=NOTES,
    call=_named,
)
def blackbox(
    solver: Solver,
    weights: Array,
    lambda_: float = 10.0,
    *,
    minimise: bool = True,
    least: float | None = None,
) -> Array:
    """y(w), whose backward pass solves once more.

    solver    w -> y of the same shape, the argmin of <w, y> over feasible y (the argmax if not
              `minimise`); batches as it likes
    lambda_   > 0: how far costs are moved; small values give 0 unless the solution changes
    least     costs are not moved below it (0 for shortest paths)

    The gradient is not linear in the one that comes in, so it acts under `refimpl.autograd` only:
    torch and JAX, when they differentiate themselves, see a constant.

    Raises ValueError if the solution has another shape than the costs.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> cheapest = lambda w: np.eye(2)[np.argmin(w)]
    >>> grad(lambda w: blackbox(cheapest, w, 2.0)[0])(np.array([1.0, 2.0]))
    array([-0.5,  0.5])
    """
    weights, lambda_ = float_array(weights, "weights"), positive(lambda_, "lambda_")
    sign = 1.0 if minimise else -1.0

    def forward(w: Array) -> tuple[Array, Any]:
        y = solver(w)
        _check(y, w)
        return y, (w, y)

    def backward(residuals: Any, g: Array) -> tuple[Array]:
        w, y = residuals
        moved = w + sign * lambda_ * stop_gradient(g)
        if least is not None:
            floor = constant(least, like=moved)
            moved = array_namespace(moved).maximum(moved, floor)
        return (sign * (solver(moved) - y) / lambda_,)

    solve = replaced_gradient(lambda w: forward(w)[0])
    solve.defvjp(forward, backward)
    return solve(weights)


def _named_identity(weights: Array, *, solver: str, **options: Any) -> Array:
    return run_named(negative_identity, solver, weights, **options)


@specification(
    name="training.negative_identity",
    source="Sahoo et al. 2023",
    inputs=("weights",),
    outputs=("solution",),
    cases=identity_cases,
    invariants=MEAN_OF_SOLUTIONS,
    gradient="-g, or g for a maximiser",
    second_order=False,
    kinks=JUMPS,
    notes=NOTES,
    call=_named_identity,
)
def negative_identity(solver: Solver, weights: Array, *, minimise: bool = True) -> Array:
    """y(w), whose backward pass hands -c (or c for a maximiser) to the costs.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> cheapest = lambda w: np.eye(2)[np.argmin(w)]
    >>> grad(lambda w: 3 * negative_identity(cheapest, w)[0])(np.array([1.0, 2.0]))
    array([-3., -0.])
    """
    sign = -1.0 if minimise else 1.0
    solve = replaced_gradient(solver)
    solve.defvjp(lambda w: (solver(w), None), lambda _, g: (sign * g,))
    return solve(float_array(weights, "weights"))


@specification(
    name="training.implicit_mle",
    source="Niepert, Minervini, Franceschi 2021, algorithm 1",
    inputs=("weights", "noise"),
    differentiable=("weights",),
    outputs=("mean_solution",),
    cases=implicit_cases,
    invariants=MEAN_OF_SOLUTIONS,
    gradient="that of `training.blackbox`, averaged over the samples",
    second_order=False,
    kinks=JUMPS,
    notes=NOTES,
    call=_named_implicit,
)
def implicit_mle(
    solver: Solver,
    weights: Array,
    noise: Array,
    *,
    sigma: float = 1.0,
    lambda_: float = 10.0,
    minimise: bool = True,
    adaptive: bool = False,
    batch_ndim: int = 0,
) -> Array:
    """The mean of y(w + sigma Z); backward, `blackbox` averaged over the same samples (I-MLE).

    noise     Z, (S, *weights.shape), or what broadcasts to it
    adaptive  lambda = lambda_ |w|/|c| for the incoming gradient c, so that costs move in proportion
              to their size; Euclidean norms of each of the batch, the `batch_ndim` leading axes

    Raises ValueError for shapes that do not fit.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> cheapest = lambda w: np.eye(2)[np.argmin(w)]
    >>> noise = np.array([[0.0, 0.0], [0.0, -2.0]])
    >>> grad(lambda w: implicit_mle(cheapest, w, noise, lambda_=2.0)[0])(np.array([1.0, 2.0]))
    array([-0.25,  0.25])
    """
    weights, lambda_ = float_array(weights, "weights"), positive(lambda_, "lambda_")
    if whole(batch_ndim, "batch_ndim") >= max(weights.ndim, 1):
        raise ValueError(f"batch_ndim: {batch_ndim} of an array with {weights.ndim} axes")
    spread = positive(sigma, "sigma") * _spread(noise, weights)
    sign = 1.0 if minimise else -1.0

    def solve_all(w: Array, spread: Array) -> Array:
        moved = w + spread
        return array_namespace(moved).stack([solver(moved[s, ...]) for s in range(spread.shape[0])])

    def forward(w: Array, spread: Array) -> tuple[Array, Any]:
        solutions = solve_all(w, spread)
        return array_namespace(solutions).mean(solutions, axis=0), (w, spread, solutions)

    def backward(residuals: Any, g: Array) -> tuple[Array, None]:
        w, spread, solutions = residuals
        g = stop_gradient(g)
        step = _adapted(lambda_, w, g, batch_ndim) if adaptive else lambda_
        gap = solve_all(w + sign * step * g, spread) - solutions
        return sign * array_namespace(gap).mean(gap, axis=0) / step, None

    solve = replaced_gradient(lambda w, spread: forward(w, spread)[0])
    solve.defvjp(forward, backward)
    return solve(weights, spread)


def _adapted(alpha: float, w: Array, g: Array, batch_ndim: int) -> Array:
    """alpha |w|/|g|, one number for each of the batch; alpha where a norm is 0."""
    xp, axes = array_namespace(w, g), tuple(range(batch_ndim, w.ndim))
    top, below = (xp.sqrt(xp.sum(v * v, axis=axes, keepdims=True)) for v in (w, g))
    still = (top <= 0) | (below <= 0)
    one = constant(1.0, like=w)
    return alpha * xp.where(still, one, top) / xp.where(still, one, below)


def _check(y: Array, w: Array) -> None:
    if tuple(y.shape) != tuple(w.shape):
        raise ValueError(
            f"solver: expected a solution of shape {tuple(w.shape)}, got {tuple(y.shape)}"
        )
