"""Rearranging, joining and repeating."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .draw import Case, along_axis, sizes
from .draw import shapes as some_shape
from .entry import Operation, entry

X = Case(((2, 3),))


def _on(name: str, f: Any, *shapes: tuple[int, ...], **missing: str) -> Operation:
    return entry(name, f, "real", *(Case((shape,)) for shape in shapes), **missing)


@st.composite
def _same(draw: Any, count: int) -> Case:
    """Arrays of one shape, joined along an axis."""
    shape = draw(some_shape(least=1))
    return Case((shape,) * count, {"axis": draw(st.integers(-len(shape), len(shape) - 1))})


@st.composite
def _joined(draw: Any, count: int) -> Case:
    """Arrays whose sizes differ along one axis."""
    shape = draw(some_shape(least=1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    at = axis % len(shape)
    parts = [(*shape[:at], draw(sizes), *shape[at + 1 :]) for _ in range(count)]
    return Case(tuple(parts), {"axis": axis})


@st.composite
def _permuted(draw: Any) -> Case:
    shape = draw(some_shape())
    axes = draw(st.permutations(range(len(shape))))
    return Case(
        (shape,), {"axes": tuple(a - len(shape) if draw(st.booleans()) else a for a in axes)}
    )


@st.composite
def _moved(draw: Any) -> Case:
    shape = draw(some_shape(least=1))
    axis = st.integers(-len(shape), len(shape) - 1)
    return Case((shape,), {"source": draw(axis), "destination": draw(axis)})


@st.composite
def _rolled(draw: Any) -> Case:
    shape = draw(some_shape(least=1))
    axis, shift = st.integers(-len(shape), len(shape) - 1), st.integers(-4, 4)
    if draw(st.booleans()):
        return Case(
            (shape,), {"shift": (draw(shift), draw(shift)), "axis": (draw(axis), draw(axis))}
        )
    return Case((shape,), {"shift": draw(shift), "axis": draw(st.none() | axis)})


@st.composite
def _tiled(draw: Any) -> Case:
    counts = draw(st.lists(st.integers(0, 2), min_size=1, max_size=4))
    return Case((draw(some_shape()),), {"counts": tuple(counts)})


@st.composite
def _padded(draw: Any) -> Case:
    shape = draw(some_shape(least=1))
    width = st.tuples(st.integers(0, 2), st.integers(0, 2))
    pairs = tuple(draw(width) for _ in shape)
    return Case((shape,), {"width": draw(st.sampled_from([pairs, pairs[0], pairs[0][0]]))})


@st.composite
def _triangle(draw: Any) -> Case:
    return Case((draw(some_shape(least=2)),), {"k": draw(st.integers(-3, 3))})


@st.composite
def _flipped(draw: Any) -> Case:
    shape = draw(some_shape(least=1))
    axis = st.integers(-len(shape), len(shape) - 1)
    several = st.permutations(range(len(shape))).map(tuple)
    return Case((shape,), {"axis": draw(st.none() | axis | several)})


def _parts(xp: Any, ag: Any, x: Any, *, axis: int) -> Any:
    n = x.shape[axis]
    return ag.split(x, [n // 2, 0, n - n // 2], axis=axis)


def _half_used(xp: Any, ag: Any, x: Any) -> Any:
    first, _, third = ag.split(x, [1, 1, x.shape[0] - 2], axis=0)
    return xp.sum(first) * third


def _iterated(xp: Any, ag: Any, x: Any) -> Any:
    total = 0.0
    for row in ag.unstack(x, axis=0):
        total = total + row * row
    return total


def _counts(xp: Any, ag: Any, x: Any, counts: Any, *, axis: int) -> Any:
    return xp.repeat(x, counts, axis=axis)


ENTRIES = (
    _on("reshape", lambda xp, ag, x: xp.reshape(x, (3, -1)), (2, 3), (3, 2, 1)),
    _on("reshape flat", lambda xp, ag, x: xp.reshape(x, (-1,)), (2, 3), (), (0, 2)),
    _on("expand_dims", lambda xp, ag, x: xp.expand_dims(x, axis=-1), (2, 3), (), (0,)),
    _on("expand_dims front", lambda xp, ag, x: xp.expand_dims(x, axis=0), (2, 3), ()),
    _on("squeeze", lambda xp, ag, x: xp.squeeze(x, axis=-1), (2, 1), (1,), (0, 1)),
    _on("squeeze two", lambda xp, ag, x: xp.squeeze(x, axis=(0, -1)), (1, 3, 1), (1, 1)),
    entry("permute_dims", lambda xp, ag, x, *, axes: xp.permute_dims(x, axes), "real",
          Case(((2, 3, 1),), {"axes": (2, 0, 1)}),
          Case(((),), {"axes": ()}), drawn=_permuted()),
    entry("permute_dims negative", lambda xp, ag, x: xp.permute_dims(x, (-1, 0, -2)), "real",
          Case(((2, 3, 1),)), jax="JAX's permute_dims takes no negative axes"),
    _on("matrix_transpose", lambda xp, ag, x: xp.matrix_transpose(x), (2, 3), (2, 0, 3)),
    _on("matrix_transpose attribute", lambda xp, ag, x: x.mT @ x, (2, 3), (2, 3, 1)),
    entry("moveaxis", lambda xp, ag, x, **o: xp.moveaxis(x, o["source"], o["destination"]), "real",
          Case(((2, 3, 1),), {"source": 0, "destination": -1}),
          Case(((2, 3, 1),), {"source": (0, 1), "destination": (-1, 0)}), drawn=_moved()),
    entry("flip", lambda xp, ag, x, *, axis: xp.flip(x, axis=axis), "real",
          Case(((2, 3),), {"axis": None}), Case(((2, 3),), {"axis": -1}),
          Case(((2, 3),), {"axis": (0, 1)}), drawn=_flipped()),
    entry("roll", lambda xp, ag, x, *, shift, axis: xp.roll(x, shift, axis=axis), "real",
          Case(((2, 3),), {"shift": 2, "axis": None}), Case(((2, 3),), {"shift": -1, "axis": -1}),
          Case(((2, 3),), {"shift": (1, 2), "axis": (0, -1)}), drawn=_rolled()),
    _on("broadcast_to", lambda xp, ag, x: xp.broadcast_to(x, (2, 2, 3)), (2, 3), (1, 3), (3,), ()),
    _on("broadcast_to empty", lambda xp, ag, x: xp.broadcast_to(x, (0, 3)), (1, 3), (3,), ()),
    entry("full_like", lambda xp, ag, x, y: xp.full_like(x, xp.sum(y)) * x, ("real", "real"),
          Case(((2, 3), (2,))), Case(((), (2,))), torch="full_like takes numbers only",
          array_api_strict="full_like takes numbers only"),
    entry("broadcast_arrays", lambda xp, ag, x, y: tuple(xp.broadcast_arrays(x, y)),
          ("real", "real"), Case(((2, 1), (3,))), Case(((), (2,)))),
    entry("meshgrid", lambda xp, ag, x, y, z: tuple(xp.meshgrid(x, y, z)),
          ("real", "real", "real"), Case(((2,), (3,), (1,))), Case(((2,), (0,), (1,)))),
    entry("meshgrid matrix", lambda xp, ag, x, y: tuple(xp.meshgrid(x, y, indexing="ij")),
          ("real", "real"), Case(((2,), (3,)))),
    entry("concat", lambda xp, ag, *a, axis: xp.concat(a, axis=axis), ("real",) * 3,
          Case(((2, 3), (2, 1), (2, 0)), {"axis": -1}), Case(((1,), (2,), (3,)), {"axis": 0}),
          drawn=_joined(3)),
    entry("concat flat", lambda xp, ag, x, y: xp.concat([x, y, x], axis=None), ("real", "real"),
          Case(((2, 3), (2,)))),
    entry("stack", lambda xp, ag, x, y, *, axis: xp.stack([x, y, 2.0 * x, x], axis=axis),
          ("real", "real"), Case(((2, 3), (2, 3)), {"axis": 0}), Case(((2,), (2,)), {"axis": -1}),
          drawn=_same(2)),
    entry("unstack", lambda xp, ag, x, *, axis: ag.unstack(x, axis=axis), "real",
          Case(((2, 3),), {"axis": 0}), Case(((2, 3),), {"axis": -1}),
          drawn=along_axis(least_size=1)),
    _on("unstack iterated", _iterated, (2, 3), (3,)),
    entry("split", _parts, "real", Case(((2, 3),), {"axis": -1}), Case(((4,),), {"axis": 0}),
          drawn=along_axis()),
    _on("split half used", _half_used, (4, 2), (3,)),
    entry("repeat", lambda xp, ag, x, *, axis, n=2: xp.repeat(x, n, axis=axis), "real",
          Case(((2, 3),), {"axis": None}), Case(((2, 3),), {"axis": -1}),
          drawn=along_axis(n=st.integers(0, 3))),
    entry("repeat counts", _counts, ("real", lambda rng, shape, *_: rng.integers(0, 3, shape)),
          Case(((2, 3), (2,)), {"axis": 0}), Case(((2, 3), (3,)), {"axis": -1})),
    entry("tile", lambda xp, ag, x, *, counts: xp.tile(x, counts), "real",
          Case(((2, 3),), {"counts": (2,)}), Case(((2, 3),), {"counts": (2, 1, 2)}),
          Case(((3,),), {"counts": (2, 2)}), drawn=_tiled()),
    entry("pad", lambda xp, ag, x, *, width: ag.pad(x, width, 0.5), "real",
          Case(((2, 3),), {"width": ((1, 0), (0, 2))}), Case(((2, 3),), {"width": 1}),
          drawn=_padded()),
    entry("tril", lambda xp, ag, x, *, k: xp.tril(x, k=k), "real",
          Case(((2, 3),), {"k": 0}), Case(((2, 3, 3),), {"k": -1}), drawn=_triangle()),
    entry("triu", lambda xp, ag, x, *, k: xp.triu(x, k=k), "real",
          Case(((2, 3),), {"k": 0}), Case(((2, 3, 3),), {"k": 1}), drawn=_triangle()),
    entry("diagonal", lambda xp, ag, x, *, k: ag.diagonal(x, offset=k), "real",
          Case(((3, 3),), {"k": 0}), Case(((2, 3, 4),), {"k": -1}), drawn=_triangle()),
    entry("trace", lambda xp, ag, x, *, k: ag.trace(x, offset=k), "real",
          Case(((3, 3),), {"k": 0}), Case(((2, 3, 4),), {"k": 1}), drawn=_triangle()),
    entry("trace linalg", lambda xp, ag, x: xp.linalg.diagonal(x) * xp.linalg.trace(x), "real",
          Case(((3, 3),)), Case(((2, 3),))),
    entry("diag", lambda xp, ag, x: ag.diag(x), "real", Case(((3,),)), Case(((2, 2),)),
          Case(((0,),))),
)  # fmt: skip
