"""Gram matrices of a batch and damped solves with them, for ISAAC, TrAct and Newton losses."""

from __future__ import annotations

from ..autograd import Array, array_namespace, constant, indices_like


def gram_matrix(a: Array, side: str) -> Array:
    """a a^T/b (side "samples", b x b) or a^T a/b ("features", n x n), for a of shape (b, n)."""
    xp = array_namespace(a)
    transposed = xp.matrix_transpose(a)
    return (a @ transposed if side == "samples" else transposed @ a) / max(a.shape[0], 1)


def add_to_diagonal(matrix: Array, damping: float) -> Array:
    """matrix + damping I, for matrices in the last two axes."""
    return matrix + damping * identity(matrix.shape[-1], matrix)


def identity(n: int, like: Array) -> Array:
    """The n x n identity with the dtype and device of `like`."""
    xp = array_namespace(like)
    index = indices_like(n, like)
    one, zero = constant(1.0, like=like), constant(0.0, like=like)
    return xp.where(index[:, None] == index[None, :], one, zero)


def solve_damped(matrix: Array, right: Array, damping: float) -> Array:
    """(matrix + damping I)^-1 right, for a symmetric matrix.

    For many columns the inverse is computed once and multiplied, which is several times faster than
    a solve. The error is the same: that of rounding the matrix, times its condition.
    """
    xp = array_namespace(matrix, right)
    damped = add_to_diagonal(matrix, damping)
    if right.shape[-1] >= 2 * matrix.shape[-1]:
        return xp.linalg.inv(damped) @ right
    return xp.linalg.solve(damped, right)
