"""The recorded programs of algovision in the statement language: if, for, indices."""

from __future__ import annotations

from typing import Any

from refimpl import autograd as ag
from refimpl.relaxation.indexing import argmax_soft, index_weights, take_weighted
from refimpl.relaxation.statements import (
    GT,
    LT,
    Eq,
    For,
    IsFalse,
    Let,
    LetInt,
    Output,
    Var,
    VarInt,
)

from . import recorded
from .relaxation_language import Context, evaluate, program
from .relaxation_text import indices, numbers

ALGORITHM = (
    "algovision.Algorithm (program below, written for these vectors in the package's own language)"
)
WRITE = "algovision.instructions.Let / algovision.core.State.probabilistic_update"
for _function in (ALGORITHM, WRITE):
    recorded("algovision", _function)(evaluate)

R = Output("r")


@program("if_true_only")
def _true_only(c: Context) -> list:
    return [Var("r", 1.0), c.If(GT("a", "b"), Let("r", lambda r, a: 2 * r + a)), R]


@program("if_false_only")
def _false_only(c: Context) -> list:
    above = LT("a", lambda b: b + 1)
    return [Var("r", 1.0), c.If(above, None, Let("r", lambda r, x, b: r * x - b)), R]


def _sine_minus(x: Any, b: Any) -> Any:
    return ag.array_namespace(x).sin(x) - b


@program("if_else", "if_hard")
def _if_else(c: Context) -> list:
    branches = Let("r", lambda x, a: x**2 + a), Let("r", _sine_minus)
    return [Var("r", 0.0), c.If(LT("a", "b"), *branches), R]


@program("if_nested")
def _nested(c: Context) -> list:
    inner = c.If(GT("x", 0.0), Let("r", lambda a, x: a * x), Let("r", lambda b, x: b * x))
    other = c.If(GT("a", "x"), Let("r", lambda a, x: a - x))
    return [Var("r", 1.0), c.If(LT("a", "b"), inner, other), R]


@program("if_sequential")
def _sequential(c: Context) -> list:
    return [
        Var("u", 0.0),
        Var("r", 0.0),
        c.If(GT("a", 0.0), Let("u", "x"), Let("u", lambda x: -x)),
        c.If(GT("u", "b"), Let("r", lambda u: u * u), Let("r", "b")),
        Output("u"),
        R,
    ]


@program("if_swap")
def _swap(c: Context) -> list:
    body = [Let("t", "a"), Let("a", "b"), Let("b", "t"), Let("n", lambda n: n + 1)]
    outputs = map(Output, "abtn")
    return [Var("t", 0.0), Var("n", 0.0), c.If(GT("a", "b"), body), *outputs]


@program("if_vector")
def _vector(c: Context) -> list:
    (one,), (zero,) = indices(c.text, "v")
    body = [Let("v", lambda w: 2 * w), Let("v", [one], "a")]
    return [c.If(LT("a", "b"), body, Let("v", [zero], "b")), Output("v")]


@program("if_eps_skip")
def _skip(c: Context) -> list:
    return [Var("r", 0.0), Let("r", "x"), c.If(LT("a", "b"), Let("r", 1e6)), R]


@program("for_count_above")
def _count(c: Context) -> list:
    above = GT(lambda v, i: v[:, i], "t")
    rounds = For("i", c.size("v"), c.If(above, Let("k", lambda k: k + 1)))
    return [Var("k", 0.0), rounds, Output("k")]


@program("for_list")
def _listed(c: Context) -> list:
    body = Let("s", lambda s, v, i: s + v[:, i] * (i + 1))
    listed = For("i", numbers(c.text, r"for i in (\[[^\]]*\])"), body)
    return [Var("s", 0.0), listed, Output("s")]


@program("for_range")
def _range(c: Context) -> list:
    stepped = range(*numbers(c.text, r"range\(([^)]*)\)"))
    return [
        Var("s", 0.0),
        For("i", stepped, Let("s", lambda s, v, i: s * v[:, i] + 1)),
        For("i", lambda v: v.shape[1], Let("s", lambda s, v, i: s + v[:, i])),
        Output("s"),
    ]


@program("for_nested_rank")
def _rank(c: Context) -> list:
    n = c.size("v")
    below = LT(lambda v, j: v[:, j], lambda v, i: v[:, i])
    step = c.If(below, Let("rank", ["i"], lambda rank, i: rank[:, i] + 1))
    others = For("j", lambda i: [j for j in range(n) if j != i], step)
    return [Var("rank", [0.0] * n), For("i", n, others), Output("rank")]


