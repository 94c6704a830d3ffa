"""`check_grads`: are the derivatives of a function right, whoever computed them?

A gradient is held against differences in float64 that know their own error (`differences`), at
points that know what they are (`kinks`); a disagreement comes back with the worst element, the
verdict of the differences, and what the two arrays have in common (`hints`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import tree
from .checking.examination import Examination, Settings
from .checking.first import check_jvp, check_vjp
from .checking.frameworks import FLOATS, framework_of, is_floating
from .checking.properties import check_adjoint, check_function, check_pull
from .checking.report import Finding, GradientError, Report
from .checking.second import check_second
from .checking.subject import Given, Subject, argument_names
from .compare import check_tolerances

TOLERANCES: dict[str, tuple[float, float]] = {
    "float64": (1e-8, 1e-12),
    "float32": (1e-4, 1e-6),
    "float16": (2e-2, 1e-3),
    "bfloat16": (1e-1, 1e-2),
}
"""(rtol, atol) by the coarsest dtype among the inputs and outputs; derivatives are compared as
max|a - b| <= atol + rtol max|b|. On that scale, correct float32 gradients are off by up to 1.3e-5.
"""


def check_grads(
    f: Callable[..., Any],
    args: Any,
    *,
    argnums: int | Sequence[int] | None = None,
    order: int = 1,
    modes: Sequence[str] | None = None,
    framework: str | None = None,
    grad: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    hvp: Callable[..., Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    draws: int = 2,
    full: int = 64,
    parameters: Mapping[str, Any] | None = None,
) -> Report:
    """Check the derivatives of `f` at the point `args`, and say what is wrong with them.

    f           function of arrays, or nested containers of arrays, that returns the same
    args        its positional arguments, as a tuple (anything else is a single argument)
    argnums     the arguments to differentiate in; by default those of floating-point arrays only
    order       2 checks second derivatives as well
    modes       "vjp" (gradients), "jvp" (derivatives along tangents); by default what there is
    framework   who differentiates f: "engine" (array-API functions, by refimpl.autograd), "torch",
                "jax". By default the library of the arrays in args. Arrays are converted
    grad        instead of a framework, the gradient of a scalar f by the caller: `grad(*args)`
                returns an array (or container) for each of argnums, alone or in a tuple
    vjp         the same for any f: `vjp(args, cotangent)`, cotangent like the output of f
    jvp         `jvp(args, tangents)`, tangents a tuple with one entry for each of argnums; returns
                the derivative, like the output of f
    hvp         `hvp(args, cotangent, tangents)`: the derivative of `vjp` along the tangents
    rtol, atol  tolerances; by default those of TOLERANCES for the coarsest dtype. The error bars of
                the differences are added to them
    seed        of the random cotangents and tangents; `draws` is how many of each
    full        inputs of up to so many elements are differenced element by element, larger ones
                along random directions (and, where that fails, searched for the worst element)
    parameters  numbers on which f depends, by name, for the hints (a factor that equals one)

    What is checked is listed in `report.CHECKS`. Differences are taken in float64, from float64
    copies of the arguments; if f rounds its values to a coarser format nevertheless, they say
    little, and the report says so and uses looser tolerances.

    At a kink every derivative between the left and the right one is accepted, and noted. At a
    singular point (a jump, a vertical tangent) nothing can be decided, which is noted too.

    Returns a Report: `report.ok`, `report.findings`, `print(report)`, `report.raise_if_failed()`.

    TypeError: f is not callable, returns no floating-point array, or is to be differentiated in
    an argument that is not floating-point. ValueError: a negative tolerance, unknown framework or
    mode, `order` other than 1 or 2, `draws` below 1.

    >>> import numpy as np
    >>> from refimpl.autograd import array_namespace
    >>> def norm(x):
    ...     return array_namespace(x).sum(x * x)
    >>> bool(check_grads(norm, np.array([1.0, 2.0])))
    True
    >>> print(check_grads(norm, np.array([1.0, 2.0]), grad=lambda x: x))
    norm, differentiated by the grad given: 1 finding
      vjp of output by x: wrong gradient
        2 of 2 exceed the tolerance; worst at [1]: 2 instead of 4 ...
        differences: smooth, derivative 4 +- ...; the engine agrees; the grad given disagrees
        hint: every element is 0.5 times as large
        draw: cotangent of output, basis vector 0
      compared: ...
      replay: check_grads(norm, args, grad=..., seed=0)
    """
    if not callable(f):
        raise TypeError(f"check_grads: expected a function, got {type(f).__name__}: {f!r:.40}")
    check_tolerances(rtol=rtol, atol=atol)
    if not isinstance(draws, int) or draws < 1:
        raise ValueError(f"draws {draws!r}: expected a whole number of at least 1")
    if order not in (1, 2):
        raise ValueError(f"order {order!r}: expected 1 or 2")
    if modes is not None and (not modes or set(modes) - {"vjp", "jvp"}):
        raise ValueError(f"modes {modes!r}: expected 'vjp', 'jvp' or both, in a sequence")
    arguments = args if type(args) is tuple else (args,)
    rules = {"grad": grad, "vjp": vjp, "jvp": jvp, "hvp": hvp}
    with np.errstate(all="ignore"):  # infinite slopes are answers here, not accidents
        subject = _subject(f, arguments, argnums, framework, rules)
        coarsest = max((*subject.dtypes, *subject.output_dtypes), key=FLOATS.index)
        settings = Settings(
            order=order,
            modes=_modes(modes, rules),
            strict=modes is not None,
            rtol=TOLERANCES[coarsest][0] if rtol is None else rtol,
            atol=TOLERANCES[coarsest][1] if atol is None else atol,
            seed=seed,
            draws=draws,
            full=full,
            parameters={**_numbers(f, arguments, subject.argnums), **(parameters or {})},
        )
        replay = _replay(subject.title, argnums, order, modes, framework, rules, seed)
        report = Report(subject.title, subject.source, seed, replay=replay)
        _check_everything(Examination(subject, settings, report))
    return report


def _check_everything(x: Examination) -> None:
    """Run the checks that the settings ask for."""
    if not check_function(x):
        return
    if "vjp" in x.settings.modes:
        _attempt(x, "vjp", check_vjp)
    if "jvp" in x.settings.modes:
        _attempt(x, "jvp", check_jvp)
    check_adjoint(x)
    if x.pulled:
        check_pull(x)
    if x.settings.order == 2:
        if x.report.ok:
            check_second(x)
        else:
            x.report.note("second derivatives are not checked, because the first are wrong")


def _attempt(x: Examination, mode: str, check: Callable[[Examination], None]) -> None:
    """Run a check; where the mode was not asked for, a framework that lacks it is no error."""
    try:
        check(x)
    except (NotImplementedError, RuntimeError, TypeError) as error:
        if x.settings.strict or mode == "vjp":
            raise
        x.report.note(f"{mode} not checked: {type(error).__name__}: {str(error).splitlines()[0]}")


def _subject(
    f: Callable, args: tuple, argnums: Any, framework: str | None, rules: dict[str, Any]
) -> Subject:
    if argnums is None:
        chosen = [i for i, a in enumerate(args) if _differentiable(a)]
        if not chosen:
            kinds = ", ".join(str(getattr(a, "dtype", type(a).__name__)) for a in args) or "none"
            raise TypeError(f"check_grads: no argument holds floating-point arrays only: {kinds}")
    else:
        chosen = [argnums] if isinstance(argnums, int) else list(argnums)
        if outside := [i for i in chosen if not -len(args) <= i < len(args)]:
            raise ValueError(f"argnums {outside}: there are {len(args)} arguments")
        chosen = [i % len(args) for i in chosen]
    adapter = framework_of(args, framework)
    if not any(rules.values()):
        return Subject(f, args, chosen, adapter)
    subject = Given(f, args, chosen, adapter, rules=rules)
    if rules["grad"] is not None and subject.output_shapes != [()]:
        shapes = subject.output_shapes
        raise ValueError(f"grad= is for functions that return a number, got {shapes}; use vjp=")
    return subject


def _differentiable(argument: Any) -> bool:
    leaves = tree.leaves(argument)
    return bool(leaves) and all(map(is_floating, leaves))


def _modes(modes: Sequence[str] | None, rules: Mapping[str, Any]) -> tuple[str, ...]:
    if modes is not None:
        return tuple(modes)
    if not any(rules.values()):
        return ("vjp", "jvp")
    backward = ("vjp",) if rules["grad"] or rules["vjp"] else ()
    return backward + (("jvp",) if rules["jvp"] else ())


def _numbers(f: Callable, args: tuple, argnums: Sequence[int]) -> dict[str, Any]:
    """Parameters of f that are numbers, by name."""
    names = argument_names(f, len(args))
    found = {names[i]: a for i, a in enumerate(args) if i not in argnums}
    if isinstance(f, functools.partial):
        found |= f.keywords
    return {k: v for k, v in found.items() if isinstance(v, (int, float)) and type(v) is not bool}


def _replay(
    title: str, argnums: Any, order: int, modes: Any, framework: Any, rules: Any, seed: int
) -> str:
    options = [f"argnums={argnums}"] if argnums is not None else []
    options += [f"order={order}"] if order != 1 else []
    options += [f"modes={tuple(modes)}"] if modes is not None else []
    options += [f"framework={framework!r}"] if framework is not None else []
    options += [f"{name}=..." for name, rule in rules.items() if rule is not None]
    return f"check_grads({', '.join([title, 'args', *options, f'seed={seed}'])})"


__all__ = ["Finding", "GradientError", "Report", "TOLERANCES", "check_grads"]
