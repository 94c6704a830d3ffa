"""torch.optim as an implementation of the first-order optimisers.

    refimpl check torch_optim

Every optimiser gets the same gradients, step after step; a step without a gradient has `grad` None.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from refimpl.conformance.target import implements

_NAMES = {"learning_rate": "lr", "decay": "lr_decay", "initial": "initial_accumulator_value"}


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = importlib.util.find_spec("torch") is None
    return "torch not installed: pip install torch" if absent else None


def _trajectory(
    name: str, parameter: Any, gradients: Any, skipped: tuple[int, ...], options: dict[str, Any]
) -> Any:
    import torch

    p = torch.nn.Parameter(parameter.clone())
    maker = getattr(torch.optim, name)
    optimizer = maker([p], **{_NAMES.get(key, key): value for key, value in options.items()})
    after = []
    for k, gradient in enumerate(gradients):
        p.grad = None if k in skipped else gradient.clone()
        optimizer.step()
        after.append(p.detach().clone())
    return torch.stack(after)


@implements("training.sgd", framework="torch")
def sgd(parameter: Any, gradients: Any, *, skipped: tuple[int, ...] = (), **options: Any) -> Any:
    """torch.optim.SGD."""
    return _trajectory("SGD", parameter, gradients, skipped, options)


@implements("training.adam", framework="torch")
def adam(parameter: Any, gradients: Any, *, skipped: tuple[int, ...] = (), **options: Any) -> Any:
    """torch.optim.Adam."""
    return _trajectory("Adam", parameter, gradients, skipped, options)


@implements("training.adamw", framework="torch")
def adamw(parameter: Any, gradients: Any, *, skipped: tuple[int, ...] = (), **options: Any) -> Any:
    """torch.optim.AdamW."""
    return _trajectory("AdamW", parameter, gradients, skipped, options)


@implements("training.rmsprop", framework="torch")
def rmsprop(
    parameter: Any, gradients: Any, *, skipped: tuple[int, ...] = (), **options: Any
) -> Any:
    """torch.optim.RMSprop."""
    return _trajectory("RMSprop", parameter, gradients, skipped, options)


@implements("training.adagrad", framework="torch")
def adagrad(
    parameter: Any, gradients: Any, *, skipped: tuple[int, ...] = (), **options: Any
) -> Any:
    """torch.optim.Adagrad."""
    return _trajectory("Adagrad", parameter, gradients, skipped, options)
