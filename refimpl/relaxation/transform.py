"""From the source of a function to the source of its relaxation.

Variables become entries of a frame `_v`, a dictionary that branches and loop bodies copy; what
depends on a decision becomes a call of the runtime `_rt`:

    if a < x[i]: y = 1                def _then_1(_v): _v['y'] = 1; return _v
                                      _v = _rt.branch(1, _rt.compare(1, '<', _v['a'],
                                          _rt.read(1, _v['x'], _v['i'])), _then_1, _keep, _v)

Every node keeps its line, so a traceback through a relaxed program shows the lines of the function
that was written. What cannot be relaxed raises RelaxationError, which names file and line, when the
decorator runs. `return`, `break` and `continue` inside `if` move the statements that follow into
the branches that reach them: the relaxation of an early exit is exact.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from .syntax import (
    appends,
    arguments,
    attribute,
    breaks,
    comprehension_names,
    define,
    frame,
    inside,
    jumps,
    lazy,
    loaded,
    return_frame,
    set_frame,
    stored,
)

RETURN = "<return>"  # the frame's entry for the result; no variable can have this name
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
REFUSED: dict[type, str] = {
    ast.Try: "try: an exception is not an averaged outcome; test for the error with if",
    ast.With: "with: the body of a context cannot be run on averaged states",
    ast.Raise: "raise: an error with probability p cannot be averaged",
    ast.Assert: "assert: check arguments before the call",
    ast.Delete: "del: assign another value instead",
    ast.Global: "global: pass and return the variable",
    ast.Nonlocal: "nonlocal: pass and return the variable",
    ast.FunctionDef: "def inside a function: define it outside",
    ast.AsyncFunctionDef: "async def: not relaxable",
    ast.ClassDef: "class inside a function: define it outside",
    ast.Yield: "yield: collect the values in a list",
    ast.YieldFrom: "yield from: collect the values in a list",
    ast.Await: "await: not relaxable",
    ast.NamedExpr: "':=': assign in a statement of its own",
    ast.Match: "match: use if and elif",
    ast.Import: "import inside a function: import at the top",
    ast.ImportFrom: "import inside a function: import at the top",
    ast.Starred: "a starred expression: write the elements",
}
OPERATORS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


class RelaxationError(TypeError):
    """A program, or a step of it, that has no relaxation; names the file and the line."""


def transformed(function: ast.FunctionDef, filename: str, shapes: bool) -> ast.Module:
    """The module with `relaxed(_rt, _g, _v)`, the relaxation of the function.

    shapes: whether arithmetic must match the axes of arrays in a batch (`_rt.binary`).
    """
    return ast.fix_missing_locations(_Relaxer(function, filename, shapes).module())


class _Relaxer(ast.NodeTransformer):
    def __init__(self, function: ast.FunctionDef, filename: str, shapes: bool) -> None:
        self.function, self.filename, self.shapes = function, filename, shapes
        self.locals = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        self.bound: list[set[str]] = []  # names of the comprehensions and lambdas around
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.locals.add(node.id)
        self.locals -= comprehension_names(function)
        self.count = 0
        self.loops: list[str | None] = []  # for each loop around: its flag of breaks, if it has one

    def module(self) -> ast.Module:
        body = self.block(self.function.body)
        done = ast.Return(ast.Call(attribute("_v", "get"), [ast.Constant(RETURN)], []))
        code = define("relaxed", ["_rt", "_g", "_v"], [*body, done])
        return ast.Module(body=[ast.copy_location(code, self.function)], type_ignores=[])

    def fail(self, node: ast.AST, reason: str) -> RelaxationError:
        line = getattr(node, "lineno", self.function.lineno)
        return RelaxationError(f"{self.filename}:{line}: cannot relax {reason}")

    # --- statements ------------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements up to the first jump; what follows an `if` that jumps goes into it."""
        done: list[ast.stmt] = []
        for position, node in enumerate(statements):
            if isinstance(node, ast.If) and jumps(node):
                rest = statements[position + 1 :]
                split = ast.If(node.test, [*node.body, *rest], [*node.orelse, *rest])
                return done + self.located(node, self.branch(ast.copy_location(split, node)))
            done += self.located(node, self.statement(node))
            if isinstance(node, (ast.Return, ast.Break, ast.Continue)):
                break
        return done

    def located(self, node: ast.stmt, new: Iterable[ast.stmt]) -> list[ast.stmt]:
        return [ast.copy_location(statement, node) for statement in new]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.If):
            return self.branch(node)
        if isinstance(node, ast.While):
            return self.while_(node)
        if isinstance(node, ast.For):
            return self.for_(node)
        if isinstance(node, ast.Assign):
            return self.assignment(node)
        if isinstance(node, ast.AugAssign):
            return self.augmented(node)
        if isinstance(node, ast.AnnAssign):
            return [] if node.value is None else self.store(node.target, self.visit(node.value))
        if isinstance(node, ast.Return):
            return self.result(node)
        if isinstance(node, ast.Break):
            return self.store_name(str(self.loops[-1]), ast.Constant(True))
        if isinstance(node, (ast.Pass, ast.Continue)):
            return []
        if isinstance(node, ast.Expr):
            return self.expression(node)
        raise self.fail(node, REFUSED.get(type(node), type(node).__name__))

    def branch(self, node: ast.If) -> list[ast.stmt]:
        then, first = self.body_function(node.body, node)
        orelse, second = self.body_function(node.orelse, node)
        call = self.runtime("branch", node, self.visit(node.test), then, orelse, frame())
        return [*first, *second, set_frame(call)]

    def body_function(self, body: list[ast.stmt], node: ast.AST) -> tuple[ast.expr, list]:
        """(a function of the frame that runs the statements, its definition)"""
        statements = self.block(body)
        if not statements:
            return ast.Name("_keep", ast.Load()), [define("_keep", ["_v"], [return_frame()])]
        self.count += 1
        name = f"_body_{self.count}"
        return ast.Name(name, ast.Load()), [define(name, ["_v"], [*statements, return_frame()])]

    def loop(self, node: Any) -> tuple[list[ast.stmt], str | None]:
        """The body of a loop, and the name of its flag if it can break."""
        if node.orelse:
            raise self.fail(node.orelse[0], "else after a loop: use a flag")
        for inner in inside(node.body):
            if isinstance(inner, ast.Return):
                raise self.fail(inner, "return inside a loop: set a variable, break, return it")
        flag = f"<break {node.lineno}>" if any(breaks(s) for s in node.body) else None
        if flag and self.loops:
            inner = next(n for n in inside(node.body) if isinstance(n, ast.Break))
            raise self.fail(inner, "break inside nested loops: the inner loop needs a condition")
        return node.body, flag

    def while_(self, node: ast.While) -> list[ast.stmt]:
        body, flag = self.loop(node)
        self.loops.append(flag)
        function, definition = self.body_function(body, node)
        self.loops.pop()
        test = ast.Lambda(arguments(["_v"]), self.visit(node.test))
        call = self.runtime("loop", node, test, function, ast.Constant(flag), frame())
        return [*definition, set_frame(call)]

    def for_(self, node: ast.For) -> list[ast.stmt]:
        body, flag = self.loop(node)
        self.loops.append(flag)
        self.count += 1
        name = f"_body_{self.count}"
        first = self.store(node.target, ast.Name("_item", ast.Load()))
        statements = [*first, *self.block(body), return_frame()]
        self.loops.pop()
        definition = define(name, ["_v", "_item"], statements)
        call = self.runtime(
            "iterate", node, self.visit(node.iter), ast.Name(name, ast.Load()),
            ast.Constant(flag), frame(),
        )  # fmt: skip
        return [definition, set_frame(call)]

    def assignment(self, node: ast.Assign) -> list[ast.stmt]:
        if len(node.targets) == 1:
            return self.store(node.targets[0], self.visit(node.value))
        self.count += 1
        name = f"_t{self.count}"
        done: list[ast.stmt] = [ast.Assign([ast.Name(name, ast.Store())], self.visit(node.value))]
        for target in node.targets:
            done += self.store(target, ast.Name(name, ast.Load()))
        return done

    def augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        load = loaded(node.target)
        value = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
        return self.store(node.target, self.visit(value))

    def result(self, node: ast.Return) -> list[ast.stmt]:
        if self.loops:
            raise self.fail(node, "return inside a loop: set a variable, break, return it")
        value = ast.Constant(None) if node.value is None else self.visit(node.value)
        return self.store_name(RETURN, value)

    def expression(self, node: ast.Expr) -> list[ast.stmt]:
        call = node.value
        if isinstance(call, ast.Constant):
            return []  # a docstring
        if isinstance(call, ast.Call) and appends(call.func) and len(call.args) == 1:
            base = call.func.value  # type: ignore[attr-defined]
            old, new = self.visit(loaded(base)), self.visit(call.args[0])
            return self.store(base, self.runtime("appended", node, old, new))
        return [ast.Expr(self.visit(call))]

    def store(self, target: ast.expr, value: ast.expr) -> list[ast.stmt]:
        """Assign a value, already transformed, to a name, to an element, or to several of these."""
        if isinstance(target, ast.Name):
            return self.store_name(target.id, value)
        if isinstance(target, (ast.Tuple, ast.List)):
            return self.unpack(target, value)
        if isinstance(target, ast.Subscript):
            base = self.visit(loaded(target.value))
            new = self.runtime("write", target, base, self.index(target.slice), value)
            return self.store(target.value, new)
        raise self.fail(target, f"an assignment to {ast.unparse(target)}: use a variable")

    def unpack(self, target: Any, value: ast.expr) -> list[ast.stmt]:
        self.count += 1
        names = [f"_t{self.count}_{k}" for k in range(len(target.elts))]
        left = ast.Tuple([ast.Name(name, ast.Store()) for name in names], ast.Store())
        size = ast.Constant(len(names))
        done: list[ast.stmt] = [ast.Assign([left], self.runtime("unpack", target, value, size))]
        for element, name in zip(target.elts, names, strict=True):
            done += self.store(element, ast.Name(name, ast.Load()))
        return done

    def store_name(self, name: str, value: ast.expr) -> list[ast.stmt]:
        entry = ast.Subscript(ast.Name("_v", ast.Load()), ast.Constant(name), ast.Store())
        return [ast.Assign([entry], value)]

    # --- expressions -----------------------------------------------------------------------------

    def runtime(self, name: str, node: ast.AST, *arguments: ast.expr) -> ast.Call:
        line = ast.Constant(getattr(node, "lineno", 0))
        call = ast.Call(attribute("_rt", name), [line, *arguments], [])
        return ast.copy_location(call, node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if type(node) in REFUSED:
            raise self.fail(node, REFUSED[type(node)])
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if any(node.id in names for names in self.bound):
            return node
        if node.id in self.locals:
            entry = ast.Subscript(ast.Name("_v", ast.Load()), ast.Constant(node.id), ast.Load())
            return ast.copy_location(entry, node)
        call = ast.Call(ast.Name("_g", ast.Load()), [ast.Constant(node.id)], [])
        return ast.copy_location(call, node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        operands = [self.visit(part) for part in (node.left, *node.comparators)]
        signs: list[ast.expr] = [ast.Constant(OPERATORS[type(op)]) for op in node.ops]
        return self.runtime("compare", node, ast.Tuple(signs, ast.Load()), *operands)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        name = "both" if isinstance(node.op, ast.And) else "either"
        return self.runtime(name, node, *[lazy(self.visit(part)) for part in node.values])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Not):
            return self.runtime("negate", node, self.visit(node.operand))
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        rounding = isinstance(node.op, (ast.FloorDiv, ast.Mod))
        if not (self.shapes or rounding):
            return self.generic_visit(node)
        name = ast.Constant(type(node.op).__name__)
        return self.runtime("binary", node, name, self.visit(node.left), self.visit(node.right))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        sides = [lazy(self.visit(part)) for part in (node.body, node.orelse)]
        return self.runtime("pick", node, self.visit(node.test), *sides)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return self.runtime("read", node, self.visit(node.value), self.index(node.slice))

    def index(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            ends = [p and self.visit(p) for p in (node.lower, node.upper, node.step)]
            parts = [ast.Constant(None) if p is None else p for p in ends]
            return ast.copy_location(ast.Call(ast.Name("slice", ast.Load()), parts, []), node)
        if isinstance(node, ast.Tuple):
            return ast.Tuple([self.index(part) for part in node.elts], ast.Load())
        return self.visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self.runtime("attribute", node, self.visit(node.value), ast.Constant(node.attr))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        func = node.func
        name = self.function.name
        if isinstance(func, ast.Name) and func.id == name and name not in self.locals:
            raise self.fail(node, f"recursion ({name} calls itself): write a loop")
        arguments = [self.visit(argument) for argument in node.args]
        call = self.runtime("call", node, self.visit(func), *arguments)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.fail(node, "**: write the arguments")
            call.keywords.append(ast.keyword(keyword.arg, self.visit(keyword.value)))
        return call

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        defaults = node.args.defaults  # evaluated outside, where the arguments are not bound
        defaults[:] = [self.visit(default) for default in defaults]
        self.bound.append({a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)})
        node.body = self.visit(node.body)
        self.bound.pop()
        return node

    def comprehension(self, node: Any) -> Any:
        first = node.generators[0]
        first.iter = self.visit(first.iter)  # evaluated outside: the names are not bound there
        self.bound.append(stored(node.generators))
        for generator in node.generators:
            sequence = generator.iter if generator is first else self.visit(generator.iter)
            generator.iter = self.runtime("items", node, sequence)
            generator.ifs = [self.runtime("decided", c, self.visit(c)) for c in generator.ifs]
        for field in ("elt", "key", "value"):
            if hasattr(node, field):
                setattr(node, field, self.visit(getattr(node, field)))
        self.bound.pop()
        return node

    def visit(self, node: ast.AST) -> Any:
        """Comprehensions of all four kinds are visited alike."""
        return self.comprehension(node) if isinstance(node, COMPREHENSIONS) else super().visit(node)
