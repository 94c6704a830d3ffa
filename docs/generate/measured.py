"""Figures of what was measured: drawn from the tables of the pages themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from .figures import drawing
from .style import figure

PAGES = Path(__file__).resolve().parents[1]
SHOWN = ("odd_even-optimal", "odd_even-logistic", "odd_even-gaussian", "transport", "neuralsort",
         "fast_l2", "blackbox", "error_free")  # fmt: skip
SIZES = (5, 7, 9, 15, 32)


@drawing
def sorters() -> Any:
    """Sets right for n = 5 and each seed; places right for all n."""
    rows = table("experiments.md", "published: sets right")
    longer = {row[0]: row for row in reversed(table("experiments.md", "n = 3, sets"))}
    picture, (left, right) = figure(1, 2)
    picture.set_size_inches(7.4, 4.4)
    picture.subplots_adjust(left=0.21, right=0.98, bottom=0.11, top=0.93, wspace=0.16)
    for height, row in enumerate(reversed(rows)):
        seeds = numbers(row[2])
        left.plot(seeds, [height] * len(seeds), "o-", color="#0b5cad", markersize=3.5, linewidth=1)
    left.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)], fontsize=7)
    left.set(title="n = 5: sets in the right order, %", xlim=(0, 60), ylim=(-0.7, len(rows) - 0.3))
    left.grid(axis="both", alpha=0.3)
    for number, name in enumerate(SHOWN):
        places = [numbers(row[4])[0] for row in rows if row[0] == name]
        places += [numbers(text)[1] for text in longer[name][2:5]]
        places.append(numbers(longer[name][5])[0])
        right.plot(SIZES, places, "-o" if number < 6 else "--o", markersize=3, label=name)
    published = [
        92.7,
        *(numbers(text)[1] for text in longer["*published [N], deterministic*"][2:5]),
    ]
    right.plot(SIZES[:4], published, ":", color="#6f42c1", label="neuralsort, published")
    n = np.arange(5, 33)
    right.plot(n, 100 / n, color="0.6", linewidth=1, label="chance")
    right.set(title="images at the right place, %", xlabel="n", ylim=(0, 132))
    right.set(xscale="log", yticks=range(0, 101, 20))
    right.set_xticks(SIZES, SIZES)
    right.minorticks_off()
    right.grid(alpha=0.3)
    right.legend(ncol=2, loc="upper center", fontsize=6.5)
    return picture


def table(page: str, header: str) -> list[list[str]]:
    """The rows of the table of a page whose header has these words."""
    text = (PAGES / page).read_text(encoding="utf-8")
    found = re.search(rf"(?m)^\|[^\n]*{re.escape(header)}[^\n]*\n\|[-| ]+\n((?:\|.*\n)+)", text)
    if found is None:
        raise ValueError(f"{page}: no table whose header has {header!r}")
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in found[1].splitlines()]


def numbers(cell: str) -> list[float]:
    """The numbers in a cell."""
    return [float(text) for text in re.findall(r"\d+(?:\.\d+)?", cell)]


@drawing
def logic_course() -> Any:
    """Loss and accuracy of the circuit in the course of a training."""
    rows = [[float(cell.replace(" ", "")) for cell in row] for row in table(
        "experiments-logic.md", "steps | loss, training")]  # fmt: skip
    steps, losses, correct = zip(*rows, strict=True)
    picture, (left, right) = figure(1, 2)
    left.plot(steps, losses, marker="o", markersize=3)
    left.set(title="loss, training", ylim=(0, None))
    right.plot(steps, correct, marker="o", markersize=3)
    right.axhline(97.69, color="0.6", linestyle="--", label="published, 200 000 steps")
    right.set(title="circuit, test %")
    for axis in (left, right):
        axis.set(xlabel="steps", xticks=range(0, 15001, 5000), xlim=(0, 15500))
    right.legend(loc="lower right")
    return picture
