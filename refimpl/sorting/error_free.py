"""Sorting networks with error-free swaps: exact values forwards, relaxed derivatives backwards.

The errors of relaxed swaps add up from layer to layer. Here each swap returns the exact minimum and
maximum, and the gradient of the relaxed ones at the same inputs,

    forward    min(a, b),                        Q[:, lo] = Q[:, a] or Q[:, b]
    backward   that of alpha a + (1 - alpha) b,  alpha Q[:, a] + (1 - alpha) Q[:, b],

alpha = f(s (b - a)), layer by layer: every derivative is taken at exact values.

Source: Kim et al. 2024, "Generalized Neural Sorting Networks with Error-Free Differentiable Swap
Functions" (ICLR), and its code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, stop_gradient
from ..autograd.backend import like_array
from ..spec import BATCHES, Arrays, Case, Invariant, Run, specification
from ..validation import float_array
from .layouts import Layout, find_layout
from .network_cases import apart
from .networks import soft_swap
from .sigmoids import Sigmoid, make_sigmoid


def error_free_swap(a: Array, b: Array, alpha: Array, first: Array) -> tuple[Array, Array]:
    """What goes to the lower and to the higher wire: exactly a, b where `first`, else b, a.

    The gradient is that of `soft_swap(a, b, alpha)`. `first` has the type and shape of alpha, and
    is 1 where a goes to the lower wire, 0 where b does.

    >>> error_free_swap(3.0, 1.0, 0.25, 0.0)
    (1.0, 3.0)
    """
    soft = soft_swap(a, b, alpha)
    exact = soft_swap(stop_gradient(a), stop_gradient(b), stop_gradient(first))
    lo, hi = ((s - stop_gradient(s)) + e for e, s in zip(exact, soft, strict=True))
    return lo, hi


def _run(x: Array, layout: Layout, sigmoid: Sigmoid) -> tuple[Array, Array]:
    """All layers, as `networks.relaxed`: a wire carries its value and its column of Q."""
    xp = array_namespace(x)
    n, batch, last = layout.size, x.shape[:-1], x.ndim - 1
    values = xp.expand_dims(xp.permute_dims(x, (last, *range(last))), axis=1)
    identity = xp.reshape(constant(np.eye(n), like=x), (n, n, *[1] * last))
    wires = xp.concat([values, xp.broadcast_to(identity, (n, n, *batch))], axis=1)
    for order, _, c in layout.steps:
        wires = xp.take(wires, like_array(order, x), axis=0)
        a, b, rest = wires[:c, ...], wires[c : 2 * c, ...], wires[2 * c :, ...]
        d = b[:, :1, ...] - a[:, :1, ...]
        first = xp.where(d >= 0, xp.ones_like(d), xp.zeros_like(d))
        wires = xp.concat([*error_free_swap(a, b, sigmoid.alpha(d), first), rest], axis=0)
    wires = xp.permute_dims(wires, (*range(2, last + 2), 1, 0))
    return wires[..., 0, :], wires[..., 1:, :]


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    clause = "exact forwards, the soft swap's Jacobian at exact values backwards"
    for network in ("odd_even", "bitonic", "bitonic_published"):
        for distribution, s in (("optimal", 10.0), ("cauchy", 4.0), ("logistic", 2.0)):
            for n in (2, 5):
                params = {"network": network, "distribution": distribution, "steepness": s}
                x = {"x": apart(rng, 2, n)}
                yield Case(f"{network}-{distribution}-n{n}", x, params, clause=clause)
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        x = {"x": apart(rng, *batch, 4)}
        yield Case(name, x, {"distribution": "cauchy"}, kind=kind, flags=(name,))
    one = {"x": rng.normal(size=(3, 1))}
    yield Case("n1", one, {}, kind="edge", flags=("size-one",))
    down = {"descending": True, "distribution": "cauchy"}
    yield Case("descending", {"x": apart(rng, 2, 5)}, down)
    tied = {"x": np.array([1.0, 0.0, 1.0, 0.0])}
    params = {"distribution": "cauchy"}
    yield Case(
        "ties", tied, params, kind="kink", flags=("ties",), clause="ties stay where they are"
    )


def _exact(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x, out = inputs["x"], run(inputs, params)
    right = np.sort(x, axis=-1)
    right = right[..., ::-1] if params.get("descending") else right
    if not np.array_equal(out["sorted"], right):
        return "the values are not the sorted ones, exactly"
    Q = out["Q"]
    ones = np.all((Q == 0) | (Q == 1)) and np.all(Q.sum(-1) == 1) and np.all(Q.sum(-2) == 1)
    fits = ones and np.array_equal(np.sum(x[..., :, None] * Q, axis=-2), right)
    return None if fits else "Q is not a permutation matrix with sorted = x @ Q"


@specification(
    name="sorting.error_free_sort",
    source="Kim et al. 2024, section 4; their code, sort(use_ste=True)",
    inputs=("x",),
    outputs=("sorted", "Q"),
    cases=_cases,
    invariants=(Invariant("exact", "exactly sorted, by a permutation matrix", _exact),),
    gradient="that of the relaxed swaps, each at exact inputs (straight-through)",
    kinks="Q jumps at ties",
    second_order=False,
)
def error_free_sort(
    x: Array,
    *,
    network: str | Layout | Sequence = "odd_even",
    distribution: str = "optimal",
    steepness: float = 10.0,
    art_lambda: float = 0.25,
    units: str = "published",
    descending: bool = False,
) -> tuple[Array, Array]:
    """Sort exactly, with the gradient of a relaxed sorting network evaluated at exact values.

        min := min(a, b),  gradient of alpha a + (1 - alpha) b,  alpha = f(s (b - a))

    x         (..., n), n >= 1
    options   those of `sorting_network`; the default distribution is "optimal"
    returns   sorted (..., n) and Q (..., n, n), a permutation matrix of zeros and ones with
              sorted = x @ Q, Q[..., i, j] = 1 where input i is at position j

    The values are `numpy.sort(x)` exactly, for every steepness: that shows in the gradient only,
    which is not the derivative (of values that are sorted exactly, that is Q, and zero for Q).
    In general it differs from the gradient of `sorting_network`, whose swaps see relaxed values. A
    swap of equal values leaves them where they are. n = 1 is the identity. A network that does not
    sort does not here, either. NaN or infinity in a sample makes that sample NaN.

    Raises ValueError and TypeError as `sorting_network` does.

    >>> values, Q = error_free_sort([3.0, 1.0, 2.0])
    >>> values
    array([1., 2., 3.])
    >>> from refimpl.autograd import grad
    >>> grad(lambda x: error_free_sort(x, steepness=0.1)[0][2])(np.array([3.0, 1.0, 2.0]))
    array([0.63, 0.07, 0.3 ])
    """
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    layout = find_layout(network, x.shape[-1])
    values, Q = _run(x, layout, make_sigmoid(distribution, steepness, art_lambda, units))
    if not descending:
        return values, Q
    xp = array_namespace(x)
    return xp.flip(values, axis=-1), xp.flip(Q, axis=-1)
