"""The potentials of an entropic transport plan: Newton's method on the column sums.

The plan is T_ij = a_i softmax_j((g_j - C_ij) / eps), whose rows sum to a for every g; to be found
is the g for which its columns sum to b. A Sinkhorn step, on logarithms, is

    f_i = eps (log a_i - logsumexp_j((g_j - C_ij) / eps)),    g_j likewise from f and b;

it always brings the column sums closer, but slowly for small eps. A Newton step is
g + eps S^-1 (b - T^T 1) with S = diag(T^T 1) - T^T diag(1/a) T, the Laplacian of a graph whose
nodes are the columns. `solve` comes from large eps down to the one asked for, where possible by
Newton steps; otherwise by the best of shortened and damped Newton steps and a Sinkhorn step.

Source: Peyre and Cuturi 2019, "Computational Optimal Transport", sections 4.2 to 4.4 for the
iterations and their potentials.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant, logsumexp, softmax

LEVEL_STEPS = 20  # at every eps on the way down, at most
FINAL_STEPS = 200  # at the last one, at most
NEAR = 1e-6  # how near the column sums must be before eps falls further
SHORTEST = 1 / 64  # the shortest step on the way down, as a part of the longest
DAMPINGS = ((0.0, 1.0), (0.0, 0.3), (1e-2, 1.0), (1e-2, 0.3), (1.0, 1.0))  # and shares of the step
BLIND_LEVELS, BLIND_STEPS = 24, 2  # where values cannot be read while they are computed (jax.jit)


class Problem(NamedTuple):
    """Cost (..., n, m), weights (..., n) of rows, (..., m) of columns; eps, number or (..., 1)."""

    C: Array
    a: Array
    b: Array
    eps: Any

    @property
    def scaled(self) -> Array:
        """C / eps."""
        return self.C / (self.eps if isinstance(self.eps, float) else self.eps[..., None])

    @property
    def rounding(self) -> float:
        """What cannot be told from 0 in sums of weights."""
        return 100.0 * float(array_namespace(self.C).finfo(self.C.dtype).eps)


def plan(g: Array, problem: Problem) -> Array:
    """T for the potentials g, (..., m); its rows sum to a."""
    scores = problem.scaled - (g / problem.eps)[..., None, :]
    return softmax(-scores, axis=-1) * problem.a[..., :, None]


def sinkhorn_step(g: Array, problem: Problem) -> Array:
    """g after one Sinkhorn iteration."""
    xp, C = array_namespace(problem.C), problem.scaled
    f = xp.log(problem.a) - logsumexp((g / problem.eps)[..., None, :] - C, axis=-1)
    return problem.eps * (xp.log(problem.b) - logsumexp(f[..., :, None] - C, axis=-2))


def newton(g: Array, problem: Problem, damping: float = 0.0) -> Array:
    """g after one Newton step, damped by adding `damping` times diag(b) to S.

    b b^T holds the constant that may be added to all of g. The diagonal of S is summed from its
    other entries: near a permutation these are tiny, and a difference would lose them.
    """
    C, a, b, eps = problem
    T, m = plan(g, problem), C.shape[-1]
    xp = array_namespace(T, b)
    met = xp.matmul(xp.matrix_transpose(T), T / a[..., :, None])  # (..., m, m)
    identity = constant(np.eye(m), like=T)
    apart = met * (1 - identity)
    diagonal = xp.sum(apart, axis=-1) + (damping or problem.rounding) * b
    S = diagonal[..., None] * identity - apart + b[..., :, None] * b[..., None, :]
    excess = xp.sum(T, axis=-2) - b
    return -eps * xp.linalg.solve(S, excess[..., None])[..., 0] + g


def solve(C: Array, a: Array, b: Array, eps: float) -> Array:
    """The potentials g, (..., m), of plain arrays.

    A path from eps = the range of the cost (t = 1) to the eps asked for (t = 0). At every point g
    is brought up to 1e-6, and at the last one as far as rounding lets it; from point to point g,
    which is nearly linear in eps, is extrapolated. A point that is not reached is approached in
    smaller steps.
    """
    xp = array_namespace(C)
    g = xp.zeros_like(C[..., 0, :])
    if math.prod(C.shape) == 0:
        return g
    spread = xp.max(C, axis=(-2, -1)) - xp.min(C, axis=(-2, -1))
    ratio = spread[..., None] / eps  # (..., 1)
    ratio = xp.where(xp.isfinite(ratio) & (ratio > 1), ratio, xp.ones_like(ratio))
    most = _largest(ratio)
    if most is None:
        return _solve_blindly(g, ratio, Problem(C, a, b, eps))
    rounding = Problem(C, a, b, eps).rounding
    longest = 1.0 / max(1.0, math.log2(most))  # eps is halved
    t, step, last = 1.0, longest, (ratio * 2, g)
    g = _improve(g, Problem(C, a, b, eps * ratio), LEVEL_STEPS, max(NEAR, rounding))
    while t > 0:
        there = t - step if t - step > 1e-9 else 0.0
        problem = Problem(C, a, b, eps * ratio**there)
        near = max(NEAR, rounding, rounding / 50 * most ** (1 - there))  # of C / eps
        ahead = _extrapolated(last, (ratio**t, g), ratio**there)
        found = _improve(_best(g, _off(g, problem), ahead, problem)[0], problem, LEVEL_STEPS, near)
        error = _off(found, problem)
        if xp.any((error > near) & xp.isfinite(error)) and step > SHORTEST * longest:
            step /= 2
            continue
        last, g, t = (ratio**t, g), found, there
        step = min(1.5 * step, longest)
    problem = Problem(C, a, b, eps * xp.ones_like(ratio))
    return _improve(g, problem, FINAL_STEPS, rounding + rounding / 5000 * most)


def _extrapolated(before: tuple, last: tuple, eps: Array) -> Array:
    """g at `eps` on the line through two points (eps, g)."""
    xp, gap = array_namespace(eps), before[0] - last[0]
    slope = (before[1] - last[1]) / xp.where(gap > 0, gap, xp.ones_like(gap))
    return last[1] + slope * (eps - last[0])


def _largest(ratio: Array) -> float | None:
    """The largest ratio of a batch; None where values cannot be read."""
    try:
        return float(array_namespace(ratio).max(ratio))
    except (TypeError, RuntimeError):
        return None


def _off(g: Array, problem: Problem) -> Array:
    """(..., 1): how far the column sums are from b."""
    xp = array_namespace(g)
    gap = xp.sum(plan(g, problem), axis=-2) - problem.b
    error = xp.sum(xp.abs(gap), axis=-1, keepdims=True)
    return xp.where(xp.isnan(error), xp.full_like(error, math.inf), error)


def _best(g: Array, error: Array, other: Array, problem: Problem) -> tuple[Array, Array]:
    xp, reached = array_namespace(g), _off(other, problem)
    return xp.where(reached < error, other, g), xp.minimum(reached, error)


def _improve(g: Array, problem: Problem, steps: int, enough: float) -> Array:
    """Steps until the column sums are right up to `enough`, or up to rounding."""
    xp = array_namespace(g)
    error = _off(g, problem)
    for _ in range(steps):
        if not xp.any((error > enough) & xp.isfinite(error)):
            break
        before, start = error, g
        for damping, share in DAMPINGS:
            step = newton(start, problem, damping) - start
            g, error = _best(g, error, start + share * step, problem)
            if xp.all(
                (error < 0.3 * before) | (error <= max(enough, 1e-3 * problem.rounding**0.5))
            ):
                break
        else:
            g, error = _best(g, error, sinkhorn_step(start, problem), problem)
        if not xp.any(error < before):
            break
    return g


def _solve_blindly(g: Array, ratio: Array, problem: Problem) -> Array:
    """The same by a fixed number of steps, for where values cannot be read."""
    for level in range(BLIND_LEVELS + 1):
        at = problem._replace(eps=problem.eps * ratio ** (1 - level / BLIND_LEVELS))
        error = _off(g, at)
        for _ in range(BLIND_STEPS):
            start = g
            for candidate in (newton(start, at), sinkhorn_step(start, at)):
                g, error = _best(g, error, candidate, at)
    return g
