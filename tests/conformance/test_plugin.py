"""The pytest plugin: three lines, one test per case."""

import os
import sys

import pytest

from refimpl.conformance import plugin

pytest_plugins = ["pytester"]

IMPLEMENTATION = """
from refimpl import autograd as ag
from refimpl.conformance import Unsupported, implements


@implements("sorting.sorting_network", framework="refimpl")
def my_sort(x, *, network, **options):
    from refimpl.spec import find

    if network != "odd_even":
        raise Unsupported("only odd-even")
    values, P = find("sorting.sorting_network").function(x, network=network, **options)
    return FACTOR * values, P
"""
TEST = """
import pytest
from my_sort import my_sort


@pytest.mark.conformance(target=my_sort, cases="sorting.sorting_network/*-cauchy-n[23]")
def test_my_sort(conformance):
    conformance()
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest with the plugin on a test of an implementation."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    package = os.path.dirname(os.path.dirname(os.path.dirname(plugin.__file__)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([package, *sys.path]))

    def go(factor="1.0", test=TEST):
        pytester.makepyfile(my_sort=IMPLEMENTATION.replace("FACTOR", factor), test_it=test)
        return pytester.runpytest_subprocess("-p", "refimpl.conformance.plugin", "-v", "-rs")

    return go


def test_a_right_implementation_passes_case_by_case(run):
    result = run()
    result.assert_outcomes(passed=2, skipped=4)
    result.stdout.fnmatch_lines(
        ["*test_my_sort[[]sorting.sorting_network/odd_even-cauchy-n2[]] PASSED*"]
    )
    result.stdout.fnmatch_lines(["SKIPPED*only odd-even"])


def test_a_wrong_one_fails_with_the_report_and_without_our_frames(run):
    result = run(factor="2.0")
    result.assert_outcomes(failed=2, skipped=4)
    result.stdout.fnmatch_lines(["*every element is 2 times as large*"])
    assert "plugin.py" not in result.stdout.str()


@pytest.mark.parametrize(
    "mark, words",
    [
        ("target=my_sort, max_cases=3", "collected 3 items"),
        ("target=[my_sort], levels=('jvp',), max_cases=2", "collected 2 items"),
        ("target=print", "the target has no function marked @implements"),
    ],
)
def test_the_mark_takes_the_options_of_the_command(run, mark, words):
    narrowed = TEST.replace('target=my_sort, cases="sorting.sorting_network/*-cauchy-n[23]"', mark)
    run(test=narrowed).stdout.fnmatch_lines([f"*{words}*"])


UNKNOWN = """
import pytest
from refimpl.conformance import implements


@implements("sorting.sort", framework="numpy")
def my_sort(x):
    return x


@pytest.mark.conformance(target=my_sort)
def test_my_sort(conformance):
    conformance()
"""


def test_an_unknown_entry_fails_with_a_reason(run):
    result = run(test=UNKNOWN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no spec entry is named 'sorting.sort'*"])


def test_the_fixture_without_the_mark_is_an_error_that_says_what_to_write(run):
    result = run(test="def test_my_sort(conformance):\n    conformance()\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*expected @pytest.mark.conformance(target=your_function)*"])
