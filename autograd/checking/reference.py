"""What differences say about a subject of `check_grads`, and how claims are held against it.

All outputs of the subject are seen as one vector of m numbers, evaluated in float64; differentiated
arrays are moved one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from ..compare import FORMATS, Comparison, compare, distance
from ..differences import Line, central_limit
from ..kinks import Verdict, classify, widen
from .frameworks import FLOATS, dtype_name, to_host
from .subject import Arrays, Subject

_BAR = 10.0  # how many error bars a derivative may be away


class Limits(NamedTuple):
    """Estimates of m derivatives, their error bars, and where a kink is suspected."""

    value: np.ndarray
    error: np.ndarray
    bent: np.ndarray


class Reference:
    """Differences of `subject` at its point. `eps` is the relative precision of its values when
    given float64 arguments: that of the coarsest output dtype, or worse if the values are noisier.
    `sizes` are the numbers of elements of its outputs, `finite` says which elements are.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        found = subject.run(subject.hosts, "float64")
        coarsest = max((dtype_name(y) for y in found), key=FLOATS.index)
        self.outputs = [to_host(y).astype(np.float64) for y in found]
        self.finite = np.isfinite(_joined(self.outputs))
        self.sizes = [y.size for y in self.outputs]
        self._columns: dict[int, Limits] = {}
        self._in_vain = 0
        self.eps = max(2.0 ** -FORMATS[coarsest][0], 10.0 * self._noise())

    def _noise(self) -> float:
        """The relative size of rounding errors in the outputs, from below: sixth differences on so
        fine a scale that those of a smooth function vanish. What is singular at x itself fades
        with the distance from it, and noise does not: the least of three distances counts.

        J. Moré and S. Wild, Estimating computational noise, SIAM J. Scientific Computing 33 (2011),
        1292-1314, in its simplest form.
        """
        hosts = self.subject.hosts
        rng = np.random.default_rng(0)
        lines = [rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.0, x.shape) for x in hosts]
        h = 1e-6 * max(1.0, *(float(np.max(np.abs(x), initial=0.0)) / 1e3 for x in hosts))

        def roughness(first: int) -> float:
            steps = [h * k for k in range(first, first + 7)]
            points = [[x + t * v for x, v in zip(hosts, lines, strict=True)] for t in steps]
            values = np.stack([_joined(self.subject.evaluate(p, "float64")) for p in points])
            sixth = np.abs(np.diff(values, 6, axis=0)[0]) / math.sqrt(math.comb(12, 6))
            size = np.max(np.abs(values), axis=0) + np.abs(values[-1] - values[0]) / h
            relative = sixth / np.where(size > 0, size, 1.0)
            return float(np.max(relative, initial=0.0, where=np.isfinite(relative)))

        try:
            return min(map(roughness, (1, 100, 1000)))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):  # beyond the domain
            return 0.0

    def moving(self, i: int) -> Callable[[np.ndarray], np.ndarray]:
        """All outputs as a function of input i."""
        hosts = self.subject.hosts

        def f(x: np.ndarray) -> np.ndarray:
            return _joined(self.subject.evaluate([*hosts[:i], x, *hosts[i + 1 :]], "float64"))

        return f

    def projected(self, i: int, weights: np.ndarray) -> Callable[[np.ndarray], float]:
        """<weights, outputs> as a function of input i."""
        f, chosen = self.moving(i), weights != 0
        return lambda x: float(weights[chosen] @ f(x)[chosen])

    def along(self, i: int, direction: np.ndarray) -> Limits:
        """Derivatives of all outputs along a direction of input i."""
        return self.limits(self.moving(i), i, direction)

    def limits(self, f: Callable, i: int, direction: np.ndarray) -> Limits:
        """`ridders` for any function of input i, at the precision of the subject."""
        return Limits(*central_limit(Line(f, self.subject.hosts[i], direction), 0.05, self.eps))

    def columns(self, i: int) -> Limits:
        """Derivatives of all outputs by each element of input i, shape (elements, m)."""
        if i not in self._columns:
            x = self.subject.hosts[i]
            found = [self.along(i, unit(x.shape, e)) for e in range(x.size)]
            self._columns[i] = Limits(*(np.stack(part) for part in zip(*found, strict=True)))
        return self._columns[i]

    def verdict(self, f: Callable, i: int, direction: np.ndarray) -> Verdict:
        """`classify` for any function of input i, at the precision of the subject."""
        return classify(f, self.subject.hosts[i], direction, eps=self.eps)

    def judge(
        self, f: Callable, i: int, direction: np.ndarray, claimed: Any, tolerance: float
    ) -> Verdict:
        """The verdict; looking further around the point if it does not admit what is claimed. That
        is costly, so after three times in vain at smooth points it is taken to be smooth all over.
        """
        verdict = self.verdict(f, i, direction)
        refused = ~verdict.admits(claimed, tolerance) & np.isfinite(claimed)
        if not np.any(refused) or (self._in_vain >= 3 and verdict.kind == "smooth"):
            return verdict
        wider = widen(verdict, f, self.subject.hosts[i], direction, eps=self.eps)
        self._in_vain = self._in_vain + 1 if wider.kind == "smooth" else 0
        return wider

    def spread(self, k: int, cotangent: np.ndarray) -> np.ndarray:
        """A cotangent of output k as weights of all outputs, zero for those that are not finite."""
        parts = [np.zeros(n) for n in self.sizes]
        parts[k] = np.ravel(cotangent)
        return np.where(self.finite, np.concatenate(parts), 0.0)

    def parts(self, weights: np.ndarray) -> Arrays:
        """Weights of all outputs as one array for each."""
        pieces = np.split(weights, np.cumsum(self.sizes)[:-1])
        return [w.reshape(y.shape) for w, y in zip(pieces, self.outputs, strict=True)]


