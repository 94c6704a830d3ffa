"""Recorded numbers of isaac and TrAct, and of Newton losses."""

from __future__ import annotations

from typing import Any

from refimpl.autograd import (
    array_namespace,
    constant,
    custom_vjp,
    log_softmax,
    relu,
    softplus,
    value_and_grad,
)
from refimpl.sorting.networks import sorting_network
from refimpl.training.fisher_injection import inject_fisher
from refimpl.training.isaac import isaac_linear
from refimpl.training.isaac_published import published_cholesky_direction
from refimpl.training.newton_losses import newton_step
from refimpl.training.optimizers import sgd
from refimpl.training.tract import tract_direction

from . import recorded
from .sorting_networks import Inputs, Record


@recorded("isaac", "isaac.Linear")
def _isaac(inputs: Inputs, record: Record) -> Inputs:
    params = record["params"]
    x, weight, bias = inputs["input"], inputs["weight"], inputs.get("bias")
    if params["inv_type"] == "inverse":
        return {"output": isaac_linear(x, weight, bias, lambda_a=params["la"])}
    y = _published_cholesky(x, weight, lambda_a=params["la"])
    return {"output": y if bias is None else y + bias}


@custom_vjp
def _published_cholesky(x: Any, weight: Any, *, lambda_a: float) -> Any:
    return x @ array_namespace(x).matrix_transpose(weight)


def _backward(residuals: Any, g: Any) -> tuple[Any, Any]:
    x, weight, lambda_a = residuals
    return g @ weight, published_cholesky_direction(x, g, lambda_a)


_published_cholesky.defvjp(
    lambda x, weight, *, lambda_a: (
        x @ array_namespace(x).matrix_transpose(weight),
        (x, weight, lambda_a),
    ),
    _backward,
)


@recorded("isaac", "isaac.Linear, torch.nn.ReLU, torch.optim.SGD")
def _isaac_training(inputs: Inputs, record: Record) -> Inputs:
    """Some steps of gradient descent on a network; a null la is an ordinary layer."""
    params = record["params"]
    x, target = inputs["x"], inputs["target"]
    xp = array_namespace(x)

    def layer(x: Any, weight: Any, bias: Any, la: float | None) -> Any:
        if la is None:
            return x @ array_namespace(x, weight).matrix_transpose(weight) + bias
        return isaac_linear(x, weight, bias, lambda_a=la)

    def loss(weights: dict[str, Any]) -> Any:
        y = x
        for k, la in enumerate(params["la_per_layer"], start=1):
            y = layer(relu(y) if k > 1 else y, weights[f"w{k}"], weights[f"b{k}"], la)
        squares = (y - target) ** 2
        ns = array_namespace(squares)
        return ns.mean(squares) if "mean" in params["loss"] else ns.sum(squares)

    weights = {name: array for name, array in inputs.items() if name not in ("x", "target")}
    optimizer = sgd(params["lr"])
    state, losses = optimizer.init(weights), []
    first: Inputs = {}
    for _ in range(params["steps"]):
        value, gradients = value_and_grad(loss)(weights)
        losses.append(value)
        first = first or {f"first_g{name}": g for name, g in gradients.items()}
        weights, state = optimizer.update(gradients, state, weights)
    return {**weights, **first, "losses": xp.stack([xp.asarray(value) for value in losses])}


@recorded("tract")
def _tract(inputs: Inputs, record: Record) -> Inputs:
    return {"grad_w": tract_direction(inputs["x"], inputs["grad_z"], record["params"]["lam"])}


@recorded("newton_losses", "inject_fisher")
def _inject(inputs: Inputs, record: Record) -> Inputs:
    return {"y": inject_fisher(inputs["x"], lambda_=record["params"]["lam"])}


