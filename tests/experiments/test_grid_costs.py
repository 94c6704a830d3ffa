"""The terrains of the shortest-path experiment, and what each way to learn them gives."""

import numpy as np
import pytest

from refimpl.autograd import Generator, grad
from refimpl.experiments import grid_costs as experiment
from refimpl.relaxation.programs.shortest_path import shortest_path

RNG = np.random.default_rng(0)


def test_the_target_is_the_limit_of_the_relaxed_algorithm():
    images, labels = RNG.random((50, 784), dtype=np.float32), RNG.integers(0, 10, 50)
    x, costs, paths = experiment.terrains(images, labels, 6, 4, RNG)
    assert x.shape == (6, 4, 4, 784)
    assert ((costs >= 1) & (costs < 10.1)).all()
    np.testing.assert_allclose(shortest_path(costs, beta=np.inf)[0], paths)


@pytest.mark.parametrize("method", experiment.METHODS)
def test_every_method_pushes_the_costs_towards_the_path(method):
    """A step against the gradient makes the true path cheaper, compared with the wrong one."""
    costs = np.full((1, 3, 3), 5.0)
    costs[0, 1, 1] = 1.0  # the diagonal seems cheap
    truth = np.array([[[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 1.0]]])
    slope = grad(lambda c: experiment.METHODS[method](c, truth, Generator(0), 0.5))(costs)
    assert np.isfinite(slope).all()
    assert slope[0, 1, 0] > slope[0, 1, 1]
