"""Differentiable sorting networks: a sorting network whose comparators are relaxed.

Petersen et al., "Differentiable Sorting Networks for Scalable Sorting and Ranking Supervision"
(ICML 2021) and "Monotonic Differentiable Sorting Networks" (ICLR 2022). Symbols: x_a, x_b values on
two wires, s steepness, f a sigmoid (`sigmoids.py`), alpha = f(s (x_b - x_a)), P the permutation
matrix. Which wires meet is in `layouts.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.autograd.backend import like_array
from refimpl.autograd.libraries import library_of
from refimpl.sorting.fused import fused
from refimpl.sorting.layouts import Layout, find_layout
from refimpl.sorting.network_cases import NOTES, generate
from refimpl.sorting.network_invariants import INVARIANTS
from refimpl.sorting.sigmoids import Sigmoid, make_sigmoid
from refimpl.spec import specification
from refimpl.validation import float_array


def soft_swap(a: Array, b: Array, alpha: Array) -> tuple[Array, Array]:
    """The relaxed comparator: soft minimum and soft maximum.

        min = alpha a + (1 - alpha) b,    max = (1 - alpha) a + alpha b

    alpha in [0, 1] is the degree to which a is the smaller one. The sum of the two is kept. As
    convex combinations they are exact for alpha = 0 and 1, and stay between a and b.

    >>> soft_swap(3.0, 1.0, 0.25)
    (1.5, 2.5)
    """
    return alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b


def relaxed(x: Array, layout: Layout, sigmoid: Sigmoid) -> tuple[Array, Array]:
    """The network's definition. A wire carries its value and its column of P.

    x: (..., n). Returns the sorted values (..., n) and P (..., n, n).
    """
    xp = ag.array_namespace(x)
    n, batch, last = layout.size, x.shape[:-1], x.ndim - 1
    values = xp.expand_dims(xp.permute_dims(x, (last, *range(last))), axis=1)
    identity = xp.reshape(ag.constant(np.eye(n), like=x), (n, n, *[1] * last))
    columns = xp.broadcast_to(identity, (n, n, *batch))
    wires = xp.concat([values, columns], axis=1)  # (wire, its value and its n entries of P, ...)
    for order, _, c in layout.steps:
        wires = xp.take(wires, like_array(order, x), axis=0)
        a, b, rest = wires[:c, ...], wires[c : 2 * c, ...], wires[2 * c :, ...]
        alpha = sigmoid.alpha(b[:, :1, ...] - a[:, :1, ...])
        wires = xp.concat([*soft_swap(a, b, alpha), rest], axis=0)
    wires = xp.permute_dims(wires, (*range(2, last + 2), 1, 0))
    return wires[..., 0, :], wires[..., 1:, :]


@specification(
    name="sorting.sorting_network",
    source="Petersen et al., Differentiable Sorting Networks (ICML 2021) and "
    "Monotonic Differentiable Sorting Networks (ICLR 2022)",
    inputs=("x",),
    outputs=("sorted", "P"),
    cases=generate,
    invariants=INVARIANTS,
    kinks="none in first derivatives (logistic_phi: a tie has the slope (s / 4) 1e10^art_lambda); "
    "second derivatives jump at ties for reciprocal, and at |s d| = 1/4 for optimal",
    notes=NOTES,
)
def sorting_network(
    x: Array,
    *,
    network: str | Layout | Sequence = "odd_even",
    distribution: str = "cauchy",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
    descending: bool = False,
) -> tuple[Array, Array]:
    """Sort with a network of relaxed comparators: the sorted values, and the permutation matrix.

    Each comparator of the network reads two wires, alpha = f(s (x_b - x_a)), and writes

        min = alpha x_a + (1 - alpha) x_b,    max = (1 - alpha) x_a + alpha x_b;

    the columns of P, which starts as the identity, are mixed by the same alpha, so that
    sorted = x @ P holds throughout. Rows and columns of P sum to one.

    x             (..., n), n >= 1, sorted along the last axis; a list of numbers is float64
    network       "odd_even" (n layers), "bitonic" (about log2(n)^2 / 2 layers, for every n),
                  "bitonic_published" (the layout of diffsort 0.2.0, which does not sort for
                  n = 22, 38, 42, ...), a `Layout`, or a list of layers, each a list of
                  comparators (a, b, lo, hi): the smaller of wires a and b goes to lo
    distribution  the sigmoid f: "cauchy", "logistic", "logistic_phi" (activation replacement, ART),
                  "gaussian", "reciprocal", "optimal"; table in `refimpl.sorting.sigmoids`
    steepness     s >= 0. At 0 every swap is one half; for growing s the sort becomes exact
    art_lambda    the exponent of the ART, from 0 to 1; only "logistic_phi" uses it
    units         "published": s as in the published code. "lipschitz": s is the Lipschitz constant
                  of alpha, the same for every f ("logistic_phi" has none)
    descending    the largest first: the same network with its outputs in reverse

    Returns sorted (..., n) and P (..., n, n), P[..., i, j] the weight of input i at position j, in
    the dtype of x. The gradient is the derivative with respect to x; no sorted value falls when an
    input grows for "cauchy", "reciprocal" and "optimal" (monotone), which is not so for the others.
    Ties are nothing special, but for "logistic_phi", whose slope there is (s / 4) 1e10^lambda.
    n = 1 is the identity; a batch of no samples gives empty results. NaN or infinity in a sample
    makes its sorted values and its P NaN (infinity times 0; NumPy warns), and no other sample.

    Raises ValueError for n = 0, an unknown name, a negative or infinite steepness, comparators that
    do not fit; TypeError for arguments that are not numbers.

    >>> import numpy as np
    >>> values, P = sorting_network(np.array([3.0, 1.0, 2.0]))
    >>> values.round(4)
    array([1.0635, 2.    , 2.9365])
    >>> P.round(4)
    array([[0.0164, 0.0317, 0.9519],
           [0.9529, 0.0317, 0.0154],
           [0.0307, 0.9366, 0.0328]])
    """
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    layout = find_layout(network, x.shape[-1])
    sigmoid = make_sigmoid(distribution, steepness, art_lambda, units)
    if library_of(ag.plain(x)).name in ("numpy", "cupy"):
        values, P = fused(relaxed, x, layout, sigmoid)
    else:
        values, P = relaxed(x, layout, sigmoid)
    if not descending:
        return values, P
    xp = ag.array_namespace(x)
    return xp.flip(values, axis=-1), xp.flip(P, axis=-1)


def suggested_steepness(network: str | Layout | Sequence, n: int) -> float:
    """Twice the number of layers: 2 n for odd-even, log2(n) (1 + log2(n)) for bitonic networks.

    The deeper the network, the more its relaxed swaps blur. In published units; a start for tuning,
    used in the code of Vauvelle et al., "Differentiable Sorting for Censored Time-to-event Data"
    (NeurIPS 2023).

    >>> suggested_steepness("odd_even", 5), suggested_steepness("bitonic", 16)
    (10.0, 20.0)
    """
    return 2.0 * len(find_layout(network, n).layers)
