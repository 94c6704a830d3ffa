"""Cases of stable distribution propagation, and the small networks that they run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from ..autograd import Array, array_namespace, relu, sigmoid, softplus
from ..spec import BATCHES, Case, Note, case_name

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": relu,
    "leaky_relu": lambda x: array_namespace(x).where(x > 0, x, 0.01 * x),
    "sigmoid": sigmoid,
    "tanh": lambda x: array_namespace(x).tanh(x),
    "softplus": softplus,
    "sin": lambda x: array_namespace(x).sin(x),
}
NOTES = {
    "zero-scale": Note(
        "singular derivative",
        "A scale of 0, or a difference without variance.",
        "The derivative of a root at 0: NaN or infinity in place of 0.",
    ),
    "distprop-truncated": Note(
        "silent truncation",
        "distprop 0.1.0 takes the number of outputs as an argument, num_outputs=10 by default.",
        "A smaller one gives a covariance of the first outputs only, beside the full mean.",
    ),
    "distprop-requires-grad": Note(
        "side effect",
        "distprop 0.1.0 calls requires_grad_() on the input of its caller.",
        "The caller's tensor takes part in differentiation from then on, and no_grad() fails.",
    ),
}


def mlp(activation: str, *weights: Array) -> Callable[[Array], Array]:
    """x -> W_2 phi(W_1 x + b_1) + b_2, from weights W_1, b_1, W_2, b_2 on rows."""
    first, shift, second, offset = weights
    turned = array_namespace(first, second).matrix_transpose
    return lambda x: ACTIVATIONS[activation](x @ turned(first) + shift) @ turned(second) + offset


def weights_of(rng: np.random.Generator, n: int, hidden: int, m: int) -> dict[str, np.ndarray]:
    """Weights of `mlp` by name."""
    return {
        "weight1": rng.normal(size=(hidden, n)) / math.sqrt(n),
        "bias1": 0.3 * rng.normal(size=hidden),
        "weight2": rng.normal(size=(m, hidden)) / math.sqrt(hidden),
        "bias2": rng.normal(size=m),
    }


def affine_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Both laws, sizes from 1, every batch."""
    for law in ("gaussian", "cauchy"):
        for name, batch in BATCHES.items():
            for n, m in ((3, 2), (1, 4)) if name == "single" else ((3, 2),):
                kind = "edge" if name == "batch0" else "smooth"
                yield Case(
                    case_name(law, name, n=n, m=m), _affine(rng, batch, n, m), {"law": law},
                    kind=kind, flags=(name,),
                    clause="scale^alpha = |W|^alpha scale^alpha: exact for every entry",
                )  # fmt: skip
    still = {**_affine(rng, (2,), 3, 2), "scale": np.zeros((2, 3))}
    for law in ("gaussian", "cauchy"):
        yield Case(
            f"{law}-zero-scale", still, {"law": law}, kind="edge", flags=("zero-scale",),
            checks=("values",), clause="a constant stays one",
        )  # fmt: skip


def _affine(
    rng: np.random.Generator, batch: tuple[int, ...], n: int, m: int
) -> dict[str, np.ndarray]:
    return {
        "location": rng.normal(size=(*batch, n)),
        "scale": rng.uniform(0.1, 2, size=(*batch, n)),
        "weight": rng.normal(size=(m, n)),
        "bias": rng.normal(size=m),
    }


def covariance(rng: np.random.Generator, batch: tuple[int, ...], n: int) -> np.ndarray:
    """Positive definite matrices (..., n, n)."""
    root = rng.normal(size=(*batch, n, n))
    return root @ np.swapaxes(root, -1, -2) + 0.2 * np.eye(n)


def full_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Gaussians with a covariance, through an affine map."""
    for name, batch in BATCHES.items():
        inputs = _affine(rng, batch, 3, 2)
        del inputs["scale"]
        inputs["mean"] = inputs.pop("location")
        inputs["covariance"] = covariance(rng, batch, 3)
        yield Case(name, inputs, kind="edge" if name == "batch0" else "smooth", flags=(name,))


def activation_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every activation, and the kink of the ReLU."""
    for phi in ACTIVATIONS:
        inputs = {
            "location": rng.uniform(0.2, 2.0, (2, 4)) * rng.choice([-1, 1], (2, 4)),
            "scale": rng.uniform(0.1, 2, (2, 4)),
        }
        yield Case(phi, inputs, {"phi": phi}, clause="location -> phi, scale -> |phi'| scale")
    at_zero = {"location": np.array([0.0, -1.0, 1.0]), "scale": np.array([1.0, 0.5, 0.5])}
    yield Case(
        "relu-at-zero", at_zero, {"phi": "relu"}, kind="kink",
        clause="(mu, sigma) where mu > 0, else (0, 0)",
    )  # fmt: skip


