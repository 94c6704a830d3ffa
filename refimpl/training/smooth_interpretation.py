"""Smooth interpretation: a program run on Gaussians instead of numbers, down all of its paths.

Every variable is a Gaussian (mean, variance), and the program state is a set of at most M weighted
paths. Arithmetic is linearised, with independent operands; a branch splits each path in two, in
proportion to the probability of its condition. Where paths grow too many, similar ones are merged
or light ones dropped. The result, sum w m / sum w, is a smooth function of the inputs, which the
engine differentiates.

    def program(paths):
        paths.assign("y", lambda v: v["x0"] * v["x1"])
        paths.branch(
            lambda v: v["x0"] - v["x1"] - 0.3,               # taken where negative
            lambda p: p.assign("y", lambda v: v["y"] + 2 * v["x0"]),
            lambda p: p.assign("y", lambda v: v["y"] - 1),
        )

Source: Kreikemeyer and Andelfinger 2023, "Smoothing Methods for Automatic Differentiation Across
Conditional Branches", IEEE Access 11; Chaudhuri and Solar-Lezama 2010 for the merging.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..autograd import Array, is_array, plain, stop_gradient, to_numpy
from ..autograd import value_and_grad as engine_value_and_grad
from ..spec import Invariant, specification
from ..validation import choose, float_array, positive, whole
from .branching_cases import NOTES, PATHS, crisp_without_noise, interpreted_cases
from .discograd import Gradient
from .gaussian_variable import Gaussian, merged, probability_between, probability_negative

RESTRICTIONS = ("merge_weighted", "merge_unweighted", "merge_lightest", "discard")
NEGLIGIBLE = 1e-20

Variables = dict[str, Any]


@dataclass(frozen=True)
class Path:
    """A weighted path: its probability so far, and its variables by name."""

    weight: Array
    variables: Variables


@dataclass(frozen=True)
class Limits:
    """M, how paths are restricted, and which derivative is taken (see `interpret`)."""

    max_paths: int
    restriction: str
    keep_correlations: bool
    published_gradient: bool
    sigma: float


class Paths:
    """The paths that the program is on, within all of them. See the module for its use."""

    def __init__(self, paths: list[Path], limits: Limits, elsewhere: int = 0) -> None:
        self._paths, self._limits, self._elsewhere = paths, limits, elsewhere

    def assign(self, name: str, expression: Callable[[Variables], Any]) -> None:
        """Set a variable on every path to an expression of the variables."""
        self._paths = [
            Path(p.weight, {**p.variables, name: expression(p.variables)}) for p in self._paths
        ]

    def branch(
        self,
        condition: Callable[[Variables], Any],
        then: Callable[[Paths], None] | None = None,
        otherwise: Callable[[Paths], None] | None = None,
        *,
        test: str = "<",
    ) -> None:
        """Run `then` where condition < 0 (test "<"), or where it is within 1/2 of 0 ("=="), and
        `otherwise` elsewhere.
        """
        choose(test, ("<", "=="), "test")
        if self._limits.restriction != "discard":
            free = self._limits.max_paths - len(self._paths) - self._elsewhere
            self._restrict((len(self._paths) + free) // 2)
        taken, not_taken = [], []
        for path in self._paths:
            p = self._probability(condition(path.variables), test)
            taken.append(Path(path.weight * p, path.variables))
            not_taken.append(Path(path.weight * (1 - p), path.variables))
        taken, not_taken = self._without_negligible(taken, not_taken)
        inside = Paths(taken, self._limits, self._elsewhere + len(not_taken))
        if then:
            then(inside)
        outside = Paths(not_taken, self._limits, self._elsewhere + len(inside._paths))
        if otherwise:
            otherwise(outside)
        self._paths = inside._paths + outside._paths

    def mean(self, name: str) -> Array:
        """sum w m / sum w of a variable."""
        if missing := sum(name not in p.variables for p in self._paths):
            raise ValueError(
                f"output: {name!r} is not set on {missing} of {len(self._paths)} paths; variables: "
                f"{', '.join(self._paths[0].variables)}"
            )
        total = sum(p.weight for p in self._paths)
        return sum(p.weight * _mean(p.variables[name]) for p in self._paths) / total

    def _probability(self, condition: Any, test: str) -> Any:
        if not isinstance(condition, Gaussian):
            held = condition < 0 if test == "<" else abs(condition) < 0.5
            return float(bool(held))
        limits = self._limits
        variance = condition.spread(limits.sigma) if limits.keep_correlations else None
        given = condition if variance is None else condition.with_variance(variance)
        probability = probability_negative if test == "<" else probability_between
        return probability(given, constant_spread=limits.published_gradient)

    def _without_negligible(
        self, taken: list[Path], not_taken: list[Path]
    ) -> tuple[list[Path], list[Path]]:
        """Drop paths of hardly any weight, and for "discard" the lightest beyond M; the others
        share the weight.
        """
        weights = np.array([_number(p.weight) for p in taken + not_taken])
        keep = weights > NEGLIGIBLE
        if self._limits.restriction == "discard":
            room = self._limits.max_paths - self._elsewhere
            keep[np.argsort(-weights, kind="stable")[max(room, 1) :]] = False
        if keep.all() or not keep.any():
            return taken, not_taken
        factor = float(weights.sum() / weights[keep].sum())
        kept = [
            Path(p.weight * factor, p.variables) if k else None
            for p, k in zip(taken + not_taken, keep, strict=True)
        ]
        first, second = kept[: len(taken)], kept[len(taken) :]
        return [p for p in first if p], [p for p in second if p]

    def _restrict(self, most: int) -> None:
        while len(self._paths) > max(most, 1):
            i, j = self._next_pair()
            both = _merge(self._paths[i], self._paths[j], self._limits.published_gradient)
            rest = [p for k, p in enumerate(self._paths) if k not in (i, j)]
            self._paths = [*rest, both]

    def _next_pair(self) -> tuple[int, int]:
        if self._limits.restriction == "merge_lightest":
            order = np.argsort([_number(p.weight) for p in self._paths], kind="stable")
            return int(min(order[:2])), int(max(order[:2]))
        weighted = self._limits.restriction == "merge_weighted"
        paths, pairs = self._paths, itertools.combinations(range(len(self._paths)), 2)
        return min(pairs, key=lambda ij: _distance(paths[ij[0]], paths[ij[1]], weighted))


def _interpret_named(x: Array, *, program: str, **options: Any) -> Array:
    return interpret(PATHS[choose(program, PATHS, "program")], x, **options)


@specification(
    name="training.smooth_interpretation",
    source="Kreikemeyer and Andelfinger 2023, smooth interpretation",
    inputs=("x",),
    outputs=("value",),
    cases=partial(interpreted_cases, RESTRICTIONS),
    invariants=(Invariant("no noise", "the value of the program", crisp_without_noise),),
    notes=NOTES,
    second_order=False,
    call=_interpret_named,
)
def interpret(
    program: Callable[[Paths], None],
    x: Array,
    *,
    sigma: float,
    output: str = "y",
    max_paths: int = 64,
    restriction: str = "merge_weighted",
    keep_correlations: bool = False,
    published_gradient: bool = False,
) -> Array:
    """The mean of a variable at the end of the program, a differentiable function of x.

    program     acts on `Paths`, whose variables "x0", "x1", ... are the inputs
    x           (n,); the inputs are Gaussians with these means and the variance sigma^2
    max_paths   M >= 2. Before a branch the paths are reduced so that splitting stays within M
    restriction "merge_weighted" (the pair whose variables, times weights, differ least),
                "merge_unweighted", "merge_lightest", or "discard" (keep the M heaviest)
    keep_correlations   take the variance of a condition from its derivatives by the inputs, which
                knows that operands depend on the same ones
    published_gradient  as DiscoGrad differentiates: the weights are constants in a merge, and the
                standard deviation is one in the probability of a branch. The value is the same;
                the gradient is then not that of the value.

    Returns a scalar. Raises ValueError for unknown names, numbers out of range, and an output that
    the program does not set on every path.

    >>> def step(paths):
    ...     paths.branch(
    ...         lambda v: v["x0"],
    ...         lambda p: p.assign("y", lambda v: 0.0),
    ...         lambda p: p.assign("y", lambda v: 1.0),
    ...     )
    >>> float(interpret(step, np.array([0.0]), sigma=1.0))
    0.5
    """
    x = float_array(x, "x", min_ndim=1)
    sigma = positive(sigma, "sigma")
    limits = Limits(
        whole(max_paths, "max_paths", minimum=2),
        choose(restriction, RESTRICTIONS, "restriction"),
        keep_correlations,
        published_gradient,
        sigma,
    )
    variables: Variables = {f"x{i}": Gaussian.input(x, i, sigma) for i in range(x.shape[0])}
    paths = Paths([Path(1.0 + 0.0 * x[0], variables)], limits)
    program(paths)
    return paths.mean(output)


def interpreted_gradient(program: Callable[[Paths], None], x: Array, **options: Any) -> Gradient:
    """Value and gradient (n,) of `interpret`; arguments as there."""
    value, gradient = engine_value_and_grad(lambda x: interpret(program, x, **options))(
        float_array(x, "x", min_ndim=1)
    )
    return Gradient(_number(value), gradient)


def _merge(a: Path, b: Path, constant_weights: bool) -> Path:
    weights = (a.weight, b.weight)
    w, u = map(stop_gradient, weights) if constant_weights else weights
    names = a.variables.keys() & b.variables.keys()
    variables = {name: merged(a.variables[name], b.variables[name], w, u) for name in names}
    return Path(sum(weights), variables)


def _distance(a: Path, b: Path, weighted: bool) -> float:
    """How far both are from their weighted mean, summed over variables."""
    w, u = _number(a.weight), _number(b.weight)
    total = 0.0
    for name in a.variables.keys() & b.variables.keys():
        m, k = _number(_mean(a.variables[name])), _number(_mean(b.variables[name]))
        middle = (w * m + u * k) / (w + u)
        total += abs(m - middle) * (w if weighted else 1) + abs(k - middle) * (u if weighted else 1)
    return total


def _mean(variable: Any) -> Any:
    return variable.mean if isinstance(variable, Gaussian) else variable


def _number(value: Any) -> float:
    return float(to_numpy(plain(stop_gradient(value)))) if is_array(value) else float(value)
