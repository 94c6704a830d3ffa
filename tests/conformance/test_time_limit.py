"""`--time-limit SECONDS`: what hangs is a finding, and the other cases are checked."""

import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from printed import spaces

import refimpl
from refimpl.cli import main
from refimpl.conformance import clock, implements
from refimpl.conformance.check import check_target
from refimpl.conformance.clock import Clock, TimeUp, interruptible
from refimpl.conformance.loading import UsageError
from refimpl.conformance.processes import DeadProcessError
from refimpl.conformance.report import text_report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Target, Unsupported, implementations_in

STEP = "sorting.soft_step"
LATE = "gave no result within 0.4 s"
alarmed = pytest.mark.skipif(not interruptible(), reason="needs interval timers")


def hang():
    while True:
        pass


def step(x, *, mode="smooth", softness=0.1):
    if mode != "smooth":
        raise Unsupported("only the logistic step")
    return (0.5 * (1 + np.tanh(x / (2 * softness)))).astype(x.dtype)


def slope(cotangents, x, *, mode="smooth", softness=0.1):
    y = step(x, mode=mode, softness=softness)
    return {"x": cotangents["y"] * y * (1 - y) / softness}


def report(function, vjp=None, **options):
    implements(STEP, framework="numpy", vjp=vjp)(function)
    claims = implementations_in({"f": function})
    chosen = Options(cases=f"{STEP}/smooth-*", time_limit=0.4, **options)
    return check_target(Target("own.py", claims, __file__), chosen)


@alarmed
def test_a_function_that_hangs_at_a_case_is_a_finding_there_and_the_others_are_checked():
    def hangs_at_two(x, **params):
        return hang() if x.size == 2 else step(x, **params)

    found = report(hangs_at_two)
    failed = {o.case for o in found.failures}
    passed = {o.case for o in found.outcomes if o.status == "pass"}
    assert failed
    assert passed
    assert not failed & passed
    assert all(o.check == "values" for o in found.failures), "once for each case"
    assert all(o.message.startswith(f"{LATE} (test_time_limit.py:") for o in found.failures)
    assert re.search(r"Not run:\n.*(the call fails|the case's time is used up)", text_report(found))
    assert "--time-limit 0.4 --case" in text_report(found)


@alarmed
def test_a_gradient_that_hangs_is_a_finding_of_its_own():
    def own(x, **params):
        return step(x, **params)

    found = report(own, lambda cotangents, **given: hang(), max_cases=1)
    assert {(o.check, o.subject) for o in found.failures} == {("vjp", "derivative")}
    assert LATE in found.failures[0].message


@alarmed
@pytest.mark.parametrize("caught", [Exception, BaseException])
def test_a_function_that_catches_what_it_can_is_ended_all_the_same(monkeypatch, caught):
    monkeypatch.setattr(clock, "AGAIN", 0.02)
    tries = []

    def stubborn(x, **params):
        for _ in range(3):
            try:
                tries.append(1)
                hang()
            except caught:
                pass
        return step(x, **params)

    found = report(stubborn, max_cases=1)
    assert len(tries) == (1 if caught is Exception else 3)
    assert LATE in found.failures[0].message
    assert not any(o.status == "pass" for o in found.outcomes)


@alarmed
def test_an_alarm_that_becomes_another_error_is_a_hang_nevertheless():
    def wrapped(x, **params):
        try:
            hang()
        except BaseException as error:
            raise RuntimeError("callback failed") from error

    found = report(wrapped, max_cases=1)
    assert found.failures[0].message.startswith(LATE)


def test_calls_at_one_case_share_its_time(monkeypatch):
    passed = [0.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: passed[0])
    shared = Clock(10.0)
    for over in (False, True):
        with shared.running():
            passed[0] += 6.0
        assert shared.over == over


@alarmed
def test_a_function_that_hangs_next_to_a_case_is_explained_without_it():
    points = [case.inputs["x"] for case in refimpl.spec.find(STEP).generate()]

    def hangs_nearby(x, **params):
        if not any(np.array_equal(x, point) for point in points):
            hang()
        return step(x, **params)

    def twice(cotangents, x, **params):
        return {"x": 2 * slope(cotangents, x, **params)["x"]}

    found = report(hangs_nearby, twice, max_cases=1, levels=("vjp",))
    details = dict(found.groups[0].example.details)
    assert f"nearby, the function {LATE}" in details["who"]


@alarmed
def test_an_alarm_of_somebody_else_still_rings():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        timed = Clock(0.02)
        with pytest.raises(TimeUp), timed.running():
            hang()
        assert timed.over
        assert not rung
        time.sleep(0.2)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_where_there_is_no_alarm_a_time_limit_says_so_and_takes_processes(monkeypatch):
    raised = []

    def in_a_thread():
        try:
            report(step)
        except UsageError as error:
            raised.append(str(error))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert raised == ["a time limit needs jobs=1, or the main thread of a POSIX system"]


IN_C = f"""
import collections, itertools, os
import numpy as np
from refimpl.conformance import implements

@implements("{STEP}", framework="numpy")
def f(x, *, mode="smooth", softness=0.1):
    if softness == 1.0 and x.size == 10:
        collections.deque(itertools.repeat(0), maxlen=0)  # holds the interpreter for ever
    if x.size == 2:
        os.kill(os.getpid(), 11)
    return (0.5 * (1 + np.tanh(x / (2 * softness)))).astype(x.dtype)
"""


@pytest.mark.xdist_group("processes")
def test_a_process_that_hangs_or_crashes_costs_the_case_that_it_was_at(
    tmp_path, capfd, monkeypatch
):
    monkeypatch.syspath_prepend(Path(refimpl.__file__).parents[1])  # new processes look for it
    path = tmp_path / "in_c.py"
    path.write_text(IN_C)
    cases = ["--case", f"{STEP}/smooth-*", "--level", "values,edge"]
    assert main(["check", str(path), *cases, "--jobs", "2", "--time-limit", "1"]) == 1
    out, error = capfd.readouterr()
    assert error == ""
    words = spaces(out)
    assert "1 method, 5 cases, " in words
    late = "gave no result within 1 s, did not come back to Python (in_c.py:9, in f), and its"
    assert f"{STEP}/smooth-1.0 what call: {late} process was ended" in words
    assert f"{STEP}/smooth-far what call: ended its process, by SIGSEGV (Segmentation" in words
    assert "FAILED: 2 comparisons of 11 failed, in 2 kinds." in words
    assert re.search(r"smooth-far --jobs 1\n", out), "the command that repeats it outlives it"


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_limit_is_a_number_of_seconds(capsys, text):
    assert main(["check", "x.py", "--time-limit", text]) == 2
    assert f"expected a number of seconds above 0, got {text!r}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "expected a target to check"),
        (["x.py", "--dask", "tcp://localhost:1"], "functions in threads, which nothing can end"),
        (["."], "not for a folder of results"),
    ],
)
def test_where_nothing_can_be_ended_a_time_limit_is_refused(capsys, arguments, words):
    assert main(["check", *arguments, "--time-limit", "5"]) == 2
    error = capsys.readouterr().err
    assert "--time-limit: " in error
    assert words in error


@pytest.mark.parametrize(
    "status, words",
    [
        (3, "with exit status 3"),
        (-9, "by SIGKILL (Killed, as systems do that are out of memory)"),
        (-64, "by SIGRTMAX"),
        (-99, "by signal 99"),
    ],
)
def test_the_end_of_a_process_is_described(status, words):
    assert str(DeadProcessError(status, "")).startswith(f"ended its process, {words}")
