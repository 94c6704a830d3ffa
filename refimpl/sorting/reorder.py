"""Sorting a batch along its last axis and undoing it, in one gather each way.

A permutation is kept together with its inverse, so that the derivative of a gather is a gather too
and nothing is scattered.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, argsort, array_namespace, indices_like, plain
from ..autograd.core import Primitive, traceable
from ..autograd.libraries import library_of


class Order(NamedTuple):
    """Where each element of the flattened result comes from, and the inverse of that."""

    source: Array
    target: Array

    @property
    def inverse(self) -> Order:
        """The order that undoes this one."""
        return Order(self.target, self.source)


def falling_order(x: Array) -> Order:
    """The order that sorts the last axis from large to small; equal values keep theirs."""
    x = plain(x)
    xp, n, rows = array_namespace(x), x.shape[-1], math.prod(x.shape[:-1])
    if library_of(x).name == "numpy":
        return _numpy_order(np.reshape(-x, (rows, n)))
    position = xp.reshape(argsort(x, axis=-1, descending=True), (rows, n))
    source = xp.reshape(position + indices_like(rows, x)[:, None] * n, (-1,))
    return Order(source, xp.argsort(source))


def _numpy_order(x: np.ndarray) -> Order:
    """The stable order of the rows; NumPy's default algorithm is faster, but only without ties."""
    rows, n = x.shape
    first = np.arange(rows)[:, None] * n
    source = np.argsort(x, axis=1) + first
    s = np.take(x, source)
    tied = s[:, 1:] == s[:, :-1]
    if np.any(tied):
        again = np.any(tied, axis=1)
        source[again] = np.argsort(x[again], axis=1, stable=True) + first[again]
    source = np.reshape(source, -1)
    target = np.empty_like(source)
    target[source] = np.arange(rows * n)
    return Order(source, target)


def _take(xp: Any, x: Array, *, order: Order) -> Array:
    return xp.reshape(xp.take(xp.reshape(x, (-1,)), order.source, axis=0), x.shape)


def _back(xp: Any, g: Array, y: Array, x: Array, *, order: Order) -> Array:
    return _traceable_take(g, order=order.inverse)


_traceable_take = traceable(Primitive("reorder", _back, definition=_take))


def reorder(x: Array, order: Order) -> Array:
    """`x` with the elements of its flattened array in that order; linear."""
    return _traceable_take(x, order=order)
