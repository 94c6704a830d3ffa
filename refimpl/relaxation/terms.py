"""Expressions and conditions of the statement language (see `statements`).

An expression is a variable's name, a function whose arguments are named after variables, or a
constant. A condition compares two expressions; conditions combine by `&`, `|` and `~`, in any
number.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from .. import autograd as ag
from . import conditions
from .conditions import Law
from .indexing import argmax_soft, argmin_soft, max_soft, min_soft

State = Mapping[str, Any]


class Settings(NamedTuple):
    """What an Algorithm hands to its statements, and these override for what is inside them."""

    beta: float
    distribution: Law
    epsilon: float
    max_iter: int
    hard: bool
    compatible: bool


@functools.lru_cache(maxsize=4096)
def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's arguments without default: the variables that it reads."""
    found = inspect.signature(function).parameters.values()
    return tuple(p.name for p in found if p.default is p.empty)


def value_of(expression: Any, state: State) -> Any:
    """The value of an expression in a state. NameError for an unknown variable."""
    if isinstance(expression, str):
        return lookup(expression, state)
    if callable(expression) and not ag.is_array(expression):
        return expression(*[lookup(name, state) for name in argument_names(expression)])
    return expression


def lookup(name: str, state: State) -> Any:
    """The value of a variable. NameError that lists the variables if there is none."""
    if name not in state:
        raise NameError(f"no variable is called {name!r}; there are {', '.join(state)}")
    return state[name]


class Condition:
    """What If and While test: `degree(state, settings)` in [0, 1], of shape (B...)."""

    def degree(self, state: State, settings: Settings) -> Any:
        raise NotImplementedError

    def __and__(self, other: Condition) -> Condition:
        return Combined(conditions.both, (self, other))

    def __or__(self, other: Condition) -> Condition:
        return Combined(conditions.either, (self, other))

    def __invert__(self) -> Condition:
        return Combined(conditions.negate, (self,))


@dataclass(frozen=True)
class Combined(Condition):
    """Conditions under a fuzzy connective."""

    connective: Callable[..., Any]
    parts: tuple[Condition, ...]

    def degree(self, state: State, settings: Settings) -> Any:
        return self.connective(*[part.degree(state, settings) for part in self.parts])


@dataclass(frozen=True)
class Comparison(Condition):
    """Two expressions under a relaxed comparison; beta and law override those of the program."""

    left: Any
    right: Any
    beta: float | None = None
    distribution: Law | None = None
    compare: ClassVar[Callable[..., Any]] = staticmethod(conditions.less)

    def degree(self, state: State, settings: Settings) -> Any:
        return self.compare(
            value_of(self.left, state),
            value_of(self.right, state),
            beta=settings.beta if self.beta is None else self.beta,
            distribution=self.distribution or settings.distribution,
        )


class LT(Comparison):
    """left < right"""


class LEq(Comparison):
    """left <= right"""

    compare = staticmethod(conditions.less_equal)


class GT(Comparison):
    """left > right"""

    compare = staticmethod(conditions.greater)


class GEq(Comparison):
    """left >= right"""

    compare = staticmethod(conditions.greater_equal)


class Eq(Comparison):
    """left == right"""

    compare = staticmethod(conditions.equal)


class NEq(Comparison):
    """left != right"""

    compare = staticmethod(conditions.not_equal)


@dataclass(frozen=True)
class CatProbEq(Condition):
    """Equality of categorical distributions, sech(beta (1 - cos)) unless a law is given."""

    left: Any
    right: Any
    beta: float | None = None
    distribution: Law = "gudermannian"

    def degree(self, state: State, settings: Settings) -> Any:
        a, b = value_of(self.left, state), value_of(self.right, state)
        beta = settings.beta if self.beta is None else self.beta
        return conditions.same_category(a, b, beta=beta, distribution=self.distribution)


@dataclass(frozen=True)
class CosineSimilarity(Condition):
    """cos(left, right) itself as the degree of equality; has no temperature."""

    left: Any
    right: Any

    def degree(self, state: State, settings: Settings) -> Any:
        return conditions.cosine_similarity(value_of(self.left, state), value_of(self.right, state))


@dataclass(frozen=True)
class IsTrue(Condition):
    """A truth value in [0, 1]."""

    value: Any

    def degree(self, state: State, settings: Settings) -> Any:
        return conditions.is_true(value_of(self.value, state))


@dataclass(frozen=True)
class IsFalse(Condition):
    """1 - a truth value in [0, 1]."""

    value: Any

    def degree(self, state: State, settings: Settings) -> Any:
        return conditions.is_false(value_of(self.value, state))


@dataclass(frozen=True)
class _Extreme:
    """A function of several arrays of one shape, at an inverse temperature of its own."""

    beta: float
    soft: ClassVar[Callable[..., Any]] = staticmethod(min_soft)

    def __call__(self, *arrays: Any) -> Any:
        return self.soft(ag.array_namespace(*arrays).stack(arrays, axis=-1), beta=self.beta)


class Min(_Extreme):
    """The softmin-weighted mean of its arguments."""


class Max(_Extreme):
    """The softmax-weighted mean of its arguments."""

    soft = staticmethod(max_soft)


class ArgMin(_Extreme):
    """The softmin weights of its arguments, on a new last axis."""

    soft = staticmethod(argmin_soft)


class ArgMax(_Extreme):
    """The softmax weights of its arguments, on a new last axis."""

    soft = staticmethod(argmax_soft)
