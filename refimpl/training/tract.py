"""TrAct: making the pre-activations of the first layer trainable.

A gradient step on the pre-activations, z* = z - eta b dL/dz, is followed by damped least squares
for the weights that produce z* from the inputs. The closed form is a weight gradient

    dW = g^T x (x^T x/b + lambda I)^-1

which does not grow with the contrast of the images in the batch. ISAAC's direction with the same
damping is lambda times this one.

Source: Petersen, Borgelt, Ermon 2024, "TrAct: Making First-layer Pre-Activations Trainable",
NeurIPS.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..autograd import Array
from ..spec import Case, Invariant, specification
from ..validation import positive
from .isaac import is_affine, isaac_direction, isaac_linear
from .replaced_gradient import replaced_gradient


def tract_direction(inputs: Array, gradients: Array, lambda_: float = 0.1) -> Array:
    """g^T x (x^T x/b + lambda I)^-1, of shape (d, n), for x (b, n) and g (b, d).

    It is zero only where the plain gradient g^T x is. Raises ValueError for lambda <= 0 and for
    shapes that do not fit.

    >>> import numpy as np
    >>> tract_direction(np.array([[2.0]]), np.array([[3.0]]), 1.0)
    array([[1.2]])
    """
    lambda_ = positive(lambda_, "lambda_")
    return isaac_direction(inputs, gradients, lambda_) / lambda_


@replaced_gradient
def _scaled(weight: Array, *, factor: float) -> Array:
    """The weight itself; its gradient is multiplied by `factor`."""
    return weight


_scaled.defvjp(lambda weight, *, factor: (weight, factor), lambda factor, g: (factor * g,))


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for b, n, d in ((5, 3, 4), (3, 6, 2), (1, 1, 1)):
        inputs = {"x": rng.normal(size=(b, n)), "weight": rng.normal(size=(d, n))}
        for lambda_ in (0.05, 0.1, 0.2):
            params = {"lambda_": lambda_}
            yield Case(f"b{b}-n{n}-d{d}-lambda{lambda_}", inputs, params, checks=("values", "vjp"))


@specification(
    name="training.tract_linear",
    source="Petersen, Borgelt, Ermon 2024",
    inputs=("x", "weight"),
    outputs=("y",),
    cases=_cases,
    gradient="g^T x (x^T x/b + lambda I)^-1 for the weight; that of x is the derivative",
    second_order=False,
    invariants=(Invariant("affine", "the value is that of a linear layer", is_affine),),
)
def tract_linear(
    x: Array, weight: Array, bias: Array | None = None, *, lambda_: float = 0.1
) -> Array:
    """A linear layer, x W^T + bias, with TrAct's gradient for the weight.

    x (..., n), weight (d, n), bias (d,) or None, lambda_ > 0; returns (..., d). Meant for the first
    layer of a vision model: patches, or an unfolded convolution. Raises as `isaac_linear` does.

    >>> from refimpl.autograd import grad
    >>> x = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> layer = lambda W: tract_linear(x, W, lambda_=1.0)[0, 0]
    >>> grad(layer)(np.zeros((1, 2)))
    array([[0.66666667, 0.        ]])
    """
    lambda_ = positive(lambda_, "lambda_")
    return isaac_linear(x, _scaled(weight, factor=1 / lambda_), bias, lambda_a=lambda_)
