"""One run of `check_grads`: what its checks (`properties`, `first`, `second`) share."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compare import Comparison
from ..hints import Hint, hints
from ..kinks import arbitrate, ties
from .frameworks import Engine
from .reference import Limits, Reference, Settled
from .report import Finding, Report
from .subject import Arrays, Given, Subject

_BASIS = 4  # outputs and inputs up to this size get every basis vector as well


@dataclass(frozen=True)
class Settings:
    """The options of `check_grads`. `strict`: a mode that cannot run is an error."""

    order: int
    modes: tuple[str, ...]
    strict: bool
    rtol: float
    atol: float
    seed: int
    draws: int
    full: int
    parameters: Mapping[str, Any]


class Examination:
    """A subject, what differences say about it, and the report that is being written.

    pulled    by output: a cotangent (as weights of all outputs) and the gradients it gave
    pushed    by input: a tangent and the derivatives (of all outputs) it gave
    rtol, atol, exact_rtol    tolerances, the last where no differences are involved
    failed    (check, output, input) whose derivatives are wrong
    kinked    inputs that are at a kink or a singular point
    """

    def __init__(self, subject: Subject, settings: Settings, report: Report) -> None:
        self.subject, self.settings, self.report = subject, settings, report
        self.reference = Reference(subject)
        self.pulled: dict[int, tuple[np.ndarray, Arrays]] = {}
        self.pushed: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.failed: set[tuple[str, int, int]] = set()
        self.kinked: set[int] = set()
        self._along: dict[tuple[int, str], Limits] = {}
        self.rtol, self.atol = settings.rtol, settings.atol
        self.exact_rtol = self.rtol
        self._look_at_precision()

    def _look_at_precision(self) -> None:
        eps, loosened = self.reference.eps, ""
        if eps > 1e-9:
            self.rtol = max(self.rtol, 30.0 * math.sqrt(eps))
            self.atol = max(self.atol, math.sqrt(eps))
            self.exact_rtol = max(self.exact_rtol, 1e3 * eps)
            loosened = ", loosened because differences are inexact"
            self.report.note(
                f"{self.subject.title} has a relative precision of {eps:.1g} even from float64 "
                "arguments, so its differences are inexact; let it keep the dtype it is given"
            )
        self.report.tolerance = f"rtol {self.rtol:.2g}, atol {self.atol:.2g}{loosened}"
        if not self.reference.finite.all():
            count = int((~self.reference.finite).sum())
            self.report.note(f"{count} elements of the output are not finite and are left out")

    def directions(self, label: str, shape: tuple[int, ...]) -> Iterator[tuple[str, np.ndarray]]:
        """Arrays of a shape, with their names: the basis if there are few, then random normal ones;
        one number has nothing but 1, an empty array nothing."""
        size = math.prod(shape)
        for e in range(size if size <= _BASIS else 0):
            yield f"{label}, basis vector {e}", np.eye(size)[e].reshape(shape)
        for d in range(self.settings.draws if size > 1 else 0):
            name = f"{label}, random {d}"
            yield name, self.rng(name).normal(size=shape)

    def rng(self, label: str) -> np.random.Generator:
        """Random numbers of their own for each use, so that each can be repeated alone."""
        return np.random.default_rng([self.settings.seed, zlib.crc32(label.encode())])

    def along(self, i: int, name: str, direction: np.ndarray) -> Limits:
        """Differences of all outputs along a direction of input i, remembered by its name."""
        if (i, name) not in self._along:
            self._along[i, name] = self.reference.along(i, direction)
        return self._along[i, name]

    def find(
        self,
        check: str,
        message: str,
        *,
        k: int | None = None,
        i: int | None = None,
        comparison: Comparison | None = None,
        verdict: str = "",
        related: tuple[Hint, ...] = (),
        draw: str = "",
    ) -> None:
        """Add a finding about output k and input i."""
        self.report.findings.append(
            Finding(
                check,
                message,
                input="" if i is None else self.subject.names[i],
                output="" if k is None else self.subject.output_names[k],
                comparison=comparison,
                verdict=verdict,
                hints=related,
                ties=() if i is None or comparison is None else tuple(self.ties(i)),
                draw=draw,
            )
        )

    def related(
        self, claimed: np.ndarray, expected: np.ndarray, *, sample: bool
    ) -> tuple[Hint, ...]:
        """Hints on two arrays; on a sample of their elements only those that need no shape."""
        tolerance = max(1e-6, 30.0 * self.rtol)
        found = hints(claimed, expected, tolerance=tolerance, parameters=self.settings.parameters)
        plain = ("zero", "sign", "factor", "not_a_number")
        return tuple(h for h in found if not sample or h.kind in plain)

    def ties(self, i: int) -> Iterator[str]:
        """Equal entries of input i, one example for each axis."""
        x, name = self.subject.hosts[i], self.subject.names[i]
        for axis in range(x.ndim):
            for tie in itertools.islice(ties(x, axis, limit=1), 1):
                first, second = list(tie.first), list(tie.second)
                yield f"{name}{first} and {name}{second} are both {tie.value:.9g}"

    def annotate(self, settled: Settled, k: int, i: int) -> None:
        """Note what could not be compared as usual."""
        what = f"of {self.subject.output_names[k]} with respect to {self.subject.names[i]}"
        if settled.kinks or settled.singular:
            self.kinked.add(i)
        if settled.kinks and settled.comparison.ok:
            tie = "".join(f"; {text}" for text in self.ties(i))
            self.report.note(
                f"kink: derivatives {what} that lie between the left and the right one are "
                f"accepted{tie}"
            )
        if settled.singular:
            self.report.note(f"singular: no finite derivative {what}; not decidable")
        if settled.vague:
            self.report.note(f"differences {what} have error bars above 1 % of the largest")

    def opinions(
        self,
        k: int,
        i: int,
        weights: np.ndarray,
        direction: np.ndarray,
        expected: np.ndarray,
        claims: Mapping[str, float],
    ) -> str:
        """The verdict of differences on <weights, outputs> along a direction of input i, and who
        agrees with it: `claims`, and the engine where it did not make them."""
        known = dict(claims)
        if isinstance(self.subject, Given) and self.subject.framework is Engine:
            try:
                other = Subject(self.subject.f, self.subject.args, self.subject.argnums, Engine)
                gradient = other.pull(other.hosts)(self.reference.parts(weights))[i]
                known["the engine"] = float(np.vdot(gradient, direction))
            except Exception:  # not written for the engine: no opinion
                known.pop("the engine", None)
        size = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
        return str(
            arbitrate(
                self.reference.projected(i, weights),
                self.subject.hosts[i],
                direction,
                known,
                rtol=self.rtol,
                atol=self.atol + self.rtol * size,
                eps=self.reference.eps,
            )
        )
