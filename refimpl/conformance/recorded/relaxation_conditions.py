"""Recorded numbers of algovision: single conditions and soft functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl.relaxation import conditions, terms
from refimpl.relaxation.statements import Algorithm, If, Input, Let, Output, Var
from refimpl.relaxation.terms import GT, LT

from . import recorded

Inputs = dict[str, Any]
Record = Mapping[str, Any]

COMPARISONS: dict[str, Any] = {
    "LT": conditions.less,
    "LEq": conditions.less_equal,
    "GT": conditions.greater,
    "GEq": conditions.greater_equal,
    "Eq": conditions.equal,
    "NEq": conditions.not_equal,
    "CatProbEq": conditions.same_category,
}
WITHOUT_BETA: dict[str, Any] = {
    "CosineSimilarity": conditions.cosine_similarity,
    "IsTrue": conditions.is_true,
    "IsFalse": conditions.is_false,
}


def _compare(inputs: Inputs, record: Record) -> Inputs:
    name = str(record["function"]).split(".")[2]
    if name in WITHOUT_BETA:
        return {"p": WITHOUT_BETA[name](*inputs.values())}
    return {"p": COMPARISONS[name](inputs["a"], inputs["b"], beta=record["params"]["beta"])}


for _name in (*COMPARISONS, *WITHOUT_BETA):
    recorded("algovision", f"algovision.conditions.{_name}.__call__")(_compare)


@recorded("algovision", "algovision.core.Condition.__and__")
def _both(inputs: Inputs, record: Record) -> Inputs:
    return {"p": _interval(inputs, record, conditions.both, GT, LT)}


@recorded("algovision", "algovision.core.Condition.__or__")
def _either(inputs: Inputs, record: Record) -> Inputs:
    return {"p": _interval(inputs, record, conditions.either, LT, GT)}


def _interval(inputs: Inputs, record: Record, join: Any, low: Any, high: Any) -> Any:
    params = record["params"]
    left = low("x", "lo", beta=params["beta_left"])
    right = high("x", "hi", beta=params["beta_right"])
    settings = Algorithm().settings
    return join(left.degree(inputs, settings), right.degree(inputs, settings))


@recorded("algovision", "algovision.conditions.LT.__call__ + algovision.control_structures.If")
def _elementwise(inputs: Inputs, record: Record) -> Inputs:
    program = Algorithm(
        Input("a"),
        Input("b"),
        Var("r", lambda a: 0 * a[0, ...]),
        If(
            LT("a", "b"),
            Let("r", lambda a, b: a * b),
            Let("r", lambda a, b: a - b),
            epsilon=record["params"]["if_epsilon"],
        ),
        Output("r"),
        beta=record["params"]["beta"],
        compatible=True,
    )
    return {"r": program(inputs["a"], inputs["b"])}


def _soft_function(inputs: Inputs, record: Record) -> Inputs:
    kind = getattr(terms, str(record["function"]).split(".")[2])
    order = sorted(inputs, key=lambda name: int(name[1:]))
    return {"y": kind(record["params"]["beta"])(*[inputs[name] for name in order])}


for _name in ("Min", "Max", "ArgMin", "ArgMax"):
    recorded("algovision", f"algovision.functions.{_name}.__call__")(_soft_function)
