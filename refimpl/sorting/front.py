"""One front door for every method: `sort`, `rank`, `topk`.

    values, P = sort(x, method="neuralsort", temperature=0.1)

Conventions, the same for all: x is (..., n) and sorted along the last axis, ascending unless
`descending`. P[..., i, j] is the weight of input i at position j, so columns are positions and
values = x @ P. Ranks run from 0 to n - 1. `topk` gives the k largest, the largest first. A method
without a matrix gives None in its place.

    method          options                           P               values
    sorting_network network, distribution, steepness  doubly stoch.   x @ P
    error_free      the same                          permutation     exact
    neuralsort      temperature, hard                 columns only    x @ P
    softsort        temperature, power, hard          columns only    x @ P
    transport       epsilon, squash                   doubly stoch.   x @ P
    simplex         variant, mode, softness, ...      see its docs    x @ P
    perturbed       noise, sigma, distribution        doubly stoch.   x @ P
    fast            strength, regularization          none            projection
    hard            -                                 permutation     exact

`error_free` and `perturbed` replace the derivative; `hard` has none in P. The limits - steepness or
its like to infinity, temperature or its like to 0 - are those of `hard`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..autograd import Array, array_namespace
from ..validation import choose, float_array, whole
from .error_free import error_free_sort
from .fast_sort import fast_soft_sort
from .network_values import network_values
from .networks import sorting_network
from .neuralsort import neural_sort
from .optimal_transport import transport_permutation
from .permutations import hard_sort, ranks
from .perturbed import perturbed_permutation
from .simplex_sort import simplex_argsort
from .soft_rank import fast_soft_rank
from .softsort import soft_sort


class Sorted(NamedTuple):
    """values (..., n) or (..., k); permutation (..., n, n) or (..., n, k), or None."""

    values: Array
    permutation: Array | None


class Method(NamedTuple):
    """How a method sorts: `matrix(x, **options)` gives P in ascending order, `both` values and P,
    `values` the values without P.
    """

    matrix: Callable[..., Array] | None = None
    both: Callable[..., tuple[Array, Array]] | None = None
    values: Callable[..., Array] | None = None
    rank: Callable[..., Array] | None = None


def _simplex(x: Array, *, variant: str = "neuralsort", **options: Any) -> Array:
    return simplex_argsort(x, method=variant, **options)


def _perturbed(x: Array, *, noise: Array, **options: Any) -> Array:
    return perturbed_permutation(x, noise, **options)


def _fast_ranks(x: Array, **options: Any) -> Array:
    return fast_soft_rank(x, **options) - 1


METHODS: dict[str, Method] = {
    "sorting_network": Method(both=sorting_network, values=network_values),
    "error_free": Method(both=error_free_sort),
    "neuralsort": Method(matrix=neural_sort),
    "softsort": Method(matrix=soft_sort),
    "transport": Method(matrix=transport_permutation),
    "simplex": Method(matrix=_simplex),
    "perturbed": Method(matrix=_perturbed),
    "fast": Method(values=fast_soft_sort, rank=_fast_ranks),
    "hard": Method(both=hard_sort),
}


def sort(
    x: Array,
    method: str = "sorting_network",
    *,
    descending: bool = False,
    permutation: bool = True,
    **options: Any,
) -> Sorted:
    """Soft sorted values and the soft permutation matrix.

    x            (..., n), n >= 1
    method       see the table of this module
    permutation  whether P is wanted. Without it, "sorting_network" and "fast" need memory O(n) per
                 sample (times the root of the number of layers) instead of O(n^2); the network is
                 then "bitonic" unless named
    options      those of the method

    Raises ValueError for an unknown method, n = 0, and as the method does.

    >>> values, P = sort([3.0, 1.0, 2.0], "softsort", temperature=0.1)
    >>> values.round(3)
    array([1., 2., 3.])
    """
    x = _values(x)
    found = METHODS[choose(method, METHODS, "method")]
    if found.values is not None and (not permutation or found.both is None):
        return Sorted(found.values(x, descending=descending, **options), None)
    values, P = _both(found, x, options)
    if descending:
        xp = array_namespace(values, P)
        values, P = xp.flip(values, axis=-1), xp.flip(P, axis=-1)
    return Sorted(values, P if permutation else None)


def rank(
    x: Array, method: str = "sorting_network", *, descending: bool = False, **options: Any
) -> Array:
    """Soft ranks (..., n), from 0 for the smallest (the largest, if `descending`) to n - 1.

    sum_j P[..., i, j] j, or the method's own ("fast"). Arguments and errors as `sort`.

    >>> rank([3.0, 1.0, 2.0], "hard")
    array([2., 0., 1.])
    """
    x = _values(x)
    found = METHODS[choose(method, METHODS, "method")]
    if found.rank is not None:
        return found.rank(x, descending=descending, **options)
    ascending = ranks(_both(found, x, options)[1])
    return x.shape[-1] - 1 - ascending if descending else ascending


def topk(x: Array, k: int, method: str = "sorting_network", **options: Any) -> Sorted:
    """The k largest values, the largest first (..., k), and their columns of P (..., n, k).

    k from 0 to n. sum_j P[..., i, j] says to what degree input i is among them. For large n the
    cheaper `topk_network.topk_permutation` computes these columns alone. Arguments as `sort`.

    >>> topk([3.0, 1.0, 2.0], 2, "hard").values
    array([3., 2.])
    """
    x = _values(x)
    if whole(k, "k") > x.shape[-1]:
        raise ValueError(f"k: expected at most {x.shape[-1]}, got {k}")
    values, P = sort(x, method, descending=True, **options)
    return Sorted(values[..., :k], None if P is None else P[..., :k])


def _both(found: Method, x: Array, options: dict[str, Any]) -> tuple[Array, Array]:
    if found.both is not None:
        return found.both(x, **options)
    if found.matrix is None:
        raise ValueError("method: it has no permutation matrix; see `sort` and `rank`")
    P = found.matrix(x, **options)
    xp = array_namespace(x, P)
    return xp.matmul(x[..., None, :], P)[..., 0, :], P


def _values(x: Array) -> Array:
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    return x
