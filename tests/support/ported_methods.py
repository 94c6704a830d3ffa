"""Twenty-one methods, of every package, written again from their formulas, for three frameworks.

`source(framework)` is the text of a module with functions marked @implements. Tests run it as it
is, where nothing may be found, and with a mistake in one place, which must be found.
"""

from __future__ import annotations

from typing import Any

HEADERS = {
    "torch": """
import torch
import array_api_compat.torch as library

def space(x): return library
def softmax(x, axis): return torch.softmax(x, axis)
def logsumexp(x, axis, keepdims=False): return torch.logsumexp(x, axis, keepdim=keepdims)
def sigmoid(x): return torch.sigmoid(x)
def stop_gradient(x): return x.detach()
def constant(values, like): return torch.tensor(values, dtype=like.dtype)
""",
    "jax": """
import jax
import jax.numpy as jnp

def space(x): return jnp
def softmax(x, axis): return jax.nn.softmax(x, axis=axis)
def logsumexp(x, axis, keepdims=False):
    return jax.scipy.special.logsumexp(x, axis=axis, keepdims=keepdims)
def sigmoid(x): return jax.nn.sigmoid(x)
def stop_gradient(x): return jax.lax.stop_gradient(x)
def constant(values, like): return jnp.asarray(values, dtype=like.dtype)
""",
    "refimpl": """
from refimpl import autograd as ag

def space(x): return ag.array_namespace(x)
def softmax(x, axis): return ag.softmax(x, axis=axis)
def logsumexp(x, axis, keepdims=False): return ag.logsumexp(x, axis=axis, keepdims=keepdims)
def sigmoid(x): return ag.sigmoid(x)
def stop_gradient(x): return ag.stop_gradient(x)
def constant(values, like): return ag.constant(values, like=like)
""",
}

