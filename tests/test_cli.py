"""The `refimpl` command: help that teaches, lists, single methods and cases, exit statuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from refimpl import __version__
from refimpl.cli import main
from refimpl.spec import all_entries

SORT = "sorting.sorting_network"


def run(capsys, *arguments):
    status = main(list(arguments))
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return status, printed.out, printed.err


def test_the_version_is_that_of_the_package(capsys):
    assert run(capsys, "--version") == (0, f"refimpl {__version__}\n", "")


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help")])
def test_help_shows_commands_to_copy(capsys, arguments):
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert "examples:" in out
    assert "refimpl check my_sort.py" in out


def test_help_fits_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for arguments in (["--help"], ["check", "--help"], ["list", "--help"], ["show", "--help"]):
        _, out, _ = run(capsys, *arguments)
        assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("arguments", [(), ("chekc",), ("check", "--max-cases", "0")])
def test_a_command_that_is_not_understood_has_status_2(capsys, arguments):
    status, _, error = run(capsys, *arguments)
    assert status == 2
    assert "usage: refimpl" in error


def test_list_has_a_line_for_every_entry(capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(all_entries())
    assert max(map(len, out.splitlines())) <= 100


def test_list_takes_a_pattern(capsys):
    _, out, _ = run(capsys, "list", "sorting.sorting_*")
    assert out.startswith(SORT)
    assert len(out.splitlines()) < len(all_entries())


def test_list_as_json_holds_what_an_implementer_needs(capsys):
    _, out, _ = run(capsys, "list", SORT, "--json")
    (entry,) = json.loads(out)
    assert entry["name"] == SORT
    assert entry["inputs"] == ["x"]
    assert entry["outputs"] == ["sorted", "P"]
    assert entry["parameters"]["distribution"] == "'cauchy'"
    assert entry["cases"] > 100


@pytest.mark.parametrize("name", list(all_entries()))
def test_show_tells_everything_about_a_method(capsys, name):
    status, out, _ = run(capsys, "show", name)
    assert status == 0
    entry = all_entries()[name]
    words = " ".join(out.split())
    assert any(f"{kind} {entry.function.__name__}" in out for kind in ("def", "class"))
    assert " ".join(entry.source.split()) in words
    for invariant in entry.invariants:
        assert f"{invariant.name}: {invariant.clause}" in words
    for output in (*entry.inputs, *entry.outputs):
        assert output in words
    assert f"{name}/" in out, "names of cases"


def test_show_gives_the_definition_without_repeating_the_docstring(capsys):
    _, out, _ = run(capsys, "show", SORT)
    assert out.count("Each comparator of the network reads two wires") == 1
    assert "return values, P" in out


def test_show_lists_all_cases_on_request(capsys):
    _, out, _ = run(capsys, "show", SORT, "--cases")
    for case in all_entries()[SORT].generate():
        assert f"{SORT}/{case.name}\n" in out + "\n"


def test_show_prints_the_numbers_of_one_case(capsys):
    status, out, _ = run(capsys, "show", f"{SORT}/odd_even-cauchy-n2")
    assert status == 0
    assert "input x: float64[2, 2]" in out
    assert "output P: float64[2, 2, 2]" in out
    assert "parameter  distribution = 'cauchy'" in out


@pytest.mark.parametrize(
    "arguments, hint",
    [
        (("show", "sorting.sorting_netwrok"), f"did you mean {SORT}"),
        (("show", "sorting_network"), f"did you mean {SORT}"),
        (("show", f"{SORT}/odd_even-cauchy-n1"), "did you mean odd_even-cauchy-n"),
        (("list", "sorting.sorting_netwrok"), f"did you mean {SORT}"),
        (("check", "--level", "valuse"), "did you mean values"),
        (("check", "--case", f"{SORT}/odd_even-cauchy-n99"), f"did you mean {SORT}/odd_even"),
        (("check", "--case", "recorded.autodif/*"), "did you mean recorded.autodiff"),
    ],
)
def test_an_unknown_name_has_status_2_and_a_suggestion(capsys, arguments, hint):
    status, out, error = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert hint in error


def test_one_case_of_the_specification_can_be_checked(capsys):
    status, out, _ = run(capsys, "check", "--case", f"{SORT}/odd_even-cauchy-n5")
    assert status == 0
    assert "1 method, 1 case," in out


def test_a_report_that_cannot_be_written_is_a_usage_error(capsys, tmp_path):
    file = tmp_path / "no" / "report.json"
    status, _, error = run(
        capsys, "check", "--case", f"{SORT}/odd_even-cauchy-n2", "--json", str(file)
    )
    assert status == 2
    assert "No such file or directory" in error


def test_an_error_of_our_own_is_one_line_that_asks_for_a_report(capsys, monkeypatch):
    def broken():
        raise RuntimeError("bug")

    monkeypatch.setattr("refimpl.spec.all_entries", broken)
    status, _, error = run(capsys, "list")
    assert status == 1
    assert "internal error: RuntimeError: bug" in error
    monkeypatch.setenv("REFIMPL_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        main(["list"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_no_error_of_our_own(capsys):
    case = ["--case", f"{SORT}/odd_even-cauchy-n2"]
    status, _, error = run(capsys, "check", *case, "--html", "/dev/full")
    assert status == 2
    assert error.splitlines() == ["refimpl: No space left on device"]


def test_names_that_are_no_text_and_streams_that_are_ascii_are_no_errors(tmp_path):
    name = b"caf\xe9-\xff.py".decode("utf-8", "surrogateescape")
    (tmp_path / name).write_text("from é import missing", "utf-8")
    reports = [f"--{kind}={tmp_path}/{name}.{kind}" for kind in ("json", "junit", "html")]
    done = subprocess.run(
        [sys.executable, "-m", "refimpl", "check", tmp_path / name, *reports],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "caf\\udce9-\\udcff.py does not import: ModuleNotFoundError" in done.stdout
    assert len(list(tmp_path.iterdir())) == 4 + (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize("reader", ["head -n 1", "(head -c 60; sleep 1)", "true"])
def test_the_module_can_be_run_and_survives_a_closed_pipe(reader):
    command = f"{sys.executable} -m refimpl list | {reader}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=root, env=environment
    )
    first = next(iter(all_entries()))
    assert reader == "true" or done.stdout.startswith(first)
    assert done.stderr == ""
