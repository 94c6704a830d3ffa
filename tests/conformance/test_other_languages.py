"""The programs in docs/examples/vectors, in C and JavaScript: what they write passes the check."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from refimpl.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "vectors"
METHOD = "sorting.soft_sort"


def _compiled(folder):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    command = [compiler, "-O1", "-Wall", "-Wextra", "-o", "soft_sort", "soft_sort.c"]
    subprocess.run([*command, "-lm"], cwd=folder, check=True, timeout=60)
    return [str(folder / "soft_sort")]


def _node(folder):
    if shutil.which("node") is None:
        pytest.skip("needs node")
    return ["node", str(folder / "soft_sort.mjs")]


PROGRAMS = {"c": _compiled, "javascript": _node}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Vectors of the method that the programs implement."""
    folder = tmp_path_factory.mktemp("vectors") / "cases"
    assert main(["vectors", str(folder), METHOD]) == 0
    return folder


@pytest.fixture
def computed(cases, tmp_path):
    """The results of a program, with one text in its source replaced."""

    def run(language, old="", new=""):
        sources = tmp_path / "sources"
        shutil.copytree(EXAMPLES, sources)
        path = sources / {"c": "soft_sort.c", "javascript": "soft_sort.mjs"}[language]
        text = path.read_text("ascii")
        assert old in text
        path.write_text(text.replace(old, new))
        results = tmp_path / "results"
        (results / METHOD).mkdir(parents=True)
        shutil.copy(cases / "manifest.json", results)
        command = [*PROGRAMS[language](sources), str(cases), str(results)]
        subprocess.run(command, check=True, timeout=60)
        return results

    return run


@pytest.mark.parametrize("language", PROGRAMS)
def test_the_program_computes_every_case_and_its_gradient(computed, cases, capsys, language):
    results = computed(language)
    status = main(["check", str(results), "--level", "values,vjp,edge,dtypes", "--json", "-"])
    report = json.loads(capsys.readouterr().out)
    assert status == 0
    passed = {(o["case"], o["check"]) for o in report["outcomes"] if o["status"] == "pass"}
    index = json.loads((cases / METHOD / "index.json").read_text("ascii"))
    wanted = {(c["case"], k) for c in index["cases"] for k in c["checks"] if k in ("values", "vjp")}
    assert passed == wanted
    assert len(wanted) > 40


@pytest.mark.parametrize("language", PROGRAMS)
def test_what_it_writes_is_what_numpy_reads(computed, cases, language):
    results = computed(language)
    for path in (cases / METHOD).glob("*.npz"):
        with np.load(path) as right, np.load(results / METHOD / path.name) as got:
            assert set(got.files) == {"out_P", "grad_x"}
            for name, like in (("out_P", "out_P"), ("grad_x", "in_x")):
                assert got[name].dtype == right[like].dtype
                assert got[name].shape == right[like].shape


@pytest.mark.parametrize(
    "language, old, new",
    [("c", "grad[i] -= along", "grad[i] += along"), ("javascript", "grad[i] -= along;", "")],
)
def test_a_mistake_in_the_program_is_found(computed, capsys, language, old, new):
    results = computed(language, old, new)
    assert main(["check", str(results), "--level", "values,vjp"]) == 1
    out = capsys.readouterr().out
    assert "gradient with respect to x" in out
    assert "output P" not in out
