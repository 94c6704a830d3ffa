"""GroCo: contrastive learning by sorting groups of similarities.

For each anchor, the similarities to its positives (other views of the same sample) should all
exceed those to its hardest negatives. The two groups are put side by side, negatives first, and
sorted by a differentiable network: a value that leaves its group's place in the permutation matrix
is an error.

Source: Shvetsova et al. 2023, "Learning by Sorting: Self-supervised Learning with Group Ordering
Constraints"; defaults and the stop-gradient follow its published code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    array_namespace,
    clip,
    constant,
    indices_like,
    sort,
    stop_gradient,
    topk,
    vector_norm,
)
from ..promises import close
from ..spec import Case, Invariant, specification
from ..validation import float_array, whole
from .losses import permutation_cross_entropy
from .networks import sorting_network

NORM_FLOOR = 1e-8


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for views, samples, negatives, positives in ((2, 6, 4, None), (3, 7, 5, None), (4, 5, 2, 2)):
        inputs = {"views": rng.normal(size=(views, samples, 4))}
        params = {"negatives": negatives, "positives": positives}
        for stop in (True, False):
            yield Case(
                f"views{views}-n{samples}-k{negatives}-stop{stop}",
                inputs,
                {**params, "stop_grad": stop, "steepness": 2.0},
                checks=("values", "vjp") if stop else ("values", "vjp", "jvp", "second_order"),
                flags=("stop-gradient",) if stop else (),
            )


def _batch_order(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["loss"]
    after = run({"views": np.flip(inputs["views"], axis=1)}, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


def _lengths(run: Any, inputs: Any, params: Any) -> str | None:
    """Every embedding longer by another power of two."""
    views, samples = inputs["views"].shape[:2]
    factors = 2.0 ** (np.arange(views * samples) % 3).reshape(views, samples, 1)
    before = run(inputs, params)["loss"]
    after = run({"views": inputs["views"] * factors.astype(inputs["views"].dtype)}, params)["loss"]
    return None if close(after, before) else f"{before} becomes {after}"


@specification(
    name="sorting.groco_loss",
    source="Shvetsova et al. 2023, section 3",
    inputs=("views",),
    outputs=("loss",),
    cases=_cases,
    gradient="derivative; with stop_grad, that of the anchors alone (the others are constants)",
    invariants=(
        Invariant("batch order", "permuting the batch changes nothing", _batch_order),
        Invariant("lengths", "only the directions of the embeddings count", _lengths),
    ),
    kinks="where a similarity enters or leaves the k largest, or two of one group are equal",
)
def groco_loss(
    views: Array,
    *,
    negatives: int = 10,
    positives: int | None = None,
    steepness: float = 1.0,
    network: Any = "odd_even",
    distribution: str = "cauchy",
    stop_grad: bool = True,
) -> Array:
    """The group-ordering loss, averaged over anchor views and samples.

    For each anchor view: c = [the `negatives` largest similarities to other samples of that view,
    ascending; the similarities to the positive views of the same sample, ascending], sorted to a
    soft permutation P. With A_neg[i] the probability that entry i lands among the first K =
    negatives places and A_pos[i] = among the others, the loss is the mean binary cross-entropy of
    A_neg and A_pos with the groups that the entries came from.

    views      (V, B, D) embeddings of B samples in V >= 2 views; B - 1 >= negatives
    positives  how many of the first views serve as positives (None: all)
    stop_grad  hold everything but the anchor constant
    returns    a scalar

    Similarity is the cosine, norms floored at 1e-8. Raises ValueError for too few samples or views.
    """
    z = float_array(views, "views", min_ndim=3)
    K = whole(negatives, "negatives", minimum=1)
    count, samples = z.shape[:2]
    last = count if positives is None else whole(positives, "positives", minimum=1)
    if z.ndim != 3 or count < 2 or last > count:
        raise ValueError(
            f"views: expected (V, B, D) with V >= 2 and V >= positives, got {tuple(z.shape)}"
            f" and positives={positives!r}"
        )
    if samples - 1 < K:
        raise ValueError(f"negatives: {K} need at least {K + 1} samples, got {samples}")
    xp = array_namespace(z)
    unit = z / xp.maximum(vector_norm(z, axis=-1, keepdims=True), constant(NORM_FLOOR, like=z))
    other = stop_gradient(unit) if stop_grad else unit
    losses = []
    for a in range(count):
        partners = [v for v in range(last) if v != a]
        if partners:
            groups = _grouped(unit[a, ...], [other[v, ...] for v in partners], other[a, ...], K)
            _, P = sorting_network(
                groups, network=network, steepness=steepness, distribution=distribution
            )
            losses.append(_ordering_loss(P, K))
    return xp.mean(xp.stack(losses))


def _grouped(anchor: Array, positives: list[Array], negatives: Array, K: int) -> Array:
    """(B, K + p): the K largest similarities to other samples, then those to the positives."""
    xp = array_namespace(anchor)
    similarity = anchor @ xp.matrix_transpose(negatives)
    index = indices_like(anchor.shape[0], anchor)
    itself = index[:, None] == index[None, :]
    hardest, _ = topk(xp.where(itself, constant(-np.inf, like=anchor), similarity), K)
    alike = xp.stack([xp.sum(anchor * p, axis=-1) for p in positives], axis=-1)
    return xp.concat([xp.flip(hardest, axis=-1), sort(alike)], axis=-1)


def _ordering_loss(P: Array, K: int) -> Array:
    """Half the sum of the cross-entropies of both groups (equal, up to rounding)."""
    xp = array_namespace(P)
    position = indices_like(P.shape[-1], P)
    is_negative = xp.astype(position < K, P.dtype)
    among_negatives = clip(xp.sum(P[..., :K], axis=-1), 0.0, 1.0)
    among_positives = clip(xp.sum(P[..., K:], axis=-1), 0.0, 1.0)
    target = xp.broadcast_to(is_negative, among_negatives.shape)
    both = permutation_cross_entropy(among_negatives, target)
    return 0.5 * (both + permutation_cross_entropy(among_positives, 1.0 - target))
