"""Recorded numbers of algovision's statement language: which program a record is about.

The programs are in `relaxation_programs`, by the first words of a case's name; the parameters, and
constants in the program's text, come from the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from refimpl.relaxation.statements import Algorithm, If, Input

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What a program is made from: its parameters and text, and the shapes of its inputs."""

    params: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def text(self) -> str:
        return str(self.params["program"])

    def size(self, name: str, axis: int = 1) -> int:
        return self.shapes[name][axis]

    def If(self, *parts: Any) -> If:
        return If(*parts, epsilon=self.params.get("if_epsilon"))


PROGRAMS: dict[str, Callable[[Context], list]] = {}
DIRECT: dict[str, Callable[[Inputs, Mapping[str, Any]], Inputs]] = {}  # functions of refimpl


def program(*families: str) -> Callable[[Callable[[Context], list]], Callable[[Context], list]]:
    """Register the parts of the programs whose case names start with one of `families`."""

    def register(parts: Callable[[Context], list]) -> Callable[[Context], list]:
        PROGRAMS.update(dict.fromkeys(families, parts))
        return parts

    return register


def direct(family: str) -> Callable[[Any], Any]:
    """Register a function (inputs, params) -> outputs for the cases of a family."""

    def register(function: Any) -> Any:
        DIRECT[family] = function
        return function

    return register


def evaluate(inputs: Inputs, record: Mapping[str, Any]) -> Inputs:
    """The outputs of the program by name. KeyError for a family without a program."""
    case, params = str(record["case"]), record["params"]
    for family, function in DIRECT.items():
        if case.startswith(family):
            return function(inputs, params)
    known = [family for family in PROGRAMS if case.startswith(family)]
    if not known:
        raise KeyError(f"no program for the record {case}")
    context = Context(params, {name: tuple(x.shape) for name, x in inputs.items()})
    parts = PROGRAMS[max(known, key=len)](context)
    defaults = {"beta": 10.0, "epsilon": 1e-5, "max_iter": 1024, "hard": False}
    options = {name: params.get(name, value) for name, value in defaults.items()}
    run = Algorithm(*map(Input, inputs), *parts, compatible=True, **options)
    found = run(*inputs.values())
    names = [part.name for part in parts if type(part).__name__ == "Output"]
    return dict(zip(names, found if isinstance(found, tuple) else (found,), strict=True))
