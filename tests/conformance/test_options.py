"""What `refimpl check` can be told: which cases, known failures, processes, one case again."""

import json
import re
from pathlib import Path

import pytest
from ported_methods import source
from printed import spaces

import refimpl
from refimpl.cli import main
from refimpl.conformance.identity import digest
from refimpl.spec import Case, find

WRONG = [("axis=-1)", "axis=-2)")]
OTHER = '@implements("toy.soft_pool", framework="numpy")\ndef other(x): ...\n\n'
POOL = "toy.soft_pool"
RAISE = '        raise Unsupported("no gradient")\n    xp = '


@pytest.mark.parametrize(
    "arguments, count",
    [
        (["--case", f"{POOL}/batch*", "--case", f"{POOL}/n1"], 4),
        (["--method", "toy.*", "--case", "*/batch3"], 1),
        (["--method", "toy.soft_pool", "--method", "logic.*", "--case", "*/n1"], 1),
    ],
)
def test_patterns_of_cases_and_methods_may_be_given_several_times(check, arguments, count):
    status, out, _ = check(*arguments)
    assert status == 0
    assert f"1 method, {count} case" in out


def test_patterns_that_match_nothing_are_a_usage_error_with_a_suggestion(check):
    status, _, error = check("--method", "toy.soft_pol", "--case", "*/batch3")
    assert status == 2
    assert "matches --case '*/batch3' --method 'toy.soft_pol'; did you mean toy.soft_pool" in error


def test_the_name_of_a_case_alone_is_told_how_to_ask_for_it(check):
    status, _, error = check("--case", "batch3", "--level", "values")
    assert status == 2
    assert "matches --case 'batch3' --level 'values'; did you mean '*/batch3'?" in error
    assert check("--case", "*/batch3", "--level", "edge")[0] == 0


@pytest.fixture
def known(tmp_path):
    """Write a file of known failures; the options that name it."""

    def write(text):
        path = tmp_path / "known.txt"
        path.write_text(text)
        return ["--xfail", str(path)]

    return write


def test_known_failures_are_listed_with_their_reasons_and_do_not_fail(check, known):
    text = "# of our own\n\ntoy.soft_pool/*  # weights by column, issue 7\n"
    status, out, _ = check(*known(text), replace=WRONG)
    assert status == 0
    assert "Expected to fail, and did:\n  toy.soft_pool: weights by column, issue 7 (" in out


def test_a_known_failure_covers_only_its_cases_checks_and_symptoms(check, known):
    text = "toy.soft_pool/*:values:transposed* # weights by column\n"
    status, out, _ = check(*known(text), replace=WRONG)
    assert status == 1
    assert "weights by column" in out
    assert "output values" in out


def test_a_known_failure_that_does_not_happen_is_a_finding_in_a_full_run_only(check, known):
    options = known("toy.soft_pool/single:vjp # NaN in float64\n")
    status, out, _ = check(*options)
    assert status == 1
    found = "nothing fails for 'toy.soft_pool/single:vjp' any more: remove it (NaN in float64)"
    assert found in spaces(out)
    assert check(*options, "--case", f"{POOL}/single")[0] == 0
    assert check(*options, "--function", "pool")[0] == 0


@pytest.mark.parametrize(
    "pattern, words",
    [
        ("singel", "names no case that is checked; did you mean single"),
        ("zzz*", "names no case that is checked (why)"),
        (
            "n1:value",
            "names no comparison of its cases, which are jvp, rows sum to one, second_order",
        ),
        ("n1:values:transposed", "what fails for 'toy.soft_pool/n1:values:transposed' has other"),
        ("batch3:vjp", "nothing is compared for 'toy.soft_pool/batch3:vjp': it is unsupported"),
    ],
)
def test_a_known_failure_in_vain_is_told_why(check, known, pattern, words):
    spoilt = [("[..., 0], weights", "[..., 0] + 1.0 * (x.shape == (1, 1)), weights")]
    spoilt += [("xp = ", "only = x.shape == (3, 3) and ag.is_traced(x)\n    if only:\n" + RAISE)]
    options = known(f"{POOL}/{pattern} # why\n")
    status, out, _ = check(*options, replace=spoilt)
    assert status == 1
    assert words in spaces(out)
    assert f"target.py {' '.join(options)}\n" in out, "the command that finds it again"


def test_patterns_that_overlap_are_both_met(check, known):
    text = "toy.soft_pool/* # all of it\ntoy.soft_pool/*:values # by column\n"
    status, out, _ = check(*known(text), replace=WRONG)
    assert status == 0, out
    assert "any more" not in out


def test_patterns_of_a_mark_that_overlap_are_both_met(check):
    marked = 'framework="refimpl", expected_failures={"*": "all of it", "*:values": "by column"}'
    status, out, _ = check(replace=[*WRONG, ('framework="refimpl"', marked)])
    assert status == 0, out
    assert "any more" not in out


def test_a_replayed_case_may_be_a_known_failure(check, known):
    text = "toy.soft_pool/* # weights by column\n"
    status, out, _ = check(*known(text), "--replay", f"{POOL}/batch3@0", replace=WRONG)
    assert status == 0, out


def test_a_file_of_known_failures_that_is_no_text_is_a_usage_error(check, tmp_path):
    (tmp_path / "known").write_bytes(bytes(range(128, 256)))
    status, _, error = check("--xfail", str(tmp_path / "known"))
    assert status == 2
    assert "not a text file in UTF-8" in error


