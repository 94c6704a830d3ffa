"""Differentiable sorting, ranking and selection.

The methods, one per file; what most scripts need is here. P[..., i, j] is the weight of input i at
sorted position j throughout (see `permutations`).
"""

from refimpl.sorting.losses import permutation_cross_entropy, ranking_accuracy
from refimpl.sorting.networks import soft_swap, sorting_network, suggested_steepness
from refimpl.sorting.permutations import (
    apply_permutation,
    as_rows,
    hard_permutation,
    hard_sort,
    ranks,
)
from refimpl.sorting.sigmoids import soft_comparison

__all__ = [
    "apply_permutation",
    "as_rows",
    "hard_permutation",
    "hard_sort",
    "permutation_cross_entropy",
    "ranking_accuracy",
    "ranks",
    "soft_comparison",
    "soft_swap",
    "sorting_network",
    "suggested_steepness",
]
