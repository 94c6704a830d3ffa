"""Targets that cannot be tested: a readable finding, the right exit status, no traceback of ours.

The fixture `check` asserts that no traceback is printed.
"""

import re

import pytest
from printed import spaces

from refimpl import spec
from refimpl.cli import main
from refimpl.conformance import implements
from refimpl.conformance.frameworks import on_torch

RETURN = "return (weights @ x[..., None])[..., 0], weights"


def test_a_file_that_does_not_exist_is_a_usage_error_with_a_suggestion(tmp_path, capsys):
    (tmp_path / "my_sort.py").write_text("")
    assert main(["check", str(tmp_path / "my_srot.py")]) == 2
    error = capsys.readouterr().err
    assert "no such file" in error
    assert f"did you mean {tmp_path / 'my_sort.py'}?" in error


def test_an_unknown_library_is_a_usage_error_that_names_the_adapters(capsys):
    assert main(["check", "difsort"]) == 2
    assert "did you mean diffsort?" in capsys.readouterr().err


def test_a_method_instead_of_a_file_is_a_usage_error_that_says_how_to_check_it(toy, capsys):
    assert main(["check", "toy.soft_pool"]) == 2
    assert "refimpl check --method toy.soft_pool" in capsys.readouterr().err
    assert main(["check", "--method", "toy.soft_pool"]) == 0


@pytest.mark.parametrize("name", ["", "results.txt"])
def test_a_folder_or_a_file_that_is_not_python_is_a_usage_error(tmp_path, capsys, name):
    path = tmp_path / name
    if name:
        path.write_text("")
    assert main(["check", str(path)]) == 2
    assert "expected a Python file" in capsys.readouterr().err


def test_a_syntax_error_is_shown_with_its_line(check):
    status, out, _ = check(text="def f(:\n    pass\n")
    assert status == 1
    assert re.search(r"target\.py:1: syntax error: .*\n +def f\(:", out)


@pytest.mark.parametrize(
    "text, words",
    [
        ("import not_a_module", "ModuleNotFoundError: No module named 'not_a_module' (target.py:1"),
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (target.py:2"),
        ("import sys\nsys.exit(3)", "SystemExit: 3 (target.py:2"),
        (
            "from refimpl.conformance import implements\n"
            '@implements("a.b", framework="tf")\ndef f(): ...',
            "ValueError: framework 'tf': expected one of numpy, torch, jax, tensorflow, "
            "autograd, cupy, refimpl; wrap the function to take and return NumPy arrays",
        ),
    ],
)
def test_a_file_that_does_not_import_is_a_finding_with_the_line(check, text, words):
    status, out, _ = check(text=text)
    assert status == 1
    assert "does not import" in out
    assert words in spaces(out)


def test_a_file_without_a_marked_function_is_told_how_to_mark_one(check):
    status, out, _ = check(text="def f(x): return x")
    assert status == 1
    assert "has no function marked @implements" in out
    assert "from refimpl.conformance import implements" in out


def test_a_marked_method_is_told_to_be_called_by_a_function(check):
    status, out, _ = check(
        text="from refimpl.conformance import implements\nclass Sorter:\n"
        "    @implements('toy.soft_pool', framework='numpy')\n    def sort(self, x): ..."
    )
    assert status == 1
    assert "Sorter.sort is a method; mark a function that calls it" in spaces(out)


def test_a_neighbouring_module_can_be_imported(check, tmp_path):
    (tmp_path / "neighbour_of_target.py").write_text("name = 'toy.soft_pool'")
    named = [
        ("\nfrom refimpl import", "\nimport neighbour_of_target\nfrom refimpl import"),
        ('"toy.soft_pool"', "neighbour_of_target.name"),
    ]
    assert check(replace=named)[0] == 0


FORMULA = """
from refimpl.spec import find

def pool(x, **params):
    return find("toy.soft_pool").function(x, **params)
"""
PACKAGE_OF_TARGET = """
from refimpl.conformance import implements
from .formula import pool as other

@implements("toy.soft_pool", framework="refimpl")
def pool(x, **params):
    return other(x, **params)
"""


def test_a_module_of_a_package_may_import_from_its_package(toy, tmp_path, capsys):
    package = tmp_path / "package_of_target"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "formula.py").write_text(FORMULA)
    (package / "marked.py").write_text(PACKAGE_OF_TARGET)
    assert main(["check", str(package / "marked.py")]) == 0
    (package / "marked.py").write_text(PACKAGE_OF_TARGET.replace("other(x,", "other(2 * x,"))
    assert main(["check", str(package / "marked.py")]) == 1, "it is loaded again"
    capsys.readouterr()


