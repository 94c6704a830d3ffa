"""PyPI's difflogic (0.1.0) as an implementation of gates, logic layers and group sums.

    refimpl check difflogic

Its Python implementation is used, on the CPU; the compiled CUDA part, which the package imports in
any case, may be missing. What else the specification offers is reported as unsupported.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
import types
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_CUDA = "difflogic_cuda"


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "difflogic") if importlib.util.find_spec(name) is None]
    hint = "pip install difflogic builds its CUDA part; the Python files alone suffice"
    return f"{' and '.join(absent)} not installed: {hint}" if absent else None


def _library() -> Any:
    if _CUDA not in sys.modules and importlib.util.find_spec(_CUDA) is None:
        sys.modules[_CUDA] = types.ModuleType(_CUDA)
    return importlib.import_module("difflogic")


@implements("logic.gates", framework="torch")
def gates(a: Any, b: Any, *, tnorm: str | None = None) -> Any:
    """`bin_op` for every gate."""
    import torch

    if tnorm is not None:
        raise Unsupported("gates composed of t-norms: difflogic has the polynomials only")
    if a.shape[:1] == (0,):
        raise Unsupported("empty batches: difflogic's bin_op reads the first sample")
    _library()
    bin_op = importlib.import_module("difflogic.functional").bin_op
    return torch.stack([bin_op(a, b, i) for i in range(16)])


@implements("logic.gate_mixture", framework="torch")
def gate_mixture(a: Any, b: Any, p: Any) -> Any:
    """`bin_op_s` with the weights as given."""
    if a.shape[:1] == (0,):
        raise Unsupported("empty batches: difflogic's bin_op reads the first sample")
    _library()
    return importlib.import_module("difflogic.functional").bin_op_s(a, b, p)


@implements("logic.logic_layer", framework="torch")
def logic_layer(
    x: Any, weights: Any, wiring: Any, *, hard: bool = False, grad_factor: float = 1.0
) -> Any:
    """LogicLayer, its weights and indices replaced by those given."""
    import torch

    if x.shape[:1] == (0,):
        raise Unsupported("empty batches: difflogic's bin_op reads the first sample")
    n, m = x.shape[-1], weights.shape[0]
    if 2 * m < n:
        raise Unsupported("fewer gate inputs than inputs: difflogic asserts 2 m >= n")
    layer = _library().LogicLayer(n, m, device="cpu", grad_factor=grad_factor)
    del layer.weights
    layer.weights = weights
    layer.indices = tuple(torch.as_tensor(side, dtype=torch.int64) for side in wiring)
    layer.train(not hard)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the dtypes of its indices
        return layer(x).to(x.dtype)


@implements("logic.group_sum", framework="torch")
def group_sum(x: Any, *, k: int, tau: float = 1.0, beta: float = 0.0, offset: str = "after") -> Any:
    """GroupSum, which has no beta."""
    if beta != 0:
        raise Unsupported("beta: difflogic's GroupSum has none")
    return _library().GroupSum(k, tau)(x)
