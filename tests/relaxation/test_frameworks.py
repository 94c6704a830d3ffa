"""The same source on torch, JAX and array-api-strict arrays."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.relaxation import statements as s
from refimpl.relaxation.indexing import put_soft, take_soft
from refimpl.relaxation.programs import classics
from refimpl.relaxation.programs.bubble_sort import bubble_sort
from refimpl.relaxation.programs.levenshtein import levenshtein
from refimpl.relaxation.programs.shortest_path import shortest_path
from refimpl.relaxation.programs.silhouette import silhouette

X = np.random.default_rng(0).normal(size=(2, 4))
LANGUAGE = s.Algorithm(
    s.Input("x"),
    s.Var("n", 0.0),
    s.While(s.LT("n", lambda x: x[:, 0]), s.Let("x", [1], "n"), s.Let("n", lambda n: n + 1)),
    s.Output("x"),
    beta=3.0,
)


def sum_of(value):
    xp = ag.array_namespace(value)
    return xp.sum(value * value)


def costs(x):
    xp = ag.array_namespace(x)
    return xp.exp(xp.reshape(x, (2, 2, 2)))


def letters(x):
    return ag.softmax(ag.array_namespace(x).reshape(x, (2, 2, 2)), axis=-1)


def corners(x):
    xp = ag.array_namespace(x)
    flat = xp.concat([x, x[:, 1:3]], axis=-1)
    return 0.5 + 0.3 * xp.reshape(flat, (2, 1, 3, 2))


PROGRAMS = {
    "bubble sort": lambda x: sum_of(bubble_sort(x, beta=3.0)[0]) + sum_of(bubble_sort(x)[2]),
    "shortest path": lambda x: sum_of(shortest_path(costs(x), beta=3.0)[0]),
    "levenshtein": lambda x: sum_of(levenshtein(letters(x), letters(-x), beta=3.0)),
    "silhouette": lambda x: sum_of(silhouette(corners(x), height=3, width=3, beta=5.0)),
    "insertion sort": lambda x: sum_of(
        classics.insertion_sort.with_options(beta=3.0, batch_axes=1)(x)
    ),
    "edit cost": lambda x: sum_of(classics.edit_cost.with_options(batch_axes=1)(x, -x)),
    "language": lambda x: sum_of(LANGUAGE(x)),
    "indexing": lambda x: sum_of(put_soft(x, x[:, 0], take_soft(x, x[:, 1]))),
}


@pytest.mark.framework("torch", "array_api_compat")
@pytest.mark.parametrize("name", PROGRAMS)
def test_torch_differentiates_the_source_to_the_same_numbers(name):
    torch = pytest.importorskip("torch", reason="needs torch")
    value, gradient = ag.value_and_grad(PROGRAMS[name])(X)
    x = torch.tensor(X, requires_grad=True)
    result = PROGRAMS[name](x)
    result.backward()
    np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-9)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-8, atol=1e-11)


@pytest.mark.framework("jax")
@pytest.mark.parametrize(
    "name",
    ["indexing", *(pytest.param(n, marks=pytest.mark.slow) for n in PROGRAMS if n != "indexing")],
)
def test_jax_differentiates_the_source_to_the_same_numbers(name):
    jax = pytest.importorskip("jax", reason="needs jax")
    with jax.enable_x64(True):
        value, gradient = ag.value_and_grad(PROGRAMS[name])(X)
        found = jax.value_and_grad(PROGRAMS[name])(jax.numpy.asarray(X))
    np.testing.assert_allclose(found[0], value, rtol=1e-9)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-8, atol=1e-11)


@pytest.mark.framework("array_api_strict")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_strict_array_api_runs_the_source(name):
    strict = pytest.importorskip("array_api_strict", reason="needs array-api-strict")
    found = PROGRAMS[name](strict.asarray(X))
    np.testing.assert_allclose(np.asarray(found), PROGRAMS[name](X), rtol=1e-12)
