"""The built site: complete, linked, and in need of nothing but itself."""

import re
from html import unescape
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from refimpl.spec import all_entries

HREF, SRC = re.compile(r'href="([^"]*)"'), re.compile(r'src="([^"]*)"')
pytestmark = pytest.mark.xdist_group("site")


class Page:
    """What a page refers to, what it loads, and the names that can be linked to."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        tags = re.findall(r"<(\w+)\s([^>]*)>", text)
        self.links = [unescape(to) for tag, rest in tags if tag == "a" for to in HREF.findall(rest)]
        self.loads = [unescape(to) for _, rest in tags for to in SRC.findall(rest)]
        self.loads += [to for tag, rest in tags if tag == "link" and "stylesheet" in rest
                       for to in HREF.findall(rest)]  # fmt: skip
        self.names = set(re.findall(r'\s(?:id|name)="([^"]+)"', text))


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_link_between_pages_leads_somewhere(site, pages):
    wrong = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            to = Path(normpath(path.parent / unquote(parts.path))) if parts.path else path
            if to not in pages and not to.exists():
                wrong.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and to in pages and unquote(parts.fragment) not in pages[to].names:
                wrong.append(f"{path.relative_to(site)}: {link} has no such place")
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for path, page in pages.items():
        for address in page.loads:
            parts = urlsplit(address)
            assert not parts.netloc, (path, address)
            assert parts.scheme == "data" or (path.parent / unquote(parts.path)).exists()
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", text), style


def test_every_method_has_a_page_with_its_parts(site):
    for name in all_entries():
        text = (site / "methods" / f"{name.replace('.', '/')}.html").read_text(encoding="utf-8")
        for part in ("Definition", "Arguments and results", "Derivative", "Promises", "Source",
                     "Published libraries", "Reference", "Check your implementation"):  # fmt: skip
            assert f">{part}<a" in text, (name, part)
        assert not re.search(r">Definition<a.*?</h2>\s*</section>", text), f"{name}: no definition"
        assert f"refimpl check --method {name} " in re.sub(r"<[^>]+>", "", text)


def test_every_method_has_a_figure_unless_the_site_was_built_without(site):
    if not list((site / "_images").glob("*.svg")):
        pytest.skip("needs a site with figures: python -m docs")
    for name in all_entries():
        text = (site / "methods" / f"{name.replace('.', '/')}.html").read_text(encoding="utf-8")
        assert re.search(r"<img[^>]*\.svg", text), name


def test_formulas_are_mathml(site):
    text = (site / "tutorial.html").read_text(encoding="utf-8")
    assert "<math" in text
    assert "MathJax" not in text
