"""Which neighbours an isotonic regression pools: pool-adjacent-violators (PAV) on whole batches.

An isotonic regression with falling values is constant on blocks of neighbours. Two adjacent blocks
belong together whenever the value of the first is not above that of the second, and the order of
such merges does not matter. All functions here get NumPy arrays of shape (rows, n) and return the
positions, in the flattened array, at which blocks start.

The work is done by SciPy's compiled PAV on one sequence, into which all rows are mapped such that
nothing merges across a border. For l2, a row is moved and multiplied by a power of two, which costs
no more than the last digit of its range. For KL, the value of a block, LSE(s) - LSE(w), is the
logarithm of the mean of exp(s - w) with weights exp(w): a weighted regression of positive numbers.
Where these would leave the range of floating-point numbers, `merge_in_passes` merges in the log
domain.

Source: Best and Chakravarti 1990 for PAV; Blondel et al. 2020, "Fast Differentiable Sorting and
Ranking", propositions 2 and 4, for the two problems.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import isotonic_regression

Host = np.ndarray

ROWS = 400  # per sequence: 4 powers of two each, from 2^800 down to 2^-800
SEQUENCES = 10  # so many sequences are no more work than looking for borders
SPAN = 300.0  # nats by which the targets, and the weights, of a row or group may differ
WIDTH = 700.0  # nats of the groups that share a sequence, side by side
HIGHEST = 600.0  # nats: targets are from exp(600) down to exp(600 - 700 - 300)


def l2_starts(y: Host) -> Host:
    """Block starts of min 1/2 |v - y|^2 over falling v, row by row.

    A row with NaN or infinity is one block.
    """
    rows, n = y.shape
    low = np.min(y, axis=1, keepdims=True)
    span = np.max(y, axis=1, keepdims=True) - low
    finite = np.isfinite(span)
    if not finite.all():
        y = np.where(finite, y, np.arange(n) / n)  # rises, so it merges
        low, span = np.where(finite, low, 0.0), np.where(finite, span, 1.0)
    down = np.exp2(-np.maximum(np.frexp(span)[1], -1000.0))
    found = []
    for top in range(0, rows, ROWS):
        part = slice(top, top + ROWS)
        flat = y[part] - low[part]
        flat *= down[part]
        flat += 0.125  # in [1/8, 9/8], and below 9/8 of the next row times 16
        flat *= np.exp2(800.0 - 4.0 * np.arange(len(flat)))[:, None]
        blocks = isotonic_regression(np.reshape(flat, -1), increasing=False).blocks
        found.append(blocks[:-1] + top * n)
    return found[0] if len(found) == 1 else np.concatenate(found)


def kl_starts(s: Host, w: Host) -> Host:
    """Block starts of min sum(exp(s - v)) + sum(exp(w) v) over falling v, row by row.

    A row with NaN or infinity is one block.
    """
    rows, n = s.shape
    y = s - w
    span = np.max(y, axis=1) - np.min(y, axis=1)
    total = np.sum(span)
    if not np.isfinite(total):
        finite = np.isfinite(span)[:, None]
        s, w = np.where(finite, s, np.arange(n) / n), np.where(finite, w, 0.0)  # these merge
        return kl_starts(s, w)
    if total < SEQUENCES * SPAN and np.ptp(w) < SPAN:
        return _starts_of_groups(s, w, np.full(rows, n))
    starts = _certain_borders(y)
    lengths = np.diff(starts, append=s.size)
    if len(starts) == s.size:
        return starts
    shared = np.repeat(lengths > 1, lengths)  # elements that may merge with another
    places, lengths = np.flatnonzero(shared), lengths[lengths > 1]
    is_start = ~shared
    is_start[places[_starts_of_groups(np.take(s, places), np.take(w, places), lengths)]] = True
    return np.flatnonzero(is_start)


def _certain_borders(y: Host) -> Host:
    """Starts of groups that cannot merge: all before a border is above all behind it."""
    first = np.ones(y.shape, dtype=bool)
    behind = np.maximum.accumulate(y[:, :0:-1], axis=1)[:, ::-1]
    first[:, 1:] = np.minimum.accumulate(y, axis=1)[:, :-1] > behind
    return np.flatnonzero(first)


def _starts_of_groups(s: Host, w: Host, lengths: Host) -> Host:
    """Block starts of consecutive groups that do not merge with each other."""
    starts = np.cumsum(lengths) - lengths
    s, w = np.reshape(s, -1), np.reshape(w, -1)
    y = s - w
    top, heaviest = np.maximum.reduceat(y, starts), np.maximum.reduceat(w, starts)
    span = top - np.minimum.reduceat(y, starts)
    wide = (span > SPAN) | (heaviest - np.minimum.reduceat(w, starts) > SPAN)
    if np.any(wide):
        return _with_wide_groups(s, w, lengths, wide)
    before = np.cumsum(span + 1e-9) - span  # the spans side by side, each below the previous
    sequence = np.floor(before / WIDTH)
    height = HIGHEST - (before - WIDTH * sequence) - top
    target = np.exp(y + np.repeat(height, lengths))
    weight = np.exp(w - np.repeat(heaviest, lengths))
    edges = [0, *starts[np.flatnonzero(np.diff(sequence)) + 1], len(y)]
    found = []
    for low, high in itertools.pairwise(edges):
        fit = isotonic_regression(target[low:high], weights=weight[low:high], increasing=False)
        found.append(fit.blocks[:-1] + low)
    return np.concatenate(found)


def _with_wide_groups(s: Host, w: Host, lengths: Host, wide: Host) -> Host:
    """Block starts where the groups marked `wide` exceed what exp can represent."""
    far = np.repeat(wide, lengths)
    is_start = np.zeros(len(s), dtype=bool)
    is_start[np.flatnonzero(far)[merge_in_passes(s[far], w[far], lengths[wide])]] = True
    if not np.all(wide):
        near = ~far
        is_start[np.flatnonzero(near)[_starts_of_groups(s[near], w[near], lengths[~wide])]] = True
    return np.flatnonzero(is_start)


def merge_in_passes(s: Host, w: Host, lengths: Host) -> Host:
    """Block starts for KL by merging all runs of adjacent violators at once, until none is left.

    A pass looks only at the neighbours of the last pass's merges. All merges together cost
    O(n log n); the number of passes is small for most inputs, but up to n where one block swallows
    its neighbours one by one.
    """
    s, w, size = s.copy(), w.copy(), len(s)  # at a block's start: LSE over the block
    following = np.arange(1, size + 1)  # of a block's start: the next block's start
    following[np.cumsum(lengths) - 1] = -1  # none
    previous = np.arange(-1, size - 1)
    previous[np.cumsum(lengths) - lengths] = -1
    alive = np.ones(size, dtype=bool)
    left = np.arange(size)
    while True:
        left = left[following[left] >= 0]
        right = following[left]
        merge = s[left] - w[left] <= s[right] - w[right]
        left, right = left[merge], right[merge]
        if not len(left):
            return np.flatnonzero(alive)
        heads = np.flatnonzero(np.concatenate([[True], right[:-1] != left[1:]]))  # runs a-b, b-c
        block, end = left[heads], right[np.append(heads[1:], len(left)) - 1]
        for total in (s, w):
            total[block] = np.logaddexp(total[block], np.logaddexp.reduceat(total[right], heads))
        alive[right] = False
        behind = following[end]
        following[block] = behind
        previous[behind[behind >= 0]] = block[behind >= 0]
        before = previous[block]
        left = np.unique(np.concatenate([before[before >= 0], block]))
