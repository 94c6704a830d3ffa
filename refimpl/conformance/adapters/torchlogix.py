"""PyPI's torchlogix (0.2.2) as an implementation of lookup layers, pooling and group sums.

    refimpl check torchlogix

Its circuits need Python 3.12; before, importing the package is a SyntaxError, and its layers are
imported without it. What else the specification offers is reported as unsupported.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_NAMES = {"raw": "raw", "light": "light", "walsh": "warp"}
_RANKS = {"raw": (2,), "light": (2, 4, 6), "walsh": (1, 2, 4, 6)}


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "torchlogix") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed: pip install torchlogix" if absent else None


def _module(name: str) -> Any:
    try:
        importlib.import_module("torchlogix")
    except (SyntaxError, ImportError):  # its layers do not need its circuits
        spec = importlib.machinery.PathFinder.find_spec("torchlogix")
        package = types.ModuleType("torchlogix")
        package.__spec__ = spec
        package.__path__ = list(spec.submodule_search_locations or []) if spec else []
        sys.modules["torchlogix"] = package
    return importlib.import_module(f"torchlogix.{name}")


@implements("logic.lookup_layer", framework="torch")
def lookup_layer(
    x: Any,
    weights: Any,
    wiring: Any,
    *,
    parametrisation: str = "raw",
    sampling: str = "soft",
    temperature: float = 1.0,
) -> Any:
    """The parametrisation of LogicDense, on inputs gathered as its connections do."""
    import torch

    rank = wiring.shape[0]
    if rank not in _RANKS[parametrisation]:
        raise Unsupported(
            f"{parametrisation} gates of {rank} inputs: not among the ranks of torchlogix"
        )
    if parametrisation == "raw" and sampling == "hard" and x.dtype == torch.float64:
        raise Unsupported("hard raw gates in float64: torchlogix makes them float32")
    gates = _module("parametrization").setup_parametrization(
        _NAMES[parametrisation], rank, temperature=temperature
    )
    flat = x.reshape(-1, x.shape[-1])
    gathered = flat[:, torch.as_tensor(wiring, dtype=torch.int64)]  # (batch, rank, m)
    y = gates.forward(gathered, weights, sampling == "soft", "n,bn->bn")
    return y.to(x.dtype).reshape(*x.shape[:-1], weights.shape[0])


@implements("logic.or_pool", framework="torch")
def or_pool(x: Any, *, size: int = 2, padding: int = 0) -> Any:
    """OrPooling2d, which casts to float32; the result is cast back."""
    import torch

    if x.dtype == torch.float64:
        raise Unsupported("float64: torchlogix casts to float32 before it pools")
    pool = _module("layers").OrPooling2d(kernel_size=size, stride=size, padding=padding)
    flat = x.reshape(-1, *x.shape[-3:])
    y = pool(flat).to(x.dtype)
    return y.reshape(*x.shape[:-3], *y.shape[1:])


@implements("logic.group_sum", framework="torch")
def group_sum(x: Any, *, k: int, tau: float = 1.0, beta: float = 0.0, offset: str = "after") -> Any:
    """GroupSum, which adds beta before it divides."""
    if beta != 0 and offset == "after":
        raise Unsupported("beta after the division: torchlogix adds it before")
    return _module("layers").GroupSum(k, tau, beta)(x)
