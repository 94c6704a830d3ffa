"""Alpha: the coverages of all triangles at a pixel, joined by a t-conorm.

    alpha = b_1 (+) b_2 (+) ... (+) b_n,   alpha = 0 without triangles

The coverages of the pixels lie one after the other in a flat list. They are joined in pairs within
each pixel, then pairs of pairs: every derivative is exact, that of a coverage of 1 as well, which
sums of additive generators lose.

Source: Petersen et al. 2022, "GenDR", section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..autograd import Array, array_namespace, constant, indices_like
from ..tnorms.families import Pair
from ..tnorms.table import rule
from .pairs import expand, starts


class Round(NamedTuple):
    """One round of joins: positions of left and right operands, and of those without a partner.

    The results are stored in this order: joined, then alone.
    """

    left: Array
    right: Array
    alone: Array


def join_by_pixel(
    b: Pair, counts: Array, t_conorm: str = "probabilistic", p: float | None = None
) -> Pair:
    """alpha and 1 - alpha of each pixel, (n,), from the coverages (P,) and their complements.

    counts (n,) whole numbers: how many coverages belong to each pixel, in order; their sum is P.
    """
    join = rule(t_conorm, p).join
    xp = array_namespace(b[0])
    value, complement = b
    rounds, order = _rounds(counts)
    for left, right, alone in rounds:
        joined = join(
            xp,
            (xp.take(value, left, axis=0), xp.take(complement, left, axis=0)),
            (xp.take(value, right, axis=0), xp.take(complement, right, axis=0)),
        )
        value = xp.concat([joined[0], xp.take(value, alone, axis=0)], axis=0)
        complement = xp.concat([joined[1], xp.take(complement, alone, axis=0)], axis=0)
    # A pixel without coverages reads the entry that is added at the end.
    occupied = xp.astype(counts > 0, counts.dtype)
    place = xp.where(counts > 0, xp.cumulative_sum(occupied) - 1, order.shape[0])
    none = constant(np.zeros(1), like=b[0])
    value = xp.concat([xp.take(value, order, axis=0), none], axis=0)
    complement = xp.concat([xp.take(complement, order, axis=0), 1 + none], axis=0)
    return xp.take(value, place, axis=0), xp.take(complement, place, axis=0)


def _rounds(counts: Array) -> tuple[list[Round], Array]:
    """The rounds, and the positions of the final results of the pixels that have any."""
    xp = array_namespace(counts)
    place = indices_like(int(xp.sum(counts)) if counts.shape[0] else 0, counts)
    rounds = list(_until_single(counts, place))
    return [r for r, _ in rounds], rounds[-1][1] if rounds else place


def _until_single(counts: Array, place: Array) -> Iterator[tuple[Round, Array]]:
    """place: where the elements are stored, in the order of their pixels."""
    xp = array_namespace(counts)
    most = int(xp.max(counts)) if counts.shape[0] else 0
    while most > 1:
        pixel = expand(counts)
        rank = indices_like(pixel.shape[0], counts) - xp.take(starts(counts), pixel, axis=0)
        even = rank % 2 == 0
        last = rank == xp.take(counts, pixel, axis=0) - 1
        left, alone = xp.nonzero(even & ~last)[0], xp.nonzero(even & last)[0]
        found = Round(*(xp.take(place, at, axis=0) for at in (left, left + 1, alone)))
        paired = xp.astype(~last[xp.nonzero(even)[0]], counts.dtype)
        among_pairs = xp.cumulative_sum(paired) - 1
        among_alone = left.shape[0] + xp.cumulative_sum(1 - paired) - 1
        place = xp.where(paired == 1, among_pairs, among_alone)
        yield found, place
        counts, most = (counts + 1) // 2, (most + 1) // 2
