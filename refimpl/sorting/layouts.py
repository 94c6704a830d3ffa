"""Sorting networks as data: which wires each layer compares, and where smaller and larger go.

A comparator (a, b -> lo, hi) reads the wires a and b, writes the smaller value to wire lo and the
larger to wire hi ({a, b} = {lo, hi}). In one layer every wire is in at most one comparator; the
others pass through. A layout is a list of such layers: `networks.py` relaxes it, `apply_hard` runs
it as it is, and `sorts` decides whether it sorts. Everything here is host data (whole numbers) that
depends on n alone, and is cached.

    odd_even             n layers, n (n - 1) / 2 comparators between neighbours
    bitonic              K (K + 1) / 2 layers for 2^(K-1) < n <= 2^K; sorts for every n
    bitonic_published    the bitonic layout of diffsort 0.2.0; does not sort for n = 22, 38, ...
    from_comparators     any list of comparators, checked

`splitter.py` has a layout that finds the k largest only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from refimpl import autograd as ag
from refimpl.validation import choose, whole

Comparator = tuple[int, int, int, int]


class Layer(NamedTuple):
    """The wires that the c comparators of one layer read and write: four arrays of shape (c,)."""

    a: np.ndarray
    b: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


class Step(NamedTuple):
    """A layer by gathering: bring the wires into `order` (first all a, then all b, then the wires
    without a comparator), compare the first `comparators` with the next as many, leave the rest.

    Positions in `order` are those that the step before has left. `back` undoes `order`.
    """

    order: np.ndarray
    back: np.ndarray
    comparators: int


@dataclass(frozen=True, eq=False)
class Layout:
    """A comparator network on `size` wires."""

    size: int
    layers: tuple[Layer, ...]

    @property
    def comparators(self) -> int:
        """The number of comparators in all layers."""
        return sum(len(layer.a) for layer in self.layers)

    @functools.cached_property
    def steps(self) -> tuple[Step, ...]:
        """The layers as gathers, and a last step without comparators that brings wires into order.

        Carried out so, a layer costs one gather of whole wires and no scatter.
        """
        at = np.arange(self.size)  # where the step before has left every wire
        steps = []
        for layer in (*self.layers, Layer(*[at[:0]] * 4)):
            idle = np.ones(self.size, dtype=bool)
            idle[layer.a] = idle[layer.b] = False
            rest = np.flatnonzero(idle)
            order = at[np.concatenate([layer.a, layer.b, rest])]
            steps.append(Step(order, _inverse(order), len(layer.a)))
            at = _inverse(np.concatenate([layer.lo, layer.hi, rest]))
        return tuple(steps)

    def as_lists(self) -> list[list[Comparator]]:
        """Every layer as a list of (a, b, lo, hi)."""
        return [list(zip(*map(np.ndarray.tolist, layer), strict=True)) for layer in self.layers]

    def __repr__(self) -> str:
        counts = f"{len(self.layers)} layers, {self.comparators} comparators"
        return f"<Layout: {self.size} wires, {counts}>"


def _inverse(order: np.ndarray) -> np.ndarray:
    """The inverse of a permutation."""
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse


def pack(size: int, layers: Iterable[Sequence[Comparator] | np.ndarray]) -> Layout:
    """A layout from comparators, rows of (a, b, lo, hi), that are known to be valid."""

    def packed(layer: Sequence[Comparator] | np.ndarray) -> Layer:
        columns = np.ascontiguousarray(np.asarray(layer, dtype=np.int64).reshape(-1, 4).T)
        columns.setflags(write=False)  # layouts are shared between callers
        return Layer(*columns)

    return Layout(size, tuple(map(packed, layers)))


@functools.lru_cache(maxsize=32)
def odd_even(n: int) -> Layout:
    """Odd-even transposition: layer l compares (i, i + 1) for i = l mod 2, l mod 2 + 2, ...

    >>> odd_even(4).as_lists()
    [[(0, 1, 0, 1), (2, 3, 2, 3)], [(1, 2, 1, 2)], [(0, 1, 0, 1), (2, 3, 2, 3)], [(1, 2, 1, 2)]]
    """
    layers = [[(i, i + 1, i, i + 1) for i in range(start, n - 1, 2)] for start in (0, 1)]
    return pack(n, (layers[layer % 2] for layer in range(n)))


def _bitonic_steps(n: int) -> Iterator[tuple[int, int]]:
    """(block k, step t) of each layer; block k merges sorted runs of 2^k wires in pairs."""
    return ((k, t) for k in range((n - 1).bit_length()) for t in range(k + 1))


@functools.lru_cache(maxsize=32)
def bitonic(n: int) -> Layout:
    """The bitonic network that sorts for every n, with the smaller value always on the lower wire.

    The first step of block k compares wire i with its mirror image i XOR (2^(k+1) - 1), the later
    steps with i XOR 2^(k-t). Comparators that reach beyond wire n - 1 are left out: those wires can
    be thought of as holding +infinity, which no comparator here moves, so what is left still sorts.

    >>> bitonic(3).as_lists()
    [[(0, 1, 0, 1)], [(1, 2, 1, 2)], [(0, 1, 0, 1)]]
    """

    wires = np.arange(n)

    def layer(k: int, t: int) -> np.ndarray:
        partner = wires ^ (2 ** (k + 1) - 1 if t == 0 else 2 ** (k - t))
        kept = (wires < partner) & (partner < n)
        low, high = wires[kept], partner[kept]
        return np.stack([low, high, low, high], axis=-1)

    return pack(n, (layer(k, t) for k, t in _bitonic_steps(n)))


@functools.lru_cache(maxsize=32)
def bitonic_published(n: int) -> Layout:
    """The bitonic layout of diffsort 0.2.0, for comparing numbers with it.

    Runs are sorted up and down in turn, so the smaller value of a comparator may go to the higher
    wire. The network for N = 2^K >= n wires loses its first N - n wires, in falling runs too, where
    they would have had to move. What is left does not sort for n = 22, 38, 42-46, 54, 70, ...
    It does for n <= 21 and for powers of two.

    >>> bitonic_published(4).as_lists()
    [[(0, 1, 0, 1), (2, 3, 3, 2)], [(0, 2, 0, 2), (1, 3, 1, 3)], [(0, 1, 0, 1), (2, 3, 2, 3)]]
    """
    cut = 2 ** (n - 1).bit_length() - n

    def layer(k: int, t: int) -> Iterator[Comparator]:
        m = 2 ** (k - t)
        for i in range(cut, cut + n):
            if not i & m:
                a, b = i - cut, i + m - cut
                falling = i >> (k + 1) & 1
                yield (a, b, b, a) if falling else (a, b, a, b)

    return pack(n, (list(layer(k, t)) for k, t in _bitonic_steps(n)))


def from_comparators(layers: Sequence[Sequence[Sequence[int]]], size: int) -> Layout:
    """A layout from layers of comparators (a, b, lo, hi), or (a, b) for the smaller one on wire a.

    The list need not sort. Raises ValueError, naming layer and comparator, for a wire outside
    0..size-1, a wire in two comparators of one layer, or {a, b} != {lo, hi}; TypeError for wires
    that are not whole numbers.

    >>> from_comparators([[(0, 1), (2, 3)], [(0, 2), (1, 3)], [(1, 2)]], size=4)
    <Layout: 4 wires, 3 layers, 5 comparators>
    """
    if not _is_list(layers):
        raise TypeError(
            f"network: expected a name or a list of layers of (a, b, lo, hi), got {layers!r}"
        )
    return pack(size, [_checked(layer, number, size) for number, layer in enumerate(layers)])


def _checked(layer: Any, number: int, size: int) -> list[Comparator]:
    if not _is_list(layer):
        raise TypeError(f"network: expected layer {number} as a list of comparators, got {layer!r}")
    checked: list[Comparator] = []
    busy: set[int] = set()
    for comparator in layer:
        where = f"network: layer {number}, comparator {comparator!r}"
        if not _is_list(comparator) or len(comparator) not in (2, 4):
            raise TypeError(f"{where}: expected (a, b, lo, hi) or (a, b)")
        wires = [whole(wire, where) for wire in comparator]
        a, b, lo, hi = (*wires[:2], *wires[-2:])
        if {a, b} != {lo, hi} or a == b:
            raise ValueError(f"{where}: expected two wires a, b and the same two as lo, hi")
        if max(a, b) >= size:
            raise ValueError(f"{where}: expected wires 0..{size - 1} for {size} values")
        if busy & {a, b}:
            raise ValueError(f"{where}: one of its wires is in another comparator of this layer")
        busy |= {a, b}
        checked.append((a, b, lo, hi))
    return checked


def _is_list(x: Any) -> bool:
    return isinstance(x, (Sequence, np.ndarray)) and not isinstance(x, (str, bytes))


NETWORKS: dict[str, Callable[[int], Layout]] = {
    "odd_even": odd_even,
    "bitonic": bitonic,
    "bitonic_published": bitonic_published,
}


def find_layout(network: Any, n: int) -> Layout:
    """The layout for n wires from its name in `NETWORKS`, a Layout or a list of comparators."""
    if isinstance(network, Layout):
        if network.size != n:
            raise ValueError(
                f"network: got a layout for {network.size} values, expected one for {n}"
            )
        return network
    if isinstance(network, str):
        return NETWORKS[choose(network, NETWORKS, "network")](n)
    return from_comparators(network, n)


def apply_hard(layout: Layout, x: Any) -> Any:
    """Run the network as it is, with minimum and maximum: (..., n) -> (..., n).

    >>> apply_hard(odd_even(3), np.array([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    xp = ag.array_namespace(x)
    wires = [x[..., i] for i in range(layout.size)]
    for layer in layout.as_lists():
        for a, b, lo, hi in layer:
            wires[lo], wires[hi] = xp.minimum(wires[a], wires[b]), xp.maximum(wires[a], wires[b])
    return xp.stack(wires, axis=-1)


def sorts(layout: Layout, last: int | None = None) -> bool:
    """Whether the network sorts every input, decided by trying all 2^n inputs of zeros and ones.

    The 0-1 principle (Knuth, The Art of Computer Programming 3, section 5.3.4, theorem Z): a
    network that sorts all inputs of zeros and ones sorts everything. A wire holds its truth table
    over the 2^n inputs, one bit each, so minimum and maximum are AND and OR. With `last`, only that
    many of the last wires are compared with the sorted input. ValueError for n > 24.

    >>> sorts(bitonic(11)), sorts(from_comparators([[(0, 1)], [(1, 2)]], size=3))
    (True, False)
    """
    n = layout.size
    if n > 24:
        raise ValueError(f"sorts: expected at most 24 wires, got {n} (2^{n} inputs are too many)")
    inputs = np.arange(2**n, dtype=np.uint32)
    ones = np.zeros(2**n, dtype=np.uint8)
    wires = []
    for i in range(n):
        bit = (inputs >> i & 1).astype(bool)
        ones += bit
        wires.append(np.packbits(bit))
    for layer in layout.as_lists():
        for a, b, lo, hi in layer:
            wires[lo], wires[hi] = wires[a] & wires[b], wires[a] | wires[b]
    first = 0 if last is None else n - last
    return all(np.array_equal(wires[j], np.packbits(ones >= n - j)) for j in range(first, n))
