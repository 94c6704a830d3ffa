"""The directions in which derivatives are tried: cotangents and tangents, the same in every run."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from refimpl.spec import Case, Entry

from .frameworks import Problem, on_engine

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Expected:
    """What the reference says at one case, and the directions in which derivatives are taken."""

    problem: Problem
    values: Arrays
    cotangents: Arrays
    tangents: Arrays
    vector: Arrays


def reference(entry: Entry, case: Case) -> Problem:
    """The reference at a case, as a differentiable problem."""
    return Problem(
        call=entry.call or entry.function,
        named=entry.named,
        inputs=case.inputs,
        params=case.params,
        differentiable=entry.differentiable,
    )


def expect(entry: Entry, case: Case, seed: int = 0) -> Expected:
    """Evaluate the reference and draw the directions, which depend on the case's name only."""
    problem = reference(entry, case)
    values = on_engine.values(problem)
    rng = np.random.default_rng([seed, zlib.crc32(f"{entry.name}/{case.name}".encode())])
    inputs = {name: np.asarray(case.inputs[name]) for name in entry.differentiable}
    floating = {name: array for name, array in values.items() if array.dtype.kind == "f"}
    return Expected(problem, values, _like(rng, floating), _like(rng, inputs), _like(rng, inputs))


def _like(rng: np.random.Generator, arrays: Arrays) -> dict[str, np.ndarray]:
    """Random numbers of size about one, away from zero, in the shapes and dtypes of `arrays`."""
    drawn = {}
    for name, array in arrays.items():
        signs = rng.choice([-1.0, 1.0], size=array.shape)
        drawn[name] = np.asarray(signs * rng.uniform(0.25, 1.25, size=array.shape), array.dtype)
    return drawn
