"""GEM: self-self attention, which groups the tokens of a vision-language transformer.

Instead of queries against keys, each projection (values, keys, queries) attends to itself, after
normalisation and with a temperature set by the input; the three results are averaged. A transformer
block keeps its ordinary stream and carries a second one made of these outputs only.

Symbols: N tokens, B batch, C channels, h heads, d = C/h.

Source: Bousselham, Petersen, Ferrari, Kuehne 2024, "Grounding Everything: Emerging Localization
Properties in Vision-Language Transformers", CVPR; gem_torch 1.0.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace, constant, softmax, vector_norm
from ..promises import close
from ..spec import Case, Invariant, specification
from ..validation import float_array, positive, whole

NORM_FLOOR = 1e-12


def normalised(x: Array) -> Array:
    """x over its Euclidean norm along the last axis, the norm no smaller than 1e-12.

    >>> normalised(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    xp = array_namespace(x)
    norm = vector_norm(x, axis=-1, keepdims=True)
    return x / xp.maximum(norm, constant(NORM_FLOOR, like=x))


def self_self(s: Array, values: Array, inverse_temperature: Array, iterations: int = 1) -> Array:
    """Attention of a projection to itself, applied to the values.

        repeat `iterations` times:  s <- s/|s|,  s <- softmax(tau s s^T) s
        then:                       s <- s/|s|,  softmax(tau s s^T) V

    s, values  (..., N, d); inverse_temperature tau, broadcasting against (..., N, N)
    """
    xp = array_namespace(s, values)

    def attention(s: Array) -> Array:
        return softmax(inverse_temperature * (s @ xp.matrix_transpose(s)), axis=-1)

    for _ in range(iterations):
        s = normalised(s)
        s = attention(s) @ s
    return attention(normalised(s)) @ values


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for N, B, C, heads, iterations, temperature in (
        (5, 2, 8, 2, 1, None),
        (4, 1, 6, 3, 0, None),
        (3, 2, 4, 1, 2, 7.0),
        (1, 1, 4, 2, 1, None),
    ):
        inputs = {
            "x": rng.normal(size=(N, B, C)),
            "weight_qkv": rng.normal(size=(3 * C, C)) / math.sqrt(C),
            "bias_qkv": rng.normal(size=3 * C),
            "weight_out": rng.normal(size=(C, C)) / math.sqrt(C),
            "bias_out": rng.normal(size=C),
        }
        params = {"heads": heads, "iterations": iterations, "inverse_temperature": temperature}
        yield Case(f"n{N}-b{B}-c{C}-heads{heads}-iter{iterations}", inputs, params)


def _token_order(run: Any, inputs: Any, params: Any) -> str | None:
    before = run(inputs, params)
    after = run({**inputs, "x": np.flip(inputs["x"], axis=0)}, params)
    same = all(close(after[name], np.flip(before[name], 0)) for name in before)
    return None if same else "reversing the tokens does not reverse the results"


@specification(
    name="training.self_self_attention",
    source="Bousselham et al. 2024; gem_torch 1.0.1",
    inputs=("x", "weight_qkv", "bias_qkv", "weight_out", "bias_out"),
    outputs=("gem", "original"),
    cases=_cases,
    invariants=(Invariant("token order", "equivariant to permutations of tokens", _token_order),),
)
def self_self_attention(
    x: Array,
    weight_qkv: Array,
    bias_qkv: Array,
    weight_out: Array,
    bias_out: Array,
    *,
    heads: int,
    iterations: int = 1,
    inverse_temperature: float | None = None,
) -> tuple[Array, Array]:
    """GEM's attention layer: the self-self output and the ordinary one, both projected.

    x                    (N, B, C)
    weight_qkv           (3C, C), in the order queries, keys, values; bias_qkv (3C,)
    weight_out           (C, C); bias_out (C,)
    heads                h, a divisor of C
    iterations           of self-self attention before the values are averaged, >= 0
    inverse_temperature  tau > 0; by default, per image, the mean norm of its tokens over sqrt(d)
    returns              two (N, B, C): gem, original

    The projection's bias is added once, after averaging. Raises ValueError for shapes that do not
    fit and for heads that do not divide C.

    >>> x, W = np.array([[[1.0, 2.0]]]), np.concatenate([np.eye(2)] * 3)
    >>> self_self_attention(x, W, np.zeros(6), np.eye(2), np.ones(2), heads=1)[0]  # one token
    array([[[2., 3.]]])
    """
    x, weight_qkv = float_array(x, "x", min_ndim=3), float_array(weight_qkv, "weight_qkv")
    bias_qkv, bias_out = float_array(bias_qkv, "bias_qkv"), float_array(bias_out, "bias_out")
    weight_out = float_array(weight_out, "weight_out")
    C, heads = x.shape[-1], whole(heads, "heads", minimum=1)
    whole(iterations, "iterations")
    if x.ndim != 3 or C % heads or tuple(weight_qkv.shape) != (3 * C, C):
        raise ValueError(
            f"x, weight_qkv: expected (N, B, C) with heads={heads} dividing C and (3C, C), "
            f"got {tuple(x.shape)} and {tuple(weight_qkv.shape)}"
        )
    for name, array, shape in (
        ("bias_qkv", bias_qkv, (3 * C,)), ("weight_out", weight_out, (C, C)),
        ("bias_out", bias_out, (C,)),
    ):  # fmt: skip
        if tuple(array.shape) != shape:
            raise ValueError(f"{name}: expected {shape}, got {tuple(array.shape)}")
    xp = array_namespace(x, weight_qkv, bias_qkv, weight_out)
    if inverse_temperature is None:
        norms = xp.mean(vector_norm(x, axis=-1), axis=0)  # (B,)
        tau = (norms * math.sqrt(heads / C))[:, None, None, None]
    else:
        tau = constant(positive(inverse_temperature, "inverse_temperature"), like=x)
    q, k, v = _split_heads(x @ xp.matrix_transpose(weight_qkv) + bias_qkv, heads)
    gem = sum(self_self(s, v, tau, iterations) for s in (v, k, q)) / 3
    scores = softmax(q @ xp.matrix_transpose(k) * math.sqrt(heads / C), axis=-1)
    project = xp.matrix_transpose(weight_out)
    return _merge_heads(gem) @ project + bias_out, _merge_heads(scores @ v) @ project + bias_out


def _split_heads(qkv: Array, heads: int) -> list[Array]:
    """(N, B, 3C) -> three of (B, h, N, d)."""
    xp = array_namespace(qkv)
    N, B, width = qkv.shape
    parts = xp.reshape(qkv, (N, B, 3, heads, width // (3 * heads)))
    return [xp.permute_dims(parts[:, :, i, :, :], (1, 2, 0, 3)) for i in range(3)]


def _merge_heads(x: Array) -> Array:
    """(B, h, N, d) -> (N, B, C)."""
    xp = array_namespace(x)
    B, heads, N, d = x.shape
    return xp.reshape(xp.permute_dims(x, (2, 0, 1, 3)), (N, B, heads * d))
