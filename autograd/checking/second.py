"""Second derivatives: against differences of gradients, and symmetric."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np

from ..compare import compare
from ..kinks import Verdict
from .examination import Examination
from .frameworks import to_host
from .reference import Limits, element_of, settle


def check_second(x: Examination) -> None:
    """Derivatives of gradients along tangents, against differences of gradients; and symmetry."""
    weights = np.where(
        x.reference.finite, x.rng("second").normal(size=x.reference.finite.size), 0.0
    )
    parts, hosts = x.reference.parts(weights), x.subject.hosts
    seen: list[tuple[int, np.ndarray, list[np.ndarray]]] = []
    for i, host in enumerate(hosts):

        def gradients(moved: np.ndarray, i: int = i) -> np.ndarray:
            pulled = x.subject.pull([*hosts[:i], moved, *hosts[i + 1 :]], "float64")(parts)
            return np.concatenate([to_host(g).astype(np.float64).ravel() for g in pulled])

        for draw, v in x.directions(f"second tangent of {x.subject.names[i]}", host.shape):
            tangents = [np.zeros_like(h) for h in hosts]
            tangents[i] = v
            moved = [
                to_host(g).astype(np.float64) for g in x.subject.second(hosts, parts, tangents)
            ]
            _check_hessian(x, i, v, moved, gradients, draw)
            seen.append((i, v, moved))
    for (i, u, hu), (j, v, hv) in itertools.combinations(seen, 2):
        if not {i, j} & x.kinked:
            _check_symmetry(x, i, j, hu[j] * v, hv[i] * u)


def _check_hessian(
    x: Examination,
    i: int,
    v: np.ndarray,
    moved: list[np.ndarray],
    gradients: Callable[[np.ndarray], np.ndarray],
    draw: str,
) -> None:
    limits = x.reference.limits(gradients, i, v)
    start = 0

    @cache
    def verdicts() -> Verdict:
        claimed = np.concatenate([np.ravel(h) for h in moved])
        return x.reference.judge(
            gradients, i, v, claimed, x.atol + x.rtol * np.max(np.abs(claimed))
        )

    for j, claimed in enumerate(moved):
        place = slice(start, start + claimed.size)
        start += claimed.size
        if not claimed.size or ("second", i, j) in x.failed:
            continue

        def verdict_at(e: int, offset: int = place.start) -> Verdict:
            return element_of(verdicts(), offset + e)

        x.report.compared["second"] += 1
        chosen = Limits(*(p[place].reshape(claimed.shape) for p in limits))
        settled = settle(
            claimed,
            chosen,
            verdict_at,
            rtol=max(x.rtol, 1e-7),
            atol=x.atol,
            ulp_of=x.subject.dtypes[j],
        )
        if settled.kinks or settled.singular:
            x.kinked.add(i)
            text = f"by {x.subject.names[i]} of the gradient of {x.subject.names[j]}"
            x.report.note(f"kink: derivatives {text} are not unique; admissible ones are accepted")
        if not settled.comparison.ok:
            x.failed.add(("second", i, j))
            related = x.related(claimed, settled.expected, sample=False)
            names = x.subject.names
            text = f"wrong derivative of the gradient along {names[i]}"
            x.find("second", text, i=j, comparison=settled.comparison, related=related, draw=draw)


def _check_symmetry(x: Examination, i: int, j: int, left: np.ndarray, right: np.ndarray) -> None:
    """<u, H v> = <v, H u>."""
    x.report.compared["symmetry"] += 1
    size = max(float(np.abs(left).sum()), float(np.abs(right).sum()))
    atol = x.atol + max(x.rtol, 1e-7) * size
    comparison = compare(float(left.sum()), float(right.sum()), rtol=0.0, atol=atol)
    if not comparison:
        text = f"second derivatives by {x.subject.names[i]} then this are not those in reverse"
        x.find("symmetry", text, i=j, comparison=comparison)
