"""Copies and frames, whose gradients are sums and slices."""

from __future__ import annotations

from collections.abc import Iterator

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.spec import Case

from .registration import STANDARD, Rng, operation


def _stretched(rng: Rng) -> Iterator[Case]:
    choices = {"leading": ((3,), (2, 3)), "middle": ((2, 1, 3), (2, 4, 3)), "scalar": ((), (2, 2))}
    for name, (shape, wanted) in choices.items():
        inputs = {"x": rng.normal(size=shape)}
        yield Case(name, inputs, {"shape": wanted}, flags=("broadcasting",))
    inputs = {"x": rng.normal(size=(1, 3))}
    yield Case("none", inputs, {"shape": (0, 3)}, kind="edge", flags=("batch0",))


@operation(STANDARD, _stretched)
def broadcast_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """x repeated along new axes, and along those of length one.

    dy = broadcast_to(dx)
    """
    return ag.array_namespace(x).broadcast_to(x, tuple(shape))


def _repeated(rng: Rng) -> Iterator[Case]:
    for repeats, axis in ((2, 0), (3, -1), (2, 1)):
        inputs = {"x": rng.normal(size=(2, 3))}
        name = f"{repeats}-axis{axis}".replace("axis-1", "last")
        yield Case(name, inputs, {"repeats": repeats, "axis": axis})
    inputs = {"x": rng.normal(size=(2, 3))}
    yield Case("none", inputs, {"repeats": 0, "axis": 0}, kind="edge", flags=("batch0",))


@operation(STANDARD, _repeated)
def repeat(x: Array, *, repeats: int, axis: int) -> Array:
    """Each part of x that often along the axis, one copy next to the other.

    dy = repeat(dx)
    """
    return ag.array_namespace(x).repeat(x, repeats, axis=axis)


def _framed(rng: Rng) -> Iterator[Case]:
    for before, after, value in ((1, 2, 0.0), (0, 1, 5.0)):
        params = {"before": before, "after": after, "value": value}
        yield Case(f"{before}and{after}", {"x": rng.normal(size=(2, 3))}, params)
    params = {"before": 0, "after": 0}
    yield Case("no-frame", {"x": rng.normal(size=(2,))}, params, kind="edge")


@operation("NumPy's pad with a constant", _framed)
def pad(x: Array, *, before: int, after: int, value: float = 0.0) -> Array:
    """x with that many values before and after it along each axis.

    dy = dx in a frame of zeros
    """
    return ag.pad(x, (before, after), value)
