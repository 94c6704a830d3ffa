"""Each planted mistake is described rightly: what, who is right, and a hint that names it."""

import json
import re

import pytest
from printed import spaces

WEIGHTS = "weights = ag.softmax(logits, axis=-1)"


def test_a_right_implementation_passes_every_comparison(check):
    status, out, _ = check()
    assert status == 0
    assert re.search(r"passed: (\d+) comparisons\.$", out.strip())
    assert "FAIL" not in out


def test_a_sign_error_is_found_to_be_a_parameter_of_the_opposite_sign(check):
    status, out, _ = check(replace=[("-steepness *", "steepness *")])
    assert status == 1
    assert "agrees with the reference at steepness=-2.0 (here 2.0: its opposite, a sign)" in spaces(
        out
    )


def test_a_doubled_parameter_is_named(check):
    _, out, _ = check(replace=[("-steepness *", "-2 * steepness *")])
    assert "agrees with the reference at steepness=4.0 (here 2.0: twice it)" in spaces(out)


def test_an_ignored_option_is_named(check):
    _, out, _ = check(replace=[('if distance == "l1" else gap * gap', "")])
    assert "agrees with the reference at distance='l1' (here 'l2')" in spaces(out)


def test_a_wrong_axis_is_found_to_be_a_transposed_output(check):
    _, out, _ = check(replace=[("axis=-1)", "axis=-2)")])
    assert "output weights" in out
    assert "it is transposed" in spaces(out)
    assert "another variant: weights by column (papers' convention)" in spaces(out)


def test_broken_invariants_are_listed_below_the_values_that_they_follow_from(check):
    _, out, _ = check(replace=[("axis=-1)", "axis=-2)")])
    assert re.search(r"follows +rows sum to one: a row of the weights sums to", out)


def test_a_broken_invariant_alone_is_a_finding_with_the_promise(check):
    _, out, _ = check("--level", "invariants", replace=[("axis=-1)", "axis=-2)")])
    assert re.search(r"what +rows sum to one: a row of the weights sums to", out)
    assert "promise   the weights of a row are a distribution" in out


def test_a_detached_input_has_a_zero_gradient_and_right_values(check):
    detached = [
        ("xp = ag.array_namespace(x)", "x = ag.stop_gradient(x)\n    xp = ag.array_namespace(x)")
    ]
    _, out, _ = check(replace=detached)
    assert "output values" not in out
    assert "gradient with respect to x" in out
    assert "all zero: the input is detached" in spaces(out)
    assert "look for detach(), stop_gradient" in spaces(out)


def test_a_detached_intermediate_is_told_from_wrong_values_by_differences(check):
    _, out, _ = check(
        replace=[(WEIGHTS, "weights = ag.stop_gradient(ag.softmax(logits, axis=-1))")]
    )
    text = spaces(out)
    assert "the reference is right, yours is not" in text
    assert "your values are right, and the derivative is not theirs" in text
    assert "Look for a detached intermediate" in text
    assert text.count("FAIL ") == 1, "tangents and second derivatives follow from the gradient"
    assert "follows second derivative with respect to x" in text


def test_the_output_that_a_gradient_is_wrong_through_is_named(check):
    detached = [("[..., 0], weights", "[..., 0], ag.stop_gradient(weights)")]
    _, out, _ = check(replace=detached)
    assert "path      wrong through weights; right through values" in out


def test_a_gradient_that_is_wrong_besides_the_values_is_a_finding_of_its_own(check):
    both = [
        ("[..., 0], weights", "[..., 0], 2 * weights"),
        ("weights @ x", "ag.stop_gradient(weights) @ x"),
    ]
    _, out, _ = check(replace=both)
    assert "every element is 2 times as large" in out
    assert "so your derivative is not that of your values" in spaces(out)


def test_a_factor_in_the_gradient_is_named_after_the_parameter(check):
    scaled = TEXT_WITH_BACKWARD.replace("FACTOR", "steepness")
    _, out, _ = check("--case", "toy.soft_pool/l2-n4-steepness0.5", text=scaled)
    assert "every element is 0.5 times as large: steepness" in spaces(out)


def test_a_sign_flip_of_the_gradient_is_named(check):
    _, out, _ = check(text=TEXT_WITH_BACKWARD.replace("FACTOR", "(-1.0)"))
    assert "every element has the opposite sign" in out


TEXT_WITH_BACKWARD = """
from refimpl import autograd as ag
from refimpl.conformance import implements

def plain(x, steepness, distance):
    xp = ag.array_namespace(x)
    gap = x[..., :, None] - x[..., None, :]
    logits = -steepness * (xp.abs(gap) if distance == "l1" else gap * gap)
    weights = ag.softmax(logits, axis=-1)
    return (weights @ x[..., None])[..., 0], weights

@implements("toy.soft_pool", framework="refimpl")
def pool(x, *, steepness, distance):
    f = ag.custom_vjp(lambda x: plain(x, steepness, distance))
    f.defvjp(
        lambda x: (plain(x, steepness, distance), x),
        lambda x, g: (FACTOR * pull(x, g, steepness, distance),),
    )
    return f(x)

def pull(x, g, steepness, distance):
    return ag.vjp(lambda y: plain(y, steepness, distance), x)[1](g)[0]
"""


