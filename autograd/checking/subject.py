"""What `check_grads` checks: a function at a point, and its derivatives, whoever computes them.

Seen from outside, a `Subject` is a function of host arrays (those of the differentiated arguments)
with host arrays as outputs (the floating-point ones). Inside, it runs in a framework, at the
precision of the arguments or in float64. `Given` is a subject whose derivatives the caller wrote.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from .frameworks import FLOATS, dtype_name, is_any_array, is_floating, to_host

Arrays = list[np.ndarray]


class Subject:
    """`f` at the point `args`, differentiated in the arguments `argnums`.

    names, dtypes, hosts           of the differentiated arrays, in order; `hosts` in float64
    output_names, output_dtypes, output_shapes    of the floating-point outputs
    """

    source: str  # who computes the derivatives

    def __init__(self, f: Callable, args: tuple, argnums: Sequence[int], framework: Any) -> None:
        self.f, self.args, self.argnums, self.framework = f, args, list(argnums), framework
        self.source = framework.name
        named = f.func if isinstance(f, functools.partial) else f
        self.title = getattr(named, "__name__", None) or type(named).__name__
        labels = argument_names(f, len(args))
        self.names = [path for i in argnums for path in tree.paths(args[i], labels[i])]
        self.originals = [x for i in argnums for x in tree.leaves(args[i])]
        for name, x in zip(self.names, self.originals, strict=True):
            _check_floating(name, x)
        if not self.names:
            raise TypeError(f"{self.title}: no array in the arguments {self.argnums}")
        self.dtypes = [dtype_name(x) for x in self.originals]
        self.hosts = [to_host(x).astype(np.float64) for x in self.originals]
        with framework.precision():
            found = self.f(*self.arguments(self.leaves(self.hosts)))
        labelled = zip(tree.paths(found), tree.leaves(found), strict=True)
        kept = [(f"output{path}", y) for path, y in labelled if is_floating(y)]
        if not kept:
            got = "None" if found is None else [type(y).__name__ for y in tree.leaves(found)]
            raise TypeError(f"{self.title} returned {got}: expected floating-point arrays")
        self.output_names = [name for name, _ in kept]
        self.output_dtypes = [dtype_name(y) for _, y in kept]
        self.output_shapes = [tuple(np.shape(to_host(y))) for _, y in kept]

    def arguments(self, leaves: Sequence[Any], dtype: str | None = None) -> tuple:
        """The arguments of f with `leaves` in place and fresh copies of all other arrays, in the
        floating-point format `dtype` or, without it, their own."""
        rest = iter(leaves)

        def fixed(x: Any) -> Any:
            if not is_any_array(x):
                return x
            name = dtype_name(x)
            return self.framework.array(to_host(x), dtype if dtype and name in FLOATS else name, x)

        return tuple(
            tree.tree_map(lambda _: next(rest), a) if i in self.argnums else tree.tree_map(fixed, a)
            for i, a in enumerate(self.args)
        )

    def leaves(self, hosts: Arrays, dtype: str | None = None) -> list[Any]:
        """The differentiated arrays in the framework."""
        triples = zip(hosts, self.dtypes, self.originals, strict=True)
        return [self.framework.array(h, dtype or own, x) for h, own, x in triples]

    def outputs(self, dtype: str | None) -> Callable[..., list]:
        """f as a function of the differentiated arrays that lists its floating-point outputs."""

        def call(*leaves: Any) -> list:
            found = tree.leaves(self.f(*self.arguments(leaves, dtype)))
            return [self._as_array(y) for y in found if _has_float_dtype(y)]

        return call

    def _as_array(self, y: Any) -> Any:
        return self.framework.array(y, "float64", self.originals[0]) if type(y) is float else y

    def evaluate(self, hosts: Arrays, dtype: str | None = None) -> Arrays:
        """The floating-point outputs at `hosts`, in float64."""
        return [to_host(y).astype(np.float64) for y in self.run(hosts, dtype)]

    def run(self, hosts: Arrays, dtype: str | None = None) -> list[Any]:
        """The floating-point outputs at `hosts`, in the framework."""
        with self.framework.precision():
            return self.outputs(dtype)(*self.leaves(hosts, dtype))

    def pull(self, hosts: Arrays, dtype: str | None = None) -> Callable[[Arrays], list[Any]]:
        """The pull-back at `hosts`: cotangents of the outputs to gradients, in the framework."""
        with self.framework.precision():
            outputs, pull = self.framework.vjp(self.outputs(dtype), *self.leaves(hosts, dtype))

        def pull_back(cotangents: Arrays) -> list[Any]:
            with self.framework.precision():
                return list(pull(self._like(cotangents, outputs)))

        return pull_back

    def push(self, hosts: Arrays, tangents: Arrays, dtype: str | None = None) -> list[Any]:
        """The derivatives of the outputs along `tangents`, in the framework."""
        with self.framework.precision():
            leaves = self.leaves(hosts, dtype)
            moved = self.framework.jvp(self.outputs(dtype), leaves, self._like(tangents, leaves))
            return list(moved[1])

    def second(
        self, hosts: Arrays, cotangents: Arrays, tangents: Arrays, dtype: str | None = None
    ) -> list[Any]:
        """The derivatives of the gradients along `tangents`, at fixed cotangents."""
        with self.framework.precision():
            f, leaves = self.outputs(dtype), self.leaves(hosts, dtype)
            weights = self._like(cotangents, f(*leaves))
            along = self._like(tangents, leaves)
            return list(self.framework.hvp(f, leaves, weights, along))

    def _like(self, hosts: Arrays, arrays: Sequence[Any]) -> list[Any]:
        pairs = zip(hosts, arrays, strict=True)
        return [self.framework.array(h, dtype_name(x), x) for h, x in pairs]


class Given(Subject):
    """A subject with derivatives written by the caller, in terms of whole arguments: see
    `check_grads` for what `grad`, `vjp`, `jvp` and `hvp` receive and return."""

    def __init__(self, *args: Any, rules: dict[str, Callable | None]) -> None:
        super().__init__(*args)
        self.rules = rules
        self.source = " and ".join(f"the {name} given" for name, rule in rules.items() if rule)

    def pull(self, hosts: Arrays, dtype: str | None = None) -> Callable[[Arrays], list[Any]]:
        grad, vjp = self.rules["grad"], self.rules["vjp"]
        arguments = self.arguments(self.leaves(hosts, dtype), dtype)
        if vjp is not None:
            outputs, rebuild = self._structure(arguments)
            return lambda w: _leaves_with_none(vjp(arguments, rebuild(self._like(w, outputs))))
        if grad is None:
            raise NotImplementedError("no grad or vjp was given")
        gradients = _leaves_with_none(grad(*arguments))

        def scale(cotangents: Arrays) -> list[Any]:
            weight = float(cotangents[0].reshape(()))
            return [None if g is None else g * weight for g in gradients]

        return scale

    def push(self, hosts: Arrays, tangents: Arrays, dtype: str | None = None) -> list[Any]:
        jvp = self.rules["jvp"]
        if jvp is None:
            raise NotImplementedError("no jvp was given")
        leaves = self.leaves(hosts, dtype)
        along = self._grouped(self._like(tangents, leaves))
        return tree.leaves(jvp(self.arguments(leaves, dtype), along))

    def second(
        self, hosts: Arrays, cotangents: Arrays, tangents: Arrays, dtype: str | None = None
    ) -> list[Any]:
        hvp = self.rules["hvp"]
        if hvp is None:
            raise NotImplementedError("no hvp was given")
        leaves = self.leaves(hosts, dtype)
        arguments = self.arguments(leaves, dtype)
        outputs, rebuild = self._structure(arguments)
        along = self._grouped(self._like(tangents, leaves))
        return _leaves_with_none(hvp(arguments, rebuild(self._like(cotangents, outputs)), along))

    def _structure(self, arguments: tuple) -> tuple[list, Callable[[list], Any]]:
        """The floating-point outputs, and how to put cotangents of them in the output's place; None
        in place of other outputs."""
        leaves, rebuild = tree.flatten(self.f(*arguments))
        floating = [is_floating(y) for y in leaves]

        def place(cotangents: list) -> Any:
            rest = iter(cotangents)
            return rebuild([next(rest) if real else None for real in floating])

        return [y for y, real in zip(leaves, floating, strict=True) if real], place

    def _grouped(self, leaves: list) -> tuple:
        rest = iter(leaves)
        return tuple(tree.tree_map(lambda _: next(rest), self.args[i]) for i in self.argnums)


def argument_names(f: Callable, count: int) -> list[str]:
    """The names of the positional arguments of f; numbers where it has none.

    >>> argument_names(lambda x, *rest: x, 2)
    ['x', 'argument 1']
    """
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in simple][:count]
    return names + [f"argument {i}" for i in range(len(names), count)]


def _check_floating(name: str, x: Any) -> None:
    if is_floating(x):
        return
    kind = f"an array of dtype {x.dtype}" if hasattr(x, "dtype") else f"{x!r:.40}"
    raise TypeError(
        f"{name}: cannot differentiate with respect to {kind}; "
        "make it floating-point, or leave its argument out of argnums"
    )


def _has_float_dtype(y: Any) -> bool:
    """As `is_floating`, for traced arrays too."""
    return isinstance(y, float) or (hasattr(y, "dtype") and dtype_name(y) in FLOATS)


def _leaves_with_none(found: Any) -> list[Any]:
    """The leaves of a container of gradients, None among them."""
    parts = tree.children(found)
    if found is None or parts is None:
        return [found]
    return [leaf for _, part in parts for leaf in _leaves_with_none(part)]
