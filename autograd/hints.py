"""What two arrays that should be equal have in common: the mistake that turns one into the other.

A wrong gradient is rarely random. `hints` recognises a forgotten factor or sign, an input that was
detached, axes that were swapped, flipped, shifted or permuted, a sum over the wrong axis, a missing
term. Pure functions on two arrays; whoever compares anything can use them.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

_SLICES = 512  # longest axis whose slices are matched with one another
_AXES = 5  # most axes whose orders are all tried


class Hint(NamedTuple):
    """One relation that holds between the arrays.

    kind    zero, sign, factor, factor_per_slice, zero_slices, transposed, flipped, rolled,
            permuted, reordered, offset, not_reduced, reshaped, not_a_number
    text    the relation in words
    factor  the number or numbers involved, for the kinds that have one
    """

    kind: str
    text: str
    factor: float | None = None

    def __str__(self) -> str:
        return self.text


def hints(
    actual: Any,
    expected: Any,
    *,
    tolerance: float = 1e-6,
    parameters: Mapping[str, Any] | None = None,
) -> list[Hint]:
    """Relations that turn `expected` into `actual`, the most telling first; [] if none is known.

    Two arrays are the same if they differ nowhere by more than `tolerance` times the largest
    magnitude. `parameters` are numbers that the computation depends on: when a factor equals one
    of them (or its inverse, square, or the length of an axis) the hint says so.

    >>> [h.text for h in hints([6.0, 9.0, 0.3], [2.0, 3.0, 0.1], parameters={"steepness": 3.0})]
    ['every element is 3 times as large: steepness, or the length of axis 0']
    >>> [h.kind for h in hints([[1.0, 3.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]])]
    ['transposed']
    """
    a, b = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if b.size == 0 or a.size == 0:
        return []
    if not np.all(np.isfinite(b)) or not np.all(np.isfinite(a)):
        return list(_not_finite(a, b))
    if a.shape != b.shape:
        return list(_other_shape(a, b, tolerance))
    if same(a, b, tolerance):
        return []
    whole = list(_factor(a, b, tolerance, parameters or {}))
    if whole:
        return whole
    arranged = [*_rearranged(a, b, tolerance, "")]
    arranged = arranged or [*_rearranged(-a, b, tolerance, ", with the sign changed")]
    return arranged or [*_by_slice(a, b, tolerance), *_offset(a, b, tolerance)]


def same(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    """Equal shape, and equal everywhere to `tolerance` of the largest magnitude of `b`."""
    return a.shape == b.shape and bool(
        np.max(np.abs(a - b), initial=0.0) <= tolerance * np.max(np.abs(b), initial=0.0)
    )


def _not_finite(a: np.ndarray, b: np.ndarray) -> Iterator[Hint]:
    if a.shape == b.shape:
        nan = np.isnan(a) & np.isfinite(b)
        if nan.any():
            yield Hint(
                "not_a_number",
                f"{int(nan.sum())} of {a.size} are NaN where a number is expected: an unselected "
                "branch of `where`, 0 times infinity, or a division by zero",
            )


def _factor(a: np.ndarray, b: np.ndarray, tol: float, known: Mapping[str, Any]) -> Iterator[Hint]:
    if not a.any():
        yield Hint(
            "zero", "all zero: the input is detached, or its path is not differentiated", 0.0
        )
        return
    c = constant_ratio(a, b, tol)
    if c is None:
        return
    if math.isclose(c, -1.0, rel_tol=10 * tol):
        yield Hint("sign", "every element has the opposite sign", -1.0)
        return
    names = _names(c, b.shape, known, 10 * tol)
    if a.size == 1 and not names and not _round(c, 10 * tol):
        return  # one number is always a multiple of another
    sign = " and of opposite sign" if c < 0 else ""
    reason = f": {', or '.join(names)}" if names else ""
    yield Hint("factor", f"every element is {abs(c):.6g} times as large{sign}{reason}", c)


def constant_ratio(a: np.ndarray, b: np.ndarray, tolerance: float) -> float | None:
    """The number c with a = c b everywhere, or None.

    >>> constant_ratio(np.array([2.0, 4.0]), np.array([1.0, 2.0]), 1e-9)
    2.0
    """
    c = float(np.vdot(b, a) / np.vdot(b, b)) if b.any() else 0.0
    return c if c and same(a, c * b, tolerance) else None


def _round(c: float, tol: float) -> bool:
    """Whether a factor is so simple that it means something even for a single number."""
    magnitude = abs(c)
    return any(math.isclose(magnitude, n, rel_tol=tol) for n in (0.25, 0.5, 2.0, 4.0))


def _names(c: float, shape: tuple[int, ...], known: Mapping[str, Any], tol: float) -> list[str]:
    """Which parameters or sizes the factor |c| stands for."""
    sizes = {k: abs(float(v)) for k, v in known.items() if isinstance(v, numbers.Real) and v}
    sizes |= {f"the length of axis {i}": float(n) for i, n in enumerate(shape) if n > 2}
    if len(shape) > 1:
        sizes["the number of elements"] = float(math.prod(shape))
    found = []
    for name, value in sizes.items():
        if not math.isfinite(value) or math.isclose(value, 1.0, rel_tol=tol):
            continue
        forms = (
            (value, name),
            (1 / value, f"one over {name}"),
            (value**2, f"the square of {name}"),
        )
        found += [text for number, text in forms if math.isclose(abs(c), number, rel_tol=tol)]
    return found


def _rearranged(a: np.ndarray, b: np.ndarray, tol: float, sign: str) -> Iterator[Hint]:
    """The same numbers in other places."""
    for order in itertools.permutations(range(b.ndim)) if 1 < b.ndim <= _AXES else ():
        if order != tuple(range(b.ndim)):
            moved = b.transpose(order)
            swap = f"the axes are in the order {order}" if b.ndim > 2 else "it is transposed"
            if same(a, moved, tol):
                yield Hint("transposed", swap + sign)
                return
            if same(a, np.reshape(moved, b.shape), tol):
                yield Hint("transposed", f"{swap}, then reshaped back{sign}")
                return
    for axis, n in enumerate(b.shape):
        if n > 1 and same(a, np.flip(b, axis), tol):
            yield Hint("flipped", f"axis {axis} is reversed{sign}")
            return
    for axis, n in enumerate(b.shape):
        taken = _matching(a, b, axis, tol) if 1 < n <= _SLICES else None
        if taken is not None:
            shift = taken[0]
            if all(k == (i + shift) % n for i, k in enumerate(taken)):
                text = f"axis {axis} is shifted cyclically by {(n - shift) % n}{sign}"
                yield Hint("rolled", text)
            else:
                first = ", ".join(map(str, taken[:12])) + (", ..." if n > 12 else "")
                yield Hint("permuted", f"axis {axis} is permuted: takes {first}{sign}")
            return
    for axis, n in enumerate(b.shape):
        if n > 1 and same(np.sort(a, axis), np.sort(b, axis), tol):
            text = f"the same numbers in another order along axis {axis}"
            yield Hint("reordered", f"{text}, differently in each slice{sign}")
            return


def _matching(a: np.ndarray, b: np.ndarray, axis: int, tol: float) -> list[int] | None:
    """The permutation with a = take(b, permutation, axis), or None."""
    rows_a = np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1)
    rows_b = np.moveaxis(b, axis, 0).reshape(b.shape[axis], -1)
    limit = tol * np.max(np.abs(b))
    free = np.ones(len(rows_b), dtype=bool)
    order = []
    for row in rows_a:
        off = np.where(free, np.max(np.abs(rows_b - row), axis=1), np.inf)
        k = int(np.argmin(off))
        if off[k] > limit:
            return None
        free[k] = False
        order.append(k)
    return order


def _by_slice(a: np.ndarray, b: np.ndarray, tol: float) -> Iterator[Hint]:
    """A factor (zero, sign, number) for each slice along one axis."""
    for axis in range(b.ndim if b.ndim > 1 else 0):
        rows_a = np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1)
        rows_b = np.moveaxis(b, axis, 0).reshape(b.shape[axis], -1)
        square = np.sum(rows_b * rows_b, axis=1)
        c = np.sum(rows_a * rows_b, axis=1) / np.where(square > 0, square, 1.0)
        if len(c) < 2 or rows_b.shape[1] < 2 or not same(rows_a, c[:, None] * rows_b, tol):
            continue
        c = np.where(square > 0, c, 1.0)
        if np.all(np.isclose(c, 1.0, rtol=10 * tol) | (np.abs(c) <= tol)):
            wrong = [int(i) for i in np.flatnonzero(np.abs(c) <= tol)]
            text = f"zero at {wrong[:8]} of axis {axis}, right elsewhere: detached there"
            yield Hint("zero_slices", text, 0.0)
        else:
            listed = ", ".join(f"{x:.4g}" for x in c[:6]) + (", ..." if len(c) > 6 else "")
            text = f"each slice of axis {axis} has its own factor: {listed}"
            yield Hint("factor_per_slice", text)
        return


def _offset(a: np.ndarray, b: np.ndarray, tol: float) -> Iterator[Hint]:
    """A difference that is constant: a term that is missing."""
    off = a - b
    limit = tol * np.max(np.abs(b))
    if b.size > 1 and np.ptp(off) <= limit:
        yield Hint(
            "offset", f"{off.flat[0]:.6g} too much everywhere: a missing term", float(off.flat[0])
        )
        return
    for axis, n in enumerate(b.shape):
        if n > 1 and np.max(np.ptp(off, axis=axis)) <= limit:
            text = f"off by a number that is constant along axis {axis}: a missing term, "
            yield Hint("offset", text + "such as the sum or mean of a normalisation")
            return


def _other_shape(a: np.ndarray, b: np.ndarray, tol: float) -> Iterator[Hint]:
    for order in itertools.permutations(range(a.ndim)) if 1 < a.ndim <= _AXES else ():
        if same(a.transpose(order), b, tol):
            yield Hint("transposed", f"transposing it by {order} gives what is expected")
            return
    if a.size == b.size and same(a.reshape(b.shape), b, tol):
        yield Hint("reshaped", "the right numbers in the wrong shape")
        return
    if a.ndim <= _AXES:
        for count in range(1, a.ndim + 1):
            for axes in itertools.combinations(range(a.ndim), count):
                for keep in (False, True):
                    if same(np.sum(a, axis=axes, keepdims=keep), b, tol):
                        text = f"summing it over axes {axes} gives what is expected"
                        yield Hint("not_reduced", text + ": the adjoint of a broadcast is a sum")
                        return
