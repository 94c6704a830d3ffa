"""`@relaxed`: an ordinary Python function, and its relaxation from the same text.

    @relaxed(beta=20.0)
    def insertion_sort(x):
        for i in range(1, len(x)):
            for j in range(i, 0, -1):
                if x[j] < x[j - 1]:
                    x[j - 1], x[j] = x[j], x[j - 1]
        return x

`insertion_sort(values)` is the relaxation, `insertion_sort.discrete(values)` the function as it is
written, which is the limit of large beta and, but for ties, what `beta=inf` computes. The steps:
`transform` rewrites the syntax tree, `runtime` carries out what depends on relaxed values.

Source: the rules are those of Petersen et al., "Learning with Algorithmic Supervision via
Continuous Relaxations", NeurIPS 2021.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from .runtime import Frame, Options, Runtime, argument
from .transform import RelaxationError, transformed


class Relaxed:
    """The relaxation of a function; call it with the function's arguments.

    discrete  the function as it was written
    options   the keywords of `relaxed`
    source    what the relaxation runs, as Python source
    """

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        functools.update_wrapper(self, function)
        self.discrete, self.options = function, options
        tree, filename = _definition(function)
        module = transformed(tree, filename, shapes=options.batch_axes > 0)
        self.source = ast.unparse(module)
        namespace: dict[str, Any] = {}
        exec(compile(module, filename, "exec"), namespace)  # the code made above, nothing else
        self._run = namespace["relaxed"]
        self._signature = inspect.signature(function)
        self._runtime = Runtime(options, filename)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        values = {name: argument(x, name) for name, x in given.arguments.items()}
        return self._run(self._runtime, self._outer, Frame(values))

    def with_options(self, **changes: Any) -> Relaxed:
        """The same function, relaxed with some options changed."""
        return Relaxed(self.discrete, self.options._replace(**changes))

    def _outer(self, name: str) -> Any:
        """The value of a name that the function does not assign."""
        cells = dict(zip(self.discrete.__code__.co_freevars, self.discrete.__closure__ or (),
                         strict=True))  # fmt: skip
        if name in cells:
            return cells[name].cell_contents
        found = getattr(self.discrete, "__globals__", {})
        return found[name] if name in found else getattr(builtins, name)


def relaxed(
    beta: float = 10.0, distribution: Any = "logistic", **options: Any
) -> Callable[[Callable[..., Any]], Relaxed]:
    """A decorator that turns a function with if, while, for, comparisons, indexing and assignment
    into its relaxation.

    Arrays (and lists of numbers) among the arguments are relaxed: what depends on comparing them
    is averaged as in `control` and `indexing`. Python's numbers and tuples stay exact: a loop over
    range(len(x)) is Python's, and a counter is a whole number until a relaxed decision averages it.
    Infinities count as `big`.

    beta: inverse temperature, inf for the discrete decisions; distribution: the law of the noise.
    margin: see `conditions`; 1/2 makes comparisons of whole numbers exact in the limit.
    beta_index, beta_min: of indices and of min, max, argmin, argmax; by default beta.
    batch_axes: how many axes in front of every array the function does not see.
    epsilon, max_rounds, on_limit, checkpoint: of loops, see `while_loop`.
    hard: decide at probability 1/2, without derivative of the decisions.
    big: stands for infinity.

    Calls: Python's len, range, abs, min, max, sum, enumerate, zip, ..., `math`, NumPy's functions
    on whole arrays, and other functions as they are. Assignment copies: `y = x; y[0] = 1` leaves x
    alone. `return` may be inside `if`, `break` and `continue` in a loop that is not in another.

    Raises RelaxationError with file and line for what has no relaxation: try, with, raise,
    recursion, return inside a loop, break inside nested loops, ...

    >>> import numpy as np
    >>> @relaxed(beta=20.0)
    ... def largest(x):
    ...     best = x[0]
    ...     for i in range(1, len(x)):
    ...         if x[i] > best:
    ...             best = x[i]
    ...     return best
    >>> float(largest.discrete(np.array([1.0, 3.0, 2.0])))
    3.0
    >>> round(float(largest(np.array([1.0, 3.0, 2.0]))), 6)
    3.0
    """
    chosen = Options(beta=beta, distribution=distribution)._replace(**options)
    return lambda function: Relaxed(function, chosen)


def _definition(function: Callable[..., Any]) -> tuple[ast.FunctionDef, str]:
    """The syntax tree of a function, with the line numbers of its file, and the file."""
    name = getattr(function, "__name__", repr(function))
    try:
        lines, first = inspect.getsourcelines(function)
        filename = inspect.getsourcefile(function) or "<unknown>"
    except (OSError, TypeError) as error:
        raise RelaxationError(f"{name}: its source is not available ({error})") from error
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, first - 1)
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        kind = type(definition).__name__
        raise RelaxationError(f"{filename}:{first}: expected a function (def), got {kind}")
    arguments = definition.args
    if arguments.vararg or arguments.kwarg:
        raise RelaxationError(f"{filename}:{first}: cannot relax * and ** among the arguments")
    return definition, filename
