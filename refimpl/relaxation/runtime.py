"""What the decisions of a transformed program call: branches, loops, comparisons, elements.

`transform` writes the calls. Everything comes in two kinds: Python's own values (numbers, truth
values, lists), which are exact and decide like in Python, and arrays, which are relaxed. So `range`
over whole numbers is Python's loop, and a comparison of arrays is a probability.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from .. import autograd as ag
from ..validation import float_array
from . import conditions
from .calls import Calls, RelaxedRange
from .conditions import Law
from .control import cond, fori_loop, while_loop
from .elements import Elements, is_relaxed
from .select import is_number, is_value, select
from .transform import RelaxationError

EXACT: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne, "is": operator.is_, "is not": operator.is_not,
    "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}  # fmt: skip
ORDERED = {
    "<": conditions.less, "<=": conditions.less_equal, ">": conditions.greater,
    ">=": conditions.greater_equal,
}  # fmt: skip
EQUALITY = {"==": conditions.equal, "!=": conditions.not_equal}


class Options(NamedTuple):
    """The keywords of the decorator `relaxed`, where they are explained."""

    beta: float = 10.0
    distribution: Law = "logistic"
    margin: float = 0.0
    beta_index: float | None = None
    beta_min: float | None = None
    batch_axes: int = 0
    epsilon: float = 1e-5
    max_rounds: int = 1024
    on_limit: str = "error"
    checkpoint: int | None = None
    hard: bool = False
    big: float = 1e6


class Frame(dict):
    """The variables of a running program by name."""

    def __init__(self, values: Any, lost: dict[str, str] | None = None) -> None:
        super().__init__(values)
        self.lost = dict(lost or {})  # why a name has no value any more

    def __missing__(self, name: str) -> NoReturn:
        raise RelaxationError(
            f"{name!r} has no value here: {self.lost.get(name, 'never assigned')}"
        )

    def copy(self) -> Frame:
        return Frame(self, self.lost)


class Runtime(Elements, Calls):
    """The functions that a transformed program calls as `_rt`; each gets the line first."""

    def __init__(self, options: Options, filename: str) -> None:
        self.options, self.filename = options, filename
        self.batch = options.batch_axes
        beta = options.beta
        self.beta_index = beta if options.beta_index is None else options.beta_index
        self.beta_min = beta if options.beta_min is None else options.beta_min

    def fail(self, line: int, reason: str) -> RelaxationError:
        return RelaxationError(f"{self.filename}:{line}: {reason}")

    # --- decisions -------------------------------------------------------------------------------

    def compare(self, line: int, signs: tuple[str, ...], *operands: Any) -> Any:
        degree: Any = True
        for sign, a, b in zip(signs, operands, operands[1:], strict=False):
            degree = _both(degree, self._compare(line, sign, a, b))
            if degree is False:
                return False
        return degree

    def _compare(self, line: int, sign: str, a: Any, b: Any) -> Any:
        if not (is_relaxed(a) or is_relaxed(b)) or sign in ("is", "is not"):
            return bool(EXACT[sign](a, b))
        if sign in ("in", "not in"):
            raise self.fail(line, f"{sign!r} with a relaxed value: write a loop over the elements")
        if not (is_value(a) and is_value(b)):
            raise self.fail(line, f"{sign} compares {type(a).__name__} with {type(b).__name__}")
        a, b = self.aligned(a, b)
        o = self.options
        try:
            if sign in EQUALITY:
                return EQUALITY[sign](a, b, beta=o.beta, distribution=o.distribution)
            compare = ORDERED[sign]
            return compare(a, b, beta=o.beta, distribution=o.distribution, margin=o.margin)
        except ValueError as error:
            raise self.fail(line, f"{sign}: {error}") from error

    def truth(self, line: int, value: Any) -> Any:
        """A value as a condition: Python's truth, or the degree of an array in [0, 1]."""
        if not is_relaxed(value):
            return bool(value)
        try:
            return conditions.is_true(value)
        except ValueError as error:
            raise self.fail(line, f"the condition is no comparison: {error}") from error

    def decided(self, line: int, value: Any) -> bool:
        if is_relaxed(value):
            raise self.fail(line, "if in a comprehension with a relaxed condition: write a loop")
        return bool(value)

    def both(self, line: int, *parts: Callable[[], Any]) -> Any:
        return self._connected(line, parts, _both, neutral=True)

    def either(self, line: int, *parts: Callable[[], Any]) -> Any:
        return self._connected(line, parts, _either, neutral=False)

    def _connected(self, line: int, parts: Any, join: Callable, neutral: bool) -> Any:
        """The degree of parts under `and` or `or`; of Python's own values the one that decides."""
        degree, value, exact = neutral, neutral, True
        for part in parts:
            value = part()
            exact = exact and not is_relaxed(value)
            degree = join(degree, self.truth(line, value))
            if degree is (not neutral):  # the parts that follow are not evaluated
                break
        return value if exact else degree

    def negate(self, line: int, value: Any) -> Any:
        p = self.truth(line, value)
        return (not p) if isinstance(p, bool) else conditions.negate(p)

    def pick(self, line: int, test: Any, then: Callable, orelse: Callable) -> Any:
        p = self.truth(line, test)
        if isinstance(p, bool):
            return then() if p else orelse()
        return self._merged(line, p, then(), orelse(), "the value")

    def branch(self, line: int, test: Any, then: Any, orelse: Any, frame: Frame) -> Frame:
        p = self.truth(line, test)
        if isinstance(p, bool):
            return (then if p else orelse)(frame)
        first, second = then(frame.copy()), orelse(frame.copy())
        merged = Frame({}, {**first.lost, **second.lost})
        for name in {**first, **second}:
            if name in first and name in second:
                a, b = first[name], second[name]
                merged[name] = a if a is b else self._merged(line, p, a, b, name)
            else:
                merged.lost[name] = f"only one branch of the `if` in line {line} assigns it"
        if "<return>" in merged.lost:
            raise self.fail(line, "one branch returns, the other does not: return after the `if`")
        return merged

    def _merged(self, line: int, p: Any, a: Any, b: Any, name: str) -> Any:
        try:
            if self.options.hard:
                return cond(p, lambda _: a, lambda _: b, None, hard=True)
            return select(p, *self.same_shape(p, a, b))
        except (TypeError, ValueError) as error:
            raise self.fail(line, f"{name!r} after the `if`: {error}") from error

    # --- loops -----------------------------------------------------------------------------------

    def loop(self, line: int, test: Callable, body: Callable, flag: Any, frame: Frame) -> Frame:
        """`while`; `flag` is the variable that a `break` sets."""
        if flag:
            frame = Frame({**frame, flag: False}, frame.lost)

        def condition(state: dict) -> Any:
            running = self.negate(line, state[flag]) if flag else True
            return running if running is False else _both(running, self.truth(line, test(state)))

        return self._run(line, condition, body, frame)

    def iterate(self, line: int, sequence: Any, body: Callable, flag: Any, frame: Frame) -> Frame:
        """`for`: over Python's values one after the other, else as a relaxed loop."""
        if isinstance(sequence, RelaxedRange):
            return self._relaxed_range(line, sequence, body, flag, frame)
        found = self.items(line, sequence)
        if flag is None or not found:
            return self._exact_loop(found, body, frame)
        place = f"<place {line}>"
        frame = Frame({**frame, place: 0, **({flag: False} if flag else {})}, frame.lost)

        def condition(state: dict) -> Any:
            if state[place] >= len(found):
                return False
            return self.negate(line, state[flag]) if flag else True

        def step(state: Frame) -> Frame:
            after = body(state, found[state[place]])
            after[place] = state[place] + 1
            return after

        frame = step(frame)  # has no condition, and gives the loop's variables their first values
        return self._run(line, condition, step, frame, len(found))

    def _exact_loop(self, found: list, body: Callable, frame: Frame) -> Frame:
        every = self.options.checkpoint
        if every is None or not found:
            for item in found:
                frame = body(frame, item)
            return frame
        lost = frame.lost
        frame = body(frame, found[0])  # gives the loop's variables their first values

        def step(k: int, state: dict) -> dict:
            return dict(body(Frame(state, lost), found[k]))

        return Frame(fori_loop(1, len(found), step, dict(frame), checkpoint=every), lost)

    def _relaxed_range(
        self, line: int, bounds: RelaxedRange, body: Callable, flag: Any, frame: Frame
    ) -> Frame:
        place = f"<place {line}>"
        start = {place: bounds.start, f"{place} end": bounds.stop}
        frame = Frame({**frame, **start, **({flag: False} if flag else {})}, frame.lost)
        half = 0.5 * bounds.step

        def condition(state: dict) -> Any:
            running = self.negate(line, state[flag]) if flag else True
            ahead = self._ahead(state[place] + half, state[f"{place} end"], bounds.step)
            return _both(running, ahead)

        def step(state: Frame) -> Frame:
            at = state[place]
            after = body(state, at)
            after[place] = at + bounds.step
            return after

        return self._run(line, condition, step, frame)

    def _ahead(self, i: Any, end: Any, step: int) -> Any:
        compare = conditions.less if step > 0 else conditions.greater
        return compare(i, end, beta=self.options.beta, distribution=self.options.distribution)

    def _run(
        self, line: int, condition: Callable, body: Callable, frame: Frame, rounds: int = 0
    ) -> Frame:
        o, names = self.options, list(frame)
        lost: dict[str, str] = dict(frame.lost)

        def step(state: dict) -> dict:
            after = body(Frame(state, lost))
            for name in after:
                if name not in state:
                    lost[name] = f"only the loop in line {line} assigns it; assign it before"
            return {name: self.number(after[name]) for name in names}

        try:
            end = while_loop(
                lambda state: condition(Frame(state, lost)),
                step,
                {name: self.number(value) for name, value in frame.items()},
                stop="hard" if o.hard else "soft",
                epsilon=o.epsilon,
                max_rounds=max(o.max_rounds, rounds),
                on_limit=o.on_limit,
                checkpoint=o.checkpoint,
            )
        except RelaxationError:
            raise
        except (TypeError, ValueError, RuntimeError) as error:
            where = f"{self.filename}:{line}: loop: {error}"
            raise type(error)(where) if type(error) in (ValueError, TypeError) else error from error
        kept = {name: value for name, value in end.items() if not name.startswith("<place")}
        return Frame(kept, lost)

    def attribute(self, line: int, x: Any, name: str) -> Any:
        if ag.is_array(x) and name == "shape":
            return tuple(x.shape[self.batch :])
        if ag.is_array(x) and name == "ndim":
            return x.ndim - self.batch
        return self.number(getattr(x, name)) if not ag.is_array(x) else self.method(line, x, name)

    def number(self, x: Any) -> Any:
        """Infinity as a large number, since 0 * inf is NaN."""
        if type(x) is float and math.isinf(x):
            return math.copysign(self.options.big, x)
        return x

    def binary(self, line: int, name: str, a: Any, b: Any) -> Any:
        if name in ("FloorDiv", "Mod") and (is_relaxed(a) or is_relaxed(b)):
            sign = "//" if name == "FloorDiv" else "%"
            raise self.fail(line, f"{sign} of a relaxed number: it has no relaxation; use / for a "
                            "real position, or whole numbers that depend on shapes")  # fmt: skip
        if is_relaxed(a) and is_relaxed(b) and name != "MatMult":
            a, b = self.aligned(a, b)
        return BINARY[name](a, b)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "Pow": operator.pow,
    "MatMult": operator.matmul, "BitAnd": operator.and_, "BitOr": operator.or_,
    "BitXor": operator.xor, "LShift": operator.lshift, "RShift": operator.rshift,
}  # fmt: skip


def _both(p: Any, q: Any) -> Any:
    if isinstance(p, bool):
        return q if p else False
    return (p if q else False) if isinstance(q, bool) else conditions.both(p, q)


def _either(p: Any, q: Any) -> Any:
    if isinstance(p, bool):
        return True if p else q
    return (True if q else p) if isinstance(q, bool) else conditions.either(p, q)


def argument(x: Any, name: str) -> Any:
    """An argument of a program: arrays and lists of numbers become floating-point arrays."""
    if ag.is_array(x):
        return float_array(x, name)
    if isinstance(x, list) and x and all(map(is_number, x)):
        return float_array(x, name)
    return x
