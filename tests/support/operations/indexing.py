"""Reading, and functional writing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .draw import Case, below
from .entry import Operation, entry

# text of an index -> the index
BASIC = {
    "0": 0, "-1": -1, "1:": slice(1, None), "::2": slice(None, None, 2),
    "..., 0": (..., 0), "..., None": (..., None), "0:0": slice(0, 0),
    ":, 1:, -1": (slice(None), slice(1, None), -1), "1, ..., 0:1": (1, ..., slice(0, 1)),
    "...": ...,
}  # fmt: skip
PARTIAL = {"array_api_strict": "the standard wants an index for every axis, or an ellipsis"}
MIXED = {"array_api_strict": "the standard does not mix index arrays with slices"}
REVERSED = {"torch": "torch has no negative steps"}


def _read(text: str) -> Operation:
    index = BASIC[text]
    missing = PARTIAL if not isinstance(index, tuple) and index is not ... else {}
    return entry(
        f"getitem {text}", lambda xp, ag, x: x[index], "real", Case(((2, 3, 2),)), **missing
    )


def _take(xp: Any, ag: Any, x: Any, i: Any, *, axis: int) -> Any:
    return xp.take(x, i, axis=axis)


@st.composite
def _taken(draw: Any) -> Case:
    axis = draw(st.integers(-2, 1))
    return Case(((3, 3), (draw(st.integers(0, 4)),)), {"axis": axis})


def _along(xp: Any, ag: Any, x: Any, i: Any, *, axis: int) -> Any:
    return xp.take_along_axis(x, i, axis=axis)


@st.composite
def _written(draw: Any) -> Case:
    """A target, indices that repeat, and values that stretch."""
    count = draw(st.integers(0, 4))
    return Case(((3, 2), (count,), draw(st.sampled_from([(count, 2), (2,), (), (1, 1), (1,)]))))


def _add(xp: Any, ag: Any, x: Any, i: Any, v: Any) -> Any:
    return ag.at_add(x, i, v)


def _segments(xp: Any, ag: Any, v: Any, i: Any) -> Any:
    return ag.segment_sum(v, i, 3)


def _pairs(xp: Any, ag: Any, x: Any, i: Any, j: Any) -> Any:
    return x[i, j]


def _masked(xp: Any, ag: Any, x: Any) -> Any:
    return x[x > 0.0] * 2.0


PLACES = Case(((3, 2), (4,), (4, 2)))
ENTRIES = (
    *[_read(text) for text in BASIC],
    entry("getitem reversed", lambda xp, ag, x: x[::-1, ...], "real", Case(((3, 2),)), **REVERSED),
    entry("getitem array", lambda xp, ag, x, i: x[i], ("real", below(3)),
          Case(((3, 2), (4,))), Case(((3,), (2, 2))), Case(((3, 2), (0,))), **PARTIAL),
    entry("getitem arrays", _pairs, ("real", below(3), below(2)),
          Case(((3, 2), (4,), (4,))), Case(((3, 2), (2, 1), (3,)))),
    entry("getitem array and slice", lambda xp, ag, x, i: x[..., i] + x[..., 0:1],
          ("real", below(2)), Case(((3, 2), (4,))), **MIXED),
    entry("getitem mask", _masked, "real", Case(((3, 2),)), Case(((4,),)), Case(((0,),)),
          jax="a mask has no fixed size under jit"),
    entry("take", _take, ("real", below(3)), Case(((3, 2), (4,)), {"axis": 0}),
          Case(((2, 3), (2,)), {"axis": -1}), drawn=_taken()),
    entry("take flat", lambda xp, ag, x, i: xp.take(x, i), ("real", below(3)),
          Case(((3,), (4,)))),
    entry("take_along_axis", _along, ("real", below(2)), Case(((2, 3), (2, 4)), {"axis": 1}),
          Case(((2, 3), (1, 3)), {"axis": -2}), Case(((3, 2), (3, 0)), {"axis": -1})),
    entry("at_add", _add, ("real", below(3), "real"), PLACES, Case(((3, 2), (4,), ())),
          drawn=_written()),
    entry("at_add slice", lambda xp, ag, x, v: ag.at_add(x, (slice(0, 2), ...), v),
          ("real", "real"), Case(((3, 2), (2, 2))), Case(((3, 2), (2,))), Case(((3, 2), ()))),
    entry("at_add to constants", lambda xp, ag, v, i: ag.at_add(xp.zeros_like(v), i, v),
          ("real", below(4)), Case(((4, 2), (4,)))),
    entry("at_set", lambda xp, ag, x, v: ag.at_set(x, (slice(0, 3, 2), ...), v), ("real", "real"),
          Case(((3, 2), (2, 2))), Case(((3, 2), (2,))), Case(((3, 2), ()))),
    entry("at_set array", lambda xp, ag, x, v: ag.at_set(x, (x > 0.0), v), ("real", "real"),
          Case(((3, 2), ()))),
    entry("segment_sum", _segments, ("real", below(3)), Case(((4,), (4,))), Case(((4, 2), (4,))),
          Case(((0, 2), (0,)))),
    entry("one_hot", lambda xp, ag, x, i: x @ ag.one_hot(i, 2, like=x), ("real", below(2)),
          Case(((2, 3), (3,))), Case(((3,), (3,)))),
    entry("argsort", lambda xp, ag, x: xp.take_along_axis(x, ag.argsort(x), axis=-1) * x, "real",
          Case(((2, 3),)), Case(((3,),))),
)  # fmt: skip
