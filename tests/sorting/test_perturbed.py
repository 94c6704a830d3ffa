"""Perturbed ranks, argmax, top-k and permutations, and their Fenchel-Young loss."""

import itertools

import numpy as np
import pytest
from scipy.special import ndtr

from refimpl.autograd import array_namespace, grad, jacobian, softmax, value_and_grad
from refimpl.sorting.fenchel_young import perturbed_loss
from refimpl.sorting.perturbed import (
    exact_ranks,
    perturbed_argmax,
    perturbed_permutation,
    perturbed_ranks,
    perturbed_topk,
)

RNG = np.random.default_rng(0)
X = np.array([0.3, -0.5, 0.6, 0.0])
METHODS = {
    "ranks": perturbed_ranks,
    "argmax": perturbed_argmax,
    "topk": lambda *args, **options: perturbed_topk(*args, k=2, **options),
    "permutation": perturbed_permutation,
}
EXACT = {
    "ranks": exact_ranks,
    "argmax": lambda x: np.eye(x.shape[-1])[np.argmax(x, axis=-1)],
    "topk": lambda x: (exact_ranks(x) >= x.shape[-1] - 2) * 1.0,
    "permutation": lambda x: np.swapaxes(np.eye(x.shape[-1])[np.argsort(x, axis=-1)], -1, -2),
}
every = pytest.mark.parametrize("name", METHODS)


def near(found, truth):
    """Means over independent repetitions (R, ...) lie within 4.5 of their standard errors."""
    error = found.std(0, ddof=1) / np.sqrt(len(found))
    return (np.abs(found.mean(0) - truth) <= 4.5 * error + 1e-12).all()


@every
def test_little_noise_gives_the_exact_solution(name):
    x = RNG.permuted(np.tile(np.arange(5.0), (3, 2, 1)), axis=-1)
    noise = np.clip(RNG.normal(size=(6, *x.shape)), -4, 4)
    np.testing.assert_array_equal(METHODS[name](x, noise, sigma=0.1), EXACT[name](x))


@every
def test_it_is_the_mean_of_exact_solutions(name):
    noise = RNG.normal(size=(11, 4))
    found = METHODS[name](X, noise, sigma=0.7)
    np.testing.assert_allclose(found, EXACT[name](X + 0.7 * noise).mean(0))


@pytest.mark.parametrize("distribution", ["gaussian", "gumbel"])
@every
def test_the_gradient_is_the_published_formula(name, distribution):
    noise = RNG.normal(size=(5, 2, 4)) if distribution == "gaussian" else RNG.gumbel(size=(5, 2, 4))
    x, options = RNG.normal(size=(2, 4)), {"sigma": 0.6, "distribution": distribution}
    solutions = EXACT[name](x + 0.6 * noise)
    w = RNG.normal(size=solutions.shape[1:])
    found = grad(lambda x: array_namespace(x).sum(METHODS[name](x, noise, **options) * w))(x)
    score = noise if distribution == "gaussian" else 1 - np.exp(-noise)
    agreed = (solutions * w).reshape(5, 2, -1).sum(-1)[..., None]
    np.testing.assert_allclose(found, (agreed * score).mean(0) / 0.6)


def test_expected_ranks_and_their_derivative_are_those_of_normal_differences():
    """E rank_i = sum_j Phi((x_i - x_j) / (sigma sqrt 2))."""
    sigma = 0.5
    values, jacobians = [], []
    for seed in range(150):
        noise = np.random.default_rng(seed).normal(size=(40, 4))
        values.append(perturbed_ranks(X, noise, sigma=sigma))
        jacobians.append(
            jacobian(lambda x: perturbed_ranks(x, noise, sigma=sigma, covariate="loo"))(X)  # noqa: B023
        )
    d = (X[:, None] - X) / (sigma * np.sqrt(2))
    off = 1 - np.eye(4)
    slope = off * np.exp(-(d**2) / 2) / np.sqrt(2 * np.pi) / (sigma * np.sqrt(2))
    assert near(np.array(values), (ndtr(d) * off).sum(1))
    assert near(np.array(jacobians), np.diag(slope.sum(1)) - slope)