def unit(shape: tuple[int, ...], element: int) -> np.ndarray:
    """1 at an element (in C order), 0 elsewhere."""
    e = np.zeros(int(np.prod(shape)))
    e[element] = 1.0
    return e.reshape(shape)


def project(limits: Limits, weights: np.ndarray) -> Limits:
    """The derivatives of <weights, outputs> from those of the outputs (last axis)."""
    chosen = weights != 0
    w = weights[chosen]
    value, error, bent = (part[..., chosen] for part in limits)
    return Limits(value @ w, np.sqrt((error * error) @ (w * w)), np.any(bent, axis=-1))


@dataclass(frozen=True)
class Settled:
    """Claimed derivatives, held against differences: the comparison, the derivatives that should
    have come out (at a kink the nearest admissible ones, at a singular point those claimed), and
    the flat positions of kinks, singular points and points where the error bars are too large."""

    comparison: Comparison
    expected: np.ndarray
    kinks: tuple[int, ...]
    singular: tuple[int, ...]
    vague: tuple[int, ...]


def settle(
    claimed: np.ndarray,
    limits: Limits,
    verdict_at: Callable[[int], Verdict],
    *,
    rtol: float,
    atol: float,
    ulp_of: str,
    most: int = 100,
) -> Settled:
    """Compare on the scale of the whole array. Elements that disagree, or where a kink is
    suspected, get a verdict from one-sided differences (the `most` worst of them)."""
    shape = claimed.shape
    a, expected, error = claimed.ravel(), limits.value.ravel().copy(), limits.error.ravel().copy()
    size = np.abs(expected)
    tolerance = atol + rtol * np.max(size, initial=0.0, where=np.isfinite(size))
    off = distance(a, expected)
    usual = (off <= tolerance + _BAR * error) & np.isfinite(expected)
    doubtful = np.flatnonzero(~usual | limits.bent.ravel())
    kinks, singular = [], []
    for e in doubtful[np.argsort(-off[doubtful], kind="stable")][:most].tolist():
        verdict = verdict_at(e)
        if verdict.kind == "singular":
            singular.append(e)
            expected[e], error[e] = a[e], 0.0
        elif verdict.kind == "kink":
            kinks.append(e)
            low, high = float(verdict.low), float(verdict.high)
            expected[e] = min(max(a[e], low), high) if np.isfinite(a[e]) else low
            error[e] = np.fmax(verdict.left_error, verdict.right_error)
        elif not np.isfinite(expected[e]) or verdict.error < error[e]:
            expected[e], error[e] = verdict.value, verdict.error
    known = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    unknown = ~np.isfinite(expected) & ~np.isin(np.arange(a.size), singular)
    expected[unknown], error[unknown] = a[unknown], np.inf
    vague = np.flatnonzero(_BAR * error > max(0.01 * known, tolerance, 1e-9)).tolist()
    comparison = compare(
        claimed,
        expected.reshape(shape),
        rtol=rtol,
        atol=atol,
        error=_BAR * error.reshape(shape),
        ulp_of=ulp_of,
    )
    return Settled(comparison, expected.reshape(shape), tuple(kinks), tuple(singular), tuple(vague))


def or_singular(verdict: Verdict, claimed: float, other: Callable[[], Verdict]) -> Verdict:
    """The verdict on an element; but where infinity or NaN is claimed, and the function is singular
    in another output or direction, that: an infinite slope times zero is NaN in every framework."""
    if verdict.kind == "singular" or np.isfinite(claimed):
        return verdict
    whole = other()
    places = np.flatnonzero(whole.kinds == "singular")
    return element_of(whole, int(places[0])) if places.size else verdict


def element_of(verdict: Verdict, position: int) -> Verdict:
    """The verdict on one element (in C order)."""
    parts = (getattr(verdict, part.name) for part in fields(verdict))
    return Verdict(*(np.asarray(part.ravel()[position]) for part in parts))


def _joined(arrays: Arrays) -> np.ndarray:
    return np.concatenate([np.ravel(y).astype(np.float64) for y in arrays])
