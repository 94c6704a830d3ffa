"""Soft argsort by projections onto the simplex, or with a choice of soft steps.

The relaxations of sorting with a softmax in them (SoftSort, NeuralSort) get a family of others when
the softmax is replaced by another projection onto the simplex (`simplex.py`), and the sorting
network when its sigmoid is replaced by another soft step (`soft_step.py`). With s = sort(x), proj
the projection of x / softness in the given mode, |x|~ the soft absolute value of that mode:

    softsort           P[:, j] = proj(-|s_j - x|)
    neuralsort         P[:, j] = proj(-(n + 1 - 2 k) x - A),  A_i = sum_m |x_i - x_m|~,  k = j + 1
    sorting_network    bitonic, alpha = soft_step(x_b - x_a)
    padded_network     the same as in softtorch 0.1.1, padded to a power of two
    ot                 optimal transport onto n points from 0 to 1

Source: softtorch 0.1.1 (`argsort`); Prillo and Eisenschlos 2020; Grover et al. 2019;
Petersen et al. 2021; Cuturi et al. 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, indices_like, sigmoid, sort, stop_gradient
from ..promises import close
from ..spec import BATCHES, CHECKS, Arrays, Case, Invariant, Note, Run, specification
from ..validation import choose, float_array, positive
from .layouts import bitonic, bitonic_published
from .networks import relaxed
from .optimal_transport import transport_permutation
from .sigmoids import Sigmoid
from .simplex import MODES, project
from .soft_step import soft_absolute, soft_step

METHODS = ("softsort", "neuralsort", "sorting_network", "padded_network", "ot")
NETWORKS = ("sorting_network", "padded_network")
DOUBLY_STOCHASTIC = ("sorting_network", "ot")
NOTES = {
    "padded": Note(
        "padding",
        "softtorch pads to a power of two with a value that is only a little larger.",
        "Weight leaks into the padding, so that P is not doubly stochastic.",
    ),
    "soft-absolute": Note(
        "formula",
        "NeuralSort with the absolute values softened in the same mode.",
        "The exact absolute value gives another P for values closer than a few softnesses.",
    ),
}


def standardized(x: Array) -> Array:
    """Each row brought to (0, 1): logistic((x - mean) / sqrt(var + 1e-6)), var over n."""
    xp = array_namespace(x)
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return sigmoid(centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + 1e-6))


def prepared(x: Array, method: str, mode: str, softness: float, standardize: bool) -> tuple:
    """The arguments checked: x, standardised if so wished, and the softness."""
    x = float_array(x, "x", min_ndim=1)
    if x.shape[-1] == 0:
        raise ValueError(f"x: expected at least one value to sort, got shape {tuple(x.shape)}")
    choose(method, METHODS, "method")
    choose(mode, MODES, "mode")
    if method == "ot" and mode != "smooth":
        raise ValueError(f"mode: expected 'smooth' for the method 'ot', got {mode!r}")
    return (standardized(x) if standardize else x), positive(softness, "softness")


def neuralsort_fit(x: Array, mode: str, softness: float) -> Array:
    """The same for NeuralSort."""
    xp, n = array_namespace(x), x.shape[-1]
    apart = soft_absolute(x[..., :, None] - x[..., None, :], mode=mode, softness=softness)
    place = xp.astype(indices_like(n, x), x.dtype)
    return x[..., :, None] * (2 * place + 1 - n) - xp.sum(apart, axis=-1, keepdims=True)


def _network(x: Array, mode: str, softness: float, layout: Any) -> Array:
    def alpha(d: Array) -> Array:
        return soft_step(d, mode=mode, softness=softness)

    return relaxed(x, layout, Sigmoid(alpha, alpha))[1]  # only alpha is used


def _padded(x: Array, mode: str, softness: float, standardize: bool) -> Array:
    """Upstream's value for the padding is the largest of all samples, plus one, or 1."""
    xp, n = array_namespace(x), x.shape[-1]
    width = 2 ** max(1, (n - 1).bit_length())
    if width > n and all(x.shape):
        top = xp.ones_like(x[..., :1]) if standardize else stop_gradient(xp.max(x)) + 1
        x = xp.concat([x, top + xp.zeros_like(x[..., : width - n])], axis=-1)
    P = _network(x, mode, softness, bitonic_published(x.shape[-1]))[..., :n, :n]
    return P / xp.maximum(xp.sum(P, axis=-2, keepdims=True), xp.full_like(P[..., :1, :], 1e-10))


def columns(x: Array, method: str, mode: str, softness: float, standardize: bool) -> Array:
    """P in ascending order for prepared x."""
    if method == "ot":
        return transport_permutation(x, epsilon=softness, squash=False)
    if method == "sorting_network":
        return _network(x, mode, softness, bitonic(x.shape[-1]))
    if method == "padded_network":
        return _padded(x, mode, softness, standardize)
    xp = array_namespace(x)
    fit = neuralsort_fit(x, mode, softness) if method == "neuralsort" else softsort_fit(x)
    return xp.matrix_transpose(project(xp.matrix_transpose(fit) / softness, mode))


def softsort_fit(x: Array) -> Array:
    """How well input i fits position j, before the projection: (..., n, n)."""
    return -array_namespace(x).abs(sort(x, axis=-1)[..., None, :] - x[..., :, None])


def _values(rng: np.random.Generator, *shape: int) -> np.ndarray:
    places = rng.permuted(np.broadcast_to(np.arange(float(shape[-1])), shape), axis=-1)
    return 0.5 * places + rng.uniform(-0.2, 0.2, shape)