def test_values_computed_in_float32_are_told_from_wrong_ones(check):
    import_numpy = ("from refimpl.conf", "import numpy as np\nfrom refimpl.conf")
    rounded = (WEIGHTS, WEIGHTS + "\n    weights = weights + (np.float32(1e-7) if x.ndim else 0.0)")
    _, out, _ = check(replace=[import_numpy, rounded])
    assert "right to single precision only: perhaps something is computed in float32" in spaces(out)


def test_another_choice_at_a_kink_passes_and_one_outside_of_it_fails(check):
    one = ("xp.abs(gap)", "xp.where(gap >= 0, gap, -gap)")
    status, out, _ = check("--case", "toy.soft_pool/ties", replace=[one])
    assert status == 0, out
    three = ("xp.abs(gap)", "xp.where(gap > 0, gap, xp.where(gap < 0, -gap, 9 * gap))")
    status, out, _ = check("--case", "toy.soft_pool/ties", replace=[three])
    assert status == 1
    text = spaces(out)
    assert "the point is a kink: any derivative in [" in text
    assert "is admissible; yours is outside, the reference's is inside" in text
    assert "elements [0] and [1] are both 1" in text
    assert "|x_i - x_j| at ties: derivative 0" in text
    assert "flag ties: Equal values in the input" in text
    assert "flag own: A flag of this entry alone." in text


def test_the_worst_element_is_given_with_its_index_and_errors_on_three_scales(check):
    wrong = [("[..., 0], weights", "[..., 0] + ag.constant([0.0, 0.0, 1e-3], like=x), weights")]
    _, out, _ = check("--case", "toy.soft_pool/single", replace=wrong)
    pattern = (
        r"1 of 3 exceeds the tolerance; worst at \[2\]: \S+ instead of \S+ \(absolute 0\.001, "
    )
    assert re.search(pattern + r"scaled \S+, \S+ ULP", spaces(out))


def test_each_finding_ends_with_a_command_that_repeats_it(check, tmp_path):
    _, out, _ = check(replace=[("axis=-1)", "axis=-2)")])
    commands = re.findall(r"replay +refimpl check (\S+) --case (\S+)", out)
    assert commands
    for path, case in commands:
        assert path == str(tmp_path / "target.py")
        status, again, _ = check("--case", case, replace=[("axis=-1)", "axis=-2)")])
        assert status == 1
        assert "1 method, 1 case," in again


def test_the_seed_is_part_of_the_command(check):
    _, out, _ = check("--seed", "3", replace=[("axis=-1)", "axis=-2)")])
    assert "--seed 3" in out


def test_the_json_report_holds_every_comparison_and_its_numbers(check, tmp_path):
    file = tmp_path / "report.json"
    check("--json", str(file), replace=[("axis=-1)", "axis=-2)")])
    report = json.loads(file.read_text())
    assert report["passed"] is False
    failed = [o for o in report["outcomes"] if o["status"] == "fail"]
    counts = {level: c.get("fail", 0) for level, c in report["levels"].items()}
    assert sum(counts.values()) == len(failed)
    assert all("replay" in outcome for outcome in failed)
    weights = next(o for o in failed if o["subject"] == "output weights")
    assert weights["numbers"]["exceeding"] > 0
    assert weights["numbers"]["index"]


def test_json_goes_to_standard_output_alone_on_request(check):
    _, out, _ = check("--json", "-")
    assert json.loads(out)["passed"] is True


@pytest.mark.parametrize("level", ["values", "vjp", "jvp", "second_order", "edge", "dtypes"])
def test_a_level_can_be_checked_alone(check, level):
    _, out, _ = check("--level", level)
    rows = [line for line in out.splitlines() if re.match(r"\S.* +\d+ +-$", line)]
    assert len(rows) == 2, "the level and the total"


def test_max_cases_thins_out_the_cases(check):
    _, out, _ = check("--max-cases", "3")
    assert "1 method, 3 cases" in out


def test_fail_fast_stops_at_the_first_finding(check):
    _, out, _ = check("--fail-fast", replace=[("axis=-1)", "axis=-2)")])
    assert "1 comparison of" in out


def test_a_finding_of_its_own_is_shown_at_a_case_where_nothing_else_explains_it(check):
    doubled = [
        ("[..., 0], weights", "[..., 0], 2 * weights"),
        ('framework="refimpl"', 'framework="refimpl", expected_failures={"[sb]*:values": "why"}'),
    ]
    _, out, _ = check("--level", "values,edge,invariants", replace=doubled)
    first, *others = re.findall(r"FAIL (\d)/(\d)  pool: toy.soft_pool/(\S+)\n  what +(\S+)", out)
    assert first[2:] == ("l2-n3-steepness2.0", "output")
    assert ("single", "rows") in [found[2:] for found in others]
    follows = r"follows rows sum to one: a row of the weights sums to 2 \(\d+ comp"
    assert re.search(follows, spaces(out))
