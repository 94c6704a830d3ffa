"""PyPI's algovision (0.1.2) as an implementation of relaxed conditions and programs.

    refimpl check algovision

The package has the logistic law only. Bubble sort and the shortest path are programs of its
repository, which are not in the package; they are written here in its language, as `bubble_program`
and `path_program`. Its loops end when the last row of the batch ends, so a row alone gives other
numbers than in a batch, by the size of epsilon; and its shortest path leaves the start again.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from refimpl.conformance.target import Unsupported, implements

_BATCH = "loops of algovision end with the last row of the batch: rows depend on each other"
_STILL = "algovision computes 1/cosh^2, whose gradient is NaN where cosh overflows"
_CANCELS = "algovision computes 1 - 1/cosh^2, which cancels near a = b"
_CONORMS = {"probabilistic": "probabilistic", "hamacher": "hamacher"}


def missing() -> str | None:
    """Why the library cannot be tested, or None."""
    absent = [name for name in ("torch", "algovision") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed: pip install algovision" if absent else None


def bubble_program(beta: float, epsilon: float, dtype: Any) -> Any:
    """Bubble sort in algovision's language: outputs array, loss_prod, loss_sum."""
    import algovision as av
    import torch

    scalar = torch.tensor(0.0, dtype=_torch_dtype(dtype))
    swap = [
        av.Let("array", [lambda i: i + 1], "a"),
        av.Let("array", ["i"], "b"),
        av.Let("swapped", 1.0),
        av.Let("loss_prod", 1.0),
        av.Let("loss_sum", lambda loss_sum: loss_sum + 1.0),
    ]
    compare = [
        av.Let("a", lambda array, i: array[:, i]),
        av.Let("b", lambda array, i: array[:, i + 1]),
        av.If(av.GT("a", "b"), if_true=swap),
    ]
    return av.Algorithm(
        av.Input("array"),
        *[av.Var(name, scalar) for name in ("a", "b", "loss_prod", "loss_sum")],
        av.Var("swapped", scalar + 1),
        av.VarInt("n", lambda array: array.shape[1] - 1),
        av.While(
            av.IsTrue("swapped"),
            av.Let("swapped", 0),
            av.For("i", "n", *compare),
            av.LetInt("n", lambda n: n - 1),
        ),
        *map(av.Output, ("array", "loss_prod", "loss_sum")),
        beta=beta,
        epsilon=epsilon,
    )


def _torch_dtype(name: Any) -> Any:
    import torch

    return getattr(torch, name) if isinstance(name, str) else name


OFFSETS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def path_program(
    beta: float, rounds: int, conorm: str, p: float | None, loop: str, dtype: Any
) -> Any:
    """The grid's shortest path in algovision's language: tracked_path, d, d_predecessor."""
    import algovision as av
    import torch

    kind, big = _torch_dtype(dtype), 1e12

    def neighbours(d: Any, cost: Any) -> tuple:
        near = torch.nn.functional.unfold(d.unsqueeze(1), kernel_size=(3, 3)).transpose(-2, -1)
        near = torch.cat([near[..., :4], near[..., 5:]], dim=-1)
        near = near.view(near.shape[0], *cost.shape[1:], 8)
        weights = torch.nn.functional.softmin(near * beta, dim=-1)
        new = (weights * near).sum(-1) + cost
        return torch.nn.functional.pad(new, (1, 1, 1, 1), "constant", big), weights

    def follow(trace_pos: Any, d_predecessor: Any) -> Any:
        height, width = trace_pos.shape[1:]
        sent = trace_pos.unsqueeze(-1) * d_predecessor
        sent = torch.nn.functional.pad(sent, (0, 0, 1, 1, 1, 1), "constant", 0.0)
        parts = [
            sent[:, 1 - i : 1 - i + height, 1 - j : 1 - j + width, k]
            for k, (i, j) in enumerate(OFFSETS)
        ]
        return sum(parts)

    def union(tracked_path: Any, trace_pos: Any) -> Any:
        a, b = tracked_path, trace_pos
        if conorm == "hamacher":
            return (a + b + (p - 2) * a * b) / (1 + (p - 1) * a * b)  # type: ignore[operator]
        return a + b - a * b

    step = (av.Let("tracked_path", union), av.Let("trace_pos", follow))
    reached = av.LEq(lambda tracked_path: tracked_path[:, 0, 0], 1.0)

    def full(value: float, *extra: int, pad: int = 0) -> Any:
        def fill(cost: Any) -> Any:
            shape = (cost.shape[1] + pad, cost.shape[2] + pad, *extra)
            return torch.full(shape, value, dtype=kind)

        return fill

    return av.Algorithm(
        av.Input("cost"),
        av.Var("d", full(big, pad=2)),
        av.Var("d_predecessor", full(0.0, 8)),
        av.Var("trace_pos", full(0.0)),
        av.Var("tracked_path", full(0.0)),
        av.Let("d", [1, 1], 0.0),
        av.Let("trace_pos", [-1, -1], 1.0),
        av.For("t", rounds, av.Let(["d", "d_predecessor"], neighbours), av.Let("d", [1, 1], 0.0)),
        av.For("k", rounds, *step) if loop == "for" else av.While(reached, *step),
        *map(av.Output, ("tracked_path", "d", "d_predecessor")),
        beta=beta,
    )


