"""Differentiable sorting, ranking and selection.

`sort`, `rank` and `topk` are the front door to every method (see `front` for the table); the
methods are one per file. P[..., i, j] is the weight of input i at sorted position j throughout.
"""

from refimpl.sorting.front import Sorted, rank, sort, topk
from refimpl.sorting.losses import permutation_cross_entropy, ranking_accuracy
from refimpl.sorting.methods import METHODS
from refimpl.sorting.metrics import concordance_index, topk_accuracy
from refimpl.sorting.networks import soft_swap, sorting_network, suggested_steepness
from refimpl.sorting.order_losses import position_cross_entropy, rank_error
from refimpl.sorting.permutations import (
    apply_permutation,
    as_rows,
    hard_permutation,
    hard_sort,
    ranks,
)
from refimpl.sorting.sigmoids import soft_comparison

__all__ = [
    "METHODS",
    "Sorted",
    "apply_permutation",
    "as_rows",
    "concordance_index",
    "hard_permutation",
    "hard_sort",
    "permutation_cross_entropy",
    "position_cross_entropy",
    "rank",
    "rank_error",
    "ranking_accuracy",
    "ranks",
    "soft_comparison",
    "soft_swap",
    "sort",
    "sorting_network",
    "suggested_steepness",
    "topk",
    "topk_accuracy",
]
