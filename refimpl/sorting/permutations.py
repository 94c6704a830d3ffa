"""Permutation matrices, hard and relaxed: what they do to other arrays, and the ranks they hold.

Everywhere in `refimpl.sorting`, P[..., i, j] is the weight of input i at sorted position j, as in
the code of diffsort: columns are positions, sorted = x @ P. The papers write the transpose,
sort(x) = P x, in which rows are positions; `as_rows` changes between the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.promises import close
from refimpl.spec import BATCHES, Case, Invariant, specification
from refimpl.validation import float_array


def _orders(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        x = rng.permuted(np.broadcast_to(np.arange(5.0), (*batch, 5)), axis=-1)
        yield Case(name, {"x": x}, {"descending": False}, flags=(name,))
    down = {"x": rng.permutation(np.arange(6.0))}
    yield Case("descending", down, {"descending": True})
    one = {"x": np.array([[2.5]])}
    yield Case("n1", one, {"descending": False}, kind="edge", flags=("size-one",))
    for descending in (False, True):
        tied = {"x": np.array([1.0, 0.0, 1.0, 0.0])}
        options = {"descending": descending}
        clause = "equal values keep their order"
        name = "ties-descending" if descending else "ties"
        yield Case(name, tied, options, kind="edge", flags=("ties",), clause=clause)


def _matrices(rng: np.random.Generator, payload: bool) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        inputs = {"P": rng.dirichlet(np.ones(4), size=(*batch, 4))}
        if payload:
            inputs["payload"] = rng.normal(size=(*batch, 4))
        yield Case(name, inputs, flags=(name,), clause="columns are positions")
    if payload:
        features = {
            "P": rng.dirichlet(np.ones(3), size=(2, 3)),
            "payload": rng.normal(size=(2, 3, 4)),
        }
        yield Case("features", features, clause="y[j, :] = sum_i P[i, j] payload[i, :]")


def _sorts(run: Any, inputs: Any, params: Any) -> str | None:
    x, Q = inputs["x"], run(inputs, params)["Q"]
    if not (np.all((Q == 0) | (Q == 1)) and np.all(Q.sum(-1) == 1) and np.all(Q.sum(-2) == 1)):
        return "not a permutation matrix"
    steps = np.diff(np.sum(x[..., :, None] * Q, axis=-2), axis=-1)
    wrong = steps > 0 if params["descending"] else steps < 0
    return "x @ Q is out of order" if np.any(wrong) else None


def _stable(run: Any, inputs: Any, params: Any) -> str | None:
    Q = run({"x": 0 * inputs["x"]}, params)["Q"]
    same = np.array_equal(Q, np.broadcast_to(np.eye(Q.shape[-1]), Q.shape))
    return None if same else "equal values do not keep their order"


@specification(
    name="sorting.hard_permutation",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021)",
    inputs=("x",),
    differentiable=(),
    outputs=("Q",),
    cases=_orders,
    invariants=(
        Invariant("sorts", "Q is a permutation matrix, and x @ Q is sorted", _sorts),
        Invariant("stable", "equal values keep their order", _stable),
    ),
    kinks="piecewise constant, with jumps at ties",
)
def hard_permutation(x: Array, *, descending: bool = False, like: Array | None = None) -> Array:
    """The permutation matrix that sorts: Q[..., i, j] = 1 if input i is the j-th, else 0.

    x: (..., n). Returns (..., n, n) in the dtype of x (of `like`, if given); sorted = x @ Q. Equal
    values keep their order, also with `descending`. It is piecewise constant: no gradient. It is
    the limit of relaxed permutation matrices for growing steepness where the values differ, and the
    target of `losses.permutation_cross_entropy`.

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

    >>> hard_sort(np.array([0.3, 0.1, 0.2]), descending=True)[0]
    array([0.3, 0.2, 0.1])
    """
    x = float_array(x, "x", min_ndim=1)
    return ag.sort(x, axis=-1, descending=descending), hard_permutation(x, descending=descending)


def _composes(run: Any, inputs: Any, params: Any) -> str | None:
    P, x = inputs["P"], inputs["payload"]
    Q = np.roll(P, 1, axis=-1)
    twice = run({"P": Q, "payload": run(inputs, params)["sorted"]}, params)["sorted"]
    at_once = run({"P": P @ Q, "payload": x}, params)["sorted"]
    return None if close(twice, at_once) else "P and then Q is not the product P Q"


def _shares(run: Any, inputs: Any, params: Any) -> str | None:
    P, x = inputs["P"], inputs["payload"]
    axis = P.ndim - 2  # of the inputs, and of the positions
    rows = np.reshape(P.sum(-1), P.shape[:-1] + (1,) * (x.ndim - P.ndim + 1))
    total = np.sum(run(inputs, params)["sorted"], axis=axis)
    return None if close(total, np.sum(rows * x, axis=axis)) else "the row sums are not the shares"


@specification(
    name="sorting.apply_permutation",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021)",
    inputs=("P", "payload"),
    outputs=("sorted",),
    cases=lambda rng: _matrices(rng, payload=True),
    invariants=(
        Invariant("composition", "P applied and then Q is the matrix product P Q", _composes),
        Invariant("shares", "sum_j y_j = sum_i (sum_j P_ij) payload_i", _shares),
    ),
    kinks="none: it is bilinear",
)
def apply_permutation(P: Array, payload: Array) -> Array:
    """Sort other data along: y[..., j, :] = sum_i P[..., i, j] payload[..., i, :].

    P: (..., n, n), columns are positions. payload: (..., n) or (..., n, features...), with the
    batch axes of P. Returns the shape of the payload. Linear, and differentiable, in both.

    Raises ValueError where the shapes do not fit.

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
    count = math.prod(payload.shape[axes:])
    features = xp.reshape(payload, (*payload.shape[:axes], count))  # (..., n, features)
    return xp.reshape(xp.matmul(xp.matrix_transpose(P), features), payload.shape)


