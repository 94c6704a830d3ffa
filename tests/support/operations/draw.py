"""Inputs of the operation table: values away from kinks and ties, and shapes, fixed or drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

Shape = tuple[int, ...]


class Case(NamedTuple):
    """The shapes of an operation's arrays and its options."""

    shapes: tuple[Shape, ...]
    options: dict[str, Any] = {}  # noqa: RUF012  # never written to

    def __str__(self) -> str:
        shapes = " ".join("x".join(map(str, shape)) or "scalar" for shape in self.shapes)
        return " ".join([shapes, *(f"{k}={v}" for k, v in self.options.items())])


# --- values -------------------------------------------------------------------------------------

Sampler = Callable[[np.random.Generator, Shape, int, int], np.ndarray]


def _lattice(rng: np.random.Generator, shape: Shape, which: int, count: int) -> np.ndarray:
    """Numbers in (0, 1), apart from each other and from those of the other arguments: by at least
    1/(4 size) and, for up to 64 entries, by at least 1/256.
    """
    size = math.prod(shape)
    cells = max(64, size)
    cell = rng.permutation(cells)[:size]
    offset = (which + 0.5) / count + rng.uniform(-0.05, 0.05, size) / count
    return ((cell + offset) / cells).reshape(shape)


def between(low: float, high: float) -> Sampler:
    return lambda *args: low + (high - low) * _lattice(*args)


def _real(*args: Any) -> np.ndarray:
    """In (-2, -0.1) or (0.1, 2)."""
    u = 2.0 * _lattice(*args) - 1.0
    return np.sign(u) * (0.1 + 1.9 * np.abs(u))


def below(n: int) -> Sampler:
    """Whole numbers, not differentiated."""
    return lambda rng, shape, which, count: rng.integers(0, n, shape)


def _mask(rng: np.random.Generator, shape: Shape, which: int, count: int) -> np.ndarray:
    return rng.uniform(size=shape) < 0.5


def _matrix(rng: np.random.Generator, shape: Shape, which: int, count: int) -> np.ndarray:
    """Well-conditioned square matrices that are not symmetric."""
    return rng.uniform(-0.4, 0.4, shape) + 2.0 * np.eye(shape[-1])


def _spread(rng: np.random.Generator, shape: Shape, which: int, count: int) -> np.ndarray:
    """Square matrices whose symmetric part has well separated eigenvalues."""
    return rng.uniform(-0.2, 0.2, shape) + np.diag(1.0 + np.arange(shape[-1]))


DOMAINS: dict[str, Sampler] = {
    "real": _real,
    "positive": between(0.3, 2.3),
    "unit": between(0.05, 0.95),
    "inside": between(-0.9, 0.9),
    "above one": between(1.2, 3.0),
    "above -1": between(-0.8, 2.0),
    "modulus": between(3.0, 4.0),  # no multiple of one is in the range of "real"
    "mask": _mask,
    "matrix": _matrix,
    "spread": _spread,
}


def inputs(
    domains: tuple[str | Sampler, ...], case: Case, seed: int, dtype: Any = "float64"
) -> list[np.ndarray]:
    """One array per domain; floating-point ones in `dtype`."""
    rng = np.random.default_rng(seed)
    arrays = []
    for i, (domain, shape) in enumerate(zip(domains, case.shapes, strict=True)):
        sample = domain if callable(domain) else DOMAINS[domain]
        x = np.asarray(sample(rng, shape, i, len(domains)))
        arrays.append(x.astype(dtype) if x.dtype == np.float64 else x)
    return arrays


# --- shapes -------------------------------------------------------------------------------------

sizes = st.integers(0, 3)


def shapes(least: int = 0, most: int = 3, size: st.SearchStrategy[int] = sizes) -> Any:
    return st.lists(size, min_size=least, max_size=most).map(tuple)


def _axis(draw: Any, ndim: int) -> int:
    return draw(st.integers(-ndim, ndim - 1))


@st.composite
def elementwise(draw: Any) -> Case:
    return Case((draw(shapes()),))


@st.composite
def broadcasting(draw: Any, count: int = 2, **options: Any) -> Case:
    """Shapes that stretch to a common one, with missing, stretched and empty axes."""
    whole = draw(shapes())
    parts = []
    for _ in range(count):
        kept = whole[draw(st.integers(0, len(whole))) :]
        parts.append(tuple(1 if draw(st.booleans()) else n for n in kept))
    return Case(tuple(parts), options)


@st.composite
def reduction(
    draw: Any, least_size: int = 0, tuples: bool = True, whole: bool = True, **options: Any
) -> Case:
    """A shape, and an axis, several or all of them, counted from either end."""
    shape = draw(shapes(least=1, size=st.integers(least_size, 3)))
    axes = draw(st.permutations(range(len(shape))).flatmap(
        lambda p: st.integers(1, len(p)).map(lambda n: p[:n])
    ))  # fmt: skip
    axes = tuple(a - len(shape) if draw(st.booleans()) else a for a in axes)
    choices: list[Any] = [axes[0]]
    choices += [axes] if tuples else []
    choices += [None] if whole else []
    return Case((shape,), {"axis": draw(st.sampled_from(choices)), **_drawn(draw, options)})


def _drawn(draw: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {k: draw(v) if isinstance(v, st.SearchStrategy) else v for k, v in options.items()}


@st.composite
def along_axis(draw: Any, least_size: int = 0, **options: Any) -> Case:
    shape = draw(shapes(least=1, size=st.integers(least_size, 3)))
    return Case((shape,), {"axis": _axis(draw, len(shape)), **_drawn(draw, options)})


@st.composite
def square(draw: Any, batch: int = 2) -> Case:
    n = draw(st.integers(1, 3))
    return Case(((*draw(shapes(most=batch)), n, n),))


@st.composite
def products(draw: Any) -> Case:
    """Operands of a matrix product: vectors, matrices and batches that stretch."""
    m, n, p = (draw(sizes) for _ in range(3))
    batch = draw(shapes(most=2))
    left = tuple(1 if draw(st.booleans()) else k for k in batch)
    right = batch[draw(st.integers(0, len(batch))) :]
    a = draw(st.sampled_from([(n,), (m, n), (*left, m, n)]))
    b = draw(st.sampled_from([(n,), (n, p), (*right, n, p)]))
    return Case((a, b))


def fixed(*cases: Case) -> Any:
    """Only these."""
    return st.sampled_from(cases)
