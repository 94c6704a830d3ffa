"""PyPI's isaac (0.1.1) as an implementation of ISAAC's linear layer.

    refimpl check isaac

The library takes matrices only. Both of its ways to invert are tested: "inverse", its default, is
right; "cholesky_inverse" hands torch.cholesky_inverse the matrix in place of its Cholesky factor.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_FACTOR = (
    "isaac with inv_type='cholesky_inverse' inverts L L^T, L the lower triangle of the matrix "
    "instead of its Cholesky factor: a wrong gradient of the weight"
)


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "isaac") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed: pip install isaac" if absent else None


def _layer(x: Any, weight: Any, bias: Any, lambda_a: float, inv_type: str) -> Any:
    function = importlib.import_module("isaac.isaac").ISAACLinearFunction
    if x.ndim != 2:
        raise Unsupported("batches that are no matrix: isaac's backward pass asserts two axes")
    # Its gradient of the bias has the shape (1, d), so the bias must have it too.
    return function.apply(x, weight, bias[None, :], lambda_a, inv_type)


@implements("training.isaac_linear", framework="torch")
def isaac_linear(x: Any, weight: Any, bias: Any, *, lambda_a: float) -> Any:
    """isaac.Linear as it is by default."""
    return _layer(x, weight, bias, lambda_a, "inverse")


@implements("training.isaac_linear", framework="torch", expected_failures={"*:vjp": _FACTOR})
def isaac_linear_cholesky(x: Any, weight: Any, bias: Any, *, lambda_a: float) -> Any:
    """isaac.Linear with inv_type='cholesky_inverse'."""
    return _layer(x, weight, bias, lambda_a, "cholesky_inverse")
