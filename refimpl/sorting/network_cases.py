"""The cases of `sorting.sorting_network`: every network and sigmoid, sizes, shapes, edge cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from refimpl.sorting.layouts import NETWORKS
from refimpl.sorting.sigmoids import SIGMOIDS
from refimpl.spec import BATCHES, Case, Note, case_name, grid

NOTES = {
    "published-layout": Note(
        "layout",
        "A size at which the bitonic layout of diffsort 0.2.0 is not a sorting network.",
        "Outputs out of order, however steep the swaps are.",
    ),
    "comparator-direction": Note(
        "layout",
        "Comparators that write the smaller value to the higher wire.",
        "Values and P sorted by different networks, or in the wrong direction.",
    ),
    "art-tie": Note(
        "singular slope",
        "Equal values under activation replacement: the slope is (s / 4) 1e10^lambda.",
        "0 / 0 where the denominator lacks its 1e-10.",
    ),
    "lipschitz": Note(
        "units",
        "The steepness is the slope of the sigmoid at 0, not the factor of the published code.",
        "A sigmoid too flat or too steep by 4, sqrt(2 pi) or pi.",
    ),
    "descending": Note(
        "direction",
        "The largest value comes first.",
        "The values are reversed and P is not, or P is transposed instead.",
    ),
}

DEFINITION = (
    "min = alpha x_a + (1 - alpha) x_b, alpha = f(s (x_b - x_a)); the same for columns of P"
)
PLAIN: dict[str, Any] = {"network": "odd_even", "distribution": "cauchy", "steepness": 10.0}
FOUR = [[[0, 2, 0, 2], [1, 3, 1, 3]], [[0, 1, 0, 1], [2, 3, 2, 3]], [[1, 2, 1, 2]]]
CROSSED = [[[0, 2, 2, 0]], [[3, 1, 1, 3], [0, 2, 0, 2]]]  # no sorting network, but a network


def generate(rng: np.random.Generator) -> Iterator[Case]:
    """All combinations of network and distribution, then parameters, layouts and inputs."""
    for chosen in grid(network=NETWORKS, distribution=SIGMOIDS, n=(2, 3, 5, 8)):
        n = chosen.pop("n")
        params = _with_art(chosen | {"steepness": 4.0})
        flags = _size_flags(n, params["network"])
        name = case_name(params["network"], params["distribution"], n=n)
        yield Case(name, {"x": apart(rng, 2, n)}, params, flags=flags, clause=DEFINITION)
    yield from _parameters(rng)
    yield from _layouts(rng)
    yield from _inputs(rng)


def apart(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Values in random order along the last axis, no two of them closer than 0.2."""
    steps = np.broadcast_to(np.arange(shape[-1]) * 0.4 - 0.2 * shape[-1], shape)
    return rng.permuted(steps, axis=-1) + rng.uniform(-0.1, 0.1, size=shape)


def _with_art(params: dict[str, Any]) -> dict[str, Any]:
    return params | ({"art_lambda": 0.25} if params["distribution"] == "logistic_phi" else {})


def _size_flags(n: int, network: str) -> tuple[str, ...]:
    flags = {1: ("size-one",), 2: ("size-two",)}.get(n, ("odd-size",) if n % 2 else ())
    return flags + (("not-power-of-two",) if n & (n - 1) and network != "odd_even" else ())


def _parameters(rng: np.random.Generator) -> Iterator[Case]:
    for distribution in SIGMOIDS:
        chosen = _with_art(PLAIN | {"distribution": distribution, "network": "bitonic"})
        flat = chosen | {"steepness": 0.0}
        clause = "steepness 0: every alpha is 1/2"
        x = apart(rng, 2, 4)
        yield Case(f"flat-{distribution}", {"x": x}, flat, flags=("smooth-limit",), clause=clause)
        steep = chosen | {"steepness": 1e4}
        yield Case(f"steep-{distribution}", {"x": x}, steep, flags=("saturated",))
        if distribution != "logistic_phi":
            units = chosen | {"steepness": 2.0, "units": "lipschitz"}
            clause = "units lipschitz: f'(0) = s"
            name = f"lipschitz-{distribution}"
            yield Case(name, {"x": x}, units, flags=("lipschitz",), clause=clause)
    for power in (0.0, 0.5, 0.9):
        art = PLAIN | {"distribution": "logistic_phi", "art_lambda": power}
        clause = "alpha = logistic(s d / (|d| + 1e-10)^lambda)"
        yield Case(case_name("art", power=power), {"x": apart(rng, 5)}, art, clause=clause)
    down = PLAIN | {"descending": True}
    yield Case("descending", {"x": apart(rng, 2, 5)}, down, flags=("descending",))


def _layouts(rng: np.random.Generator) -> Iterator[Case]:
    steep = {"distribution": "logistic", "steepness": 30.0}
    for network in ("bitonic", "bitonic_published"):
        params = {"network": network, **steep}
        bent = ("published-layout", "not-power-of-two", "comparator-direction")
        clause = "bitonic sorts for every n; bitonic_published is the layout of diffsort 0.2.0"
        yield Case(f"{network}-n22", {"x": apart(rng, 22)}, params, flags=bent, clause=clause)
        yield Case(f"{network}-n16", {"x": apart(rng, 16)}, PLAIN | {"network": network})
    yield Case("listed-four", {"x": apart(rng, 3, 4)}, PLAIN | {"network": FOUR})
    flags = ("comparator-direction",)
    yield Case("listed-crossed", {"x": apart(rng, 3, 4)}, PLAIN | {"network": CROSSED}, flags=flags)
    yield Case("listed-nothing", {"x": apart(rng, 3, 4)}, PLAIN | {"network": []}, kind="edge")


def _inputs(rng: np.random.Generator) -> Iterator[Case]:
    for name, batch in BATCHES.items():
        yield Case(name, {"x": apart(rng, *batch, 4)}, PLAIN, kind="edge", flags=(name,))
    for network in NETWORKS:
        params = PLAIN | {"network": network}
        one = {"x": rng.normal(size=(3, 1))}
        yield Case(f"{network}-n1", one, params, kind="edge", flags=("size-one",))
    order = np.arange(6.0) - 2.5
    yield Case("sorted", {"x": order}, PLAIN, flags=("sorted",))
    yield Case("reversed", {"x": order[::-1].copy()}, PLAIN, flags=("unsorted-descending",))
    yield Case("large", {"x": apart(rng, 5) * 1e6}, PLAIN, flags=("large-values",))
    close = {"x": apart(rng, 5) * 1e-6}
    yield Case("close", close, PLAIN, flags=("small-differences",))
    for distribution in ("cauchy", "logistic", "gaussian"):
        tied = np.array([[1.0, 1.0, 1.0, 1.0, 1.0], [2.0, -1.0, 2.0, -1.0, 0.0]])
        params = PLAIN | {"distribution": distribution}
        yield Case(f"ties-{distribution}", {"x": tied}, params, kind="edge", flags=("ties",))
    params = _with_art(PLAIN | {"distribution": "logistic_phi", "steepness": 2.0})
    inputs = {"x": np.array([0.5, -0.5, 0.5, 1.0])}
    flags, only = ("ties", "art-tie"), ("values",)  # no difference is small beside 1e-10
    yield Case("ties-art", inputs, params, kind="edge", flags=flags, checks=only)
