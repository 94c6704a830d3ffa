"""What an entry of the operation table is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .draw import Case, Sampler, fixed


class Operation(NamedTuple):
    """`f(xp, ag, *arrays, **options)` with inputs from `domains`, at fixed and at drawn shapes.

    The first word of `name` is the engine's name of the operation, which may come several times.
    """

    name: str
    f: Callable[..., Any]
    domains: tuple[str | Sampler, ...]
    cases: tuple[Case, ...]
    drawn: Any  # a hypothesis strategy of cases
    missing: dict[str, str]  # library -> why it has no such operation

    @property
    def key(self) -> str:
        return self.name.split()[0]


def entry(
    name: str,
    f: Callable[..., Any],
    domains: str | tuple[str | Sampler, ...],
    *cases: Case,
    drawn: Any = None,
    **missing: str,
) -> Operation:
    domains = (domains,) if isinstance(domains, str) else domains
    return Operation(name, f, domains, cases, fixed(*cases) if drawn is None else drawn, missing)