BODY = '''
import math
from refimpl.conformance import Unsupported, implements


def only(**wanted):
    """Unsupported for a parameter with another value than the one implemented."""
    for name, (value, known) in wanted.items():
        if value not in known:
            raise Unsupported(f"{name}={value!r}")


@implements("sorting.neural_sort", framework=FRAMEWORK, jit=False)
def neural_sort(x, *, temperature=1.0, hard=False, descending=False):
    only(hard=(hard, [False]))
    xp, n = space(x), x.shape[-1]
    A = xp.sum(xp.abs(x[..., :, None] - x[..., None, :]), axis=-1)
    c = constant([2.0 * j + 1 - n for j in range(n)], x)
    c = -c if descending else c
    return softmax((x[..., :, None] * c - A[..., :, None]) / temperature, axis=-2)


@implements("sorting.soft_sort", framework=FRAMEWORK, jit=False)
def soft_sort(x, *, temperature=1.0, power=1.0, hard=False, descending=False):
    only(hard=(hard, [False]), power=(power, [1.0, 2.0]))
    xp = space(x)
    order = -xp.sort(-x, axis=-1) if descending else xp.sort(x, axis=-1)
    gap = order[..., None, :] - x[..., :, None]
    distance = gap * gap if power == 2.0 else xp.abs(gap)
    return softmax(-distance / temperature, axis=-2)


SIGMOIDS = {
    "logistic": lambda v, xp: sigmoid(v),
    "cauchy": lambda v, xp: 0.5 + xp.atan(v) / math.pi,
    "reciprocal": lambda v, xp: 0.5 * (1 + v / (2 + xp.abs(v))),
}


@implements("sorting.soft_comparison", framework=FRAMEWORK, jit=False)
def soft_comparison(
    d, *, distribution="cauchy", steepness=10.0, art_lambda=0.25, units="published"
):
    only(distribution=(distribution, SIGMOIDS), units=(units, ["published"]))
    return SIGMOIDS[distribution](steepness * d, space(d))


@implements("sorting.sorting_network", framework=FRAMEWORK, jit=False)
def sorting_network(
    x, *, network="odd_even", distribution="cauchy", steepness=10.0, art_lambda=0.25,
    units="published", descending=False,
):
    only(distribution=(distribution, SIGMOIDS), units=(units, ["published"]))
    only(network=(network, ["odd_even"]), descending=(descending, [False]))
    xp, n = space(x), x.shape[-1]
    eye = constant([[float(i == j) for j in range(n)] for i in range(n)], x)
    rows = [xp.broadcast_to(eye[:, i], x.shape) for i in range(n)]
    wires = [x[..., i] for i in range(n)]
    for layer in range(n):
        for i in range(layer % 2, n - 1, 2):
            a, b = wires[i], wires[i + 1]
            alpha = SIGMOIDS[distribution](steepness * (b - a), xp)
            wires[i], wires[i + 1] = alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b
            p, q, alpha = rows[i], rows[i + 1], alpha[..., None]
            rows[i], rows[i + 1] = alpha * p + (1 - alpha) * q, (1 - alpha) * p + alpha * q
    return xp.stack(wires, axis=-1), xp.stack(rows, axis=-1)


@implements("sorting.sinkhorn", framework=FRAMEWORK, jit=False)
def sinkhorn(scores, *, temperature=1.0, iterations=20, hard=False):
    only(hard=(hard, [False]))
    logs = scores / temperature
    for _ in range(iterations):
        logs = logs - logsumexp(logs, axis=-1, keepdims=True)
        logs = logs - logsumexp(logs, axis=-2, keepdims=True)
    return space(scores).exp(logs)


@implements("sorting.soft_step", framework=FRAMEWORK, jit=False)
def soft_step(x, *, mode="smooth", softness=0.1):
    only(mode=(mode, ["smooth", "c1"]))
    v, xp = x / softness, space(x)
    if mode == "smooth":
        return sigmoid(v)
    t = xp.where(v > 5.0, 1.0 + 0 * v, xp.where(v < -5.0, -1.0 + 0 * v, v / 5.0))
    return 0.5 + 0.75 * t - 0.25 * t**3


@implements("sorting.permutation_cross_entropy", framework=FRAMEWORK, jit=False)
def permutation_cross_entropy(P, Q):
    xp = space(P)

    def log(x):
        safe = x > 1e-38
        return xp.where(safe, xp.log(xp.where(safe, x, 1 + 0 * x)), -100.0 + 0 * x)

    return -xp.mean(Q * log(P) + (1 - Q) * log(1 - P))


@implements("sorting.apply_permutation", framework=FRAMEWORK, jit=False)
def apply_permutation(P, payload):
    xp = space(P)
    if payload.ndim == P.ndim - 1:
        return (xp.matrix_transpose(P) @ payload[..., None])[..., 0]
    return xp.matrix_transpose(P) @ payload


@implements("sorting.plackett_luce_log_likelihood", framework=FRAMEWORK, jit=False)
def plackett_luce(log_scores, order, *, first=None):
    xp, n = space(log_scores), log_scores.shape[-1]
    chosen = xp.take_along_axis(log_scores, order, axis=-1)
    total = 0.0 * xp.sum(log_scores, axis=-1)
    for k in range(n if first is None else first):
        total = total + chosen[..., k] - logsumexp(chosen[..., k:], axis=-1)
    return total


@implements("sorting.cox_loss", framework=FRAMEWORK, jit=False)
def cox_loss(log_hazards, times, events, *, method="breslow"):
    only(method=(method, ["breslow"]))
    xp = space(log_hazards)
    at_risk = times[None, :] >= times[:, None]
    h = xp.where(at_risk, log_hazards[None, :], -math.inf)
    observed = xp.astype(events, log_hazards.dtype)
    losses = observed * (log_hazards - logsumexp(h, axis=-1))
    count = xp.sum(observed)
    return -xp.sum(losses) / xp.where(count > 0, count, 1 + 0 * count)


@implements("logic.gate_mixture", framework=FRAMEWORK, jit=False)
def gate_mixture(a, b, p):
    ab = a * b
    half = [0 * a, ab, a - ab, a, b - ab, b, a + b - 2 * ab, a + b - ab]
    gates = half + [1 - gate for gate in half[::-1]]
    return sum(p[..., i] * gates[i] for i in range(16))


@implements("logic.group_sum", framework=FRAMEWORK, jit=False)
def group_sum(x, *, k, tau=1.0, beta=0.0, offset="after"):
    xp, n = space(x), x.shape[-1]
    sums = xp.sum(xp.reshape(x, (*x.shape[:-1], k, n // k)), axis=-1)
    return sums / tau + beta if offset == "after" else (sums + beta) / tau


@implements("relaxation.floyd_warshall", framework=FRAMEWORK, jit=False)
def floyd_warshall(W, *, beta=10.0, pin_diagonal=True):
    only(beta=(math.isinf(beta), [False]))
    xp, n = space(W), W.shape[-1]
    off = constant([[float(i != j) for j in range(n)] for i in range(n)], W)
    W = W * off if pin_diagonal else W
    for k in range(n):
        through = W[..., :, k, None] + W[..., None, k, :]
        pair = xp.stack([W, through], axis=0)
        W = xp.sum(softmax(-beta * pair, axis=0) * pair, axis=0)
        W = W * off if pin_diagonal else W
    return W


def laplace(v, xp):
    """Without |v| or sign(v), whose slopes at 0 are 0: the law has the slope 1/2 there."""
    tail = 0.5 * xp.exp(xp.where(v < 0, v, -v))
    return xp.where(v < 0, tail, 1 - tail)


LAWS = {
    "logistic": lambda v, xp: sigmoid(v),
    "cauchy": lambda v, xp: 0.5 + xp.atan(v) / math.pi,
    "laplace": laplace,
    "gudermannian": lambda v, xp: 0.5 + 2 / math.pi * xp.atan(xp.tanh(0.5 * v)),
}


@implements("distributions.probability", framework=FRAMEWORK, jit=False)
def probability(z, *, distribution="logistic", scale=1.0, **others):
    only(distribution=(distribution, LAWS))
    return LAWS[distribution](z / scale, space(z))


@implements("operations.softmax", framework=FRAMEWORK, jit=False)
def normalised_exp(x, *, axis=-1):
    xp = space(x)
    largest = stop_gradient(xp.max(x, axis=axis, keepdims=True))
    weights = xp.exp(x - largest)
    return weights / xp.sum(weights, axis=axis, keepdims=True)


@implements("tnorms.t_norm", framework=FRAMEWORK, jit=False)
def t_norm(a, b, *, name="probabilistic", p=None):
    only(name=(name, ["probabilistic", "einstein"]))
    product = a * b
    return product if name == "probabilistic" else product / (1 + (1 - a) * (1 - b))


@implements("rendering.perspective", framework=FRAMEWORK, jit=False)
def perspective(vertices, *, angle=30.0):
    xp, width = space(vertices), math.tan(math.radians(angle))
    x, y, z = vertices[..., 0], vertices[..., 1], vertices[..., 2]
    depth = xp.where(z == 0, 1 + 0 * z, z)
    return xp.stack([x / depth / width, y / depth / width, z], axis=-1)


@implements("rendering.iou_loss", framework=FRAMEWORK, jit=False)
def iou_loss(predicted, target, *, reduction="mean"):
    xp, p, t = space(predicted), predicted, target
    both = xp.sum(p * t, axis=(-2, -1))
    union = xp.sum(p + t - p * t, axis=(-2, -1)) + 1e-6
    losses = 1 - both / union
    return {"mean": xp.mean, "sum": xp.sum, "none": lambda x: x}[reduction](losses)


@implements("training.standardise", framework=FRAMEWORK, jit=False)
def standardise(losses, *, kind="population"):
    if kind == "none" or 0 in losses.shape:
        return losses
    xp, n = space(losses), losses.shape[-1]
    gap = losses - xp.mean(losses, axis=-1, keepdims=True)
    squares = xp.sum(gap**2, axis=-1, keepdims=True)
    if kind == "population":
        return gap / xp.sqrt(squares / n + 1e-8)
    return gap / (xp.sqrt(squares / max(n - 1, 1)) + 1e-5)


@implements("training.score_function_loss", framework=FRAMEWORK, jit=False)
def score_function_loss(log_density, losses, *, standardisation="population"):
    weights = stop_gradient(standardise(losses, kind=standardisation))
    return space(log_density).mean(weights * log_density)


@implements("training.gaussian_log_density", framework=FRAMEWORK, jit=False)
def gaussian_log_density(y, mean, log_scale, *, scale_is="std"):
    xp = space(y)
    log_std = log_scale if scale_is == "std" else log_scale / 2
    z = (y - mean) / xp.exp(log_std)
    return -xp.sum(z * z / 2 + log_std + math.log(2 * math.pi) / 2, axis=-1)
'''


def source(framework: str, *changes: tuple[str, str]) -> str:
    """The module's text for a framework, with each (old, new) replaced where it occurs once."""
    text = HEADERS[framework] + BODY.replace("FRAMEWORK", repr(framework))
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times, expected once")
        text = text.replace(old, new)
    return text


def namespace(framework: str, *changes: tuple[str, str]) -> dict[str, Any]:
    """The module's names."""
    names: dict[str, Any] = {"__name__": "ported_methods_under_test"}
    exec(compile(source(framework, *changes), "ported.py", "exec"), names)
    return names
