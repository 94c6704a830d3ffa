"""A failing case says which known mistake it provokes, in every report and for every failure."""

import json
from xml.etree import ElementTree as ET

import pytest
from printed import spaces

SIZE_ONE = "size-one: One element (n = 1): nothing to compare, no layer, no pair. IndexError on an"
WRONG = {
    "raises": ("xp = ", "1 / (x.shape[-1] - 1)\n    xp = "),
    "is wrong": ("weights = ag", "x = x + 1.0 * (x.shape[-1] == 1)\n    weights = ag"),
}


@pytest.mark.parametrize("how", WRONG)
def test_the_flag_that_all_failing_cases_share_is_explained_in_every_report(check, tmp_path, how):
    jsonschema = pytest.importorskip("jsonschema", reason="validates the report")
    paths = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    options = [text for kind, path in paths.items() for text in (f"--{kind}", str(path))]
    status, out, _ = check("--level", "values,edge", *options, replace=[WRONG[how]])
    assert status == 1
    assert f"flag {SIZE_ONE}" in spaces(out)
    assert SIZE_ONE in spaces(paths["html"].read_text("utf-8"))
    assert f"flag: {SIZE_ONE}" in spaces(ET.parse(paths["junit"]).find(".//failure").text)
    report = json.loads(paths["json"].read_text("utf-8"))
    jsonschema.validate(report, json.loads(check("--schema")[1]))
    (failed,) = (outcome for outcome in report["outcomes"] if outcome["status"] == "fail")
    assert failed["flags"] == ["size-one"]
    assert report["notes"]["toy.soft_pool"]["size-one"]["bug_type"] == "degenerate size"


def test_each_failure_of_a_kind_names_the_flags_of_its_own_case(check, tmp_path):
    paths = tmp_path / "report.json", tmp_path / "report.xml"
    wrong = [("[..., 0], weights", "[..., 0], 2 * weights")]
    _, out, _ = check("--json", str(paths[0]), "--junit", str(paths[1]), replace=wrong)
    assert "size-one" not in out, "it is not what provokes the failure"
    outcomes = json.loads(paths[0].read_text("utf-8"))["outcomes"]
    flags = {o["case"]: o.get("flags") for o in outcomes if o["status"] == "fail"}
    assert (flags["ties"], flags["l2-n3-steepness2.0"]) == (["ties", "own"], None)
    (tied,) = (
        failure.text
        for case in ET.parse(paths[1]).iter("testcase")
        for failure in case.iter("failure")
        if case.get("name") == "ties: values: output weights"
    )
    assert "flag: own: A flag of this entry alone. None." in tied
