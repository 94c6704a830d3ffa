"""check_grads on functions of PyTorch and JAX, and on arrays of other libraries."""

import numpy as np
import pytest

from refimpl.autograd.numerics import check_grads

X = np.random.default_rng(2).normal(size=(3, 4))
W = np.arange(4.0)


def torch_softmax(x, w):
    import torch

    return {"y": torch.softmax(x, dim=-1) @ w, "which": torch.argmax(x, dim=-1)}


def jax_softmax(x, w):
    import jax

    return {"y": jax.nn.softmax(x, axis=-1) @ w, "which": x.argmax(axis=-1)}


@pytest.mark.framework("torch")
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_torch_functions_pass_in_every_precision(dtype):
    torch = pytest.importorskip("torch")
    x, w = (torch.tensor(a, dtype=getattr(torch, dtype)) for a in (X, W))
    report = check_grads(torch_softmax, (x, w), order=1 if dtype == "bfloat16" else 2)
    assert report.ok, report
    assert report.source == "torch"
    assert report.compared["jvp"] > 0
    assert x.grad is None
    assert not x.requires_grad


@pytest.mark.framework("torch")
def test_torch_functions_are_fed_from_numpy_when_asked_for():
    pytest.importorskip("torch")
    assert check_grads(torch_softmax, (X, W), framework="torch")


@pytest.mark.framework("torch")
def test_torch_mistakes_are_named():
    torch = pytest.importorskip("torch")

    class WrongSign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.exp(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return -g * torch.exp(x)

    report = check_grads(WrongSign.apply, torch.tensor(X))
    assert [f.check for f in report.findings] == ["vjp", "jvp"]
    assert [[h.kind for h in f.hints] for f in report.findings] == [["sign"], ["sign"]]

    def detached(x, w):
        return torch.softmax(x, dim=-1).detach() @ w

    report = check_grads(detached, (X, W), framework="torch")
    assert {f.input for f in report.findings} == {"x"}
    assert {h.kind for f in report.findings for h in f.hints} == {"zero"}


@pytest.mark.framework("torch")
def test_a_torch_function_without_double_backward_is_checked_in_reverse_mode_only():
    torch = pytest.importorskip("torch")

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.exp(x)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return g * torch.exp(ctx.saved_tensors[0])

    report = check_grads(Once.apply, torch.tensor(X))
    assert report.ok, report
    assert any(note.startswith("jvp not checked: NotImplementedError") for note in report.notes)


@pytest.mark.framework("torch")
def test_a_torch_kink_takes_any_convention():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    report = check_grads(lambda x: torch.max(x, dim=0).values, x)
    assert report.ok, report
    assert any(note.startswith("kink") for note in report.notes)


@pytest.mark.framework("torch")
def test_a_numpy_gradient_of_a_torch_function_is_checked():
    torch = pytest.importorskip("torch")

    def f(x):
        return torch.sum(torch.sin(x))

    assert check_grads(f, torch.tensor(X), grad=torch.cos)
    assert not check_grads(f, torch.tensor(X), grad=torch.sin)


@pytest.mark.framework("jax")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_jax_functions_pass_without_touching_its_precision_switch(dtype):
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    arguments = X.astype(dtype), W.astype(dtype)
    report = check_grads(jax_softmax, arguments, framework="jax", order=2)
    assert report.ok, report
    assert f"rtol {'1e-08' if dtype == 'float64' else '0.0001'}" in report.tolerance
    assert jax.config.jax_enable_x64 == before
    assert check_grads(jax_softmax, tuple(jax.numpy.asarray(a, "float32") for a in arguments))


@pytest.mark.framework("jax")
def test_a_jax_custom_vjp_is_checked_in_reverse_mode():
    jax = pytest.importorskip("jax")

    def planted(factor):
        f = jax.custom_vjp(lambda x: jax.numpy.exp(x))
        f.defvjp(lambda x: (jax.numpy.exp(x), x), lambda x, g: (factor * g * jax.numpy.exp(x),))
        return check_grads(f, X, framework="jax")

    right, wrong = planted(1.0), planted(2.0)
    assert right.ok, right
    assert any(note.startswith("jvp not checked: TypeError") for note in right.notes)
    (finding,) = wrong.findings
    assert [hint.factor for hint in finding.hints] == [pytest.approx(2.0)]


@pytest.mark.framework("array_api_strict")
def test_arrays_of_the_strict_standard_are_differentiated_by_the_engine():
    xp = pytest.importorskip("array_api_strict")
    report = check_grads(lambda x: xp_sum(x), xp.asarray(X))
    assert report.ok, report


def xp_sum(x):
    from refimpl.autograd import array_namespace

    xp = array_namespace(x)
    return xp.sum(xp.tanh(x) * x, axis=-1)
