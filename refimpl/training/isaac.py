"""ISAAC: a linear layer whose weight gradient is conditioned by the layer's inputs.

The Gauss-Newton matrix of a layer is approximately a Kronecker product of a matrix of the output
gradients and a matrix of the inputs. With Tikhonov damping lambda_g and lambda_a for the two
factors, the direction of steepest descent in that metric is

    zeta = lambda_g lambda_a (c^T c/b + lambda_g I)^-1 (g^T a) (a^T a/b + lambda_a I)^-1

For lambda_g -> inf the left factor is the identity, no curvature of the loss is needed, and
zeta* = lambda_a g^T a (a^T a/b + lambda_a I)^-1 costs little more than the gradient. ISAAC uses
zeta* wherever a gradient of the weights is asked for.

Symbols: a inputs (b, n), g gradients of the outputs (b, d), b batch size, c gradients scaled by the
root of the loss's Hessian (or g itself: the empirical Fisher matrix).

Source: Petersen et al. 2023, "ISAAC Newton: Input-based Approximate Curvature for Newton's Method",
ICLR, equations 17 and 20 and theorems 1 to 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Array, array_namespace
from ..promises import close
from ..spec import Case, Invariant, Note, specification
from ..validation import choose, float_array, positive
from .gram import gram_matrix, solve_damped
from .isaac_published import cholesky_linear, mean_bias_linear, plain_linear
from .replaced_gradient import replaced_gradient

SIDES = ("auto", "samples", "features")


def _direction_cases(rng: np.random.Generator) -> Iterator[Case]:
    for b, n, d in ((4, 7, 3), (7, 4, 3), (5, 5, 2), (1, 3, 2), (0, 3, 2)):
        inputs = {"inputs": rng.normal(size=(b, n)), "gradients": rng.normal(size=(b, d))}
        for name, damping in (("star", {}), ("both", {"lambda_g": 0.5})):
            yield Case(
                f"b{b}-n{n}-d{d}-{name}", inputs, {"lambda_a": 0.3, **damping},
                kind="edge" if b == 0 else "smooth", clause="equations 17 and 20",
            )  # fmt: skip


def _solves(run: Any, inputs: Any, params: Any) -> str | None:
    """The defining equation, with the identity for the left matrix if lambda_g is infinite."""
    a, g = inputs["inputs"], inputs["gradients"]
    zeta, b = run(inputs, params)["direction"], max(len(a), 1)
    right = a.T @ a / (b * params["lambda_a"]) + np.eye(a.shape[1], dtype=a.dtype)
    left = np.eye(g.shape[1], dtype=g.dtype)
    if params.get("lambda_g", math.inf) != math.inf:
        left = g.T @ g / (b * params["lambda_g"]) + left
    return None if close(left @ zeta @ right, g.T @ a) else "the equation does not hold"


def _uphill(run: Any, inputs: Any, params: Any) -> str | None:
    gradient = inputs["gradients"].T @ inputs["inputs"]
    product = np.sum(run(inputs, params)["direction"] * gradient)
    least = -100 * np.finfo(gradient.dtype).eps * np.sum(gradient**2)
    return None if product >= least else f"its product with the gradient is {product}"


def _inputs_scale(run: Any, inputs: Any, params: Any) -> str | None:
    twice = {**inputs, "inputs": 2 * inputs["inputs"]}
    after = run(twice, {**params, "lambda_a": 4 * params["lambda_a"]})["direction"]
    same = close(after, 2 * run(inputs, params)["direction"])
    return None if same else "2 a and 4 lambda_a do not give twice the direction"


@specification(
    name="training.isaac_direction",
    source="Petersen et al. 2023, equations 17 and 20",
    inputs=("inputs", "gradients"),
    differentiable=(),
    outputs=("direction",),
    cases=_direction_cases,
    gradient="none: a direction is not differentiated",
    invariants=(
        Invariant(
            "equation",
            "(g^T g/(b lambda_g) + I) zeta (a^T a/(b lambda_a) + I) = g^T a",
            _solves,
        ),
        Invariant("uphill", "zeta has no negative product with the gradient g^T a", _uphill),
        Invariant("scale", "2 a with 4 lambda_a has the direction 2 zeta", _inputs_scale),
    ),
)
def isaac_direction(
    inputs: Array,
    gradients: Array,
    lambda_a: float,
    *,
    lambda_g: float = math.inf,
    factor: Array | None = None,
    side: str = "auto",
) -> Array:
    """The direction zeta in which ISAAC moves the weights of a linear layer; zeta* by default.

    inputs     a, (b, n)
    gradients  g, (b, d): the loss's gradient by the layer's outputs, as it comes (with 1/b in it
               for a mean loss)
    lambda_a   damping > 0; large values, and infinity, give the gradient g^T a, small ones
               lambda_a times Newton's direction
    lambda_g   damping > 0 of the output side; infinite: zeta*
    factor     c, (m, d), for finite lambda_g; g itself by default (empirical Fisher)
    side       the size of the system that is solved: samples (b x b), features (n x n), or auto,
               the smaller one. The result is the same.
    returns    (d, n), a direction of increasing loss (theorem 2)

    Raises ValueError for damping that is not positive and for shapes that do not fit.

    >>> import numpy as np
    >>> isaac_direction(np.array([[2.0]]), np.array([[3.0]]), 1.0)  # 3 * 2 * 1/(1 + 2**2)
    array([[1.2]])
    """
    a, g = float_array(inputs, "inputs"), float_array(gradients, "gradients")
    if a.ndim != 2 or g.ndim != 2 or a.shape[0] != g.shape[0]:
        raise ValueError(
            "inputs, gradients: expected (b, n) and (b, d), "
            f"got {tuple(a.shape)} and {tuple(g.shape)}"
        )
    lambda_a = positive(lambda_a, "lambda_a")
    choose(side, SIDES, "side")
    xp = array_namespace(a, g)
    if lambda_g != math.inf:
        g = _condition_outputs(g, positive(lambda_g, "lambda_g"), factor)
    b, n = a.shape
    if side == "samples" or (side == "auto" and b < n):
        return xp.matrix_transpose(solve_damped(gram_matrix(a, "samples") / lambda_a, g, 1.0)) @ a
    product = xp.matrix_transpose(a) @ g
    return xp.matrix_transpose(solve_damped(gram_matrix(a, "features") / lambda_a, product, 1.0))


def _condition_outputs(g: Array, lambda_g: float, factor: Array | None) -> Array:
    """g (c^T c/b + lambda_g I)^-1 lambda_g, row by row."""
    xp = array_namespace(g)
    c = g if factor is None else float_array(factor, "factor", min_ndim=2)
    if c.ndim != 2 or c.shape[1] != g.shape[1]:
        raise ValueError(f"factor: expected (m, {g.shape[1]}), got {tuple(c.shape)}")
    metric = xp.matrix_transpose(c) @ c / max(g.shape[0], 1)
    return xp.matrix_transpose(solve_damped(metric / lambda_g, xp.matrix_transpose(g), 1.0))


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for b, n, d in ((4, 7, 3), (7, 4, 3), (5, 5, 2), (1, 3, 2), (6, 1, 1), (0, 3, 2)):
        inputs = {
            "x": rng.normal(size=(b, n)),
            "weight": rng.normal(size=(d, n)),
            "bias": rng.normal(size=d),
        }
        for la in (0.1, 10.0):
            yield Case(
                f"b{b}-n{n}-d{d}-la{la}",
                inputs,
                {"lambda_a": la},
                checks=("values", "vjp"),
                flags=("isaac-cholesky", "isaac-bias-mean"),
                clause="equation 20 with lambda_g -> inf",
                kind="edge" if b == 0 else "smooth",
            )
    rank_one = np.outer(rng.normal(size=4), rng.normal(size=3))
    given = {"weight": rng.normal(size=(2, 3)), "bias": rng.normal(size=2)}
    clauses = {
        "rank-deficient": (rank_one, "damping makes the system regular for inputs of any rank"),
        "zero-inputs": (np.zeros((4, 3)), "inputs of zero give a weight gradient of zero"),
        "single": (rng.normal(size=3), "no batch axis: one sample"),
        "batch2x1x3": (rng.normal(size=(2, 1, 3, 3)), "b counts all leading axes"),
    }
    for name, (x, clause) in clauses.items():
        params = {"lambda_a": 0.5}
        yield Case(name, {"x": x, **given}, params, checks=("values", "vjp"), clause=clause)


def is_affine(run: Any, inputs: Any, params: Any) -> str | None:
    """x W^T + bias, whatever lambda is."""
    wanted = inputs["x"] @ inputs["weight"].T + inputs.get("bias", 0)
    found = run(inputs, params)["y"]
    return None if close(found, wanted) else "y is not x W^T + bias"


@replaced_gradient
def _conditioned(x: Array, weight: Array, *, lambda_a: float, side: str) -> Array:
    return x @ array_namespace(x, weight).matrix_transpose(weight)


def _forward(x: Array, weight: Array, *, lambda_a: float, side: str) -> tuple[Array, Any]:
    y = x @ array_namespace(x, weight).matrix_transpose(weight)
    return y, (x, weight, lambda_a, side)


def _backward(residuals: Any, g: Array) -> tuple[Array, Array]:
    x, weight, lambda_a, side = residuals
    return g @ weight, isaac_direction(x, g, lambda_a, side=side)


_conditioned.defvjp(_forward, _backward)


@specification(
    name="training.isaac_linear",
    source="Petersen et al. 2023, equation 20 and theorem 3",
    inputs=("x", "weight", "bias"),
    outputs=("y",),
    cases=_cases,
    gradient="zeta* in place of the weight's gradient; those of x and bias are derivatives",
    second_order=False,
    invariants=(Invariant("affine", "the value is that of a linear layer", is_affine),),
    variants={
        "isaac 0.1.1 with inv_type='cholesky_inverse'": cholesky_linear,
        "the paper's listing, which averages the gradient of the bias": mean_bias_linear,
        "an ordinary linear layer, without the conditioning": plain_linear,
    },
    notes={
        "isaac-cholesky": Note(
            "wrong factor",
            "isaac 0.1.1 with inv_type='cholesky_inverse' hands torch.cholesky_inverse the matrix "
            "itself in place of its Cholesky factor",
            "the weight's gradient is wrong",
        ),
        "isaac-bias-mean": Note(
            "missing factor",
            "the listing in the paper averages the bias's gradient over the batch; the released "
            "code sums it, as a linear layer does",
            "the bias's gradient is too small by the batch size",
        ),
    },
)
def isaac_linear(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    lambda_a: float,
    side: str = "auto",
) -> Array:
    """A linear layer, x W^T + bias, whose backward pass gives zeta* for the weight.

    x         (..., n); all leading axes are the batch, b samples in total
    weight    (d, n); bias (d,) or None
    lambda_a  damping > 0. Scaling the inputs by c is like dividing it by c^2; 1 to 10 is a usual
              start for inputs of unit scale
    side      see `isaac_direction`
    returns   (..., d)

    x and bias have their ordinary gradients. Feed the gradients to any optimiser; mix with ordinary
    layers freely. The system's condition is up to 1 + |x|^2/(b lambda_a), |x| the spectral norm:
    beyond 1e7 in float32 or 1e16 in float64 inputs of low rank may make it singular.

    Raises ValueError for shapes that do not fit and damping that is not positive.

    >>> import numpy as np
    >>> from refimpl.autograd import grad
    >>> x = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> layer = lambda W: isaac_linear(x, W, lambda_a=1.0)[0, 0]
    >>> grad(layer)(np.zeros((1, 2)))  # a linear layer has [[2, 0]], and 1 + 2**2/b = 3
    array([[0.66666667, 0.        ]])
    """
    x, weight = float_array(x, "x", min_ndim=1), float_array(weight, "weight")
    if weight.ndim != 2 or weight.shape[1] != x.shape[-1]:
        raise ValueError(
            f"weight: expected (d, {x.shape[-1]}) for x of shape {tuple(x.shape)}, "
            f"got {tuple(weight.shape)}"
        )
    lambda_a = positive(lambda_a, "lambda_a")
    choose(side, SIDES, "side")
    xp = array_namespace(x, weight)
    rows = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    y = _conditioned(rows, weight, lambda_a=lambda_a, side=side)
    y = xp.reshape(y, (*x.shape[:-1], weight.shape[0]))
    if bias is None:
        return y
    shift = float_array(bias, "bias")
    if tuple(shift.shape) != (weight.shape[0],):
        raise ValueError(f"bias: expected ({weight.shape[0]},), got {tuple(shift.shape)}")
    return y + shift
