"""The engine's overhead beside HIPS autograd, MyGrad, torch eager and plain NumPy.

Three workloads: 1000 operations on 10 numbers (pure overhead), a relaxed odd-even sorting network
(n = 16, batch 100), and a perceptron 784-256-10 (batch 128); each is a gradient in float64, and
"numpy" is the forward pass alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from refimpl.autograd import array_namespace, grad

from .measure import interleaved, rows


def chain(xp: Any, x: Any) -> Any:
    """250 times four operations."""
    for _ in range(250):
        x = xp.sin(x)
        x = x * 1.01
        x = x + x
        x = xp.tanh(x)
    return xp.sum(x)


def odd_even(xp: Any, x: Any) -> Any:
    """A relaxed odd-even network and the sum of its outputs, weighted by position."""
    batch, n = x.shape
    for layer in range(n):
        first = layer % 2
        last = n - (n - first) % 2
        a, b = x[:, first:last:2], x[:, first + 1 : last : 2]
        s = 1.0 / (1.0 + xp.exp((a - b) * 4.0))
        lower, upper = s * a + (1.0 - s) * b, (1.0 - s) * a + s * b
        swapped = xp.reshape(xp.stack([lower, upper], axis=-1), (batch, last - first))
        x = xp.concat([x[:, :first], swapped, x[:, last:]], axis=1)
    return xp.sum(x * xp.positions)


def perceptron(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Mean squared error of one hidden layer."""
    y = xp.matmul(xp.tanh(xp.matmul(xp.images, w1) + b1), w2) + b2
    return xp.sum((y - xp.labels) ** 2) / 1280.0


def _inputs() -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    return {
        "1000 operations on 10 numbers": [np.linspace(0.1, 1.0, 10)],
        "odd-even network n=16, batch 100": [rng.normal(size=(100, 16))],
        "perceptron 784-256-10, batch 128": [
            rng.normal(size=(784, 256)) / 28, np.zeros(256),
            rng.normal(size=(256, 10)) / 16, np.zeros(10),
        ],
    }  # fmt: skip


WORKLOADS: dict[str, Callable[..., Any]] = {
    "1000 operations on 10 numbers": chain,
    "odd-even network n=16, batch 100": odd_even,
    "perceptron 784-256-10, batch 128": perceptron,
}
TARGETS = {"1000 operations on 10 numbers": {"torch": 1.0, "HIPS autograd": 1 / 3, "MyGrad": 1 / 3}}


def _constants(convert: Callable[[np.ndarray], Any]) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "positions": convert(np.linspace(-1.0, 1.0, 16)),
        "images": convert(rng.uniform(size=(128, 784))),
        "labels": convert(np.eye(10)[rng.integers(0, 10, 128)]),
    }


def _names(library: Any, convert: Callable[[np.ndarray], Any] = lambda a: a, **own: Any) -> Any:
    """The functions used above, under one name, whatever a library calls them."""
    plain = ("sin", "tanh", "exp", "sum", "matmul", "reshape", "stack")
    found = {name: getattr(library, name) for name in plain if name not in own}
    return SimpleNamespace(**{**found, **_constants(convert), **own})


def _numpy(work: Callable, arrays: list) -> Callable[[], Any]:
    return lambda: work(_names_numpy, *arrays)


_names_numpy = _names(np, concat=np.concat)


def _refimpl(work: Callable, arrays: list) -> Callable[[], Any]:
    constants = _constants(lambda a: a)

    def loss(*parameters: Any) -> Any:
        xp = array_namespace(*parameters)
        names = SimpleNamespace(
            **constants, sin=xp.sin, tanh=xp.tanh, exp=xp.exp, sum=xp.sum, matmul=xp.matmul,
            reshape=xp.reshape, stack=xp.stack, concat=xp.concat,
        )  # fmt: skip
        return work(names, *parameters)

    gradient = grad(loss, argnums=tuple(range(len(arrays))))
    return lambda: gradient(*arrays)


def _hips(work: Callable, arrays: list) -> Callable[[], Any]:
    hips = importlib.import_module("autograd")
    library = importlib.import_module("autograd.numpy")
    names = _names(library, concat=library.concatenate)
    gradient = hips.grad(lambda *p: work(names, *p), argnum=tuple(range(len(arrays))))
    return lambda: gradient(*arrays)


def _mygrad(work: Callable, arrays: list) -> Callable[[], Any]:
    mygrad = importlib.import_module("mygrad")
    names = _names(mygrad, concat=mygrad.concatenate)

    def run() -> Any:
        parameters = [mygrad.tensor(a) for a in arrays]
        work(names, *parameters).backward()
        return [p.grad for p in parameters]

    return run


def _torch(work: Callable, arrays: list) -> Callable[[], Any]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    names = _names(torch, torch.tensor, concat=torch.cat)

    def run() -> Any:
        parameters = [torch.tensor(a, requires_grad=True) for a in arrays]
        return torch.autograd.grad(work(names, *parameters), parameters)

    return run


CONTESTANTS = {
    "refimpl": _refimpl, "torch": _torch, "HIPS autograd": _hips, "MyGrad": _mygrad,
    "numpy": _numpy,
}  # fmt: skip


def run(repeats: int = 30) -> list[dict[str, Any]]:
    """Rows of the table; peers that are not installed are left out, and named by `missing()`."""
    results: list[dict[str, Any]] = []
    inputs = _inputs()
    for workload, work in WORKLOADS.items():
        contestants = {}
        for name, make in CONTESTANTS.items():
            if name not in missing():
                contestants[name] = make(work, inputs[workload])
        results += rows(workload, interleaved(contestants, repeats), targets=TARGETS.get(workload))
    return results


def missing() -> list[str]:
    """Peers that cannot be imported here. (The repository's folder autograd/ is not HIPS.)"""
    absent = []
    for name, module in {
        "torch": "torch",
        "HIPS autograd": "autograd.numpy",
        "MyGrad": "mygrad",
    }.items():
        try:
            importlib.import_module(module)
        except ImportError:
            absent.append(name)
    return absent
