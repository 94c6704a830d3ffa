"""setup.cfg says what is there: packages, links, entry points, and a light `test` extra."""

import configparser
import importlib
import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = configparser.ConfigParser(delimiters=("=",))
CONFIG.read(ROOT / "setup.cfg")


def _lines(section, option):
    return CONFIG[section][option].strip().splitlines()


ENTRY_POINTS = {
    f"{group}: {line}": line.split("=")[1].strip()
    for group, lines in CONFIG["options.entry_points"].items()
    for line in lines.strip().splitlines()
}


def test_every_folder_with_an_init_file_is_a_listed_package():
    folders = [
        Path(top)
        for top, _, files in os.walk(ROOT / "refimpl", followlinks=True)
        if "__init__.py" in files
    ]
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert {"refimpl", "refimpl.autograd"} <= names
    assert set(_lines("options", "packages")) == names | {"refimpl.vectors"}


@pytest.mark.parametrize("package", ["refimpl.autograd", "refimpl.vectors"])
def test_the_link_in_a_checkout_and_the_mapping_of_a_build_name_the_same_folder(package):
    mapping = dict(line.split(" = ") for line in _lines("options", "package_dir"))
    link = ROOT / package.replace(".", "/")
    assert link.is_symlink()
    assert not os.path.isabs(os.readlink(link))
    assert link.resolve() == ROOT / mapping[package]


@pytest.mark.parametrize("target", ENTRY_POINTS.values(), ids=ENTRY_POINTS.keys())
def test_every_entry_point_exists(target):
    module, _, attribute = target.partition(":")
    assert importlib.util.find_spec(module) is not None
    if attribute:
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_test_extra_brings_no_framework():
    heavy = ("torch", "jax", "cupy", "tensorflow", "matplotlib")
    assert not [line for line in _lines("options.extras_require", "test") if line.startswith(heavy)]
