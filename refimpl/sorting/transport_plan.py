"""Entropic optimal transport: the plan between two sets of weights, with its exact derivative.

The plan T minimises <T, C> - eps entropy(T) among the matrices with row sums a and column sums b,

    T_ij = a_i softmax_j((g_j - C_ij) / eps),    the potentials g such that sum_i T_ij = b_j.

The solver (`transport_solver`) finds g without derivatives. Two more Newton steps at its result,
through which derivatives flow, are the implicit differentiation of the equation for g: as Newton's
error is squared by each, derivatives up to the third are those of the exact plan.

Symbols: C cost, a and b weights of rows and columns, T plan, f and g potentials, eps the weight of
the entropy.

Source: Cuturi 2013, "Sinkhorn Distances"; Cuturi, Teboul and Vert 2019, "Differentiable Ranks and
Sorting using Optimal Transport"; Peyre and Cuturi 2019, "Computational Optimal Transport".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, stop_gradient
from ..promises import close
from ..spec import BATCHES, Arrays, Case, Invariant, Run, specification
from ..validation import float_array, positive
from .transport_solver import Problem, newton, plan, solve


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    clause = "row sums a, column sums b, T = diag(u) exp(-C/eps) diag(v)"
    for n, m, eps in ((2, 2, 1.0), (4, 2, 0.3), (3, 5, 0.1)):
        inputs = {"cost": rng.uniform(size=(2, n, m)), "a": rng.dirichlet(np.ones(n) * 3, size=2)}
        inputs["b"] = rng.dirichlet(np.ones(m) * 3)
        yield Case(f"n{n}-m{m}-eps{eps}", inputs, {"epsilon": eps}, clause=clause)
    even = {"a": np.full(3, 1 / 3), "b": np.full(3, 1 / 3)}
    for name, batch in BATCHES.items():
        inputs = {"cost": rng.uniform(size=(*batch, 3, 3)), **even}
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, inputs, {"epsilon": 0.2}, kind=kind, flags=(name,), clause=clause)
    double = {"cost": rng.uniform(size=(3, 3)), "a": np.full(3, 2.0), "b": np.full(3, 5.0)}
    yield Case("unnormalised", double, {"epsilon": 0.2}, clause="weights are divided by their sum")
    one = {"cost": np.array([[0.7]]), "a": np.ones(1), "b": np.ones(1)}
    yield Case("n1", one, {"epsilon": 0.2}, kind="edge", flags=("size-one",))
    sharp = {"cost": np.array([[2.0, 0.0, 2.5], [0.0, 1.5, 2.0], [2.0, 1.0, 0.0]]), **even}
    yield Case("sharp", sharp, {"epsilon": 0.3}, kind="edge", flags=("saturated",))


def _marginals(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    T = run(inputs, params)["T"]
    eps = 1e-5 if T.dtype == np.float32 else 1e-12
    for axis, name in ((-1, "a"), (-2, "b")):
        weights = inputs[name] / inputs[name].sum(-1, keepdims=True)
        if np.max(np.abs(T.sum(axis) - weights), initial=0.0) > eps:
            return f"the sums over axis {axis} are not {name}"
    return "a negative entry" if np.min(T, initial=0.0) < 0 else None


def _shift(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    rows = np.arange(float(inputs["cost"].shape[-2]))[:, None]
    columns = 0.3 * np.arange(float(inputs["cost"].shape[-1]))
    moved = {**inputs, "cost": inputs["cost"] + (rows + columns).astype(inputs["cost"].dtype)}
    same = close(run(moved, params)["T"], run(inputs, params)["T"], scale=100)
    return None if same else "a constant added to a row or a column of the cost changes T"


def _transposed(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    turned = {"cost": np.swapaxes(inputs["cost"], -1, -2), "a": inputs["b"], "b": inputs["a"]}
    T = run(turned, params)["T"]
    same = close(np.swapaxes(T, -1, -2), run(inputs, params)["T"], scale=100)
    return None if same else "rows and columns may not change places"


def _units(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    twice = {**params, "epsilon": 2 * params["epsilon"]}
    T = run({**inputs, "cost": 2 * inputs["cost"]}, twice)["T"]
    same = close(T, run(inputs, params)["T"], scale=100)
    return None if same else "twice the cost and twice eps give another plan"


def _is_best(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    T, C = run(inputs, params)["T"], inputs["cost"]
    uniform = T.sum(-1, keepdims=True) * T.sum(-2, keepdims=True)  # has the right sums, too
    other = 0.9 * T + 0.1 * uniform

    def value(T: np.ndarray) -> np.ndarray:
        entropy = -np.sum(T * np.log(np.where(T > 0, T, 1)), axis=(-1, -2))
        return np.sum(T * C, axis=(-1, -2)) - params["epsilon"] * entropy

    rounding = 64 * np.finfo(T.dtype).eps * (1 + np.abs(value(T)))
    worse = np.all(value(other) > value(T) - rounding)
    return None if worse else "a plan with the same sums has a smaller objective"


@specification(
    name="sorting.transport_plan",
    source="Cuturi 2013, equation 2 and lemma 2; Peyre and Cuturi 2019, section 4",
    inputs=("cost", "a", "b"),
    outputs=("T",),
    cases=_cases,
    invariants=(
        Invariant("sums", "row sums are a, column sums are b, no entry is negative", _marginals),
        Invariant("shift", "what is added to rows or columns of the cost falls out", _shift),
        Invariant("best", "no plan with these sums has a smaller objective", _is_best),
        Invariant("transpose", "rows and columns may change places", _transposed),
        Invariant("units", "twice the cost and twice eps have the same plan", _units),
    ),
    kinks="none",
)
def transport_plan(cost: Array, a: Array, b: Array, *, epsilon: float = 1e-2) -> Array:
    """The plan of entropic optimal transport, to rounding.

        T = argmin <T, C> + eps sum T (log T - 1)  over T >= 0 with T 1 = a, T^T 1 = b

    cost     C, (..., n, m), finite
    a        weights of the rows, (..., n), positive; divided by their sum
    b        weights of the columns, (..., m), positive; divided by their sum
    epsilon  the weight of the entropy, > 0, in the units of the cost. For eps -> 0 the plan of
             least cost, for growing eps a_i b_j
    returns  (..., n, m)

    Rows sum to a and columns to b, to rounding. The gradient is the derivative of the exact plan,
    by the implicit function theorem, in all three arguments; second derivatives are exact, too. In
    the weights it loses its digits where T falls apart, into blocks that share less than 1e-9 of
    the mass: there T has a kink in the limit. In the cost it is right everywhere.
    There is no number of iterations to choose: the solver converges quadratically, also for eps of
    1e-6 times the range of the cost. What rounding leaves are errors in the column sums of about
    the machine epsilon times that range over eps. Under `jax.jit` and `torch.func.vmap`, where it
    cannot see whether it has converged, it takes a fixed number of steps, enough for eps down to
    about 2e-2 of that range, for the plans of sorting to 5e-3; the first compilation is slow.
    Time O(m^3 + n m^2) for every step, memory O(n m + m^2). NaN in a sample makes its T NaN.

    Raises ValueError for weights that do not fit or are not positive, eps <= 0.

    >>> import numpy as np
    >>> T = transport_plan([[0.0, 1.0], [1.0, 0.0]], [0.5, 0.5], [0.25, 0.75], epsilon=0.5)
    >>> T.round(4)
    array([[0.2416, 0.2584],
           [0.0084, 0.4916]])
    """
    C, eps = float_array(cost, "cost", min_ndim=2), positive(epsilon, "epsilon")
    if not (C.shape[-1] and C.shape[-2]):
        raise ValueError(f"cost: expected at least one row and column, got {tuple(C.shape)}")
    a = _weights(a, "a", C, C.shape[-2])
    b = _weights(b, "b", C, C.shape[-1])
    g = solve(stop_gradient(C), stop_gradient(a), stop_gradient(b), eps)
    problem = Problem(C, a, b, eps)
    for _ in range(2):
        g = newton(g, problem)
    return plan(g, problem)


def _weights(w: Array, name: str, cost: Array, size: int) -> Array:
    w = float_array(w, name, min_ndim=1)
    if w.dtype != cost.dtype:
        w = array_namespace(w).astype(w, cost.dtype)
    fits = w.shape[-1] == size and w.ndim < cost.ndim
    fits = fits and all(
        mine in (1, other)
        for mine, other in zip(w.shape[:-1][::-1], cost.shape[:-2][::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"{name}: expected shape ({size},) or one that broadcasts with the batch axes of the "
            f"cost, {tuple(cost.shape)}; got {tuple(w.shape)}"
        )
    if not _positive(stop_gradient(w)):
        raise ValueError(f"{name}: expected positive weights, got {stop_gradient(w)!r:.60}")
    return w / array_namespace(w).sum(w, axis=-1, keepdims=True)


def _positive(w: Array) -> bool:
    try:
        return not bool(array_namespace(w).any(w <= 0))
    except (TypeError, RuntimeError):  # values cannot be read, as under jax.jit
        return True
