"""Soft sorted values without the permutation matrix, for methods that define it column by column.

The values x @ P of NeuralSort and SoftSort need one column of P at a time. Blocks of columns are
made, used and forgotten, and made again in the backward pass, so that memory is O(n) times the
width of a block; time stays O(n^2). Perturbed sorting averages sorted values in place of matrices.

Source: Grover et al. 2019 and Prillo and Eisenschlos 2020 for P; Chen et al. 2016, "Training Deep
Nets with Sublinear Memory Cost", for the recomputation; Berthet et al. 2020 for perturbed values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import (
    Array,
    argsort,
    array_namespace,
    custom_vjp,
    indices_like,
    is_traced,
    softmax,
    sort,
    stop_gradient,
    vjp,
)
from ..distributions import Distribution
from ..training.perturbed import perturbed
from ..validation import float_array, positive
from .softsort import _power
from .straight_through import straight_through

Block = Callable[..., Array]
ENTRIES = 2**21  # of P in one block


def neural_sort_values(
    x: Array, *, temperature: float = 1.0, hard: bool = False, descending: bool = False
) -> Array:
    """x @ neural_sort(x), (..., n), and its gradient, in memory O(n) per sample.

    Arguments and errors as for `neural_sort`. Under the differentiation of torch or JAX the value
    and the gradient are the same, and memory is O(n^2).

    >>> neural_sort_values([3.0, 1.0, 2.0]).round(3)
    array([1.292, 2.   , 2.708])
    """
    x, tau = _checked(x), positive(temperature, "temperature")
    xp, n = array_namespace(x), x.shape[-1]

    def distances(some: Array, x: Array) -> Array:
        xp = array_namespace(some, x)
        return xp.sum(xp.abs(some[..., :, None] - x[..., None, :]), axis=-1)

    def values(c: Array, x: Array, A: Array) -> Array:
        xp = array_namespace(x, A)
        z = x - stop_gradient(xp.max(x, axis=-1, keepdims=True))
        return _mean(x, (z[..., :, None] * c - A[..., :, None]) / tau, hard)

    A = _in_blocks(distances, x, x)
    c = xp.astype(2 * indices_like(n, x) + 1 - n, x.dtype)
    return _in_blocks(values, -c if descending else c, x, A)


def soft_sort_values(
    x: Array,
    *,
    temperature: float = 1.0,
    power: float = 1.0,
    hard: bool = False,
    descending: bool = False,
) -> Array:
    """x @ soft_sort(x), (..., n), and its gradient, in memory O(n) per sample.

    Arguments and errors as for `soft_sort`; torch and JAX as for `neural_sort_values`.

    >>> soft_sort_values([3.0, 1.0, 2.0]).round(3)
    array([1.425, 2.   , 2.575])
    """
    x = _checked(x)
    tau, p = positive(temperature, "temperature"), positive(power, "power")

    def values(some: Array, x: Array) -> Array:
        return _mean(x, -_power(some[..., None, :] - x[..., :, None], p) / tau, hard)

    return _in_blocks(values, sort(x, axis=-1, descending=descending), x)


def perturbed_values(
    x: Array,
    noise: Array,
    *,
    sigma: float = 0.05,
    distribution: str | Distribution = "gaussian",
    covariate: str = "none",
) -> Array:
    """x @ perturbed_permutation(x, noise), (..., n), and its gradient, in memory O(S n).

    Arguments and errors as for `perturbed_permutation`.

    >>> perturbed_values([0.2, 0.0], [[0.0, 0.0], [0.0, 0.5]], sigma=1.0)
    array([0.1, 0.1])
    """
    x, noise = _checked(x), float_array(noise, "noise", min_ndim=1)
    known = stop_gradient(x)

    def arranged(scores: Array, values: Array) -> Array:
        xp = array_namespace(values)
        whole = xp.broadcast_to(values, scores.shape)
        return xp.take_along_axis(whole, argsort(scores, axis=-1), axis=-1)

    moved = perturbed(
        lambda scores: arranged(scores, known),
        x,
        noise,
        sigma,
        distribution=distribution,
        covariate=covariate,
        batch_ndim=x.ndim - 1,
    )
    zero = arranged(known + sigma * noise, x - known)  # with the derivative of x @ P by its first x
    return moved + array_namespace(zero).mean(zero, axis=0)


def _checked(x: Array) -> Array:
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    return x


def _mean(x: Array, logits: Array, hard: bool) -> Array:
    """Sums of x with the weights softmax(logits): (..., n), (..., n, c) -> (..., c)."""
    P = softmax(logits, axis=-2)
    P = straight_through(P) if hard else P
    return array_namespace(x, P).matmul(x[..., None, :], P)[..., 0, :]


def _in_blocks(f: Block, some: Array, x: Array, *others: Array) -> Array:
    """f(some, x, *others) for parts of the last axis of `some`, one after the other."""
    n, width = some.shape[-1], max(1, ENTRIES // max(1, math.prod(x.shape)))
    if width >= n:
        return f(some, x, *others)
    parts = [slice(i, i + width) for i in range(0, n, width)]

    def whole(some: Array, *rest: Array) -> Array:
        done = [f(some[..., part], *rest) for part in parts]
        return array_namespace(*done).concat(done, axis=-1)

    if not any(map(is_traced, (some, x, *others))):
        return whole(some, x, *others)

    def backward(arguments: tuple[Array, ...], g: Array) -> list[Array]:
        some, *rest = arguments
        totals: list[Any] = [0.0] * len(rest)
        pulled = []
        for part in parts:
            own, *shares = vjp(f, some[..., part], *rest)[1](g[..., part])
            pulled.append(own)
            totals = [total + share for total, share in zip(totals, shares, strict=True)]
        return [array_namespace(*pulled).concat(pulled, axis=-1), *totals]

    blockwise = custom_vjp(whole)
    blockwise.defvjp(lambda *given: (whole(*given), given), backward)
    return blockwise(some, x, *others)
