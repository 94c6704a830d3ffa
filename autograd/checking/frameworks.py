"""The frameworks that `check_grads` can differentiate with: this engine, PyTorch, JAX.

Each differentiates a function `f(*arrays) -> list of arrays`: `vjp(f, *arrays)` returns the outputs
and the pull-back of a list of cotangents, `jvp` the outputs and their derivatives, `hvp` the
gradient of <gradient, tangents> at fixed cotangents. Nothing is imported before it is used.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..backend import array_namespace, like_array
from ..jacobians import hvp
from ..libraries import is_array
from ..transforms import jvp, vjp

NAMES = ("engine", "torch", "jax")
FLOATS = ("float64", "float32", "float16", "bfloat16")  # finest first


def dtype_name(x: Any) -> str:
    """The dtype of an array of any library, by NumPy's name for it; of Python numbers as well."""
    return str(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype).rpartition(".")[2]


def to_host(x: Any) -> np.ndarray:
    """A NumPy copy of an array of any library; bfloat16, which NumPy lacks, becomes float32."""
    if library_name(x) == "torch":
        x = x.detach().cpu()
        x = (x.float() if dtype_name(x) == "bfloat16" else x).numpy(force=True)
    host = np.array(x.get() if hasattr(x, "get") else x)
    return host.astype(np.float32) if dtype_name(host) == "bfloat16" else host


def library_name(x: Any) -> str:
    """Name of the package that the type of `x` comes from."""
    root = type(x).__module__.partition(".")[0]
    return "jax" if root == "jaxlib" else root


def on_cpu(x: Any) -> bool:
    """Whether an array lies in host memory."""
    return library_name(x) != "cupy" and "cpu" in str(getattr(x, "device", "cpu")).lower()


def is_any_array(x: Any) -> bool:
    """Whether `x` is an array, of a framework or of a library that the engine knows."""
    return hasattr(x, "dtype") and (library_name(x) in ("torch", "jax") or is_array(x))


def is_floating(x: Any) -> bool:
    """Whether `x` is a floating-point array or a Python float."""
    return isinstance(x, float) or (is_any_array(x) and dtype_name(x) in FLOATS)


class Engine:
    """Array-API functions on NumPy, CuPy or other arrays, differentiated by this engine."""

    name = "the engine"
    precision = contextlib.nullcontext
    vjp = staticmethod(vjp)
    jvp = staticmethod(jvp)

    @staticmethod
    def array(host: np.ndarray, dtype: str, like: Any) -> Any:
        if isinstance(like, (np.ndarray, np.generic, float)):
            return np.array(host, dtype=dtype)
        return like_array(np.asarray(host, dtype=dtype), like)

    @staticmethod
    def hvp(f: Callable, leaves: Sequence, cotangents: Sequence, tangents: Sequence) -> Sequence:
        def along(arrays: Sequence) -> Any:
            pairs = zip(f(*arrays), cotangents, strict=True)
            return functools.reduce(operator.add, [array_namespace(y).sum(y * w) for y, w in pairs])

        return hvp(along, list(leaves), list(tangents))


class Torch:
    """PyTorch: torch.autograd. J v is the derivative of the pull-back, which is linear."""

    name = "torch"
    precision = contextlib.nullcontext

    @staticmethod
    def array(host: np.ndarray, dtype: str, like: Any) -> Any:
        import torch

        device = like.device if library_name(like) == "torch" else None
        return torch.tensor(host, dtype=getattr(torch, dtype), device=device)

    @staticmethod
    def vjp(f: Callable, *leaves: Any) -> tuple[Sequence, Callable]:
        moving = [x.detach().requires_grad_() for x in leaves]
        outputs = f(*moving)
        return outputs, lambda weights: Torch._pull(outputs, moving, weights)

    @staticmethod
    def jvp(f: Callable, leaves: Sequence, tangents: Sequence) -> tuple[Sequence, Sequence]:
        import torch

        moving = [x.detach().requires_grad_() for x in leaves]
        outputs = f(*moving)
        weights = [torch.zeros_like(y, requires_grad=True) for y in outputs]
        pulled = Torch._pull(outputs, moving, weights, again=True)
        derivatives = Torch._pull(pulled, weights, tangents)
        if not any(d.any() for d in derivatives):  # are they zero, or is the backward pass opaque?
            ones = Torch._pull(outputs, moving, [torch.ones_like(y) for y in outputs])
            if any((g * v).any() for g, v in zip(ones, tangents, strict=True)):
                raise NotImplementedError("the backward pass cannot be differentiated")
        return outputs, derivatives

    @staticmethod
    def hvp(f: Callable, leaves: Sequence, cotangents: Sequence, tangents: Sequence) -> Sequence:
        moving = [x.detach().requires_grad_() for x in leaves]
        pulled = Torch._pull(f(*moving), moving, cotangents, again=True)
        return Torch._pull(pulled, moving, tangents)

    @staticmethod
    def _pull(ys: Sequence, xs: Sequence, weights: Sequence, *, again: bool = False) -> Sequence:
        import torch

        attached = [(y, w) for y, w in zip(ys, weights, strict=True) if y.requires_grad]
        if not attached:
            return [torch.zeros_like(x) for x in xs]
        tops, ws = zip(*attached, strict=True)
        found = torch.autograd.grad(
            tops, list(xs), ws, retain_graph=True, create_graph=again, allow_unused=True
        )
        return [torch.zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]


class Jax:
    """JAX: jax.vjp and jax.jvp, with 64-bit numbers switched on while it runs."""

    name = "jax"

    @staticmethod
    def precision() -> Any:
        import jax

        if hasattr(jax, "enable_x64"):
            return jax.enable_x64(True)
        from jax.experimental import enable_x64

        return enable_x64()

    @staticmethod
    def array(host: np.ndarray, dtype: str, like: Any) -> Any:
        import jax

        return jax.numpy.asarray(host, dtype=dtype)

    @staticmethod
    def vjp(f: Callable, *leaves: Any) -> tuple[Sequence, Callable]:
        import jax

        return jax.vjp(f, *leaves)

    @staticmethod
    def jvp(f: Callable, leaves: Sequence, tangents: Sequence) -> tuple[Sequence, Sequence]:
        import jax

        return jax.jvp(f, tuple(leaves), tuple(tangents))

    @staticmethod
    def hvp(f: Callable, leaves: Sequence, cotangents: Sequence, tangents: Sequence) -> Sequence:
        import jax

        def along(*arrays: Any) -> Any:  # reverse over reverse: custom_vjp has no forward mode
            pulled = jax.vjp(f, *arrays)[1](list(cotangents))
            pairs = zip(pulled, tangents, strict=True)
            return functools.reduce(operator.add, [jax.numpy.sum(g * v) for g, v in pairs])

        return jax.grad(along, argnums=tuple(range(len(leaves))))(*leaves)


def framework_of(args: Any, wanted: str | None = None) -> Any:
    """The framework called `wanted`, or the one that the arrays in `args` belong to."""
    known = dict(zip(NAMES, (Engine, Torch, Jax), strict=True))
    if wanted is not None:
        if wanted not in known:
            raise ValueError(f"framework {wanted!r}: expected one of {', '.join(NAMES)}")
        return known[wanted]
    found = {library_name(x) for x in tree.leaves(args)}
    return Torch if "torch" in found else Jax if "jax" in found else Engine
