"""Numbers that stand in for an input of a function as it is written: their arithmetic.

What comparisons do is up to the kind of number: `plain_programs.Number` branches on them, and
`plain_paths.Uncertain` splits the path.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

# What NumPy calls where a NumPy number is on the left. Of C, so that no frame of this file stands
# between a comparison and the line that makes it.
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}
STANDARD_NAMES = {"absolute": "abs", "arctan": "atan", "arcsin": "asin", "arccos": "acos"}


class TracedNumber:
    """A value with operators. Subclasses say how a new value is wrapped."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any) -> None:
        self.value = value

    def _with(self, value: Any) -> Any:
        raise NotImplementedError

    def __neg__(self) -> Any:
        return self._with(-self.value)

    def __pos__(self) -> Any:
        return self

    def __add__(self, other: Any) -> Any:
        return self._with(self.value + value_of(other))

    def __sub__(self, other: Any) -> Any:
        return self._with(self.value - value_of(other))

    def __mul__(self, other: Any) -> Any:
        return self._with(self.value * value_of(other))

    def __truediv__(self, other: Any) -> Any:
        return self._with(self.value / value_of(other))

    def __rsub__(self, other: Any) -> Any:
        return self._with(value_of(other) - self.value)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(value_of(other) / self.value)

    __radd__, __rmul__ = __add__, __mul__


def value_of(x: Any) -> Any:
    """The value of a traced number; anything else as it is."""
    return x.value if isinstance(x, TracedNumber) else x
