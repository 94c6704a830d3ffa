"""Relaxed reads, writes and extreme values against exact ones."""

import numpy as np
import pytest

from refimpl import autograd as ag
from refimpl.autograd.numerics import check_grads
from refimpl.distributions import DISTRIBUTIONS
from refimpl.relaxation.indexing import (
    argmax_soft,
    argmin_soft,
    expected_index,
    index_weights,
    max_soft,
    min_soft,
    put_soft,
    put_weighted,
    take_soft,
    take_weighted,
)

rng = np.random.default_rng(0)
x = rng.normal(size=(3, 4, 5))
i = np.array([0.0, 2.0, 3.0])
j = np.array([4.0, 1.0, 0.0])
rows = np.arange(3)


@pytest.mark.parametrize("beta", [np.inf, 200.0])
def test_whole_positions_read_and_write_exactly_in_the_limit(beta):
    options = {"beta": beta}
    at, beside = i.astype(int), j.astype(int)
    np.testing.assert_allclose(take_soft(x, i, **options), x[rows, at], rtol=1e-9)
    np.testing.assert_allclose(take_soft(x, (i, j), **options), x[rows, at, beside], rtol=1e-9)
    np.testing.assert_allclose(take_soft(x, (i, 2), **options), x[rows, at, 2], rtol=1e-9)
    found = take_soft(x, (slice(1, 4), j), **options)
    np.testing.assert_allclose(found, np.stack([x[k, 1:4, beside[k]] for k in rows]), rtol=1e-9)
    v = rng.normal(size=(3, 5))
    for index, value in (((at,), v), ((at, beside), v[:, 0]), ((at, slice(None)), v)):
        wanted = x.copy()
        wanted[(rows, *index)] = value
        soft = tuple(part if isinstance(part, slice) else part.astype(float) for part in index)
        np.testing.assert_allclose(put_soft(x, soft, value, **options), wanted, atol=1e-9)


def test_hard_indices_are_those_of_python():
    wanted = x.copy()
    wanted[:, -1, 1:3] = 2.0
    np.testing.assert_array_equal(put_soft(x, (-1, slice(1, 3)), 2.0, batch_axes=1), wanted)
    np.testing.assert_array_equal(take_soft(x, (-1, slice(1, 3)), batch_axes=1), x[:, -1, 1:3])
    row = rng.normal(size=(3, 5))
    wanted[:, 1] = row
    found = put_soft(put_soft(x, (-1, slice(1, 3)), 2.0, batch_axes=1), 1, row, batch_axes=1)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kernel", ["cdf", "density"])
@pytest.mark.parametrize("law", [n for n, d in DISTRIBUTIONS.items() if d.symmetric])
def test_weights_are_distributions_that_are_symmetric_about_the_middle(kernel, law):
    options = {"beta": 2.5, "distribution": law, "kernel": kernel}
    w = index_weights(np.array([-3.0, 0.3, 2.0, 9.0]), 5, **options)
    np.testing.assert_allclose(np.sum(w, axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(w[2], w[2, ::-1], rtol=1e-9)


def test_half_way_both_neighbours_count_half():
    for kernel in ("cdf", "density"):
        w = index_weights(np.array(1.5), 4, beta=60.0, kernel=kernel)
        np.testing.assert_allclose(w, [0, 0.5, 0.5, 0], atol=1e-6)


def test_weighted_writes_are_convex_and_align_with_the_remaining_axes():
    w = np.array([[0.2, 0.0, 1.0, 0.5]] * 3)
    v = rng.normal(size=(3, 5))
    wanted = w[..., None] * v[:, None] + (1 - w[..., None]) * x
    np.testing.assert_allclose(put_weighted(x, w, v), wanted)
    np.testing.assert_allclose(take_weighted(x, w), np.einsum("bn,bnc->bc", w, x))
    with pytest.raises(ValueError, match="expected the first axes"):
        take_weighted(x, np.ones((3, 5)))


def test_soft_extremes():
    values = np.array([[0.3, -1.0, 2.0], [1.0, 1.0, 1.0]])
    for beta in (0.5, 8.0):
        top = max_soft(values, beta=beta)
        assert np.all((np.mean(values, axis=-1) <= top + 1e-12) & (top <= np.max(values, axis=-1)))
        over = max_soft(values, beta=beta, kind="logsumexp")
        assert np.all(over >= np.max(values, axis=-1))
        np.testing.assert_allclose(min_soft(values, beta=beta), -max_soft(-values, beta=beta))
    np.testing.assert_array_equal(max_soft(values, beta=np.inf), [2, 1])
    np.testing.assert_array_equal(argmin_soft(values, beta=np.inf)[0], [0, 1, 0])
    assert expected_index(argmax_soft(values, beta=np.inf))[0] == 2
    slope = ag.grad(lambda x: max_soft(x, beta=2.0))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(slope, [-0.0908, 1.0908], atol=1e-3)  # the mean is not monotone


def test_derivatives():
    position, value = np.array([0.3, 1.4, 2.2]), rng.normal(size=(3, 5))
    check_grads(lambda x, i: take_soft(x, i, beta=2.0), (x[:, :, :2], position)).raise_if_failed()
    check_grads(
        lambda x, i, v: put_soft(x, i, v, beta=2.0), (x[:, :, :2], position, value[:, :2]), order=2
    ).raise_if_failed()
    check_grads(
        lambda x, i, j: take_soft(x, (i, j), beta=2.0, kernel="density"),
        (x[:, :3, :3], position, position),
    ).raise_if_failed()


def test_errors_name_the_index():
    with pytest.raises(IndexError, match="3 indices for an array of shape"):
        take_soft(x, (0, 0, 0), batch_axes=1)
    with pytest.raises(ValueError, match="index of shape"):
        take_soft(x, np.zeros((2, 2)), batch_axes=1)
    with pytest.raises(ValueError, match="kernel"):
        index_weights(i, 3, kernel="box")
