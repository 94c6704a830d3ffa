"""Gradients and Hessians of losses, sample by sample.

A loss here is a function of the outputs y (..., m) of a network that returns one number per sample,
(...,), where a sample's number depends on that sample's outputs only. For a ranking loss a sample
is a set of m scores. All leading axes are the batch; N is the number of samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import Array, array_namespace, is_array, stop_gradient, vjp
from .gram import identity

Loss = Callable[[Array], Array]


def sample_gradients(loss: Loss, y: Array) -> tuple[Array, Array]:
    """The losses (...,) and their gradients G (..., m), of outputs y (..., m).

    Raises ValueError if the loss does not return one number per sample.

    >>> import numpy as np
    >>> y = np.array([[1.0, 2.0], [0.0, 3.0]])
    >>> sample_gradients(lambda y: y[..., 0] * y[..., 1], y)
    (array([2., 0.]), array([[2., 1.],
           [3., 0.]]))
    """
    values, pull = vjp(loss, y)
    _check(values, y)
    return values, pull(array_namespace(values).ones_like(values))[0]


def sample_hessians(loss: Loss, y: Array) -> Array:
    """The Hessians (..., m, m): the gradient is traced once and pulled back m times, each time for
    one output of all samples.

    >>> import numpy as np
    >>> sample_hessians(lambda y: y[..., 0] * y[..., 1], np.array([[1.0, 2.0]]))
    array([[[0., 1.],
            [1., 0.]]])
    """
    xp = array_namespace(y)
    eye = identity(y.shape[-1], y)
    pull = vjp(lambda y: sample_gradients(loss, y)[1], y)[1]
    rows = [pull(xp.broadcast_to(eye[k, :], y.shape))[0] for k in range(y.shape[-1])]
    return xp.stack(rows, axis=-1) if rows else xp.zeros_like(y)[..., None]


def mean_hessian(loss: Loss, y: Array) -> Array:
    """H = (1/N) sum_i Hess l_i, (m, m), symmetrised against rounding."""
    xp = array_namespace(y)
    H = xp.mean(sample_hessians(loss, y), axis=tuple(range(y.ndim - 1)))
    return (H + xp.matrix_transpose(H)) / 2


def empirical_fisher(gradients: Array) -> Array:
    """F = (1/N) sum_i G_i G_i^T, (m, m), of gradients (..., m); positive semidefinite.

    >>> import numpy as np
    >>> empirical_fisher(np.array([[1.0, 1.0], [1.0, -1.0]]))
    array([[1., 0.],
           [0., 1.]])
    """
    xp = array_namespace(gradients)
    G = xp.reshape(gradients, (math.prod(gradients.shape[:-1]), gradients.shape[-1]))
    return xp.matrix_transpose(G) @ G / max(G.shape[0], 1)


def smallest_eigenvalue(matrix: Array) -> float:
    """The smallest eigenvalue of a symmetric matrix, or of all of a stack of them."""
    xp = array_namespace(matrix)
    return float(xp.min(xp.linalg.eigvalsh(stop_gradient(matrix))))


def _check(values: Any, y: Array) -> None:
    shape = tuple(values.shape) if is_array(values) else type(values).__name__
    if shape != tuple(y.shape[:-1]):
        raise ValueError(
            f"loss: expected one number per sample, shape {tuple(y.shape[:-1])} for y of shape "
            f"{tuple(y.shape)}, got {shape}"
        )