@recorded("newton_losses", "newton_loss")
def _newton(inputs: Inputs, record: Record) -> Inputs:
    params, y = record["params"], inputs["y"]
    loss = _loss(inputs, params)
    xp = array_namespace(y)
    damping = params["lambda_hessian"]
    hessian = newton_step(loss, y, damping, indefinite="allow")
    each = newton_step(loss, y, damping, per_sample=True, indefinite="allow")
    fisher = newton_step(loss, y, params["lambda_fisher"], curvature="fisher")
    found = {
        "loss": hessian.losses,
        "grad": hessian.gradients,
        "hessian_mean": hessian.curvature,
        "fisher": fisher.curvature,
        "zstar_hessian_persample": each.target,
    }
    for name, step in (("hessian", hessian), ("fisher", fisher)):
        found[f"zstar_{name}"] = step.target
        found[f"injected_{name}"] = step.direction / y.shape[0]
        found[f"newtonloss_{name}"] = 0.5 * xp.sum(step.direction**2, axis=-1)
    if "rank" in inputs:
        found["rank"] = inputs["rank"]
    return found


def _loss(inputs: Inputs, params: Record) -> Any:
    """The loss that the record describes, as a function of y with one number per sample."""
    text, target = params["loss"], inputs.get("target")
    if text.startswith("BCE(P(y),Q)"):
        return lambda y: _matrix_loss(_permutation(y, params), inputs["q"])
    if text.startswith("BCE with logits"):
        return lambda y: array_namespace(y).mean(softplus(y) - target * y, axis=-1)
    if text.startswith("softmax cross-entropy"):
        return lambda y: -_picked(log_softmax(y, axis=-1), target)
    if text.startswith("0.5*||y-t||^2"):
        return lambda y: 0.5 * array_namespace(y).sum((y - target) ** 2, axis=-1)
    raise ValueError(f"unknown loss {text!r}")


def _picked(x: Any, labels: Any) -> Any:
    xp = array_namespace(x)
    return xp.sum(xp.where(xp.arange(x.shape[-1]) == labels[:, None], x, 0.0), axis=-1)


def _permutation(y: Any, params: Record) -> Any:
    """P as recorded: networks by element and rank, others by rank, largest first, and element."""
    if "network" in params:
        _, P = sorting_network(
            y,
            network=params["network"],
            distribution=params["distribution"],
            steepness=params["steepness"],
            art_lambda=params["art_lambda"] or 0.0,
        )
        return P
    from refimpl.sorting.neuralsort import neural_sort
    from refimpl.sorting.softsort import soft_sort

    method = neural_sort if "neuralsort" in params["loss"] else soft_sort
    P = method(y, temperature=params["tau"])
    xp = array_namespace(P)
    return xp.flip(xp.matrix_transpose(P), axis=-2)


def _matrix_loss(P: Any, Q: Any) -> Any:
    """Mean cross-entropy of each matrix, entries no closer to 0 and 1 than 1e-12."""
    xp = array_namespace(P)
    P = xp.where(P < 1e-12, constant(1e-12, like=P), P)
    P = xp.where(P > 1 - 1e-12, constant(1 - 1e-12, like=P), P)
    return xp.mean(_torch_cross_entropy(P, Q), axis=(-2, -1))


# torch.nn.functional.binary_cross_entropy adds 1e-12 to p and 1 - p in its second derivative, which
# moves the Hessian by up to 1e-12/(1 - p) of itself: 5e-7 in the recorded cases with saturated
# logistic networks. tests/training/test_newton_losses.py has the exact numbers.
EPSILON = 1e-12


@custom_vjp
def _torch_cross_entropy(p: Any, q: Any) -> Any:
    xp = array_namespace(p)
    return -(q * xp.log(p) + (1 - q) * xp.log1p(-p))


@custom_vjp
def _torch_slope(p: Any, q: Any) -> Any:
    xp = array_namespace(p)
    return (p - q) / xp.maximum(p * (1 - p), constant(EPSILON, like=p))


def _torch_curvature(p: Any, q: Any) -> Any:
    return (p * p - 2 * p * q + q) / ((p + EPSILON) * (1 - p + EPSILON)) ** 2


_torch_cross_entropy.defvjp(
    lambda p, q: (_torch_cross_entropy(p, q), (p, q)),
    lambda pq, g: (g * _torch_slope(*pq), None),
)
_torch_slope.defvjp(
    lambda p, q: (_torch_slope(p, q), (p, q)),
    lambda pq, g: (g * _torch_curvature(*pq), None),
)
