"""Functions that do more than return a wrong number are findings in plain words."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from printed import spaces

import refimpl
from refimpl.conformance import implements
from refimpl.conformance.check import check_target
from refimpl.conformance.faults import describe, printable
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, Unsupported, implementations_in

RETURN = "return (weights @ x[..., None])[..., 0], weights"
STEP = "sorting.soft_step"


@pytest.mark.parametrize(
    "result, words",
    [
        ("weights.astype(complex)", "has dtype complex128, expected real numbers"),
        ("weights.astype(object)", "has dtype object, expected real numbers"),
        ("weights.astype(str)", "has dtype <U32, expected real numbers"),
        ("weights.astype('M8[s]')", "has dtype datetime64[s], expected real numbers"),
        ("weights.tolist()", "is of type list, expected a NumPy array"),
        ("MASK(weights, weights > 0.5)", "is a masked array: fill it, `.filled(value)`, and"),
        ("None", "is of type NoneType, expected a NumPy array"),
    ],
)
def test_what_is_no_array_of_real_numbers_is_named_and_nothing_else_is_blamed(check, result, words):
    masked = result.replace("MASK", "__import__('numpy').ma.masked_array")
    spoilt = [(RETURN, f"return x, {masked}")]
    status, out, _ = check("--case", "toy.soft_pool/single", replace=spoilt)
    assert status == 1
    assert f"what call: output weights {words}" in spaces(out)
    assert "bug in refimpl" not in out
    assert "raised" not in out


@pytest.mark.parametrize(
    "raised, words",
    [
        ("type('PanicException', (BaseException,), {})('index')", "PanicException: index"),
        ("GeneratorExit()", "GeneratorExit: no message"),
        ("RuntimeError('\\ud800 \\x1b[31m<&>]]>\\0\\n\\u00fc')", r"\ud800 \x1b[31m<&>]]>\x00 ü"),
        ("type('E', (Exception,), {'__str__': None})()", "E: its message cannot be shown"),
    ],
)
def test_whatever_is_raised_is_a_finding_that_every_report_can_hold(check, tmp_path, raised, words):
    reports = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    options = [part for kind, path in reports.items() for part in (f"--{kind}", str(path))]
    status, out, _ = check("--max-cases", "2", *options, replace=[(RETURN, f"raise {raised}")])
    assert status == 1
    assert words in out
    assert words in json.loads(reports["json"].read_text("utf-8"))["outcomes"][0]["message"]
    assert words in ET.parse(reports["junit"]).find(".//failure").get("message")
    assert words.split("<")[0] in reports["html"].read_text("utf-8")


def test_what_pytest_raises_to_skip_means_unsupported():
    found = report(own(lambda x, **others: pytest.skip("not today")))
    assert {(o.status, o.message) for o in found.outcomes} == {("unsupported", "not today")}
    failed = report(own(lambda x, **others: pytest.fail("no")))
    assert "raised Failed: no (" in failed.failures[0].message


PRINTS = f"""
print("on top")
from refimpl.conformance import implements

@implements("{STEP}", framework="numpy")
def f(x, **others):
    print("inside")
    return x
