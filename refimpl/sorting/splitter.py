"""The splitter selection network: a layout that brings the k largest values to the last k wires.

Petersen et al., "Differentiable Top-k Classification Learning", ICML 2022. It needs far fewer
comparators than sorting everything: 385 instead of 1334 (bitonic) for the 5 largest of 100.
"""

from __future__ import annotations

import functools

from refimpl.sorting.layouts import Comparator, Layout, pack


@functools.lru_cache(maxsize=32)
def splitter_selection(n: int, k: int) -> Layout:
    """The layout for n wires after which the last k hold the k largest values in rising order.

    Nothing is promised about the other wires. A lane (wire, counted from the best) that is known to
    have r better lanes has minimum rank r. Lanes of equal minimum rank are compared in a cascade
    (`_cascade`), which raises their minimum ranks; those that reach k are out. Round after round
    does this for the ranks k - 1, k - 2, ..., down to the number of the round, until all differ.

    Raises ValueError unless 1 <= k <= n.

    >>> splitter_selection(4, 1).as_lists()
    [[(1, 3, 1, 3), (0, 2, 0, 2)], [(2, 3, 2, 3), (0, 1, 0, 1)]]
    """
    if not 1 <= k <= n:
        raise ValueError(f"k: expected a number from 1 to n = {n}, got {k}")
    rank, free = [0] * n, [0] * n  # per lane: minimum rank, first layer in which it is idle
    layers: list[list[Comparator]] = []
    lowest, compared = 0, True
    while compared:
        compared = False
        for r in range(k - 1, lowest - 1, -1):
            lanes = [lane for lane in range(n) if rank[lane] == r]
            if len(lanes) >= 2:
                _cascade(lanes, layers, rank, free)
                compared = True
        lowest += 1
    return pack(n, layers)


def _cascade(
    lanes: list[int], layers: list[list[Comparator]], rank: list[int], free: list[int]
) -> None:
    """Compare `lanes` at distance 2^(T-1), ..., 2, 1: lane j gets 2^popcount(j) - 1 more above it.

    Adds comparators to `layers` and updates the minimum ranks and first idle layers of the lanes.
    """
    q, last = len(lanes), len(rank) - 1
    depth = (q - 1).bit_length()
    start = max(free[lane] for lane in lanes)
    layers.extend([] for _ in range(start + depth - len(layers)))
    for t in range(depth):
        half = 2 ** (depth - t - 1)
        for first in range(0, q, 2 * half):
            for j in range(first, min(first + half, q - half)):
                worse, better = last - lanes[j + half], last - lanes[j]  # the best lane: last wire
                layers[start + t].append((worse, better, worse, better))
    for j, lane in enumerate(lanes):
        rank[lane] += 2 ** j.bit_count() - 1
        free[lane] = start + depth
