"""Learnable connections: each gate input picks the best of several candidates.

Source: arXiv 2507.06173 and 2511.12340 (LILogicNet); the gradient is that of torchlogix 0.2.2.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Array, argsort, array_namespace, custom_vjp, einsum, plain, softmax, vjp
from ..validation import float_array, positive


def learned_inputs(
    x: Array, scores: Array, candidates: Array, *, temperature: float = 0.001, noise: Any = 0.0
) -> Array:
    """What each gate input reads: (B, n) -> (B, r, m).

    scores (c, r, m) numbers, candidates (c, r, m) whole numbers below n: the input of highest score
    + noise (`lookup.gumbel_noise`), the first of tied ones.

    The gradient is not the derivative, which is 0 in the scores: for a cotangent g,
    dL/dscores[k] = sum over the batch of (2 x[candidate k] - 1) g, and x gets the softmax of
    (scores + noise)/temperature, times g, at its candidates.

    Raises ValueError for shapes that differ and temperature <= 0.

    >>> import numpy as np
    >>> candidates = np.array([[[0]], [[2]]])
    >>> learned_inputs([[0.1, 0.2, 0.3]], np.array([[[0.0]], [[1.0]]]), candidates)
    array([[[0.3]]])
    """
    x, scores = float_array(x, "x", min_ndim=2), float_array(scores, "scores", min_ndim=3)
    temperature = positive(temperature, "temperature")
    if x.ndim != 2 or tuple(candidates.shape) != tuple(scores.shape):
        raise ValueError(
            "x, scores, candidates: expected shapes (B, n), (c, r, m), (c, r, m), got "
            f"{tuple(x.shape)}, {tuple(scores.shape)}, {tuple(candidates.shape)}"
        )
    return _learned(x, scores + noise, candidates, temperature)


def chosen_inputs(scores: Array, candidates: Array) -> Array:
    """The wiring that the scores have come to: (c, r, m) -> (r, m) whole numbers."""
    best = argsort(plain(scores), axis=0, descending=True)[:1, ...]
    return array_namespace(candidates).take_along_axis(candidates, best, axis=0)[0, ...]


def _values(x: Array, scores: Array, candidates: Array, temperature: float) -> Array:
    return x[:, chosen_inputs(scores, candidates)]


def _forward(x: Array, scores: Array, candidates: Array, temperature: float) -> tuple:
    return _values(x, scores, candidates, temperature), (x, scores, candidates, temperature)


def _backward(residuals: tuple, g: Array) -> tuple:
    x, scores, candidates, temperature = residuals
    p = softmax(scores / temperature, axis=0)
    to_scores = einsum("bcrm,brm->crm", 2 * x[:, candidates] - 1, g)
    spread = vjp(lambda x: einsum("bcrm,crm->brm", x[:, candidates], p), x)[1]
    return spread(g)[0], to_scores, None, None


_learned = custom_vjp(_values)
_learned.defvjp(_forward, _backward)