def test_a_neighbouring_module_can_be_imported_when_the_function_is_called(check, tmp_path):
    (tmp_path / "late_neighbour_of_target.py").write_text("zero = 0.0")
    late = "import late_neighbour_of_target as late\n    x = x + late.zero\n    xp = "
    assert check(replace=[("xp = ", late)])[0] == 0


def test_what_keeps_methods_from_being_found_is_named_with_the_name(check, monkeypatch):
    monkeypatch.setitem(spec.import_errors, "refimpl.toy", "ImportError: no toys")
    monkeypatch.setattr(spec, "_import_below", lambda *_, **__: None)
    _, out, _ = check(replace=[("toy.soft_pool", "toy.other")])
    assert "refimpl.toy does not import: ImportError: no toys" in spaces(out)


def test_an_unknown_spec_name_is_a_finding_with_a_suggestion(check):
    status, out, _ = check(replace=[("toy.soft_pool", "toy.soft_poll")])
    assert status == 1
    assert "no spec entry is named 'toy.soft_poll'; did you mean toy.soft_pool" in spaces(out)
    assert "`refimpl list`" in spaces(out)


def test_an_exception_is_a_finding_with_the_line_it_comes_from(check):
    status, out, _ = check(replace=[("xp = ag.array_namespace(x)", 'raise KeyError("steep")')])
    assert status == 1
    assert re.search(r"call: raised KeyError: 'steep' \(target\.py:\d+, in pool\)", spaces(out))
    assert "the call fails" in out, "derivatives are reported as not run"


def test_a_wrong_argument_name_is_a_finding(check):
    _, out, _ = check(
        replace=[("*, steepness, distance", "*, beta, distance"), ("-steepness", "-beta")]
    )
    words = "what call: cannot be called: pool() got an unexpected keyword argument 'steepness'"
    assert f"{words} (given by name: x, steepness, distance)" in spaces(out)
    assert "in 1 kind." in out


def test_a_type_error_inside_of_the_function_is_its_own(check):
    _, out, _ = check(replace=[("xp = ", "len(5)\n    xp = ")])
    assert "raised TypeError: object of type 'int' has no len() (target.py:" in spaces(out)


@pytest.mark.parametrize("level", ["invariants", "consistency", "values,invariants,consistency"])
def test_a_call_that_fails_is_one_finding_at_each_level_that_is_asked_for(check, level):
    failing = [("xp = ag.array_namespace(x)", "raise KeyError")]
    status, out, _ = check("--level", level, "--case", "*/l2-*n3*", replace=failing)
    assert status == 1
    assert "raised KeyError" in out
    assert ("the call fails" in out) == (level[0] == "v")
    assert "follows" not in out


def test_a_wrong_number_of_outputs_is_a_finding(check):
    _, out, _ = check(replace=[(RETURN, "return (weights @ x[..., None])[..., 0]")])
    assert "returned 1 output(s), expected 2 (values, weights)" in spaces(out)


def test_an_output_that_is_no_array_is_a_finding(check):
    _, out, _ = check(replace=[(RETURN, "return x, [weights]")])
    assert "output weights is of type list, expected a NumPy array" in spaces(out)


def test_a_wrong_shape_is_a_finding_and_its_derivatives_are_not_run(check):
    status, out, _ = check(replace=[("[..., 0], weights", ", weights")])
    assert status == 1
    assert "output values: shape (2, 3, 1) instead of (2, 3)" in spaces(out)
    assert "the right numbers in the wrong shape" in spaces(out)
    assert "output values has the wrong shape" in spaces(out)


def test_nan_is_a_finding_that_says_how_many(check):
    nan = [
        (RETURN, "values = (weights @ x[..., None])[..., 0]\n    return values / 0 * 0, weights")
    ]
    status, out, _ = check("--case", "toy.soft_pool/single", replace=nan)
    assert status == 1
    assert "3 of 3 are NaN where a number is expected" in spaces(out)


@pytest.mark.parametrize("values, words", [("0", "agree apart from that"), ("1", "differ as well")])
def test_a_wrong_dtype_is_a_finding(check, values, words):
    single = f"return xp.astype((weights @ x[..., None])[..., 0] + {values}, xp.float32), weights"
    status, out, _ = check("--case", "toy.soft_pool/single", replace=[(RETURN, single)])
    assert status == 1
    assert f"output values: dtype float32, expected float64 (the values {words})" in spaces(out)


