"""L-BFGS on nested containers of arrays, by SciPy.

The quasi-Newton method of Liu and Nocedal (1989) with simple bounds (Byrd et al. 1995), as SciPy
implements it. Parameters are packed into one float64 vector on the host at each evaluation,
whatever their library and dtype, so any function that the engine differentiates can be minimised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from ..autograd import constant, to_numpy, tree_flatten, value_and_grad
from ..validation import float_array


class Minimum(NamedTuple):
    """Where `lbfgs` stopped: parameters, value, whether and why it converged, and its effort."""

    params: Any
    value: float
    converged: bool
    message: str
    iterations: int
    evaluations: int


def lbfgs(
    f: Callable[[Any], Any],
    params: Any,
    *,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
    memory: int = 10,
    max_iterations: int = 15000,
    max_evaluations: int = 15000,
    line_search_steps: int = 20,
    value_tolerance: float = 2.220446049250313e-09,
    gradient_tolerance: float = 1e-5,
    on_step: Callable[[int, float], None] | None = None,
) -> Minimum:
    """Minimise the scalar function `f` from `params`.

    bounds              (low, high) for every number of the parameters, in order; None: unbounded
    memory              how many past steps approximate the Hessian
    max_iterations, max_evaluations  stop there, with converged = False
    line_search_steps   evaluations in one line search, at most
    value_tolerance     stop when the relative decrease of f is below it
    gradient_tolerance  stop when the largest entry of the projected gradient is below it
    on_step             called with (iteration, value) after every iteration, for progress

    The parameters come back in their own structure, library and dtype (numbers and integers as
    float64 arrays). Where f stops being finite, `converged` is False.

    Raises ValueError if `f` is not finite at the start, without parameters, and for bounds that are
    not as many as the numbers.

    >>> import numpy as np
    >>> found = lbfgs(lambda p: (p["x"] - 3.0) ** 2 + 1.0, {"x": np.array(0.0)})
    >>> found.converged, np.round(found.params["x"], 6)
    (True, np.float64(3.0))
    """
    packing = _Packing.of(params)
    if not packing.count:
        raise ValueError("params: expected at least one number")
    if bounds is not None and len(bounds) != packing.count:
        raise ValueError(f"bounds: expected {packing.count} pairs, got {len(bounds)}")
    both = value_and_grad(f)

    def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = both(packing.unpack(vector))
        return float(to_numpy(value)), _packed(tree_flatten(gradient)[0])

    start = _packed(packing.leaves)
    if not math.isfinite(objective(start)[0]):
        raise ValueError("lbfgs: the function is not finite at the start")
    steps = 0

    def report(intermediate_result: optimize.OptimizeResult) -> None:
        nonlocal steps
        steps += 1
        if on_step is not None:
            on_step(steps, float(intermediate_result.fun))

    options = {
        "maxcor": memory, "maxiter": max_iterations, "maxfun": max_evaluations,
        "maxls": line_search_steps, "ftol": value_tolerance, "gtol": gradient_tolerance,
    }  # fmt: skip
    found = optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds, callback=report,
        options=options,
    )  # fmt: skip
    value = float(found.fun)
    converged = bool(found.success) and math.isfinite(value)
    message, effort = str(found.message), (int(found.nit), int(found.nfev))
    return Minimum(packing.unpack(found.x), value, converged, message, *effort)


@dataclass(frozen=True)
class _Packing:
    """How the numbers of the parameters lie in one vector."""

    leaves: list[Any]
    rebuild: Callable[[list[Any]], Any]

    @classmethod
    def of(cls, params: Any) -> _Packing:
        leaves, rebuild = tree_flatten(params)
        return cls([float_array(x, "params") for x in leaves], rebuild)

    @property
    def sizes(self) -> list[int]:
        return [math.prod(x.shape) for x in self.leaves]

    @property
    def count(self) -> int:
        return sum(self.sizes)

    def unpack(self, vector: np.ndarray) -> Any:
        parts = np.split(vector, np.cumsum(self.sizes)[:-1])
        pairs = zip(parts, self.leaves, strict=True)
        return self.rebuild([constant(p.reshape(tuple(x.shape)), like=x) for p, x in pairs])


def _packed(leaves: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.ravel(to_numpy(x)).astype(np.float64) for x in leaves])