def _from_the_other_end(run: Any, inputs: Any, params: Any) -> str | None:
    P = inputs["P"]
    total = run(inputs, params)["ranks"] + run({"P": np.flip(P, axis=-1)}, params)["ranks"]
    return None if close(total, (P.shape[-1] - 1) * P.sum(-1)) else "both counts are not n - 1"


def _rows(run: Any, inputs: Any, params: Any) -> str | None:
    moved = run({"P": np.roll(inputs["P"], 1, axis=-2)}, params)["ranks"]
    same = close(moved, np.roll(run(inputs, params)["ranks"], 1, axis=-1))
    return None if same else "permuting the inputs does not permute the ranks"


def _counts(run: Any, inputs: Any, params: Any) -> str | None:
    n = inputs["P"].shape[-1]
    order = np.roll(np.arange(n), 1)
    hard = np.broadcast_to(np.eye(n, dtype=inputs["P"].dtype)[order], inputs["P"].shape)
    found = run({"P": hard.copy()}, params)["ranks"]
    same = close(found, np.broadcast_to(order, found.shape))
    return None if same else "the ranks of a permutation matrix are not its positions"


@specification(
    name="sorting.ranks",
    source="code of Petersen et al., Differentiable Sorting Networks (ICML 2021): P @ arange(n)",
    inputs=("P",),
    outputs=("ranks",),
    cases=lambda rng: _matrices(rng, payload=False),
    invariants=(
        Invariant("hard", "of a permutation matrix, the positions 0 to n - 1", _counts),
        Invariant(
            "mirror", "from both ends, ranks sum to n - 1 times the row sum", _from_the_other_end
        ),
        Invariant("equivariance", "permuting the rows of P permutes the ranks", _rows),
    ),
    kinks="none: it is linear",
)
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
