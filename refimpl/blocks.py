"""Methods on Dask arrays that are chunked over the batch: values and gradients block by block.

A method treats the samples of a batch one by one, so that a block of the batch needs no other. What
Dask does with the blocks, on how many threads or machines and when, is Dask's: both functions here
only describe the work, and `.compute()` does it. Needs `pip install 'refimpl[dask]'`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import autograd as ag
from .autograd import tree

Function = Callable[..., Any]


def map_blocks(f: Function, *args: Any) -> Any:
    """`f(*args)` as Dask arrays, where f is called for each block of the batch.

    args     Dask arrays (B, ...), all with the same chunks of axis 0 and whole along the others;
             NumPy arrays and containers of either. What is not a Dask array, such as parameters, is
             given whole to every block
    returns  what f returns, as Dask arrays (B, ...) with the same chunks

    f must keep the samples apart, with the batch as the first axis of each of its outputs, and take
    an empty batch, by which the shapes of its outputs are found. Raises TypeError without a Dask
    array, ValueError for other chunks or outputs.

    >>> import numpy as np, pytest
    >>> da = pytest.importorskip("dask.array")
    >>> from refimpl.sorting import sorting_network
    >>> x = da.from_array(np.array([[3.0, 1.0], [1.0, 2.0], [5.0, 4.0]]), chunks=(2, 2))
    >>> values, P = map_blocks(lambda x: sorting_network(x, steepness=1e3), x)
    >>> values.compute().round(2)
    array([[1., 3.],
           [1., 2.],
           [4., 5.]])
    """
    work = _Work(f, args)
    return work.output(work.each(_value))


def vjp_blocks(f: Function, *args: Any) -> tuple[Any, Callable[[Any], tuple]]:
    """`map_blocks(f, *args)` and its vector-Jacobian product, like `refimpl.autograd.vjp`.

    `pull(g)`, for a cotangent of the structure and shapes of the output, returns one gradient per
    argument, as Dask arrays: for a Dask array, with its chunks; for anything else, the sum over the
    blocks. Arrays that are not floating have None. Each block is evaluated again by `pull`.

    >>> import numpy as np, pytest
    >>> da = pytest.importorskip("dask.array")
    >>> x = da.from_array(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), chunks=(2, 2))
    >>> y, pull = vjp_blocks(lambda x, w: (x * w) @ w, x, np.array([1.0, -1.0]))
    >>> gradient, total = pull(da.ones_like(y))
    >>> gradient.compute()
    array([[1., 1.],
           [1., 1.],
           [1., 1.]])
    >>> total.compute()
    array([ 18., -24.])
    """
    work = _Work(f, args)

    def pull(g: Any) -> tuple:
        weights = work.cotangents(g)
        pulled = work.each(_pull, weights)
        return work.gradients(pulled)

    return work.output(work.each(_value)), pull


class _Work:
    """The blocks of a call, and the shapes of what it returns."""

    def __init__(self, f: Function, args: tuple) -> None:
        self.f = f
        self.leaves, self.rebuild = tree.flatten(args)
        self.lengths = _lengths(self.leaves)
        empty = f(*self.rebuild([_empty(x) if _in_blocks(x) else x for x in self.leaves]))
        self.outputs, self.rebuild_output = tree.flatten(empty)
        for y in self.outputs:
            if y.ndim < 1 or y.shape[0] != 0:
                raise ValueError(
                    f"an output of shape {tuple(y.shape)} for an empty batch: expected the batch "
                    "as its first axis; leave the mean over the batch to Dask"
                )

    def each(self, function: Function, weights: list[Any] | None = None) -> list[Any]:
        """function(f, rebuild, arguments[, cotangents]) of every block, delayed."""
        import dask

        call = functools.partial(function, self.f, self.rebuild)
        split = [_split(x, len(self.lengths)) for x in self.leaves]
        rows = [list(row) for row in zip(*split, strict=True)]
        if weights is None:
            return [dask.delayed(call)(row) for row in rows]
        along = zip(*(_split(w, len(self.lengths)) for w in weights), strict=True)
        return [dask.delayed(call)(row, list(w)) for row, w in zip(rows, along, strict=True)]

    def output(self, blocks: list[Any]) -> Any:
        """The outputs as Dask arrays."""
        found = [self._joined(blocks, i, y.shape[1:], y.dtype) for i, y in enumerate(self.outputs)]
        return self.rebuild_output(found)

    def gradients(self, blocks: list[Any]) -> tuple:
        """The gradients by argument, joined or added up."""
        import dask
        import dask.array as da

        found: list[Any] = []
        for i, x in enumerate(self.leaves):
            if not _floats(x):
                found.append(None)
            elif _in_blocks(x):
                found.append(self._joined(blocks, i, x.shape[1:], x.dtype))
            else:
                total = dask.delayed(_sum)([block[i] for block in blocks])
                found.append(da.from_delayed(total, np.shape(x), dtype=np.asarray(x).dtype))
        return self.rebuild(found)

    def cotangents(self, g: Any) -> list[Any]:
        """The leaves of g, in the blocks of the outputs."""
        import dask.array as da

        given = tree.matching(self.rebuild_output(self.outputs), g, "cotangent")
        batch, arrays = sum(self.lengths), []
        for w, y in zip(given, self.outputs, strict=True):
            if np.shape(w) != (batch, *y.shape[1:]):
                wanted = (batch, *y.shape[1:])
                raise ValueError(f"cotangent: expected shape {wanted}, got {np.shape(w)}")
            arrays.append(da.asarray(w).rechunk((self.lengths, *((n,) for n in y.shape[1:]))))
        return arrays

    def _joined(self, blocks: list[Any], index: int, shape: tuple, dtype: Any) -> Any:
        import dask.array as da

        parts = [
            da.from_delayed(block[index], (length, *shape), dtype=dtype)
            for block, length in zip(blocks, self.lengths, strict=True)
        ]
        return da.concatenate(parts)


def _lengths(leaves: list[Any]) -> tuple[int, ...]:
    """The chunks of axis 0 that all Dask arrays share."""
    chunks = [x.chunks for x in leaves if _in_blocks(x)]
    if not chunks:
        raise TypeError("expected a Dask array among the arguments, chunked over its first axis")
    for found in chunks:
        if not found:
            raise ValueError("a Dask array without axes: expected the batch as its first axis")
        if any(len(axis) > 1 for axis in found[1:]):
            raise ValueError(f"chunks {found}: expected one along all axes but the first; rechunk")
        if found[0] != chunks[0][0]:
            raise ValueError(f"chunks of the batch differ: {chunks[0][0]} and {found[0]}; rechunk")
    if not all(length == length for length in chunks[0][0]):
        raise ValueError("chunks of unknown length: call compute_chunk_sizes() first")
    return chunks[0][0]


def _in_blocks(x: Any) -> bool:
    return hasattr(x, "to_delayed") and hasattr(x, "chunks")


def _floats(x: Any) -> bool:
    return isinstance(x, float) or "float" in str(getattr(x, "dtype", ""))


def _empty(x: Any) -> Any:
    return ag.array_namespace(x._meta).reshape(x._meta, (0, *x.shape[1:]))


def _split(x: Any, count: int) -> list[Any]:
    return list(x.to_delayed().ravel()) if _in_blocks(x) else [x] * count


def _value(f: Function, rebuild: Function, leaves: list[Any]) -> list[Any]:
    return tree.leaves(f(*rebuild(leaves)))


def _pull(f: Function, rebuild: Function, leaves: list[Any], weights: list[Any]) -> list[Any]:
    """The gradients of one block, None for what is not floating."""
    moving = [i for i, x in enumerate(leaves) if _floats(x)]

    def along(*arrays: Any) -> list[Any]:
        given = dict(zip(moving, arrays, strict=True))
        return tree.leaves(f(*rebuild([given.get(i, x) for i, x in enumerate(leaves)])))

    _, pull = ag.vjp(along, *(leaves[i] for i in moving))
    found = dict(zip(moving, pull(list(weights)), strict=True))
    return [found.get(i) for i in range(len(leaves))]


def _sum(parts: list[Any]) -> Any:
    return functools.reduce(lambda a, b: a + b, parts)
