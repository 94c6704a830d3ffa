"""The table behind `sort`, `rank` and `topk`: what each method offers, by one convention.

Here x is (..., n) with n >= 1, P[..., i, j] the weight of input i at position j, ranks run from 0,
and `descending` puts the largest first; methods that know one direction only are reversed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..autograd import Array, argsort, array_namespace, one_hot, plain, stop_gradient
from ..autograd import sort as exact_sort
from ..autograd import topk as exact_topk
from ..training.blackbox import blackbox
from .error_free import error_free_sort
from .fast_sort import fast_soft_sort
from .layouts import Layout, find_layout
from .network_values import error_free_values, network_values
from .networks import sorting_network
from .neuralsort import neural_sort
from .optimal_transport import transport_permutation, transport_ranks
from .permutations import hard_sort, ranks
from .perturbed import exact_ranks, perturbed_permutation, perturbed_ranks
from .sigmoids import make_sigmoid
from .simplex_ranks import simplex_ranks
from .simplex_sort import simplex_argsort
from .soft_rank import fast_soft_rank
from .soft_values import neural_sort_values, perturbed_values, soft_sort_values
from .softsort import soft_sort
from .topk_network import SPLITTER, topk_permutation, weighted_selection

LARGEST_ODD_EVEN = 20_000  # wires, without a matrix; the layout has half the square of that


class Method(NamedTuple):
    """What a method offers; None where it does not.

    both    (x, descending=, **options) -> values (..., n), P (..., n, n)
    matrix  the same, P alone; values are x @ P
    values  the same, values alone, without P
    rank    (x, descending=, **options) -> (..., n); by P if None
    topk    (x, k, **options) -> values (..., k) and P (..., n, k), the largest first; else by
            `sort`
    sums    "both" if rows and columns of P sum to one, "columns" if only these are promised to
    """

    both: Callable[..., tuple[Array, Array]] | None = None
    matrix: Callable[..., Array] | None = None
    values: Callable[..., Array] | None = None
    rank: Callable[..., Array] | None = None
    topk: Callable[..., tuple[Array, Array | None]] | None = None
    sums: str | None = None


def times(x: Array, P: Array) -> Array:
    """x @ P, sample by sample: (..., n), (..., n, k) -> (..., k)."""
    return array_namespace(x, P).matmul(x[..., None, :], P)[..., 0, :]


def _falling(r: Array, descending: bool) -> Array:
    return r.shape[-1] - 1 - r if descending else r


def _either(f: Callable[..., Array]) -> Callable[..., Array]:
    """A sorter that rises, with the option to reverse its last axis."""

    def run(x: Array, *, descending: bool = False, **options: Any) -> Array:
        y = f(x, **options)
        return array_namespace(y).flip(y, axis=-1) if descending else y

    return run


def _either_rank(f: Callable[..., Array]) -> Callable[..., Array]:
    """Ranks from the smallest, with the option to count from the largest."""

    def run(x: Array, *, descending: bool = False, **options: Any) -> Array:
        return _falling(f(x, **options), descending)

    return run


def _network(name: str | None) -> Method:
    """The methods of sorting networks, of one layout or, if None, of any."""
    fixed: dict[str, Any] = {} if name is None else {"network": name}

    def both(x: Array, **options: Any) -> tuple[Array, Array]:
        return sorting_network(x, **fixed, **options)

    def values(x: Array, **options: Any) -> Array:
        return network_values(x, **_small_enough(x, fixed | options))

    def rank(x: Array, **options: Any) -> Array:
        return _network_ranks(x, **_small_enough(x, fixed | options))

    def topk(x: Array, k: int, **options: Any) -> tuple[Array, Array]:
        return _network_topk(x, k, **{"network": "odd_even"} | fixed | options)

    return Method(both, None, values, _either_rank(rank), topk, "both")


def _small_enough(x: Array, options: dict[str, Any]) -> dict[str, Any]:
    options = {"network": "odd_even"} | options
    n = x.shape[-1]
    if options["network"] == "odd_even" and n > LARGEST_ODD_EVEN:
        raise ValueError(
            f"x: {n} values need {n * (n - 1) // 2:.2g} comparators in the odd-even network; "
            "use method='bitonic' or 'fast'"
        )
    return options


def _network_ranks(
    x: Array,
    *,
    network: str | Layout | Sequence,
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
) -> Array:
    """P @ (0, ..., n - 1), through the layers from behind, without P."""
    layout = find_layout(network, x.shape[-1])
    sigmoid = make_sigmoid(distribution, steepness, art_lambda, units)
    return weighted_selection(x, [float(j) for j in range(x.shape[-1])], layout, sigmoid)


def _network_topk(x: Array, k: int, **options: Any) -> tuple[Array, Array]:
    P = topk_permutation(x, k=k, **options)
    P = array_namespace(P).flip(P, axis=-1)
    return times(x, P), P


def _error_free_values(x: Array, **options: Any) -> Array:
    return error_free_values(x, **_small_enough(x, options))


def _simplex(x: Array, *, variant: str = "neuralsort", **options: Any) -> Array:
    return simplex_argsort(x, method=variant, **options)


def _simplex_ranks(x: Array, *, variant: str = "neuralsort", **options: Any) -> Array:
    return simplex_ranks(x, method=variant, **options)


def _transport(x: Array, *, epsilon: float = 1e-2, squash: bool = True) -> Array:
    return transport_permutation(x, epsilon=epsilon, squash=squash)


def _transport_topk(x: Array, k: int, **options: Any) -> tuple[Array, Array]:
    n = x.shape[-1]
    weights = [1.0] * n if k == n else [float(n - k)] + [1.0] * k
    P = transport_permutation(x, weights=weights, **options)[..., len(weights) - k :]
    P = array_namespace(P).flip(P, axis=-1)
    return times(x, P), P


def _perturbed(x: Array, *, noise: Array, **options: Any) -> Array:
    return perturbed_permutation(x, noise, **options)


def _perturbed_values(x: Array, *, noise: Array, **options: Any) -> Array:
    return perturbed_values(x, noise, **options)


def _perturbed_ranks(x: Array, *, noise: Array, **options: Any) -> Array:
    return perturbed_ranks(x, noise, **options)


def _blackbox_ranks(x: Array, *, lambda_: float = 2.0, descending: bool = False) -> Array:
    """The exact ranks are the argmax of <x, r> over permutations r of 0, ..., n - 1."""
    return blackbox(exact_ranks, -x if descending else x, lambda_, minimise=False)


def _fast_ranks(x: Array, **options: Any) -> Array:
    return fast_soft_rank(x, **options) - 1


def _hard_values(x: Array, *, descending: bool = False) -> Array:
    return exact_sort(x, axis=-1, descending=descending)


def _hard_ranks(x: Array, *, descending: bool = False) -> Array:
    known = plain(stop_gradient(x))
    order = argsort(argsort(known, axis=-1, descending=descending), axis=-1)
    return array_namespace(known).astype(order, known.dtype)


def _hard_topk(x: Array, k: int) -> tuple[Array, Array]:
    values, places = exact_topk(x, k)
    Q = one_hot(places, x.shape[-1], like=plain(x))
    return values, array_namespace(Q).matrix_transpose(Q)


METHODS: dict[str, Method] = {
    "odd_even": _network("odd_even"),
    "bitonic": _network("bitonic"),
    "sorting_network": _network(None),
    "splitter_selection": Method(
        topk=lambda x, k, **options: _network_topk(x, k, network=SPLITTER, **options),
        sums="columns",
    ),
    "error_free": Method(error_free_sort, values=_error_free_values, sums="both"),
    "neuralsort": Method(matrix=neural_sort, values=neural_sort_values, sums="columns"),
    "softsort": Method(matrix=soft_sort, values=soft_sort_values, sums="columns"),
    "transport": Method(
        matrix=_either(_transport),
        rank=_either_rank(transport_ranks),
        topk=_transport_topk,
        sums="both",
    ),
    "simplex": Method(matrix=_simplex, rank=_simplex_ranks, sums="columns"),
    "perturbed": Method(
        matrix=_either(_perturbed),
        values=_either(_perturbed_values),
        rank=_either_rank(_perturbed_ranks),
        sums="both",
    ),
    "blackbox": Method(rank=_blackbox_ranks),
    "fast": Method(values=fast_soft_sort, rank=_fast_ranks),
    "hard": Method(hard_sort, values=_hard_values, rank=_hard_ranks, topk=_hard_topk, sums="both"),
}


def rank_by_matrix(method: Method, x: Array, descending: bool, options: dict[str, Any]) -> Array:
    """Expected positions sum_j P[..., i, j] j."""
    P = method.matrix(x, **options) if method.matrix else method.both(x, **options)[1]  # type: ignore[misc]
    return _falling(ranks(P), descending)