def _compare(name: str) -> Any:
    def compare(
        a: Any, b: Any, *, beta: float, distribution: str = "logistic", margin: float = 0.0
    ) -> Any:
        import algovision as av

        _logistic(distribution, beta)
        if margin:
            raise Unsupported(f"margin={margin}: algovision has none")
        return getattr(av, name)("a", "b", beta=beta)({"a": a, "b": b})

    return compare


less = implements("relaxation.less", framework="torch")(_compare("LT"))
less_equal = implements("relaxation.less_equal", framework="torch")(_compare("LEq"))
greater = implements("relaxation.greater", framework="torch")(_compare("GT"))
greater_equal = implements("relaxation.greater_equal", framework="torch")(_compare("GEq"))
equal = implements("relaxation.equal", framework="torch", expected_failures={"far*": _STILL})(
    _compare("Eq")
)
not_equal = implements(
    "relaxation.not_equal", framework="torch", expected_failures={"far*": _STILL, "near*": _CANCELS}
)(_compare("NEq"))


@implements("relaxation.same_category", framework="torch")
def same_category(a: Any, b: Any, *, beta: float = 10.0, distribution: str = "gudermannian") -> Any:
    """CatProbEq, the law of which is that of the hyperbolic secant."""
    import algovision as av

    if distribution != "gudermannian":
        raise Unsupported(f"distribution={distribution!r}: CatProbEq is sech(beta (1 - cos))")
    return av.CatProbEq("a", "b", beta=beta)({"a": a, "b": b})


@implements(
    "relaxation.bubble_sort",
    framework="torch",
    expected_failures={"loose-epsilon*": _BATCH},
)
def bubble_sort(
    x: Any,
    *,
    beta: float = 10.0,
    distribution: str = "logistic",
    epsilon: float = 1e-5,
    rows: str = "apart",
) -> tuple[Any, Any, Any]:
    """The program on the rows of `x`, which are flattened to a matrix and back."""
    _logistic(distribution, beta)
    flat = x.reshape(-1, x.shape[-1])
    if not flat.shape[0]:
        raise Unsupported("an empty batch: algovision takes the maximum over the batch")
    values, unsorted, swaps = bubble_program(beta, epsilon, x.dtype)(flat)
    batch = x.shape[:-1]
    return values.reshape(x.shape), unsorted.reshape(batch), swaps.reshape(batch)


@implements("relaxation.shortest_path", framework="torch")
def shortest_path(
    cost: Any,
    *,
    beta: float = 10.0,
    rounds: int = 1,
    conorm: str = "probabilistic",
    p: float | None = None,
    loop: str = "for",
    published: bool = False,
) -> tuple[Any, Any, Any]:
    """The program on the grids of `cost`, flattened to one batch axis and back."""
    if not published:
        raise Unsupported("published=False: algovision's path goes on from the start")
    _logistic("logistic", beta)
    if conorm not in _CONORMS:
        raise Unsupported(f"conorm={conorm!r}: the example has it not")
    flat = cost.reshape(-1, *cost.shape[-2:])
    if not flat.shape[0]:
        raise Unsupported("an empty batch")
    path, d, P = path_program(beta, rounds, conorm, p, loop, cost.dtype)(flat)
    d = d[:, 1:-1, 1:-1]
    return path.reshape(cost.shape), d.reshape(cost.shape), P.reshape(*cost.shape, 8)


def _logistic(distribution: str, beta: float) -> None:
    if distribution != "logistic":
        raise Unsupported(f"distribution={distribution!r}: algovision has the logistic law only")
    if beta == float("inf"):
        raise Unsupported("beta = inf: algovision multiplies by beta, inf * 0 is NaN")
