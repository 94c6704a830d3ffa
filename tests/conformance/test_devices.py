"""Where a function gets its inputs and leaves its results: named devices, and CuPy."""

import os
import subprocess
import sys

import guarded_cupy
import numpy as np
import pytest
from ported_methods import namespace
from printed import spaces

from refimpl.conformance.check import check_target
from refimpl.conformance.frameworks import on_cupy
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Implementation, Target, implementations_in, implements

POOL = """
import torch
from refimpl.conformance import implements

@implements("toy.soft_pool", framework="torch"DEVICE)
def pool(x, *, steepness, distance):
    gap = x[..., :, None] - x[..., None, :]
    weights = torch.softmax(-steepness * (abs(gap) if distance == "l1" else gap * gap), -1)
    return (weights @ x[..., None])[..., 0], weights
"""
RETURN = "return (weights @ x[..., None])[..., 0], weights"
few = ("--case", "toy.soft_pool/l2-n3*")


@pytest.mark.framework("torch")
def test_results_on_another_device_than_the_inputs_are_found(check):
    moved = RETURN.replace(", weights", ', weights.to("meta")')
    status, out, _ = check(*few, text=POOL.replace("DEVICE", ""), replace=[(RETURN, moved)])
    assert status == 1
    assert "output weights is on meta, its inputs on cpu" in out


@pytest.mark.framework("torch")
@pytest.mark.parametrize(
    "option, mark", [((), ', device="cuda:77"'), (("--device", "cuda:77"), "")]
)
def test_a_device_that_is_not_there_is_a_finding(check, option, mark):
    status, out, _ = check(*few, *option, text=POOL.replace("DEVICE", mark))
    assert status == 1
    assert "PyTorch cannot use the device 'cuda:77'" in out


@pytest.mark.framework("torch")
def test_a_named_device_is_part_of_the_command_that_repeats_a_finding(check):
    text, changes = POOL.replace("DEVICE", ', device="cuda"'), [(RETURN, f"x = x + 1; {RETURN}")]
    status, out, _ = check(*few, "--device", "cpu", text=text, replace=changes)
    assert status == 1
    assert "target.py --device cpu --case toy.soft_pool/" in out


@pytest.mark.gpu
@pytest.mark.framework("torch")
def test_torch_functions_are_checked_on_the_gpu(check):
    status, out, _ = check("--device", "cuda", text=POOL.replace("DEVICE", ""))
    assert status == 0, out
    moved = [(RETURN, RETURN.replace(", weights", ", weights.cpu()"))]
    status, out, _ = check("--device", "cuda", text=POOL.replace("DEVICE", ""), replace=moved)
    assert status == 1
    assert "output weights is on cpu, its inputs on cuda" in out


TWO = """
import sys
import jax
from refimpl.conformance.selection import Options
from refimpl.conformance.check import check_target
from refimpl.conformance.target import Target, implementations_in, implements

def soft_sort(x, *, temperature=1.0, power=1.0, hard=False, descending=False):
    seen.update(x.devices())
    gap = abs(jax.numpy.sort(x, axis=-1)[..., None, :] - x[..., :, None])
    return jax.device_put(jax.nn.softmax(-gap / temperature, axis=-2), where or x.device)

for where in (None, jax.devices()[0]):
    seen = set()
    mark = implements("sorting.soft_sort", framework="jax", jit=False, device="cpu:1",
                      checks=("values",))
    claims = implementations_in({"f": mark(soft_sort)})[-1:]
    options = Options(max_cases=1, levels=("values", "edge"))
    report = check_target(Target("own.py", claims, None), options)
    print(seen == {jax.devices()[1]}, [o.status for o in report.outcomes],
          *{o.message for o in report.outcomes})
"""


