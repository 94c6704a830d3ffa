"""DiscoGrad for functions as they are written: comparisons become branches.

    def cost(x):
        total = 0.0
        for i in range(len(x)):
            if x[i] > 1.0:
                total = total + 3.0
            else:
                total = total + x[i] ** 2
        return total

    estimate_gradient(program(cost), x, noise, sigma=0.1)

The inputs are numbers that note every comparison: `a < b` is the branch on a - b < 0, and its place
in the source is its name. The same function can be relaxed (`refimpl.relaxation.relaxed`), so that
both ways to a gradient of one source can be compared; `program` accepts a relaxed function too and
runs what it was made from.

Source: Kreikemeyer and Andelfinger 2023 for the form of conditions; == and != are not smoothed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, plain, stop_gradient, to_numpy
from .branches import Branch, Program
from .traced_number import OPERATORS, STANDARD_NAMES, TracedNumber, value_of


def program(function: Callable[..., Any]) -> Program:
    """The function of one vector (n,) as a program for `discograd`.

    function  takes a vector and returns a number. It may use Python's if, while, for, min, max,
              abs and arithmetic, and NumPy's functions of single numbers. (Those of `math` know no
              derivative and are refused.) What it compares must be numbers; x is read by x[i],
              len(x) and iteration, and not written.

    A loop visits a comparison several times: visits count as separate branches, in the order in
    which a sample makes them. (Visits inside of a branch that is not taken are not counted:
    use `branches` directly where that matters.)

    >>> from refimpl.autograd import Generator
    >>> from refimpl.training.discograd import estimate_gradient
    >>> step = program(lambda x: 1.0 if x[0] > 0 else 0.0)
    >>> u = Generator(0).normal((400, 1))
    >>> estimate_gradient(step, np.array([0.0]), u, sigma=1.0).gradient.round(1)
    array([0.4])
    """
    discrete = getattr(function, "discrete", function)

    def run(x: Array, branch: Branch) -> Array:
        found = discrete(Vector([Number(x[i], branch) for i in range(x.shape[0])]))
        return found.value if isinstance(found, Number) else found + 0.0 * x[0]

    return run


class Vector:
    """The inputs of a program: a sequence of numbers that cannot be written."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._entries),)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)

    def __getitem__(self, index: Any) -> Any:
        found = self._entries[index]
        return Vector(found) if isinstance(index, slice) else found

    def copy(self) -> list[Any]:
        """A list, which can be written."""
        return list(self._entries)


class Number(TracedNumber):
    """A traced scalar whose comparisons are branches."""

    __slots__ = ("branch",)
    __hash__ = None

    def __init__(self, value: Array, branch: Branch) -> None:
        super().__init__(value)
        self.branch = branch

    # c < 0 is the condition of a branch: equality belongs to its other side
    def __lt__(self, other: Any) -> bool:
        return self.branch((self - other).value, _place())

    def __gt__(self, other: Any) -> bool:
        return self.branch((other - self).value, _place())

    def __le__(self, other: Any) -> bool:
        return not self.branch((other - self).value, _place())

    def __ge__(self, other: Any) -> bool:
        return not self.branch((self - other).value, _place())

    def __eq__(self, other: Any) -> bool:
        return _crisp(self) == _crisp(other)

    def __ne__(self, other: Any) -> bool:
        return _crisp(self) != _crisp(other)

    def __float__(self) -> float:
        """Refused: `math.exp(x)` would be a constant, with the derivative 0."""
        raise TypeError(
            "a program's number as a float would lose its derivative: use NumPy's functions, such "
            "as np.exp for math.exp"
        )

    def __bool__(self) -> bool:
        return _crisp(self) != 0.0

    def _with(self, value: Array) -> Number:
        return Number(value, self.branch)

    def __abs__(self) -> Number:
        return self._with(abs(self.value))

    def __pow__(self, other: Any) -> Number:
        return self._with(self.value ** value_of(other))

    def __rpow__(self, other: Any) -> Number:
        return self._with(value_of(other) ** self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        operator = OPERATORS.get(ufunc.__name__)
        if operator is not None:
            return operator(*(x if isinstance(x, Number) else self._with(_lifted(x, self))
                              for x in inputs))  # fmt: skip
        values = [value_of(x) for x in inputs]
        name = STANDARD_NAMES.get(ufunc.__name__, ufunc.__name__)
        return self._with(getattr(array_namespace(*values), name)(*values))


def _crisp(x: Any) -> float:
    """A number without its derivative."""
    return float(to_numpy(plain(stop_gradient(value_of(x)))) if isinstance(x, Number) else x)


def _lifted(x: Any, like: Number) -> Array:
    return float(x) + 0.0 * like.value


def _place() -> str:
    """Where the program compares: file, line and instruction of the caller outside of this file."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}:{frame.f_lasti}"
