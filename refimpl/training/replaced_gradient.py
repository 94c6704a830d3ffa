"""Replaced gradients that torch and JAX follow too.

`custom_vjp` replaces the gradient that the engine takes. Where torch or JAX differentiate by
themselves, they would see through the function to its plain derivative, and a layer that is meant
to have another gradient would silently have the ordinary one. `replaced_gradient` hands the same
rule to them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..autograd import Array, custom_vjp, is_array, is_traced, tree_flatten
from ..autograd.libraries import library_of


class replaced_gradient(custom_vjp):  # noqa: N801  # a decorator
    """`custom_vjp`, also for the backward passes of torch and JAX.

    Arguments by position are arrays or numbers, the result is one array; keywords are options. In
    torch and JAX the rule has first derivatives only.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> @replaced_gradient
    ... def doubled(x):
    ...     return x
    >>> doubled.defvjp(lambda x: (x, None), lambda _, g: (2 * g,))
    >>> float(grad(lambda x: 3 * doubled(x))(1.0))
    6.0
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        arrays = [x for x in args if is_array(x)]
        bridge = None if any(map(is_traced, arrays)) else _BRIDGES.get(library_of(*arrays).name)
        if bridge is None or self._forward is None or self._backward is None:
            return super().__call__(*args, **options)
        forward, backward = self._forward, self._backward

        def merged(given: tuple[Array, ...]) -> list[Any]:
            found = iter(given)
            return [next(found) if is_array(x) else x for x in args]

        def run(*given: Array) -> tuple[Array, Any]:
            return forward(*merged(given), **options)

        def pull(residuals: Any, g: Array) -> list[Array]:
            gradients = backward(residuals, g)
            return [c for x, c in zip(args, gradients, strict=True) if is_array(x)]

        return bridge(run, pull, arrays)


Run = Callable[..., tuple[Array, Any]]
Pull = Callable[[Any, Array], list[Array]]


def _through_torch(run: Run, pull: Pull, arrays: list[Array]) -> Array:
    torch: Any = importlib.import_module("torch")
    if not torch.is_grad_enabled() or not any(x.requires_grad for x in arrays):
        return run(*arrays)[0]

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Array) -> Array:
            output, ctx.residuals = run(*tensors)
            return output

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, g: Array) -> tuple[Array, ...]:
            return tuple(pull(ctx.residuals, g))

    return Rule.apply(*arrays)


def _through_jax(run: Run, pull: Pull, arrays: list[Array]) -> Array:
    jax = importlib.import_module("jax")
    fixed: list[Any] = []  # the residuals' structure and what in them is no array

    def forward(*given: Array) -> tuple[Array, list[Array]]:
        output, residuals = run(*given)
        leaves, rebuild = tree_flatten(residuals)
        fixed[:] = [rebuild, [None if is_array(x) else x for x in leaves]]
        return output, [x for x in leaves if is_array(x)]

    def backward(kept: list[Array], g: Array) -> tuple[Array, ...]:
        rebuild, others = fixed
        found = iter(kept)
        return tuple(pull(rebuild([next(found) if x is None else x for x in others]), g))

    rule = jax.custom_vjp(lambda *given: run(*given)[0])
    rule.defvjp(forward, backward)
    return rule(*arrays)


_BRIDGES: dict[str, Callable[[Run, Pull, list[Array]], Array]] = {
    "torch": _through_torch,
    "jax": _through_jax,
}
