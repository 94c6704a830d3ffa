"""The built site, a browser, and the generator in docs/, for tests that skip without them."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def site():
    """The folder of the site that `python -m docs` built."""
    folder = ROOT / "docs" / "_build" / "html"
    if not (folder / "index.html").exists():
        pytest.skip("needs the built site: python -m docs")
    return folder


@pytest.fixture
def generator(monkeypatch):
    """Imports a module of docs/generate; the root of the checkout is on the path meanwhile."""
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    monkeypatch.syspath_prepend(str(ROOT))

    def load(name):
        import importlib

        return importlib.import_module(f"docs.generate.{name}")

    yield load
    for name in [name for name in sys.modules if name == "docs" or name.startswith("docs.")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture(scope="session")
def chromium():
    """Opens an address in headless Chromium: the DOM after scripts have run, and the log."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium")

    def open_page(address, *options, milliseconds=5000):
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
        flags += [f"--virtual-time-budget={milliseconds}", *options, "--dump-dom", address]
        done = subprocess.run(
            [program, *flags], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout, done.stderr

    return open_page


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def served(site, tmp_path_factory):
    """The site behind an address of this machine, next to a folder for pages of the tests."""
    root = tmp_path_factory.mktemp("served")
    os.symlink(site, root / "site")
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()
