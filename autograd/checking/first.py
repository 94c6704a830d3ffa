"""First derivatives against differences: gradients, and derivatives along tangents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from ..hints import Hint
from ..kinks import Verdict
from .examination import Examination
from .frameworks import dtype_name, to_host
from .reference import (
    Limits,
    Settled,
    element_of,
    localise,
    or_singular,
    project,
    settle,
    unit,
)  # fmt: skip


def check_vjp(x: Examination) -> None:
    """Gradients, for every output and every input, against differences."""
    pull = x.subject.pull(x.subject.hosts)
    for k, y in enumerate(x.reference.outputs):
        for draw, cotangent in x.directions(f"cotangent of {x.subject.output_names[k]}", y.shape):
            weights = x.reference.spread(k, cotangent)
            gradients = _formed(x, pull(x.reference.parts(weights)), weights)
            if gradients is None:
                return
            x.pulled[k] = weights, gradients
            for i, gradient in enumerate(gradients):
                if gradient.size and ("vjp", k, i) not in x.failed:
                    x.report.compared["vjp"] += 1
                    _check_gradient(x, k, i, weights, gradient, draw)


def _formed(x: Examination, gradients: Sequence[Any], weights: np.ndarray) -> list | None:
    """The gradients on the host in float64; None if they do not have the shapes of the inputs."""
    names = x.subject.names
    if len(gradients) != len(names):
        x.find("form", f"{len(gradients)} gradients instead of {len(names)}, one for each input")
        return None
    usable = True
    for i, (g, dtype) in enumerate(zip(gradients, x.subject.dtypes, strict=True)):
        x.report.compared["form"] += 1
        wanted = x.subject.hosts[i].shape
        shape = None if g is None else tuple(getattr(g, "shape", np.shape(g)))
        if shape != wanted:
            usable = False
            got = "None" if g is None else f"shape {shape}"
            related = () if g is None else _shape_hints(x, i, to_host(g), weights)
            x.find("form", f"gradient is {got} instead of shape {wanted}", i=i, related=related)
        elif dtype_name(g) != dtype and ("form", 0, i) not in x.failed:
            x.failed.add(("form", 0, i))
            x.find("form", f"gradient has dtype {dtype_name(g)} instead of {dtype}", i=i)
    return [to_host(g).astype(np.float64) for g in gradients] if usable else None


def _shape_hints(x: Examination, i: int, g: np.ndarray, weights: np.ndarray) -> tuple[Hint, ...]:
    host = x.subject.hosts[i]
    if host.size > x.settings.full:
        return ()
    expected = project(x.reference.columns(i), weights).value.reshape(host.shape)
    return x.related(g, expected, sample=False)


def _check_gradient(
    x: Examination, k: int, i: int, weights: np.ndarray, gradient: np.ndarray, draw: str
) -> None:
    """Hold the gradient of <weights, outputs> with respect to input i against differences."""
    chosen = np.arange(gradient.size)
    if gradient.size <= x.settings.full:
        settled = _every_element(x, i, weights, gradient)
    else:
        settled = _random_directions(x, i, weights, gradient)
        if not settled.comparison.ok:
            rng = x.rng(f"sample {k} {i}")
            rtol = max(x.rtol, 1e-6)  # plain central differences
            local, chosen = localise(x.reference, i, weights, gradient, rng, rtol=rtol, atol=x.atol)
            if not local.comparison.ok or (len(chosen) == gradient.size and local.kinks):
                settled = local
            else:
                chosen = np.arange(0)
    x.annotate(settled, k, i)
    if settled.comparison.ok:
        return
    x.failed.add(("vjp", k, i))
    if not chosen.size:
        text = "wrong gradient, in a random direction"
        x.find("vjp", text, k=k, i=i, comparison=settled.comparison, draw=draw)
        return
    compared = gradient.ravel()[chosen].reshape(settled.expected.shape)
    e = _flat(settled.comparison.index, gradient.shape)
    direction = unit(gradient.shape, e)
    claims = {x.subject.source: float(gradient.ravel()[e]), **_forward(x, i, weights, direction)}
    x.find(
        "vjp",
        "wrong gradient",
        k=k,
        i=i,
        comparison=settled.comparison,
        verdict=x.opinions(k, i, weights, direction, settled.expected, claims),
        related=x.related(compared, settled.expected, sample=chosen.size < gradient.size),
        draw=draw,
    )


def _flat(index: tuple[int, ...] | None, shape: tuple[int, ...]) -> int:
    """Position in C order."""
    return int(np.ravel_multi_index(index, shape)) if index else 0


def _every_element(x: Examination, i: int, weights: np.ndarray, gradient: np.ndarray) -> Settled:
    shape, reference = gradient.shape, x.reference
    found = project(reference.columns(i), weights)

    def verdict_at(e: int) -> Verdict:
        direction = unit(shape, e)
        verdict = reference.verdict(i, weights, direction)
        every = partial(reference.verdicts, reference.moving(i), i, direction)
        return or_singular(verdict, gradient.ravel()[e], every)

    return settle(
        gradient,
        Limits(*(np.reshape(part, shape) for part in found)),
        verdict_at,
        rtol=x.rtol,
        atol=x.atol,
    )


def _random_directions(
    x: Examination, i: int, weights: np.ndarray, gradient: np.ndarray
) -> Settled:
    """<gradient, v> for random v. The errors of the elements add up as random numbers do."""
    size = np.max(np.abs(gradient), initial=0.0, where=np.isfinite(gradient))
    pairs = list(x.directions(f"tangent of {x.subject.names[i]}", gradient.shape))
    found = [project(x.along(i, name, v), weights) for name, v in pairs]
    length = max(float(np.linalg.norm(v)) for _, v in pairs)
    return settle(
        np.array([float(np.vdot(gradient, v)) for _, v in pairs]),
        Limits(*(np.array(part) for part in zip(*found, strict=True))),
        lambda e: x.reference.verdict(i, weights, pairs[e][1]),
        rtol=0.0,
        atol=(x.atol + x.rtol * float(size)) * length,
    )


def _forward(
    x: Examination, i: int, weights: np.ndarray, direction: np.ndarray
) -> dict[str, float]:
    """What forward mode says, where there is one."""
    if "jvp" not in x.settings.modes:
        return {}
    try:
        moved = _pushed(x, i, direction)
        return {"its jvp": float(np.sum(moved * weights, where=weights != 0))}
    except (NotImplementedError, RuntimeError, TypeError):
        return {}


def _pushed(x: Examination, i: int, direction: np.ndarray) -> np.ndarray:
    """The derivative of all outputs along a direction of input i, by the subject."""
    tangents = [np.zeros_like(host) for host in x.subject.hosts]
    tangents[i] = direction
    moved = x.subject.push(x.subject.hosts, tangents)
    for k, (t, y) in enumerate(zip(moved, x.reference.outputs, strict=True)):
        if tuple(t.shape) != y.shape:
            name = x.subject.output_names[k]
            raise ValueError(f"jvp: derivative of {name} has shape {t.shape} instead of {y.shape}")
    return np.concatenate([to_host(t).astype(np.float64).ravel() for t in moved])


def check_jvp(x: Examination) -> None:
    """Derivatives along tangents of each input, for every output, against differences."""
    for i, host in enumerate(x.subject.hosts):
        for draw, v in x.directions(f"tangent of {x.subject.names[i]}", host.shape):
            moved = _pushed(x, i, v)
            x.pushed[i] = v, moved
            limits = x.along(i, draw, v)
            start = 0
            for k, y in enumerate(x.reference.outputs):
                part = slice(start, start + y.size)
                start += y.size
                if y.size and ("jvp", k, i) not in x.failed:
                    x.report.compared["jvp"] += 1
                    _check_derivative(x, k, i, v, moved, limits, part, draw)


def _check_derivative(
    x: Examination,
    k: int,
    i: int,
    v: np.ndarray,
    moved: np.ndarray,
    limits: Limits,
    part: slice,
    draw: str,
) -> None:
    """Hold the derivative of output k along a tangent of input i against differences."""
    finite = x.reference.finite[part]
    places = np.flatnonzero(finite) + part.start
    reference, f = x.reference, x.reference.moving(i)

    @cache
    def along(direction: str) -> Verdict:
        return reference.verdicts(f, i, v if direction == "v" else np.ones_like(v))

    def verdict_at(e: int) -> Verdict:
        verdict = element_of(along("v"), int(places[e]))
        every = partial(lambda p: element_of(along("all"), p), int(places[e]))
        return or_singular(verdict, moved[places[e]], every)

    shape = x.reference.outputs[k].shape
    claimed = moved[places].reshape(shape if finite.all() else -1)
    chosen = Limits(*(p[places].reshape(claimed.shape) for p in limits))
    settled = settle(claimed, chosen, verdict_at, rtol=x.rtol, atol=x.atol)
    x.annotate(settled, k, i)
    if settled.comparison.ok:
        return
    x.failed.add(("jvp", k, i))
    e = _flat(settled.comparison.index, claimed.shape)
    weights = unit(moved.shape, int(places[e]))
    claims = {x.subject.source: float(claimed.ravel()[e])}
    x.find(
        "jvp",
        "wrong derivative",
        k=k,
        i=i,
        comparison=settled.comparison,
        verdict=x.opinions(k, i, weights, v, settled.expected, claims),
        related=x.related(claimed, settled.expected, sample=not finite.all()),
        draw=draw,
    )