"""


def test_what_a_target_prints_is_no_part_of_a_report(check):
    status, out, error = check("--max-cases", "2", "--json", "-", text=PRINTS)
    assert status == 1
    assert json.loads(out)["passed"] is False
    assert error.startswith("on top\ninside\n")


@pytest.mark.slow
@pytest.mark.xdist_group("processes")
def test_what_a_target_prints_in_other_processes_is_no_part_of_a_report(tmp_path):
    (tmp_path / "prints.py").write_text(PRINTS)
    command = [sys.executable, "-m", "refimpl", "check", tmp_path / "prints.py"]
    done = subprocess.run(
        [*command, "--jobs", "2", "--max-cases", "2", "--json", "-"],
        cwd=Path(refimpl.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["passed"] is False
    assert done.stderr.count("on top\n") > 1


def test_reasons_for_what_is_not_supported_fit_on_a_line(check):
    reason = [("xp = ", "raise Unsupported('x' * 1000 + '\\x07')\n    xp = ")]
    _, out, _ = check("--case", "toy.soft_pool/single", replace=reason)
    assert "x" * 90 in out
    assert "x" * 401 not in spaces(out).replace(" ", "")


def step(x, *, mode="smooth", softness=0.1):
    if mode != "smooth":
        raise Unsupported("only the logistic step")
    return (0.5 * (1 + np.tanh(x / (2 * softness)))).astype(x.dtype)


def slope(cotangents, x, **params):
    y = step(x, **params)
    return {"x": cotangents["y"] * y * (1 - y) / params.get("softness", 0.1)}


def report(function, vjp=None):
    implements(STEP, framework="numpy", vjp=vjp)(function)
    claims = implementations_in({"f": function})
    return check_target(Target("own.py", claims, None), Options(cases=f"{STEP}/smooth-*"))


def own(function):
    """A copy, which can be marked without marking the others."""
    return lambda x, **params: function(x, **params)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda c, x, g: x.__imul__(2), "vjp wrote to the input x; copy it first"),
        (lambda c, x, g: c["y"].fill(0), "vjp wrote to the cotangent of y; copy it first"),
        (lambda c, x, g: g.update(x=1j * g["x"]), "the gradient of x has dtype complex128"),
        (lambda c, x, g: g.update(x=None), "the gradient of x is of type NoneType"),
        (lambda c, x, g: g.clear(), "vjp returned no gradient for x"),
        (lambda c, x, g: g.update(x=np.ma.masked_less(g["x"], 9)), "of x is a masked array"),
        (lambda c, x, g: c.clear(), ""),
    ],
)
def test_a_gradient_of_ones_own_leaves_what_it_is_given_alone(spoil, words):
    def pull(cotangents, x, **params):
        gradients = slope(cotangents, x, **params)
        spoil(cotangents, x, gradients)
        return gradients

    found = report(own(step), pull)
    assert bool(found.failures) == bool(words), text_report(found)
    assert words in spaces(text_report(found))


def test_numbers_of_another_width_are_no_different_numbers():
    found = report(own(lambda x, **params: step(x, **params).astype(np.longdouble)))
    assert not any(o.failed for o in found.outcomes if o.check == "deterministic")
    assert any("dtype" in o.message for o in found.failures)


def test_results_in_the_same_buffer_each_time_are_told_apart():
    buffer, calls = np.empty(100), []

    def reused(x, **params):
        calls.append(1)
        y = buffer[: x.size].reshape(x.shape)
        y[...] = step(x, **params) + 1e-15 * len(calls)
        return y

    found = report(reused)
    assert any(o.failed for o in found.outcomes if o.check == "deterministic")


@pytest.mark.parametrize(
    "mark, words",
    [
        (lambda: implements(step), "expected @implements"),
        (lambda: implements(STEP), "expected @implements"),
        (lambda: implements(STEP, framework="numpy")(len), "len cannot be marked: mark a function"),
    ],
)
def test_a_mark_that_cannot_be_says_what_to_write(mark, words):
    with pytest.raises(TypeError, match=words):
        mark()


def test_the_name_of_one_check_is_enough():
    implements(STEP, framework="numpy", checks="values")(copy := own(step))
    (claim,) = implementations_in({"f": copy})
    assert claim.checks == ("values",)


def test_text_for_terminals_is_one_line_without_what_they_obey():
    assert printable("a\n b\x1b[2J\u202e" + "é" * 1000) == "a b\\x1b[2J\\u202e" + "é" * 392 + "..."
    assert describe(ValueError("two\nlines")) == "ValueError: two lines"


def test_a_file_with_a_null_byte_is_an_error_without_a_line(check):
    status, out, _ = check(text="x = 1\0\n")
    assert status == 1
    assert re.search(r"target\.py(: syntax| does not import: Value) ?[eE]rror: source", spaces(out))
    assert "null bytes FAILED" in spaces(out)


SLOW = """
import sys, time
from refimpl.conformance import implements

print("loaded", flush=True)

@implements("sorting.soft_step", framework="numpy")
def f(x, **others):
    if x.size == 2:
        print("waits", file=sys.stderr, flush=True)
        time.sleep(60)
    return x
"""


# A job in the background inherits from its shell that interrupts are ignored. The command undoes
# that itself: `preexec_fn` would fork, which JAX warns of once it is loaded.
LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("refimpl", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_an_interrupt_ends_a_check_at_once_in_every_process(tmp_path, jobs):
    (tmp_path / "waits.py").write_text(SLOW)
    command = [sys.executable, "-c", LISTENING, "check", tmp_path / "waits.py", *jobs]
    root = Path(refimpl.__file__).parents[1]
    running = subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while "waits" not in running.stderr.readline():
        assert running.poll() is None
    os.killpg(running.pid, signal.SIGINT)
    start = time.monotonic()
    out, error = running.communicate(timeout=50)
    assert "refimpl: interrupted" in error
    assert "Traceback" not in error
    place = "smooth-far" if not jobs else "smooth-"  # of the cases that others have gone on with
    assert f"interrupted at {STEP}/{place}" in out
    assert ": the report is incomplete" in out
    assert jobs or f"--case {STEP}/smooth-1.0" in out, "what was found until then"
    assert running.returncode == 130
    assert time.monotonic() - start < 30
