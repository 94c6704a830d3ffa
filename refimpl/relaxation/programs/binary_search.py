"""Binary search in a sorted list, relaxed: a real-valued position and a relaxed read.

    count = 0                                                          discrete    relaxed
    for step = 2^(r-1), ..., 4, 2, 1:
        i = count + step - 1
        if i < n and v[i] < key: count = count + step                  v[i]        sum_j w_j(i) v_j
                                                                       <           F(beta (b - a))

count ends as the number of elements below the key: `bisect.bisect_left`.

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021; relaxed reads as in `indexing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array
from ...promises import close
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import float_array
from ..conditions import Law, both, less
from ..indexing import take_soft

PLAIN = {"beta": 4.0, "beta_index": 6.0, "distribution": "logistic"}


def _inputs(rng: np.random.Generator, *shape: int) -> dict[str, np.ndarray]:
    return {
        "v": np.cumsum(rng.uniform(0.2, 1.0, size=shape), axis=-1),
        "key": rng.uniform(0.0, 0.6 * shape[-1], size=shape[:-1]),
    }


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for n in (1, 2, 3, 7, 8):
        yield Case(f"n{n}", _inputs(rng, 3, n), PLAIN)
    for law in ("gaussian", "cauchy"):
        yield Case(law, _inputs(rng, 2, 5), PLAIN | {"distribution": law})
    for name, batch in BATCHES.items():
        yield Case(name, _inputs(rng, *batch, 3), PLAIN, kind="edge")


def _limit(run: Any, inputs: Any, params: Any) -> str | None:
    exact = params | {"beta": np.inf, "beta_index": np.inf}
    count = np.sum(inputs["v"] < inputs["key"][..., None], axis=-1)
    same = np.array_equal(run(inputs, exact)["position"], count)
    return None if same else "at beta = inf it is not the number of elements below the key"


def _affine(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {name: 2 * value + 1 for name, value in inputs.items()}
    after = run(moved, params | {"beta": params["beta"] / 2})["position"]
    same = close(after, run(inputs, params)["position"], scale=10)
    return None if same else "2 v + 1 and 2 key + 1 at beta/2 have another position"


@specification(
    name="relaxation.binary_search",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); bisection",
    inputs=("v", "key"),
    outputs=("position",),
    cases=_cases,
    invariants=(
        Invariant("hard limit", "beta = inf is bisect_left", _limit),
        Invariant("affine", "2 v + 1 and 2 key + 1 at beta/2 have the same position", _affine),
    ),
    kinks="none for smooth laws",
)
def binary_search(
    v: Array,
    key: Array,
    *,
    beta: float = 10.0,
    beta_index: float = 10.0,
    distribution: Law = "logistic",
) -> Array:
    """The number of elements of sorted lists below a key: v (..., n), key (...) -> (...).

    Batch axes broadcast: many keys in one list, one key in many lists.
    beta: inverse temperature of the comparison, beta_index: of the position at which v is read; inf
    gives the discrete search. Unsorted lists give the result of the search in them.

    >>> import numpy as np
    >>> v = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
    >>> binary_search(v, np.array(5.0), beta=20.0, beta_index=40.0).round(3)
    np.float64(3.0)
    """
    v, key = float_array(v, "v", min_ndim=1), float_array(key, "key")
    n, xp = v.shape[-1], ag.array_namespace(v, key)
    batch = np.broadcast_shapes(tuple(v.shape[:-1]), tuple(key.shape))
    v, key = xp.broadcast_to(v, (*batch, n)), xp.broadcast_to(key, batch)
    count: Any = 0 * ag.plain(key)
    for level in reversed(range(n.bit_length())):
        i = count + (2.0**level - 1)
        exists = less(i, n - 0.5, beta=beta_index, distribution=distribution)
        element = take_soft(v, i, beta=beta_index, distribution=distribution)
        below = less(element, key, beta=beta, distribution=distribution)
        count = count + 2.0**level * both(exists, below)
    return count
