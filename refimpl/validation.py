"""Checking the arguments of public functions: every message names the argument, what was given
and what to do.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .autograd import Array, creation_namespace, is_array, is_traced
from .autograd.libraries import library_of


def float_array(x: Any, name: str, min_ndim: int = 0) -> Array:
    """`x` as a floating-point array with at least `min_ndim` axes.

    Floating-point arrays of any library pass unchanged, traced ones too. Whole numbers become
    float64; lists and numbers become float64 arrays of the creation backend.

    Raises TypeError for complex numbers, booleans and other objects, ValueError for ragged lists
    and too few axes.

    >>> float_array([3, 1, 2], "scores")
    array([3., 1., 2.])
    """
    if not is_array(x):
        x = _from_python(x, name)
    if not is_traced(x):
        xp = library_of(x).xp
        if xp.isdtype(x.dtype, "integral"):
            x = xp.astype(x, xp.float64)
        elif not xp.isdtype(x.dtype, "real floating"):
            raise TypeError(f"{name}: expected real numbers, got an array of dtype {x.dtype}")
    if x.ndim < min_ndim:
        raise ValueError(f"{name}: expected at least {min_ndim} axes, got shape {tuple(x.shape)}")
    return x


def _from_python(x: Any, name: str) -> Array:
    parts = x if isinstance(x, (list, tuple)) else ()
    if any(is_traced(part) for part in parts):
        raise TypeError(
            f"{name}: got a list that holds traced arrays; join them with xp.stack or xp.concat"
        )
    try:
        host = np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"{name}: got a ragged list, whose rows differ in length: {x!r:.60}"
        ) from error
    if (host.dtype.kind not in "fiu" and host.size) or host.dtype == object:
        raise TypeError(
            f"{name}: expected an array of real numbers, got {type(x).__name__}: {x!r:.60}"
        )
    return creation_namespace().asarray(host.astype(np.float64))


def choose(value: Any, known: Iterable[str], name: str) -> str:
    """`value` if it is one of `known`; otherwise a ValueError that lists them and suggests the
    closest.
    """
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise ValueError(f"{name}: expected one of {', '.join(names)}; got {value!r}{hint}")


def _number(value: Any, name: str) -> float:
    """A finite Python number; a scalar array is accepted, a traced one is not."""
    if is_traced(value):
        raise TypeError(
            f"{name}: expected a number, got a traced array; it is not differentiable in {name}"
        )
    if (
        isinstance(value, bool)
        or not hasattr(value, "__float__")
        or getattr(value, "shape", ()) != ()
    ):
        raise TypeError(f"{name}: expected a number, got {value!r:.60}")
    number = float(value)
    if math.isnan(number):
        raise ValueError(f"{name}: expected a number, got nan")
    return number


def positive(value: Any, name: str) -> float:
    """`value` as a float; ValueError unless it is above 0."""
    number = _number(value, name)
    if not number > 0:
        raise ValueError(f"{name}: expected a positive number, got {value!r}")
    return number


def non_negative(value: Any, name: str) -> float:
    """`value` as a float; ValueError if it is below 0."""
    number = _number(value, name)
    if not number >= 0:
        raise ValueError(f"{name}: expected a number >= 0, got {value!r}")
    return number


def in_range(value: Any, name: str, low: float, high: float) -> float:
    """`value` as a float; ValueError unless it lies in [low, high]."""
    number = _number(value, name)
    if not low <= number <= high:
        raise ValueError(f"{name}: expected a number from {low} to {high}, got {value!r}")
    return number


def number_or_array(
    value: Any, name: str, number: Callable[[Any, str], float] = positive
) -> float | Array:
    """An array as it is, traced ones too; a number as the check `number` returns it.

    NumPy's scalars are numbers here: as arrays of float64 they would turn float32 into float64.
    """
    if is_array(value) and not isinstance(value, np.generic):
        return value
    return number(value, name)


def whole(value: Any, name: str, minimum: int = 0) -> int:
    """`value` as an int; TypeError if it is not a whole number, ValueError if it is below
    `minimum`.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: expected a whole number, got {value!r:.60}") from error
    if number < minimum:
        raise ValueError(f"{name}: expected a whole number >= {minimum}, got {number}")
    return number
