"""What every test run shares: the checkout under test, skips for what is missing, their count."""

import functools
import importlib.util
import os
import re
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
from _pytest.doctest import DoctestModule

ROOT = Path(__file__).resolve().parent

# Import the checkout, installed or not, and then take its root off sys.path: from there
# `import autograd` would find the engine's folder instead of the package of that name (HIPS).
if importlib.util.find_spec("refimpl") is None:
    sys.path.insert(0, str(ROOT))
import refimpl  # noqa: E402, F401

sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

# A shared machine may be slow at any moment: no deadlines. In CI every run tries the same examples.
hypothesis.settings.register_profile(
    "refimpl",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("refimpl")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Modules are searched for doctests in refimpl/ only: not tests, nor the programs in docs/."""
    collectors = yield
    if file_path.is_relative_to(parent.config.rootpath / "refimpl"):
        return collectors
    return [c for c in collectors if not isinstance(c, DoctestModule)]


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu") and (missing := _missing_device()):
        pytest.skip(f"needs {missing}")
    for marker in item.iter_markers("framework"):
        for name in marker.args:
            if importlib.util.find_spec(name) is None:
                pytest.skip(f"needs {name}")


@functools.cache
def _missing_device() -> str:
    if importlib.util.find_spec("cupy") is None:
        return "cupy"
    import cupy

    return "" if cupy.is_available() else "a CUDA device"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """The last line before the totals says what the skipped tests needed."""
    yield
    reasons = [_need(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if reasons:
        counts = ", ".join(f"{n} {reason}" for reason, n in Counter(reasons).most_common())
        terminalreporter.write_line(f"skipped: {counts}", yellow=True)


def _need(longrepr) -> str:
    """The reason of a skip as `need X`, whether a marker, a test or importorskip gave it."""
    reason = longrepr[2] if isinstance(longrepr, (tuple, list)) else str(longrepr)
    reason = reason.removeprefix("Skipped: ")
    if missing := re.match(r"could not import '([\w.]+)'", reason):
        return f"need {missing[1]}"
    return re.sub(r"^needs ", "need ", reason)
