"""Dynamic time warping of two series, relaxed.

    D = big everywhere, D[0, 0] = 0
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
from ...promises import close
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import choose, float_array, positive
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
    same = close(D[..., 1:, 1:], np.swapaxes(other, -1, -2)[..., 1:, 1:])
    return None if same else "D(y, x) is not D(x, y), transposed"


def _discrete(run: Any, inputs: Any, params: Any) -> str | None:
    x, y = inputs["x"], inputs["y"]
    found = run(inputs, params | {"beta": np.inf})["table"]
    D = np.full(found.shape, BIG)
    D[..., 0, 0] = 0
    for i in range(1, x.shape[-1] + 1):
        for j in range(1, y.shape[-1] + 1):
            before = np.minimum(
                np.minimum(D[..., i - 1, j], D[..., i, j - 1]), D[..., i - 1, j - 1]
            )
            D[..., i, j] = (x[..., i - 1] - y[..., j - 1]) ** 2 + before
    same = close(found[..., 1:, 1:], D[..., 1:, 1:])  # not on the scale of the borders
    return None if same else "at beta = inf it is not the table of the recurrence"


def _moved(run: Any, inputs: Any, params: Any) -> str | None:
    """2 x + 1 and 2 y + 1; the borders stay."""
    moved = {name: 2 * series + 1 for name, series in inputs.items()}
    after = run(moved, params | {"beta": params["beta"] / 4})["table"][..., 1:, 1:]
    same = close(after, 4 * run(inputs, params)["table"][..., 1:, 1:], scale=10)
    return None if same else "2 x + 1 and 2 y + 1 at beta/4 do not have 4 D"


@specification(
    name="relaxation.dynamic_time_warping",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021); Sakoe and Chiba "
    "1978",
    inputs=("x", "y"),
    outputs=("table",),
    cases=_cases,
    invariants=(
        Invariant("symmetric", "D(x, y) = D(y, x)", _symmetric),
        Invariant("hard limit", "beta = inf is the recurrence with min", _discrete),
        Invariant("affine", "2 x + 1 and 2 y + 1 at beta/4 have 4 D", _moved),
    ),
    kinks="none; at beta = inf, ties",
)
def dynamic_time_warping(
    x: Array, y: Array, *, beta: float = 10.0, kind: str = "mean", big: float = BIG
) -> Array:
    """The table of warped squared distances of all beginnings, (..., m + 1, n + 1).

    x: (..., m), y: (..., n); the distance of the series is the last entry; the borders are `big`,
    1e12 by default and larger than any distance, but for D[0, 0] = 0. beta: inverse temperature,
    inf for the discrete program; kind: "mean" or "logsumexp", see `min_soft`.

    >>> import numpy as np
    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 2.0])
    >>> float(dynamic_time_warping(x, y, beta=np.inf)[-1, -1])
    0.0
    """
    x, y = float_array(x, "x", min_ndim=1), float_array(y, "y", min_ndim=1)
    choose(kind, ("mean", "logsumexp"), "kind")
    cost = (x[..., :, None] - y[..., None, :]) ** 2
    big = positive(big, "big")
    rows, columns = (ag.constant([0.0] + [big] * k, like=cost) for k in (x.shape[-1], y.shape[-1]))
    return soft_table(cost, cost, cost, rows, columns, beta, kind)
