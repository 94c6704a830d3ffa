"""The pytest plugin: three lines, one test per case."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from refimpl.conformance import plugin
from refimpl.conformance.clock import interruptible

pytest_plugins = ["pytester"]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "testing-your-implementation.md"

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
    monkeypatch.setenv("COLUMNS", "200")
    package = os.path.dirname(os.path.dirname(os.path.dirname(plugin.__file__)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([package, *sys.path]))

    def go(factor="1.0", test=TEST):
        pytester.makepyfile(my_sort=IMPLEMENTATION.replace("FACTOR", factor), test_it=test)
        return pytester.runpytest_subprocess("-p", "refimpl.conformance.plugin", "-v", "-rsf")

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
    result.stdout.fnmatch_lines(["*replay*pytest 'test_it.py::test_my_sort*odd_even-cauchy-n2]'"])
    assert "plugin.py" not in result.stdout.str()
    result.stdout.re_match_lines([r"FAILED test_it.py::.*cauchy-n2\] - Failed: output "])


@pytest.mark.parametrize(
    "mark, words",
    [
        ("target=my_sort, max_cases=3", "collected 3 items"),
        ("target=[my_sort], levels=('jvp',), max_cases=2", "collected 2 items"),
        ("target=[my_sort], levels='values,vjp', max_cases=2", "collected 2 items"),
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


SEVERAL = """
import pytest
from my_sort import my_sort
from refimpl.conformance import Unsupported, implements
from refimpl.spec import find

KEYWORDS = {"framework": "refimpl", "cases": "sorting.soft_sort/batch*", "levels": ("values",)}


def plain(x, **options):
    return find("sorting.soft_sort").function(x, **options)


def doubled(x, **options):
    return 2 * plain(x, **options)


@pytest.mark.conformance("sorting.soft_sort", target=plain, **KEYWORDS)
def test_plain(conformance):
    conformance()


@pytest.mark.conformance(
    "sorting.soft_sort", target=doubled, expected_failures={"*": "twice as large"}, **KEYWORDS
)
def test_doubled(conformance):
    conformance()


@implements("sorting.soft_sort", framework="refimpl")
def one(x, **options):
    return plain(x, **options)


@implements("sorting.soft_sort", framework="refimpl")
def two(x, **options):
    return plain(x, **options)


@pytest.mark.conformance(target=[one, two], cases="sorting.soft_sort/batch3")
def test_both(conformance):
    conformance()


@pytest.mark.conformance(target=[one], cases="sorting.soft_sort/no-such-case")
def test_none(conformance):
    conformance()
"""


def test_functions_are_named_in_the_mark_or_marked_themselves_and_xfail_with_reasons(run):
    result = run(test=SEVERAL)
    result.assert_outcomes(passed=4, skipped=4, xfailed=2, failed=1)
    result.stdout.fnmatch_lines(["*test_plain[[]sorting.soft_sort/batch3[]] PASSED*"])
    result.stdout.fnmatch_lines(["*test_both[[]two-sorting.soft_sort/batch3[]] PASSED*"])
    result.stdout.fnmatch_lines(["*no case matches 'sorting.soft_sort/no-such-case'*"])


@pytest.mark.parametrize(
    "positional, keywords, words",
    [
        (("sorting.soft_sort",), {"target": print}, "expected target=FUNCTION and framework=NAME"),
        ((), {"target": print, "framework": "torch"}, "framework: only along with the name"),
        ((), {"target": print, "case": "x"}, "conformance takes no case; it takes target, cases"),
        (("a.b",), {"target": print, "framework": "tf"}, "framework 'tf': expected one of"),
        ((), {"target": print, "levels": "value"}, "got 'value' (did you mean 'values'?)"),
        ((), {"target": print, "levels": ("vpj",)}, "got 'vpj' (did you mean 'vjp'?)"),
        ((), {"target": print, "dtype": "float8"}, "dtype: expected one of float16, bfloat16"),
        ((), {"target": print, "max_cases": 0}, "max_cases: expected a whole number >= 1, got 0"),
        ((), {"target": print, "seed": -1}, "seed: expected a whole number >= 0, got -1"),
        ((), {"target": print, "time_limit": -1}, "time_limit: expected a positive number, got -1"),
    ],
)
def test_a_mark_that_is_not_understood_is_an_error_that_says_what_to_write(
    positional, keywords, words
):
    with pytest.raises(ValueError, match=re.escape(words)):
        list(plugin._points(pytest.Mark("conformance", positional, keywords, _ispytest=True)))


@pytest.mark.framework("torch")  # not imported here: pytester forgets what a test imports
def test_the_documented_test_file_runs(pytester, monkeypatch):
    text = DOCS.read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (test,) = [block for block in blocks if "pytest.mark.conformance" in block]
    shutil.copy(DOCS.parent / "examples" / "my_sort_torch.py", pytester.path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "200")
    package = os.path.dirname(os.path.dirname(os.path.dirname(plugin.__file__)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([package, *sys.path]))
    pytester.makepyfile(test_documented=test)
    result = pytester.runpytest_subprocess("-p", "refimpl.conformance.plugin")
    assert result.parseoutcomes().get("failed", 0) == 0
    assert result.parseoutcomes()["passed"] >= 2


ENDLESS = "next(i for i in iter(int, 1) if i)"


@pytest.mark.skipif(not interruptible(), reason="needs interval timers")
def test_a_function_that_hangs_fails_its_test_and_not_the_run(run):
    test = TEST.replace('n[23]"', 'n2", time_limit=0.5')
    result = run(ENDLESS, test)
    result.assert_outcomes(failed=1, skipped=2)
    result.stdout.fnmatch_lines(["*call: gave no result within 0.5 s (my_sort.py:12, in *"])


def test_where_there_is_no_alarm_a_test_with_a_time_limit_says_so(run):
    test = TEST.replace('n[23]"', 'n2", time_limit=60')
    test = test.replace("    conformance()", THREAD)
    result = run("1.0", test)
    result.stdout.fnmatch_lines(
        ["*a time limit needs jobs=1, or the main thread of a POSIX system*"]
    )


THREAD = """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        thread.submit(conformance).result()
"""
