"""The edit distance of strings of letter distributions, relaxed.

    d[i, 0] = i, d[0, j] = j                                  discrete    relaxed
    d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1,               min         softmin mean
                  d[i-1, j-1] + (s[i-1] != t[j-1]))           !=          1 - degree of equality

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021, where it supervises the reading of letters by edit distances only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Array, array_namespace
from ...promises import close
from ...spec import BATCHES, Case, Invariant, specification
from ...validation import choose, float_array
from ..conditions import Law, coincidence, cosine_similarity, same_category
from .table import soft_table

EQUALITIES = ("relaxed", "cosine", "coincidence")
PLAIN = {"beta": 5.0, "beta_min": 10.0, "equality": "relaxed"}


def _strings(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for m, n, k in ((3, 3, 4), (4, 2, 3), (1, 3, 2)):
        pair = {"s": _strings(rng, 2, m, k), "t": _strings(rng, 2, n, k)}
        for equality in EQUALITIES:
            yield Case(f"{m}x{n}-{equality}", pair, PLAIN | {"equality": equality})
    for name, batch in BATCHES.items():
        pair = {"s": _strings(rng, *batch, 2, 3), "t": _strings(rng, *batch, 3, 3)}
        yield Case(name, pair, PLAIN, kind="edge")
    letters = {"s": np.eye(3)[[0, 1, 2, 0]], "t": np.eye(3)[[0, 2, 2]]}
    yield Case("one-hot", letters, PLAIN | {"beta": 8.0}, flags=("saturated",))


def _symmetric(run: Any, inputs: Any, params: Any) -> str | None:
    d = run(inputs, params)["table"]
    other = run({"s": inputs["t"], "t": inputs["s"]}, params)["table"]
    same = close(d, np.swapaxes(other, -1, -2))
    return None if same else "d(t, s) is not d(s, t), transposed"


def _relabelled(run: Any, inputs: Any, params: Any) -> str | None:
    d = run(inputs, params)["table"]
    other = run({k: v[..., ::-1].copy() for k, v in inputs.items()}, params)["table"]
    return None if close(d, other) else "other names of the letters change d"


def _discrete(run: Any, inputs: Any, params: Any) -> str | None:
    """The most probable letters, for sure, and the edit distances of the words that they spell."""
    s, t = (np.argmax(inputs[name], axis=-1) for name in "st")
    eye = np.eye(inputs["s"].shape[-1], dtype=inputs["s"].dtype)
    found = run({"s": eye[s], "t": eye[t]}, params | {"beta": np.inf, "beta_min": np.inf})["table"]
    d = np.zeros(found.shape)
    d[..., :, 0], d[..., 0, :] = np.arange(d.shape[-2]), np.arange(d.shape[-1])
    for i in range(1, d.shape[-2]):
        for j in range(1, d.shape[-1]):
            step = np.minimum(d[..., i - 1, j], d[..., i, j - 1]) + 1
            change = d[..., i - 1, j - 1] + (s[..., i - 1] != t[..., j - 1])
            d[..., i, j] = np.minimum(step, change)
    return None if close(found, d) else "at beta = inf it is not the edit distance of the words"


@specification(
    name="relaxation.levenshtein",
    source="Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021), edit distance",
    inputs=("s", "t"),
    outputs=("table",),
    cases=_cases,
    invariants=(
        Invariant("symmetric", "d(s, t) = d(t, s)", _symmetric),
        Invariant("names of letters", "a common relabelling changes nothing", _relabelled),
        Invariant("hard limit", "beta = inf is the edit distance of one-hot letters", _discrete),
    ),
    kinks="where a letter distribution is 0 everywhere; at beta_min = inf, ties",
)
def levenshtein(
    s: Array,
    t: Array,
    *,
    beta: float = 10.0,
    beta_min: float | None = None,
    equality: str = "relaxed",
    distribution: Law = "gudermannian",
) -> Array:
    """The table of edit distances of all beginnings, (..., m + 1, n + 1); that of the strings is
    its last entry.

    s: (..., m, k) and t: (..., n, k): for each place a distribution over the k letters.
    beta: inverse temperature of the equality; beta_min: of the minimum, by default the same. inf
    gives the discrete ones.
    equality: "relaxed", `same_category` with `distribution` (the published one); "cosine", the
    cosine of the two vectors; "coincidence", the probability that independent draws agree.

    >>> import numpy as np
    >>> eye = np.eye(26)
    >>> word = lambda w: eye[[ord(c) - 97 for c in w]]
    >>> levenshtein(word("kitten"), word("sitting"), beta=40.0)[-1, -1].round(3)
    np.float64(3.0)
    """
    s, t = float_array(s, "s", min_ndim=2), float_array(t, "t", min_ndim=2)
    choose(equality, EQUALITIES, "equality")
    a, b = s[..., :, None, :], t[..., None, :, :]
    if equality == "relaxed":
        same = same_category(a, b, beta=beta, distribution=distribution)
    else:
        same = cosine_similarity(a, b) if equality == "cosine" else coincidence(a, b)
    xp = array_namespace(same)
    step = xp.ones_like(ag.plain(same))
    m, n = s.shape[-2], t.shape[-2]
    rows, columns = (ag.constant([float(i) for i in range(k + 1)], like=same) for k in (m, n))
    return soft_table(
        step, step, 1 - same, rows, columns, beta if beta_min is None else beta_min, "mean"
    )
