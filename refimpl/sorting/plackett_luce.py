"""Random permutations from scores: the Plackett-Luce law, and NeuralSort of its samples.

Choose one of n items with probability proportional to exp(s_i), then one of the rest in the same
way, and so on. The order has the probability

    p(o) = prod_k exp(s_{o_k}) / sum_{l >= k} exp(s_{o_l}),

and it is that of the perturbed log-scores s + g in descending order, g independent standard Gumbel
noise. NeuralSort in place of the exact sort gives relaxed samples with a gradient.

Symbols: s log-scores, o order, g noise.

Source: Plackett 1975; Grover et al., "Stochastic Optimization of Sorting Networks via Continuous
Relaxations" (ICLR 2019), section 5; Yellott 1977 for the Gumbel noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import (
    Array,
    Generator,
    argsort,
    array_namespace,
    clip,
    constant,
    indices_like,
    is_array,
    like_array,
    plain,
    to_numpy,
)
from ..promises import close
from ..spec import BATCHES, Case, Invariant, specification
from ..validation import float_array, whole
from .neuralsort import neural_sort
from .soft_permutation import COLUMNS


def gumbel_noise(generator: Generator, shape: int | Sequence[int], like: Array = None) -> Array:
    """Independent standard Gumbel noise, -log(-log(u)) for uniform u: mean 0.5772, std 1.2825.

    Float64 on the creation backend; in the dtype and on the device of `like`, if given.

    >>> gumbel_noise(Generator(0), 3).round(3)
    array([ 0.796, -0.27 , -1.162])
    """
    uniform = clip(generator.uniform(shape), 2.0**-54, 1.0)  # above 0
    xp = array_namespace(uniform)
    noise = -xp.log(-xp.log(uniform))
    return noise if like is None else constant(to_numpy(noise), like=like)


def _orders(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        s, g = rng.normal(size=(*batch, 4)), rng.gumbel(size=(2, *batch, 4))
        yield Case(name, {"log_scores": s, "noise": g}, flags=(name,))
    one = {"log_scores": np.array([0.5]), "noise": np.array([1.0])}
    yield Case("n1", one, kind="edge", flags=("size-one",))


def _argmax(run: Any, inputs: Any, params: Any) -> str | None:
    perturbed = inputs["log_scores"] + inputs["noise"]
    order = run(inputs, params)["order"]
    n = perturbed.shape[-1]
    if not np.array_equal(np.sort(order, axis=-1), np.broadcast_to(np.arange(n), order.shape)):
        return "an item is chosen twice, or never"
    chosen = np.take_along_axis(perturbed, order.astype(np.int64), axis=-1)
    falls = np.all(np.diff(chosen, axis=-1) <= 0)
    return None if falls else "the perturbed scores do not fall along the order"


@specification(
    name="sorting.plackett_luce_order",
    source="Yellott 1977; Grover et al. 2019, proposition 5",
    inputs=("log_scores", "noise"),
    differentiable=(),
    outputs=("order",),
    cases=_orders,
    invariants=(
        Invariant("order", "every item once; log_scores + noise falls along the order", _argmax),
    ),
    kinks="piecewise constant",
)
def plackett_luce_order(log_scores: Array, noise: Array) -> Array:
    """An order with the Plackett-Luce law: o = argsort of log_scores + noise, the largest first.

    log_scores  (..., n); only differences matter
    noise       Gumbel noise (`gumbel_noise`) whose shape broadcasts with that of log_scores:
                (S, ..., n) gives S samples, independent for each entry; (S, 1, n) shares the noise
                within a batch (B, n)
    returns     (..., n) whole numbers, o[..., k] the item that is chosen k-th

    It has no gradient. Raises ValueError for shapes that do not broadcast.

    >>> plackett_luce_order([0.0, 2.0, 1.0], [0.5, 0.1, 2.0])
    array([2, 1, 0])
    """
    return argsort(_perturbed(log_scores, noise), axis=-1, descending=True)


def _likelihoods(rng: np.random.Generator) -> Iterator[Case]:
    clause = "log p = sum_k [s_k - log sum_{l >= k} exp(s_l)]"
    for name, batch in BATCHES.items():
        s = rng.normal(size=(*batch, 5))
        order = np.argsort(rng.normal(size=s.shape), axis=-1)
        inputs = {"log_scores": s, "order": order}
        yield Case(name, inputs, flags=(name,), clause=clause)
        yield Case(f"{name}-first2", inputs, {"first": 2}, flags=(name,), clause=clause)
    one = {"log_scores": np.array([[0.5]]), "order": np.array([[0]])}
    yield Case("n1", one, kind="edge", flags=("size-one",))
    wide = {"log_scores": np.array([800.0, -800.0, 0.0, 1.0]), "order": np.array([1, 3, 0, 2])}
    yield Case("wide", wide, kind="edge", flags=("large-values",))


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)["log_p"]
    after = run({**inputs, "log_scores": inputs["log_scores"] + 3}, params)["log_p"]
    same = close(after, before, scale=10 + np.max(np.abs(inputs["log_scores"]), initial=0.0))
    return None if same else f"{before} becomes {after} when a constant is added"


def _all_orders(run: Any, inputs: Any, params: Any) -> str | None:
    """Of the first four items; with `first`, the later ones sum over nothing and count twice."""
    s = inputs["log_scores"][..., :4]
    n = s.shape[-1]
    count = math.factorial(n - min(params.get("first") or n, n))
    total = np.zeros(s.shape[:-1], dtype=s.dtype)
    for order in itertools.permutations(range(n)):
        given = np.broadcast_to(np.asarray(order), s.shape).copy()
        total = total + np.exp(run({"log_scores": s, "order": given}, params)["log_p"]) / count
    same = close(total, np.ones_like(total))
    return None if same else f"the probabilities of all orders sum to {total}"


def _probability(run: Any, inputs: Any, params: Any) -> str | None:
    log_p = run(inputs, params)["log_p"]
    slack = 16 * np.finfo(log_p.dtype).eps
    return None if np.all(log_p <= slack) else f"log p = {np.max(log_p)} is above 0"


@specification(
    name="sorting.plackett_luce_log_likelihood",
    source="Plackett 1975; Grover et al. 2019, equation 7",
    inputs=("log_scores", "order"),
    differentiable=("log_scores",),
    outputs=("log_p",),
    cases=_likelihoods,
    invariants=(
        Invariant("shift", "a constant added to all log-scores changes nothing", _shift),
        Invariant("probability", "log p <= 0", _probability),
        Invariant("sum", "the probabilities of all orders of four items sum to 1", _all_orders),
    ),
    kinks="none",
)
def plackett_luce_log_likelihood(
    log_scores: Array, order: Array, *, first: int | None = None
) -> Array:
    """The log-probability of an order under the Plackett-Luce law.

        log p(o) = sum_{k < first} [ s_{o_k} - log sum_{l >= k} exp(s_{o_l}) ]

    log_scores  (..., n) real numbers; the logarithms of the scores of the papers
    order       (..., n) whole numbers, o[..., k] the item that was chosen k-th; batch axes that
                broadcast with those of log_scores
    first       how many choices count (None: all): the probability that the first so many are
                these in this order, whatever comes later
    returns     (...); the gradient is the derivative

    Large spreads of s are harmless: sums of exponentials are kept as logarithms. NaN gives NaN.

    Raises TypeError for orders that are not whole numbers, ValueError for orders that are no
    permutations of 0..n-1, shapes that do not fit, and `first` above n.

    >>> round(float(plackett_luce_log_likelihood([0.0, 2.0, 1.0], [1, 2, 0])), 4)
    -0.7209
    """
    s = float_array(log_scores, "log_scores", min_ndim=1)
    o = _checked_order(order, s)
    n = s.shape[-1]
    count = n if first is None else whole(first, "first")
    if count > n:
        raise ValueError(f"first: expected at most the n = {n} items, got {count}")
    xp = array_namespace(s)
    shape = _joint_shape(s, o, "order")
    s, o = xp.broadcast_to(s, shape), array_namespace(o).broadcast_to(o, shape)
    chosen = xp.take_along_axis(s, o, axis=-1)
    return xp.sum((chosen - _log_sum_of_rest(chosen))[..., :count], axis=-1)


def _log_sum_of_rest(s: Array) -> Array:
    """log sum_{l >= k} exp(s_l) for every k, in log2(n) steps of doubled reach."""
    xp = array_namespace(s)
    n, reach = s.shape[-1], 1
    while reach < n:
        joined = xp.logaddexp(s[..., : n - reach], s[..., reach:])
        s = xp.concat([joined, s[..., n - reach :]], axis=-1)
        reach *= 2
    return s


def _checked_order(order: Array, s: Array) -> Array:
    n = s.shape[-1]
    o = plain(order) if is_array(order) else like_array(np.asarray(order), s)
    xp = array_namespace(o)
    if not xp.isdtype(o.dtype, "integral"):
        raise TypeError(f"order: expected whole numbers, got dtype {o.dtype}")
    if not o.ndim or o.shape[-1] != n:
        raise ValueError(f"order: expected shape (..., {n}), got {tuple(o.shape)}")
    places = xp.sort(o, axis=-1)
    if math.prod(o.shape) and not bool(xp.all(places == indices_like(n, o))):
        raise ValueError(f"order: expected permutations of 0..{n - 1}")
    return o


def _relaxed(rng: np.random.Generator) -> Iterator[Case]:
    inputs = {"log_scores": rng.normal(size=(2, 5)), "noise": rng.gumbel(size=(3, 2, 5))}
    for tau in (0.3, 1.0):
        clause = "NeuralSort of the perturbed log-scores"
        yield Case(f"tau{tau}", inputs, {"temperature": tau}, clause=clause)
    shared = {**inputs, "noise": rng.gumbel(size=(3, 1, 5))}
    yield Case("shared-noise", shared, {"temperature": 0.7, "descending": True})
    for name, batch in BATCHES.items():
        s, g = rng.normal(size=(*batch, 3)), rng.gumbel(size=(2, *batch, 3))
        yield Case(name, {"log_scores": s, "noise": g}, {"temperature": 1.0}, flags=(name,))


def _only_the_sum(run: Any, inputs: Any, params: Any) -> str | None:
    """Item by item moved from the log-scores to the noise."""
    s, g = inputs["log_scores"], inputs["noise"]
    n = s.shape[-1]
    moved = np.arange(n, dtype=s.dtype) / max(n, 1)
    after = run({"log_scores": s - moved, "noise": g + moved}, params)["P"]
    same = close(after, run(inputs, params)["P"], scale=100)
    return None if same else "what moves from the log-scores to the noise changes P"


@specification(
    name="sorting.stochastic_neural_sort",
    source="Grover et al. 2019, section 5.2",
    inputs=("log_scores", "noise"),
    differentiable=("log_scores",),
    outputs=("P",),
    cases=_relaxed,
    invariants=(
        COLUMNS,
        Invariant("sum of both", "only log_scores + noise counts", _only_the_sum),
    ),
    kinks="ties of the perturbed scores",
)
def stochastic_neural_sort(
    log_scores: Array,
    noise: Array,
    *,
    temperature: float = 1.0,
    hard: bool = False,
    descending: bool = False,
) -> Array:
    """Relaxed Plackett-Luce permutations: NeuralSort of log_scores + noise.

    log_scores, noise  as for `plackett_luce_order`; noise (S, ..., n) gives S samples
    returns            (S, ..., n, n), P[..., i, j] the weight of input i at position j

    The mean of a loss over the samples has the pathwise gradient, which is the derivative for the
    noise given. For temperature -> 0 the samples are exact; with descending=True, position k is the
    k-th choice. The options are those of `neural_sort`, whose errors it raises.

    >>> stochastic_neural_sort([0.0, 2.0], [[0.0, 0.0], [3.0, 0.5]], temperature=0.1).round(3)
    array([[[1.   , 0.   ],
            [0.   , 1.   ]],
    <BLANKLINE>
           [[0.007, 0.993],
            [0.993, 0.007]]])
    """
    return neural_sort(
        _perturbed(log_scores, noise), temperature=temperature, hard=hard, descending=descending
    )


def _perturbed(log_scores: Array, noise: Array) -> Array:
    s = float_array(log_scores, "log_scores", min_ndim=1)
    g = float_array(noise, "noise", min_ndim=1)
    _joint_shape(s, g, "noise")
    return s + g


def _joint_shape(s: Array, other: Array, name: str) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(tuple(s.shape), tuple(other.shape))
    except ValueError as error:
        raise ValueError(
            f"{name}: expected a shape that broadcasts with that of log_scores, {tuple(s.shape)}; "
            f"got {tuple(other.shape)}"
        ) from error
