"""The recorded programs of algovision in the statement language: while, bubble sort."""

from __future__ import annotations

from typing import Any

from refimpl import autograd as ag
from refimpl.relaxation.statements import (
    GT,
    LT,
    For,
    IsTrue,
    Let,
    LetInt,
    NEq,
    Output,
    Var,
    VarInt,
    While,
)

from . import recorded
from .relaxation_language import Context, evaluate, program
from .relaxation_text import numbers

BUBBLE = "experiments/train_sort.py bubble_sort program"
for _function in (BUBBLE, "examples.bubble.get_bubble_sort", "examples/multiply.py main block"):
    recorded("algovision", _function)(evaluate)

NEXT = Let("x", lambda x: x + 1)


@program("while_multiply_example")
def _multiply_example(c: Context) -> list:
    limit = float(numbers(c.text, r"while x < (\d+)")[0])
    return [Var("x", 0.0), While(LT("x", limit), NEXT), Output("x")]


@program("while_count", "while_eps", "while_maxiter", "while_never")
def _count(c: Context) -> list:
    return [Var("x", 0.0), While(LT("x", "lim"), NEXT), Output("x")]


@program("while_mul_")
def _product(c: Context) -> list:
    body = Let("y", lambda y, b: y + b), Let("c", lambda c: c + 1)
    loop = While(LT("c", "a"), *body)
    return [Var("y", 0.0), Var("c", 0.0), loop, Output("y"), Output("c")]


@program("while_nested_product")
def _nested_product(c: Context) -> list:
    step = Let("x0", lambda x0: x0 + 1), Let("x3", lambda x3: x3 - 1)
    inner = Let("x3", "x1"), While(NEq("x3", 0.0), *step), Let("x2", lambda x2: x2 - 1)
    return [Var("x0", 0.0), Var("x3", 0.0), While(NEq("x2", 0.0), *inner), Output("x0")]


@program("while_gcd")
def _gcd(c: Context) -> list:
    step = c.If(GT("a", "b"), Let("a", lambda a, b: a - b), Let("b", lambda a, b: b - a))
    return [While(NEq("a", "b"), step), Output("a"), Output("b")]


@program("while_newton_sqrt")
def _newton(c: Context) -> list:
    def error(x: Any, v: Any) -> Any:
        return ag.array_namespace(x).abs(x * x - v)

    body = Let("x", lambda x, v: (x + v / x) / 2)
    loop = While(GT(error, float(c.params["tol"])), body)
    return [Var("x", 0.0), Let("x", "v"), loop, Output("x")]


@program("while_halve")
def _halve(c: Context) -> list:
    limit = float(str(c.text).split("while x > ")[1].split(":")[0])
    body = Let("x", lambda x: x / 2), Let("k", lambda k: k + 1)
    loop = While(GT("x", limit), *body)
    return [Var("x", 0.0), Var("k", 0.0), Let("x", "v"), loop, Output("k"), Output("x")]


@program("while_and")
def _and(c: Context) -> list:
    left = LT("x", "lim", beta=c.params["beta_left"])
    test = left & GT("y", "fl", beta=c.params["beta_right"])
    loop = While(test, NEXT, Let("y", lambda y: 0.6 * y))
    return [Var("x", 0.0), Var("y", 1.0), loop, Output("x"), Output("y")]


@program("while_flag")
def _flag(c: Context) -> list:
    body = [
        Let("x", lambda x: x / 2),
        Let("f", 0.0),
        c.If(GT("x", 1.0), Let("f", 1.0)),
        Let("k", lambda k: k + 1),
    ]
    loop = While(IsTrue("f"), *body)
    return [Var("f", 1.0), Var("k", 0.0), loop, Output("x"), Output("k")]


@program("while_hard_int")
def _hard_int(c: Context) -> list:
    loop = While(LT("x", "lim"), Let("x", lambda x, j: x + j), LetInt("j", lambda j: j + 1))
    last = Let("r", lambda x, j: x + 100 * j)
    return [Var("x", 0.0), Var("r", 0.0), VarInt("j", 1), loop, last, Output("x"), Output("r")]


@program("while_escape_time")
def _escape_time(c: Context) -> list:
    def step(x: Any, y: Any, cr: Any, ci: Any) -> tuple:
        return x * x - y * y + cr, 2 * x * y + ci

    inside = LT(lambda x, y: x * x + y * y, 4.0)
    loop = While(inside, Let(["x", "y"], step), Let("n", lambda n: n + 1))
    variables = [Var(name, 0.0) for name in "xyn"]
    return [*variables, loop, Output("n"), Output("x")]


@program("if_containing_while")
def _if_while(c: Context) -> list:
    inner = For("i", 2, Let("s", lambda s, x, i: s + x * (i + 1)))
    loop = While(LT("x", "lim"), inner, NEXT)
    test = c.If(GT("a", 0.0), loop, Let("s", lambda a: -a))
    return [Var("x", 0.0), Var("s", 0.0), test, Output("x"), Output("s")]


def _bubble_loop(c: Context) -> list:
    swap = [
        Let(["p", "q"], lambda array, i: (array[:, i], array[:, i + 1])),
        Let("array", ["i"], "q"),
        Let("array", [lambda i: i + 1], "p"),
        Let("swapped", 1.0),
        Let("loss_prod", 1.0),
        Let("loss_sum", lambda loss_sum: loss_sum + 1),
    ]
    above = GT(lambda array, i: array[:, i], lambda array, i: array[:, i + 1])
    sweep = For("i", "n", c.If(above, swap))
    variables = [Var(name, 0.0) for name in ("p", "q", "loss_prod", "loss_sum")]
    start = [VarInt("n", c.size("array") - 1), Var("swapped", 1.0)]
    loop = While(IsTrue("swapped"), Let("swapped", 0.0), sweep, LetInt("n", lambda n: n - 1))
    return [*variables, *start, loop]


@program("bubble")
def _bubble(c: Context) -> list:
    return [*_bubble_loop(c), *map(Output, ("array", "loss_prod", "loss_sum"))]


@program("bubble_example")
def _bubble_example(c: Context) -> list:
    copy = Let("loss", "loss_sum")
    return [*_bubble_loop(c), Var("loss", 0.0), copy, Output("array"), Output("loss")]