@pytest.mark.framework("jax")
def test_jax_functions_are_checked_on_the_device_that_is_named():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    paths = os.pathsep.join(filter(None, [*sys.path, os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        [sys.executable, "-c", TWO],
        env={**os.environ, **flags, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    right, wrong = run.stdout.splitlines()
    assert right.startswith("True ['pass'")
    assert wrong.startswith("True ['fail'")
    assert "output P is on " in wrong
    assert ":0, its inputs on" in wrong


@pytest.fixture
def pretended(monkeypatch):
    """CuPy's arrays without a GPU: they refuse whatever CuPy refuses."""
    monkeypatch.setattr(on_cupy, "_cupy", lambda: guarded_cupy.cupy)
    monkeypatch.setattr(on_cupy.importlib.util, "find_spec", lambda name: name)
    return guarded_cupy.cupy


def step(x, *, mode="smooth", softness=0.1):
    return 0.5 * (1 + guarded_cupy.cupy.tanh(x / (2 * softness)))


def slope(cotangents, x, *, softness=0.1, **others):
    y = step(x, softness=softness)
    return {"x": cotangents["y"] * y * (1 - y) / softness}


def report_on(claim, **options):
    choice = Options(cases=f"{claim.entry}/*smooth*", max_cases=8, **options)
    return check_target(Target("own.py", (claim,), None), choice)


def test_cupy_functions_are_checked_with_the_gradient_that_comes_with_them(pretended):
    claim = Implementation("sorting.soft_step", step, "cupy", vjp=slope)
    report = report_on(claim)
    assert report.failures == [], text_report(report)
    assert report.counts()["values"]["pass"] > 1
    assert report.counts()["vector-Jacobian products"]["pass"] > 1
    assert {o.message for o in report.outcomes if o.check == "jvp"} == {
        "CuPy has no derivatives of its own: no forward mode"
    }


@pytest.mark.parametrize(
    "function, vjp, words",
    [
        (lambda x, **p: step(x, **p).get(), None, "output y on the host is of type ndarray"),
        (lambda x, **p: step(-x, **p), None, "sign"),
        (
            step,
            lambda c, x, **p: {"x": slope(c, x, **p)["x"].get()},
            "x on the host is of type ndarray",
        ),
        (step, lambda c, x, **p: {"x": 2 * slope(c, x, **p)["x"]}, "2 times as large"),
    ],
)
def test_wrong_cupy_functions_are_found(pretended, function, vjp, words):
    report = report_on(Implementation("sorting.soft_step", function, "cupy", vjp=vjp))
    assert words in spaces(text_report(report))
    assert report.failures


@pytest.mark.parametrize("method", ["sorting.soft_sort", "logic.gate_mixture"])
def test_array_api_functions_are_differentiated_on_cupys_arrays(pretended, method):
    (claim,) = (c for c in implementations_in(namespace("refimpl")) if c.entry == method)
    options = Options(device="cuda", max_cases=8)
    report = check_target(Target("ported.py", (claim,), None), options)
    assert report.failures == [], text_report(report)
    assert report.counts()["second order"]["pass"] > 1
    kinds = []

    def watched(**arrays):
        kinds.append({type(value) for value in arrays.values() if hasattr(value, "dtype")})
        return claim.function(**arrays)

    marked = implements(method, framework="refimpl", checks=("values",))(watched)
    check_target(Target("own.py", implementations_in({"f": marked}), None), options)
    assert kinds[0] == {guarded_cupy.GuardedArray}


def test_without_cupy_or_without_a_device_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(on_cupy.importlib.util, "find_spec", lambda name: None)
    assert "CuPy is not installed" in on_cupy.missing()
    monkeypatch.setattr(on_cupy.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(
        on_cupy, "_cupy", lambda: type("cupy", (), {"is_available": staticmethod(lambda: False)})
    )
    assert on_cupy.missing() == "CuPy sees no CUDA device"


def test_numpy_has_no_devices():
    claim = Implementation("sorting.soft_step", np.tanh, "numpy", device="cuda")
    (outcome,) = report_on(claim).outcomes
    assert outcome.message == "NumPy has no device 'cuda'; framework='cupy' has"
