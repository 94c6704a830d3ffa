"""Optimisers against torch.optim, and by what they promise."""

import copy

import numpy as np
import pytest

from refimpl.autograd import grad
from refimpl.training import optimizers, schedules
from refimpl.training.optimizers import adagrad, adam, adamw, rmsprop, sgd

CURVATURE = np.array([1.0, 10.0, 0.1])


def quadratic(p):
    return 0.5 * (CURVATURE * p["x"] * p["x"]) @ np.ones(3) + p["y"] ** 4


def start():
    return {"x": np.array([1.0, -2.0, 3.0]), "y": np.array(0.5)}


def run(optimizer, params, steps=12):
    state = optimizer.init(params)
    for _ in range(steps):
        params, state = optimizer.update(grad(quadratic)(params), state, params)
    return params


SETTINGS = [
    ("SGD", sgd, {}),
    ("SGD", sgd, {"momentum": 0.9}),
    ("SGD", sgd, {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.05}),
    ("SGD", sgd, {"momentum": 0.9, "nesterov": True}),
    ("SGD", sgd, {"momentum": 0.5, "maximize": True}),
    ("Adam", adam, {}),
    ("Adam", adam, {"betas": (0.5, 0.99), "eps": 0.1}),
    ("Adam", adam, {"weight_decay": 0.5, "amsgrad": True}),
    ("Adam", adam, {"maximize": True}),
    ("AdamW", adamw, {}),
    ("AdamW", adamw, {"weight_decay": 0.2, "eps": 1e-3, "amsgrad": True}),
    ("RMSprop", rmsprop, {}),
    ("RMSprop", rmsprop, {"centered": True, "momentum": 0.9, "weight_decay": 0.1, "alpha": 0.9}),
    ("Adagrad", adagrad, {}),
]


@pytest.mark.framework
@pytest.mark.parametrize(
    "name, ours, options",
    SETTINGS,
    ids=[f"{name}-{'-'.join(o) or 'default'}" for name, _, o in SETTINGS],
)
def test_every_step_is_that_of_torch(name, ours, options):
    torch = pytest.importorskip("torch", reason="needs torch")
    p = {k: torch.tensor(v, requires_grad=True) for k, v in start().items()}
    theirs = getattr(torch.optim, name)(list(p.values()), lr=0.01, **options)
    for _ in range(12):
        theirs.zero_grad()
        loss = 0.5 * (torch.tensor(CURVATURE) * p["x"] ** 2).sum() + p["y"] ** 4
        loss.backward()
        theirs.step()
    got = run(ours(0.01, **options), start())
    for key, value in got.items():
        assert np.allclose(value, p[key].detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.framework
def test_adagrad_decays_its_rate_as_torch_does():
    torch = pytest.importorskip("torch", reason="needs torch")
    x = torch.tensor(start()["x"], requires_grad=True)
    theirs = torch.optim.Adagrad([x], lr=0.1, lr_decay=0.5, initial_accumulator_value=0.2)
    params, optimizer = start()["x"], adagrad(0.1, decay=0.5, initial=0.2)
    state = optimizer.init(params)
    for _ in range(5):
        theirs.zero_grad()
        (0.5 * (torch.tensor(CURVATURE) * x**2).sum()).backward()
        theirs.step()
        params, state = optimizer.update(CURVATURE * params, state, params)
    assert np.allclose(params, x.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
def test_nothing_is_changed_in_place_and_a_saved_state_resumes(name):
    optimizer = getattr(optimizers, name)(0.05)
    params = start()
    state = optimizer.init(params)
    gradients = grad(quadratic)(params)
    before = copy.deepcopy((params, state, gradients))
    once = optimizer.update(gradients, state, params)
    assert repr((params, state, gradients)) == repr(before)
    saved = copy.deepcopy(once)
    again = [optimizer.update(grad(quadratic)(p), s, p)[0] for p, s in (once, saved)]
    assert repr(again[0]) == repr(again[1])


def test_a_parameter_without_gradient_stays_and_does_not_count_the_step():
    optimizer, params = adam(0.1), start()
    state = optimizer.init(params)
    for _ in range(3):
        params, state = optimizer.update({"x": np.ones(3), "y": None}, state, params)
    assert [part["t"] for part in state] == [3, 0]
    assert params["y"] == 0.5


def test_float32_is_kept():
    params = np.array([1.0, 2.0], dtype=np.float32)
    for make in (sgd, adam, adamw, rmsprop, adagrad):
        optimizer = make(0.1)
        new, state = optimizer.update(params, optimizer.init(params), params)
        assert new.dtype == np.float32
        assert all(a.dtype == np.float32 for a in state[0]["slots"].values())


def test_a_schedule_in_numpy_numbers_keeps_float32_too():
    params = np.ones(2, dtype=np.float32)
    for make in (sgd, adam, adamw, rmsprop, adagrad):
        optimizer = make(lambda k: np.float64(0.1))
        assert optimizer.update(params, optimizer.init(params), params)[0].dtype == np.float32


def test_python_numbers_and_integers_become_arrays():
    optimizer = sgd(0.5)
    found, _ = optimizer.update([2.0, np.array(4)], optimizer.init([3, 1.0]), [3, 1.0])
    assert [float(x) for x in found] == [2.0, -1.0]


def test_a_schedule_is_asked_for_the_rate_of_each_step():
    asked = []
    optimizer = sgd(lambda k: asked.append(k) or 0.5)
    params, state = np.array([8.0]), optimizer.init(np.array([8.0]))
    for _ in range(3):
        params, state = optimizer.update(params, state, params)
    assert asked == [0, 1, 2]
    assert params == 1.0


def test_schedules_have_their_published_values():
    assert schedules.cosine(0.2, 20)(10) == pytest.approx(0.1)
    assert schedules.cosine(0.2, 20, 0.1)(20) == pytest.approx(0.1)
    assert [schedules.multistep(1.0, (8, 14), 0.1)(k) for k in (7, 8, 14)] == pytest.approx(
        [1.0, 0.1, 0.01]
    )
    assert schedules.exponential(2.0, 0.5)(3) == 0.25


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="learning_rate: expected a number >= 0, got -1"):
        sgd(-1.0)
    with pytest.raises(ValueError, match="betas: expected a number from 0"):
        adam(betas=(0.9, 1.5))
    with pytest.raises(ValueError, match="betas: expected numbers below 1"):
        adam(betas=(1.0, 0.9))
    with pytest.raises(ValueError, match="betas: expected two numbers"):
        adam(betas=0.9)
    with pytest.raises(ValueError, match="nesterov: needs momentum > 0"):
        sgd(nesterov=True)
    optimizer = sgd()
    with pytest.raises(ValueError, match=r"grads: got shape \(2,\) for a parameter of \(3,\)"):
        optimizer.update(np.ones(2), optimizer.init(np.ones(3)), np.ones(3))
    with pytest.raises(ValueError, match="state: made for 1 arrays, but params has 2"):
        optimizer.update(start(), optimizer.init(np.ones(3)), start())