def test_top_k_with_gumbel_noise_is_sampling_without_replacement():
    """Of weights exp(x): the sum over ordered pairs of p_i p_j / (1 - p_i)."""
    p, truth = softmax(X), np.zeros(4)
    for i, j in itertools.permutations(range(4), 2):
        truth[[i, j]] += p[i] * p[j] / (1 - p[i])
    found = [
        perturbed_topk(X, np.random.default_rng(seed).gumbel(size=(50, 4)), k=2, sigma=1.0)
        for seed in range(100)
    ]
    assert near(np.array(found), truth)


def test_ranks_are_the_permutation_times_positions_with_the_same_gradient():
    noise, w = RNG.normal(size=(9, 4)), RNG.normal(size=4)

    def by_matrix(x):
        P = perturbed_permutation(x, noise, sigma=0.5)
        xp = array_namespace(P)
        return xp.sum(xp.matmul(P, np.arange(4.0)) * w)

    a = value_and_grad(by_matrix)(X)
    b = value_and_grad(lambda x: array_namespace(x).sum(perturbed_ranks(x, noise, sigma=0.5) * w))(
        X
    )
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other)


@every
def test_permuting_values_and_noise_permutes_the_result(name):
    noise, order = RNG.normal(size=(7, 4)), RNG.permutation(4)
    before = METHODS[name](X, noise, sigma=0.5)
    np.testing.assert_allclose(METHODS[name](X[order], noise[:, order], sigma=0.5), before[order])


@every
def test_ties_one_value_no_samples_and_batches(name):
    first = {"ranks": [0, 1, 2], "argmax": [1, 0, 0], "topk": [1, 1, 0], "permutation": np.eye(3)}
    tied = METHODS[name](np.zeros(3), np.zeros((2, 3)), sigma=1.0)
    np.testing.assert_array_equal(tied, first[name])
    if name != "topk":
        one = METHODS[name](np.array([2.0]), np.ones((3, 1)), sigma=1.0)
        np.testing.assert_array_equal(one.ravel(), [0.0 if name == "ranks" else 1.0])
    none = METHODS[name](np.zeros((0, 3)), np.zeros((2, 0, 3)), sigma=1.0)
    assert none.shape[:2] == (0, 3)
    x, noise = RNG.normal(size=(2, 1, 3, 4)), RNG.normal(size=(5, 2, 1, 3, 4))
    whole = METHODS[name](x, noise, sigma=0.5)
    for i in np.ndindex(2, 1, 3):
        alone = METHODS[name](x[i], noise[(slice(None), *i)], sigma=0.5)
        np.testing.assert_allclose(whole[i], alone)


@every
def test_float32_is_kept(name):
    noise = RNG.normal(size=(5, 4)).astype(np.float32)

    def total(x):
        y = METHODS[name](x, noise, sigma=0.5)
        return array_namespace(y).sum(y * y)

    x = X.astype(np.float32)
    assert METHODS[name](x, noise, sigma=0.5).dtype == np.float32
    assert grad(total)(x).dtype == np.float32


@every
@pytest.mark.framework("torch", "array_api_compat")
def test_torch_differentiates_to_the_same_numbers(name):
    torch = pytest.importorskip("torch", reason="needs torch")
    noise, x = RNG.normal(size=(5, 4)), torch.tensor(X, requires_grad=True)
    y = METHODS[name](x, torch.tensor(noise), sigma=0.5)
    (y**2).sum().backward()
    ours = METHODS[name](X, noise, sigma=0.5)
    np.testing.assert_allclose(y.detach().numpy(), ours)
    g = grad(lambda x: array_namespace(x).sum(METHODS[name](x, noise, sigma=0.5) ** 2))(X)
    np.testing.assert_allclose(x.grad.numpy(), g)


