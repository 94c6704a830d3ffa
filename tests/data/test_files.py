"""Files of data sets: what happens when a download is cut off, or a package has the file."""

import gzip
import hashlib
import http.client
import os

import pytest

from refimpl.data import files

CONTENT = b"1 2 3\n"
URL = "https://example.org/numbers.txt"


def source(**options):
    return files.Source("numbers.txt", hashlib.sha256(CONTENT).hexdigest(), [URL], **options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("REFIMPL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REFIMPL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def answers(monkeypatch):
    """answers(read): what the address answers when it is read."""

    class Response:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def set_up(read):
        Response.read = lambda self: read()
        monkeypatch.setattr(files.urllib.request, "urlopen", lambda url, timeout: Response())

    return set_up


def stops(error):
    def stop(*_):
        raise error

    return stop


@pytest.mark.parametrize(
    "read", [stops(http.client.IncompleteRead(b"1 2")), lambda: CONTENT[:3], stops(TimeoutError())]
)
def test_a_download_that_is_cut_off_is_an_error_that_says_what_to_do(read, folder, answers):
    answers(read)
    with pytest.raises(FileNotFoundError, match=r"REFIMPL_DATA .not set.*cannot be downloaded"):
        files.read("set", source())
    assert not (folder / "cache").exists()
    answers(lambda: CONTENT)
    assert files.read("set", source()) == CONTENT


def test_an_interrupted_write_leaves_nothing_behind(folder, answers, monkeypatch):
    answers(lambda: CONTENT)
    monkeypatch.setattr(os, "replace", stops(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        files.read("set", source())
    assert list((folder / "cache" / "set").iterdir()) == []


def test_an_installed_package_that_has_the_file_is_enough(folder, answers):
    answers(stops(OSError("offline")))
    place = folder / "node_modules" / "numbers" / "data"
    with pytest.raises(FileNotFoundError, match="npm install numbers"):
        files.read("set", source(package="numbers/data"))
    place.mkdir(parents=True)
    (place / "numbers.txt.gz").write_bytes(gzip.compress(CONTENT))
    assert files.is_local("set", source(package="numbers/data"))
    assert files.read("set", source(package="numbers/data")) == CONTENT
    assert not (folder / "cache").exists()
