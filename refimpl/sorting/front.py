"""One front door for every method: `sort`, `rank`, `topk`.

    values, P = sort(x, method="neuralsort", temperature=0.1)

One convention for all: x is (..., n) and sorted along the last axis, ascending unless `descending`.
P[..., i, j] is the weight of input i at position j: columns are positions, and values = x @ P (but
for `fast`, which has no P and gives None). `permutations.as_rows` turns P into the convention of
papers. Ranks run from 0 to n - 1. `topk` gives the k largest, the largest first.

    method              options                                     P         without P, memory
    odd_even, bitonic   distribution, steepness, art_lambda, units  both      n sqrt(layers)
    sorting_network     the same, and network: any layout           both      n sqrt(layers)
    splitter_selection  the same; `topk` alone                      columns   -
    error_free          network, distribution, steepness, ...       exact     n sqrt(layers)
    neuralsort          temperature, hard                           columns   n
    softsort            temperature, power, hard                    columns   n
    transport           epsilon, squash                             both      makes P
    simplex             variant, mode, softness, standardize        columns   makes P
    perturbed           noise, sigma, distribution, covariate       both      n, per sample of noise
    blackbox            lambda_; `rank` alone                       none      n
    fast                strength, regularization                    none      n
    hard                -                                           exact     n

"both": rows and columns of P sum to one. "columns": only these do. "exact": a permutation matrix.
`error_free`, `perturbed` and `blackbox` replace the derivative of something that has none or zero;
`hard` has the derivative of its values, and zero for P and ranks. The limits - steepness to
infinity, temperature and its like to zero - are those of `hard`. Time is O(n^2) at least for all
but `bitonic`, `perturbed`, `blackbox`, `fast` and `hard` without P.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd import Array
from ..validation import choose, float_array, whole
from .methods import METHODS, Method, rank_by_matrix, times


class Sorted(NamedTuple):
    """values (..., n) or (..., k); permutation (..., n, n) or (..., n, k), or None."""

    values: Array
    permutation: Array | None


def sort(
    x: Array,
    method: str = "odd_even",
    *,
    descending: bool = False,
    permutation: bool = True,
    **options: Any,
) -> Sorted:
    """Soft sorted values and the soft permutation matrix.

    x            (..., n), n >= 1
    method       see the table of this module
    permutation  whether P is wanted. Without it, None takes its place and it is not made, but for
                 the methods that have no other way: 100 000 values can be sorted and differentiated
    options      those of the method; `perturbed` needs `noise` (samples, ..., n)

    Raises ValueError for an unknown method, one that does not sort, n = 0, more than 20 000 values
    for "odd_even" without P, and as the method does.

    >>> values, P = sort([3.0, 1.0, 2.0], "softsort", temperature=0.1)
    >>> values.round(3)
    array([1., 2., 3.])
    >>> P.round(3)
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    x, found = _given(x, method, "sort", "matrix", "both", "values")
    if found.values is not None and (not permutation or _has_none(found)):
        return Sorted(found.values(x, descending=descending, **options), None)
    if found.both is not None:
        values, P = found.both(x, descending=descending, **options)
    else:
        P = found.matrix(x, descending=descending, **options)  # type: ignore[misc]
        values = times(x, P)
    return Sorted(values, P if permutation else None)


def rank(x: Array, method: str = "odd_even", *, descending: bool = False, **options: Any) -> Array:
    """Soft ranks (..., n), from 0 for the smallest (the largest, if `descending`) to n - 1.

        r_i = sum_j P[..., i, j] j

    or the method's own: "fast" projects, "blackbox" is exact, "simplex" divides rows of P by their
    sums. The rows of P of "neuralsort" and "softsort" do not sum to one, and their ranks can leave
    [0, n - 1]. Networks, "perturbed", "blackbox", "fast" and "hard" make no P. Arguments and errors
    as `sort`.

    >>> rank([3.0, 1.0, 2.0], "hard")
    array([2., 0., 1.])
    """
    x, found = _given(x, method, "rank", "rank", "matrix", "both")
    if found.rank is not None:
        return found.rank(x, descending=descending, **options)
    return rank_by_matrix(found, x, descending, options)


def topk(x: Array, k: int, method: str = "odd_even", **options: Any) -> Sorted:
    """The k largest values, the largest first (..., k), and their columns of P (..., n, k).

    k from 1 to n. sum_j P[..., i, j] says to what degree input i is among them. Networks carry k
    columns instead of n, and "splitter_selection" compares only what can be among the k largest;
    "transport" has k + 1 targets, the k largest and the rest, so that its P is not part of that of
    `sort`. All others take the first columns of `sort` with `descending`. Arguments and errors as
    `sort`; ValueError for k out of range.

    >>> values, P = topk([3.0, 1.0, 2.0], 2, "hard")
    >>> values
    array([3., 2.])
    >>> P
    array([[1., 0.],
           [0., 0.],
           [0., 1.]])
    """
    x, found = _given(x, method, "topk", "topk", "matrix", "both", "values")
    n = x.shape[-1]
    if whole(k, "k", minimum=1) > n:
        raise ValueError(f"k: expected at most the {n} values, got {k}")
    if found.topk is not None:
        return Sorted(*found.topk(x, k, **options))
    values, P = sort(x, method, descending=True, **options)
    return Sorted(values[..., :k], None if P is None else P[..., :k])


def _has_none(method: Method) -> bool:
    return method.both is None and method.matrix is None


def _given(x: Array, method: str, what: str, *parts: str) -> tuple[Array, Method]:
    """x as an array with something to sort, and the method, if it has one of the parts."""
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    found = METHODS[choose(method, METHODS, "method")]
    if all(getattr(found, part) is None for part in parts):
        able = [name for name, m in METHODS.items() if any(getattr(m, part) for part in parts)]
        raise ValueError(f"method: {method!r} cannot {what}; use one of {', '.join(able)}")
    return x, found
