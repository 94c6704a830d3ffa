"""Dynamic time warping of two series, relaxed.

    D = BIG everywhere, D[0, 0] = 0
    D[i, j] = (x[i-1] - y[j-1])^2 + min(D[i-1, j], D[i, j-1], D[i-1, j-1])

The minimum becomes a softmin. As the softmin-weighted mean it is exact where the options tie; as
-log-sum-exp(-beta .)/beta the same program is soft-DTW with gamma = 1/beta (Cuturi and Blondel
2017).

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021, applied to Sakoe and Chiba's recurrence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import choose, float_array
from .table import BIG, soft_table

PLAIN = {"beta": 2.0, "kind": "mean"}


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for m, n in ((4, 3), (1, 3), (5, 5)):
        pair = {"x": rng.normal(size=(2, m)), "y": rng.normal(size=(2, n))}
        for kind in ("mean", "logsumexp"):
            yield Case(f"{m}x{n}-{kind}", pair, PLAIN | {"kind": kind})
    for name, batch in BATCHES.items():
        pair = {"x": rng.normal(size=(*batch, 2)), "y": rng.normal(size=(*batch, 3))}
        yield Case(name, pair, PLAIN, kind="edge")


def _symmetric(run: Any, inputs: Any, params: Any) -> str | None:
    D = run(inputs, params)["table"]
    other = run({"x": inputs["y"], "y": inputs["x"]}, params)["table"]
    same = np.allclose(D, np.swapaxes(other, -1, -2), rtol=1e-4)
    return None if same else "D(y, x) is not D(x, y), transposed"


@specification(
    name="relaxation.dynamic_time_warping",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); Sakoe and Chiba "
    "1978",
    inputs=("x", "y"),
    outputs=("table",),
    cases=_cases,
    invariants=(Invariant("symmetric", "D(x, y) = D(y, x)", _symmetric),),
    kinks="none; at beta = inf, ties",
)
def dynamic_time_warping(x: Array, y: Array, *, beta: float = 10.0, kind: str = "mean") -> Array:
    """The table of warped squared distances of all beginnings, (..., m + 1, n + 1).

    x: (..., m), y: (..., n); the distance of the series is the last entry; the borders are BIG but
    for D[0, 0] = 0. beta: inverse temperature, inf for the discrete program; kind: "mean" or
    "logsumexp", see `min_soft`.

    >>> import numpy as np
    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 2.0])
    >>> float(dynamic_time_warping(x, y, beta=np.inf)[-1, -1])
    0.0
    """
    x, y = float_array(x, "x", min_ndim=1), float_array(y, "y", min_ndim=1)
    choose(kind, ("mean", "logsumexp"), "kind")
    cost = (x[..., :, None] - y[..., None, :]) ** 2
    rows, columns = (ag.constant([0.0] + [BIG] * k, like=cost) for k in (x.shape[-1], y.shape[-1]))
    return soft_table(cost, cost, cost, rows, columns, beta, kind)
