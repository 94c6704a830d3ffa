"""Build the site: python -m docs

    python -m docs                 into docs/_build/html; every warning is an error
    python -m docs --no-plots      the text alone, in a third of the time

Needs `pip install -e '.[docs]'` and no network. Nothing is written outside of docs/_build.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "docs" / "_build"


def main(arguments: list[str] | None = None) -> int:
    """Write the source pages, then run Sphinx on them; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the site.")
    parser.add_argument("--no-plots", action="store_true", help="leave out all figures")
    options = parser.parse_args(arguments)
    try:
        import furo  # noqa: F401
        import matplotlib as mpl  # noqa: F401
        import myst_parser  # noqa: F401
        from sphinx.cmd.build import build_main
    except ImportError as error:
        print(f"{error.name} is missing; install it with: pip install -e '.[docs]'")
        return 2
    from .generate.stage import stage

    begin = time.perf_counter()
    source, html = BUILD / "source", BUILD / "html"
    shutil.rmtree(html, ignore_errors=True)
    pages = stage(ROOT, source, plots=not options.no_plots)
    print(f"{pages} pages written in {time.perf_counter() - begin:.0f} s")
    strict = ["-W", "--keep-going", "-n", "-q", "-E", "-j", "auto"]
    status = build_main(
        [*strict, "-c", str(ROOT / "docs"), "-d", str(BUILD / "doctrees"), str(source), str(html)]
    )
    seconds = time.perf_counter() - begin
    print(f"{'failed' if status else 'built'} in {seconds:.0f} s: {html / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
