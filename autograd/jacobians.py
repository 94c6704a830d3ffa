"""All derivatives of a function: Jacobians, Hessians, and products with Hessians."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from . import tree
from .backend import constant
from .core import OPERATIONS, Array, plain
from .libraries import is_array, library_of
from .transforms import Trace, as_leaf, grad, positions, pushforward, vectors

Function = Callable[..., Any]


def jacobian(f: Function, argnums: int = 0) -> Function:
    """All derivatives of `f`: for each output and each input array one of shape out.shape +
    in.shape.

    Containers nest: the structure of the output, and inside it that of the argument. Rows come from
    the pull-back, or columns from the push-forward if there are fewer inputs than outputs. A
    `custom_vjp` whose backward pass is not linear, as for black-box solvers, has no Jacobian: pull
    cotangents back by `vjp` there.
    """

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        i = positions(argnums, len(args), getattr(f, "__name__", "f"))[0]
        trace = Trace(functools.partial(f, **kwargs), args, [i], "jacobian")
        inputs, rebuild_input = tree.flatten(args[i])
        for y in trace.outputs:
            if not is_array(y):
                raise TypeError(f"jacobian: expected arrays as outputs, got {type(y).__name__}")
        wide = _size(trace.primals) > _size(trace.outputs)
        blocks = _by_rows(trace) if wide else _by_columns(trace)
        count = len(inputs)
        return trace.rebuild_output([rebuild_input(row[:count]) for row in blocks])

    return evaluate


def _size(arrays: Sequence[Array]) -> int:
    return sum(math.prod(x.shape) for x in arrays)


def _basis(x: Array) -> list[Array]:
    """The unit arrays of the shape of `x`, in C order."""
    x = plain(x)
    xp, at_set = library_of(x).xp, OPERATIONS["at_set"]
    flat = xp.reshape(xp.zeros_like(x), (math.prod(x.shape),))
    return [xp.reshape(at_set(flat, k, 1.0), x.shape) for k in range(flat.shape[0])]


def _by_rows(trace: Trace) -> list[list[Array]]:
    blocks = []
    for k, y in enumerate(trace.outputs):
        alone: list[Any] = [None] * len(trace.outputs)
        rows = [tree.leaves(trace.pull([*alone[:k], e, *alone[k + 1 :]])) for e in _basis(y)]
        blocks.append(
            [_joined([row[i] for row in rows], 0, y, x) for i, x in enumerate(trace.primals)]
        )
    return blocks


def _by_columns(trace: Trace) -> list[list[Array]]:
    push = pushforward(trace)
    blocks: list[list[Array]] = [[] for _ in trace.outputs]
    for i, x in enumerate(trace.primals):
        alone: list[Any] = [None] * len(trace.primals)
        columns = [push(trace.grouped([*alone[:i], e, *alone[i + 1 :]])) for e in _basis(x)]
        position = itertools.count()
        for block, y, slot in zip(blocks, trace.outputs, trace.slots, strict=True):
            k = next(position) if slot is not None else None
            block.append(_joined([c[k] for c in columns if k is not None], -1, y, x))
    return blocks


def _joined(parts: list[Array], axis: int, y: Array, x: Array) -> Array:
    """The block of the Jacobian of `y` in `x` from its rows or columns; zeros without any."""
    shape = (*y.shape, *x.shape)
    xp = library_of(x).traced
    if not parts:
        return xp.broadcast_to(constant(0.0, like=x), shape)
    return xp.reshape(xp.stack(parts, axis=axis), shape)


def hessian(f: Function, argnums: int = 0) -> Function:
    """Second derivatives of a scalar function, shape in.shape + in.shape: the Jacobian of its
    gradient.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] * x[0] * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, x: Any, v: Any) -> Any:
    """The product of the Hessian of scalar `f` at `x` with `v` (containers of the same structure),
    without forming it.

    Reverse over reverse: the gradient of x -> <grad f(x), v>.
    """
    direction = vectors("hvp: direction", v, x, [as_leaf(leaf, "hvp") for leaf in tree.leaves(x)])

    def slope(point: Any) -> Any:
        parts = zip(tree.leaves(grad(f)(point)), direction, strict=True)
        terms = [library_of(g).traced.sum(g * d) for g, d in parts if d is not None]
        return functools.reduce(operator.add, terms) if terms else 0.0

    return grad(slope)(x)
