"""Relaxed control flow: `cond`, `while_loop` and `fori_loop` on nested containers of arrays.

    if c: P else: Q     p P(s) + (1 - p) Q(s)
    while c: P          s_0 = s, s_(i+1) = P(s_i), c_i = c(s_i);  the result is  sum_i w_i s_i,
                        w_i = (1 - c_i) prod_{j<i} c_j, the probability to leave after i rounds

The probability q_i = prod_{j<=i} c_j that the loop still runs never reaches 0 by itself. A row of
the batch leaves when its q falls to epsilon: what is left of its probability goes to its state at
that time, which it then keeps. So a row does not depend on its batch mates, and nothing that would
happen to it after its exit (overflow, division by zero) can reach it.

Source: Petersen et al., "Learning with Algorithmic Supervision via Continuous Relaxations", NeurIPS
2021. `rows="together"` is the rule of PyPI algovision 0.1.2: all rows run until the largest q is at
most epsilon, and then the last state gets what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import autograd as ag
from ..autograd import Array
from ..validation import choose, non_negative, whole
from .conditions import Law, less
from .select import is_number, select
from .trajectory import Trajectory, alive_rows, any_true

Function = Callable[[Any], Any]


class IterationLimitError(RuntimeError):
    """A relaxed loop was still running after the largest number of rounds."""


def cond(
    p: Array,
    then: Function,
    orelse: Function,
    state: Any,
    *,
    hard: bool = False,
    skip: float | None = None,
) -> Any:
    """`if`: p then(state) + (1 - p) orelse(state), leaf by leaf; see `select`.

    p: a condition of shape (B...), or True or False, which runs one branch only.
    hard: 1 where p > 1/2 and 0 elsewhere, ties included, takes the place of p, without derivative.
    skip: a branch whose probability is at most so much in every row is not run; its result counts
        as `state`. The result then depends on the batch, by `skip` times the change of state.

    >>> import numpy as np
    >>> a = np.array([1.0, 3.0])
    >>> cond(np.array([0.5, 1.0]), lambda s: 2 * s, lambda s: s, a)
    array([1.5, 6. ])
    """
    if is_number(p) and p in (0, 1):
        return then(state) if p else orelse(state)
    run_then = skip is None or any_true(ag.plain(p) > skip)
    run_else = skip is None or any_true(1 - ag.plain(p) > skip)
    p = decided(p) if hard else p
    return select(p, then(state) if run_then else state, orelse(state) if run_else else state)


def decided(p: Array) -> Array:
    """1 where p > 1/2, else 0; without derivative."""
    if is_number(p):
        return float(p > 0.5)
    host = ag.plain(p)
    return ag.array_namespace(host).astype(host > 0.5, host.dtype)


def while_loop(
    condition: Function,
    body: Function,
    state: Any,
    *,
    stop: str = "soft",
    epsilon: float = 1e-5,
    max_rounds: int = 1024,
    on_limit: str = "error",
    rows: str = "apart",
    checkpoint: int | None = None,
) -> Any:
    """`while condition(state): state = body(state)`, averaged over the rounds of the exit.

    condition: state -> probability to go on, (B...) or a Python number (True, False).
    body: state -> state of the same structure. A leaf that it does not touch is not averaged; whole
        numbers are what they are in the rounds and become averages (real numbers) at the exit.
    stop: "soft", the exit probabilities above; "hard", a row goes on where its condition is above
        1/2: the discrete loop, without derivative of the conditions.
    epsilon: a row leaves when it runs on with at most this probability. 0: rows leave where their
        conditions are exactly 0, or at the limit.
    max_rounds, on_limit: "error" raises IterationLimitError if a row would run on; "last" gives
        what is left of its probability to its last state.
    rows: "apart" or "together", see above.
    checkpoint: memory for so many rounds at a time in the backward pass, which repeats them, plus
        one state for each such segment; about the square root of the number of rounds is good. Then
        every traced array that condition and body read must be in the state. For torch and JAX
        arrays it has no effect.

    The derivative is that of the average at a fixed number of rounds; rounds that come to less than
    epsilon are left out of it.

    Raises IterationLimitError; ValueError for shapes and structures that do not fit and for options
    out of range.

    >>> import numpy as np
    >>> limit = np.array([3.0, 5.5])
    >>> while_loop(lambda x: less(x, limit, beta=30.0), lambda x: x + 1, np.zeros(2)).round(4)
    array([3.5, 6. ])
    >>> while_loop(lambda x: less(x, limit, beta=np.inf), lambda x: x + 1, np.zeros(2))
    array([3., 6.])
    """
    return _run(condition, body, state, stop, epsilon, max_rounds, on_limit, rows, checkpoint, None)


def exit_weights(condition: Function, body: Function, state: Any, **options: Any) -> Array:
    """The weights w_i with which `while_loop` averages its states, (rounds + 1, B...).

    They are >= 0 and sum to 1 over the first axis. Arguments as for `while_loop`.

    >>> import numpy as np
    >>> exit_weights(lambda x: less(x, 1.5, beta=4.0), lambda x: x + 1, np.zeros(1)).round(3).T
    array([[0.002, 0.119, 0.774, 0.104, 0.   ]])
    """
    weights: list[Array] = []
    defaults = {"stop": "soft", "epsilon": 1e-5, "max_rounds": 1024, "on_limit": "error"}
    chosen: dict[str, Any] = {**defaults, "rows": "apart", "checkpoint": None, **options}
    _run(condition, body, state, monitor=weights.append, **chosen)
    return ag.array_namespace(*weights).stack(weights, axis=0)


def fori_loop(
    lower: Any,
    upper: Any,
    body: Callable[[Any, Any], Any],
    state: Any,
    *,
    beta: float = 10.0,
    distribution: Law = "logistic",
    checkpoint: int | None = None,
    **options: Any,
) -> Any:
    """`for i in range(lower, upper): state = body(i, state)`.

    With two whole numbers this is Python's loop. Bounds that are arrays of shape (B...) make it a
    relaxed one: `i = lower; while i + 1/2 < upper: state = body(i, state); i = i + 1`, whose limit
    is the discrete loop for whole bounds; i is a whole number if `lower` is one. `options` are
    those of `while_loop`; checkpoint as there.

    >>> import numpy as np
    >>> fori_loop(0, 4, lambda i, s: s + i, np.zeros(1))
    array([6.])
    >>> fori_loop(0, np.array([2.0, 4.0]), lambda i, s: s + i, np.zeros(2), beta=50.0).round(4)
    array([1., 6.])
    """
    if isinstance(lower, int) and isinstance(upper, int):
        return _unrolled(lower, upper, body, state, checkpoint)

    def running(carry: tuple) -> Array:
        i, end, _ = carry
        return less(i + 0.5, end, beta=beta, distribution=distribution)

    def step(carry: tuple) -> tuple:
        i, end, inner = carry
        return i + 1, end, body(i, inner)

    return while_loop(running, step, (lower, upper, state), checkpoint=checkpoint, **options)[2]


def _unrolled(lower: int, upper: int, body: Any, state: Any, checkpoint: int | None) -> Any:
    if checkpoint is None:
        for i in range(lower, upper):
            state = body(i, state)
        return state

    def segment(start: int, state: Any) -> Any:
        for i in range(start, min(start + checkpoint, upper)):
            state = body(i, state)
        return state

    for start in range(lower, upper, whole(checkpoint, "checkpoint", minimum=1)):
        state = ag.checkpoint(segment)(start, state)
    return state


def _run(
    condition: Function,
    body: Function,
    state: Any,
    stop: str,
    epsilon: float,
    max_rounds: int,
    on_limit: str,
    rows: str,
    checkpoint: int | None,
    monitor: Callable[[Array], None] | None,
) -> Any:
    hard = choose(stop, ("soft", "hard"), "stop") == "hard"
    apart = choose(rows, ("apart", "together"), "rows") == "apart"
    choose(on_limit, ("error", "last"), "on_limit")
    epsilon, limit = non_negative(epsilon, "epsilon"), whole(max_rounds, "max_rounds")

    def go_on(state: Any) -> Any:
        c = condition(state)
        if is_number(c):
            return float(c)
        return decided(c) if hard else c

    state, q, used = _discrete_rounds(go_on, body, state, limit, on_limit)
    if is_number(q):
        return state
    path = Trajectory.start(state, q, epsilon, apart, monitor)
    while path.running and used < limit:
        segment = limit - used if checkpoint is None else min(checkpoint, limit - used)
        done = path.advance(go_on, body, segment, checkpointed=checkpoint is not None)
        used += done
    if path.running and on_limit == "error":
        _refuse(used, alive_rows(path.q, epsilon))
    return path.average()


def _discrete_rounds(
    go_on: Function, body: Function, state: Any, limit: int, on_limit: str
) -> tuple[Any, Any, int]:
    """The rounds in which the condition is a Python truth value: nothing needs to be averaged."""
    q, used = go_on(state), 0
    while is_number(q) and q not in (0, 1):
        q = ag.creation_namespace().asarray(float(q))
    while is_number(q) and q:
        if used == limit:
            if on_limit == "error":
                _refuse(used, None)
            return state, 0, used
        state, used = body(state), used + 1
        q = go_on(state)
    return state, q, used


def _refuse(used: int, alive: Array | None) -> None:
    count = ""
    if alive is not None and alive.ndim:
        xp = ag.array_namespace(alive)
        count = f" in {int(xp.sum(xp.astype(alive, xp.int64)))} of {alive.size} rows"
    raise IterationLimitError(
        f"the loop still runs{count} after max_rounds = {used} rounds; allow more, raise "
        "epsilon or beta, or accept the last state with on_limit='last'"
    )


__all__ = [
    "IterationLimitError",
    "cond",
    "decided",
    "exit_weights",
    "fori_loop",
    "while_loop",
]
