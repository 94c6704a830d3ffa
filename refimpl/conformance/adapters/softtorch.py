"""PyPI's softtorch (0.1) as an implementation of the methods built on simplex projections.

    refimpl check softtorch

Its rows are positions, its ranks start at 1, and its `sorting_network` is the padded one. The
backward pass of its projections c1 and c2 takes theta for a constant when torch differentiates it
again: second derivatives are wrong in these modes, without an error.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_METHODS = {"padded_network": "sorting_network"}
_SOLVER = (
    "softtorch stops its transport solver at an error of 1e-5, and the linear solver of its "
    "implicit derivative after five steps: gradients that are wrong even in sign"
)
_THETA = "softtorch's projections c1 and c2 differentiate twice with theta as a constant"
_TWICE = {f"{cases}:second_order": _THETA for cases in ("*sort-c[12]-*", "batch[23]*", "single")}
_PROJECTION = {"c[12]-*:second_order": _THETA}
_FAILURES = {
    "ot-smooth-*": _SOLVER,
    "ot-ties*": _SOLVER,
    "descending:second_order": _THETA,
    **_TWICE,
}


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "softtorch") if importlib.util.find_spec(name) is None]
    how = "pip install softtorch (0.1.1 asks for Python 3.12 or newer)"
    return f"{' and '.join(absent)} not installed: {how}" if absent else None


def _method(name: str, x: Any) -> str:
    if name == "sorting_network":
        raise Unsupported("sorting_network: softtorch pads to a power of two (padded_network)")
    if not x.numel():
        raise Unsupported("an empty batch: softtorch stacks a list of its samples")
    return _METHODS.get(name, name)


def _without(method: str, operator: str) -> None:
    if method == "ot":
        raise Unsupported(f"ot: softtorch's {operator} transports onto other targets")
    if method == "padded_network":
        raise Unsupported(f"padded_network: softtorch's {operator} unsquashes the network's values")


@implements("sorting.soft_step", framework="torch")
def soft_step(x: Any, *, mode: str = "smooth", softness: float = 0.1) -> Any:
    """softtorch.sigmoidal."""
    softtorch = importlib.import_module("softtorch")
    return softtorch.sigmoidal(x, mode=mode, softness=softness)


@implements("sorting.simplex_projection", framework="torch", expected_failures=_PROJECTION)
def simplex_projection(x: Any, *, mode: str = "smooth", softness: float = 0.1) -> Any:
    """The projection behind softtorch's operators, which is not part of its interface."""
    module = importlib.import_module("softtorch.projections_simplex")
    if not x.numel():
        raise Unsupported("an empty batch: softtorch reshapes to (-1, n)")
    return module._proj_simplex(x, dim=-1, softness=softness, mode=mode)


@implements("sorting.simplex_argsort", framework="torch", expected_failures=_FAILURES)
def simplex_argsort(x: Any, *, method: str = "neuralsort", **options: Any) -> Any:
    """softtorch.argsort, with columns for rows."""
    softtorch = importlib.import_module("softtorch")
    return softtorch.argsort(x, dim=-1, method=_method(method, x), **options).mT


@implements("sorting.simplex_ranks", framework="torch", expected_failures=_FAILURES)
def simplex_ranks(x: Any, *, method: str = "neuralsort", **options: Any) -> Any:
    """softtorch.rank, less one."""
    softtorch = importlib.import_module("softtorch")
    options = {"descending": False, **options}
    return softtorch.rank(x, dim=-1, method=_method(method, x), **options) - 1


@implements("sorting.simplex_topk", framework="torch", expected_failures=_TWICE)
def simplex_topk(x: Any, *, k: int, method: str = "neuralsort", **options: Any) -> Any:
    """softtorch.topk, with columns for rows."""
    softtorch = importlib.import_module("softtorch")
    _without(method, "topk")
    found = softtorch.topk(x, k, dim=-1, method=_method(method, x), **options)
    return found.values, found.indices.mT


@implements("sorting.simplex_quantile", framework="torch", expected_failures=_TWICE)
def simplex_quantile(x: Any, *, q: float = 0.5, method: str = "neuralsort", **options: Any) -> Any:
    """softtorch.quantile."""
    softtorch = importlib.import_module("softtorch")
    _without(method, "quantile")
    return softtorch.quantile(x, q, dim=-1, method=_method(method, x), **options)
