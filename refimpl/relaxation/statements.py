"""Programs as data: the statement language of AlgoVision on refimpl's control flow.

    count = Algorithm(
        Input("lim"),
        Var("x", 0.0),
        While(LT("x", "lim"), Let("x", lambda x: x + 1)),
        Output("x"),
        beta=5.0,
    )

A state maps names to arrays of shape (B, ...), B the batch, or to hard whole numbers and lists of
these, which have no batch axis and may not depend on a relaxed condition. Statements: `Let`,
`LetInt`, `If`, `While`, `For`, `Print`; conditions and functions are in `terms`.

Where the published package and this one differ, `compatible=True` gives the package's numbers:

                                this module                        algovision 0.1.2
    end of a loop               each row by itself                 when all rows have ended
    loop at max_iter            IterationLimitError                the last state, silently
    hard=True in loops          the discrete loop                  ignored
    branches of probability     are run                            are not run, if at most epsilon
    near 0                                                         in all rows

Always: x[i] = row aligns the row with the axes that remain (the package takes the first ones);
slices may be written; conditions combine in any number and without explicit beta.

Source: PyPI algovision 0.1.2; semantics as in Petersen et al., NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..validation import float_array
from .conditions import Law
from .control import cond, while_loop
from .state import State, assigned, hard_index, repeated, split, whole_numbers, written
from .terms import (
    GT,
    LT,
    ArgMax,
    ArgMin,
    CatProbEq,
    Condition,
    CosineSimilarity,
    Eq,
    GEq,
    IsFalse,
    IsTrue,
    LEq,
    Max,
    Min,
    NEq,
    Settings,
    lookup,
    value_of,
)


@dataclass(frozen=True)
class Input:
    """An argument of the program; `shape` without the batch axis is checked if given."""

    name: str
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Output:
    """A result of the program."""

    name: str


@dataclass(frozen=True)
class Var:
    """A real variable: a number, an array without batch axis, or a function of variables that
    returns one. It is a constant; every row of the batch gets a copy.
    """

    name: str
    initial: Any


@dataclass(frozen=True)
class VarInt:
    """A hard variable: a whole number, a list or range of these, or a function of variables."""

    name: str
    initial: Any


class Statement:
    """`run(state, settings)` returns the next state and leaves the given one as it is."""

    def run(self, state: State, settings: Settings) -> State:
        raise NotImplementedError


class Let(Statement):
    """Assignment.

    Let("a", e)               a = e            e: a name, a function, an array or a number
    Let("a", [i, j], e)       a[i, j] = e      indices: whole numbers, names, functions, slices,
    Let("a", "x", [i])        a = x[i]         None for a whole axis; on the left also one array of
    Let("a", [i], "x", [j])   a[i] = x[j]      weights with the shape of a, or a position (B,)
    Let(["a", "b"], f)        a, b = f(...)    both from the old state

    The shape of a variable stays; a number fills it.
    """

    def __init__(self, target: str | list[str], *rest: Any) -> None:
        self.target, self.source, self.index = target, None, None
        parts = list(rest)
        if parts and isinstance(parts[0], list):
            self.index = parts.pop(0)
        if not parts or len(parts) > 2 or (isinstance(target, list) and len(rest) != 1):
            raise TypeError(f"Let{(target, *rest)!r:.80}: expected a target and an expression")
        self.expression = parts[0]
        if len(parts) == 2:
            self.source = parts[1]

    def run(self, state: State, settings: Settings) -> State:
        value = value_of(self.expression, state)
        if self.source is not None:
            where = tuple(hard_index(part, state) for part in self.source)
            value = value[(slice(None), *where)]
        if isinstance(self.target, list):
            new = dict(zip(self.target, value, strict=True))
            return {**state, **{k: assigned(k, state, v) for k, v in new.items()}}
        if self.index is None:
            return {**state, self.target: assigned(self.target, state, value)}
        return {
            **state,
            self.target: written(lookup(self.target, state), self.index, value, state),
        }


class LetInt(Statement):
    """Assignment to a hard variable: a whole number, a list, a name or a function."""

    def __init__(self, target: str, expression: Any) -> None:
        self.target, self.expression = target, expression

    def run(self, state: State, settings: Settings) -> State:
        lookup(self.target, state)
        value = value_of(self.expression, state)
        return {**state, self.target: whole_numbers(value, self.target)}


class If(Statement):
    """if_true and if_false: a statement, a list of statements, or None. `epsilon`: a branch that is
    at most so probable in all rows is not run; by default every branch is.
    """

    def __init__(
        self,
        condition: Condition,
        if_true: Statement | Sequence[Statement] | None = None,
        if_false: Statement | Sequence[Statement] | None = None,
        *,
        epsilon: float | None = None,
        hard: bool | None = None,
    ) -> None:
        self.condition = condition
        self.branches = (_sequence(if_true), _sequence(if_false))
        self.epsilon, self.hard = epsilon, hard

    def run(self, state: State, settings: Settings) -> State:
        skip = settings.epsilon if settings.compatible and self.epsilon is None else self.epsilon
        hard = settings.hard if self.hard is None else self.hard
        numbers: list[State] = []

        def branch(body: Sequence[Statement]) -> Callable[[State], State]:
            def run(_: State) -> State:
                after = _all(body, state, settings)
                numbers.append(split(after)[0])
                return split(after)[1]

            return run

        p = self.condition.degree(state, settings)
        first, second = map(branch, self.branches)
        real = cond(p, first, second, split(state)[1], hard=hard, skip=skip)
        if any(found != numbers[0] for found in numbers):
            raise TypeError(
                f"If: the branches leave different hard variables, {numbers}; what depends on a "
                "relaxed condition must be a real variable (Var)"
            )
        return {**state, **real, **(numbers[0] if numbers else {})}


class While(Statement):
    """The relaxed loop; max_iter, epsilon and hard override those of the program. Hard variables
    are not averaged: they end with their values in the last round that was run.
    """

    def __init__(
        self,
        condition: Condition,
        *body: Statement,
        max_iter: int | None = None,
        epsilon: float | None = None,
        hard: bool | None = None,
    ) -> None:
        self.condition, self.body = condition, body
        self.max_iter, self.epsilon, self.hard = max_iter, epsilon, hard

    def run(self, state: State, settings: Settings) -> State:
        numbers, real = split(state)

        def test(real: State) -> Any:
            return self.condition.degree({**real, **numbers}, settings)

        def body(real: State) -> State:
            after_numbers, after = split(_all(self.body, {**real, **numbers}, settings))
            numbers.update(after_numbers)
            return after

        compatible = settings.compatible
        hard = (settings.hard and not compatible) if self.hard is None else self.hard
        result = while_loop(
            test,
            body,
            real,
            stop="hard" if hard else "soft",
            epsilon=settings.epsilon if self.epsilon is None else self.epsilon,
            max_rounds=settings.max_iter if self.max_iter is None else self.max_iter,
            on_limit="last" if compatible else "error",
            rows="together" if compatible else "apart",
        )
        return {**dict.fromkeys(state), **result, **numbers}


class For(Statement):
    """for var in values, unrolled: a whole number n for range(n), a list, a name or a function."""

    def __init__(self, variable: str, values: Any, *body: Statement) -> None:
        self.variable, self.values, self.body = variable, values, body

    def run(self, state: State, settings: Settings) -> State:
        if self.variable in state:
            raise NameError(f"For: the variable {self.variable!r} exists already")
        found = whole_numbers(value_of(self.values, state), "For")
        for i in range(found) if isinstance(found, int) else found:
            state = _all(self.body, {**state, self.variable: i}, settings)
        return {k: v for k, v in state.items() if k != self.variable}


class Print(Statement):
    """Print an expression; the state stays as it is."""

    def __init__(self, expression: Any) -> None:
        self.expression = expression

    def run(self, state: State, settings: Settings) -> State:
        print(value_of(self.expression, state))
        return state


@dataclass
class Algorithm:
    """A program: a function of its inputs, (B, ...) each, that returns its outputs.

    Parts: Input, Var and VarInt in any order, statements in theirs, Output; one output is returned
    as it is, several as a tuple. epsilon and max_iter are those of loops; hard decides conditions
    at 1/2, without derivative; compatible: see the table at the top.

    Raises NameError for unknown variables, ValueError for shapes that do not fit, TypeError for
    hard variables that depend on a relaxed condition, IterationLimitError.

    >>> import numpy as np
    >>> program = Algorithm(
    ...     Input("a"), Input("b"), If(GT("a", "b"), Let("a", "b")), Output("a"), beta=2.0
    ... )
    >>> program(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    array([1.        , 2.11920292])
    """

    parts: tuple[Any, ...]
    settings: Settings = field(repr=False)

    def __init__(
        self,
        *parts: Any,
        beta: float = 10.0,
        distribution: Law = "logistic",
        epsilon: float = 1e-5,
        max_iter: int = 1024,
        hard: bool = False,
        compatible: bool = False,
    ) -> None:
        known = (Input, Output, Var, VarInt, Statement)
        for part in parts:
            if not isinstance(part, known):
                raise TypeError(f"Algorithm: {part!r:.60} is no part of a program")
        self.parts = parts
        self.settings = Settings(beta, distribution, epsilon, max_iter, hard, compatible)

    def __call__(self, *inputs: Any) -> Any:
        state = self._initial(inputs)
        statements = [part for part in self.parts if isinstance(part, Statement)]
        state = _all(statements, state, self.settings)
        found = [lookup(part.name, state) for part in self.parts if isinstance(part, Output)]
        return found[0] if len(found) == 1 else tuple(found)

    def _initial(self, inputs: Sequence[Any]) -> State:
        names = [part for part in self.parts if isinstance(part, Input)]
        if len(names) != len(inputs):
            raise TypeError(f"Algorithm: got {len(inputs)} inputs, expected {len(names)}")
        state: State = {}
        for part, x in zip(names, inputs, strict=True):
            state[part.name] = x = float_array(x, part.name, min_ndim=1)
            if part.shape is not None and tuple(x.shape[1:]) != part.shape:
                raise ValueError(f"{part.name}: expected shape (B, *{part.shape}), got {x.shape}")
        first = next(iter(state.values()))
        for var in [p for p in self.parts if isinstance(p, Var)]:
            state[var.name] = repeated(value_of(var.initial, state), first)
        for number in [p for p in self.parts if isinstance(p, VarInt)]:
            state[number.name] = whole_numbers(value_of(number.initial, state), number.name)
        return state


def _all(statements: Iterable[Statement], state: State, settings: Settings) -> State:
    for statement in statements:
        state = statement.run(state, settings)
    return state


def _sequence(branch: Any) -> Sequence[Statement]:
    if branch is None:
        return ()
    return (branch,) if isinstance(branch, Statement) else tuple(branch)


__all__ = [
    "GT", "LT", "Algorithm", "ArgMax", "ArgMin", "CatProbEq", "CosineSimilarity", "Eq", "For",
    "GEq", "If", "Input", "IsFalse", "IsTrue", "LEq", "Let", "LetInt", "Max", "Min", "NEq",
    "Output", "Print", "Var", "VarInt", "While",
]  # fmt: skip
