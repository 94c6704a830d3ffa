"""Smooth WHILE programs.

    x_i := x_j + c    x_i := x_j - c    x_i := c    x_i := x_j    P; Q    while x_i != 0 do P done

over natural numbers compute every computable function, so a rule that relaxes these statements
relaxes any program: that is the theorem's construction. Here each statement becomes one of
`statements`, with real variables. The multiplication of the paper:

    while x2 != 0 do x3 := x1; while x3 != 0 do x0 := x0 + 1; x3 := x3 - 1 done; x2 := x2 - 1 done

`x != 0` is a poor test for a smooth loop: a counter that is no whole number steps over 0 and the
test never fails again. `test="positive"` reads it as x > 1/2, the same for natural numbers.

Source: Petersen, Borgelt, Deussen, "AlgoNet", 2019; the smooth rules here are those of Petersen et
al., NeurIPS 2021.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...autograd import Array
from ...validation import choose, float_array
from ..conditions import Law, greater
from ..control import fori_loop
from ..select import select
from ..statements import GT, Algorithm, Input, Let, NEq, Output, Statement, Var, While

TOKENS = re.compile(r"\s*(:=|!=|[+\-;]|\d+(?:\.\d+)?|[A-Za-z_]\w*)")
KEYWORDS = {"while", "do", "done"}


def while_program(
    text: str,
    inputs: tuple[str, ...],
    output: str = "x0",
    *,
    beta: float = 10.0,
    distribution: Law = "logistic",
    test: str = "positive",
    truncate: bool = True,
    epsilon: float = 1e-5,
    max_iter: int = 1024,
    compatible: bool = False,
) -> Callable[..., Array]:
    """The smooth function that a WHILE program computes, of arrays (B,) for its inputs.

    Variables that are no inputs start at 0. test: "positive", x > 1/2; "nonzero", x != 0.
    truncate: x - c is 0 where x < c, as natural numbers need (to the degree of x > c - 1/2);
    otherwise the plain difference. The other options are those of `Algorithm`; with beta = inf the
    program is the discrete one.

    Raises SyntaxError that names the place for a text that is no program, ValueError for an unknown
    test.

    >>> import numpy as np
    >>> double = while_program(
    ...     "while x1 != 0 do x0 := x0 + 2; x1 := x1 - 1 done", inputs=("x1",), beta=20.0
    ... )
    >>> double(np.array([0.0, 3.0])).round(3)
    array([0., 6.])
    """
    choose(test, ("positive", "nonzero"), "test")
    parser = _Parser(text, test, _difference(beta, distribution) if truncate else _minus)
    body = parser.program()
    names = sorted(parser.variables | {output} - set(inputs))
    return Algorithm(
        *map(Input, inputs),
        *[Var(name, 0.0) for name in names if name not in inputs],
        *body,
        Output(output),
        beta=beta,
        distribution=distribution,
        epsilon=epsilon,
        max_iter=max_iter,
        compatible=compatible,
    )


def _minus(x: Any, c: float) -> Any:
    return x - c


def _difference(beta: float, law: Law) -> Callable[[Any, float], Any]:
    def truncated(x: Any, c: float) -> Any:
        return select(greater(x, c - 0.5, beta=beta, distribution=law), x - c, 0 * x)

    return truncated


class _Parser:
    """Recursive descent over the tokens of a WHILE program."""

    def __init__(self, text: str, test: str, minus: Callable[[Any, float], Any]) -> None:
        self.text, self.test, self.minus = text, test, minus
        self.tokens: list[str] = []
        self.variables: set[str] = set()
        position = 0
        while text[position:].strip():
            found = TOKENS.match(text, position)
            if found is None:
                raise SyntaxError(f"WHILE program: {text[position : position + 20]!r}")
            self.tokens.append(found[1])
            position = found.end()

    def program(self) -> list[Statement]:
        body = self.sequence()
        if self.tokens:
            raise SyntaxError(f"WHILE program: {self.tokens[0]!r} after its end")
        return body

    def sequence(self) -> list[Statement]:
        body = [self.statement()]
        while self.tokens[:1] == [";"]:
            self.take(";")
            body.append(self.statement())
        return body

    def statement(self) -> Statement:
        if self.tokens[:1] == ["while"]:
            return self.loop()
        target = self.variable()
        self.take(":=")
        return self.assignment(target)

    def loop(self) -> Statement:
        self.take("while")
        name = self.variable()
        for token in ("!=", "0", "do"):
            self.take(token)
        body = self.sequence()
        self.take("done")
        return While(GT(name, 0.5) if self.test == "positive" else NEq(name, 0.0), *body)

    def assignment(self, target: str) -> Statement:
        if self.tokens and self.tokens[0][0].isdigit():
            return Let(target, float(self.tokens.pop(0)))
        source = self.variable()
        if self.tokens[:1] not in (["+"], ["-"]):
            return Let(target, source)
        sign, c = self.tokens.pop(0), float(self.take())
        step = (lambda x: x + c) if sign == "+" else (lambda x: self.minus(x, c))
        return _Step(target, source, step)

    def variable(self) -> str:
        name = self.take()
        if not name.isidentifier() or name in KEYWORDS:
            raise SyntaxError(f"WHILE program: expected a variable, got {name!r}")
        self.variables.add(name)
        return name

    def take(self, wanted: str | None = None) -> str:
        if not self.tokens or (wanted is not None and self.tokens[0] != wanted):
            got = repr(self.tokens[0]) if self.tokens else "the end"
            raise SyntaxError(f"WHILE program: expected {wanted or 'more'}, got {got}")
        return self.tokens.pop(0)


class _Step(Statement):
    """target := step(source)"""

    def __init__(self, target: str, source: str, step: Callable[[Any], Any]) -> None:
        self.target, self.source, self.step = target, source, step

    def run(self, state: Any, settings: Any) -> Any:
        return {**state, self.target: self.step(state[self.source])}


def smooth_iteration(n: Array, body: Callable[[Any], Any], state: Any, **options: Any) -> Any:
    """`body`, n times, for real n: `control.fori_loop` from 0 to n without the index.

    At whole n and large beta exactly n rounds; in between, the average of the whole ones around.

    >>> import numpy as np
    >>> smooth_iteration(np.array([3.0]), lambda x: 2 * x, np.array([1.0]), beta=40.0).round(4)
    array([8.])
    """
    n = float_array(n, "n")
    return fori_loop(0, n, lambda _, s: body(s), state, **options)
