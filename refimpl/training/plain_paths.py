"""Smooth interpretation of functions as they are written: comparisons split the path.

    def cost(x):
        total = 0.0
        for i in range(len(x)):
            total = total + (3.0 if x[i] > 1.0 else x[i] ** 2)
        return total

    interpret_function(cost, x, sigma=0.1)

The inputs are Gaussians, and a comparison holds with a probability. The function is run once for
each path: a run follows the likelier side of what it has not compared before, and the other side is
a run of its own, later, the heaviest first. What would be more than `max_paths` runs is left out,
and the weights of the others are rescaled; nothing is merged. The same function can be estimated
from samples (`plain_programs`) and relaxed (`refimpl.relaxation.relaxed`).

Source: Kreikemeyer and Andelfinger 2023, "Smoothing Methods for Automatic Differentiation Across
Conditional Branches", IEEE Access 11, whose paths are restricted by dropping light ones.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, is_array, plain, stop_gradient, to_numpy
from ..validation import float_array, positive, whole
from .gaussian_variable import Gaussian, probability_between, probability_negative
from .plain_programs import Vector
from .smooth_interpretation import NEGLIGIBLE
from .traced_number import OPERATORS, STANDARD_NAMES, TracedNumber


class Run(NamedTuple):
    """A finished path: its weight, what the function returned, and what was decided differently."""

    weight: Array
    output: Any
    alternatives: list[tuple[float, tuple[bool, ...]]]


def interpret_function(
    function: Callable[..., Any],
    x: Array,
    *,
    sigma: float,
    max_paths: int = 64,
    keep_correlations: bool = False,
) -> Array:
    """The smoothed function at x, sum w m / sum w over its paths; differentiable, a scalar.

    function   takes a vector and returns a number, as in `plain_programs.program`; a relaxed one is
               run as it was written. a < b and a > b hold with the probability of their difference,
               a == b where it is within 1/2 of 0. abs is linearised, max and min compare.
    x          (n,); the inputs are Gaussians with these means and the variance sigma^2
    max_paths  how many runs of the function, at most
    keep_correlations  as in `smooth_interpretation.interpret`

    Raises ValueError for other shapes and numbers out of range.

    >>> step = lambda x: 1.0 if x[0] > 0 else 0.0
    >>> float(interpret_function(step, np.array([0.0]), sigma=1.0))
    0.5
    """
    x = float_array(x, "x", min_ndim=1)
    if x.ndim != 1 or not x.shape[0]:
        raise ValueError(f"x: expected (n,) with n >= 1, got {tuple(x.shape)}")
    sigma, room = positive(sigma, "sigma"), whole(max_paths, "max_paths", minimum=1)
    written = getattr(function, "discrete", function)
    order = itertools.count(1)
    waiting: list[tuple[float, int, tuple[bool, ...]]] = [(-1.0, 0, ())]
    finished: list[Run] = []
    while waiting and len(finished) < room:
        _, _, decided = heapq.heappop(waiting)
        finished.append(_follow(written, x, sigma, decided, keep_correlations))
        for weight, decisions in finished[-1].alternatives:
            heapq.heappush(waiting, (-weight, next(order), decisions))
    total = sum(run.weight for run in finished)
    return sum(run.weight * _mean(run.output) for run in finished) / total


def _follow(
    function: Callable[..., Any], x: Array, sigma: float, decided: tuple[bool, ...], known: bool
) -> Run:
    """Run the function with these decisions and the likelier ones after them."""
    path = _Path(1.0 + 0.0 * x[0], decided, sigma if known else None)
    inputs: list[Any] = [Uncertain(Gaussian.input(x, i, sigma), path) for i in range(x.shape[0])]
    output = function(Vector(inputs))
    return Run(path.weight, output, path.alternatives)


class _Path:
    """Decisions so far, their weight, and the alternatives to those that were not given."""

    def __init__(self, weight: Array, decided: tuple[bool, ...], sigma: float | None) -> None:
        self.weight, self._sigma = weight, sigma
        self._given, self._made = decided, list[bool]()
        self.alternatives: list[tuple[float, tuple[bool, ...]]] = []

    def decide(self, condition: Gaussian, probability: Callable[[Gaussian], Array]) -> bool:
        if self._sigma is not None:
            condition = condition.with_variance(condition.spread(self._sigma))
        p, made = probability(condition), tuple(self._made)
        if len(made) < len(self._given):
            holds = self._given[len(made)]
        else:
            holds = _number(p) >= 0.5
            left = _number(self.weight) * (1 - _number(p) if holds else _number(p))
            if left > NEGLIGIBLE:
                self.alternatives.append((left, (*made, not holds)))
        self.weight = self.weight * (p if holds else 1 - p)
        self._made.append(holds)
        return holds


class Uncertain(TracedNumber):
    """A Gaussian number whose comparisons split the path."""

    __slots__ = ("path",)
    __hash__ = None

    def __init__(self, gaussian: Gaussian, path: _Path) -> None:
        super().__init__(gaussian)
        self.path = path

    def __lt__(self, other: Any) -> bool:
        return self.path.decide((self - other).value, probability_negative)

    def __gt__(self, other: Any) -> bool:
        return self.path.decide((other - self).value, probability_negative)

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: Any) -> bool:
        return self.path.decide((self - other).value, probability_between)

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __float__(self) -> float:
        """Refused: a number has no single value here."""
        raise TypeError("a Gaussian has no single value: use NumPy's functions of numbers")

    def __bool__(self) -> bool:
        return self != 0

    def _with(self, gaussian: Gaussian) -> Uncertain:
        return Uncertain(gaussian, self.path)

    def __abs__(self) -> Uncertain:
        return self._with(self.value.apply(abs))

    def __pow__(self, exponent: float) -> Uncertain:
        return self._with(self.value**exponent)

    def __rpow__(self, base: float) -> Uncertain:
        return self._with(self.value.apply(lambda m: base**m))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of one number; operators for NumPy numbers on their left."""
        if method != "__call__" or options:
            return NotImplemented
        if len(inputs) == 1:
            name = STANDARD_NAMES.get(ufunc.__name__, ufunc.__name__)
            return self._with(self.value.apply(lambda m: getattr(array_namespace(m), name)(m)))
        operator = _OPERATORS.get(ufunc.__name__)
        if operator is None:
            return NotImplemented
        return operator(*(x if isinstance(x, Uncertain) else float(x) for x in inputs))


_OPERATORS = OPERATORS | {"maximum": max, "minimum": min}


def _mean(output: Any) -> Any:
    return output.value.mean if isinstance(output, Uncertain) else output


def _number(x: Any) -> float:
    return float(to_numpy(plain(stop_gradient(x)))) if is_array(x) else float(x)
