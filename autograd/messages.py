"""What the engine says when it cannot go on: what was given, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

_LOST = "its derivative would be lost; keep it an array, or take stop_gradient(x) first"
_BUFFER = "build a new array with at_set(x, index, v), at_add(x, index, v), xp.stack or xp.concat"
_NAMESPACE = (
    "use xp = array_namespace(x) and the functions of xp, and xp.stack in place of lists of arrays"
)

# method of a traced array: (what was tried, what to do instead)
REFUSED = {
    **dict.fromkeys(
        ("__float__", "__int__", "__complex__", "__index__", "item", "tolist"),
        ("make a Python number of", _LOST),
    ),
    **dict.fromkeys(
        (
            "__iadd__",
            "__isub__",
            "__imul__",
            "__itruediv__",
            "__ipow__",
            "__imatmul__",
            "__imod__",
            "__ifloordiv__",
        ),
        ("update in place", f"write x = x + v, or {_BUFFER}"),
    ),
    "__setitem__": ("assign into", _BUFFER),
    "__array__": ("convert to a NumPy array", _NAMESPACE),
    "__bool__": (
        "take as a condition",
        "compare it first, as in `if x > 0`; comparisons are plain arrays",
    ),
}


def install_refusals(kind: type) -> None:
    """Make the methods in REFUSED raise TypeError, and unknown methods say which function to
    call.
    """
    for name, (what, cure) in REFUSED.items():
        setattr(kind, name, _refusal(what, cure))
    kind.__getattr__ = _unknown_attribute  # type: ignore[attr-defined]


def _refusal(what: str, cure: str) -> Callable[..., NoReturn]:
    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"cannot {what} a traced array of shape {tuple(self.shape)} and dtype {self.dtype}: "
            f"{cure}"
        )

    return method


def _unknown_attribute(self: Any, name: str) -> NoReturn:
    raise AttributeError(
        f"a traced array has no attribute or method {name!r}; use the function: "
        f"xp = array_namespace(x), then xp.{name}(x, ...)"
    )


def describe(args: Sequence, kwargs: dict) -> str:
    """Arguments of a call in a few words: dtype[shape] for arrays, the value otherwise."""

    def word(a: Any) -> str:
        if hasattr(a, "shape") and hasattr(a, "dtype"):
            return f"{a.dtype}{list(a.shape)}"
        if isinstance(a, (list, tuple)) and any(hasattr(part, "dtype") for part in a):
            return f"[{', '.join(map(word, a[:4]))}{', ...' * (len(a) > 4)}]"
        return f"{a!r:.60}"

    return ", ".join([*map(word, args), *(f"{k}={word(v)}" for k, v in kwargs.items())])


def explained(error: Exception, name: str, values: Sequence, kwargs: dict) -> Exception:
    """The same kind of error with the operation, shapes and dtypes added to its text."""
    kinds = (np.linalg.LinAlgError, np.exceptions.AxisError, TypeError, IndexError)
    kind: type[Exception] = next((k for k in kinds if isinstance(error, k)), ValueError)
    return kind(f"{error}\n  in {name}({describe(values, kwargs)})")


def no_rule(name: str, position: int) -> Callable[..., NoReturn]:
    """The rule of an argument that has none."""

    def rule(xp: Any, g: Any, y: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"{name} has no derivative rule for its argument {position} (called with "
            f"{describe(args, kwargs)}); wrap that argument in stop_gradient if it is a constant"
        )

    return rule


def refuse_to_record(node: tuple) -> NoReturn:
    """What a finished tape does with a new node."""
    raise ValueError(
        f"{node[0].name}: a traced array was used after the function that it belongs to had "
        "returned; return it from that function instead of storing it elsewhere"
    )
