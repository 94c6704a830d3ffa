"""Losses of an order, by every relaxed sort: what a network of scores is trained with.

Each takes scores (sets, n), the true numbers (sets, n) and a generator for those that need noise.

    networks            binary cross-entropy of P and the true permutation matrix
    transport           the same
    error_free          mean squared error of P, whose entries are 0 or 1, of standardised scores:
                        the straight-through gradient alone makes all scores equal
    neuralsort, softsort, simplex, stochastic_neuralsort     cross-entropy of each position
    fast_l2, fast_kl    squared error of the ranks
    blackbox            squared error of the exact ranks, of standardised scores
    perturbed           Fenchel-Young loss of the ranks
    plackett_luce       log-likelihood of the order
    bubble_sort         expected swaps of the relaxed algorithm on the inputs in their true order
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..autograd import Array, Generator, argsort, array_namespace
from ..relaxation.programs.bubble_sort import bubble_sort
from ..sorting.fenchel_young import perturbed_loss
from ..sorting.front import rank, sort
from ..sorting.losses import permutation_cross_entropy
from ..sorting.order_losses import position_cross_entropy, rank_error
from ..sorting.permutations import hard_permutation
from ..sorting.perturbed import exact_ranks
from ..sorting.plackett_luce import (
    gumbel_noise,
    plackett_luce_log_likelihood,
    stochastic_neural_sort,
)

OrderLoss = Callable[[Array, Array, Generator], Array]
DISTRIBUTIONS = ("logistic", "logistic_phi", "gaussian", "reciprocal", "cauchy", "optimal")
SAMPLES = 5


def order_loss(
    name: str, n: int, *, steepness: float | None = None, temperature: float = 1.0
) -> OrderLoss:
    """The loss of that name. steepness: of networks, None for twice the number of their layers."""
    network, _, distribution = name.partition("-")
    if distribution:
        s = default_steepness(network, n) if steepness is None else steepness
        return functools.partial(_by_network, network, distribution, s)
    if name == "error_free":
        return functools.partial(_error_free, 1.0 if steepness is None else steepness)
    if name in ("neuralsort", "softsort", "simplex"):
        option = {"softness" if name == "simplex" else "temperature": temperature}
        return functools.partial(_by_position, name, option)
    return functools.partial(_OTHERS[name], temperature=temperature)


def default_steepness(network: str, n: int) -> float:
    """2 n for odd-even networks; log2 n (1 + log2 n) for bitonic ones: twice their layers."""
    if network != "bitonic":
        return 2.0 * n
    return math.log2(n) * (1 + math.log2(n)) if n > 1 else 1.0


def _by_network(
    method: str, distribution: str, steepness: float, x: Array, numbers: Array, noise: Generator
) -> Array:
    P = sort(x, method, distribution=distribution, steepness=steepness).permutation
    return permutation_cross_entropy(P, _truth(numbers, x))


def _error_free(steepness: float, x: Array, numbers: Array, noise: Generator) -> Array:
    P = sort(_standardised(x), "error_free", steepness=steepness).permutation
    gap = P - _truth(numbers, x)
    return array_namespace(gap).mean(gap * gap)


def _by_position(
    method: str, option: dict[str, Any], x: Array, numbers: Array, noise: Generator
) -> Array:
    return position_cross_entropy(sort(x, method, **option).permutation, _truth(numbers, x))


def _stochastic(x: Array, numbers: Array, noise: Generator, temperature: float) -> Array:
    g = gumbel_noise(noise, (SAMPLES, *x.shape), like=x)
    P = stochastic_neural_sort(x, g, temperature=temperature)
    Q = _truth(numbers, x)
    return position_cross_entropy(P, array_namespace(Q).broadcast_to(Q, P.shape))


def _transport(x: Array, numbers: Array, noise: Generator, temperature: float) -> Array:
    P = sort(x, "transport", epsilon=0.1 * temperature).permutation
    return permutation_cross_entropy(P, _truth(numbers, x))


def _fast(
    regularization: str, x: Array, numbers: Array, noise: Generator, temperature: float
) -> Array:
    found = rank(x, "fast", strength=temperature, regularization=regularization)
    return rank_error(found, numbers)


def _blackbox(x: Array, numbers: Array, noise: Generator, temperature: float) -> Array:
    count = x.shape[0] * x.shape[1]
    found = rank(_standardised(x), "blackbox", lambda_=temperature)
    return count * rank_error(found, numbers)  # the sum: lambda is in units of its gradient


def _perturbed(x: Array, numbers: Array, noise: Generator, temperature: float) -> Array:
    drawn = noise.normal((4 * SAMPLES, *x.shape), dtype=x.dtype)
    return perturbed_loss(x, exact_ranks(numbers), drawn, sigma=temperature)


def _plackett_luce(x: Array, numbers: Array, noise: Generator, temperature: float) -> Array:
    found = plackett_luce_log_likelihood(x / temperature, argsort(numbers, descending=True))
    return -array_namespace(found).mean(found)


def _bubble_sort(x: Array, numbers: Array, noise: Generator, temperature: float) -> Array:
    xp = array_namespace(x)
    in_order = xp.take_along_axis(x, argsort(numbers), axis=-1)
    return xp.mean(bubble_sort(in_order, beta=8.0 / temperature)[2])


def _truth(numbers: Array, x: Array) -> Array:
    return hard_permutation(numbers, like=x)


def _standardised(x: Array) -> Array:
    xp = array_namespace(x)
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return centred / (xp.std(x, axis=-1, keepdims=True) + 1e-6)


_OTHERS: dict[str, Callable[..., Array]] = {
    "stochastic_neuralsort": _stochastic,
    "transport": _transport,
    "fast_l2": functools.partial(_fast, "l2"),
    "fast_kl": functools.partial(_fast, "kl"),
    "blackbox": _blackbox,
    "perturbed": _perturbed,
    "plackett_luce": _plackett_luce,
    "bubble_sort": _bubble_sort,
}
SORTERS = (
    *(f"odd_even-{name}" for name in DISTRIBUTIONS),
    *(f"bitonic-{name}" for name in DISTRIBUTIONS),
    "error_free",
    "neuralsort",
    "softsort",
    "simplex",
    *_OTHERS,
)
