"""Where a gradient that is wrong along some direction is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..differences import central_difference, ridders
from .reference import Limits, Reference, Settled, settle, unit

_LOCAL = 1024  # arrays up to this size are searched element by element
_SAMPLE = 64  # of larger ones, so many elements are looked at


def localise(
    reference: Reference,
    i: int,
    weights: np.ndarray,
    gradient: np.ndarray,
    rng: np.random.Generator,
    *,
    rtol: float,
    atol: float,
) -> tuple[Settled, np.ndarray]:
    """Where a gradient that is wrong along some direction is wrong: element-wise comparison (of a
    sample, if the array is large), and the flat positions of the elements compared."""
    x, f = reference.subject.hosts[i], reference.projected(i, weights)
    flat = gradient.ravel()
    chosen = np.arange(x.size)
    if x.size > _LOCAL:
        largest = np.argsort(-np.abs(flat))[: _SAMPLE // 2]
        drawn = rng.choice(x.size, _SAMPLE // 2, replace=False)
        chosen = np.unique([_bisect(f, x, gradient, rng), *largest.tolist(), *drawn.tolist()])
    tolerance = atol + rtol * float(np.max(np.abs(flat), initial=0.0, where=np.isfinite(flat)))
    slopes = np.array([central_difference(f, x, unit(x.shape, e)) for e in chosen.tolist()])
    bar = np.full(slopes.shape, 1e-7 * np.nanmax(np.abs(slopes), initial=0.0))
    shape = x.shape if len(chosen) == x.size else slopes.shape
    settled = settle(
        flat[chosen].reshape(shape),
        Limits(slopes, bar, np.zeros(slopes.shape, bool)),
        lambda e: reference.judge(f, i, unit(x.shape, int(chosen[e])), flat[chosen[e]], tolerance),
        rtol=rtol,
        atol=atol,
        ulp_of=reference.subject.dtypes[i],
        most=_SAMPLE,
    )
    if shape != x.shape and settled.comparison.index is not None:
        place = np.unravel_index(int(chosen[settled.comparison.index[0]]), x.shape)
        index = tuple(int(p) for p in place)
        settled = replace(settled, comparison=replace(settled.comparison, index=index))
    return settled, chosen


def _bisect(f: Callable, x: np.ndarray, gradient: np.ndarray, rng: np.random.Generator) -> int:
    """An element where the gradient is off, by halving the set of elements that are moved."""
    low, high = 0, x.size
    signs = rng.choice([-1.0, 1.0], x.size)
    while high - low > 1:
        middle = (low + high) // 2
        off = []
        for start, stop in ((low, middle), (middle, high)):
            v = np.zeros(x.size)
            v[start:stop] = signs[start:stop]
            slope = float(ridders(f, x, v.reshape(x.shape)).value)
            off.append(abs(float(gradient.ravel() @ v) - slope))
        low, high = (low, middle) if not off[1] > off[0] else (middle, high)
    return low
