"""How good estimates of a smoothed gradient are, for every density, sampler and covariate.

The function is the permutation matrix that sorts n numbers, smoothed by independent noise. Its
expectation is an integral over one number, so the true Jacobian is known:

    P[i, j] = int_0^1 Pr(j of the others are below F^-1(u) + x_i) du

where the others are below independently, each with probability F(F^-1(u) + x_i - x_k).
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, Generator, array_namespace, constant, jacobian, to_numpy
from ..distributions import distribution
from ..progress import progress
from ..sorting.permutations import hard_permutation
from ..training.noise import draw_noise
from ..training.smoothing import estimate
from .command import Sized
from .plots import bars
from .results import Results
from .runs import Row, Runs, on_backend

DESCRIPTION = (
    "Stochastic smoothing differentiates any function from its values at random points. Here it is "
    "the permutation matrix that sorts n numbers, whose smoothed Jacobian is known by quadrature. "
    "For each density of the noise, sampler (independent, Latin, Cartesian, randomised or not), "
    "control covariate and for antithetic pairs, the results are the mean Euclidean error of the "
    "Jacobian (error), the error of the mean over repetitions (bias, whose expectation for an "
    "unbiased estimate is bias_floor), and the deviation around that mean (deviation), as in the "
    "variance study of Petersen et al. 2024, Generalizing Stochastic Smoothing. Needs no data."
)
EXAMPLES = (
    ("", "all densities for n = 3: less than half a minute"),
    ("--densities cauchy --points 1 --repeats 16", "one density, a look"),
    ("--n 3 5 --points 2", "the table in the documentation"),
)
FULL = "minutes on a CPU"
ON_CUPY = True
DENSITIES = ("gaussian", "logistic", "gumbel", "cauchy", "laplace", "triangular")
SAMPLERS = ("mc", "latin", "latin_rqmc", "cartesian", "cartesian_rqmc")
COVARIATES = ("none", "f(x)", "loo")
NODES = 4000
SAMPLES = {2: 1024, 3: 1000, 4: 1296, 5: 1024}  # powers k^n, for the Cartesian samplers


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--densities", nargs="+", default=DENSITIES, choices=DENSITIES, metavar="NAME",
        help=f"densities of the noise, at unit scale: {', '.join(DENSITIES)}")  # fmt: skip
    add("--n", nargs="+", type=int, choices=tuple(SAMPLES), default=Sized((3,), (3, 5)),
        help="how many numbers are sorted")  # fmt: skip
    add("--samples", type=int, default=None,
        help="samples of an estimate; if not given, 1000 for n = 3 and 1024 for n = 5")  # fmt: skip
    add("--points", type=int, default=Sized(4, 16), help="random inputs, standard normal")
    add("--repeats", type=int, default=64, help="estimates of each strategy at each point")


def run(options: argparse.Namespace, results: Results) -> dict[str, Any]:
    runs = Runs(results)
    for n, law in progress(list(itertools.product(options.n, options.densities)), "smoothing"):
        S = options.samples or SAMPLES[n]
        truths = [(x, true_jacobian(x, law)) for x in _points(options, n)]
        for strategy in strategies(S, n, law):
            name = f"{law}, n={n}, {_label(strategy)}"
            runs.once(name, _row, options, law, n, S, strategy, truths)
    rows = list(runs.rows.values())
    for n in options.n:
        bars(results.path(f"strategies-n{n}.png"), _relative(rows, n),
             "error relative to independent samples, mean of the densities")  # fmt: skip
    return {"runs": sorted(rows, key=lambda r: (r["n"], r["density"], r["error"]))}


def true_jacobian(x: np.ndarray, law: str) -> np.ndarray:
    """d P/d x at x (n,), (n^2, n), by quadrature.

    >>> true_jacobian(np.zeros(2), "gumbel")[0].round(4)
    array([-0.25,  0.25])
    """
    found = jacobian(lambda x: expected_permutation(x, law))(x)
    return np.asarray(found).reshape(-1, len(x))


def expected_permutation(x: Array, law: str) -> Array:
    """E of the permutation matrix of x + noise, (n,) -> (n, n): by the midpoint rule."""
    xp, F = array_namespace(x), distribution(law)
    u = constant((np.arange(NODES) + 0.5) / NODES, like=x)
    t = F.sample(u)[:, None, None] + (x[:, None] - x)  # (nodes, i, k)
    return xp.mean(_counts(F.cdf(t)), axis=0)


def _counts(below: Array) -> Array:
    """Pr(j of the k != i happen) for independent events, (..., n, n) -> (..., n, n)."""
    xp, n = array_namespace(below), below.shape[-1]
    rows = []
    for i in range(n):
        law = [xp.ones_like(below[..., i, 0])]  # Pr(j = 0)
        for k in range(n):
            if k != i:
                p = below[..., i, k]
                up, stay = [0 * p, *(p * q for q in law)], [*((1 - p) * q for q in law), 0 * p]
                law = [a + b for a, b in zip(up, stay, strict=True)]
        rows.append(xp.stack(law, axis=-1))
    return xp.stack(rows, axis=-2)


def strategies(S: int, n: int, law: str) -> Iterator[tuple[str, str, bool]]:
    """(sampler, covariate, antithetic), as far as they exist for S samples of the law."""
    for sampler, covariate, antithetic in itertools.product(SAMPLERS, COVARIATES, (False, True)):
        drawn = S // 2 if antithetic else S
        if antithetic and (S % 2 or not distribution(law).symmetric):
            continue
        if sampler.startswith("cartesian") and round(drawn ** (1 / n)) ** n != drawn:
            continue
        yield sampler, "loo_pair" if antithetic and covariate == "loo" else covariate, antithetic


def _row(
    options: argparse.Namespace,
    law: str,
    n: int,
    S: int,
    strategy: tuple[str, str, bool],
    truths: list[tuple[np.ndarray, np.ndarray]],
) -> Row:
    sampler, covariate, antithetic = strategy
    generator = Generator(options.seed)

    def one(x: np.ndarray) -> np.ndarray:
        noise = draw_noise(S, n, generator, distribution=law, method=sampler, antithetic=antithetic)
        found = estimate(_sorter, on_backend(x), noise, distribution=law, covariate=covariate)
        return to_numpy(found.jacobian)

    gaps = np.stack(
        [[one(x) - truth for _ in range(options.repeats)] for x, truth in truths]
    ).reshape(len(truths), options.repeats, -1)
    around = gaps - gaps.mean(axis=1, keepdims=True)
    deviation = np.sqrt((around**2).sum(-1).sum(1) / max(options.repeats - 1, 1))
    return {
        "density": law, "n": n, "samples": S, "sampler": sampler, "covariate": covariate,
        "antithetic": str(antithetic),
        "error": float(np.sqrt((gaps**2).sum(-1)).mean()),
        "bias": float(np.sqrt((gaps.mean(axis=1) ** 2).sum(-1)).mean()),
        "bias_floor": float(deviation.mean() / np.sqrt(options.repeats)),
        "deviation": float(deviation.mean()),
    }  # fmt: skip


def _sorter(v: Array) -> Array:
    P = hard_permutation(v)
    return array_namespace(P).reshape(P, (*v.shape[:-1], -1))


def _points(options: argparse.Namespace, n: int) -> np.ndarray:
    return np.random.default_rng([options.seed, n]).normal(size=(options.points, n))


def _label(strategy: tuple[str, str, bool]) -> str:
    return f"{strategy[0]}, {strategy[1]}" + (", antithetic" if strategy[2] else "")


def _relative(rows: list[Row], n: int) -> dict[str, float]:
    """Errors over that of independent samples without covariate, the mean of the densities."""
    found: dict[str, list[float]] = {}
    plain = {
        r["density"]: r["error"]
        for r in rows
        if (r["n"], r["sampler"], r["covariate"], r["antithetic"]) == (n, "mc", "none", "False")
    }
    for row in rows:
        if row["n"] == n:
            label = _label((row["sampler"], row["covariate"], row["antithetic"] == "True"))
            found.setdefault(label, []).append(row["error"] / plain[row["density"]])
    return {label: float(np.mean(values)) for label, values in found.items()}
