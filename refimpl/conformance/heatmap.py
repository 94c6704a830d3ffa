"""Heat maps of a tensor that differs: the result, the reference, and how far apart they are.

Inline SVG without scripts: every cell is a rectangle with its index and its number as a tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from html import escape

import numpy as np

from refimpl.autograd.compare import distance

from .failure import Failure

CELLS = 24  # rows and columns shown; a larger tensor is shown around its worst element
WIDTH = 240  # pixels of a map, at most
LARGEST = 30  # pixels of a cell, at most
Slice = tuple[np.ndarray, list[str]]


def heat_maps(failure: Failure) -> str:
    """Three maps side by side, or "" where there is nothing to draw."""
    got, right = np.asarray(failure.got, float), np.asarray(failure.right, float)
    if got.shape != right.shape or got.size < 2 or failure.result.index is None:
        return ""
    window = Window(right.shape, failure.result.index)
    finite = np.abs(right[np.isfinite(right)])
    scale = float(finite.max(initial=0.0)) or 1.0
    signed = [("yours", got), ("reference", right)]
    maps = [_map(title, window, array, lambda v: _diverging(v / scale)) for title, array in signed]
    off = distance(got, right)
    limit = failure.result.limit or math.ulp(scale)
    maps.append(_map("difference", window, off, lambda v: _orders(v, limit)))
    words = f"{window.words}; " if window.words else ""
    words += (
        f"blue -{scale:.3g}, white 0, red {scale:.3g}; differences beyond the tolerance are red, "
    )
    words += "darker by orders of magnitude; the frame is the worst element"
    return f'<div><div class="maps">{"".join(maps)}</div><p class="small">{escape(words)}</p></div>'


class Window:
    """The part of a tensor that is drawn: its last two axes, around the worst element.

    words   which part, when it is not all of the tensor
    """

    def __init__(self, shape: tuple[int, ...], worst: tuple[int, ...]) -> None:
        self.leading = worst[:-2]
        rows = shape[-2] if len(shape) > 1 else 1
        self.flat = len(shape) < 2
        worst2 = worst[-2:] if not self.flat else (0, worst[0])
        self.rows, self.columns = _around(worst2[0], rows), _around(worst2[1], shape[-1])
        self.worst = worst2
        whole = (len(self.rows), len(self.columns)) == (rows, shape[-1])
        part = "" if whole else "the part around the worst element; "
        at = ", ".join(map(str, self.leading))
        where = f"at [{at}, ...]; " if self.leading else ""
        self.words = f"{where}{part}".rstrip("; ")

    def cells(self, array: np.ndarray) -> Iterator[tuple[int, int, tuple[int, ...], float]]:
        """Row and column on the map, index and number of each element that is drawn."""
        for y, i in enumerate(self.rows):
            for x, j in enumerate(self.columns):
                index = (j,) if self.flat else (*self.leading, i, j)
                yield y, x, index, float(array[index])


def _around(centre: int, length: int) -> range:
    start = min(max(0, centre - CELLS // 2), max(0, length - CELLS))
    return range(start, min(length, start + CELLS))


def _map(title: str, window: Window, array: np.ndarray, colour: Callable[[float], str]) -> str:
    size = min(LARGEST, WIDTH // max(len(window.columns), len(window.rows)))
    width, height = len(window.columns) * size, len(window.rows) * size
    parts = []
    for y, x, index, value in window.cells(array):
        label = f"{list(index)}: {value:.9g}"
        parts.append(
            f'<rect x="{x * size}" y="{y * size}" width="{size}" height="{size}" '
            f'fill="{colour(value)}"><title>{escape(label)}</title></rect>'
        )
    y, x = window.rows.index(window.worst[0]), window.columns.index(window.worst[1])
    parts.append(
        f'<rect class="worst" x="{x * size + 1}" y="{y * size + 1}" '
        f'width="{size - 2}" height="{size - 2}"/>'
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg role="img" aria-label="heat map: {escape(title)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">{"".join(parts)}</svg></figure>'
    )


_BLUE, _WHITE, _RED, _GREY = (33, 102, 172), (247, 247, 247), (178, 24, 43), "#777"


def _diverging(t: float) -> str:
    """Blue for -1, white for 0, red for 1; grey for what is not a number."""
    if math.isnan(t):
        return _GREY
    end = _RED if t > 0 else _BLUE
    return _mixed(_WHITE, end, min(1.0, abs(t)))


def _orders(off: float, limit: float) -> str:
    """White up to the tolerance, then darker with the orders of magnitude beyond it."""
    if math.isinf(off):
        return _GREY
    beyond = math.log10(off / limit) if off > limit else 0.0
    return _mixed(_WHITE, _RED, min(1.0, 0.2 + beyond / 16) if beyond else 0.0)


def _mixed(one: tuple[int, ...], two: tuple[int, ...], t: float) -> str:
    channels = (round(a + (b - a) * t) for a, b in zip(one, two, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in channels)