@pytest.mark.parametrize(
    "name, words", [("pol", "did you mean pool? (other, pool)"), ("zz", "(other, pool)")]
)
def test_a_function_that_is_not_there_is_a_usage_error_that_names_those_that_are(
    check, name, words
):
    status, out, error = check("--function", name, replace=[("@impl", f"{OTHER}@impl")])
    assert (status, out) == (2, "")
    assert f"no function {name!r} in " in error
    assert words in error


@pytest.mark.parametrize("line", ["toy.soft_pool/*", "toy.soft_pool # why", "toy.soft_pool/* #"])
def test_a_known_failure_without_a_case_or_a_reason_is_a_usage_error(check, known, line):
    status, _, error = check(*known(f"\n{line}\n"))
    assert status == 2
    assert "line 2" in error
    assert "expected METHOD/CASE[:CHECK[:SYMPTOM]] # REASON" in error


def test_a_file_of_known_failures_that_is_not_there_is_a_usage_error(check, tmp_path):
    status, _, error = check("--xfail", str(tmp_path / "nothing"))
    assert status == 2
    assert "No such file" in error


def test_the_id_of_a_case_replays_it_with_its_seed(check, tmp_path):
    path = tmp_path / "report.json"
    check("--json", str(path), "--seed", "3", replace=WRONG)
    outcomes = json.loads(path.read_text())["outcomes"]
    first = next(outcome for outcome in outcomes if outcome["status"] == "fail")
    assert re.fullmatch(r"toy\.soft_pool/[\w.-]+@3~[0-9a-f]{8}", first["id"])
    check("--json", str(path), "--replay", first["id"], replace=WRONG)
    again = json.loads(path.read_text())
    assert again["seed"] == 3
    assert {outcome["id"] for outcome in again["outcomes"]} == {first["id"]}
    same = [o for o in again["outcomes"] if o["subject"] == first["subject"]]
    assert same[0]["numbers"] == first["numbers"]


def test_a_case_that_has_changed_since_is_replayed_with_a_note(check):
    status, _, error = check("--replay", f"{POOL}/batch3@0~00000000")
    assert status == 0
    assert "toy.soft_pool/batch3 has other inputs in this version" in error
    assert check("--replay", f"{POOL}/batch3@0")[2] == ""


@pytest.mark.parametrize("text", ["toy.soft_pool/batch3", "toy.soft_pool@0", "a/b@x"])
def test_an_id_that_is_none_is_a_usage_error(check, text):
    status, _, error = check("--replay", text)
    assert status == 2
    assert "expected METHOD/CASE@SEED" in error


def test_ids_are_the_same_in_every_run_and_differ_between_seeds_and_parameters():
    entry = find("sorting.soft_sort")
    first, again = ([digest(c) for c in entry.generate()] for _ in range(2))
    assert first == again
    assert len(set(first)) == len(first)
    batches = [next(c for c in entry.generate(seed) if c.name == "batch3") for seed in (0, 1)]
    assert digest(batches[0]) != digest(batches[1])
    x = {"x": entry.generate()[0].inputs["x"]}
    assert digest(Case("a", x, {"p": 1})) != digest(Case("a", x, {"p": 2}))


@pytest.mark.xdist_group("processes")
def test_several_processes_write_the_report_of_one(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(Path(refimpl.__file__).parents[1])  # new processes look for it
    path = tmp_path / "ported.py"
    path.write_text(source("refimpl", ("steepness * (b - a)", "steepness * (a - b)")))
    arguments = ["check", str(path), "--method", "sorting.sorting_network", "--max-cases", "30"]
    reports = []
    for jobs in ("1", "2"):
        assert main([*arguments, "--jobs", jobs]) == 1
        out = capsys.readouterr().out
        reports.append(re.sub(r" in [\d.]+ s", "", out))
    assert "agrees with the reference, -f(-x)" in reports[0]
    assert reports[0] == reports[1]


@pytest.mark.parametrize("option", [["--jobs", "2"], ["--xfail", "known.txt"]])
def test_options_that_need_a_target_say_so(option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known.txt").write_text("a.b/c # d\n")
    assert main(["check", *option]) == 2
    assert f"{option[0]}: expected a target" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--seed", "-1"], ["--replay", "toy.soft_pool/single@-1"]])
def test_a_seed_is_a_whole_number_from_0(check, words):
    status, out, error = check(*words)
    assert (status, out) == (2, "")
    assert "expected" in error
    assert "internal" not in error


@pytest.mark.parametrize("option, start", [("json", "{"), ("junit", "<?xml"), ("html", "<!")])
def test_a_report_goes_to_standard_output_instead_of_the_text(
    check, option, start, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    status, out, _ = check("--case", f"{POOL}/n1", f"--{option}", "-")
    assert status == 0
    assert out.startswith(start)
    assert not Path("-").exists()
    kept = tmp_path / "report"
    check("--case", f"{POOL}/n1", f"--{option}", str(kept))
    assert kept.read_text("utf-8").startswith(start)


def test_standard_output_takes_one_report(check):
    status, out, error = check("--json", "-", "--junit", "-")
    assert (status, out) == (2, "")
    assert "--json - and --junit -: standard output takes one report" in error
