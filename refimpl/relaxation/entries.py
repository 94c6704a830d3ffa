"""The registration of conditions and soft functions: cases, invariants, kinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..distributions import DISTRIBUTIONS
from ..promises import close, inside
from ..spec import BATCHES, Case, Invariant, Note, Tolerance, specification
from . import conditions, indexing

P21 = "Petersen et al., Learning with Algorithmic Supervision (NeurIPS 2021)"
LAWS = tuple(name for name, law in DISTRIBUTIONS.items() if law.symmetric)
SKEWED = ("gumbel_max", "gumbel_min")
ROUGH = ("uniform", "triangular", "laplace", "reciprocal", "optimal", "wigner_semicircle",
         "cubic_hermite", "logistic_phi")  # fmt: skip
NOTES = {
    "tie-half": Note(
        "convention at ties",
        "strict and non-strict comparisons have degree F(0) at a = b",
        "the limit of large beta is 1/2 at ties instead of 0 or 1",
    ),
    "overflow": Note(
        "overflow of a hyperbolic function",
        "1/cosh(z)^2 has value 0 but derivative NaN once cosh overflows",
        "NaN gradients of equality for distant values",
    ),
    "cancellation": Note(
        "difference of nearly equal numbers",
        "1 - 1/cosh(z)^2 near z = 0",
        "the degree of a != b is 0 where it is small",
    ),
}


def _pairs(rng: np.random.Generator, *shape: int) -> dict[str, np.ndarray]:
    """Values whose differences are in +-[0.05, 0.9]: inside every law, off its kinks at 0."""
    gap = rng.uniform(0.05, 0.4, size=shape) * rng.choice([-1.0, 1.0], size=shape)
    b = rng.normal(size=shape)
    return {"a": b + gap, "b": b}


def _comparison_cases(ordered: bool) -> Callable[[np.random.Generator], Iterator[Case]]:
    def cases(rng: np.random.Generator) -> Iterator[Case]:
        extra = {"margin": 0.0} if ordered else {}
        for law in (*LAWS, *SKEWED):
            flat = law in ROUGH
            params = {"beta": 1.5, "distribution": law, **extra}
            checks = ("values", "vjp", "jvp") if flat else ("values", "vjp", "jvp", "second_order")
            yield Case(law, _pairs(rng, 2, 3), params, checks=checks)
        plain = {"beta": 5.0, "distribution": "logistic", **extra}
        for name, batch in BATCHES.items():
            yield Case(name, _pairs(rng, *batch, 2), plain, kind="edge")
        tie = {"a": np.array([1.0, -2.0]), "b": np.array([1.0, -2.0])}
        yield Case("ties", tie, plain, kind="edge", flags=("tie-half",))
        far = {"a": np.array([1e4, -1e4]), "b": np.zeros(2)}
        yield Case("far", far, plain, kind="edge", flags=("overflow",))
        exact = {"a": np.array([1.0, 2.0, 3.0]), "b": np.full(3, 2.0)}
        yield Case("exact", exact, plain | {"beta": np.inf}, kind="edge", flags=("tie-half",))
        if ordered:
            yield Case("margin", _pairs(rng, 4), plain | {"margin": 0.5})
        else:
            near = {"a": np.array([1e-9, -2e-7]), "b": np.zeros(2)}
            yield Case(
                "near",
                near,
                plain,
                kind="edge",
                flags=("cancellation",),
                checks=("values", "vjp", "jvp"),
                tolerance=Tolerance(rtol=1e-9, atol=0.0, gradient_rtol=1e-8),
            )

    return cases


def _shift(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {name: value + 0.5 for name, value in inputs.items()}
    before, after = run(inputs, params)["p"], run(moved, params)["p"]
    return None if close(after, before, scale=10) else "a + 1/2 and b + 1/2 give another degree"


def _scale(run: Any, inputs: Any, params: Any) -> str | None:
    twice = {name: 2 * value for name, value in inputs.items()}
    other = {**params, "beta": params["beta"] / 2}
    if "margin" in params:
        other["margin"] = 2 * params["margin"]
    same = close(run(twice, other)["p"], run(inputs, params)["p"])
    return None if same else "2 a and 2 b with beta/2 give another degree"


def _complement(other: Callable[..., Any]) -> Callable[..., str | None]:
    def check(run: Any, inputs: Any, params: Any) -> str | None:
        total = run(inputs, params)["p"] + np.asarray(other(**inputs, **params))
        return (
            None if close(total, np.ones_like(total)) else "the degree and its opposite are not 1"
        )

    return check


def _discrete(name: str) -> Callable[..., str | None]:
    def check(run: Any, inputs: Any, params: Any) -> str | None:
        exact = {**params, "beta": np.inf} | ({"margin": 0.0} if "margin" in params else {})
        found, wanted = run(inputs, exact)["p"], getattr(np, name)(inputs["a"], inputs["b"])
        same = np.array_equal(found, wanted)
        return (
            None if same else f"at beta = inf it is not the {name.replace('_', ' or ')} of numbers"
        )

    return check


OPPOSITES = {
    "less": conditions.greater_equal,
    "less_equal": conditions.greater,
    "greater": conditions.less_equal,
    "greater_equal": conditions.less,
    "equal": conditions.not_equal,
    "not_equal": conditions.equal,
}
for _name, _opposite in OPPOSITES.items():
    _ordered = _name not in ("equal", "not_equal")
    specification(
        name=f"relaxation.{_name}",
        source=f"{P21}; refimpl.distributions",
        inputs=("a", "b"),
        outputs=("p",),
        cases=_comparison_cases(ordered=_ordered),
        invariants=(
            Invariant("degree", "0 <= p <= 1", inside("p", 0, 1)),
            Invariant("shift", "only a - b matters", _shift),
            Invariant(
                "scale",
                "only beta (a - b) matters" + ", and beta times the margin" * _ordered,
                _scale,
            ),
            Invariant(
                "hard limit",
                "beta = inf is the comparison" + ", without a margin" * _ordered,
                _discrete(_name),
            ),
            Invariant(
                "complement", "a condition and its opposite sum to 1", _complement(_opposite)
            ),
        ),
        kinks="those of the law's density; its own value is used there",
        notes=NOTES,
    )(getattr(conditions, _name))


def _categories(rng: np.random.Generator) -> Iterator[Case]:
    def pair(*shape: int) -> dict[str, np.ndarray]:
        return {name: rng.dirichlet(np.ones(shape[-1]), size=shape[:-1]) for name in "ab"}

    for beta in (1.0, 8.0):
        for law in ("gudermannian", "logistic", "gaussian"):
            params = {"beta": beta, "distribution": law}
            yield Case(f"{law}-beta{beta}", pair(3, 4), params)
    plain = {"beta": 3.0, "distribution": "gudermannian"}
    for name, batch in BATCHES.items():
        yield Case(name, pair(*batch, 3), plain, kind="edge")
    yield Case("one-hot", {"a": np.eye(3), "b": np.eye(3)[[0, 2, 1]]}, plain, kind="edge")


def _same(run: Any, inputs: Any, params: Any, moved: Any, wrong: str) -> str | None:
    return None if close(run(moved, params)["p"], run(inputs, params)["p"]) else wrong


def _exchanged(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {"a": inputs["b"], "b": inputs["a"]}
    return _same(run, inputs, params, moved, "a and b may not change places")


def _relabelled(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {name: np.roll(value, 1, axis=-1) for name, value in inputs.items()}
    return _same(run, inputs, params, moved, "another order of the categories matters")


def _stretched(run: Any, inputs: Any, params: Any) -> str | None:
    moved = {"a": 2 * inputs["a"], "b": 0.5 * inputs["b"]}
    return _same(run, inputs, params, moved, "the lengths of a and b matter")


specification(
    name="relaxation.same_category",
    source=f"{P21}; PyPI algovision 0.1.2, CatProbEq",
    inputs=("a", "b"),
    outputs=("p",),
    cases=_categories,
    invariants=(
        Invariant("degree", "0 <= p <= 1", inside("p", 0, 1)),
        Invariant("symmetric", "a and b may change places", _exchanged),
        Invariant("names", "the categories have no order", _relabelled),
        Invariant("length", "only the directions of a and b count", _stretched),
    ),
    kinks="where a vector is 0",
)(conditions.same_category)


def _positions(rng: np.random.Generator) -> Iterator[Case]:
    for kernel in ("cdf", "density"):
        for law in ("logistic", "gaussian", "cauchy"):
            params = {"n": 5, "beta": 3.0, "distribution": law, "kernel": kernel}
            yield Case(f"{kernel}-{law}", {"i": rng.uniform(-1, 5, size=(2, 3))}, params)
        plain = {"n": 3, "beta": 3.0, "kernel": kernel}
        for name, batch in BATCHES.items():
            inputs = {"i": rng.uniform(0, 2, size=batch)}
            yield Case(f"{kernel}-{name}", inputs, plain, kind="edge")
        yield Case(f"{kernel}-one", {"i": np.array([0.3])}, plain | {"n": 1}, kind="edge")


def _sums_to_one(run: Any, inputs: Any, params: Any) -> str | None:
    w = run(inputs, params)["w"]
    least = -16 * np.finfo(w.dtype).eps
    same = close(np.sum(w, axis=-1), np.ones(w.shape[:-1])) and np.all(w >= least)
    return None if same else "the weights are not a distribution"


def _from_the_end(run: Any, inputs: Any, params: Any) -> str | None:
    """The laws of the cases are symmetric."""
    mirrored = run({"i": params["n"] - 1 - inputs["i"]}, params)["w"]
    same = close(mirrored[..., ::-1], run(inputs, params)["w"])
    return None if same else "counted from the end, position and weights are others"


def _nearest(run: Any, inputs: Any, params: Any) -> str | None:
    i, n = inputs["i"], params["n"]
    w = run(inputs, {**params, "beta": np.inf})["w"]
    wanted = np.eye(n)[np.clip(np.floor(i + 0.5), 0, n - 1).astype(int)]
    return None if np.array_equal(w, wanted) else "at beta = inf it is not the nearest element"


specification(
    name="relaxation.index_weights",
    source=f"{P21}, real-valued indices; the two kernels in the module's head",
    inputs=("i",),
    outputs=("w",),
    cases=_positions,
    invariants=(
        Invariant("distribution", "w >= 0, sum 1", _sums_to_one),
        Invariant(
            "mirror", "for symmetric laws, n - 1 - i has the weights in reverse", _from_the_end
        ),
        Invariant("hard limit", "beta = inf is the nearest element", _nearest),
    ),
    kinks="those of the law's density",
)(indexing.index_weights)


def _values(rng: np.random.Generator) -> Iterator[Case]:
    for kind in ("mean", "logsumexp"):
        for n, beta in ((2, 1.0), (5, 8.0)):
            yield Case(f"{kind}-n{n}", {"x": rng.normal(size=(3, n))}, {"beta": beta, "kind": kind})
        for name, batch in BATCHES.items():
            inputs = {"x": rng.normal(size=(*batch, 3))}
            yield Case(f"{kind}-{name}", inputs, {"beta": 4.0, "kind": kind}, kind="edge")
        tied = {"x": np.array([1.0, 1.0, 0.0])}
        yield Case(f"{kind}-ties", tied, {"beta": 4.0, "kind": kind}, kind="edge")


def _at_most(run: Any, inputs: Any, params: Any) -> str | None:
    y, x = run(inputs, params)["y"], inputs["x"]
    low = high = np.max(x, axis=-1)
    if params["kind"] == "mean":
        low = np.mean(x, axis=-1)
    else:
        high = high + np.log(x.shape[-1]) / params["beta"]
    slack = 100 * np.finfo(y.dtype).eps * (1 + np.max(np.abs(x), initial=0.0))
    inside = np.all(y >= low - slack) and np.all(y <= high + slack)
    return None if inside else "the soft maximum is out of its bounds"


def _affine(run: Any, inputs: Any, params: Any) -> str | None:
    """2 x + 1 in the opposite order, at half of the inverse temperature."""
    moved = run({"x": 2 * inputs["x"][..., ::-1] + 1}, {**params, "beta": params["beta"] / 2})["y"]
    same = close(moved, 2 * run(inputs, params)["y"] + 1, scale=10)
    return None if same else "of 2 x + 1, in another order and at beta/2, it is not 2 y + 1"


specification(
    name="relaxation.max_soft",
    source=f"{P21}; PyPI algovision 0.1.2, Max",
    inputs=("x",),
    outputs=("y",),
    cases=_values,
    invariants=(
        Invariant("bounds", "mean <= y <= max, or max <= y <= max + log(n)/beta", _at_most),
        Invariant("affine", "2 x + 1 in any order at beta/2 has 2 y + 1", _affine),
    ),
    kinks="none",
)(indexing.max_soft)