def generate(rng: np.random.Generator) -> Iterator[Case]:
    """All methods and modes, sizes, batches, ties, both directions."""
    for method in METHODS:
        for mode in MODES if method != "ot" else MODES[:1]:
            flags = {"padded_network": ("padded",), "neuralsort": ("soft-absolute",)}
            for n, softness, standardize in ((4, 0.3, False), (5, 0.2, True)):
                params = {"method": method, "mode": mode, "softness": softness}
                params["standardize"] = standardize
                name = f"{method}-{mode}-n{n}"
                x = {"x": _values(rng, 2, n)}
                yield Case(name, x, params, flags=flags.get(method, ()))
        one = {"x": np.array([[2.5], [-1.0]])}
        yield Case(f"{method}-n1", one, {"method": method}, kind="edge", flags=("size-one",))
        tied = {"x": np.array([1.0, 0.0, 1.0, 2.0])}
        checks = ("values",) if method == "softsort" else CHECKS  # two kinks meet in softsort
        yield Case(f"{method}-ties", tied, {"method": method}, "edge", ("ties",), "", checks)
    for name, batch in BATCHES.items():
        kind = "edge" if name == "batch0" else "smooth"
        params = {"method": "softsort", "mode": "c2", "softness": 1.0}
        yield Case(name, {"x": _values(rng, *batch, 4)}, params, kind=kind, flags=(name,))
    down = {"method": "neuralsort", "mode": "c1", "descending": True}
    yield Case("descending", {"x": _values(rng, 2, 4)}, down)


def _sums(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    P = run(inputs, params)["P"]
    ones = np.ones(P.shape[:-1])
    if np.min(P, initial=0.0) < 0 or not close(P.sum(-2), ones):
        return "a column of P is not a distribution"
    if params["method"] in DOUBLY_STOCHASTIC and not close(P.sum(-1), ones):
        return "a row of P does not sum to one"
    return None


def shifted(name: str, moves: bool) -> Invariant:
    """x + 2 changes nothing, or adds 2."""

    def check(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
        before = run(inputs, params)[name] + (2 if moves else 0)
        scale = 10 / params.get("softness", 0.1)
        same = close(run({"x": inputs["x"] + 2}, params)[name], before, scale=scale)
        return None if same else f"x + 2 gives other {name}"

    return Invariant(
        "shift", f"x + c gives {name} + c" if moves else "only differences count", check
    )


def _limit(run: Run, inputs: Arrays, params: Mapping[str, Any]) -> str | None:
    x = inputs["x"].astype(np.float64)
    P = run({"x": x}, {**params, "softness": 1e-7, "standardize": True})["P"]
    order = np.argsort(-x if params.get("descending") else x, axis=-1)
    hard = np.swapaxes(np.eye(x.shape[-1])[order], -1, -2)
    return None if np.allclose(P, hard, rtol=0, atol=1e-4) else "softness 1e-7: not the permutation"


def distinct(case: Case) -> bool:
    """Whether the case has no ties."""
    return "ties" not in case.flags


def _padded_as_published(x: Array, **options: Any) -> Array:
    return simplex_argsort(x, **{**options, "method": "padded_network"})


@specification(
    name="sorting.simplex_argsort",
    source="softtorch 0.1.1, argsort",
    inputs=("x",),
    outputs=("P",),
    cases=generate,
    invariants=(
        Invariant("sums", "columns sum to one; rows too for sorting_network and ot", _sums),
        Invariant("limit", "for softness -> 0 the hard permutation", _limit, when=distinct),
        shifted("P", moves=False),
    ),
    kinks="softsort at ties, where |0| has derivative 0 and the sort is stable; c0 where a weight "
    "becomes zero or a soft step reaches its end, where second derivatives of c1 jump",
    notes=NOTES,
    variants={"a network padded to a power of two": _padded_as_published},
)
def simplex_argsort(
    x: Array,
    *,
    method: str = "neuralsort",
    mode: str = "smooth",
    softness: float = 0.1,
    standardize: bool = True,
    descending: bool = False,
) -> Array:
    """A soft permutation matrix, of a choice of methods and degrees of smoothness.

    x            (..., n), n >= 1
    method       "softsort", "neuralsort", "sorting_network", "padded_network" or "ot", by the
                 table in the head of this file. "padded_network" is there to compare numbers with
                 softtorch 0.1.1: where n is not a power of two, weight leaks into its padding, and
                 the value of that padding depends on the whole batch
    mode         "smooth", "c0", "c1", "c2": how often P is differentiable, see `simplex_projection`
                 and `soft_step`; only "smooth" for "ot"
    softness     > 0. For softness -> 0 and distinct x, P is `hard_permutation(x)`
    standardize  bring each row to (0, 1) first: logistic((x - mean) / sqrt(var + 1e-6))
    descending   positions from the largest to the smallest
    returns      (..., n, n), P[..., i, j] the weight of input i at position j

    Columns of P are distributions over the inputs. P is doubly stochastic for "sorting_network"
    and "ot", and for no other method. The gradient is the derivative; at ties "softsort" sorts
    stably and takes the derivative of |0| as 0. Time and memory O(n^2), for the networks
    O(n^2 log^2 n). NaN or infinity in a sample makes its P NaN.

    Raises ValueError for n = 0, unknown names, softness <= 0.

    >>> simplex_argsort([3.0, 1.0, 2.0], method="softsort", mode="c0", softness=0.5).round(3)
    array([[0.   , 0.151, 0.773],
           [0.773, 0.151, 0.   ],
           [0.227, 0.697, 0.227]])
    """
    z, softness = prepared(x, method, mode, softness, standardize)
    P = columns(z, method, mode, softness, standardize)
    return array_namespace(P).flip(P, axis=-1) if descending else P
