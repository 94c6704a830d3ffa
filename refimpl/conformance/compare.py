"""Comparing two arrays: whether they differ, where most, and by how much on three scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..spec import Tolerance


@dataclass(frozen=True)
class Difference:
    """How `got` departs from `expected`.

    kind      "shape", "NaN" (where the expected value is a number) or "value"
    count     elements outside the tolerance, of `total`
    index     position of the worst one, with `got` and `expected` there
    absolute  |got - expected| at the worst element
    scaled    the same divided by the largest magnitude of the expected tensor, `scale`
    ulp       the same in units of the last place of the expected value
    """

    kind: str
    count: int
    total: int
    index: tuple[int, ...]
    got: float
    expected: float
    absolute: float
    scaled: float
    ulp: float
    scale: float
    shapes: tuple[tuple[int, ...], tuple[int, ...]]

    def sentence(self) -> str:
        """The difference in words and numbers."""
        if self.kind == "shape":
            return f"shape {self.shapes[0]}, expected {self.shapes[1]}"
        what = f"{self.count} of {self.total} elements" if self.total > 1 else "the value"
        verb = {"NaN": "NaN in", "value": "outside the tolerance:"}[self.kind]
        where = f" at {list(self.index)}" if self.index else ""
        numbers = f"got {self.got:.9g}, expected {self.expected:.9g}"
        return f"{verb} {what}; worst{where}: {numbers}"

    def scales(self) -> str:
        """The worst error in absolute terms, on the tensor's scale, and in ULP."""
        return (
            f"error {self.absolute:.2e} = {self.scaled:.2e} of the largest magnitude "
            f"({self.scale:.3g}) = {self.ulp:.3g} ULP"
        )


def compare(
    got: np.ndarray, expected: np.ndarray, tolerance: Tolerance, *, scaled: bool
) -> Difference | None:
    """None when the arrays agree. With `scaled`, the tolerance is that of derivatives.

    Equal infinities agree, and so do NaN where NaN is expected.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        nothing = dict.fromkeys(("got", "expected", "absolute", "scaled", "ulp", "scale"), np.nan)
        sizes = (got.shape, expected.shape)
        return Difference("shape", expected.size, expected.size, (), shapes=sizes, **nothing)
    a, b = got.astype(np.float64), expected.astype(np.float64)
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    with np.errstate(all="ignore"):
        error = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        error = np.where(np.isnan(error), np.inf, error)
        if scaled:
            allowed = np.full(b.shape, tolerance.gradient_atol + tolerance.gradient_rtol * scale)
        else:
            allowed = tolerance.atol + tolerance.rtol * np.abs(np.where(np.isfinite(b), b, 0.0))
        wrong = error > allowed
    if not np.any(wrong):
        return None
    return _describe(a, b, error, wrong, scale, expected.dtype)


def _describe(
    a: np.ndarray,
    b: np.ndarray,
    error: np.ndarray,
    wrong: np.ndarray,
    scale: float,
    dtype: np.dtype,
) -> Difference:
    missing = np.isnan(a) & ~np.isnan(b)
    ranked = np.where(missing, np.inf, np.where(wrong, error, -1.0))
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(ranked)), b.shape))
    worst = float(error[index])
    float_type = dtype if dtype.kind == "f" else np.dtype(np.float64)
    with np.errstate(all="ignore"):
        unit = float(np.spacing(np.abs(b[index]).astype(float_type)))
        ratio = worst / scale if scale else np.inf
    return Difference(
        kind="NaN" if missing.any() else "value",
        count=int(missing.sum()) if missing.any() else int(wrong.sum()),
        total=int(b.size),
        index=index,
        got=float(a[index]),
        expected=float(b[index]),
        absolute=worst,
        scaled=float(ratio),
        ulp=worst / unit,
        scale=scale,
        shapes=(a.shape, b.shape),
    )
