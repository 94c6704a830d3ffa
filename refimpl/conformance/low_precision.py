"""Checking in float16 and bfloat16: `refimpl check TARGET --dtype bfloat16`.

The implementation gets its inputs in that format and must return it; the reference is evaluated in
float64 at the same, rounded, inputs. How far results may be off depends on the case: to the
tolerance of the format is added what the reference itself changes by when its inputs change by a
few units in the last place, or when it is evaluated in float16, because a right implementation need
not do better than that. Values and gradients are compared, each where this allowance still tells
right from wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd.compare import distance
from refimpl.spec import TOLERANCES, Case, Entry, Tolerance

from .frameworks import on_engine
from .points import Expected, expect
from .target import Implementation, Unsupported, WrongResult

Arrays = Mapping[str, Any]

UNITS = 4.0  # in the last place, by which inputs are moved
SHARE = 0.2  # of the largest magnitude: a larger allowance says nothing
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
FORMATS: Mapping[str, Tolerance] = {
    "float16": TOLERANCES["float16"],
    "bfloat16": Tolerance(rtol=5e-2, atol=2e-2, gradient_rtol=1e-1, gradient_atol=5e-3),
}
DTYPES = tuple(FORMATS)
"""The formats that can be asked for; float64 and float32 have cases of their own."""


def rounded(entry: Entry, case: Case, dtype: str, seed: int = 0) -> Case | None:
    """The case with its inputs rounded to the format, and the tolerance that it allows there.

    None for a case that says little in it: not smooth, of other dtypes, too sensitive, beyond the
    largest number of the format, or with inputs that the definition refuses once they are rounded.
    Inputs that rounding makes equal put the case on a kink.
    """
    if case.kind != "smooth" or case.dtype != "float64":
        return None
    inputs = {name: round_to(array, dtype) for name, array in case.inputs.items()}
    if not all(np.isfinite(a).all() for a in inputs.values() if a.dtype.kind == "f"):
        return None
    kind = "kink" if any(_ties(inputs[n], case.inputs[n]) for n in inputs) else "smooth"
    near = replace(case, inputs=inputs, kind=kind, flags=(*case.flags, dtype))
    try:
        return _with_tolerance(entry, near, dtype, seed)
    except (ValueError, ArithmeticError):
        return None


def _with_tolerance(entry: Entry, case: Case, dtype: str, seed: int) -> Case | None:
    """The case with the format's tolerance and what rounding changes, of inputs and inside."""
    expected, rng = expect(entry, case, seed), np.random.default_rng(seed)
    values, gradients = dict(expected.values), _gradients(entry, expected)
    apart, gradients_apart = _inside(expected, values, gradients, dtype)
    for _ in range(2):
        near = _moved(expected, rng, dtype)
        apart = max(apart, _largest(near.values, values))
        gradients_apart = max(gradients_apart, _largest(_gradients(entry, near), gradients))
    base, large = FORMATS[dtype], float(np.finfo(np.float16).max)
    biggest = _magnitude(values)
    if not (2 * apart < SHARE * max(1.0, biggest) and (dtype != "float16" or biggest < large)):
        return None
    tells = 2 * gradients_apart <= SHARE * _magnitude(gradients)
    wanted = ("values", "vjp") if tells else ("values",)
    tolerance = replace(
        base,
        atol=base.atol + 2 * apart,
        gradient_atol=base.gradient_atol + 2 * gradients_apart,
    )
    checks = tuple(check for check in case.checks if check in wanted)
    return replace(case, checks=checks, tolerance=tolerance)


def _inside(
    expected: Expected, values: Arrays, gradients: Arrays, dtype: str
) -> tuple[float, float]:
    """How far the reference is off when it is evaluated in float16, in units of the format."""

    def lower(arrays: Arrays) -> dict[str, np.ndarray]:
        floats = {name: np.asarray(a).dtype.kind == "f" for name, a in arrays.items()}
        return {k: np.asarray(a, np.float16 if floats[k] else None) for k, a in arrays.items()}

    problem = expected.problem.at(lower(expected.problem.inputs))
    try:
        low = on_engine.values(problem)
        pulled = on_engine.vjp(problem, lower(expected.cotangents)) if gradients else {}
    except Exception:  # such as linear algebra, which NumPy lacks in float16
        return 0.0, 0.0
    units = EPSILON[dtype] / EPSILON["float16"]
    off, gradients_off = units * _largest(low, values), units * _largest(pulled, gradients)
    if dtype == "bfloat16":  # which has larger numbers
        off, gradients_off = (x if np.isfinite(x) else 0.0 for x in (off, gradients_off))
    return off, gradients_off


def _gradients(entry: Entry, expected: Expected) -> dict[str, np.ndarray]:
    if not (entry.differentiable and expected.cotangents):
        return {}
    return on_engine.vjp(expected.problem, expected.cotangents)


