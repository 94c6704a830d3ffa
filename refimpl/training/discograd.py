"""DiscoGrad: gradients of programs with branches, smoothed by Gaussian noise on their inputs.

The smoothed program E P(x + sigma u), u ~ N(0, I), is differentiable. Averaging the derivatives
along the paths taken (`ipa`) misses what a change of path does to the output. The gradient oracle
adds, for each branch, the density of its condition c at 0 times the jump of the output:

    grad ~ mean dP + sum over branches of  k0 E[dc] (E[P | c >= 0] - E[P | c < 0]) N_b/S

The other estimators need values only. All take the noise u, (S, n), explicitly.

Source: Kreikemeyer and Andelfinger 2023, "Smoothing Methods for Automatic Differentiation Across
Conditional Branches", IEEE Access 11, equations 4 and 7 to 11; Andelfinger and Kreikemeyer 2024,
ICCS; the DiscoGrad code of 2024 for the path selection.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Array, constant, to_numpy
from ..spec import specification
from ..validation import choose, float_array, positive, whole
from .branches import Key, Program, Sample, run_all, run_crisp
from .branching_cases import NOTES, PROGRAMS, SAMPLED_INVARIANTS, sampled_cases

ESTIMATORS = ("oracle", "oracle_2023", "ipa", "pgo", "reinforce", "rloo")
MIN_JUMP = 1e-6  # smaller changes of the output, and spreads of it, count as none


class Gradient(NamedTuple):
    """The mean output and the estimate of the gradient, (n,)."""

    value: float
    gradient: np.ndarray


class Carrier(NamedTuple):
    """A sample near a branch: its number, condition and tangent."""

    sample: int
    condition: float
    tangent: np.ndarray


def _on_named_program(x: Array, noise: Array, *, program: str, **options: Any) -> Gradient:
    chosen = PROGRAMS[choose(program, PROGRAMS, "program")]
    found = estimate_gradient(chosen, x, noise, **options)
    return Gradient(constant(found.value, like=x), found.gradient)


@specification(
    name="training.discograd",
    source="Kreikemeyer and Andelfinger 2023, equations 4 and 7 to 11; DiscoGrad, 2024",
    inputs=("x", "noise"),
    differentiable=(),
    outputs=("value", "gradient"),
    cases=partial(sampled_cases, ESTIMATORS),
    gradient="none: the gradient is an output",
    invariants=SAMPLED_INVARIANTS,
    notes=NOTES,
    call=_on_named_program,
)
def estimate_gradient(
    program: Program,
    x: np.ndarray,
    noise: np.ndarray,
    *,
    sigma: float,
    estimator: str = "oracle",
    carriers: int = 10,
    path_selection: bool = True,
) -> Gradient:
    """Value and gradient of the smoothed program at x.

    program    see `branches`; x (n,), noise u (S, n), sigma > 0
    estimator  "oracle" (DiscoGrad's, 2024), "oracle_2023", "ipa" (pathwise derivatives only),
               "pgo" (Polyak's: differences to P(x)), "reinforce", "rloo" (leave-one-out baseline)
    carriers, path_selection  of "oracle": how many samples on each side of a branch measure its
               jump, and whether only pairs on the most similar paths do

    Estimates of the density make the oracle's jumps too small by 1/sqrt(1 + N^(-2/5)) for a
    Gaussian condition: 3 % at 1000 samples.

    Raises ValueError for shapes that do not fit and unknown estimators.

    >>> u = np.array([[-1.5], [-0.5], [0.5], [1.5]])
    >>> step = lambda x, branch: 0.0 if branch(x[0]) else 1.0
    >>> found = estimate_gradient(step, np.zeros(1), u, sigma=1.0, estimator="reinforce")
    >>> found.value, found.gradient
    (0.5, array([0.5]))
    """
    given = float_array(x, "x", min_ndim=1)
    if given.ndim != 1 or not given.shape[0]:
        raise ValueError(f"x: expected (n,) with n >= 1, got {tuple(given.shape)}")
    x = to_numpy(given)
    u = to_numpy(float_array(noise, "noise", min_ndim=2))
    sigma = positive(sigma, "sigma")
    choose(estimator, ESTIMATORS, "estimator")
    if u.ndim != 2 or u.shape[0] == 0 or u.shape[1:] != x.shape:
        raise ValueError(f"noise: expected (S, {len(x)}) with S >= 1, got {u.shape}")
    points = x + sigma * u
    if estimator in ("pgo", "reinforce", "rloo"):
        value, gradient = _from_values(program, x, u, points, sigma, estimator)
        return Gradient(value, constant(gradient, like=given))
    samples = run_all(program, points)
    value = float(np.mean([s.output for s in samples]))
    gradient = np.mean([s.tangent for s in samples], axis=0)
    if estimator == "oracle":
        gradient = gradient + _jumps(samples, whole(carriers, "carriers", 1), path_selection)
    elif estimator == "oracle_2023":
        gradient = gradient + _jumps_2023(samples)
    return Gradient(value, constant(gradient, like=given))


def _from_values(
    program: Program, x: np.ndarray, u: np.ndarray, points: np.ndarray, sigma: float, kind: str
) -> Gradient:
    values = np.array([run_crisp(program, point) for point in points])
    mean, S = values.mean(), len(values)
    if kind == "rloo" and S < 2:
        raise ValueError("noise: the estimator 'rloo' needs at least 2 samples, got 1")
    baseline = {
        "pgo": lambda: run_crisp(program, x),
        "reinforce": lambda: 0.0,
        "rloo": lambda: (S * mean - values) / (S - 1),
    }[kind]()
    return Gradient(float(mean), ((values - baseline)[:, None] * u).mean(axis=0) / sigma)


# --- the oracle of 2024 -------------------------------------------------------------------------


def _visits(samples: list[Sample], *, from_both_sides: bool) -> dict[Key, list[Carrier]]:
    """The conditions of each branch, in the order of the samples.

    from_both_sides: those before the first one of the other sign are left out.
    """
    found: dict[Key, list[Carrier]] = {}
    for number, sample in enumerate(samples):
        for key, c in sample.conditions.items():
            found.setdefault(key, []).append(Carrier(number, c.value, c.tangent))
    if from_both_sides:
        for key, visits in found.items():
            signs = [v.condition < 0 for v in visits]
            found[key] = visits[signs.index(not signs[0]) :] if len(set(signs)) == 2 else []
    return found


def _density_at_zero(conditions: np.ndarray) -> float:
    """Gaussian kernel estimate with the bandwidth N^(-1/5) std; 0 if all are equal."""
    if len(conditions) < 2 or np.ptp(conditions) == 0:
        return 0.0
    h = len(conditions) ** -0.2 * conditions.std(ddof=1)
    return float(np.mean(np.exp(-0.5 * (conditions / h) ** 2)) / (h * math.sqrt(2 * math.pi)))


class Crossing(NamedTuple):
    """What a branch adds to the gradient, and the samples that the jump was measured between."""

    contribution: np.ndarray
    tangent: np.ndarray
    taken: set[int]
    not_taken: set[int]


class Pair(NamedTuple):
    """Two samples on either side of a branch, and the step of the output from c < 0 to c >= 0."""

    taken: int
    not_taken: int
    step: float


def _jumps(samples: list[Sample], K: int, select_paths: bool) -> np.ndarray:
    crossings = []
    for visits in _visits(samples, from_both_sides=True).values():
        taken = sorted((v for v in visits if v.condition < 0), key=lambda v: -v.condition)[:K]
        others = sorted((v for v in visits if v.condition >= 0), key=lambda v: v.condition)[:K]
        k = min(len(taken), len(others))
        if k == 0:
            continue
        density = _density_at_zero(np.array([v.condition for v in visits]))
        tangent = np.mean([v.tangent for v in taken[:k] + others[:k]], axis=0)
        if select_paths:
            pairs = _pairs_on_nearest_paths(samples, taken, others)
            jump = float(np.mean([p.step for p in pairs])) if pairs else 0.0
            ends = {p.taken for p in pairs}, {p.not_taken for p in pairs}
        else:
            steps = [_pair(samples, *both).step for both in zip(taken, others, strict=False)]
            jump = sum(steps) / len(taken)
            ends = {v.sample for v in taken}, {v.sample for v in others}
        share = len(visits) / len(samples)
        crossings.append(Crossing(density * tangent * jump * share, tangent, *ends))
    n = len(samples[0].tangent)
    return np.array([_without_overlap(crossings, d) for d in range(n)])


def _pair(samples: list[Sample], taken: Carrier, other: Carrier) -> Pair:
    step = samples[other.sample].output - samples[taken.sample].output
    return Pair(taken.sample, other.sample, step)


def _pairs_on_nearest_paths(
    samples: list[Sample], taken: list[Carrier], others: list[Carrier]
) -> list[Pair]:
    """The pairs whose paths differ in the fewest branches; none if the output has no jump, and the
    closest one if the jump is the same between the closest and the farthest.
    """
    crossed = _pair(samples, taken[0], others[-1]), _pair(samples, taken[-1], others[0])
    high, low = max(abs(p.step) for p in crossed), min(abs(p.step) for p in crossed)
    if high < MIN_JUMP:
        return []
    if high - low < MIN_JUMP:
        return [_pair(samples, taken[0], others[0])]
    pairs = [_pair(samples, a, b) for a in taken for b in others if a.sample != b.sample]
    distances = [_path_distance(samples[p.taken], samples[p.not_taken]) for p in pairs]
    nearest = min(distances, default=0)
    return [p for p, distance in zip(pairs, distances, strict=True) if distance == nearest]


def _path_distance(a: Sample, b: Sample) -> int:
    """How many of the branches that both evaluated they decided differently."""
    common = a.conditions.keys() & b.conditions.keys()
    return sum((a.conditions[k].value < 0) != (b.conditions[k].value < 0) for k in common)


def _without_overlap(crossings: list[Crossing], d: int) -> float:
    """The sum of contributions in dimension d, largest first, without those whose samples already
    carry a jump in the same direction.
    """
    used: set[tuple[int, bool]] = set()
    total = 0.0
    for crossing in sorted(crossings, key=lambda c: -abs(c.contribution[d])):
        forward = bool(crossing.tangent[d] > 0)
        carried = {(number, forward) for number in crossing.taken}
        carried |= {(number, not forward) for number in crossing.not_taken}
        if not carried & used:
            used |= carried
            total += crossing.contribution[d]
    return total


# --- the oracle of 2023 -------------------------------------------------------------------------


def _jumps_2023(samples: list[Sample]) -> np.ndarray:
    """Each sample's output times the derivative of its path's weight, by the one branch per
    dimension whose two sides are most nearly equal in number.
    """
    S, n = len(samples), len(samples[0].tangent)
    weights = np.zeros((S, n))
    balance = np.full((S, n), np.inf)
    for visits in _visits(samples, from_both_sides=False).values():
        taken = [v.sample for v in visits if v.condition < 0]
        others = [v.sample for v in visits if v.condition >= 0]
        if not taken or not others:
            continue
        density = _density_at_zero(np.array([v.condition for v in visits]))
        tangent = np.mean([v.tangent for v in visits], axis=0)
        change = density * tangent * len(visits)
        uneven = abs(len(taken) - len(others))
        for side, slope in ((taken, -change / len(taken)), (others, change / len(others))):
            for s in side:
                better = (uneven < balance[s]) & (tangent != 0)
                weights[s] = np.where(better, slope, weights[s])
                balance[s] = np.where(better, uneven, balance[s])
    outputs = np.array([s.output for s in samples])
    return (outputs[:, None] * weights).mean(axis=0)
