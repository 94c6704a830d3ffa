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
from .locate import localise
from .reference import (
    Limits,
    Settled,
    element_of,
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
    pairs = list(x.directions(f"tangent of {x.subject.names[i]}", gradient.shape))
    if gradient.size <= x.settings.full:
        settled = _every_element(x, i, weights, gradient)
        if settled.comparison.ok and settled.kinks:
            pairs.append((f"kinks {settled.kinks}", _indicator(settled.kinks, gradient.shape)))
            together = _directions(x, i, weights, gradient, pairs)
            if not together.comparison.ok:
                settled, chosen = together, chosen[:0]
    else:
        settled = _directions(x, i, weights, gradient, pairs)
        if not settled.comparison.ok:
            rng = x.rng(f"sample {k} {i}")
            rtol = max(x.rtol, 1e-6)  # plain central differences
            local, chosen = localise(x.reference, i, weights, gradient, rng, rtol=rtol, atol=x.atol)
            if local.comparison.ok:
                chosen = chosen[:0]
            else:
                settled = local
    x.annotate(settled, k, i)
    if settled.comparison.ok:
        return
    x.failed.add(("vjp", k, i))
    text = "wrong gradient"
    related: tuple[Hint, ...] = ()
    if chosen.size:
        compared = gradient.ravel()[chosen].reshape(settled.expected.shape)
        related = x.related(compared, settled.expected, sample=chosen.size < gradient.size)
        e = _flat(settled.comparison.index, gradient.shape)
        direction = unit(gradient.shape, e)
    else:
        text = "wrong gradient along a direction, though no single element is seen to be wrong"
        draw, direction = pairs[_flat(settled.comparison.index, (len(pairs),))]
    slope = float(np.vdot(gradient, direction))
    claims = {x.subject.source: slope, **_forward(x, i, weights, direction)}
    verdict = x.opinions(k, i, weights, direction, settled.expected, claims)
    x.find(
        "vjp",
        text,
        k=k,
        i=i,
        comparison=settled.comparison,
        verdict=verdict,
        related=related,
        draw=draw,
    )


def _indicator(elements: Sequence[int], shape: tuple[int, ...]) -> np.ndarray:
    """1 at the given positions (in C order), 0 elsewhere."""
    return np.sum([unit(shape, e) for e in elements], axis=0)


def _flat(index: tuple[int, ...] | None, shape: tuple[int, ...]) -> int:
    """Position in C order."""
    return int(np.ravel_multi_index(index, shape)) if index else 0


def _every_element(x: Examination, i: int, weights: np.ndarray, gradient: np.ndarray) -> Settled:
    shape, reference = gradient.shape, x.reference
    found = project(reference.columns(i), weights)
    f, tolerance = reference.projected(i, weights), _tolerance(x, gradient)

    def verdict_at(e: int) -> Verdict:
        direction, claimed = unit(shape, e), gradient.ravel()[e]
        verdict = reference.judge(f, i, direction, claimed, tolerance)
        every = partial(reference.verdict, reference.moving(i), i, direction)
        return or_singular(verdict, claimed, every)

    return settle(
        gradient,
        Limits(*(np.reshape(part, shape) for part in found)),
        verdict_at,
        rtol=x.rtol,
        atol=x.atol,
        ulp_of=x.subject.dtypes[i],
    )


def _directions(
    x: Examination,
    i: int,
    weights: np.ndarray,
    gradient: np.ndarray,
    pairs: Sequence[tuple[str, np.ndarray]],
) -> Settled:
    """<gradient, v> for some v. The errors of the elements add up as random numbers do."""
    found = [project(x.along(i, name, v), weights) for name, v in pairs]
    atol = _tolerance(x, gradient) * max(float(np.linalg.norm(v)) for _, v in pairs)
    claimed = np.array([float(np.vdot(gradient, v)) for _, v in pairs])
    f = x.reference.projected(i, weights)
    return settle(
        claimed,
        Limits(*(np.array(part) for part in zip(*found, strict=True))),
        lambda e: x.reference.judge(f, i, pairs[e][1], claimed[e], atol),
        rtol=0.0,
        atol=atol,
        ulp_of=x.subject.dtypes[i],
    )


def _tolerance(x: Examination, claimed: np.ndarray) -> float:
    """How far an element of a derivative may be off."""
    finite = np.isfinite(claimed)
    return x.atol + x.rtol * float(np.max(np.abs(claimed), initial=0.0, where=finite))


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
        if direction == "v":
            return reference.judge(f, i, v, moved, _tolerance(x, moved[places]))
        return reference.verdict(f, i, np.ones_like(v))

    def verdict_at(e: int) -> Verdict:
        verdict = element_of(along("v"), int(places[e]))
        every = partial(lambda p: element_of(along("all"), p), int(places[e]))
        return or_singular(verdict, moved[places[e]], every)

    shape = x.reference.outputs[k].shape
    claimed = moved[places].reshape(shape if finite.all() else -1)
    chosen = Limits(*(p[places].reshape(claimed.shape) for p in limits))
    dtype = x.subject.output_dtypes[k]
    settled = settle(claimed, chosen, verdict_at, rtol=x.rtol, atol=x.atol, ulp_of=dtype)
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
