"""All code in the README and in docs/ runs: doctests by pytest itself, everything else here."""

import contextlib
import importlib.util
import io
import os
import re
import shlex
from pathlib import Path

import pytest

from refimpl import cli
from refimpl.experiments.command import parser as experiment
from refimpl.logic.command import _parser as logic

ROOT = Path(__file__).resolve().parents[2]
DOCS = [p for p in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in p.parts]
PAGES = [ROOT / "README.md", *DOCS]
FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```")
SMALLER = {"10_000_000": "1000", "100_000,": "250,", '.to_zarr("gradient.zarr")': ".compute()"}
OTHERS = ("dask", "torch", "jax", "diffsort", "pytest", "safetensors", "jsonschema")


def _blocks(*languages):
    for page in PAGES:
        for k, found in enumerate(FENCE.finditer(page.read_text(encoding="utf-8"))):
            if found[1] in languages:
                yield pytest.param(found[2], id=f"{page.relative_to(ROOT)}-{k}")


def _scripts():
    return [block for block in _blocks("python", "py") if ">>>" not in block.values[0]]


@pytest.mark.parametrize("text", _scripts())
def test_every_program_runs(text, tmp_path, monkeypatch, pytestconfig):
    pytestconfig.addinivalue_line("markers", "conformance: of the plugin, in a checkout too")
    for name in OTHERS:
        if re.search(rf"(?m)^\s*(import|from) {name}\b|framework=\"{name}\"", text):
            pytest.importorskip(name, reason=f"needs {name}")
    for shown, run in SMALLER.items():  # what is shown for a cluster is run on a few samples
        text = text.replace(shown, run)
    if "my_sort_torch" in text:
        pytest.importorskip("torch", reason="needs torch")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, "<a block of the documentation>", "exec"), {"__name__": "block"})


def _commands():
    for block in _blocks("sh", "bash", "console"):
        for line in block.values[0].splitlines():
            yield pytest.param(line.removeprefix("$ "), id=f"{block.id}-{line[:30]}")


def _inline():
    """Whole commands within sentences: more than a name, and nothing in capitals."""
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        for text in dict.fromkeys(re.findall(r"`(refimpl [^`]+|python -m [^`]+)`", prose)):
            line = " ".join(text.split())
            named = re.fullmatch(r"refimpl (logic|run)( [\w-]+)?( --help)?", line)
            if not named and not re.search(r"\b[A-Z]{2,}\b|\.\.\.|\|", line):
                yield pytest.param(line, id=f"{page.relative_to(ROOT)}-{line}")


def _understood(words):
    """The options of the command refimpl, of `refimpl run NAME` and of `refimpl logic` as well."""
    options = cli._parser().parse_args(words)
    assert callable(options.run)
    if words[0] == "run":
        experiment(words[1]).parse_args(words[2:])
    if words[0] == "logic":
        logic().parse_args(words[1:])


@pytest.mark.parametrize("line", [*_commands(), *_inline()])
def test_every_command_is_understood(line):
    for command in re.split(r"&&|;|\|", line):
        words = shlex.split(command, comments=True)
        assert words[0] in ("refimpl", "pip", "pytest", "python", "export"), command
        if words[0] == "refimpl" and words[1] != "--version":
            _understood(words[1:])
        if words[:2] == ["python", "-m"]:
            assert any((ROOT / words[2].replace(".", "/")).glob("__main__.py")), command


@pytest.mark.parametrize("line", [c for c in _commands() if "pip install" in c.values[0]])
def test_every_extra_that_is_installed_exists(line):
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8").partition("extras_require]")[2]
    extras = set(re.findall(r"(?m)^(\w+) =$", setup))
    asked = re.findall(r"\.\[([\w,]+)\]", line)
    assert {name for text in asked for name in text.split(",")} <= extras


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_doctest_block_ends_with_a_blank_line(page):
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        if ">>>" in found[2] and found[1].startswith("py"):
            assert found[2].endswith("\n\n"), found[0][:200]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_of_the_repository_leads_somewhere(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for to in re.findall(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)", prose):
        generated = re.match(r"(\.\./)*(methods|source)/", to)
        assert generated or os.path.lexists(page.parent / to), to


def test_the_sites_of_methods_that_pages_link_to_are_those_of_methods():
    from refimpl.spec import all_entries

    known = {name.replace(".", "/") for name in all_entries()}
    known |= {f"{name.partition('.')[0]}/index" for name in all_entries()} | {"index"}
    for page in DOCS:
        text = page.read_text(encoding="utf-8")
        asked = set(re.findall(r"\]\((?:\.\./)*methods/([\w/]+)\.md", text))
        assert asked <= known, page.name


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
def test_every_figure_that_a_page_asks_for_can_be_drawn(generator, tmp_path):
    figures, stage = generator("figures"), generator("stage")
    asked = set()
    for page in DOCS:
        asked |= {found[1] for found in stage.FIGURE.finditer(page.read_text(encoding="utf-8"))}
    assert asked == set(figures.FIGURES)
    assert figures.draw("monotone_swaps", tmp_path).stat().st_size > 1000
