"""Programs with branches by name, for checking estimators of their smoothed gradients.

step      0 if x0 < 0 else 1
sequence  y = x0 x1;  y = y + 2 x0 if x0 - x1 < 0.3 else y - 1;  y = y/2 if x1 < 0 else y
loop      v = x0/2;  for t in (0.3, -0.2, 0.1): v = v - t if v < t else v
nested    (x2 if x1 < 0 else 1) if x0 < 0.2 else x0^2
smooth    x0 x1 + x2^2, without a branch

Inputs are x (3,). Conditions have the form c < 0 and are branches in the order of their visits; the
inner one of `nested` is visited in one of both cases only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..autograd import Array
from ..promises import close
from ..spec import Case, Invariant, Note, Run
from .branches import Branch, Program
from .smoothing_invariants import axis_noise

THRESHOLDS = (0.3, -0.2, 0.1)
NOTES = {
    "kernel-bandwidth": Note(
        "density estimate",
        "The density of a condition at 0 is a Gaussian kernel estimate of bandwidth N^(-1/5) std.",
        "Another bandwidth or a standard deviation without Bessel's correction.",
    ),
    "interacting-branches": Note(
        "jumps counted twice",
        "Several branches are crossed by the same samples.",
        "The sum over branches of jumps between samples that differ in more than one of them.",
    ),
    "merged-paths": Note(
        "weights of paths",
        "Paths are merged in proportion to weights that depend on the inputs.",
        "DiscoGrad drops the derivatives of the weights: the gradient is not that of the value.",
    ),
}


def _step(x: Array, branch: Branch) -> Array:
    return 0.0 * x[0] if branch(x[0]) else 1.0 + 0.0 * x[0]


def _sequence(x: Array, branch: Branch) -> Array:
    y = x[0] * x[1]
    y = y + 2 * x[0] if branch(x[0] - x[1] - 0.3, "first") else y - 1
    return 0.5 * y if branch(x[1], "second") else y


def _loop(x: Array, branch: Branch) -> Array:
    v = x[0] / 2
    for threshold in THRESHOLDS:
        v = v - threshold if branch(v - threshold) else v
    return v


def _nested(x: Array, branch: Branch) -> Array:
    if branch(x[0] - 0.2, "outer"):
        return x[2] if branch(x[1], "inner") else 1.0 + 0.0 * x[1]
    branch.skip("inner")
    return x[0] * x[0]


PROGRAMS: dict[str, Program] = {
    "step": _step,
    "sequence": _sequence,
    "loop": _loop,
    "nested": _nested,
    "smooth": lambda x, branch: x[0] * x[1] + x[2] * x[2],
}


def _assign(value: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda paths: paths.assign("y", value)


def _step_paths(paths: Any) -> None:
    paths.branch(lambda v: v["x0"], _assign(lambda v: 0.0), _assign(lambda v: 1.0))


def _sequence_paths(paths: Any) -> None:
    paths.assign("y", lambda v: v["x0"] * v["x1"])
    paths.branch(
        lambda v: v["x0"] - v["x1"] - 0.3,
        _assign(lambda v: v["y"] + 2 * v["x0"]),
        _assign(lambda v: v["y"] - 1),
    )
    paths.branch(lambda v: v["x1"], _assign(lambda v: v["y"] * 0.5))


def _loop_paths(paths: Any) -> None:
    paths.assign("y", lambda v: v["x0"] / 2)
    for threshold in THRESHOLDS:
        _reduce(paths, threshold)


def _reduce(paths: Any, threshold: float) -> None:
    paths.branch(lambda v: v["y"] - threshold, _assign(lambda v: v["y"] - threshold))


def _nested_paths(paths: Any) -> None:
    def inner(taken: Any) -> None:
        taken.branch(lambda v: v["x1"], _assign(lambda v: v["x2"]), _assign(lambda v: 1.0))

    paths.branch(lambda v: v["x0"] - 0.2, inner, _assign(lambda v: v["x0"] * v["x0"]))


PATHS: dict[str, Callable[[Any], None]] = {
    "step": _step_paths,
    "sequence": _sequence_paths,
    "loop": _loop_paths,
    "nested": _nested_paths,
    "smooth": _assign(lambda v: v["x0"] * v["x1"] + v["x2"] * v["x2"]),
}


def sampled_cases(estimators: Iterable[str], rng: np.random.Generator) -> Iterator[Case]:
    """Every estimator on every program, and sets of few samples."""
    for program in PROGRAMS:
        for estimator in estimators:
            params = {"program": program, "sigma": 0.5, "estimator": estimator}
            oracle = estimator.startswith("oracle")
            flags = ("kernel-bandwidth",) * (oracle and program != "smooth")
            flags += ("interacting-branches",) * (oracle and program in ("sequence", "loop"))
            clause = "mean gradient along paths, and density times jump for every branch"
            yield Case(f"{program}-{estimator}", _sampled(rng, 40), params, "smooth", flags, clause)
    for estimator in ("oracle", "pgo"):
        params = {"program": "step", "sigma": 0.1, "estimator": estimator}
        yield Case(f"one-sample-{estimator}", _sampled(rng, 1), params, "edge", ("size-one",))
    params = {"program": "sequence", "sigma": 0.5, "estimator": "oracle"}
    for more in ({"path_selection": False}, {"carriers": 3}):
        name = "-".join(map(str, *more.items()))
        flags = ("kernel-bandwidth", "interacting-branches")
        yield Case(name, _sampled(rng, 40), {**params, **more}, "smooth", flags)


def _sampled(rng: np.random.Generator, samples: int) -> dict[str, np.ndarray]:
    return {"x": 0.3 * rng.normal(size=3), "noise": rng.normal(size=(samples, 3))}


def interpreted_cases(restrictions: Iterable[str], rng: np.random.Generator) -> Iterator[Case]:
    """Every program, with room for all paths and, by every restriction, for few."""
    clause = "sum w m / sum w over the paths"
    for program in PATHS:
        inputs = {"x": 0.3 * rng.normal(size=3)}
        yield Case(program, inputs, {"program": program, "sigma": 0.4}, clause=clause)
    for program in ("sequence", "loop"):
        for restriction in restrictions:
            inputs = {"x": 0.3 * rng.normal(size=3)}
            params = {
                "program": program, "sigma": 0.4, "max_paths": 2, "restriction": restriction,
            }  # fmt: skip
            merged = ("merged-paths",) * (restriction != "discard")
            yield Case(f"{program}-{restriction}", inputs, params, flags=merged, clause=clause)
    params = {"program": "loop", "sigma": 0.4, "keep_correlations": True}
    yield Case("correlations", {"x": 0.3 * rng.normal(size=3)}, params, clause=clause)


UNUSED = {"step": (1, 2), "sequence": (2,), "loop": (1, 2), "nested": (), "smooth": ()}
"""The inputs that a program does not look at."""


def _mean(run: Run, inputs: Any, params: Any) -> str | None:
    program = PROGRAMS[params["program"]]
    points = inputs["x"] + params["sigma"] * inputs["noise"]
    wanted = np.mean([program(point, Branch()) for point in points])
    return None if close(run(inputs, params)["value"], wanted) else f"the value is not {wanted:g}"


def _idle(run: Run, inputs: Any, params: Any) -> str | None:
    slopes = run(inputs, params)["gradient"][list(UNUSED[params["program"]])]
    return None if np.all(slopes == 0) else "an input that the program does not use has a gradient"


def _step_scale(run: Run, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)
    after = run({**inputs, "x": 2 * inputs["x"]}, {**params, "sigma": 2 * params["sigma"]})
    same = close(after["gradient"], before["gradient"] / 2)
    return None if same else "at 2x and 2 sigma the gradient is not half of that at x and sigma"


def _exact(run: Run, inputs: Any, params: Any) -> str | None:
    """Noise with the moments of the Gaussian up to the third; the program is quadratic."""
    a, b, c = x = inputs["x"]
    S = 2 * len(x)
    biased = S / (S - 1) if params["estimator"] == "rloo" else 1.0
    found = run({"x": x, "noise": axis_noise(x)}, params)["gradient"]
    same = close(found, biased * np.stack([b, a, 2 * c]))
    return None if same else "of noise +-sqrt(n) e_k, the gradient of a b + c^2 is not exact"


def _of(program: str, *estimators: str) -> Callable[[Case], bool]:
    def when(case: Case) -> bool:
        known = not estimators or case.params["estimator"] in estimators
        return known and program in ("", case.params["program"])

    return when


ALONG_PATHS = ("ipa", "oracle", "oracle_2023")
SAMPLED_INVARIANTS = (
    Invariant("mean", "the value is the mean of the program over the samples", _mean),
    Invariant(
        "unused inputs",
        "the oracles and ipa give 0 for inputs that the program does not use",
        _idle,
        _of("", *ALONG_PATHS),
    ),
    Invariant(
        "scale",
        "a step at 0, at 2x and 2 sigma, has half the gradient",
        _step_scale,
        _of("step"),
    ),
    Invariant(
        "exact",
        "without branches, S = 2n samples +-sqrt(n) e_k give the gradient of a quadratic program, "
        "with rloo S/(S - 1) of it",
        _exact,
        _of("smooth"),
    ),
)


def crisp_without_noise(run: Run, inputs: Any, params: Any) -> str | None:
    """With hardly any noise, the value is that of the program."""
    found = run(inputs, {**params, "sigma": 1e-12})["value"]
    wanted = PROGRAMS[params["program"]](np.asarray(inputs["x"], dtype=np.float64), Branch())
    same = close(found, wanted)
    return None if same else f"{found} with hardly any noise, but the program gives {wanted}"
