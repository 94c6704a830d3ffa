"""The engine's operations, by the names and parameters of the recorded autodiff cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refimpl import autograd as ag

from . import recorded

Inputs = dict[str, Any]


@recorded("autodiff")
def operation(inputs: Inputs, record: Mapping[str, Any]) -> dict[str, Any]:
    """The operation named in the record, on the record's inputs."""
    name, params = str(record["op"]), dict(record["params"])
    xp = ag.array_namespace(*inputs.values())
    if name in _SPECIAL_FORMS:
        result = _SPECIAL_FORMS[name](xp, inputs, params)
    else:
        result = _function(xp, name)(*_operands(inputs, params), **_keywords(params))
    if isinstance(result, (tuple, list)):
        return {f"y{i}": part for i, part in enumerate(result)}
    return {"y": result}


def _function(xp: Any, name: str) -> Callable[..., Any]:
    """The engine's own operation of that name, else the array library's."""
    for home in (ag, xp, xp.linalg):
        if hasattr(home, name):
            return getattr(home, name)
    raise NotImplementedError(f"no operation {name!r} in the engine or in the array API")


def _operands(inputs: Inputs, params: dict[str, Any]) -> list[Any]:
    """The arrays in order of their names, indices last, and a number where the parameters say."""
    arrays = [inputs[name] for name in sorted(inputs, key=lambda name: (name == "i", name))]
    for key, place in (("numerator", 0), ("base", 0), ("exponent", 1)):
        if key in params:
            arrays.insert(place, params.pop(key))
    return arrays


def _keywords(params: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in params.items()}


def _index(text: str) -> Any:
    """The basic index written in `text`, such as "1:3, None, -1"."""
    parts = tuple(_index_part(part.strip()) for part in text.split(","))
    return parts[0] if len(parts) == 1 else parts


def _index_part(part: str) -> Any:
    if part in ("...", "Ellipsis"):
        return ...
    if part == "None":
        return None
    if ":" in part:
        return slice(*(int(bound) if bound.strip() else None for bound in part.split(":")))
    return int(part)


def _clip(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    return xp.clip(a["x"], p.get("min"), p.get("max"))


def _where_safe(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    x = a["x"]
    safe = xp.where(x > 0, x, xp.ones_like(x))
    return xp.where(x > 0, xp.log(safe), xp.zeros_like(x))


def _einsum(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    return ag.einsum(p["subscripts"], *(a[name] for name in sorted(a)))


def _eigvalsh(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    x = a["a"]
    return xp.linalg.eigvalsh((x + xp.matrix_transpose(x)) / 2)


def _solve_triangular(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    lower = p.get("lower", True)
    matrix = (xp.tril if lower else xp.triu)(a["a"])
    return ag.solve_triangular(matrix, a["b"], lower=lower)


def _mlp(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    hidden = xp.tanh(a["x"] @ a["w1"] + a["b1"])
    logits = hidden @ a["w2"] + a["b2"]
    targets = xp.astype(a["t"], a["x"].dtype)
    return -xp.mean(xp.sum(targets * ag.log_softmax(logits, axis=-1), axis=-1))


def _sinkhorn(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    z = -a["c"] / p["eps"]
    for _ in range(p["iters"]):
        z = z - ag.logsumexp(z, axis=-1, keepdims=True)
        z = z - ag.logsumexp(z, axis=-2, keepdims=True)
    return xp.exp(z)


def _softsort(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    wires = list(ag.unstack(a["x"], axis=-1))
    for layer in range(len(wires)):
        for i in range(layer % 2, len(wires) - 1, 2):
            low, high = wires[i], wires[i + 1]
            s = ag.sigmoid(p["beta"] * (high - low))
            wires[i], wires[i + 1] = s * low + (1 - s) * high, (1 - s) * low + s * high
    return xp.stack(wires, axis=-1)


def _gp(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    x, y, ell = a["x"], a["y"], a["ell"]
    gap = x[:, None] - x[None, :]
    n = x.shape[0]
    identity = ag.constant([[float(i == j) for j in range(n)] for i in range(n)], like=x)
    kernel = xp.exp(-gap * gap / (2 * ell * ell)) + p["noise"] * identity
    fit = xp.sum(y * xp.linalg.solve(kernel, y))
    return -fit / 2 - xp.sum(xp.log(ag.diagonal(xp.linalg.cholesky(kernel))))


def _attention(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    scores = a["q"] @ xp.matrix_transpose(a["k"]) / a["q"].shape[-1] ** 0.5
    return ag.softmax(scores, axis=-1) @ a["v"]


def _gelu_chain(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    x = a["x"]
    for _ in range(p["depth"]):
        x = x * ag.ndtr(x) + 0.1
    return x


def _reuse(xp: Any, a: Inputs, p: dict[str, Any]) -> Any:
    x = a["x"]
    return x * x + x * xp.sin(x) - x / (1 + x * x)


_SPECIAL_FORMS: dict[str, Callable[[Any, Inputs, dict[str, Any]], Any]] = {
    "clip": _clip,
    "where_safe": _where_safe,
    "topk_values": lambda xp, a, p: ag.topk(a["x"], p["k"])[0],
    "getitem": lambda xp, a, p: a["x"][_index(p["index"])],
    "getitem_array": lambda xp, a, p: a["x"][a["i"]],
    "getitem_arrays": lambda xp, a, p: a["x"][a["i"], a["j"]],
    "getitem_mask": lambda xp, a, p: a["x"][a["m"]],
    "index_add": lambda xp, a, p: ag.at_add(a["x"], a["i"], a["v"]),
    "index_set": lambda xp, a, p: ag.at_set(a["x"], a["i"], a["v"]),
    "repeat": lambda xp, a, p: xp.repeat(a["x"], p["repeats"], axis=p["axis"]),
    "tile": lambda xp, a, p: xp.tile(a["x"], tuple(p["reps"])),
    "concat": lambda xp, a, p: xp.concat([a[k] for k in sorted(a)], axis=p["axis"]),
    "stack": lambda xp, a, p: xp.stack([a[k] for k in sorted(a)], axis=p["axis"]),
    "stack_same": lambda xp, a, p: xp.stack([a["a"], 2 * a["a"], a["a"]], axis=0),
    "einsum": _einsum,
    "einsum1": _einsum,
    "slogdet": lambda xp, a, p: xp.linalg.slogdet(a["a"])[1],
    "eigvalsh": _eigvalsh,
    "solve_triangular": _solve_triangular,
    "composite_mlp": _mlp,
    "composite_sinkhorn": _sinkhorn,
    "composite_softsort": _softsort,
    "composite_gp": _gp,
    "composite_attention": _attention,
    "composite_gelu_chain": _gelu_chain,
    "composite_reuse": _reuse,
}
