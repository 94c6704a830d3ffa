"""The values of a relaxed sorting network alone, without its permutation matrix.

A layer mixes n values, so a network of L layers costs O(n L) and, with the layers of a block
recomputed in the backward pass, keeps O(n sqrt(L)) numbers per sample: 100 000 values can be sorted
differentiably, where the matrix would have 10^10 entries.

Source: Petersen et al. 2021, "Differentiable Sorting Networks"; Chen et al. 2016, "Training Deep
Nets with Sublinear Memory Cost", for the recomputation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..autograd import Array, array_namespace, checkpoint, is_traced, like_array
from ..validation import float_array
from .error_free import error_free_swap
from .layouts import Layout, Step, find_layout
from .networks import soft_swap
from .sigmoids import Sigmoid, make_sigmoid

Swap = Callable[[Array, Array, Array], tuple[Array, Array]]


def network_values(
    x: Array,
    *,
    network: str | Layout | Sequence = "bitonic",
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
    descending: bool = False,
) -> Array:
    """The sorted values (..., n) of `sorting_network`, for x (..., n); options and errors as there.

    The default layout is "bitonic", with about log2(n)^2 / 2 layers. Memory O(batch n log n) with
    its gradient, time O(batch n log^2 n).

    >>> network_values([3.0, 1.0, 2.0], network="odd_even").round(4)
    array([1.0635, 2.    , 2.9365])
    """
    return _through(x, soft_swap, network, distribution, steepness, art_lambda, units, descending)


def error_free_values(
    x: Array,
    *,
    network: str | Layout | Sequence = "bitonic",
    distribution: str = "optimal",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
    descending: bool = False,
) -> Array:
    """The exactly sorted values (..., n) of `error_free_sort`, with its gradient and its options.

    The default layout is "bitonic"; memory and time as for `network_values`.

    >>> error_free_values([3.0, 1.0, 2.0])
    array([1., 2., 3.])
    """
    return _through(x, _exact, network, distribution, steepness, art_lambda, units, descending)


def _exact(a: Array, b: Array, alpha: Array) -> tuple[Array, Array]:
    xp = array_namespace(a)
    return error_free_swap(a, b, alpha, xp.where(b >= a, xp.ones_like(a), xp.zeros_like(a)))


def _through(
    x: Array,
    swap: Swap,
    network: str | Layout | Sequence,
    distribution: str,
    steepness: float,
    art_lambda: float,
    units: str,
    descending: bool,
) -> Array:
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    layout = find_layout(network, x.shape[-1])
    sigmoid = make_sigmoid(distribution, steepness, art_lambda, units)
    xp, last = array_namespace(x), x.ndim - 1
    wires = xp.permute_dims(x, (last, *range(last)))
    for steps in _blocks(layout.steps):
        block = _block(steps, sigmoid, swap)
        wires = (checkpoint(block) if is_traced(wires) else block)(wires)
    values = array_namespace(wires).permute_dims(wires, (*range(1, last + 1), 0))
    return array_namespace(values).flip(values, axis=-1) if descending else values


def _block(steps: Sequence[Step], sigmoid: Sigmoid, swap: Swap) -> Callable[[Array], Array]:
    def run(wires: Array) -> Array:
        xp = array_namespace(wires)
        for order, _, c in steps:
            wires = xp.take(wires, like_array(order, wires), axis=0)
            a, b, rest = wires[:c, ...], wires[c : 2 * c, ...], wires[2 * c :, ...]
            wires = xp.concat([*swap(a, b, sigmoid.alpha(b - a)), rest], axis=0)
        return wires

    return run


def _blocks(steps: Sequence[Step]) -> list[Sequence[Step]]:
    """About sqrt(L) blocks of sqrt(L) steps."""
    size = max(1, math.isqrt(len(steps)))
    return [steps[i : i + size] for i in range(0, len(steps), size)]
