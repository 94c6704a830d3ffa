"""Group sum: votes of the last layer's gates, summed by class.

Source: Petersen et al. 2022, section 3 (tau, beta); PyPI difflogic 0.1.0, torchlogix 0.2.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..promises import close
from ..spec import BATCHES, Case, Invariant, specification
from ..validation import choose, float_array, in_range, positive, whole


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        x = {"x": rng.uniform(size=(*batch, 12))}
        yield Case(f"k3-{name}", x, {"k": 3, "tau": 2.5, "beta": 0.0})
    x = {"x": rng.uniform(size=(2, 12))}
    yield Case("k12", x, {"k": 12, "tau": 1.0, "beta": 0.0})
    yield Case("beta", x, {"k": 4, "tau": 5.0, "beta": 1.5, "offset": "after"})
    yield Case("beta-before", x, {"k": 4, "tau": 5.0, "beta": 1.5, "offset": "before"})


def _total(run: Any, inputs: Any, params: Any) -> str | None:
    z = run(inputs, {**params, "beta": 0.0})["scores"]
    votes = np.sum(inputs["x"], axis=-1)
    found = np.sum(z, axis=-1) * params["tau"]
    return None if close(found, votes) else f"{found} votes of {votes}"


def _runs(run: Any, inputs: Any, params: Any) -> str | None:
    """The votes of the first n/k entries alone, and those of all others."""
    x, given = inputs["x"], {**params, "beta": 0.0}
    first = np.arange(x.shape[-1]) < x.shape[-1] // params["k"]
    mine, others = (
        run({"x": x * part.astype(x.dtype)}, given)["scores"] for part in (first, ~first)
    )
    same = np.all(mine[..., 1:] == 0) and np.all(others[..., 0] == 0)
    return None if same else "group 0 is not the first n/k entries"


def _beta(run: Any, inputs: Any, params: Any) -> str | None:
    gap = run(inputs, params)["scores"] - run(inputs, {**params, "beta": 0.0})["scores"]
    shift = params["beta"] / (params["tau"] if params.get("offset") == "before" else 1.0)
    return None if close(gap, np.full_like(gap, shift), scale=10) else f"beta adds {gap}"


@specification(
    name="logic.group_sum",
    source="Petersen et al. 2022, section 3",
    inputs=("x",),
    outputs=("scores",),
    cases=_cases,
    invariants=(
        Invariant("votes", "every gate votes once", _total),
        Invariant("groups", "groups are runs of n/k entries", _runs),
        Invariant(
            "beta", "beta, or beta/tau if before the division, is added to every score", _beta
        ),
    ),
)
def group_sum(
    x: Array, *, k: int, tau: float = 1.0, beta: float = 0.0, offset: str = "after"
) -> Array:
    """Scores of k classes: z_c = sum_{j in group c} x_j / tau + beta, (..., n) -> (..., k).

    Group c is the c-th of k equal runs of consecutive entries. For bits the scores lie in
    [beta, n/(k tau) + beta], and their order does not depend on tau. offset="before" adds beta
    before the division, (sum + beta)/tau, as torchlogix does.

    Raises ValueError unless n is a multiple of k, and for tau <= 0.

    >>> group_sum([1.0, 1.0, 0.0, 1.0], k=2, tau=2.0)
    array([1. , 0.5])
    """
    x, k = float_array(x, "x", min_ndim=1), whole(k, "k", minimum=1)
    tau, beta = positive(tau, "tau"), in_range(beta, "beta", -math.inf, math.inf)
    choose(offset, ("after", "before"), "offset")
    n = x.shape[-1]
    if n % k:
        raise ValueError(f"k: {n} outputs cannot be divided among {k} groups of equal size")
    xp = array_namespace(x)
    sums = xp.sum(xp.reshape(x, (*x.shape[:-1], k, n // k)), axis=-1)
    if beta == 0:
        return sums / tau
    return (sums + beta) / tau if offset == "before" else sums / tau + beta
