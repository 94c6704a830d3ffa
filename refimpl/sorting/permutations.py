"""Permutation matrices, hard and relaxed: what they do to other arrays, and the ranks they hold.

Everywhere in `refimpl.sorting`, P[..., i, j] is the weight of input i at sorted position j, as in
the code of diffsort: columns are positions, sorted = x @ P. The papers write the transpose,
sort(x) = P x, in which rows are positions; `as_rows` changes between the two.
"""

from __future__ import annotations

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.validation import float_array


def hard_permutation(x: Array, *, descending: bool = False, like: Array | None = None) -> Array:
    """The permutation matrix that sorts: Q[..., i, j] = 1 if input i is the j-th, else 0.

    x: (..., n). Returns (..., n, n) in the dtype of x (of `like`, if given); sorted = x @ Q. Equal
    values keep their order, also with `descending`. It is piecewise constant: no gradient. It is
    the limit of relaxed permutation matrices for growing steepness where the values differ, and the
    target of `losses.permutation_cross_entropy`.

    >>> import numpy as np
    >>> hard_permutation(np.array([0.3, 0.1, 0.2]))
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    x = float_array(x, "x", min_ndim=1)
    inputs = ag.argsort(x, axis=-1, descending=descending)  # (..., n): which input is the j-th
    one_hot = ag.one_hot(inputs, x.shape[-1], like=x if like is None else like)
    return ag.array_namespace(one_hot).matrix_transpose(one_hot)


def hard_sort(x: Array, *, descending: bool = False) -> tuple[Array, Array]:
    """The sorted values and the permutation matrix, without relaxation.

    x: (..., n). Returns (sorted, Q) like `sorting_network`, of which it is the limit for growing
    steepness. The gradient of the sorted values follows the permutation; at ties, the stable one.

    >>> import numpy as np
    >>> hard_sort(np.array([0.3, 0.1, 0.2]), descending=True)[0]
    array([0.3, 0.2, 0.1])
    """
    x = float_array(x, "x", min_ndim=1)
    return ag.sort(x, axis=-1, descending=descending), hard_permutation(x, descending=descending)


def apply_permutation(P: Array, payload: Array) -> Array:
    """Sort other data along: y[..., j, :] = sum_i P[..., i, j] payload[..., i, :].

    P: (..., n, n), columns are positions. payload: (..., n) or (..., n, features...), with the
    batch axes of P. Returns the shape of the payload. Linear, and differentiable, in both.

    Raises ValueError where the shapes do not fit.

    >>> import numpy as np
    >>> apply_permutation(hard_permutation([0.3, 0.1, 0.2]), np.array([30.0, 10.0, 20.0]))
    array([10., 20., 30.])
    """
    P = _matrix(P)
    payload = float_array(payload, "payload", min_ndim=1)
    axes = P.ndim - 1  # batch axes, and the axis that is sorted
    if tuple(payload.shape[:axes]) != tuple(P.shape[:-1]):
        raise ValueError(
            f"payload: expected shape {tuple(P.shape[:-1])} and any features behind it, "
            f"for P of shape {tuple(P.shape)}; got {tuple(payload.shape)}"
        )
    xp = ag.array_namespace(P, payload)
    count = 1
    for size in payload.shape[axes:]:
        count *= size
    features = xp.reshape(payload, (*payload.shape[:axes], count))  # (..., n, features)
    return xp.reshape(xp.matmul(xp.matrix_transpose(P), features), payload.shape)


def ranks(P: Array) -> Array:
    """The soft rank of every input: r[..., i] = sum_j P[..., i, j] j, from 0 to n - 1.

    P: (..., n, n), columns are positions. Returns (..., n). Rank 0 is the smallest input, or the
    largest for a P in descending order. Where the rows of P are distributions, the rank is the
    expected position.

    >>> ranks(hard_permutation([0.3, 0.1, 0.2]))
    array([2., 0., 1.])
    """
    P = _matrix(P)
    xp = ag.array_namespace(P)
    return xp.matmul(P, xp.astype(ag.indices_like(P.shape[-1], P), P.dtype))


def as_rows(P: Array) -> Array:
    """The transpose P[..., j, i], in which rows are positions, as papers write: sort(x) = P x.

    It is its own inverse. NeuralSort and SoftSort have their rows in descending order, which is
    this for a P made with `descending=True`.
    """
    P = _matrix(P)
    return ag.array_namespace(P).matrix_transpose(P)


def _matrix(P: Array) -> Array:
    P = float_array(P, "P", min_ndim=2)
    if P.shape[-1] != P.shape[-2]:
        raise ValueError(f"P: expected square matrices (..., n, n), got shape {tuple(P.shape)}")
    return P
