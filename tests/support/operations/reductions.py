"""Sums, extrema, products, spreads, norms, running sums, orderings."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .draw import Case, along_axis, fixed, reduction
from .entry import Operation, entry

SHAPE = (2, 3)


def _reduce(name: str, domain: str = "real", empty: bool = True, home: str = "xp") -> Operation:
    def f(xp: Any, ag: Any, x: Any, **options: Any) -> Any:
        return getattr(ag if home == "ag" else xp, name)(x, **options)

    return entry(
        name, f, domain,
        Case((SHAPE,), {"axis": None}),
        Case((SHAPE,), {"axis": -1, "keepdims": True}),
        Case(((2, 3, 2),), {"axis": (0, -1)}),
        Case(((3, 1),), {"axis": 1}),
        *([Case(((2, 0),), {"axis": 1})] if empty else [Case(((0, 2),), {"axis": 1})]),
        drawn=reduction(least_size=0 if empty else 1, keepdims=st.booleans()),
    )  # fmt: skip


def _along(name: str, f: Any, empty: bool = True, **options: Any) -> Operation:
    return entry(
        name, f, "real",
        Case((SHAPE,), {"axis": -1}), Case(((3, 2, 1),), {"axis": 0}),
        *([Case(((2, 0),), {"axis": 1})] if empty else []),
        drawn=along_axis(least_size=0 if empty else 1, **options),
    )  # fmt: skip


def _top(xp: Any, ag: Any, x: Any, *, k: int) -> Any:
    return ag.topk(x, k)[0]


def _diff(xp: Any, ag: Any, x: Any, **options: Any) -> Any:
    return xp.diff(x, **options)


def _padded_diff(xp: Any, ag: Any, x: Any, *, axis: int) -> Any:
    return xp.diff(x, axis=axis, prepend=xp.zeros_like(x), append=x)


def _argument(name: str) -> Operation:
    def f(xp: Any, ag: Any, x: Any, *, axis: int) -> Any:
        return x * xp.astype(getattr(xp, name)(x, axis=axis, keepdims=True), x.dtype)

    return _along(name, f, empty=False)


_spread = st.sampled_from([0, 1, 0.5])
ENTRIES = (
    _reduce("sum"),
    _reduce("mean", empty=False),
    _reduce("max", empty=False),
    _reduce("min", empty=False),
    _reduce("prod"),
    _reduce("logsumexp", empty=False, home="ag"),
    _reduce("vector_norm", home="ag"),
    entry("var", lambda xp, ag, x, **options: xp.var(x, **options), "real",
          Case((SHAPE,), {"axis": None}), Case((SHAPE,), {"axis": -1, "correction": 1}),
          Case(((2, 3, 2),), {"axis": (0, 2), "correction": 2, "keepdims": True}),
          drawn=reduction(least_size=2, correction=_spread, keepdims=st.booleans())),
    entry("std", lambda xp, ag, x, **options: xp.std(x, **options), "real",
          Case((SHAPE,), {"axis": None}), Case((SHAPE,), {"axis": -1, "correction": 1}),
          Case(((2, 3, 2),), {"axis": (0, 2), "correction": 2, "keepdims": True}),
          drawn=reduction(least_size=2, correction=_spread, keepdims=st.booleans())),
    entry("sum dtype", lambda xp, ag, x: xp.sum(x, dtype=x.dtype) + xp.prod(x, dtype=x.dtype),
          "real", Case((SHAPE,)), Case(((),))),
    entry("sum scalar", lambda xp, ag, x: xp.sum(x) + xp.prod(x) + xp.max(x) + xp.mean(x),
          "real", Case(((),)), Case(((1,),))),
    _along("cumulative_sum", lambda xp, ag, x, **o: xp.cumulative_sum(x, **o)),
    _along("cumulative_prod", lambda xp, ag, x, **o: xp.cumulative_prod(x, **o)),
    _along("cumulative_sum initial",
           lambda xp, ag, x, *, axis: xp.cumulative_sum(x, axis=axis, include_initial=True)),
    _along("cumulative_prod initial",
           lambda xp, ag, x, *, axis: xp.cumulative_prod(x, axis=axis, include_initial=True)),
    _along("diff", _diff, n=st.integers(0, 3)),
    _along("diff padded", _padded_diff),
    _along("softmax", lambda xp, ag, x, **o: ag.softmax(x, **o), empty=False),
    _along("log_softmax", lambda xp, ag, x, **o: ag.log_softmax(x, **o), empty=False),
    _along("sort", lambda xp, ag, x, **o: ag.sort(x, **o), descending=st.booleans()),
    _along("sort descending", lambda xp, ag, x, **o: ag.sort(x, descending=True, **o)),
    _along("sort namespace", lambda xp, ag, x, **o: xp.sort(x, **o)),
    _argument("argmax"),
    _argument("argmin"),
    entry("topk", _top, "real", Case(((2, 4),), {"k": 2}), Case(((3,),), {"k": 0}),
          Case(((2, 0),), {"k": 0}),
          drawn=fixed(*(Case(((2, 3),), {"k": k}) for k in range(4)))),
)  # fmt: skip
