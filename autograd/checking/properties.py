"""What holds for every function and every derivative, without differences."""

from __future__ import annotations

import numpy as np

from ..compare import Comparison, compare
from .examination import Examination
from .frameworks import on_cpu, to_host


def check_function(x: Examination) -> bool:
    """The function leaves its inputs as they are, and gives the same value each time."""
    subject, counts = x.subject, x.report.compared
    with subject.framework.precision():
        leaves = subject.leaves(subject.hosts)
        before = [to_host(a).tobytes() for a in leaves]
        subject.outputs(None)(*leaves)
        after = [to_host(a).tobytes() for a in leaves]
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        counts["inputs"] += 1
        if old != new:
            x.find("inputs", "the function changes its argument", i=i)
    again = subject.evaluate(subject.hosts, "float64")
    for k, (y, z) in enumerate(zip(x.reference.outputs, again, strict=True)):
        counts["value"] += 1
        comparison = _difference(x, z, y)
        if comparison is not None:
            text = "two calls give two values, so differences mean nothing (random numbers?)"
            x.find("value", text, k=k, comparison=comparison)
    return x.report.ok


def _difference(x: Examination, again: np.ndarray, first: np.ndarray) -> Comparison | None:
    """How a repetition differs: in any bit on a CPU, beyond rounding on a GPU, whose sums come in
    any order."""
    if again.tobytes() == first.tobytes():
        return None
    exact = all(map(on_cpu, x.subject.originals))
    comparison = compare(again, first, rtol=0.0 if exact else x.exact_rtol)
    return None if comparison and not exact else comparison


def check_adjoint(x: Examination) -> None:
    """<cotangent, J tangent> = <J^T cotangent, tangent>."""
    for k, (weights, gradients) in x.pulled.items():
        for i, (v, moved) in x.pushed.items():
            if {("vjp", k, i), ("jvp", k, i)} & x.failed or i in x.kinked:
                continue
            terms = np.where(weights != 0, weights * moved, 0.0), gradients[i] * v
            if not all(np.isfinite(t).all() for t in terms):
                continue
            x.report.compared["adjoint"] += 1
            size = max(float(np.abs(t).sum()) for t in terms)
            left, right = (float(t.sum()) for t in terms)
            comparison = compare(left, right, rtol=0.0, atol=x.settings.atol + x.exact_rtol * size)
            if not comparison:
                text = "vjp and jvp do not belong to the same Jacobian"
                x.find("adjoint", text, k=k, i=i, comparison=comparison)


def check_pull(x: Examination) -> None:
    """Linear in the cotangent, zero for zero, and the same bits each time."""
    pull, parts = x.subject.pull(x.subject.hosts), x.reference.parts
    rng, size = x.rng("pull"), x.reference.finite.size
    first, second = (np.where(x.reference.finite, rng.normal(size=size), 0.0) for _ in range(2))

    def gradients(weights: np.ndarray) -> list[np.ndarray]:
        return [to_host(g) for g in pull(parts(weights))]

    ones, twos, again = gradients(first), gradients(second), gradients(first)
    mixed, zero = gradients(2.0 * first - 0.5 * second), gradients(0.0 * first)
    for i, (g, h, same) in enumerate(zip(ones, twos, again, strict=True)):
        counts, usable = x.report.compared, np.isfinite(g) & np.isfinite(h)
        counts["repeatable"] += 1
        comparison = _difference(x, same, g)
        if comparison is not None:
            x.find("repeatable", "two backward passes differ", i=i, comparison=comparison)
        counts["zero"] += 1
        if np.any(zero[i][usable] != 0.0):
            comparison = compare(zero[i], np.zeros_like(g), rtol=0.0)
            text = "a zero cotangent gives a gradient"
            x.find("zero", text, i=i, comparison=comparison)
        counts["linearity"] += 1
        a, b = 2.0 * g[usable].astype(np.float64), -0.5 * h[usable].astype(np.float64)
        atol = x.settings.atol + x.exact_rtol * float(np.max(np.abs(a) + np.abs(b), initial=0.0))
        comparison = compare(mixed[i][usable], a + b, rtol=x.exact_rtol, atol=atol)
        if not comparison:
            text = "the gradient is not linear in the cotangent"
            x.find("linearity", text, i=i, comparison=comparison)
