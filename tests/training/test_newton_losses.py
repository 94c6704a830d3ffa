"""Newton losses: targets, injected gradients, limits, and who is right about a recorded Hessian."""

import json
from pathlib import Path

import numpy as np
import pytest

from refimpl.autograd import array_namespace, grad, log_softmax
from refimpl.autograd.numerics import check_grads
from refimpl.sorting.losses import permutation_cross_entropy
from refimpl.sorting.networks import sorting_network
from refimpl.training.curvature import empirical_fisher, sample_hessians
from refimpl.training.fisher_injection import inject_fisher
from refimpl.training.newton_losses import inject_hessian, newton_loss, newton_step

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(6, 4))
LABELS = RNG.integers(0, 4, 6)


def cross_entropy(y):
    xp = array_namespace(y)
    return -xp.sum(xp.where(np.arange(4) == LABELS[:, None], log_softmax(y), 0.0), axis=-1)


def squared(target):
    return lambda y: 0.5 * array_namespace(y).sum((y - target) ** 2, axis=-1)


def probabilities(y):
    e = np.exp(y - y.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_hessian_of_cross_entropy_is_its_closed_form():
    p = probabilities(Y)
    wanted = p[:, :, None] * np.eye(4) - p[:, :, None] * p[:, None, :]
    np.testing.assert_allclose(sample_hessians(cross_entropy, Y), wanted, atol=1e-14)


def test_a_quadratic_loss_reaches_its_target_in_one_step():
    target = RNG.normal(size=Y.shape)
    np.testing.assert_allclose(newton_step(squared(target), Y, 0.0).target, target)


@pytest.mark.parametrize("curvature", ["hessian", "fisher"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_the_target_is_the_definition(curvature, per_sample):
    lam, G = 0.1, probabilities(Y) - np.eye(4)[LABELS]
    H = sample_hessians(cross_entropy, Y) if curvature == "hessian" else G[:, :, None] * G[:, None]
    C = H if per_sample else np.broadcast_to(H.mean(0), H.shape)
    wanted = Y - np.linalg.solve(C + lam * np.eye(4), G[..., None])[..., 0]
    step = newton_step(cross_entropy, Y, lam, curvature=curvature, per_sample=per_sample)
    np.testing.assert_allclose(step.target, wanted, rtol=1e-9)


@pytest.mark.parametrize("curvature", ["hessian", "fisher"])
def test_the_gradient_is_the_injected_one(curvature):
    step = newton_step(cross_entropy, Y, 0.5, curvature=curvature)
    wanted = step.direction / len(Y)
    g = grad(lambda y: newton_loss(cross_entropy, y, 0.5, curvature=curvature))(Y)
    np.testing.assert_allclose(g, wanted, rtol=1e-12)
    shown = inject_hessian(cross_entropy, Y, 0.5, curvature=curvature)
    assert shown == pytest.approx(cross_entropy(Y).mean(), rel=1e-12)
    g = grad(lambda y: inject_hessian(cross_entropy, y, 0.5, curvature=curvature))(Y)
    np.testing.assert_allclose(g, wanted, rtol=1e-12)


@pytest.mark.parametrize(("N", "m"), [(8, 3), (3, 8), (4, 4), (1, 5), (5, 1)])
def test_injecting_the_fisher_matrix_gives_the_newton_loss_of_a_mean_loss(N, m):
    rng = np.random.default_rng(N)
    y, target = rng.normal(size=(N, m)), rng.normal(size=(N, m))

    def mean_loss(y):
        y = inject_fisher(y, lambda_=0.2)
        return array_namespace(y).mean(squared(target)(y))

    g = grad(mean_loss)(y)
    wanted = grad(lambda y: newton_loss(squared(target), y, 0.2, curvature="fisher"))(y)
    np.testing.assert_allclose(g, wanted, rtol=1e-9, atol=1e-13)


def test_one_sample_is_never_moved_further_than_the_damping_allows():
    for size in (1e-3, 1.0, 1e6):
        g = size * RNG.normal(size=(1, 5))
        pulled = grad(lambda y, g=g: array_namespace(y).sum(inject_fisher(y, lambda_=0.04) * g))(
            np.zeros((1, 5))
        )
        np.testing.assert_allclose(pulled, g / (0.04 + np.sum(g * g)), rtol=1e-9)
        assert np.linalg.norm(pulled) <= 1 / (2 * np.sqrt(0.04)) * (1 + 1e-12)


def test_large_damping_is_the_plain_gradient():
    g = grad(lambda y: newton_loss(cross_entropy, y, 1e8))(Y) * 1e8
    plain = grad(lambda y: array_namespace(y).mean(cross_entropy(y)))(Y)
    np.testing.assert_allclose(g, plain, rtol=1e-7, atol=1e-8)


def ranking_loss(steepness, distribution="cauchy"):
    """Cross-entropy of each set's soft permutation with the identity, sample by sample."""

    def loss(y):
        xp = array_namespace(y)
        _, P = sorting_network(y, steepness=steepness, distribution=distribution)
        n = y.shape[-1]
        right = xp.where(np.eye(n, dtype=bool), xp.log(P), xp.log1p(-P))
        return -xp.mean(right, axis=(-2, -1))

    return loss


def test_the_gradient_of_a_ranking_loss_sums_to_zero_before_and_after():
    loss = ranking_loss(4.0)
    step = newton_step(loss, Y, 5.0)
    np.testing.assert_allclose(step.gradients.sum(-1), 0, atol=1e-12)
    np.testing.assert_allclose(step.direction.sum(-1), 0, atol=1e-12)
    np.testing.assert_allclose(step.curvature @ np.ones(4), 0, atol=1e-12)
    _, P = sorting_network(Y, steepness=4.0, distribution="cauchy")
    Q = np.broadcast_to(np.eye(4), P.shape)
    assert loss(Y).mean() == pytest.approx(permutation_cross_entropy(P, Q), rel=1e-12)


def test_an_indefinite_hessian_is_reported_with_what_to_do():
    loss, far = ranking_loss(10.0), 3 * Y[:, ::-1]
    least = newton_step(loss, far, 100.0).smallest_eigenvalue
    assert least < -1e-3
    with pytest.warns(RuntimeWarning, match=r"eigenvalue.*use lambda >.*fisher"):
        newton_step(loss, far, 1e-4)
    with pytest.raises(ValueError, match="eigenvalue"):
        newton_step(loss, far, 1e-4, indefinite="raise")
    newton_step(loss, far, -2 * least)
    assert newton_step(loss, far, 1e-4, curvature="fisher").smallest_eigenvalue >= -1e-12


def test_the_fisher_step_never_ascends():
    step = newton_step(ranking_loss(10.0), Y, 1e-3, curvature="fisher")
    assert (np.sum(step.direction * step.gradients, -1) >= 0).all()
    np.testing.assert_allclose(step.curvature, empirical_fisher(step.gradients))


def test_sample_gradients_are_derivatives_of_the_loss():
    report = check_grads(lambda y: array_namespace(y).sum(ranking_loss(4.0)(y)), Y)
    assert report.ok, report


# The Hessian of a recorded case, by 60-digit arithmetic. The record is torch's second derivative of
# binary_cross_entropy, which adds 1e-12 to p and 1 - p; where logistic networks saturate, that is
# 5e-7 of an entry.
EXACT = {
    (0, 0): -6.75910200e-02,
    (2, 3): 1.66710286e-02,
    (1, 1): 1.96602894e-01,
    (3, 3): 1.71353362e-01,
}


def test_the_exact_hessian_is_ours_and_not_the_recorded_one():
    folder = Path(__file__).parents[1] / "vectors" / "training"
    index = json.loads((folder / "index.json").read_text())
    (record,) = [r for r in index if r["case"] == "nl_dsn_logistic_far"]
    arrays = np.load(folder / record["file"])
    q = arrays["in_q"]

    def loss(y):
        xp = array_namespace(y)
        _, P = sorting_network(y, steepness=10.0, distribution="logistic")
        inside = xp.where(P < 1e-12, 1e-12, xp.where(P > 1 - 1e-12, 1 - 1e-12, P))
        return -xp.mean(q * xp.log(inside) + (1 - q) * xp.log1p(-inside), axis=(-2, -1))

    ours = newton_step(loss, arrays["in_y"], 0.01, indefinite="allow").curvature
    recorded = arrays["out_hessian_mean"]
    for place, exact in EXACT.items():
        assert ours[place] == pytest.approx(exact, rel=1e-8)
    assert recorded[2, 3] != pytest.approx(EXACT[2, 3], rel=1e-5)
    np.testing.assert_allclose(ours, recorded, atol=1e-6)


def test_other_shapes_and_losses_are_refused():
    with pytest.raises(ValueError, match="outputs: expected"):
        newton_step(cross_entropy, np.ones(3), 1.0)
    with pytest.raises(ValueError, match="one number per sample"):
        newton_step(lambda y: array_namespace(y).sum(y), Y, 1.0)
    with pytest.raises(ValueError, match="curvature"):
        newton_step(cross_entropy, Y, 1.0, curvature="newton")
    with pytest.raises(ValueError, match="lambda_"):
        inject_fisher(Y, lambda_=0.0)


def product(y):
    """Its Hessian is neither diagonal nor constant."""
    return y[..., 0] ** 2 * y[..., 1] + y[..., 2] ** 4 / 12 + 2.0 * y[..., 3] ** 2


@pytest.mark.parametrize("curvature", ["hessian", "fisher"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_leading_axes_are_all_samples(curvature, per_sample):
    options = {"curvature": curvature, "per_sample": per_sample, "indefinite": "allow"}
    flat, y = Y, Y.reshape(2, 1, 3, 4)
    wanted, found = (newton_step(product, v, 9.0, **options) for v in (flat, y))
    np.testing.assert_allclose(found.target, wanted.target.reshape(y.shape), rtol=1e-12)
    for method in (newton_loss, inject_hessian):
        g = grad(lambda v: method(product, v, 9.0, **options))(y)  # noqa: B023
        np.testing.assert_allclose(g, found.direction / 6, rtol=1e-12)
    both = [
        grad(lambda v: array_namespace(v).mean(product(inject_fisher(v, lambda_=0.3))))(v)
        for v in (flat, y)
    ]
    np.testing.assert_allclose(both[1], both[0].reshape(y.shape), rtol=1e-12)


def test_the_element_wise_variant_is_the_step_of_every_sample_alone():
    for curvature in ("hessian", "fisher"):
        together = newton_step(cross_entropy, Y, 0.1, curvature=curvature, per_sample=True)
        for i, label in enumerate(LABELS):

            def alone(y, label=label):
                return -log_softmax(y)[..., label]

            single = newton_step(alone, Y[i : i + 1], 0.1, curvature=curvature)
            np.testing.assert_allclose(together.target[i], single.target[0], rtol=1e-10)


def test_undamped_singular_curvature_is_refused_and_not_divided_by():
    def linear(y):
        return array_namespace(y).sum(y, axis=-1)

    for loss, options in (
        (cross_entropy, {}),
        (linear, {}),
        (cross_entropy, {"per_sample": True}),
        (cross_entropy, {"curvature": "fisher"}),  # the gradients sum to 0
    ):
        with pytest.raises(ValueError, match=r"lambda_: the curvature is singular.*lambda > 0"):
            newton_step(loss, Y, 0.0, **options)
        assert np.isfinite(newton_step(loss, Y, 1e-3, **options).target).all()


def test_the_warning_comes_through_a_gradient_too():
    def well(y):
        return 0.25 * array_namespace(y).sum((y * y - 1) ** 2, axis=-1)

    for method in (newton_loss, inject_hessian):
        with pytest.warns(RuntimeWarning, match="eigenvalue"):
            grad(lambda y: method(well, y, 0.1))(0.1 * Y)  # noqa: B023


def test_float32_is_kept_and_its_rounding_is_not_called_indefinite():
    y = Y.astype(np.float32)
    step = newton_step(cross_entropy, y, 1e-7)
    assert {part.dtype for part in step} == {np.dtype(np.float32)}
    assert grad(lambda v: newton_loss(cross_entropy, v, 0.1))(y).dtype == np.float32
