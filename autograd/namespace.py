"""What `array_namespace` returns for a traced array: the library's namespace with differentiable
functions in it.

A name answers here exactly when the library underneath has it, so code that runs traced also runs
on plain arrays. Functions of this namespace accept plain arrays too and then return plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .core import OPERATIONS, Tracer, plain
from .library import Library
from .messages import describe

# Piecewise constant or whole-number results: computed on the values and returned untraced.
CONSTANT = frozenset(
    [
        "all", "any", "argmax", "argmin", "argsort", "broadcast_shapes", "can_cast", "ceil",
        "count_nonzero", "empty_like", "equal", "finfo", "floor", "floor_divide",
        "greater", "greater_equal", "iinfo", "isdtype", "isfinite", "isin", "isinf", "isnan",
        "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor",
        "nonzero", "not_equal", "ones_like", "result_type", "round", "searchsorted", "sign",
        "signbit", "trunc", "unique_all", "unique_counts", "unique_inverse", "unique_values",
        "zeros_like",
    ]
)  # fmt: skip
# Names that mean something else in the engine than in a library's main namespace.
HOMONYMS = frozenset(["pad", "split", "diagonal", "trace", "lt", "le", "gt", "ge", "eq", "ne"])


def constant_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` on the plain values of traced arguments."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})

    return call


def ruleless_function(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for plain arguments only: an error that says so for traced ones."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        flat = [
            a for group in args for a in (group if isinstance(group, (list, tuple)) else (group,))
        ]
        if any(type(a) is Tracer for a in (*flat, *kwargs.values())):
            raise TypeError(
                f"{name} has no derivative rule (called with {describe(args, kwargs)}); compose it "
                "of differentiable functions (refimpl.autograd has some more), define its "
                "derivative with custom_vjp, or pass stop_gradient(x)"
            )
        return function(*args, **kwargs)

    return call


class TracedNamespace:
    """The namespace of traced arrays over one library; attributes are looked up once and kept."""

    def __init__(self, library: Any, part: str = "") -> None:
        self._library = library
        self._base = getattr(library.xp, part) if part else library.xp
        self._part = part

    def __getattr__(self, name: str) -> Any:
        if name == "linalg" and not self._part:
            value: Any = TracedNamespace(self._library, "linalg")
        else:
            value = self._look_up(name)
        setattr(self, name, value)
        return value

    def _look_up(self, name: str) -> Any:
        if not hasattr(self._base, name):
            raise AttributeError(f"{self!r} has no {name!r}")
        base = getattr(self._base, name)
        if name in OPERATIONS and (self._part or name not in HOMONYMS):
            return OPERATIONS[name]
        if name in CONSTANT:
            return constant_function(base)
        if callable(base) and not isinstance(base, type):
            return ruleless_function(name, base)
        return base

    def __repr__(self) -> str:
        return f"<traced {self._library.name}{'.' + self._part if self._part else ''}>"


Library.traced_namespace = TracedNamespace
