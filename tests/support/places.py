"""Where arrays can live other than in NumPy: a pretended GPU, another device of the strict array
API, a GPU. Tests that are written over places run unchanged on all of them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import guarded
import guarded_cupy  # noqa: F401  # registers the guarded arrays with the engine
import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd.tree import tree_map


class Place(NamedTuple):
    """`put` moves a NumPy array there and `get` brings it back; `check(x)` asserts that an array
    is there.
    """

    name: str
    put: Callable[[np.ndarray], Any]
    get: Callable[[Any], np.ndarray]
    check: Callable[[Any], None]

    def put_all(self, tree: Any) -> Any:
        return tree_map(lambda x: self.put(x) if isinstance(x, np.ndarray) else x, tree)

    def get_all(self, arrays: Any) -> list[np.ndarray]:
        """Host copies of arrays that must all be there."""
        copies = []
        for x in arrays:
            self.check(x)
            copies.append(self.get(x))
        return copies


def _guarded() -> Place:
    def check(x: Any) -> None:
        assert isinstance(x, guarded.GuardedArray), type(x)

    return Place("guarded", guarded.to_device, guarded.to_host, check)


def _strict() -> Place:
    strict = pytest.importorskip("array_api_strict", reason="needs array_api_strict")
    device = strict.Device("device1")

    def check(x: Any) -> None:
        assert x.device == device

    return Place("strict", lambda x: strict.asarray(x, device=device), ag.to_numpy, check)


def _cupy() -> Place:
    cupy = importlib.import_module("cupy")

    def check(x: Any) -> None:
        assert isinstance(x, cupy.ndarray), type(x)

    return Place("cupy", cupy.asarray, cupy.asnumpy, check)


_MAKERS = {"guarded": _guarded, "strict": _strict, "cupy": _cupy}


@functools.cache
def find(name: str) -> Place:
    return _MAKERS[name]()


def places(*names: str) -> Any:
    """A decorator that gives a test the name of each place; those without a device are skipped."""
    marks = {"cupy": [pytest.mark.gpu], "strict": [pytest.mark.framework("array_api_strict")]}
    return pytest.mark.parametrize(
        "place", [pytest.param(name, marks=marks.get(name, [])) for name in names or _MAKERS]
    )


_DEFERRING = (
    "add", "sub", "mul", "truediv", "pow", "matmul", "mod", "lt", "le", "gt", "ge", "eq", "ne",
)  # fmt: skip


@contextmanager
def deferring(name: str) -> Iterator[Place]:
    """The place, with the strict arrays' operators leaving traced arrays to the traced arrays'.

    NumPy, CuPy, torch and JAX do so; array-api-strict raises TypeError for `array * traced`.
    """
    place = find(name)
    with pytest.MonkeyPatch.context() as patch:
        if name == "strict":
            kind = type(place.put(np.zeros(1)))
            for method in (f"__{n}__" for n in _DEFERRING):
                patch.setattr(kind, method, _deferring(getattr(kind, method)))
        yield place


def _deferring(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def call(self: Any, other: Any) -> Any:
        return NotImplemented if ag.is_traced(other) else method(self, other)

    return call
