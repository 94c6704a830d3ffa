"""Projection onto the permutahedron, the convex hull of all permutations of a vector.

    P(w) = conv{ (w_sigma(1), ..., w_sigma(n)) : sigma a permutation },    w_1 >= ... >= w_n

Sort theta in falling order, s = theta_sigma, subtract the isotonic regression of s and w, and put
the result back in the order of theta. So a projection costs one sort and a linear pass.

Source: Blondel et al. 2020, "Fast Differentiable Sorting and Ranking", propositions 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..autograd.core import Primitive, traceable
from ..promises import close
from ..spec import BATCHES, Case, Invariant, specification
from ..validation import choose, float_array
from .blocks import (
    Blocks,
    block_log_softmax,
    block_logsumexp,
    block_mean,
    block_softmax,
    block_sum,
)
from .isotonic import REGULARIZATIONS, find_blocks
from .reorder import falling_order, reorder


def project(theta: Array, w: Array, regularization: str) -> Array:
    """`project_permutahedron` without its checks; w is (..., n) in falling order."""
    xp = array_namespace(theta, w)
    order = falling_order(theta)
    s = reorder(theta, order)
    y = project_falling(s, xp.broadcast_to(w, s.shape), regularization)
    return reorder(y, order.inverse)


def project_falling(s: Array, w: Array, regularization: str) -> Array:
    """The projection of s onto the permutahedron of w, both (..., n) in falling order."""
    blocks = find_blocks(s, w, regularization)
    if blocks.single:
        return w + 0.0 * s
    return _less_block_values(s, w, blocks=blocks, regularization=regularization)


def _definition(xp: Any, s: Array, w: Array, *, blocks: Blocks, regularization: str) -> Array:
    """s - v with the block values v, in a form that is exactly w in a block of one."""
    if regularization == "l2":
        return s - block_mean(s, blocks=blocks) + block_mean(w, blocks=blocks)
    return block_log_softmax(s, blocks=blocks) + block_logsumexp(w, blocks=blocks)


def _backward(
    xp: Any,
    positions: Any,
    g: Array,
    y: Array,
    s: Array,
    w: Array,
    *,
    blocks: Blocks,
    regularization: str,
) -> list[Array]:
    """The derivative of `_definition`, in fewer operations than it takes itself."""
    if regularization == "l2":
        mean = block_mean(g, blocks=blocks)
        return [mean if position else g - mean for position in positions]
    total = block_sum(g, blocks=blocks)
    shares = [block_softmax((s, w)[position], blocks=blocks) * total for position in positions]
    pairs = zip(positions, shares, strict=True)
    return [share if position else g - share for position, share in pairs]


_less_block_values = traceable(
    Primitive("project", _backward, definition=_definition, variadic=True)
)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for regularization in REGULARIZATIONS:
        options = {"regularization": regularization}
        for name, batch in BATCHES.items():
            w = -np.sort(-rng.normal(size=(*batch, 5)), axis=-1)
            inputs = {"theta": rng.normal(size=(*batch, 5)), "w": w}
            yield Case(f"{name}-{regularization}", inputs, options, flags=(name,))
        for n, scale in ((2, 1.0), (8, 0.1), (8, 3.0), (8, 100.0)):
            theta = scale * rng.normal(size=(2, n))
            inputs = {"theta": theta, "w": np.arange(n, 0.0, -1)}
            yield Case(f"n{n}-scale{scale}-{regularization}", inputs, options)
        one = {"theta": np.array([[0.3]]), "w": np.array([2.0])}
        yield Case(f"n1-{regularization}", one, options, kind="edge", flags=("size-one",))
        mixed = {"theta": rng.normal(size=4), "w": np.array([1.0, 4.0, 2.0, -1.0])}
        clause = "the order of w does not matter"
        yield Case(f"mixed-{regularization}", mixed, options, clause=clause)
        tied = {"theta": np.array([1.0, 1.0, -2.0, 1.0]), "w": np.array([3.0, 1.0, 0.5, 0.0])}
        clause = "equal values share, and projections are smooth there"
        yield Case(f"ties-{regularization}", tied, options, flags=("ties",), clause=clause)


def _inside(run: Any, inputs: Any, params: Any) -> str | None:
    """Majorisation: the sums of the k largest are at most those of w, and the totals equal."""
    y, w = run(inputs, params)["projection"], inputs["w"]
    w = np.broadcast_to(w, y.shape)
    if params["regularization"] == "kl":
        y, w = np.exp(y), np.exp(w)
    ours, most = (np.cumsum(-np.sort(-a, axis=-1), axis=-1) for a in (y, w))
    slack = 1000 * np.finfo(ours.dtype).eps * np.max(np.abs(most), initial=1.0)
    if np.any(ours > most + slack) or np.any(np.abs(ours - most)[..., -1:] > slack):
        return "not in the permutahedron: a sum of largest entries is too large"
    return None


def _idempotent(run: Any, inputs: Any, params: Any) -> str | None:
    once = run(inputs, params)["projection"]
    twice = run({"theta": once, "w": inputs["w"]}, params)["projection"]
    return None if close(twice, once, scale=10) else "projecting again moves it"


def _equivariant(run: Any, inputs: Any, params: Any) -> str | None:
    turned = {"theta": inputs["theta"][..., ::-1], "w": inputs["w"]}
    before, after = run(inputs, params)["projection"], run(turned, params)["projection"]
    same = close(after, before[..., ::-1], scale=np.max(np.abs(inputs["theta"]), initial=1.0))
    return None if same else "permuting theta does not permute the projection"


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    """The permutahedron, and its image under the logarithm, lie across the direction of ones."""
    moved = {**inputs, "theta": inputs["theta"] + 2}
    before, after = run(inputs, params)["projection"], run(moved, params)["projection"]
    same = close(after, before, scale=np.max(np.abs(inputs["theta"]), initial=10.0))
    return None if same else "a constant added to theta moves the projection"


INVARIANTS = (
    Invariant("inside", "the projection lies in the permutahedron", _inside),
    Invariant("idempotent", "a projection stays where it is", _idempotent),
    Invariant("equivariant", "permuting theta permutes the projection", _equivariant),
    Invariant("shift", "a constant added to theta changes nothing", _shift),
)


@specification(
    name="sorting.project_permutahedron",
    source="Blondel et al. 2020, propositions 3 and 4",
    inputs=("theta", "w"),
    outputs=("projection",),
    cases=_cases,
    invariants=INVARIANTS,
    kinks="where blocks of the isotonic regression meet, which is where faces of the "
    "permutahedron do; they are pooled there",
)
def project_permutahedron(theta: Array, w: Array, *, regularization: str = "l2") -> Array:
    """The point of the permutahedron of w that is nearest to theta, along the last axis.

        l2: argmin over y in P(w) of |y - theta|^2
        kl: log of argmin over z in P(exp w) of KL(z, exp theta), KL(a, b) = sum a log(a/b) - a + b

    theta           (..., n), n >= 1
    w               (n,), or (..., n) for a permutahedron per row; its order does not matter
    regularization  "l2" or "kl"; "kl" takes and returns logarithms
    returns         (..., n), in the order of theta; exactly a permutation of w where theta is so
                    spread that nothing is pooled

    The gradient is the derivative in theta and in w, of every order; see `isotonic_regression`,
    also for NaN and other libraries. Equal entries of theta give equal results.
    Time O(n log n), memory O(n).

    Raises ValueError for n = 0, a w that does not fit, an unknown regularization.

    >>> project_permutahedron([0.2, 0.0, 9.0], [3.0, 2.0, 1.0])
    array([1.6, 1.4, 3. ])
    """
    theta, w = float_array(theta, "theta", min_ndim=1), float_array(w, "w", min_ndim=1)
    choose(regularization, REGULARIZATIONS, "regularization")
    shape = tuple(theta.shape)
    if shape[-1] == 0:
        raise ValueError(f"theta: expected at least one value, got shape {shape}")
    if tuple(w.shape) not in (shape, shape[-1:]):
        raise ValueError(f"w: expected shape {shape[-1:]} or {shape}, got {tuple(w.shape)}")
    return project(theta, reorder(w, falling_order(w)), regularization)
