"""How far one array is from another: the worst element, in absolute, scaled and ULP terms.

Values are compared element by element, gradients on the scale of their tensor: the small entries of
a correct float32 gradient are off by a relative 6e-3 where the tensor as a whole is off by 1e-5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

SCALES = ("tensor", "row", "element")

FORMATS = {  # bits after the leading one, exponent of the smallest normal number
    "float16": (10, -14),
    "bfloat16": (7, -126),
    "float32": (23, -126),
    "float64": (52, -1022),
}


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; true when every element is within its limit.

    index      the worst element: the one furthest over its limit, or furthest off if all are within
    actual     its value, and `expected` what it should be
    absolute   |actual - expected|
    scaled     absolute over the magnitude that the tolerance refers to
    ulp        absolute in units in the last place of the coarser dtype of the two, at `expected`
    limit      the largest `absolute` that would have passed there
    exceeding  how many of the `size` elements are over their limit
    mismatch   a shape or dtype that is wrong; elements are not compared if the shape is
    """

    ok: bool
    size: int
    exceeding: int = 0
    index: tuple[int, ...] | None = None
    actual: float = math.nan
    expected: float = math.nan
    absolute: float = 0.0
    scaled: float = 0.0
    ulp: float = 0.0
    limit: float = 0.0
    mismatch: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        parts = [self.mismatch] if self.mismatch else []
        if self.index is not None:
            verb = "exceeds" if self.exceeding == 1 else "exceed"
            parts.append(
                f"{self.exceeding} of {self.size} {verb} the tolerance; worst at "
                f"{list(self.index)}: {self.actual:.9g} instead of {self.expected:.9g} "
                f"(absolute {self.absolute:.2g}, scaled {self.scaled:.2g}, {self.ulp:.3g} ULP; "
                f"allowed {self.limit:.2g})"
            )
        return "; ".join(parts) or "nothing to compare"


def compare(
    actual: Any,
    expected: Any,
    *,
    rtol: float,
    atol: float = 0.0,
    by: str = "tensor",
    error: Any = 0.0,
    dtype: Any = None,
    ulp_of: str | None = None,
) -> Comparison:
    """Compare two arrays: `|actual - expected| <= atol + rtol * scale + error` for each element.

    by     what `scale` is: "tensor", the largest finite |expected|; "row", the same along the last
           axis; "element", |expected| itself
    error  error bar of `expected`, a number or an array of its shape
    dtype  if given, the dtype that `actual` must have
    ulp_of the format whose units ULP errors are counted in; by default the coarser of the two

    Equal infinities are equal and NaN equals NaN; any other pair with one of them exceeds every
    tolerance. Shapes must be equal, nothing is broadcast. Empty arrays agree.

    ValueError for a negative tolerance or an unknown `by`, TypeError for arrays that are not real.

    >>> result = compare([1.0, 2.5, 4.0], [1.0, 2.0, 4.0], rtol=1e-6)
    >>> result.ok, result.index, result.absolute, result.scaled
    (False, (1,), 0.5, 0.125)
    """
    check_tolerances(rtol=rtol, atol=atol)
    if by not in SCALES:
        raise ValueError(f"by {by!r}: expected one of {', '.join(SCALES)}")
    a, a_format = _real(actual, "actual")
    b, b_format = _real(expected, "expected")
    mismatch = ""
    if dtype is not None and a_format != str(np.dtype(dtype) if isinstance(dtype, type) else dtype):
        mismatch = f"dtype {a_format} instead of {dtype}"
    if a.shape != b.shape:
        shapes = f"shape {a.shape} instead of {b.shape}"
        mismatch = f"{shapes}, {mismatch}" if mismatch else shapes
        return Comparison(False, b.size, exceeding=b.size, mismatch=mismatch)
    if a.size == 0:
        return Comparison(not mismatch, 0, mismatch=mismatch)
    scale = np.broadcast_to(_scale(b, by), b.shape)
    limit = np.broadcast_to(atol + rtol * scale + np.asarray(error, float), b.shape)
    off = distance(a, b)
    exceeds = ~(off <= limit) | np.isinf(off)  # a NaN limit admits nothing
    worst = _worst(off, limit, exceeds)
    coarser = ulp_of or min(
        a_format, b_format, key=lambda name: FORMATS.get(name, FORMATS["float64"])[0]
    )
    absolute, magnitude = float(off[worst]), float(scale[worst])
    return Comparison(
        ok=not (mismatch or exceeds.any()),
        size=a.size,
        exceeding=int(exceeds.sum()),
        index=worst,
        actual=float(a[worst]),
        expected=float(b[worst]),
        absolute=absolute,
        scaled=absolute / magnitude if magnitude else math.inf if absolute else 0.0,
        ulp=absolute / float(ulp(b[worst], coarser)),
        limit=float(limit[worst]),
        mismatch=mismatch,
    )


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| element by element, where equal infinities and two NaN are 0 apart, and otherwise a
    number that is not finite is infinitely far from any other.

    >>> distance(np.array([1.0, np.inf, np.nan, np.nan]), np.array([3.0, np.inf, np.nan, 0.0]))
    array([ 2.,  0.,  0., inf])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(a - b)
    off = np.where(np.isnan(off), np.inf, off)
    return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, off)


def ulp(x: Any, dtype: str = "float64") -> np.ndarray:
    """The gap between neighbouring numbers of the format `dtype` at |x|, in float64.

    Formats: float16, bfloat16, float32, float64 (assumed for any other name).

    >>> float(ulp(1.0, "float32")) == 2.0**-23
    True
    """
    bits, lowest = FORMATS.get(dtype, FORMATS["float64"])
    magnitude = np.abs(np.asarray(x, dtype=np.float64))
    _, exponent = np.frexp(np.where(np.isfinite(magnitude), magnitude, 1.0))
    return np.ldexp(1.0, np.maximum(exponent - 1, lowest) - bits)


def check_tolerances(**tolerances: float | None) -> None:
    """ValueError, naming it, for a tolerance that is negative or NaN; None is passed over."""
    for name, value in tolerances.items():
        if value is not None and not value >= 0:
            raise ValueError(f"{name} {value!r}: expected a number that is not negative")


def _real(x: Any, name: str) -> tuple[np.ndarray, str]:
    """`x` in float64, and the name of the format that it came in."""
    array = np.asarray(x)
    if array.dtype.kind not in "fiub" and array.dtype.name not in FORMATS:
        raise TypeError(f"{name}: expected an array of real numbers, got dtype {array.dtype}")
    return array.astype(np.float64), array.dtype.name


def _scale(b: np.ndarray, by: str) -> np.ndarray:
    magnitude = np.where(np.isfinite(b), np.abs(b), 0.0)
    if by == "element":
        return magnitude
    return np.max(magnitude, axis=-1, keepdims=True) if by == "row" and b.ndim else magnitude.max()


def _worst(off: np.ndarray, limit: np.ndarray, exceeds: np.ndarray) -> tuple[int, ...]:
    with np.errstate(invalid="ignore"):
        over = np.nan_to_num(off - limit, nan=np.inf, posinf=np.inf)
    key = np.where(exceeds, over, -np.inf) if exceeds.any() else off
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(key)), off.shape))
