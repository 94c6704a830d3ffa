"""A picture of any method, drawn from its spec function alone.

One entry of one input of a case moves along a line: what the outputs do, what their derivatives
are, and what sharpness does to them. Matrices and images are shown as such. Optimisers are shown
over their steps.
"""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from refimpl import autograd as ag
from refimpl.conformance.show import parameters
from refimpl.spec import Case, Entry

from .style import figure, save

SHARPNESS = (
    "steepness", "temperature", "beta", "softness", "epsilon", "strength", "sigma", "scale", "tau",
    "std", "lambda_", "lambda_a", "learning_rate",
)  # fmt: skip
FACTORS = (0.25, 1.0, 4.0)
POINTS, CURVES = 41, 4


@dataclass(frozen=True)
class Line:
    """The line through a case along which one entry of one input moves."""

    entry: Entry
    case: Case
    name: str
    index: int
    points: np.ndarray

    def at(self, t: Any, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The outputs where the entry has the value t, a number or a traced one."""
        x = self.case.inputs[self.name]
        flat = np.reshape(x, -1)
        unit = np.reshape(np.eye(flat.size)[self.index], np.shape(x)).astype(flat.dtype)
        moved = np.reshape(np.where(np.arange(flat.size) == self.index, 0.0, flat), np.shape(x))
        inputs = {**self.case.inputs, self.name: moved.astype(flat.dtype) + t * unit}
        return self.entry.evaluate(
            inputs=inputs, params=self.case.params if params is None else params
        )

    @property
    def label(self) -> str:
        """The entry as it is written: x_2, W_0,1."""
        shape = np.shape(self.case.inputs[self.name])
        where = ",".join(str(int(i)) for i in np.unravel_index(self.index, shape)) if shape else ""
        return f"{self.name}[{where}]" if where else self.name


def draw(entry: Entry, path: Path) -> None:
    """Draw the picture of a method to an SVG file."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        panels = list(_panels(entry))
    picture, axes = figure(math.ceil(len(panels) / 2), min(len(panels), 2))
    for axis, panel in zip(axes, panels, strict=False):
        panel(axis)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    save(picture, path)


def caption(entry: Entry) -> str:
    """What the picture shows."""
    case = _case(entry)
    if tuple(entry.outputs) == ("parameters",):
        text = "A parameter over thirty steps, with a gradient that is constant or changes its sign"
    else:
        text = (
            f"Drawn by the method itself, from the case `{case.name}`: one entry of its inputs "
            "moves along the horizontal axis, and the results that change most are shown"
        )
    sharpness = _sharpness(case)
    if sharpness:
        name, values = sharpness
        text += f"; `{name}` is " + ", ".join(f"{v:.3g}" for v in values)
    return text + "."


def _panels(entry: Entry) -> Iterator[Callable[[Any], None]]:
    case = _case(entry)
    if tuple(entry.outputs) == ("parameters",):
        yield from _steps(entry, case)
        return
    pictured = _pictures(entry, case)
    yield from pictured
    line = _line(entry, case)
    chosen = _varying(line)
    if not chosen and not pictured:
        yield functools.partial(_bars, outputs=line.at(np.float64(line.points[0])))
    if chosen:
        yield functools.partial(_values, line=line, chosen=chosen)
        if line.name in entry.differentiable:
            yield functools.partial(_slopes, line=line, chosen=chosen)
        if _sharpness(case) and not pictured:
            yield functools.partial(_sharper, line=line, chosen=chosen[:1], read=_value)
            if line.name in entry.differentiable:
                yield functools.partial(_sharper, line=line, chosen=chosen[:1], read=_slope)


def _case(entry: Entry) -> Case:
    """A case that makes a legible picture: smooth, a handful of numbers, no batch."""
    cases = entry.generate()
    good = [c for c in cases if c.kind == "smooth" and c.dtype == "float64"] or cases
    good = [c for c in good if all(np.size(a) for a in c.inputs.values())] or good
    names = entry.differentiable or entry.inputs
    defaults = dict(parameters(entry))

    def cost(case: Case) -> tuple[float, int]:
        arrays = [np.asarray(case.inputs[name]) for name in names]
        last = arrays[0].shape[-1] if arrays[0].ndim else 1
        batch = max(a.ndim for a in arrays) + (3 if last < 3 else 0) + abs(last - 5) / 2
        unusual = sum(abs(math.log(v)) for v in [*_numbers(case), float(np.std(arrays[0])) or 1.0])
        set_otherwise = sum(
            str(defaults[name]) != str(value)
            for name, value in case.params.items()
            if name in defaults and name not in SHARPNESS
        )
        return batch + min(unusual, 8) / 4 + set_otherwise / 2, cases.index(case)

    return min(good, key=cost)


def _numbers(case: Case) -> list[float]:
    values = [case.params.get(name) for name in SHARPNESS]
    return [float(v) for v in values if isinstance(v, (int, float)) and 0 < v < math.inf]


def _sharpness(case: Case) -> tuple[str, list[float]] | None:
    """The parameter that says how soft the method is, and three values for it."""
    for name in SHARPNESS:
        value = case.params.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
            return name, [value * factor for factor in FACTORS]
    return None


def _line(entry: Entry, case: Case) -> Line:
    """The entry of most influence, of the first input or of the one whose gradient is replaced."""
    names = [n for n in entry.differentiable or entry.inputs if np.size(case.inputs[n])]
    if entry.is_derivative or not entry.differentiable or not _sharpness(case):
        return _line_of(entry, case, names[0])
    lines = [_line_of(entry, case, name) for name in names]
    return next((line for line in lines if _is_replaced(line)), lines[0])


def _is_replaced(line: Line) -> bool:
    """Whether the sharpness changes the slope of an entry: it does so where that is replaced."""
    chosen = _varying(line)
    if not chosen:
        return False
    name, values = _sharpness(line.case) or ("", [])
    short = replace(line, points=line.points[::20])
    slopes = [_slope(short, chosen, {**line.case.params, name: value}) for value in values]
    return bool(np.ptp(slopes, axis=0).max() > 1e-6)


def _line_of(entry: Entry, case: Case, name: str) -> Line:
    """The entry of an input that has the most influence."""
    x = np.asarray(case.inputs[name])
    given = _given(entry, name, x)
    for reach in (1.5, 6.0):  # solvers and other steps may need a longer way to change
        places = [_points(given, x, i, reach) for i in range(min(x.size, 24))]
        lines = [Line(entry, case, name, i, points) for i, points in enumerate(places)]
        best = max(lines, key=_influence)
        if _influence(best) > 0:
            break
    return best


def _influence(line: Line) -> float:
    entry, x = line.entry, np.reshape(np.asarray(line.case.inputs[line.name]), -1)
    try:
        ends = [line.at(np.float64(t)) for t in (line.points[0], x[line.index], line.points[-1])]
    except (ValueError, TypeError):
        return -1.0
    change = [
        np.abs(np.nan_to_num(np.asarray(b[o]) - np.asarray(a[o])))
        for o in entry.outputs
        for a, b in itertools.pairwise(ends)
    ]
    return float(sum(np.minimum(c, 10.0).sum() for c in change))


def _given(entry: Entry, name: str, x: np.ndarray) -> np.ndarray:
    """All numbers that the cases of this kind give for an input."""
    cases = [case for case in entry.generate() if case.kind == "smooth"]
    rows = [np.reshape(np.asarray(case.inputs[name], dtype=np.float64), -1) for case in cases]
    given = np.concatenate([np.reshape(x, -1).astype(np.float64), *rows])
    return given[np.isfinite(given)]


def _points(given: np.ndarray, x: np.ndarray, index: int, reach: float) -> np.ndarray:
    """Values around the entry that stay within what the method accepts, as its cases show."""
    here, low, high = float(np.reshape(x, -1)[index]), float(given.min()), float(given.max())
    if low >= 0 and high <= 1:
        return np.linspace(max(low, 1e-3), min(high, 1 - 1e-3), POINTS)
    usual = float(np.median(np.abs(x - np.median(x))))  # unlike the deviation, deaf to outliers
    spread = reach * min(max(1.5 * usual, 0.5), 10.0)
    if low < 0:  # on both sides of 0, where many functions bend
        return np.linspace(min(here - spread, -spread / 2), max(here + spread, spread / 2), POINTS)
    return np.linspace(max(here / 5, low), here + spread, POINTS)


def _varying(line: Line) -> list[tuple[str, int]]:
    """The entries of the outputs that change the most along the line."""
    found: dict[tuple[str, int], float] = {}
    values = [line.at(np.float64(t)) for t in line.points[::8]]
    for name in line.entry.outputs:
        rows = np.stack([np.reshape(np.asarray(v[name], dtype=np.float64), -1) for v in values])
        for k, spread in enumerate(np.ptp(rows, axis=0)):
            if np.isfinite(spread) and spread > 1e-9:
                found[name, k] = float(spread)
    first = {key: v for key, v in found.items() if key[0] == line.entry.outputs[0]}
    found = first if len(first) > 1 else found
    return sorted(sorted(found, key=lambda key: -found[key])[:CURVES])


def _read(outputs: Mapping[str, Any], chosen: list[tuple[str, int]]) -> Any:
    xp = ag.array_namespace(*outputs.values())
    return xp.stack([xp.reshape(outputs[name], (-1,))[k] for name, k in chosen])


def _names(line: Line, chosen: list[tuple[str, int]]) -> list[str]:
    shapes = {k: np.shape(v) for k, v in line.at(np.float64(line.points[0])).items()}
    texts = []
    for name, k in chosen:
        where = (
            ",".join(str(int(i)) for i in np.unravel_index(k, shapes[name])) if shapes[name] else ""
        )
        texts.append(f"{name}[{where}]" if where else name)
    return texts


def _value(line: Line, chosen: list[tuple[str, int]], params: Any = None) -> np.ndarray:
    """The chosen entries along the line, (points, entries)."""
    return np.stack(
        [np.asarray(_read(line.at(np.float64(t), params), chosen)) for t in line.points]
    )


def _slope(line: Line, chosen: list[tuple[str, int]], params: Any = None) -> np.ndarray:
    """Their gradients by the entry that moves, one pull for each: replaced ones are not linear."""
    rows = []
    for t in line.points:
        _, pull = ag.vjp(lambda t: _read(line.at(t, params), chosen), np.float64(t))
        rows.append([float(pull(unit)[0]) for unit in np.eye(len(chosen))])
    return np.array(rows)


def _values(axis: Any, *, line: Line, chosen: list[tuple[str, int]]) -> None:
    for row, text in zip(_value(line, chosen).T, _names(line, chosen), strict=True):
        axis.plot(line.points, row, label=text)
    axis.set(title="values", xlabel=line.label)
    axis.legend()


def _slopes(axis: Any, *, line: Line, chosen: list[tuple[str, int]]) -> None:
    for row, text in zip(_slope(line, chosen).T, _names(line, chosen), strict=True):
        axis.plot(line.points, row, label=text)
    axis.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
    kind = "derivative" if line.entry.is_derivative else "gradient (replaced)"
    axis.set(title=f"{kind} by {line.label}", xlabel=line.label)


def _sharper(axis: Any, *, line: Line, chosen: list[tuple[str, int]], read: Any) -> None:
    name, values = _sharpness(line.case) or ("", [])
    for value in values:
        rows = read(line, chosen, {**line.case.params, name: value})
        axis.plot(line.points, rows[:, 0], label=f"{value:.3g}")
    what = "" if read is _value else "slope of "
    axis.set(title=f"{what}{_names(line, chosen)[0]}, by {name}", xlabel=line.label)
    axis.legend()


def _bars(axis: Any, *, outputs: Mapping[str, Any]) -> None:
    """The values themselves, of a method that no input moves."""
    for name, value in outputs.items():
        row = np.reshape(np.asarray(value, dtype=np.float64), -1)[:24]
        axis.plot(np.arange(row.size), row, marker="o", linestyle="none", label=name)
    axis.set(title="values", xlabel="entry")
    axis.legend()


def _pictures(entry: Entry, case: Case) -> list[Callable[[Any], None]]:
    """Matrices and images, for three values of the sharpness where there is such a parameter."""
    outputs = entry.evaluate(inputs=case.inputs, params=case.params)
    name = next((k for k in entry.outputs if _picture(outputs[k]) is not None), None)
    if name is None:
        return []
    found = _sharpness(case)
    if not found:
        return [functools.partial(_show, image=_picture(outputs[name]), title=name)]
    panels = []
    for value in (found[1][0], found[1][2]):
        params = {**case.params, found[0]: value}
        image = _picture(entry.evaluate(inputs=case.inputs, params=params)[name])
        title = f"{name}, {found[0]} {value:.3g}"
        panels.append(functools.partial(_show, image=image, title=title))
    return panels


def _picture(array: Any) -> np.ndarray | None:
    """The array as something to look at: a matrix, or an image of four channels."""
    image = np.asarray(array, dtype=np.float64)
    while image.ndim > 2 and image.shape[0] <= 3:
        image = image[0]
    if image.ndim == 3 and image.shape[0] == 4:  # RGBA: its coverage
        image = image[3]
    return image if image.ndim == 2 and min(image.shape) >= 3 else None


def _show(axis: Any, *, image: np.ndarray, title: str) -> None:
    shown = axis.imshow(image, cmap="viridis")
    axis.set(title=title, xticks=[], yticks=[])
    axis.figure.colorbar(shown, ax=axis, shrink=0.8)


def _steps(entry: Entry, case: Case) -> Iterator[Callable[[Any], None]]:
    """What an optimiser does with a constant gradient, and with one that changes its sign."""
    name, values = _sharpness(case) or ("learning_rate", [0.1])
    steps = np.arange(1, 31)
    for title, signs in (("constant gradient", np.ones(30)), ("changing sign", (-1.0) ** steps)):
        inputs = {"parameter": np.zeros(1), "gradients": signs[:, None]}
        rows = {
            f"{v:.3g}": entry.evaluate(inputs=inputs, params={**case.params, name: v})["parameters"]
            for v in values
        }
        yield functools.partial(_path, steps=steps, rows=rows, title=f"{title}, by {name}")


def _path(axis: Any, *, steps: np.ndarray, rows: Mapping[str, Any], title: str) -> None:
    for text, row in rows.items():
        axis.plot(steps, np.asarray(row)[:, 0], label=text)
    axis.set(title=title, xlabel="step")
    axis.legend()
