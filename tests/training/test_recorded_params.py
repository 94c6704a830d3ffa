"""Recorded numbers of other settings: adapters follow a record's params, not the cases at hand."""

import numpy as np
import pytest

from refimpl.conformance.recorded import adapter_for
from refimpl.conformance.vectors import Record, compare_record

A = np.array([[3.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 2.0]])
B, START = np.array([1.0, -0.5, 0.2]), np.array([0.4, -0.3, 0.8])
STEPS = 7
OPTIONS = {
    "SGD": [
        {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "maximize": True},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "foreach": True},
        {"weight_decay": 0.3, "fused": False},
    ],
    "Adam": [
        {"amsgrad": True, "weight_decay": 0.1, "maximize": True, "foreach": True},
        {"betas": [0.0, 0.5], "eps": 0.01, "capturable": False, "differentiable": False},
        {"decoupled_weight_decay": True, "weight_decay": 0.2},
    ],
    "AdamW": [{"amsgrad": True, "maximize": True}, {"weight_decay": 0.0, "betas": [0.5, 0.9]}],
    "RMSprop": [
        {"centered": True, "momentum": 0.9, "alpha": 0.5, "weight_decay": 0.1, "eps": 1e-3},
        {"centered": True, "maximize": True},
        {"momentum": 0.5, "alpha": 0.0},
    ],
    "Adagrad": [
        {"lr_decay": 0.3, "weight_decay": 0.1},
        {"initial_accumulator_value": 0.5, "eps": 0.1, "maximize": True},
    ],
}
SCHEDULERS = {
    "CosineAnnealingLR T_max=5 eta_min=0.001; out_lr[t] used at step t.": {"T_max": 5,
                                                                           "eta_min": 0.001},
    "MultiStepLR milestones 2,5 gamma 0.5.": {"milestones": [2, 5], "gamma": 0.5},
    "MultiStepLR milestones=[2, 5] gamma=0.5; out_lr[t] used at step t.": {"milestones": [2, 5],
                                                                           "gamma": 0.5},
    "ExponentialLR gamma 0.9.": {"gamma": 0.9},
}  # fmt: skip


def hold(folder, system, function, params, arrays, rtol=1e-9):
    np.savez(folder / "case.npz", **arrays)
    fields = {
        "case": "case", "file": "case.npz", "system": system, "function": function,
        "params": params, "dtype": "float64", "rtol": rtol, "atol": 1e-12,
    }  # fmt: skip
    record = Record("training", folder, fields)
    compared = list(compare_record(record, adapter_for(record)))
    assert compared
    for part in compared:
        assert part.result.ok, part


