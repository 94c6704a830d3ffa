"""The rounds of a relaxed loop and the average over its exits, as `control.while_loop` defines it.

The average is kept leaf by leaf, and only for leaves that change: their weights sum to 1, so a leaf
that no round has changed is its own average.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import autograd as ag
from ..autograd import Array
from ..autograd.tree import flatten, matching, paths
from .select import (
    as_real,
    check_shapes,
    extended,
    is_number,
    is_value,
    same_static,
)

Function = Callable[[Any], Any]


class Trajectory:
    """A loop under way: the current state, the probability q to be still running, the average."""

    def __init__(
        self,
        leaves: list,
        rebuild: Any,
        q: Array,
        total: list,
        epsilon: float,
        apart: bool,
        monitor: Callable[[Array], None] | None,
    ) -> None:
        self.leaves, self.rebuild, self.q, self.total = leaves, rebuild, q, list(total)
        self.epsilon, self.apart, self.monitor = epsilon, apart, monitor
        self.running = any_true(alive_rows(q, epsilon))

    @classmethod
    def start(
        cls, state: Any, q: Array, epsilon: float, apart: bool, monitor: Any = None
    ) -> Trajectory:
        leaves, rebuild = flatten(state)
        if apart:
            q = _without_ended(q, epsilon)
        if monitor:
            monitor(1 - q)
        return cls(leaves, rebuild, q, [None] * len(leaves), epsilon, apart, monitor)

    def advance(self, go_on: Function, body: Function, rounds: int, *, checkpointed: bool) -> int:
        """Up to `rounds` rounds; returns how many there were."""
        if not checkpointed:
            return self._advance(go_on, body, rounds)
        moving = [k for k, leaf in enumerate(self.leaves) if ag.is_array(leaf)]
        exact = [None if ag.is_array(leaf) else leaf for leaf in self.leaves]  # as they are now
        after: list[Trajectory] = []
        count = 0

        def segment(arrays: list, q: Array, total: list) -> tuple:
            nonlocal count
            leaves = list(exact)
            for k, leaf in zip(moving, arrays, strict=True):
                leaves[k] = leaf
            inner = Trajectory(
                leaves, self.rebuild, q, total, self.epsilon, self.apart, self.monitor
            )
            count = inner._advance(go_on, body, rounds)
            after[:] = [inner]
            return [x for x in inner.leaves if ag.is_array(x)], inner.q, inner.total

        arrays, q, total = ag.checkpoint(segment)(
            [self.leaves[k] for k in moving], self.q, self.total
        )
        fresh = iter(arrays)
        self.leaves = [next(fresh) if ag.is_array(x) else x for x in after[0].leaves]
        self.q, self.total, self.running = q, total, after[0].running
        after.clear()
        return count

    def _advance(self, go_on: Function, body: Function, rounds: int) -> int:
        for done in range(rounds):
            if not self.running:
                return done
            self._round(go_on, body)
        return rounds

    def _round(self, go_on: Function, body: Function) -> None:
        before, q_before = self.rebuild(self.leaves), self.q
        new = matching(before, body(before), "while_loop: state after a round")
        if self.apart:
            new = _frozen(alive_rows(q_before, 0.0), new, self.leaves)
        q = q_before * go_on(self.rebuild(new))
        q = _without_ended(q, self.epsilon) if self.apart else q
        left = _Exit(q_before - q, q_before)
        if self.monitor:
            self.monitor(left.now)
        for k, (old, leaf) in enumerate(zip(self.leaves, new, strict=True)):
            self.total[k] = left.added(self.total[k], old, leaf, lambda k=k: self._where(k))
        self.leaves, self.q = new, q
        self.running = any_true(alive_rows(q, self.epsilon))

    def average(self) -> Any:
        """The state averaged over the exits; the last state gets what is left."""
        rest = any_true(alive_rows(self.q, 0.0))
        if rest and self.monitor:
            self.monitor(self.q)
        averaged = []
        for total, leaf in zip(self.total, self.leaves, strict=True):
            if total is None:
                averaged.append(leaf)
            else:
                last = extended(self.q, getattr(leaf, "ndim", 0)) * as_real(leaf, self.q)
                averaged.append(total + last if rest else total)
        return self.rebuild(averaged)

    def _where(self, k: int) -> str:
        return f"while_loop: leaf {paths(self.rebuild(self.leaves))[k] or '(the whole)'}"


class _Exit(NamedTuple):
    """The probability of leaving after the present round, and of having come so far."""

    now: Array
    before: Array

    def added(self, total: Any, old: Any, new: Any, where: Any) -> Any:
        """The average with the new leaf; None while the leaf has not changed."""
        if total is None:
            if _unchanged(old, new):
                return None
            if not (is_value(old) and is_value(new)):
                return same_static(old, new, where) and None
            check_shapes(tuple(self.now.shape), old, new, where)
            gone = 1 - self.before
            total = extended(gone, getattr(old, "ndim", 0)) * as_real(old, gone)
        return total + extended(self.now, getattr(new, "ndim", 0)) * as_real(new, self.now)


def _unchanged(old: Any, new: Any) -> bool:
    if ag.plain(old) is ag.plain(new):
        return True
    return is_number(old) and is_number(new) and old == new


def _without_ended(q: Array, epsilon: float) -> Array:
    """q with 0 for rows that have ended."""
    alive = alive_rows(q, epsilon)
    return q if all_true(alive) else ag.array_namespace(q).where(alive, q, 0.0)


def _frozen(alive: Array, new: list, old: list) -> list:
    """The new leaves where rows are alive, the old ones elsewhere."""
    if all_true(alive):
        return new
    return [
        a if a is b or not ag.is_array(a) else _chosen(alive, a, b)
        for a, b in zip(new, old, strict=True)
    ]


def _chosen(alive: Array, new: Array, old: Any) -> Array:
    xp = ag.array_namespace(new, old)
    return xp.where(extended(alive, new.ndim), new, old)


def alive_rows(q: Array, epsilon: float) -> Array:
    """Whether a row's probability to run on is above epsilon: truth values, not traced."""
    return ag.plain(q) > epsilon


def any_true(flags: Array) -> bool:
    """Whether any flag is true; True for arrays whose values are not known yet (compiled JAX)."""
    try:
        return bool(ag.array_namespace(flags).any(flags))
    except TypeError:  # the values exist only when the compiled program runs
        return True


def all_true(flags: Array) -> bool:
    """Whether all flags are true; False for arrays whose values are not known yet."""
    try:
        return bool(ag.array_namespace(flags).all(flags))
    except TypeError:
        return False
