"""The shared set-up of the tests: what is missing is skipped, and counted at the end."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import refimpl

ROOT = Path(__file__).resolve().parents[1]

TESTS = """
import sys
import pytest

@pytest.mark.framework("no_such_framework")
@pytest.mark.parametrize("i", range(12))
def test_marked(i): ...

@pytest.mark.framework("numpy")
def test_with_a_package_that_is_there(): ...

@pytest.mark.gpu
def test_on_a_device(): ...

def test_importorskip():
    pytest.importorskip("no_such_package")

def test_with_its_own_reason():
    pytest.skip("needs a large file")

def test_the_root_is_not_on_the_path():
    assert {root!r} not in sys.path
"""


def test_skipped_tests_are_counted_by_what_they_need(tmp_path):
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "test_skips.py").write_text(TESTS.format(root=str(tmp_path)))
    environment = os.environ | {
        "PYTHONPATH": str(Path(refimpl.__file__).parents[1]),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTEST_ADDOPTS": "",
    }
    command = [sys.executable, "-m", "pytest", "-q", "test_skips.py"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    *_, count, totals = result.stdout.strip().splitlines()
    assert count.startswith("skipped: 12 need no_such_framework, ")
    needs = count.removeprefix("skipped: ").split(", ")
    assert {"1 need no_such_package", "1 need a large file"} < set(needs)
    assert ("1 need cupy" in needs) != ("1 need a CUDA device" in needs)
    assert totals.startswith("2 passed, 15 skipped")