def activation_full_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Every activation with a covariance, every batch, and the kink of the ReLU."""
    for phi in ACTIVATIONS:
        mean = rng.uniform(0.2, 2.0, (2, 3)) * rng.choice([-1, 1], (2, 3))
        inputs = {"mean": mean, "covariance": covariance(rng, (2,), 3)}
        yield Case(phi, inputs, {"phi": phi}, clause="mean -> phi, covariance -> D S D")
    for name, batch in BATCHES.items():
        inputs = {"mean": rng.normal(size=(*batch, 3)), "covariance": covariance(rng, batch, 3)}
        kind = "edge" if name == "batch0" else "smooth"
        yield Case(name, inputs, {"phi": "tanh"}, kind=kind, flags=(name,))
    at_zero = {"mean": np.array([0.0, -1.0, 1.0]), "covariance": covariance(rng, (), 3)}
    yield Case("relu-at-zero", at_zero, {"phi": "relu"}, kind="kink")


def network_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Networks with one hidden layer, in Gaussian noise."""
    for phi in ("tanh", "softplus", "relu"):
        for B, n, m in ((3, 4, 3), (1, 2, 5), (2, 1, 1)):
            inputs = {"x": rng.normal(size=(B, n)), **weights_of(rng, n, 5, m)}
            yield Case(
                case_name(phi, b=B, n=n, m=m), inputs, {"std": 0.3, "activation": phi},
                flags=("distprop-truncated", "distprop-requires-grad"),
                checks=("values", "vjp") if phi == "relu" else ("values", "vjp", "jvp"),
                clause="mean f(x), covariance J S J^T",
            )  # fmt: skip
    inputs = {"x": rng.normal(size=(2, 3)), **weights_of(rng, 3, 4, 2)}
    params = {"std": 0.0, "activation": "tanh"}
    yield Case("no-noise", inputs, params, kind="edge", flags=("zero-scale",), checks=("values",))


def cauchy_network_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Networks with one hidden layer, in Cauchy noise of unequal width."""
    for phi in ("tanh", "softplus"):
        for B, n, m in ((3, 4, 3), (1, 2, 5)):
            inputs = {
                "x": rng.normal(size=(B, n)),
                "gamma": rng.uniform(0.1, 1, (B, n)),
                **weights_of(rng, n, 5, m),
            }
            yield Case(
                case_name(phi, b=B, n=n, m=m), inputs, {"activation": phi},
                checks=("values", "vjp", "jvp"), clause="location f(x), scales |J| gamma",
            )  # fmt: skip


def pairwise_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Gaussians of several sizes; a difference without variance."""
    for name, batch in BATCHES.items():
        inputs = {"mean": rng.normal(size=(*batch, 3)), "covariance": covariance(rng, batch, 3)}
        yield Case(name, inputs, kind="edge" if name == "batch0" else "smooth", flags=(name,))
    same = {"mean": np.array([0.5, 0.2, 0.2]), "covariance": np.ones((3, 3))}
    clause = "a difference without variance is positive, negative or 0 for sure"
    yield Case("degenerate", same, kind="edge", flags=("zero-scale",), checks=("values",),
               clause=clause)  # fmt: skip


def pairwise_cauchy_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Outputs of Jacobians with independent rows."""
    for name, batch in BATCHES.items():
        inputs = {
            "location": rng.normal(size=(*batch, 3)),
            "jacobian": rng.normal(size=(*batch, 3, 4)),
            "gamma": rng.uniform(0.1, 1, (*batch, 4)),
        }
        yield Case(name, inputs, kind="edge" if name == "batch0" else "smooth", flags=(name,))


def moment_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Moderate and far means."""
    inputs = {"mean": rng.normal(size=(2, 5)), "std": rng.uniform(0.2, 2, (2, 5))}
    yield Case("moderate", inputs)
    far = {"mean": np.array([-4.0, 4.0, 30.0]), "std": np.ones(3)}
    yield Case("far", far, clause="no cancellation in the tails", checks=("values", "vjp"))
    still = {"mean": np.array([-1.0, 0.0, 2.0]), "std": np.zeros(3)}
    yield Case("zero-scale", still, kind="edge", flags=("zero-scale",), checks=("values",),
               clause="a constant is rectified, without variance")  # fmt: skip


def likelihood_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Targets away from the mean."""
    for name, batch in BATCHES.items():
        inputs = {
            "targets": rng.normal(size=(*batch, 3)),
            "mean": rng.normal(size=(*batch, 3)),
            "covariance": covariance(rng, batch, 3),
        }
        yield Case(name, inputs, kind="edge" if name == "batch0" else "smooth", flags=(name,))
