"""L-BFGS on containers."""

import numpy as np
import pytest

from refimpl.autograd import array_namespace
from refimpl.training.lbfgs import lbfgs


def rosenbrock(x):
    xp = array_namespace(x)
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_it_finds_the_minimum_of_rosenbrock():
    found = lbfgs(rosenbrock, np.array([-1.2, 1.0, 0.5]))
    assert found.converged
    assert np.allclose(found.params, 1.0, atol=1e-4)


def test_containers_and_dtypes_come_back():
    start = {"a": np.zeros((2, 2), dtype=np.float32), "b": [np.array(3.0)]}
    found = lbfgs(lambda p: ((p["a"] - 1.0) ** 2) @ np.ones(2) @ np.ones(2) + p["b"][0] ** 2, start)
    assert found.params["a"].dtype == np.float32
    assert found.params["a"].shape == (2, 2)
    assert np.allclose(found.params["a"], 1.0, atol=1e-4)
    assert abs(found.params["b"][0]) < 1e-4


def test_bounds_hold():
    found = lbfgs(lambda x: (x - 3.0) ** 2 @ np.ones(2), np.zeros(2), bounds=[(0, 1), (None, None)])
    assert np.allclose(found.params, [1.0, 3.0], atol=1e-5)


def test_progress_is_reported():
    seen = []
    found = lbfgs(rosenbrock, np.zeros(3), on_step=lambda k, value: seen.append((k, value)))
    assert [k for k, _ in seen] == list(range(1, found.iterations + 1))
    assert seen[-1][1] == pytest.approx(found.value)


def test_a_start_without_value_is_refused():
    with pytest.raises(ValueError, match="not finite at the start"):
        lbfgs(lambda x: array_namespace(x).sum(x) * float("inf"), np.ones(2))


def test_limits_on_the_effort_stop_it_unconverged():
    start = np.array([-1.2, 1.0, 0.5])
    for limit in ({"max_iterations": 2}, {"max_evaluations": 3}):
        found = lbfgs(rosenbrock, start, **limit)
        assert not found.converged
        assert found.iterations <= 3
    assert "ABNORMAL" in lbfgs(rosenbrock, start, line_search_steps=1).message


def test_python_numbers_and_integers_are_parameters():
    found = lbfgs(lambda p: (p["a"] - 1.0) ** 2 + (p["b"] - 2.0) ** 2, {"a": 3, "b": np.array(5)})
    assert [float(x) for x in found.params.values()] == pytest.approx([1.0, 2.0])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_leaving_the_domain_is_not_convergence():
    found = lbfgs(lambda x: array_namespace(x).sum(array_namespace(x).log(x)), np.ones(2))
    assert not found.converged


@pytest.mark.parametrize(
    ("params", "bounds", "words"),
    [({}, None, "params: expected at least one"), (np.ones(2), [(0, 1)], "bounds: expected 2")],
)
def test_bad_arguments_are_named(params, bounds, words):
    with pytest.raises(ValueError, match=words):
        lbfgs(lambda p: 0.0, params, bounds=bounds)
