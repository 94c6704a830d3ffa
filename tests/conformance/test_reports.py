"""Reports in files: JSON that its schema describes, JUnit XML, a page that needs nothing else."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from refimpl.cli import main
from refimpl.conformance.json_report import schema_text
from refimpl.conformance.junit import junit_report
from refimpl.conformance.outcome import LEVELS, STATUSES, Outcome
from refimpl.conformance.run_report import Report

WRONG = [("axis=-1)", "axis=-2)")]
NAN = [("[..., 0], weights", "[..., 0] / 0 * 0, weights")]
SHAPE = [("[..., 0], weights", ", weights")]
SOME = [("xp = ", 'if distance == "l1":\n        raise Unsupported("no <l1> here")\n    xp = ')]


@pytest.fixture
def reports(check, tmp_path):
    """Check a target and return what was written: the JSON data, the XML tree, the page."""

    def run(*arguments, **changes):
        names = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
        options = [word for kind, path in names.items() for word in (f"--{kind}", str(path))]
        check(*arguments, *options, **changes)
        texts = {kind: path.read_text("utf-8") for kind, path in names.items()}
        return json.loads(texts["json"]), ET.fromstring(texts["junit"]), texts["html"]

    return run


@pytest.mark.parametrize("changes", [[], WRONG, NAN, SHAPE, SOME], ids=range(5))
def test_every_json_report_is_valid_under_the_schema(reports, changes):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    data, _, _ = reports(replace=changes)
    jsonschema.Draft202012Validator(schema).validate(data)
    data["outcomes"][0]["status"] = "passed"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(data)


def test_a_target_that_does_not_import_has_a_valid_report_with_the_error(reports):
    jsonschema = pytest.importorskip("jsonschema")
    data, tree, page = reports(text="import not_a_module")
    jsonschema.validate(data, json.loads(schema_text()))
    assert data["passed"] is False
    assert "not_a_module" in data["errors"][0]
    assert tree.get("errors") == "1"
    assert "not_a_module" in tree.find("testsuite/testcase/error").get("message")
    assert "not_a_module" in page


def test_the_schema_lists_the_levels_and_the_statuses_that_there_are():
    definitions = json.loads(schema_text())["$defs"]
    assert definitions["level"]["enum"] == list(LEVELS)
    assert sorted(definitions["status"]["enum"]) == sorted(STATUSES)


def test_the_command_prints_the_schema(capsys):
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(schema_text())


def test_the_json_report_names_the_packages_and_their_versions(reports):
    import numpy as np

    assert reports()[0]["packages"] == {"numpy": np.__version__}


def test_the_junit_report_has_a_test_for_every_comparison(reports):
    data, tree, _ = reports(replace=WRONG)
    tests = list(tree.iter("testcase"))
    failed = [outcome for outcome in data["outcomes"] if outcome["status"] == "fail"]
    assert len(tests) == int(tree.get("tests")) == len(data["outcomes"])
    assert len(list(tree.iter("failure"))) == int(tree.get("failures")) == len(failed) > 0
    assert len({(test.get("classname"), test.get("name")) for test in tests}) == len(tests)
    (suite,) = tree.findall("testsuite")
    assert suite.get("name") == "toy.soft_pool"
    texts = [failure.text for failure in tree.iter("failure")]
    assert any("hint: " in text for text in texts)
    assert all("replay: refimpl check " in text for text in texts)


def test_what_is_not_supported_is_skipped_in_the_junit_report(reports):
    _, tree, _ = reports(replace=SOME)
    reasons = {skipped.get("message") for skipped in tree.iter("skipped")}
    assert reasons == {"not supported: no <l1> here"}


def test_characters_that_xml_cannot_hold_are_replaced():
    report = Report("x\x00y", 0)
    report.outcomes.append(Outcome("a.b", "c", "values", LEVELS[0], "fail", message="nul \x00 <&>"))
    text = ET.tostring(junit_report(report).find("testsuite"), encoding="unicode")
    assert "nul \N{REPLACEMENT CHARACTER} &lt;&amp;&gt;" in text
    ET.fromstring(text)


def test_the_page_names_methods_findings_worst_elements_and_commands(reports):
    _, _, page = reports(replace=WRONG)
    for words in (
        '<table class="matrix">',
        "it is transposed",
        "<caption><span>Worst elements</span></caption>",
        'aria-label="heat map: difference"',
        "refimpl check ",
        "FAILED: ",
    ):
        assert words in page


def test_the_page_needs_neither_network_nor_scripts(reports):
    _, _, page = reports(replace=WRONG)
    assert not re.search(r"<script|<link|<img|@import|url\(|(src|href)=.?(https?:|//)", page)


def test_what_a_target_says_is_shown_as_text_and_not_as_markup(reports):
    _, _, page = reports(replace=SOME)
    assert "no &lt;l1&gt; here" in page
    assert "no <l1> here" not in page


@pytest.mark.parametrize("option", ["json", "junit", "html"])
def test_a_file_that_cannot_be_written_is_a_usage_error_before_the_check(check, option, tmp_path):
    status, out, error = check(f"--{option}", str(tmp_path / "no" / "folder" / "file"))
    assert status == 2
    assert out == ""
    assert f"--{option} " in error
    assert "No such file or directory" in error


@pytest.mark.parametrize("width, used", [(40, 60), (60, 60), (80, 80), (120, 120), (300, 120)])
def test_the_text_is_as_wide_as_the_terminal_and_commands_stay_in_one_piece(
    check, monkeypatch, width, used
):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = check(replace=[*WRONG, *SOME])
    wrapped = [line for line in out.splitlines()[1:] if "refimpl check" not in line]
    assert used - 25 < max(map(len, wrapped)) <= used
    commands = re.findall("refimpl check .* --case toy.soft_pool/[a-z0-9.-]+$", out, re.MULTILINE)
    assert len(commands) >= 2
    assert f"{'vjp' if used == 60 else 'vector-Jacobian products'} " in out
    assert re.search(r"^total +\d+ +\d+ +\d+", out, re.MULTILINE)


def test_without_a_terminal_the_text_is_a_hundred_columns_wide(check, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError))
    _, out, _ = check(replace=WRONG)
    assert 80 < max(len(line) for line in out.splitlines()[1:] if "check" not in line) <= 100


def test_lists_and_descriptions_fit_the_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "70")
    main(["list", "sorting.*"])
    assert 60 < max(map(len, capsys.readouterr().out.splitlines())) <= 70
    main(["show", "sorting.soft_step"])
    facts = capsys.readouterr().out.partition("Specification\n")[2].splitlines()
    assert 60 < max(map(len, facts)) <= 70
