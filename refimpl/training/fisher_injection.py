"""The Newton loss with the Fisher matrix as a layer without effect but on the gradient.

It stands between a network and any loss that is a mean over samples: what arrives at the network
is the gradient of `newton_losses.newton_loss` with curvature="fisher", and neither the loss nor the
training loop changes.

Source: Petersen et al. 2024, "Newton Losses: Using Curvature Information for Learning with
Differentiable Algorithms", NeurIPS, algorithm 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..spec import Case, Invariant, specification
from ..validation import float_array, positive
from .gram import solve_damped
from .replaced_gradient import replaced_gradient


@replaced_gradient
def _identity(y: Array, *, lambda_: float) -> Array:
    return y


def _backward(lambda_: float, g: Array) -> tuple[Array]:
    """g (N g^T g + lambda I)^-1, through the smaller of the two systems."""
    xp = array_namespace(g)
    N, m = g.shape
    if m <= N:
        matrix = N * (xp.matrix_transpose(g) @ g)
        return (xp.matrix_transpose(solve_damped(matrix, xp.matrix_transpose(g), lambda_)),)
    # g (N g^T g + lambda I)^-1 = (N g g^T + lambda I)^-1 g, the push-through identity
    return (solve_damped(N * (g @ xp.matrix_transpose(g)), g, lambda_),)


_identity.defvjp(lambda y, *, lambda_: (y, lambda_), _backward)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for N, m in ((8, 3), (3, 7), (1, 4), (5, 5), (4, 1)):
        for lambda_ in (0.01, 1.0):
            inputs = {"outputs": rng.normal(size=(N, m))}
            yield Case(
                f"N{N}-m{m}-lambda{lambda_}",
                inputs,
                {"lambda_": lambda_},
                checks=("values", "vjp"),
            )
    inputs = {"outputs": rng.normal(size=(2, 1, 3, 4))}
    yield Case("batch2x1x3", inputs, {"lambda_": 0.1}, checks=("values", "vjp"),
               clause="all leading axes are samples")  # fmt: skip


def _same_values(run: Any, inputs: Any, params: Any) -> str | None:
    found = run(inputs, params)["outputs"]
    return None if np.array_equal(found, inputs["outputs"]) else "the values are changed"


@specification(
    name="training.inject_fisher",
    source="Petersen et al. 2024, Newton Losses, algorithm 2",
    inputs=("outputs",),
    outputs=("outputs",),
    cases=_cases,
    gradient="g (N g^T g + lambda I)^-1 for an incoming gradient g (N, m)",
    second_order=False,
    invariants=(Invariant("identity", "the values pass unchanged", _same_values),),
)
def inject_fisher(outputs: Array, *, lambda_: float) -> Array:
    """The identity, to be placed between a network and a loss; it conditions the gradient.

    outputs  (..., m): the leading axes, one or more, are the batch of N samples
    lambda_  damping > 0
    returns  the same values

    The backward pass turns g into g (N g^T g + lambda I)^-1. For a loss that is the mean over the
    samples, g_i = G_i/N and the matrix is the empirical Fisher matrix F: the gradient is that of
    `newton_loss`. (For a sum it would be N^2 F, and lambda would mean something else.) With one
    sample the result G/(lambda + |G|^2) is never longer than 1/(2 sqrt(lambda)).

    Raises ValueError for other shapes and for damping that is not positive.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> grad(lambda y: 1e6 * inject_fisher(y, lambda_=0.25)[0, 0])(np.array([[1.0]])).round(9)
    array([[1.e-06]])
    """
    y = float_array(outputs, "outputs", min_ndim=2)
    lambda_ = positive(lambda_, "lambda_")
    xp, shape = array_namespace(y), tuple(y.shape)
    rows = xp.reshape(y, (math.prod(shape[:-1]), shape[-1]))
    return xp.reshape(_identity(rows, lambda_=lambda_), shape)
