"""What writes the reference pages: docstrings as Markdown, pages, figures, numbers of sliders."""

import doctest
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from refimpl.spec import Case, Entry, all_entries, find

ROOT = Path(__file__).resolve().parents[2]


def test_docstrings_become_markdown(generator):
    assert doctest.testmod(generator("docstrings"), optionflags=doctest.ELLIPSIS).failed == 0


@pytest.mark.parametrize(
    "text, kind",
    [
        ("x   (..., n), n >= 1\n    and more", "x\n: (..., n), n \\>= 1 and more"),
        ("- one\n  thing\n- two", "- one thing\n- two"),
        (">>> 1\n1", "```python\n>>> 1\n1\n```"),
        ("    y = a * b", "```text\ny = a * b\n```"),
        ("a_b *c* `d_e`", r"a\_b \*c\* `d_e`"),
    ],
)
def test_each_kind_of_paragraph_is_recognised(generator, text, kind):
    assert generator("docstrings").to_markdown(text).strip() == kind


def test_no_text_of_a_docstring_is_lost(generator):
    def words(text):
        return re.findall(r"[A-Za-z0-9]{2,}", text)

    to_markdown = generator("docstrings").to_markdown
    for entry in all_entries().values():
        text = inspect.getdoc(entry.function) or ""
        made = re.sub(r"(?m)^```\w*$", "", to_markdown(text))
        assert words(made) == words(text), entry.name


def test_a_new_method_has_a_page_without_an_edit_elsewhere(generator, tmp_path):
    def double(x, *, factor=2.0):
        """Twice x: y_i = factor x_i.

        x   (..., n)

            y = factor x
        """
        return factor * x

    entry = Entry(
        name="example.double", function=double, source="Nobody 2020, equation 1", inputs=("x",),
        differentiable=("x",), outputs=("y",),
        cases=lambda rng: [Case("only", {"x": rng.normal(size=4)}, {"factor": 3.0})],
    )  # fmt: skip
    methods = generator("methods")
    text = methods.page(entry, ROOT, [], plots=False)
    for part in ("# example.double", "Twice x: y\\_i = factor x\\_i.", "```text\ny = factor x\n```",
                 "| `factor` | parameter | `2.0` | `3.0` |", "Nobody 2020, equation 1",
                 "return factor * x", '@implements("example.double"'):  # fmt: skip
        assert part in text, part
    generator("plots").draw(entry, tmp_path / "double.svg")
    assert "<svg" in (tmp_path / "double.svg").read_text(encoding="utf-8")


def test_figures_are_the_same_in_every_build(generator, tmp_path):
    entry = find("sorting.soft_step")
    for name in ("a", "b"):
        generator("plots").draw(entry, tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_slopes_in_a_figure_are_those_of_its_values(generator):
    plots = generator("plots")
    entry = find("sorting.soft_sort")
    line = plots._line(entry, plots._case(entry))
    chosen = plots._varying(line)
    assert chosen
    values, slopes = plots._value(line, chosen), plots._slope(line, chosen)
    steps = np.diff(line.points)[:, None] * (slopes[1:] + slopes[:-1]) / 2
    assert np.max(np.abs(np.diff(values, axis=0) - steps)) < 0.02 * np.ptp(values)


def test_the_numbers_of_the_sliders_are_finite_and_complete(generator, tmp_path):
    explorer = generator("explorer")
    explorer.write(tmp_path)
    text = (tmp_path / "generated" / "explorer-data.js").read_text(encoding="utf-8")
    data = json.loads(text.removeprefix("window.EXPLORER=").rstrip(";\n"))
    assert not re.search(r"NaN|Infinity", text)
    for figure in data.values():
        for option in figure["options"].values():
            assert len(option["rows"]) == len(option["values"])
    P = np.array(data["sorting"]["options"]["bitonic"]["rows"][-1][1])
    np.testing.assert_allclose(P.sum(axis=0), 1, atol=1e-3)


def test_the_source_of_a_method_includes_what_it_calls_in_its_file(generator):
    source = generator("methods")._source(find("sorting.neural_sort"))
    assert source.startswith("def neural_sort(")
    assert "def _definition(scores" in source
    assert '"""' not in source.partition("def _definition")[0]


def test_names_of_other_methods_are_links_and_those_of_arguments_are_not(generator):
    linked = generator("methods")._linked
    entry = find("sorting.neural_sort")
    assert linked("see `soft_sort`", entry) == "see [`soft_sort`](soft_sort.md)"
    for text in ("`x` and `hard`", "`neural_sort`", "```text\n`soft_sort`\n```"):
        assert linked(text, entry) == text
