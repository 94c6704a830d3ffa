"""The one rule of relaxation: a mixture of two states, weighted by the degree of a condition.

    select(p, x, y) = p x + (1 - p) y          on every leaf of nested containers

A condition has the shape of the batch, or more axes; its axes are the first axes of each leaf.

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021: the expected result of `if` under logistic noise.
"""

from __future__ import annotations

from typing import Any

from .. import autograd as ag
from ..autograd import Array
from ..autograd.tree import flatten, matching, paths

NUMBERS = (bool, int, float)


def select(p: Array, x: Any, y: Any) -> Any:
    """p x + (1 - p) y, leaf by leaf.

    p: (B...), a condition, or a Python number; x, y: containers of the same structure whose arrays
    have the shape (B..., ...) each, or of Python numbers. Leaves that are the same object or equal
    numbers stay as they are; other leaves that are no arrays (text, None) must be equal. Whole and
    truth numbers that differ become real ones: expected values.

    The derivative by p is the sum of x - y over the axes that p lacks. p = True and p = False
    return x and y. Where p is exactly 0 or 1, an infinite value on the other side gives NaN.

    Raises ValueError, naming the leaf, for structures or shapes that differ and for p with more
    axes than a leaf; TypeError for other leaves that differ.

    >>> import numpy as np
    >>> select(np.array([0.25, 1.0]), {"a": np.array([4.0, 4.0])}, {"a": np.array([0.0, 8.0])})
    {'a': array([1., 4.])}
    """
    if is_number(p) and p in (0, 1):
        return x if p else y
    first, rebuild = flatten(x)
    second = matching(x, y, "select")
    if all(a is b for a, b in zip(first, second, strict=True)):
        return x
    weights = Weights(p)
    mixed = [
        a if a is b else _mixture(weights, a, b, x, k)
        for k, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    return rebuild(mixed)


class Weights:
    """p and 1 - p, with axes of length 1 appended for leaves that have more axes."""

    def __init__(self, p: Array) -> None:
        self.p = p
        self.shape = tuple(getattr(p, "shape", ()))
        self._pairs: dict[int, tuple[Array, Array]] = {}

    def pair(self, leaf: Any) -> tuple[Array, Array]:
        """(p, 1 - p) in the number of axes of the leaf."""
        ndim = max(getattr(leaf, "ndim", 0), len(self.shape))
        if ndim not in self._pairs:
            p = extended(self.p, ndim)
            self._pairs[ndim] = (p, 1 - p)
        return self._pairs[ndim]


def extended(p: Array, ndim: int) -> Array:
    """p with axes of length 1 appended, up to `ndim`."""
    shape = tuple(getattr(p, "shape", ()))
    if len(shape) >= ndim or not shape:
        return p
    return ag.array_namespace(p).reshape(p, shape + (1,) * (ndim - len(shape)))


def _mixture(weights: Weights, a: Any, b: Any, tree: Any, k: int) -> Any:
    if is_number(a) and is_number(b) and a == b:
        return a
    if not (is_value(a) and is_value(b)):
        return same_static(a, b, lambda: f"select: leaf {_path(tree, k)}")
    check_shapes(weights.shape, a, b, lambda: f"select: leaf {_path(tree, k)}")
    p, q = weights.pair(a if ag.is_array(a) else b)
    return p * as_real(a, p) + q * as_real(b, p)


def _path(tree: Any, k: int) -> str:
    return paths(tree)[k] or "(the whole)"


def is_number(x: Any) -> bool:
    """Whether x is a Python number or truth value; NumPy's scalars are arrays."""
    return type(x) in NUMBERS


def is_value(x: Any) -> bool:
    """Whether x can be averaged: an array or a Python number."""
    return is_number(x) or ag.is_array(x)


def as_real(x: Any, like: Any) -> Any:
    """Whole numbers and truth values become real numbers; anything else is kept."""
    if is_number(x):
        return float(x)
    if not ag.is_array(x) or ag.is_traced(x):
        return x
    xp = ag.array_namespace(x)
    if xp.isdtype(x.dtype, ("integral", "bool")):
        real = like.dtype if ag.is_array(like) else xp.float64
        return xp.astype(x, real)
    return x


def same_static(a: Any, b: Any, where: Any) -> Any:
    """A leaf that cannot be averaged, which both sides must agree on."""
    if is_value(a) or is_value(b) or not a == b:
        raise TypeError(
            f"{where()}: {a!r:.60} and {b!r:.60} cannot be averaged; "
            "only arrays and numbers may depend on a relaxed condition"
        )
    return a


def check_shapes(p_shape: tuple, a: Any, b: Any, where: Any) -> None:
    """ValueError unless a and b have one shape, which starts with the axes of p."""
    shapes = [tuple(v.shape) for v in (a, b) if getattr(v, "ndim", 0)]
    if len(shapes) == 2 and len(shapes[0]) != len(shapes[1]):
        raise ValueError(f"{where()}: the sides have shapes {shapes[0]} and {shapes[1]}")
    if shapes and len(p_shape) > len(shapes[0]):
        raise ValueError(
            f"{where()}: the condition has shape {p_shape}, more axes than the value, "
            f"{shapes[0]}; a condition has the batch axes only, (B,) and not (B, 1)"
        )
    for shape in shapes:
        for m, n in zip(p_shape, shape, strict=False):
            if m != n and m != 1 and n != 1:
                raise ValueError(
                    f"{where()}: the condition has shape {p_shape}, which are not the first axes "
                    f"of the value's shape {shape}"
                )
