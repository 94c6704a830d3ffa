"""The numbers behind the page with sliders: curves and matrices for a range of sharpness.

They are computed by the methods when the site is built, and written as a script, so that the page
works from a file as well as from a server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.autograd import array_namespace, grad
from refimpl.relaxation.conditions import greater
from refimpl.sorting import rank, soft_comparison, soft_swap, sort

LAWS = ("logistic", "gaussian", "cauchy", "reciprocal", "optimal", "laplace", "uniform")
SIGMOIDS = ("logistic", "gaussian", "cauchy", "reciprocal", "optimal")
STEEPNESS = tuple(round(2.0**k, 3) for k in np.arange(-2.0, 7.01, 0.5))
TEMPERATURE = tuple(round(2.0**k, 3) for k in np.arange(-6.0, 3.01, 0.5))
SORTED = (0.3, -1.2, 2.0, 0.9, -0.4)
SORTERS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "odd_even": ("steepness", STEEPNESS),
    "bitonic": ("steepness", STEEPNESS),
    "neuralsort": ("temperature", TEMPERATURE),
    "softsort": ("temperature", TEMPERATURE),
    "transport": ("epsilon", tuple(round(v / 16, 4) for v in TEMPERATURE)),
    "simplex": ("softness", TEMPERATURE),
}
RANKERS = {k: v for k, v in SORTERS.items() if k != "bitonic"} | {"fast": ("strength", TEMPERATURE)}


def write(target: Path) -> None:
    """Write generated/explorer-data.js below `target`."""
    text = json.dumps(data(), separators=(",", ":"))
    folder = target / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "explorer-data.js").write_text(f"window.EXPLORER={text};\n", encoding="utf-8")


def data() -> dict[str, Any]:
    """All figures by name."""
    return {
        "comparison": _curves(
            "distribution", "b", "P(b > 0)", np.linspace(-2, 2, 81),
            lambda b: greater(b, 0.0, beta=np.inf),
            dict.fromkeys(LAWS, ("beta", STEEPNESS, _comparison)),
        ),
        "swap": _curves(
            "distribution", "b", "softmin(0, b)", np.linspace(-1, 3, 81),
            lambda b: np.minimum(0.0, b),
            dict.fromkeys(SIGMOIDS, ("steepness", STEEPNESS, _smaller)),
        ),
        "rank": _curves(
            "method", "x", "rank of x among 0, 1, 2", np.linspace(-1, 3, 81),
            lambda x: np.sum(x[:, None] > np.arange(3.0), axis=-1),
            {name: (*choice, _rank) for name, choice in RANKERS.items()},
        ),
        "sorting": {
            "kind": "matrix",
            "choice": "method",
            "inputs": list(SORTED),
            "options": {name: _matrices(name, *choice) for name, choice in SORTERS.items()},
        },
    }  # fmt: skip


Curve = Callable[[str, str, float, Any], Any]  # choice, parameter, its value, place -> a number


def _comparison(law: str, parameter: str, value: float, b: Any) -> Any:
    return greater(b, 0.0, beta=value, distribution=law)


def _smaller(law: str, parameter: str, value: float, b: Any) -> Any:
    alpha = soft_comparison(b, distribution=law, steepness=value)
    return soft_swap(0.0 * b, b, alpha)[0]


def _rank(method: str, parameter: str, value: float, x: Any) -> Any:
    xp = array_namespace(x)
    rows = xp.stack([x, 0.0 * x, 0.0 * x + 1.0, 0.0 * x + 2.0], axis=-1)
    return rank(rows, method, **{parameter: value})[..., 0]


def _curves(
    choice: str,
    x: str,
    y: str,
    places: np.ndarray,
    hard: Callable[[np.ndarray], np.ndarray],
    options: Mapping[str, tuple[str, tuple[float, ...], Curve]],
) -> dict[str, Any]:
    """Values and derivatives along the places, for every choice and every value.

    hard: what is relaxed.
    """
    found = {}
    for name, (parameter, values, curve) in options.items():
        rows = []
        for value in values:

            def total(p: Any, name=name, parameter=parameter, value=value, curve=curve) -> Any:
                return array_namespace(p).sum(curve(name, parameter, value, p))

            rows.append([_numbers(curve(name, parameter, value, places)),
                         _numbers(grad(total)(places))])  # fmt: skip
        found[name] = {"parameter": parameter, "values": list(values), "rows": rows}
    return {
        "kind": "curves",
        "choice": choice,
        "x": x,
        "y": y,
        "places": _numbers(places),
        "hard": _numbers(hard(places)),
        "options": found,
    }


def _matrices(method: str, parameter: str, values: tuple[float, ...]) -> dict[str, Any]:
    """The sorted values and the permutation matrix, for every value of the parameter."""
    rows = []
    for value in values:
        found = sort(np.array(SORTED), method, **{parameter: value})
        rows.append([_numbers(found.values), [_numbers(row) for row in found.permutation]])
    return {"parameter": parameter, "values": list(values), "rows": rows}


def _numbers(values: Any) -> list[float]:
    return [float(f"{v:.4g}") for v in np.asarray(values, dtype=np.float64)]
