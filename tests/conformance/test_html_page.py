"""The HTML report: its matrix, and how a browser lays it out on a phone and on a desk."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from refimpl.conformance.check import check_target
from refimpl.conformance.grouping import group
from refimpl.conformance.html_report import html_report
from refimpl.conformance.outcome import LEVELS, Outcome
from refimpl.conformance.run_report import Report
from refimpl.conformance.selection import Options
from refimpl.conformance.target import Implementation, Target
from refimpl.spec import all_entries

PACKAGES = [f"package{number}" for number in range(10)]
STATUSES = ("pass", "pass", "fail", "expected", "unsupported", "pass")


def _synthetic(name, number):
    """A report about all methods, with every status somewhere."""
    report = Report(name, 0, packages={name: f"1.{number}.0", "numpy": np.__version__})
    for i, entry in enumerate(all_entries()):
        for k in range(3) if (i + number) % 5 else ():
            status = STATUSES[(i * 7 + number + (k == 2)) % len(STATUSES)]
            message = "" if status == "pass" else f"because of {'a long reason ' * 6}"
            level = LEVELS[k]
            report.outcomes.append(
                Outcome(entry, f"case-{k}", "values", level, status, message=message)
            )
    report.groups = group(report.failures)
    return report


def _wrong(toy):
    """A report of a target that is wrong in values and gradients, with heat maps."""

    def pool(x, **params):
        values, weights = toy.function(x, **params)
        return values * 1.5, weights

    claim = Implementation("toy.soft_pool", pool, "refimpl")
    return check_target(Target("a_rather_long_folder/target.py", (claim,)), Options())


@pytest.fixture
def pages(toy):
    """A page of one target, and one of ten packages with findings and all methods."""
    wrong = _wrong(toy)
    ten = [_synthetic(name, number) for number, name in enumerate(PACKAGES)]
    return {"one": html_report(wrong), "ten": html_report([wrong, *ten])}


def _matrix(page):
    """The rows of the matrix by the name of the method, as (class, text) of each cell."""
    table = re.search('<table class="matrix">(.*?)</table>', page, re.DOTALL)[1]
    rows = {}
    for line in re.findall(r"<tr>(.*?)</tr>", table):
        name, *cells = re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", line)
        rows[_text(name[1])] = [(_class(a), _text(text)) for a, text in cells]
    return rows


def _text(markup):
    return html.unescape(re.sub("<[^>]*>", "", markup))


def _class(attributes):
    found = re.search('class="([^"]*)"', attributes)
    return found[1] if found else ""


def test_the_matrix_has_a_row_for_each_method_and_a_column_for_each_package(pages):
    rows = _matrix(pages["ten"])
    head = rows.pop("method")
    titles = [f"{name}1.{number}.0" for number, name in enumerate(PACKAGES)]
    assert [text for _, text in head][1:] == titles
    assert set(rows) == set(all_entries())
    assert {len(cells) for cells in rows.values()} == {11}


def test_a_cell_counts_what_failed_of_what_was_compared():
    report = Report("p", 0)
    for entry, statuses in {
        "a.passes": ["pass", "pass", "unsupported"],
        "a.fails": ["pass", "fail", "expected", "unsupported"],
        "a.deviates": ["expected", "pass"],
        "a.lacks": ["unsupported", "not run"],
    }.items():
        for status in statuses:
            report.outcomes.append(Outcome(entry, "c", "values", LEVELS[0], status, message="why"))
    other = Report("q", 0, outcomes=[Outcome("a.passes", "c", "values", LEVELS[0], "pass")])
    rows = _matrix(html_report([report, other]))
    assert rows["a.passes"] == [("pass", "✓ 2"), ("pass", "✓ 1")]
    assert rows["a.fails"] == [("fail", "✗ 1/3"), ("none", "")]
    assert rows["a.deviates"] == [("known", "~ 1/2"), ("none", "")]
    assert rows["a.lacks"] == [("none", "○"), ("none", "")]


def test_reasons_that_many_methods_share_are_said_once(pages):
    ten = pages["ten"]
    items = re.findall(r"<li>([^<]*because of[^<]*)</li>", ten)
    assert 10 <= len(items) <= 20
    assert all(re.search(r" and \d+ more methods?: because", item) for item in items)


@pytest.mark.parametrize("name", ["one", "ten"])
def test_the_page_loads_nothing_and_runs_nothing(pages, name):
    page = pages[name]
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\son\w+=", page)
    assert not re.search(r"(src|href)=.?(https?:|//)", page)


MEASURE = """<!doctype html><title></title>
<iframe id="phone" width="375" height="800"></iframe>
<iframe id="desk" width="1280" height="900"></iframe>
<script>
const errors = [], found = {};
window.onerror = message => errors.push(message);
const page = PAGE;
function measure(frame) {
  const view = frame.contentWindow, all = [...view.document.querySelectorAll("body *")];
  view.onerror = message => errors.push(message);
  const scrolls = e => e.closest(".scroll, pre");
  const width = view.document.documentElement.clientWidth;
  const broken = all.filter(e => e.matches("a[href^='#']")).filter(a =>
    !view.document.getElementById(decodeURIComponent(a.hash.slice(1))));
  const cells = all.filter(e => e.matches(".matrix td"));
  return {
    wide: view.document.documentElement.scrollWidth > width,
    outside: all.filter(e => !scrolls(e) && e.getBoundingClientRect().right > width + 1).length,
    small: all.filter(e => parseFloat(view.getComputedStyle(e).fontSize) < 10).length,
    loaded: view.performance.getEntriesByType("resource").length,
    broken: broken.length,
    empty: all.filter(e => e.matches("svg") && !e.getBoundingClientRect().width).length,
    cells: cells.length, maps: all.filter(e => e.matches("svg")).length,
    narrow: cells.filter(e => e.getBoundingClientRect().width < 12).length,
  };
}
let left = 2;
for (const frame of document.querySelectorAll("iframe")) {
  frame.onload = () => {
    found[frame.id] = measure(frame);
    if (--left === 0) document.title = JSON.stringify({...found, errors});
  };
  frame.srcdoc = page;
}
</script>"""


def _browser():
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@pytest.mark.skipif(_browser() is None, reason="needs chromium")
@pytest.mark.parametrize("name", ["one", "ten"])
def test_a_browser_shows_the_page_on_a_phone_and_on_a_desk(pages, name, tmp_path):
    """Nothing is wider than the window but what scrolls, nothing is loaded, every link leads on."""
    path = tmp_path / "measured.html"
    text = json.dumps(pages[name]).replace("</", "<\\/")
    path.write_text(MEASURE.replace("PAGE", text), "utf-8")
    command = [_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--virtual-time-budget=10000", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    measured = json.loads(html.unescape(re.search("<title>(.*?)</title>", done.stdout)[1]))
    assert measured.pop("errors") == []
    rows = 1 if name == "one" else len(all_entries())
    for frame in ("phone", "desk"):
        found = measured[frame]
        assert found.pop("maps") >= 3
        assert found.pop("cells") == rows * (1 if name == "one" else 11)
        assert set(found.values()) <= {0}, (frame, found)