def test_float64_for_float32_inputs_is_a_finding_at_the_dtypes_level(check):
    double = [
        (
            "xp = ag.array_namespace(x)",
            "xp = ag.array_namespace(x)\n    x = xp.astype(x, xp.float64)",
        )
    ]
    status, out, _ = check(replace=double)
    assert status == 1
    assert re.search(r"dtypes +\d+ +\d+", out)
    assert re.search(r"values +\d+ +-", out)
    assert "dtype float64, expected float32" in spaces(out)


def test_unsupported_parameters_are_counted_with_their_reason_and_are_no_failure(check):
    only = [("xp = ", 'if distance == "l1":\n        raise Unsupported("no l1 here")\n    xp = ')]
    status, out, _ = check(replace=only)
    assert status == 0
    assert re.search(r"values +4 +- +2", out), "counted in a column of their own"
    assert "toy.soft_pool: no l1 here (" in out
    assert "more are listed above with their reasons" in out


def test_a_target_that_supports_nothing_does_not_pass(check):
    status, out, _ = check(replace=[("xp = ", 'raise Unsupported("nothing")\n    xp = ')])
    assert status == 1
    assert "nothing could be compared" in out


def test_checks_that_are_left_out_are_counted_as_unsupported(check):
    left = [('framework="refimpl"', 'framework="refimpl", checks=("values", "vjp")')]
    status, out, _ = check(replace=left)
    assert status == 0
    assert "left out by the implementation" in out


WRONG = ("weights = ag", "x = x + 1.0 * (x.ndim == 1)\n    weights = ag")


@pytest.mark.parametrize("pattern", ["[st]i*", "[st]i*:*", "[st]i*:*:*"])
def test_an_expected_failure_is_counted_with_its_reason_and_is_no_finding(check, pattern):
    reason = (
        'framework="refimpl"',
        f'framework="refimpl", expected_failures={{"{pattern}": "1-D"}}',
    )
    status, out, _ = check(replace=[WRONG, reason])
    assert status == 0, out
    assert "Expected to fail, and did" in out
    assert "toy.soft_pool: 1-D (" in out


def test_an_expected_failure_that_does_not_happen_is_a_finding(check):
    reason = ('framework="refimpl"', 'framework="refimpl", expected_failures={"single": "one row"}')
    status, out, _ = check(replace=[reason])
    assert status == 1
    assert "nothing fails for 'single' any more: remove it (one row)" in spaces(out)
    assert check("--case", "*/single", replace=[reason])[0] == 0, "only a full run can tell"


def test_an_expected_failure_covers_only_the_symptom_that_it_names(check):
    named = 'framework="refimpl", expected_failures={"*:*:transposed": "by column"}'
    reason = ('framework="refimpl"', named)
    status, out, _ = check(replace=[reason, ("[..., 0], weights", "[..., 0], 2 * weights")])
    assert status == 1
    assert "every element is 2 times as large" in spaces(out)


def test_a_missing_framework_is_a_finding_that_says_what_to_install(check, monkeypatch):
    reason = "PyTorch is not installed: pip install torch"
    monkeypatch.setattr(on_torch, "missing", lambda device: reason)
    status, out, _ = check(replace=[('framework="refimpl"', 'framework="torch"')])
    assert status == 1
    assert reason in out


def test_a_pattern_that_matches_nothing_is_a_usage_error_with_a_suggestion(check):
    status, _, error = check("--case", "toy.soft_pool/singel")
    assert status == 2
    assert "did you mean toy.soft_pool/single" in error


def test_inputs_that_are_written_to_are_found(check):
    written = [("xp = ", "x += 1.0\n    xp = ")]
    status, out, _ = check("--level", "values", replace=written)
    assert status == 1
    assert "the function wrote to its input x" in spaces(out)


@pytest.mark.parametrize(
    "options, words",
    [
        (
            {"framework": "paddle"},
            "expected one of numpy, torch, jax, tensorflow, autograd, cupy, refimpl",
        ),
        ({"framework": "numpy", "checks": ("value",)}, "expected some of values, vjp"),
        ({"framework": "torch", "vjp": print}, "torch differentiates by itself"),
    ],
)
def test_a_wrong_mark_is_refused_with_a_reason(options, words):
    with pytest.raises(ValueError, match=words):
        implements("toy.soft_pool", **options)


def test_a_function_that_ends_the_program_is_a_finding(check):
    ends = [(RETURN, f"raise SystemExit(0)\n    {RETURN}")]
    status, out, _ = check(replace=ends)
    assert status == 1
    assert "raised SystemExit: 0 (target.py:" in out
