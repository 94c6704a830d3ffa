"""The state of the statement language: names of arrays (B, ...) and of hard whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import autograd as ag
from .indexing import put_soft, put_weighted
from .terms import lookup, value_of

State = dict[str, Any]


def split(state: State) -> tuple[State, State]:
    """The hard and the real variables."""
    hard = {k: v for k, v in state.items() if not ag.is_array(v)}
    return hard, {k: v for k, v in state.items() if k not in hard}


def whole_numbers(value: Any, name: str) -> Any:
    if isinstance(value, Iterable) and not ag.is_array(value):
        value = list(value)
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, bool) or not isinstance(number, int):
            raise TypeError(
                f"{name}: expected whole numbers, got {value!r:.60}; they can depend on shapes, "
                "not on the values of real variables"
            )
    return value


def repeated(value: Any, first: Any) -> Any:
    """A constant with the batch axis, dtype and device of the first input."""
    like = ag.plain(first)
    xp = ag.array_namespace(like)
    one = ag.constant(ag.to_numpy(ag.plain(value)) if ag.is_array(value) else value, like=like)
    return xp.broadcast_to(one[None, ...], (like.shape[0], *one.shape))


def assigned(name: str, state: State, value: Any) -> Any:
    old = lookup(name, state)
    xp = ag.array_namespace(old)
    if not getattr(value, "ndim", 0) and not ag.is_traced(value):
        return xp.zeros_like(ag.plain(old)) + value
    if tuple(value.shape) != tuple(old.shape):
        raise ValueError(
            f"{name} has shape {tuple(old.shape)}, the new value has {tuple(value.shape)}; "
            "the shape of a variable stays"
        )
    return value


def hard_index(part: Any, state: State) -> Any:
    if part is None or isinstance(part, slice):
        return part or slice(None)
    found = value_of(part, state)
    if isinstance(found, bool) or not isinstance(found, int):
        raise TypeError(f"index {found!r:.60}: expected a whole number; write a relaxed read as "
                        "a function of the array and the weights")  # fmt: skip
    return found


def written(old: Any, index: list, value: Any, state: State) -> Any:
    weights: Any = value_of(index[0], state) if len(index) == 1 and index[0] is not None else 0
    if ag.is_array(weights) and weights.ndim:
        if weights.ndim == 1:
            return put_soft(old, weights, value)
        return put_weighted(old, weights, value)
    where = tuple(hard_index(part, state) for part in index)
    return put_soft(old, where, value, batch_axes=1)
