"""What published ISAAC code computes where it deviates from the paper, for naming the mistake.

isaac 0.1.1 with inv_type="cholesky_inverse" inverts a matrix that it takes for a Cholesky factor;
the listing in the paper averages the gradient of the bias over the batch. Reports of the
specification compare with both. Nothing here is meant for training.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Array, array_namespace
from .gram import add_to_diagonal, gram_matrix, solve_damped
from .replaced_gradient import replaced_gradient


def published_cholesky_direction(inputs: Array, gradients: Array, lambda_a: float) -> Array:
    """What isaac 0.1.1 computes with inv_type='cholesky_inverse', (d, n).

    It inverts L L^T, where L is the lower triangle of the damped matrix instead of its Cholesky
    factor. inputs (b, n), gradients (b, d).
    """
    xp = array_namespace(inputs, gradients)
    b, n = inputs.shape
    side = "samples" if b < n else "features"
    gram = gram_matrix(inputs, side)
    if side == "samples":
        gram = gram / lambda_a
    lower = xp.tril(add_to_diagonal(gram, 1.0 if side == "samples" else lambda_a))
    inverse = xp.linalg.inv(lower @ xp.matrix_transpose(lower))
    if side == "features":
        return lambda_a * (xp.matrix_transpose(gradients) @ inputs) @ inverse
    shrunk = inputs - gram @ (inverse @ inputs)
    return xp.matrix_transpose(gradients) @ shrunk


def _affine(x: Array, weight: Array, bias: Array) -> Array:
    return x @ array_namespace(x, weight).matrix_transpose(weight) + bias


def _forward(x: Array, weight: Array, bias: Array, *, lambda_a: float) -> tuple[Array, Any]:
    return _affine(x, weight, bias), (x, weight, lambda_a)


@replaced_gradient
def cholesky_linear(x: Array, weight: Array, bias: Array, *, lambda_a: float) -> Array:
    """A linear layer with `published_cholesky_direction` for the weight; x (b, n)."""
    return _affine(x, weight, bias)


def _cholesky_backward(residuals: Any, g: Array) -> tuple[Array, Array, Array]:
    x, weight, lambda_a = residuals
    xp = array_namespace(g)
    return g @ weight, published_cholesky_direction(x, g, lambda_a), xp.sum(g, axis=0)


cholesky_linear.defvjp(_forward, _cholesky_backward)


@replaced_gradient
def mean_bias_linear(x: Array, weight: Array, bias: Array, *, lambda_a: float) -> Array:
    """A linear layer with zeta* for the weight and the mean, not the sum, for the bias."""
    return _affine(x, weight, bias)


def _mean_bias_backward(residuals: Any, g: Array) -> tuple[Array, Array, Array]:
    x, weight, lambda_a = residuals
    xp = array_namespace(g)
    solved = solve_damped(gram_matrix(x, "samples") / lambda_a, g, 1.0)
    return g @ weight, xp.matrix_transpose(solved) @ x, xp.mean(g, axis=0)


mean_bias_linear.defvjp(_forward, _mean_bias_backward)


@replaced_gradient
def plain_linear(x: Array, weight: Array, bias: Array, *, lambda_a: float) -> Array:
    """An ordinary linear layer: the limit of large lambda_a."""
    return _affine(x, weight, bias)


def _plain_backward(residuals: Any, g: Array) -> tuple[Array, Array, Array]:
    x, weight, _ = residuals
    xp = array_namespace(g)
    return g @ weight, xp.matrix_transpose(g) @ x, xp.sum(g, axis=0)


plain_linear.defvjp(_forward, _plain_backward)