def _moved(expected: Expected, rng: np.random.Generator, dtype: str) -> Expected:
    """The reference at inputs a few units in the last place away, in the same directions."""

    def move(array: Any) -> np.ndarray:
        given = np.asarray(array)
        if given.dtype.kind != "f":
            return given
        return given * (1 + UNITS * EPSILON[dtype] * rng.uniform(-1, 1, size=given.shape))

    problem = expected.problem.at({k: move(v) for k, v in expected.problem.inputs.items()})
    return replace(expected, problem=problem, values=on_engine.values(problem))


def _largest(one: Arrays, two: Arrays) -> float:
    pairs = ((one[name], two[name]) for name in two if two[name].dtype.kind == "f")
    return max((float(distance(a, b).max(initial=0.0)) for a, b in pairs), default=0.0)


def _magnitude(arrays: Arrays) -> float:
    floating = (a for a in arrays.values() if a.dtype.kind == "f")
    return max((float(np.abs(a).max(initial=0.0)) for a in floating), default=0.0)


def _ties(low: np.ndarray, given: Any) -> bool:
    return low.dtype.kind == "f" and np.unique(low).size < np.unique(np.asarray(given)).size


def round_to(array: Any, dtype: str) -> np.ndarray:
    """The nearest numbers of the format, ties to even, in float64; whole numbers as they are."""
    given = np.asarray(array)
    if given.dtype.kind != "f":
        return given
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return given.astype(np.float16).astype(np.float64)
    bits = np.asarray(given, np.float32).view(np.uint32)
    even = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    near = (even & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)
    return np.where(np.isfinite(given), near, given)


def lowered(claim: Implementation, dtype: str) -> Implementation:
    """The implementation, called with arrays of the format; its results must have it too."""
    if dtype == "bfloat16" and claim.framework == "refimpl":
        claim = replace(claim, checks=tuple(c for c in claim.checks if c == "values"))
    own = None if claim.vjp is None else _LoweredPull(claim.vjp, claim.framework, dtype)
    return replace(claim, function=_Lowered(claim.function, claim.framework, dtype), vjp=own)


@dataclass(frozen=True)
class _Lowered:
    """A function between casts, which its framework differentiates as well."""

    function: Callable[..., Any]
    framework: str
    dtype: str

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def cast(self) -> Callable[[Any, str], Any]:
        """How arrays change their dtype."""
        return _casts(self.framework)

    def __call__(self, **arguments: Any) -> Any:
        return self.back(self.function(**self.down(arguments)))

    def down(self, arguments: Arrays) -> dict[str, Any]:
        """The floating arrays in the format."""
        return {k: self.cast(v, self.dtype) if _floats(v) else v for k, v in arguments.items()}

    def back(self, result: Any) -> Any:
        """The floating arrays in float64. WrongResult for one that is not in the format."""
        if isinstance(result, Mapping):
            return {name: self.back(value) for name, value in result.items()}
        if isinstance(result, (tuple, list)):
            return tuple(map(self.back, result))
        if not _floats(result):
            return result
        dtype = result.dtype
        if (name := getattr(dtype, "name", str(dtype).rpartition(".")[2])) != self.dtype:
            raise WrongResult(f"returned {name} for inputs in {self.dtype}")
        return self.cast(result, "float64")


class _LoweredPull(_Lowered):
    """The same for a gradient that is supplied, which gets its cotangents in the format too."""

    def __call__(self, cotangents: Any = None, **arguments: Any) -> Any:
        return self.back(self.function(self.down(cotangents), **self.down(arguments)))


def _floats(value: Any) -> bool:
    return "float" in str(getattr(value, "dtype", ""))


def _casts(framework: str) -> Callable[[Any, str], Any]:
    """How arrays of a framework change their dtype."""
    if framework == "torch":
        import torch

        return lambda array, dtype: array.to(getattr(torch, dtype))
    if framework == "jax":
        return lambda array, dtype: array.astype(dtype)
    if framework == "tensorflow":
        import tensorflow as tf

        return lambda array, dtype: tf.cast(array, dtype)
    if framework in ("numpy", "autograd"):
        return lambda array, dtype: array.astype(_numpy_dtype(dtype))

    def cast(array: Any, dtype: str) -> Any:
        if dtype == "bfloat16":
            raise Unsupported(
                f"{'CuPy' if framework == 'cupy' else 'refimpl.autograd'} has no bfloat16"
            )
        return ag.array_namespace(array).astype(array, getattr(np, dtype))

    return cast


def _numpy_dtype(name: str) -> Any:
    """The dtype; bfloat16 is that of the package ml_dtypes."""
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        raise Unsupported(
            "NumPy has no bfloat16 without ml_dtypes (pip install ml_dtypes)"
        ) from None
    return np.dtype(ml_dtypes.bfloat16)
