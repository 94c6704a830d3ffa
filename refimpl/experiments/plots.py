"""Plots of results, where matplotlib is installed, and pictures, where Pillow is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..rendering.pictures import write_gif, write_png


def curves(
    path: Path,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    *,
    log_y: bool = False,
) -> None:
    """A picture of named lines (x, y)."""
    figure, axes = _axes()
    if axes is None:
        return
    for number, (name, (x, y)) in enumerate(lines.items()):
        axes.plot(x, y, label=name, linestyle=("-", "--", ":")[number // 10 % 3], marker=".")
    if log_y:
        axes.set_yscale("log")
    figure.legend(loc="outside right center", fontsize="x-small")
    _finish(figure, axes, path, x_label, y_label)


def bars(path: Path, heights: Mapping[str, float], label: str) -> None:
    """A picture of named bars, the longest on top."""
    figure, axes = _axes()
    if axes is None:
        return
    ordered = sorted(heights.items(), key=lambda item: item[1])
    axes.barh([name for name, _ in ordered], [height for _, height in ordered])
    _finish(figure, axes, path, label, "")


def picture(path: Path, image: np.ndarray) -> None:
    """A picture (H, W) or (H, W, 3) in [0, 1]."""
    try:
        write_png(path, image)
    except ImportError as error:
        print(f"no {path.name}: {error}")


def animation(path: Path, frames: Sequence[np.ndarray], *, seconds: float) -> None:
    """A picture that moves, and stays on its last frame for a while."""
    try:
        write_gif(path, [*frames, *[frames[-1]] * 10], seconds=seconds)
    except ImportError as error:
        print(f"no {path.name}: {error}")


def _axes() -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: it needs matplotlib (pip install 'refimpl[plot]')")
        return None, None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    return figure, figure.subplots()


def _finish(figure: Any, axes: Any, path: Path, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    figure.savefig(path)