@program("for_shrinking")
def _shrinking(c: Context) -> list:
    inner = For("i", "m", Let("s", lambda s, v, k, i: s + (k + 1) * v[:, i]))
    rounds = numbers(c.text, r"range\((\d+)\)")[0]
    loop = For("k", rounds, inner, LetInt("m", lambda m: m - 1))
    return [Var("s", 0.0), VarInt("m", c.size("v")), loop, Output("s")]


@program("for_running_max")
def _running_max(c: Context) -> list:
    body = [Let("m", lambda v, i: v[:, i]), Let("ix", lambda i: float(i))]
    rounds = For("i", range(1, c.size("v")), c.If(GT(lambda v, i: v[:, i], "m"), body))
    first = Let("m", lambda v: v[:, 0])
    return [Var("m", 0.0), Var("ix", 0.0), first, rounds, Output("m"), Output("ix")]


@program("for_linear_search")
def _linear_search(c: Context) -> list:
    hit = [Let("pos", lambda i: float(i)), Let("found", 1.0)]
    look = c.If(IsFalse("found"), c.If(Eq(lambda v, i: v[:, i], "key"), hit))
    variables = [Var("pos", -1.0), Var("found", 0.0)]
    return [*variables, For("i", c.size("v"), look), Output("pos"), Output("found")]


@program("for_binary_search")
def _binary_search(c: Context) -> list:
    n, gamma = c.size("v"), c.params["gamma"]

    def read(v: Any, mid: Any) -> Any:
        return take_weighted(v, index_weights(mid - 0.5, n, beta=gamma, kernel="density"))

    body = [
        Let("mid", lambda lo, hi: (lo + hi) / 2),
        Let("e", read),
        c.If(LT("e", "key"), Let("lo", "mid"), Let("hi", "mid")),
    ]
    variables = [Var(name, 0.0) for name in ("lo", "mid", "e")]
    rounds = For("step", int(c.params["iterations"]), *body)
    return [*variables, Var("hi", float(n)), rounds, *map(Output, ("lo", "hi", "e"))]


@program("idx_read_int", "idx_read_slice")
def _read(c: Context) -> list:
    reads = [("v", where) for where in indices(c.text, "v")]
    reads += [("M", where) for where in indices(c.text, "M")]
    parts: list = []
    for name, (array, where) in zip("xyz", reads, strict=False):

        def read(v: Any, M: Any, array: str = array, where: list = where) -> Any:
            index = [slice(None) if part is None else part for part in where]
            return {"v": v, "M": M}[array][(slice(None), *index)]

        parts += [Var(name, lambda v, M, read=read: 0 * read(v, M)[0, ...])]
        parts += [Let(name, array, where), Output(name)]
    return parts


@program("idx_write_int")
def _write(c: Context) -> list:
    (first, second), places = indices(c.text, "v"), indices(c.text, "M")
    return [
        Let("v", first, "a"),
        Let("v", second, 2.5),
        Let("M", places[0], lambda a: 3 * a),
        Let("M", places[1], "a"),
        Let("M", places[2], -1.0),
        Output("v"),
        Output("M"),
    ]


@program("idx_copy")
def _copy(c: Context) -> list:
    a, b, x, y = indices(c.text, "v")
    return [Let("v", a, "v", b), Let("v", x, "v", y), Output("v")]


@program("idx_write_soft")
def _write_soft(c: Context) -> list:
    return [Let("v", ["w"], "a"), Output("v")]


@program("idx_write_soft_2d")
def _write_soft_2d(c: Context) -> list:
    return [Let("M", ["W"], lambda a: 2 * a), Output("M")]


@program("idx_argmax_gather_scatter")
def _gather_scatter(c: Context) -> list:
    zeros = [0.0] * c.size("v")
    beta = c.params["beta"]
    return [
        Var("w", zeros),
        Var("g", 0.0),
        Let("w", lambda v: argmax_soft(v, beta=beta)),
        Let("g", lambda u, w: take_weighted(u, w)),
        Let("v", ["w"], 0.0),
        *map(Output, "gvw"),
    ]


@program("let_multi")
def _let_multi(c: Context) -> list:
    def both(v: Any) -> tuple:
        return v[:, 0] * v[:, 1], ag.array_namespace(v).sum(v, axis=1)

    fill = Let("v", 3.0)
    return [Var("x", 0.0), Var("y", 0.0), Let(["x", "y"], both), fill, *map(Output, "xyv")]
