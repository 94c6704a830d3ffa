"""The site in headless Chromium: search, narrow windows, and the page with sliders."""

import json
import re

import pytest

pytestmark = pytest.mark.xdist_group("site")

PAGES = (
    "index", "install", "tutorial", "explore", "thesis/index", "thesis/01-relaxing-decisions",
    "thesis/05-logic-gates", "thesis/09-decisions-and-perturbations", "troubleshooting",
    "add-a-method", "frameworks", "conventions", "peers", "testing-your-implementation",
    "methods/index", "methods/sorting/index", "methods/sorting/sorting_network",
    "methods/rendering/render", "methods/training/isaac_linear", "methods/logic/logic_layer",
    "source/refimpl.sorting.networks", "changelog", "search", "experiments", "experiments-logic",
    "benchmarks-training", "rendering", "methods/operations/index",
)  # fmt: skip
MEASURE = """<!DOCTYPE html><body><pre id="widths"></pre><script>
const pages = PAGES, width = WIDTH, found = {};
async function measure() {
  for (const page of pages) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${width}px; height: 800px; border: 0`;
    frame.src = `site/${page}.html`;
    await new Promise((done) => { frame.onload = done; document.body.appendChild(frame); });
    const root = frame.contentDocument.documentElement;
    found[page] = [root.scrollWidth, root.clientWidth];
    frame.remove();
  }
  document.getElementById("widths").textContent = JSON.stringify(found);
}
measure();
</script>"""


def _errors(log):
    return [line for line in log.splitlines() if "CONSOLE" in line and "Uncaught" in line]


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_no_page_scrolls_sideways(chromium, served, width):
    address, folder = served
    text = MEASURE.replace("PAGES", json.dumps(PAGES)).replace("WIDTH", str(width))
    (folder / f"measure{width}.html").write_text(text)
    dom, log = chromium(f"{address}/measure{width}.html", "--window-size=1400,900",
                        milliseconds=60000)  # fmt: skip
    widths = json.loads(re.search(r'<pre id="widths">(.*?)</pre>', dom)[1])
    assert set(widths) == set(PAGES)
    too_wide = {page: size for page, size in widths.items() if size[0] > size[1]}
    assert too_wide == {}
    assert _errors(log) == []


@pytest.mark.parametrize(
    "words, page, server",
    [
        ("steepness", "sorting_network", True),
        ("steepness", "sorting_network", False),
        ("isaac", "isaac", False),
        ("bitonic", "sorting_network", True),
        ("SoftRas", "rendering", True),
        ("NaN", "troubleshooting", True),
    ],
)
def test_the_search_finds_pages(chromium, site, served, words, page, server):
    start = f"{served[0]}/site/search.html" if server else (site / "search.html").as_uri()
    dom, log = chromium(f"{start}?q={words}", milliseconds=20000)
    results = re.search(r'<div id="search-results".*', dom, re.DOTALL)[0]
    assert re.search(rf'<a href="[^"]*{page}[^"]*"', results)
    # A browser reads no other files from a file: only the excerpts below the results are missing.
    assert [line for line in _errors(log) if server or "Failed to fetch" not in line] == []


def test_the_sliders_draw_their_figures(chromium, site):
    dom, log = chromium((site / "explore.html").as_uri())
    assert _errors(log) == []
    drawn = re.findall(r'data-figure="(\w+)" data-drawn="([^"]+)"', dom)
    assert [name for name, _ in drawn] == ["comparison", "swap", "sorting", "rank"]
    assert dom.count('class="curve"') == 6
    assert dom.count('class="cell"') == 25


def test_moving_a_slider_and_choosing_another_method_redraws(chromium, served):
    address, folder = served
    (folder / "moved.html").write_text("""<!DOCTYPE html><body><pre id="seen"></pre><script>
const frame = document.createElement("iframe");
frame.src = "site/explore.html";
frame.onload = () => {
  const seen = [];
  for (const root of frame.contentDocument.querySelectorAll(".explorer")) {
    const select = root.querySelector("select"), slider = root.querySelector("input");
    for (const option of select.options) {
      select.value = option.value;
      select.dispatchEvent(new Event("change"));
      for (const value of [slider.min, slider.max]) {
        slider.value = value;
        slider.dispatchEvent(new Event("input"));
        seen.push(root.dataset.figure + " " + root.dataset.drawn + " " +
          !/NaN|undefined|Infinity/.test(root.querySelector(".panels").innerHTML));
      }
    }
  }
  document.getElementById("seen").textContent = JSON.stringify(seen);
};
document.body.appendChild(frame);
</script>""")
    dom, log = chromium(f"{address}/moved.html")
    assert _errors(log) == []
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', dom)[1])
    assert len(seen) == len(set(seen)) == 2 * (7 + 5 + 6 + 6)
    assert all(row.endswith(" true") for row in seen)
