"""How all figures look: small, on white, the same bytes in every build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

mpl.use("Agg")
SETTINGS = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "refimpl",
    "svg.fonttype": "path",
    "axes.prop_cycle": mpl.cycler(
        color=["#0b5cad", "#d1495b", "#2e8b57", "#e08e0b", "#6f42c1", "#555555"]
    ),
}
mpl.rcParams.update(SETTINGS)


def figure(rows: int = 1, columns: int = 2, height: float = 2.6) -> tuple[Any, list[Any]]:
    """A figure of panels, and the panels as a flat list."""
    size = (3.4 * columns, height * rows)
    picture, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    edge = 1.0 / rows  # margins in inches do not depend on the number of panels
    picture.subplots_adjust(
        left=0.16 / columns, right=1 - 0.03 / columns, bottom=0.17 * edge, top=1 - 0.1 * edge,
        wspace=0.25, hspace=0.45,
    )  # fmt: skip
    return picture, list(np.ravel(axes))


def save(picture: Any, path: Path) -> Path:
    """Write the figure as SVG and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, metadata={"Date": None})
    plt.close(picture)
    return path