def trajectory(torch, name, options, scheduler=None):
    """The arrays that a record of torch.optim has."""
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    x = torch.tensor(START, requires_grad=True)
    optimizer = getattr(torch.optim, name)([x], lr=0.05, **given)
    text, arguments = scheduler or (None, {})
    kind = text and getattr(torch.optim.lr_scheduler, text.partition(" ")[0])
    schedule = kind and kind(optimizer, **arguments)
    found = {"x": [START], "loss": [], "grad": [], "lr": []}
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = 0.5 * x @ torch.tensor(A) @ x - torch.tensor(B) @ x
        loss.backward()
        found["loss"].append(loss.item())
        found["grad"].append(x.grad.numpy().copy())
        found["lr"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        found["x"].append(x.detach().numpy().copy())
        if schedule:
            schedule.step()
    state = {f"out_state_{k}": v.numpy() for k, v in optimizer.state[x].items() if v is not None}
    arrays = {f"out_{k}": np.array(v) for k, v in found.items()}
    return {"in_A": A, "in_b": B, "in_x0": START, **arrays, **state}


@pytest.mark.framework
@pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name, several in OPTIONS.items() for options in several],
    ids=[f"{name}-{'-'.join(o)}" for name, several in OPTIONS.items() for o in several],
)
def test_every_documented_option_of_an_optimizer_is_followed(name, options, tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    params = {"problem": "quadratic 0.5 x^T A x - b^T x", "steps": STEPS, "lr": 0.05}
    arrays = trajectory(torch, name, options)
    hold(tmp_path, "optim", f"torch.optim.{name}", {**params, "scheduler": None, **options}, arrays)


@pytest.mark.framework
@pytest.mark.parametrize("text", SCHEDULERS)
def test_every_schedule_is_followed(text, tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    params = {"problem": "quadratic 0.5 x^T A x - b^T x", "steps": STEPS, "lr": 0.05}
    arrays = trajectory(torch, "SGD", {"momentum": 0.5}, (text, SCHEDULERS[text]))
    params = {**params, "scheduler": text, "momentum": 0.5}
    hold(tmp_path, "optim", "torch.optim.SGD", params, arrays)


@pytest.mark.parametrize(
    "options", [{"maxiter": 2}, {"maxcor": 1, "ftol": 1e-12, "gtol": 1e-9}, {"maxls": 3},
                {"maxfun": 3}]
)  # fmt: skip
def test_the_options_of_scipys_lbfgs_are_followed(options, tmp_path):
    from scipy.optimize import minimize

    def both(x):
        return 0.5 * x @ A @ x - B @ x, A @ x - B

    found = minimize(both, START, jac=True, method="L-BFGS-B", options=options)
    arrays = {
        "in_A": A, "in_b": B, "in_x0": START,
        "out_x": found.x, "out_fun": found.fun, "out_jac": found.jac,
    }  # fmt: skip
    params = {"problem": "quadratic 0.5 x^T A x - b^T x", "options": options, "bounds": None}
    hold(tmp_path, "optim", 'scipy.optimize.minimize(method="L-BFGS-B")', params, arrays)


@pytest.mark.framework
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_layers_without_damping_are_ordinary_ones(reduction, tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    start = {"w1": rng.normal(size=(5, 4)), "b1": rng.normal(size=5),
             "w2": rng.normal(size=(2, 5)), "b2": rng.normal(size=2)}  # fmt: skip
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in start.items()}
    optimizer, losses, first = torch.optim.SGD(leaves.values(), lr=0.01), [], {}
    for _ in range(4):
        optimizer.zero_grad()
        hidden = torch.relu(torch.tensor(x) @ leaves["w1"].T + leaves["b1"])
        squares = (hidden @ leaves["w2"].T + leaves["b2"] - torch.tensor(target)) ** 2
        loss = getattr(squares, reduction)()
        loss.backward()
        losses.append(loss.item())
        first = first or {f"out_first_g{k}": v.grad.numpy().copy() for k, v in leaves.items()}
        optimizer.step()
    arrays = {f"in_{k}": v for k, v in start.items()} | first
    arrays |= {f"out_{k}": v.detach().numpy() for k, v in leaves.items()}
    arrays |= {"in_x": x, "in_target": target, "out_losses": np.array(losses)}
    params = {"la_per_layer": [None, None], "lr": 0.01, "steps": 4, "loss": f"mse {reduction}"}
    hold(tmp_path, "isaac", "isaac.Linear, torch.nn.ReLU, torch.optim.SGD", params, arrays)


def test_the_numbers_in_a_program_are_those_of_its_description():
    from refimpl.conformance.recorded.training_discograd import _program
    from refimpl.training.branches import Branch

    text = "P1 x: y = x0*x1; if x0 - x1 < {}: y += {}*x0 else y -= {}; if x1 < {}: y *= {}"
    x = np.array([0.5, 0.4])
    for numbers, wanted in (((0.3, 2, 1, 0, 0.5), 1.2), ((-0.2, 2, 3.5, 0.45, -2), 6.6)):
        params = {"program": text.format(*numbers), "estimator": "dgo"}
        assert float(_program(params)(x, Branch())) == pytest.approx(wanted)
