"""The settings of Sphinx. `python -m docs` writes the pages that it reads, and runs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import refimpl

project = "refimpl"
author = "The refimpl developers"
version = release = refimpl.__version__
copyright = "the refimpl developers, MIT licence"

extensions = ["myst_parser", "docs.generate.mathml"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_block"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
suppress_warnings: list[str] = []
nitpicky = True

html_theme = "furo"
html_title = f"refimpl {release}"
html_static_path = ["static", "_build/source/generated"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7db8ff", "color-brand-content": "#7db8ff"},
}
pygments_style = "default"
pygments_dark_style = "monokai"
highlight_language = "python"
