"""TensorFlow functions under test: right ones pass, wrong ones are found."""

import importlib.util

import pytest
from printed import spaces

from refimpl.conformance.check import check_target
from refimpl.conformance.frameworks import on_tensorflow
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, implementations_in

TEXT = """
import math
import tensorflow as tf
from refimpl.conformance import Unsupported, implements

@implements("sorting.soft_sort", framework="tensorflow")
def soft_sort(x, *, temperature=1.0, power=1.0, hard=False, descending=False):
    if hard or power != 1.0:
        raise Unsupported("soft, |x_i - x_j| only")
    order = tf.sort(x, axis=-1, direction="DESCENDING" if descending else "ASCENDING")
    return tf.nn.softmax(-tf.abs(order[..., None, :] - x[..., :, None]) / temperature, axis=-2)

@implements("sorting.sinkhorn", framework="tensorflow")
def sinkhorn(scores, *, temperature=1.0, iterations=20, hard=False):
    if hard:
        raise Unsupported("soft only")
    logs = scores / temperature
    for _ in range(iterations):
        logs = logs - tf.reduce_logsumexp(logs, axis=-1, keepdims=True)
        logs = logs - tf.reduce_logsumexp(logs, axis=-2, keepdims=True)
    return tf.exp(logs)

@implements("sorting.plackett_luce_log_likelihood", framework="tensorflow")
def plackett_luce(log_scores, order, *, first=None):
    chosen = tf.gather(log_scores, order, batch_dims=len(order.shape) - 1)
    total = tf.zeros_like(log_scores[..., 0])
    for k in range(log_scores.shape[-1] if first is None else first):
        total = total + chosen[..., k] - tf.reduce_logsumexp(chosen[..., k:], axis=-1)
    return total

@implements("logic.gate_mixture", framework="tensorflow")
def gate_mixture(a, b, p):
    ab = a * b
    half = [0 * a, ab, a - ab, a, b - ab, b, a + b - 2 * ab, a + b - ab]
    gates = half + [1 - gate for gate in half[::-1]]
    return sum(p[..., i] * gates[i] for i in range(16))
"""
needed = pytest.mark.framework("tensorflow")
LEVELS = (
    "values",
    "vector-Jacobian products",
    "Jacobian-vector products",
    "second order",
)


def check(*change, **options):
    text = TEXT.replace(*change) if change else TEXT
    assert not change or text != TEXT
    names = {"__name__": "tensorflow_methods"}
    exec(compile(text, "tensorflow_methods.py", "exec"), names)
    target = Target("tensorflow_methods.py", implementations_in(names), None)
    return check_target(target, Options(**options))


def passes_every_level(least, **options):
    report = check(**options)
    assert report.failures == [], text_report(report)
    levels = report.counts()
    for level in (*LEVELS, "dtypes"):
        assert levels[level]["pass"] >= least
    assert any(name.startswith("tensorflow") for name in report.packages)


@needed
def test_right_functions_pass_at_some_cases():
    few = ("sorting.soft_sort", "logic.gate_mixture")
    passes_every_level(1, max_cases=3, methods=few)


@needed
@pytest.mark.slow
def test_right_functions_pass_every_level():
    passes_every_level(8, max_cases=24)


@needed
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_right_functions_pass_in_other_formats(dtype):
    report = check(max_cases=6, dtype=dtype)
    assert report.failures == [], text_report(report)
    assert report.counts()["dtypes"]["pass"] > 3


@needed
@pytest.mark.parametrize(
    "method, change, words",
    [
        ("sorting.soft_sort", ("x[..., :, None])", "x[..., :, None]) * 2"), "half of it"),
        ("sorting.sinkhorn", ("scores / temp", "scores * temp"), "inverse"),
        ("logic.gate_mixture", ("ab = a * b", "ab = tf.stop_gradient(a * b)"), "gradient"),
        (
            "sorting.soft_sort",
            ("/ temperature, axis=-2)", "/ temperature, axis=-2).numpy()"),
            "expected a tf.Tensor",
        ),
    ],
)
def test_wrong_functions_are_found(method, change, words):
    levels = ("values", "vjp", "edge")
    report = check(*change, methods=(method,), max_cases=6, levels=levels)
    assert report.failures
    assert words in spaces(text_report(report))


@needed
def test_a_device_that_is_not_there_is_named():
    assert "TensorFlow sees no device 'xpu:3'" in on_tensorflow.missing("xpu:3")


@needed
def test_results_on_another_device_are_refused():
    outputs = {"y": importlib.import_module("tensorflow").ones(2)}
    assert on_tensorflow.checked(outputs, "CPU:0") == outputs
    with pytest.raises(TypeError, match=r"output y is on .*CPU:0, its inputs on GPU:0"):
        on_tensorflow.checked(outputs, "GPU:0")


def test_without_tensorflow_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert on_tensorflow.missing() == "TensorFlow is not installed: pip install tensorflow"