@every
@pytest.mark.framework("jax")
def test_jax_differentiates_to_the_same_numbers_compiled(name):
    jax = pytest.importorskip("jax", reason="needs jax")
    noise = RNG.normal(size=(5, 4))

    def loss(x):
        xp = array_namespace(x)
        return xp.sum(METHODS[name](x, xp.asarray(noise), sigma=0.5) ** 2)

    with jax.enable_x64(True):
        found = jax.jit(jax.value_and_grad(loss))(jax.numpy.asarray(X))
    for one, other in zip(found, value_and_grad(lambda x: loss(x))(X), strict=True):
        np.testing.assert_allclose(one, other)


def test_the_loss_has_the_gap_as_gradient_and_vanishes_at_the_solution():
    noise, target = RNG.normal(size=(8, 2, 4)), exact_ranks(RNG.normal(size=(2, 4)))
    x = RNG.normal(size=(2, 4))
    value, g = value_and_grad(lambda x: perturbed_loss(x, target, noise, sigma=0.5))(x)
    np.testing.assert_allclose(g, (perturbed_ranks(x, noise, sigma=0.5) - target) / 2)
    moved = x + 0.5 * noise
    best = np.sort(moved, axis=-1) @ np.arange(4.0)
    assert value == pytest.approx(np.mean(best.mean(0) - (x * target).sum(-1)))
    far = 100 * target
    assert perturbed_loss(far, target, 0 * noise, sigma=0.5) == 0


def test_the_loss_is_convex():
    noise, target = RNG.normal(size=(8, 4)), np.array([0.0, 1.0, 0.0, 1.0])
    for a, b in RNG.normal(size=(20, 2, 4)):
        ends = [perturbed_loss(x, target, noise, operator="topk", k=2) for x in (a, b)]
        middle = perturbed_loss((a + b) / 2, target, noise, operator="topk", k=2)
        assert middle <= np.mean(ends) + 1e-12


def test_descent_on_the_loss_ranks_like_the_target():
    target = np.array([[3.0, 0, 1, 2], [0, 3, 2, 1]])
    x = RNG.normal(size=(2, 4))
    for seed in range(150):
        noise = np.random.default_rng(seed).normal(size=(16, 2, 4))
        x = x - 0.2 * grad(lambda x: perturbed_loss(x, target, noise, sigma=0.3))(x)  # noqa: B023
    np.testing.assert_array_equal(exact_ranks(x), target)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: perturbed_ranks(np.zeros((2, 0)), np.zeros((3, 2, 0))), r"x: .*\(2, 0\)"),
        (lambda: perturbed_argmax([], np.zeros((1, 0))), "x: expected at least one value"),
        (lambda: perturbed_ranks(X, np.zeros((0, 4))), r"noise: expected .*got \(0, 4\)"),
        (lambda: perturbed_ranks(X, np.zeros((2, 3))), r"noise: expected .*got \(2, 3\)"),
        (lambda: perturbed_ranks(X, np.zeros((2, 4)), sigma=0.0), "sigma: .*0.0"),
        (lambda: perturbed_ranks(X, np.zeros((2, 4)), distribution="uniform"), "distribution"),
        (
            lambda: perturbed_ranks(X, np.zeros((1, 4)), covariate="loo"),
            "covariate: 'loo' needs.*got 1",
        ),
        (lambda: perturbed_topk(X, np.zeros((2, 4)), k=5), "k: expected at most 4, got 5"),
        (lambda: perturbed_loss(X, X, np.zeros((2, 4)), operator="sort"), "operator: .*'sort'"),
        (lambda: perturbed_loss(X, X, np.zeros((2, 4)), operator="topk"), "k: .*got None"),
        (lambda: perturbed_loss(X, X[:2], np.zeros((2, 4))), r"theta, target|x, target"),
        (lambda: perturbed_loss(X[:0], X[:0], np.zeros((2, 0))), r"x: .*\(0,\)"),
        (lambda: perturbed_loss(X, X, np.zeros((2, 4)), value="gap"), "value: .*'gap'"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
