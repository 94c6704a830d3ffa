"""The wheel, and an editable install, beside HIPS autograd in a fresh environment: both work.

Needs a package index (or pip's cache); skipped where HIPS autograd cannot be installed.
"""

import os
import re
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.xdist_group("wheel"),
]

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"refimpl": "refimpl", "refimpl/autograd": "autograd", "refimpl/vectors": "tests/vectors"}
LINKS = ("refimpl/autograd", "refimpl/vectors")

BOTH_DIFFERENTIATE = """
import autograd
import autograd.numpy as anp
import refimpl.autograd as ag

assert autograd.__name__ == "autograd" and ag.__name__ == "refimpl.autograd"
assert float(autograd.grad(lambda x: anp.sin(x) * x)(0.0)) == 0.0
hips = autograd.grad(lambda x: anp.exp(anp.sin(x)))(0.7)
ours = ag.grad(lambda x: ag.array_namespace(x).exp(ag.array_namespace(x).sin(x)))(0.7)
assert abs(float(hips) - float(ours)) < 1e-15, (hips, ours)
"""

HIPS_FILES = """
import autograd, hashlib, pathlib

for file in sorted(pathlib.Path(autograd.__file__).parent.rglob("*.py")):
    print(file.name, hashlib.sha256(file.read_bytes()).hexdigest())
"""


def _run(*command, cwd=None):
    """Run without the caller's PYTHON* variables; returns the finished process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )


def _succeed(*command, cwd=None):
    result = _run(*command, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of a fresh environment with HIPS autograd and what a build needs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    needed = ("setuptools>=77", "numpy>=2", "scipy", "autograd")
    result = _run(interpreter, "-m", "pip", "install", "-q", *needed)
    if result.returncode:
        pytest.skip(f"needs a package index: {result.stderr.strip().splitlines()[-1]}")
    return interpreter


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout: a build leaves files behind, and stale ones get into later builds."""
    folder = tmp_path_factory.mktemp("sources") / "refimpl"
    folder.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("autograd", "refimpl", "tests/vectors"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignore)
    return folder


def _build(python, checkout, target):
    command = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", target, ".")
    _succeed(python, *command, cwd=checkout)
    (wheel,) = target.glob("refimpl-*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(python, checkout, tmp_path_factory):
    return _build(python, checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def hips_files(python, tmp_path_factory):
    """The files of HIPS autograd, before anything of this project is installed beside it."""
    files = _succeed(python, "-c", HIPS_FILES, cwd=tmp_path_factory.mktemp("elsewhere"))
    assert "tracer.py" in files
    return files


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, python, checkout, hips_files):
    """The interpreter, with the project installed in one way or the other."""
    what = [request.getfixturevalue("wheel")] if request.param == "wheel" else ["-e", checkout]
    _succeed(python, "-m", "pip", "install", "-q", "--no-build-isolation", *what)
    yield python
    _succeed(python, "-m", "pip", "uninstall", "-q", "-y", "refimpl")


def _names(wheel):
    return {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    expected = {
        f"{inside}/{file.relative_to(ROOT / source).as_posix()}"
        for inside, source in SOURCES.items()
        for top, _, files in os.walk(ROOT / source)
        for file in (Path(top) / name for name in files)
        if "__pycache__" not in file.parts
    }
    assert {"refimpl/autograd/core.py", "refimpl/vectors/sorting/index.json"} <= expected
    assert _names(wheel) == expected


def test_a_checkout_without_links_builds_the_same_wheel(python, checkout, wheel, tmp_path):
    """Where links are not supported, git writes a text file with the target in place of each."""
    copy = tmp_path / "copy"
    shutil.copytree(
        checkout, copy, symlinks=True, ignore=shutil.ignore_patterns("build", "*.egg-info")
    )
    for link in LINKS:
        target = os.readlink(copy / link)
        (copy / link).unlink()
        (copy / link).write_text(target)
    assert _names(_build(python, copy, tmp_path)) == _names(wheel)


def test_both_engines_import_and_differentiate_side_by_side(installed, tmp_path):
    _succeed(installed, "-c", BOTH_DIFFERENTIATE, cwd=tmp_path)
    _succeed(installed, "-m", "pip", "check")


def test_installing_leaves_every_file_of_hips_autograd_as_it_was(hips_files, installed, tmp_path):
    assert _succeed(installed, "-c", HIPS_FILES, cwd=tmp_path) == hips_files


def test_the_recorded_vectors_are_installed(installed, tmp_path):
    code = "from refimpl.conformance import vectors as v; print(*v.topics(v.vectors_folder()))"
    topics = _succeed(installed, "-c", code, cwd=tmp_path).split()
    assert {"autodiff", "sorting"} <= set(topics)


def test_the_command_checks_the_specification_outside_the_checkout(installed, tmp_path):
    command = installed.parent / ("refimpl.exe" if os.name == "nt" else "refimpl")
    assert "sorting." in _succeed(command, "list", cwd=tmp_path)
    report = _succeed(command, "check", "--max-cases", "1", cwd=tmp_path)
    assert re.search(r"^recorded numbers +[1-9]", report, re.MULTILINE), report
