"""The Sinkhorn operator: a doubly stochastic matrix from scores, and its rounding to a permutation.

The matrix exp(S / tau) is scaled to rows and columns that sum to one, by dividing by the row sums
and by the column sums in turn (Sinkhorn and Knopp 1967); on logarithms,

    L <- S / tau;    L <- L - logsumexp_j L,    L <- L - logsumexp_i L,    again and again.

The limit is the doubly stochastic P with the largest <P, S> + tau entropy(P); for tau -> 0 that is
the matching, the permutation with the largest total score. Gumbel noise on the scores makes it a
random permutation, relaxed ("Gumbel-Sinkhorn"). Symbols: S scores, tau temperature, L = log P.

Source: Mena et al. 2018, "Learning Latent Permutations with Gumbel-Sinkhorn Networks"; the order of
the two steps is that of the code of Grover et al. 2019 (ermongroup/neuralsort).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, logsumexp, stop_gradient
from ..promises import close
from ..spec import BATCHES, Arrays, Case, Invariant, Note, Run, specification
from ..validation import float_array, non_negative, positive, whole
from .matching import matching, square

NOTES = {
    "few-iterations": Note(
        "step order",
        "So few iterations that the order of the two steps shows: columns come last.",
        "Columns of P that do not sum to one where rows do.",
    ),
    "forbidden": Note(
        "infinity",
        "A score of minus infinity forbids a pairing.",
        "NaN from infinity less infinity, or from zero times infinity in the gradient.",
    ),
}


def _scores(rng: np.random.Generator) -> Iterator[Case]:
    """Sizes, temperatures, numbers of iterations, batches, extremes."""
    rows = "rows, then columns, divided by their sums"
    for n, tau, steps in ((2, 1.0, 20), (3, 0.5, 5), (5, 1.0, 20), (8, 2.0, 3)):
        params = {"temperature": tau, "iterations": steps}
        yield Case(f"n{n}-tau{tau}", {"scores": rng.normal(size=(2, n, n))}, params, clause=rows)
    once = {"temperature": 1.0, "iterations": 1}
    flags = ("few-iterations",)
    yield Case("once", {"scores": rng.normal(size=(4, 4))}, once, flags=flags, clause=rows)
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, {"scores": rng.normal(size=(*batch, 3, 3))}, {}, kind=kind, flags=(name,))
    yield Case("n1", {"scores": np.array([[[2.5]]])}, {}, kind="edge", flags=("size-one",))
    equal = {"scores": np.full((3, 3), 0.5)}
    yield Case("ties", equal, {}, kind="edge", flags=("ties",))
    far = {"scores": 1e4 * rng.permuted(np.eye(4), axis=0) + rng.normal(size=(4, 4))}
    yield Case("far", far, {"iterations": 5}, kind="edge", flags=("saturated", "large-values"))


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield from _scores(rng)
    scores = rng.normal(size=(4, 4))
    scores[1, 2] = scores[0, 3] = -np.inf
    only = ("values",)  # a difference quotient with infinity is NaN
    clause = "a score of -inf forbids a pairing"
    yield Case("forbidden", {"scores": scores}, {}, kind="edge", flags=("forbidden",),
               checks=only, clause=clause)  # fmt: skip


def _columns(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    P = run(inputs, params)["P"]
    if np.min(P, initial=0) < 0:
        return f"a weight is negative: {np.min(P):.3g}"
    sums = P.sum(-2)
    scale = 1 + np.max(np.abs(inputs["scores"]), initial=0.0, where=np.isfinite(inputs["scores"]))
    off = np.abs(sums - 1).max(initial=0)
    return None if close(sums, np.ones_like(sums), scale=scale) else f"sums are 1 +- {off:.1e}"


def _rows(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    P = run(inputs, {**params, "iterations": 500})["P"]
    off = np.abs(P.sum(-1) - 1).max(initial=0)
    return None if off < 1e-9 else f"after 500 iterations a row sums to 1 +- {off:.1e}"


def _shifts(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    n = inputs["scores"].shape[-1]
    shifts = np.arange(n, dtype=inputs["scores"].dtype)[:, None]
    moved = {**inputs, "scores": inputs["scores"] + shifts}
    same = close(run(moved, params)["P"], run(inputs, params)["P"], scale=10)
    return None if same else "a constant added to a row of the scores changes P"


def _scale(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    twice = {**params, "temperature": 2 * params.get("temperature", 1.0)}
    same = close(run({"scores": 2 * inputs["scores"]}, twice)["P"], run(inputs, params)["P"])
    return None if same else "twice the scores at twice the temperature give another P"


def _permutes(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    n = inputs["scores"].shape[-1]
    order = np.random.default_rng(0).permutation(n)
    moved = {name: a[..., order, :][..., ::-1] for name, a in inputs.items()}
    before = run(inputs, params)["P"][..., order, :][..., ::-1]
    scale = 1 + np.max(np.abs(inputs["scores"]), initial=0.0, where=np.isfinite(inputs["scores"]))
    same = close(run(moved, params)["P"], before, scale=scale)
    return None if same else "permuting rows and columns of the scores does not permute P"


def _moderate(case: Case) -> bool:
    return bool(np.max(np.abs(case.inputs["scores"]), initial=0.0) < 100)


def _long(case: Case) -> bool:
    return _moderate(case) and "float32" not in case.flags


INVARIANTS = (
    Invariant("columns", "each column of P is a distribution, after any iteration", _columns),
    Invariant("doubly stochastic", "rows sum to one in the limit", _rows, when=_long),
    Invariant(
        "row constants", "constants added to rows of the scores fall out", _shifts, _moderate
    ),
    Invariant("equivariance", "rows and columns have no order", _permutes),
    Invariant("scale", "twice the scores at twice the temperature give the same P", _scale),
)


@specification(
    name="sorting.sinkhorn",
    source="Mena et al. 2018, section 2; Sinkhorn and Knopp 1967",
    inputs=("scores",),
    outputs=("P",),
    cases=_cases,
    invariants=INVARIANTS,
    kinks="none",
    notes=NOTES,
    variants={
        "columns first, then rows": lambda *given, **options: _columns_first(*given, **options)
    },
)
def sinkhorn(
    scores: Array, *, temperature: float = 1.0, iterations: int = 20, hard: bool = False
) -> Array:
    """The Sinkhorn operator: exp(scores / tau), scaled towards a doubly stochastic matrix.

        L = S / tau;  `iterations` times  L -= logsumexp_j L,  L -= logsumexp_i L;  P = exp(L)

    scores       (..., n, n), n >= 1: score i, j speaks for putting input i at position j. -inf
                 forbids it; if no permutation is left, or only some entries could be, P is NaN or
                 converges slowly
    temperature  tau > 0. For tau -> 0, after enough iterations, P is `matching(scores)` if that is
                 unique; for growing tau all weights are 1 / n
    iterations   how often rows and columns are divided by their sums, >= 1
    hard         round P to `matching(scores)`, with the gradient of P (straight-through)
    returns      (..., n, n), P[..., i, j] the weight of input i at position j

    Columns of P sum to one, to rounding: they come last. Rows do so in the limit only, which is
    approached geometrically, and slowly for small tau: `iterations` of 20 are few for tau of 0.1.
    What is added to a whole row of the scores, or a whole column, has no influence after the
    first steps.

    The gradient is the derivative of these iterations, not of their limit. Everything is computed
    on logarithms: scores of any size do not overflow. Time and memory O(iterations n^2). NaN in a
    sample makes its P NaN, and that of no other sample.

    Raises ValueError for matrices that are not square, n = 0, tau <= 0, iterations < 1.

    >>> import numpy as np
    >>> P = sinkhorn(np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 3.0, 0.0]]))
    >>> P.round(3)
    array([[0.731, 0.085, 0.184],
           [0.145, 0.124, 0.731],
           [0.124, 0.791, 0.085]])
    """
    scores = square(float_array(scores, "scores", min_ndim=2), "scores")
    log_P = scores / positive(temperature, "temperature")
    for _ in range(whole(iterations, "iterations", minimum=1)):
        log_P = log_P - logsumexp(log_P, axis=-1, keepdims=True)
        log_P = log_P - logsumexp(log_P, axis=-2, keepdims=True)
    P = array_namespace(log_P).exp(log_P)
    if not hard:
        return P
    return (P - stop_gradient(P)) + matching(stop_gradient(scores))


def _columns_first(scores: Array, **options: Any) -> Array:
    xp = array_namespace(scores)
    return xp.matrix_transpose(sinkhorn(xp.matrix_transpose(scores), **options))


def _noisy(rng: np.random.Generator) -> Iterator[Case]:
    for case in _scores(rng):
        shape = case.inputs["scores"].shape
        inputs = {**case.inputs, "noise": rng.gumbel(size=(2, *shape))}
        params = {"noise_scale": 0.5, **case.params}
        yield Case(case.name, inputs, params, case.kind, case.flags, "P of scores + noise")
    plain_scores = {"scores": rng.normal(size=(3, 3)), "noise": rng.gumbel(size=(3, 3))}
    yield Case("noiseless", plain_scores, {"noise_scale": 0.0}, clause="no noise: the operator")


@specification(
    name="sorting.gumbel_sinkhorn",
    source="Mena et al. 2018, section 4",
    inputs=("scores", "noise"),
    outputs=("P",),
    cases=_noisy,
    invariants=(INVARIANTS[0], INVARIANTS[3]),
    kinks="none",
    notes=NOTES,
)
def gumbel_sinkhorn(
    scores: Array,
    noise: Array,
    *,
    temperature: float = 1.0,
    iterations: int = 20,
    noise_scale: float = 1.0,
    hard: bool = False,
) -> Array:
    """Relaxed samples of a random permutation: the Sinkhorn operator on scores with Gumbel noise.

        P = sinkhorn((S + c G) / tau)

    scores       (..., n, n), as for `sinkhorn`, whose other options are the same here
    noise        G, an array that broadcasts with the scores, such as (samples, ..., n, n) for
                 several samples; `plackett_luce.gumbel_noise` draws it
    noise_scale  c >= 0; 0 leaves the operator itself
    returns      the broadcast shape of scores and noise

    For tau -> 0 this is the permutation with the largest <Q, S + c G> (Gumbel-matching), an
    approximate sample of the distribution with density proportional to exp(<Q, S> / c).
    Noise is an argument: the same noise gives the same P on every array library. The gradient in
    scores and noise is the derivative.

    Raises ValueError as `sinkhorn` does, and for noise_scale < 0 or shapes that do not broadcast.

    >>> from refimpl.autograd import Generator
    >>> from refimpl.sorting.plackett_luce import gumbel_noise
    >>> noise = gumbel_noise(Generator(0), (5, 3, 3))
    >>> gumbel_sinkhorn(np.eye(3), noise).shape
    (5, 3, 3)
    """
    scores = square(float_array(scores, "scores", min_ndim=2), "scores")
    noise = square(float_array(noise, "noise", min_ndim=2), "noise")
    try:
        np.broadcast_shapes(tuple(scores.shape), tuple(noise.shape))
    except ValueError as error:
        raise ValueError(
            f"noise: expected a shape that broadcasts with the scores, {tuple(scores.shape)}, "
            f"got {tuple(noise.shape)}"
        ) from error
    scores = scores + non_negative(noise_scale, "noise_scale") * noise
    return sinkhorn(scores, temperature=temperature, iterations=iterations, hard=hard)
