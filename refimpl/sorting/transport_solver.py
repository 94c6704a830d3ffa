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
DAMPINGS = ((0.0, 1.0), (0.0, 0.3), (1e-2, 1.0), (1e-2, 0.3), (1.0, 1.0))  # and shares of the step
BLIND_LEVELS, BLIND_STEPS = 8, 3  # where values cannot be read while they are computed (jax.jit)


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
    xp, m = array_namespace(C), C.shape[-1]
    T = plan(g, problem)
    met = xp.matmul(xp.matrix_transpose(T), T / a[..., :, None])  # (..., m, m)
    identity = constant(np.eye(m), like=C)
    apart = met * (1 - identity)
    diagonal = xp.sum(apart, axis=-1) + (damping or problem.rounding) * b
    S = diagonal[..., None] * identity - apart + b[..., :, None] * b[..., None, :]
    excess = xp.sum(T, axis=-2) - b
    return -eps * xp.linalg.solve(S, excess[..., None])[..., 0] + g


def solve(C: Array, a: Array, b: Array, eps: float) -> Array:
    """The potentials g, (..., m), of plain arrays.

    At every level eps falls by the same factor, of at most two; g, which is nearly linear in eps,
    is extrapolated. The last level ends where rounding stops it.
    """
    xp = array_namespace(C)
    g = xp.zeros_like(C[..., 0, :])
    if math.prod(C.shape) == 0:
        return g
    spread = xp.max(C, axis=(-2, -1)) - xp.min(C, axis=(-2, -1))
    ratio = spread[..., None] / eps  # (..., 1)
    ratio = xp.where(xp.isfinite(ratio) & (ratio > 1), ratio, xp.ones_like(ratio))
    levels = _levels(ratio)
    seeing = levels is not None
    levels = BLIND_LEVELS if levels is None else levels
    before, last = g, ratio
    for level in range(levels + 1):
        here = ratio ** (1 - level / max(levels, 1))  # eps of this level, over the last eps
        problem = Problem(C, a, b, eps * here)
        ahead = g + (g - before) * here / last
        before, g = g, _best(g, _off(g, problem), ahead, problem)[0]
        if not seeing:
            g = _improve_blindly(g, problem)
        elif level < levels:
            g = _improve(g, problem, LEVEL_STEPS, enough=1e-6)
        else:
            g = _improve(g, problem, FINAL_STEPS, enough=problem.rounding)
        last = here
    return g


def _levels(ratio: Array) -> int | None:
    """How often to halve eps from the range of the cost; None where values cannot be read."""
    try:
        most = float(array_namespace(ratio).max(ratio))
    except (TypeError, RuntimeError):
        return None
    return math.ceil(math.log2(most))


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


def _improve_blindly(g: Array, problem: Problem) -> Array:
    error = _off(g, problem)
    for _ in range(BLIND_STEPS):
        start = g
        for candidate in (newton(start, problem), sinkhorn_step(start, problem)):
            g, error = _best(g, error, candidate, problem)
    return g
